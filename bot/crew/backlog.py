"""What has ended and is not stored yet: written down in pieces, and kept beside the store while that takes nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice, takewhile

from bot.domain.attempts import Attempt
from bot.domain.ids import UpgradeId
from bot.domain.ways import Use, Way
from bot.ports.clock import Clock
from bot.ports.probing import Leftover, Spill
from bot.ports.upgrades import Claim, Upgrades

SPILL_AFTER = timedelta(seconds=1)  # so long the store may take before attempts are kept beside it
SPILL_EVERY = timedelta(seconds=0.5)
MEMORY = 100_000  # attempts kept while Redis is away, in all ways: half an hour of them, hot, and hours when it is calm
BATCH = 1000  # attempts written down in one piece


class NoSpill:
    """Where nothing can be kept."""

    def keep(
        self, upgrade: UpgradeId, endpoint: str, vantage: str, attempts: Sequence[Attempt], others: Sequence[Use] = ()
    ) -> None: ...

    def drop(self, upgrade: UpgradeId, endpoint: str) -> None: ...

    def release(self, upgrade: UpgradeId, endpoint: str) -> None: ...

    def left_behind(self) -> Iterator[Leftover]:
        return iter(())


@dataclass
class Backlog:
    """Of one endpoint (`Endpoint.key`), from one vantage point."""

    upgrades: Upgrades
    spill: Spill
    clock: Clock
    upgrade: UpgradeId
    endpoint: str
    vantage: str
    claim: Claim
    ended: deque[Use] = field(default_factory=lambda: deque(maxlen=MEMORY))
    spilled: Use | None = None  # the latest one

    def add(self, use: Use) -> None:
        self.ended.append(use)

    async def store(self, take: Callable[[Use], None]) -> None:
        """All that has ended by now; `take` is given each that is stored."""
        left = len(self.ended)
        while batch := tuple(islice(self.ended, min(left, BATCH))):
            await self.upgrades.add_attempts(self.upgrade, self.endpoint, self.vantage, *by_way(batch), self.claim)
            left -= len(batch)
            for each in batch:
                if self.ended and self.ended[0] is each:  # else it was pushed out while Redis was slow
                    self.ended.popleft()
                take(each)

    async def keep_spill(self) -> None:
        """A task of its own, since the store may hang; in a thread, since the disk may."""
        while True:
            await asyncio.sleep(SPILL_EVERY.total_seconds())
            waits = bool(self.ended) and self.ended[0].attempt.end < self.clock.now() - SPILL_AFTER
            if waits:
                await asyncio.to_thread(self._spill, self._not_spilled())
            elif self.spilled:
                self.spilled = None
                await asyncio.to_thread(self.spill.drop, self.upgrade, self.endpoint)

    def hand_over(self) -> None:
        """What the store has not taken is left for whoever measures here next."""
        if self.ended:
            self._spill(self._not_spilled())
            self.spill.release(self.upgrade, self.endpoint)
        elif self.spilled:
            self.spill.drop(self.upgrade, self.endpoint)

    def _spill(self, uses: Sequence[Use]) -> None:
        self.spill.keep(self.upgrade, self.endpoint, self.vantage, *by_way(uses))

    def _not_spilled(self) -> list[Use]:
        fresh = list(takewhile(lambda each: each is not self.spilled, reversed(self.ended)))[::-1]
        self.spilled = self.ended[-1]
        return fresh


def by_way(uses: Iterable[Use]) -> tuple[list[Attempt], list[Use]]:
    """New connections, and all others."""
    attempts, others = list[Attempt](), list[Use]()
    for each in uses:
        if each.lane.way is Way.CONNECT:
            attempts.append(each.attempt)
        else:
            others.append(each)
    return attempts, others
