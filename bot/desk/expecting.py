"""What a proposal is told to expect, from the past upgrades that are still on record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from bot.domain.errors import Unavailable
from bot.domain.expectation import Expectation, Past, expect
from bot.domain.ids import UpgradeId
from bot.domain.status import Status
from bot.domain.timeline import Finished
from bot.ports.upgrades import Upgrades

LOOK_BACK: Final = 100  # upgrades
WITHIN: Final = 1.0  # seconds; a proposal does not wait longer for what is only good to know


async def expected(upgrades: Upgrades) -> Expectation:
    """From those that succeeded, of whatever cluster, newest first; what cannot be read is left out."""
    return expect([each async for each in _past(upgrades)])


async def _past(upgrades: Upgrades) -> AsyncIterator[Past]:
    loop = asyncio.get_running_loop()
    until = loop.time() + WITHIN
    with suppress(Unavailable):
        for each in await upgrades.latest(LOOK_BACK):
            if loop.time() > until:
                return
            if each.status is Status.SUCCEEDED and each.intent_at and each.finished_at:
                ending = await _ending(upgrades, each.id)
                yield each.finished_at - each.intent_at, ending.measured if ending else ()


async def _ending(upgrades: Upgrades, id: UpgradeId) -> Finished | None:
    with suppress(Unavailable):
        ending = await upgrades.last(id)
        return ending if isinstance(ending, Finished) else None
    return None
