"""How long this process stood still: told while somebody minds it, and not made up."""

import asyncio
import time

import pytest

from bot.adapters.pulse import BEAT, Pulse


async def test_what_holds_the_loop_up_is_missed_though_no_beat_came_yet() -> None:
    pulse = Pulse()
    with pulse.minded():
        before = pulse.missed
        time.sleep(0.4)  # noqa: ASYNC251 - that is what it is about
        assert pulse.missed - before >= 0.4 - BEAT


async def test_several_short_ones_add_up() -> None:
    pulse = Pulse()
    with pulse.minded():
        for _ in range(4):
            time.sleep(0.2)  # noqa: ASYNC251 - that is what it is about
            await asyncio.sleep(0.01)
        assert pulse.missed >= 4 * (0.2 - BEAT)


async def test_nothing_is_missed_between_two_who_minded() -> None:
    pulse = Pulse()
    with pulse.minded():
        pass
    time.sleep(0.4)  # noqa: ASYNC251 - that is what it is about
    await asyncio.sleep(0)
    with pulse.minded():
        assert pulse.missed < 0.3


async def test_it_goes_on_until_the_last_one_minds_no_more() -> None:
    pulse = Pulse()
    with pulse.minded():
        with pulse.minded():
            await asyncio.sleep(2 * BEAT)
        before = pulse.missed
        time.sleep(0.3)  # noqa: ASYNC251 - that is what it is about
        await asyncio.sleep(0.01)
        assert pulse.missed - before == pytest.approx(0.3, abs=0.1)
