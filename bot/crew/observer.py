"""Whoever measures measures itself: while this process stood still it was no witness, whatever its attempts came to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt, Outcome
from bot.domain.observer import is_slow, standstills
from bot.domain.ways import CONTROL, Use
from bot.pace import Pace, stop
from bot.ports.clock import Clock
from bot.ports.probing import Knock

log = logging.getLogger(__name__)

AT_ONCE = 10


@dataclass(eq=False)
class _Party:
    """One measuring that wants to know: how often it tries, where its standstills go, and since when: before that others looked."""

    rate: Callable[[], float]
    add: Callable[[Use], None]
    since: datetime


@dataclass
class Observer:
    """One of a process, for all that it measures: it knocks as often as the hottest of these is tried."""

    knock: Knock
    clock: Clock
    deadline: timedelta
    _parties: list[_Party] = field(default_factory=list)
    _slow: list[Attempt] = field(default_factory=list)
    _pace: Pace | None = None
    _keeping: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self, rate: Callable[[], float], add: Callable[[Use], None]) -> AsyncIterator[None]:
        """Meanwhile `add` is given each standstill, once it is over."""
        party = _Party(rate, add, self.clock.now())
        self._parties.append(party)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._parties.remove(party)
            if not self._parties:
                keeping, self._keeping = self._keeping, None
                await stop(keeping)

    @property
    def settled(self) -> datetime:
        """Every standstill that began before has been given."""
        if self._pace is None:
            return self.clock.now()
        return min((self._pace.settled, *(each.start for each in self._slow)))

    async def _keep(self) -> None:
        """Without it there is less to know, and nothing else to lose."""
        pace = self._pace = Pace(self._attempt, self._rate, self.clock.now, AT_ONCE)
        try:
            await pace.keep()
        except Exception:
            log.exception("This process does not watch itself any more")
        finally:
            await stop(*pace.flying)
            if self._pace is pace:  # else somebody watches again already
                self._pace, self._slow = None, []

    def _rate(self) -> float:
        return max((each.rate() for each in self._parties), default=1.0)

    async def _attempt(self, due: datetime) -> None:
        tried = await self.knock.attempt(due, self.deadline)
        if is_slow(tried):
            self._slow.append(tried)
        self._give()

    def _give(self) -> None:
        """Those that nothing under way can make longer, each as one attempt that proves nothing."""
        here, pace = asyncio.current_task(), self._pace
        under_way = [due for task, due in pace.flying.items() if task is not here] if pace else []
        for stretch in standstills(self._slow):
            if any(due <= stretch.until for due in under_way):
                return
            self._slow = [each for each in self._slow if each.start > stretch.until]
            for party in self._parties:
                since = max(stretch.since, party.since)
                if since < stretch.until:
                    stood_still = Attempt(start=since, end=stretch.until, outcome=Outcome.OURS, detail="stood still")
                    party.add(Use(lane=CONTROL, attempt=stood_still))
