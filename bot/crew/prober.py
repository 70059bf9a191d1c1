"""The prober tries endpoints at a fixed rate, whatever the tries before are doing, and writes down what came of each."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta

from bot.crew.backlog import BATCH, NoSpill
from bot.crew.forecaster import Forecaster
from bot.crew.measuring import Measuring
from bot.crew.observer import Observer
from bot.domain.cadence import Cadence
from bot.domain.errors import Unavailable
from bot.domain.ids import UpgradeId
from bot.ports.clock import Clock
from bot.ports.probing import Leftover, Probe, Spill, Ways
from bot.ports.upgrades import Claim, Upgrades

log = logging.getLogger(__name__)

RECOVER_EVERY = timedelta(seconds=30)


@dataclass(frozen=True)
class Prober:
    """`clock` is the one by which `probe` stamps its attempts: what is settled is judged by their starts."""

    probe: Probe
    upgrades: Upgrades
    clock: Clock
    cadence: Cadence
    spill: Spill = field(default_factory=NoSpill)
    forecaster: Forecaster | None = None
    ways: Ways | None = None
    held: int = 0  # sessions to hold at the writer; elsewhere one, if any
    observer: Observer | None = None

    async def recover_for_ever(self) -> None:
        """What is left behind here may be of endpoints that are measured elsewhere by now."""
        while True:
            await self.recover()
            await asyncio.sleep(RECOVER_EVERY.total_seconds())

    async def recover(self, upgrade: UpgradeId | None = None, endpoint: str = "") -> None:
        """Store what dead probers of this machine could not, of one endpoint or of all. Twice does no harm.

        Of all, one that cannot be stored holds up no other.
        """
        left_behind = self.spill.left_behind()
        while left := await asyncio.to_thread(next, left_behind, None):
            if upgrade in (None, left.upgrade) and endpoint in ("", left.endpoint):
                try:
                    await self._recover(left)
                except Unavailable as trouble:
                    if upgrade is not None:
                        raise
                    log.warning("%s: what was left behind is stored later: %s", left.endpoint, trouble)

    async def _recover(self, left: Leftover) -> None:
        upgrade = await self.upgrades.get(left.upgrade)
        if upgrade is None and not left.is_old:
            return
        if upgrade and not upgrade.status.is_final:
            for begin in range(0, max(len(left.attempts), len(left.others)), BATCH):
                attempts, others = left.attempts[begin : begin + BATCH], left.others[begin : begin + BATCH]
                await self.upgrades.add_attempts(left.upgrade, left.endpoint, left.vantage, attempts, others)
            log.info("%s: %d attempts of a prober that died are stored", left.endpoint, len(left.attempts))
        left.throw_away()

    async def run(self, upgrade: UpgradeId, endpoint: str, vantage: str, holder: str) -> None:
        """Measure until the upgrade is over, the endpoint is gone or another holder has taken over.

        That is a start too: what is stored is read first.
        """
        read = await self.upgrades.get(upgrade)
        place = next((each for each in read.plan.endpoints if each.key == endpoint), None) if read else None
        if read is None or place is None or read.status.is_final:
            return
        await self.recover(upgrade, endpoint)
        measuring = Measuring(self, read, place, vantage, Claim(endpoint, holder))
        await measuring.take_over()
        async with measuring.observed():
            await measuring.keep()
