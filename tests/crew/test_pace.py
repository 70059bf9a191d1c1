"""Tries are launched on a schedule, and whoever was late goes on in its place."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.cadence import offset
from bot.pace import Pace, stop

STEP = 0.2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("stood_still", [0.0, 2.7 * STEP])
async def test_lanes_keep_their_places_in_a_step_though_all_are_late_once(stood_still: float) -> None:
    loop = asyncio.get_running_loop()
    dues: tuple[list[float], list[float]] = ([], [])

    def pace(due_at: list[float]) -> Pace:
        async def attempt(due: datetime) -> None:
            due_at.append((due - EPOCH).total_seconds())

        return Pace(attempt, lambda: 1 / STEP, lambda: EPOCH + timedelta(seconds=loop.time()))

    began = loop.time()
    tasks = [
        asyncio.create_task(pace(each).keep(offset(number, len(dues), 1 / STEP))) for number, each in enumerate(dues)
    ]
    await asyncio.sleep(2 * STEP)
    time.sleep(stood_still)  # noqa: ASYNC251 - nobody gets on
    await asyncio.sleep(3.5 * STEP)
    await stop(*tasks)
    for number, its in enumerate(dues):
        assert len(its) >= 4
        off = [(due - began - number * STEP / 2 + STEP / 2) % STEP - STEP / 2 for due in its]
        assert off == pytest.approx([0.0] * len(its), abs=STEP / 5)
