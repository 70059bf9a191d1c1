"""Asking, before an order, what the sessions of its writer are doing; the answer is the forecaster's, in the timeline."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from bot.domain import moves
from bot.domain.errors import Unavailable
from bot.domain.timeline import Entry, Forecast, Reached
from bot.domain.topology import Role
from bot.domain.upgrade import Upgrade
from bot.ports.clock import Clock
from bot.ports.upgrades import Upgrades

log = logging.getLogger(__name__)

FORETOLD_WITHIN = timedelta(seconds=5)  # as long an order waits for a forecast, and goes on without
FORECAST_IS_OLD = timedelta(minutes=1)
FORETOLD_AGAIN = timedelta(seconds=0.2)


async def foretold(upgrades: Upgrades, upgrade: Upgrade, clock: Clock) -> Upgrade:
    """With a forecast of this moment, if whoever measures the writer gives one soon. It never holds the order back."""
    now, asked = clock.now(), upgrade.forecast_asked_at
    if asked and abs(now - asked) < FORECAST_IS_OLD:
        return upgrade
    if not await _has_told(upgrades, upgrade, lambda entry: _is_witness(entry, upgrade)):
        return upgrade  # nobody is there to be asked
    asking = await upgrades.save(moves.ask_forecast(upgrade, now), ())
    loop = asyncio.get_running_loop()
    until = loop.time() + FORETOLD_WITHIN.total_seconds()
    while not await _has_told(upgrades, asking, lambda entry: _answers(entry, asking)):
        if loop.time() > until:
            log.info("%s: no forecast came within %s", upgrade.id, FORETOLD_WITHIN)
            break
        await asyncio.sleep(FORETOLD_AGAIN.total_seconds())
    return asking


async def _has_told(upgrades: Upgrades, upgrade: Upgrade, what: Callable[[Entry], bool]) -> bool:
    """False when nobody knows."""
    try:
        told = await upgrades.timeline(upgrade.id, readable_only=True)
    except Unavailable:
        return False
    return any(what(each.entry) for each in told)


def _is_witness(entry: Entry, upgrade: Upgrade) -> bool:
    """Written by whoever measures the writer."""
    writers = {step.region for step in upgrade.plan.steps if step.role is Role.WRITER}
    match entry:
        case Reached(region=region, use="writer") | Forecast(region=region):
            return region in writers
        case _:
            return False


def _answers(entry: Entry, asking: Upgrade) -> bool:
    return isinstance(entry, Forecast) and entry.asked_at == asking.forecast_wanted
