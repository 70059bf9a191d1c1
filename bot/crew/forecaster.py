"""The forecaster looks at the sessions of a writer whenever that is asked for before the order, and writes down what it saw.

It works beside whoever measures the writer, since only there the database can be reached. It holds nothing back: who asked
waits for a moment only, and what comes too late is told all the same or, once the order is given, not at all.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.errors import Conflict, Unavailable
from bot.domain.preflight import Unread
from bot.domain.timeline import Forecast
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade
from bot.domain.zero_downtime import Looked, blind, outlook
from bot.ports.clock import Clock
from bot.ports.probing import Foresight
from bot.ports.upgrades import Claim, Upgrades

log = logging.getLogger(__name__)

WITHIN = timedelta(seconds=3)  # for one look
LOOK_EVERY = timedelta(seconds=0.2)  # whether another one is asked for
TRIES = 3  # until it is said that nothing could be looked at
AGAIN = timedelta(seconds=1)


@dataclass(frozen=True)
class Forecaster:
    foresight: Foresight
    upgrades: Upgrades
    clock: Clock

    async def serve(self, current: Callable[[], Upgrade], endpoint: Endpoint, vantage: str, claim: Claim) -> None:
        """Until the order, or until somebody else has taken over. Ends with a line in the log, whatever goes wrong."""
        try:
            await self._serve(current, endpoint, vantage, claim)
        except Conflict as taken:
            log.info("%s", taken)
        except Exception:
            log.exception("%s: there are no forecasts from here any more", endpoint.key)

    async def _serve(self, current: Callable[[], Upgrade], endpoint: Endpoint, vantage: str, claim: Claim) -> None:
        """Python 3.11 loses a cancellation that meets a Redis command just sent (`wait_for`), so it is asked for too."""
        answered, here = None, asyncio.current_task()
        while (upgrade := current()).status.is_before_order and not (here and here.cancelling()):
            wanted = upgrade.forecast_wanted
            if (
                wanted != answered
                and _is_writer(endpoint, upgrade)
                and await self._answer(current, endpoint, vantage, claim)
            ):
                answered = wanted
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def _answer(self, current: Callable[[], Upgrade], endpoint: Endpoint, vantage: str, claim: Claim) -> bool:
        """One forecast; False when it has to be tried again because the store did not take it."""
        upgrade, at = current(), self.clock.now()
        looked = await self._look(upgrade, endpoint)
        if not current().status.is_before_order:
            return True
        entry = Forecast(
            at=at,
            region=endpoint.region,
            vantage=vantage,
            asked_at=upgrade.forecast_wanted,
            outlook=blind(looked.why) if isinstance(looked, Unread) else outlook(looked),
        )
        try:
            await self.upgrades.append_once(upgrade.id, f"forecast:{entry.asked_at.isoformat()}", entry, claim)
        except Unavailable as trouble:
            log.warning("%s: its forecast waits for the store: %s", upgrade.id, trouble)
            await asyncio.sleep(AGAIN.total_seconds())
            return False
        return True

    async def _look(self, upgrade: Upgrade, endpoint: Endpoint) -> Looked | Unread:
        for _ in range(TRIES - 1):
            looked = await self.foresight.look(endpoint, upgrade.plan.from_version, WITHIN)
            if isinstance(looked, Looked):
                return looked
            await asyncio.sleep(AGAIN.total_seconds())
        return await self.foresight.look(endpoint, upgrade.plan.from_version, WITHIN)


def _is_writer(endpoint: Endpoint, upgrade: Upgrade) -> bool:
    return endpoint.use == "writer" and endpoint in upgrade.plan.endpoints
