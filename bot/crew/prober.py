"""The prober tries one endpoint at a fixed rate, whatever the tries before it are doing, and writes down what came of each."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import assert_never

from bot.crew.forecaster import Forecaster
from bot.domain import outage
from bot.domain.addresses import Addresses
from bot.domain.attempts import AT_ONCE, Attempt
from bot.domain.errors import Conflict, Unavailable
from bot.domain.ids import UpgradeId
from bot.domain.ledger import CameBack, CanMeasure, CannotMeasure, Happening, Ledger, LookedAway, State, WentDown
from bot.domain.limits import surpassed
from bot.domain.phases import Sample
from bot.domain.timeline import CameBack as BackEntry
from bot.domain.timeline import CannotMeasure as CannotEntry
from bot.domain.timeline import Entry, Reached
from bot.domain.timeline import LookedAway as AwayEntry
from bot.domain.timeline import WentDown as DownEntry
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade
from bot.ports import Claim, Clock, Leftover, Probe, Spill, Upgrades

log = logging.getLogger(__name__)

FLUSH = timedelta(seconds=0.5)
SPILL_AFTER = timedelta(seconds=1)  # so long the store may take before attempts are kept beside it
RECOVER_EVERY = timedelta(seconds=30)
MEMORY = 50_000  # attempts kept while Redis is away: hours of them
BATCH = 1000  # attempts written down in one piece
RECENT = timedelta(minutes=5)  # of a calm time before the order, what is kept
LONG_AGO = datetime.min.replace(tzinfo=UTC)
LAST_WORDS = timedelta(seconds=1)  # for what a prober that is stopped has not written down yet


@dataclass(frozen=True)
class Cadence:
    """Attempts a second before the order and from it on, and the deadline of each."""

    calm: float = 2.0
    hot: float = 4.0
    deadline: timedelta = timedelta(seconds=5)

    def rate(self, upgrade: Upgrade) -> float:
        return self.calm if upgrade.status.is_before_order else self.hot


class NoSpill:
    """Where nothing can be kept."""

    def keep(self, upgrade: UpgradeId, endpoint: str, vantage: str, attempts: Sequence[Attempt]) -> None: ...

    def drop(self, upgrade: UpgradeId, endpoint: str) -> None: ...

    def release(self, upgrade: UpgradeId, endpoint: str) -> None: ...

    def left_behind(self) -> Iterator[Leftover]:
        return iter(())


@dataclass(frozen=True)
class Prober:
    """`clock` is the one by which `probe` stamps its attempts: what is settled is judged by their starts."""

    probe: Probe
    upgrades: Upgrades
    clock: Clock
    cadence: Cadence
    spill: Spill = field(default_factory=NoSpill)
    forecaster: Forecaster | None = None

    async def recover_for_ever(self) -> None:
        """What is left behind here may be of endpoints that are measured elsewhere by now."""
        while True:
            try:
                await self.recover()
            except Unavailable as trouble:
                log.warning("What was left behind is stored later: %s", trouble)
            await asyncio.sleep(RECOVER_EVERY.total_seconds())

    async def recover(self, upgrade: UpgradeId | None = None, endpoint: str = "") -> None:
        """Store what dead probers of this machine could not, of one endpoint or of all. Twice does no harm."""
        left_behind = self.spill.left_behind()
        while left := await asyncio.to_thread(next, left_behind, None):
            if upgrade in (None, left.upgrade) and endpoint in ("", left.endpoint):
                await self._recover(left)

    async def _recover(self, left: Leftover) -> None:
        upgrade = await self.upgrades.get(left.upgrade)
        if upgrade is None and not left.is_old:
            return
        if upgrade and not upgrade.status.is_final:
            for begin in range(0, len(left.attempts), BATCH):
                batch = left.attempts[begin : begin + BATCH]
                await self.upgrades.add_attempts(left.upgrade, left.endpoint, left.vantage, batch)
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
        watch = _Watch(self, read, place, vantage, Claim(endpoint, holder))
        await watch.take_over()
        await watch.keep()


@dataclass
class _Watch:
    """One endpoint of one upgrade, from one vantage point."""

    prober: Prober
    upgrade: Upgrade
    endpoint: Endpoint
    vantage: str
    claim: Claim
    is_taken: bool = False
    calm_since: datetime = LONG_AGO
    answered_at: datetime = LONG_AGO
    ledger: Ledger = field(default_factory=Ledger)
    sample: Sample = field(default_factory=Sample)
    addresses: Addresses = field(default_factory=Addresses)
    ended: deque[Attempt] = field(default_factory=lambda: deque(maxlen=MEMORY))
    happened: deque[tuple[str, Entry]] = field(default_factory=deque)
    has_begun: bool = False
    surpassed: set[str] = field(default_factory=set)  # the limits of which it is told
    flying: dict[asyncio.Task[None], datetime] = field(default_factory=dict)
    spilled: Attempt | None = None  # the latest one

    async def take_over(self) -> None:
        self.calm_since = self.prober.clock.now()
        _, stored = await self.prober.upgrades.attempts(self.upgrade.id, self.endpoint.key)
        for number, attempt in enumerate(stored):  # by their starts, so all that began before it are known
            self._take(attempt, settled=attempt.start)
            if number % BATCH == 0:
                await asyncio.sleep(0)  # other endpoints are measured meanwhile
        self._happen(self.ledger.settle(self.prober.clock.now()))

    async def keep(self) -> None:
        """Python 3.11 loses a cancellation that meets a Redis command just sent (`wait_for`), so it is asked for too."""
        schedule, here = asyncio.create_task(self._keep_rate()), asyncio.current_task()
        spilling, foretelling = asyncio.create_task(self._keep_spill()), asyncio.create_task(self._foretell())
        try:
            while not (self._is_over() or self.is_taken) and not (here and here.cancelling()):
                await asyncio.wait({schedule}, timeout=FLUSH.total_seconds())
                if schedule.done():
                    schedule.result()
                await self._write_down()
        finally:
            await _stop(schedule, spilling, foretelling, *self.flying)
            await self._leave()

    def _is_over(self) -> bool:
        """A plan that was made again may have no such endpoint any more, or another address for it."""
        return self.upgrade.status.is_final or self.endpoint not in self.upgrade.plan.endpoints

    async def _leave(self) -> None:
        """Whoever takes over reads what is stored, so what has ended is stored first, if that is quickly done."""
        try:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(LAST_WORDS.total_seconds()):
                    await self._store_attempts()
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        """What the store has not taken is left for whoever measures here next."""
        spill, name = self.prober.spill, (self.upgrade.id, self.endpoint.key)
        if self.ended:
            spill.keep(*name, self.vantage, self._not_spilled())
            spill.release(*name)
        elif self.spilled:
            spill.drop(*name)

    async def _foretell(self) -> None:
        """Beside the measuring, which must not wait for it, nor end with it."""
        if self.prober.forecaster:
            await self.prober.forecaster.serve(lambda: self.upgrade, self.endpoint, self.vantage, self.claim)

    async def _keep_spill(self) -> None:
        """A task of its own, since the store may hang; in a thread, since the disk may."""
        spill, name = self.prober.spill, (self.upgrade.id, self.endpoint.key)
        while True:
            await asyncio.sleep(FLUSH.total_seconds())
            waits = bool(self.ended) and self.ended[0].end < self.prober.clock.now() - SPILL_AFTER
            if waits:
                await asyncio.to_thread(spill.keep, *name, self.vantage, self._not_spilled())
            elif self.spilled:
                self.spilled = None
                await asyncio.to_thread(spill.drop, *name)

    def _not_spilled(self) -> list[Attempt]:
        fresh = list(takewhile(lambda each: each is not self.spilled, reversed(self.ended)))[::-1]
        self.spilled = self.ended[-1]
        return fresh

    async def _keep_rate(self) -> None:
        """Launch on time, without waiting for anything. Whoever is late skips, and does not catch up in a burst.

        Nor is one launched beside too many that hang: what is missed so long is a stretch that nobody watched.
        """
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if len(self.flying) < AT_ONCE:
                self._launch()
            due = max(due + 1 / self.prober.cadence.rate(self.upgrade), loop.time())
            await asyncio.sleep(due - loop.time())

    def _launch(self) -> None:
        task = asyncio.create_task(self._attempt())
        self.flying[task] = self.prober.clock.now()
        task.add_done_callback(lambda done: self.flying.pop(done, None))

    async def _attempt(self) -> None:
        self.ended.append(self.sample.of(await self.prober.probe.attempt(self.endpoint, self.prober.cadence.deadline)))

    async def _write_down(self) -> None:
        """Store attempts first and what they prove after, so that whoever takes over proves the same."""
        try:
            await self._store_attempts()
            await self._tell()
            self.upgrade = await self.prober.upgrades.get(self.upgrade.id) or self.upgrade
            await self._forget()
        except Conflict as taken:
            log.info("%s", taken)
            self.is_taken = True
        except Unavailable as trouble:
            log.warning("%s: attempts wait for the store: %s", self.endpoint.key, trouble)

    async def _store_attempts(self) -> None:
        """All that has ended by now. Nothing is settled before every attempt that could speak of it is stored."""
        settled, left = min((self.prober.clock.now(), *self.flying.values())), len(self.ended)
        while batch := tuple(islice(self.ended, min(left, BATCH))):
            await self.prober.upgrades.add_attempts(self.upgrade.id, self.endpoint.key, self.vantage, batch)
            left -= len(batch)
            for each in batch:
                if self.ended and self.ended[0] is each:  # else it was pushed out while Redis was slow
                    self.ended.popleft()
                self._take(each, settled=LONG_AGO)
        self._happen(self.ledger.settle(settled))
        self._surpass()

    def _surpass(self) -> None:
        """Each limit once; whoever takes over finds it told."""
        if self.upgrade.intent_at is None:
            return
        for entry in surpassed(self.upgrade, self.endpoint, self.ledger.outages):
            if entry.kind not in self.surpassed:
                self.surpassed.add(entry.kind)
                self.happened.append((entry.kind, entry))

    def _take(self, attempt: Attempt, settled: datetime) -> None:
        if attempt.outcome.proves_up:
            self.answered_at = max(self.answered_at, attempt.start)
        self._happen(self.ledger.add(attempt, settled=settled))
        self.happened.extend(self.addresses.moves(self.endpoint, self.vantage, attempt, self.upgrade.intent_at))

    def _happen(self, happenings: Sequence[Happening]) -> None:
        self.happened.extend(map(self._entry, happenings))
        if happenings:
            self.calm_since = self.prober.clock.now()

    async def _forget(self) -> None:
        """Before the order an outage that is over is no cost, so a proposal that waits for days keeps what is recent.

        The last success stays, for an outage may have begun after it; and what is kept begins in a calm, so that whoever
        takes over finds no half of an outage.
        """
        now, state = self.prober.clock.now(), self.ledger.standing.state
        if self.upgrade.status.is_before_order and state is not State.DOWN and now - self.calm_since > 2 * RECENT:
            recently = self.answered_at if state is State.UP else now
            await self.prober.upgrades.forget_attempts(self.upgrade, self.endpoint.key, now - recently + RECENT)
            self.calm_since = now - RECENT

    async def _tell(self) -> None:
        """Conflict once another has taken over: it tells the same, but from the attempts that it found stored."""
        while self.happened:
            key, entry = self.happened[0]
            await self.prober.upgrades.append_once(self.upgrade.id, f"{self.endpoint.key}:{key}", entry, self.claim)
            self.happened.popleft()

    def _entry(self, happening: Happening) -> tuple[str, Entry]:
        where = {"region": self.endpoint.region, "use": self.endpoint.use}
        match happening:
            case CanMeasure(attempt=attempt):
                entry: Entry = Reached(at=attempt.start, vantage=self.vantage, version=attempt.version, **where)
                return f"reached:{self._mark(attempt)}", entry
            case CannotMeasure(attempt=attempt):
                entry = CannotEntry(
                    at=attempt.start, vantage=self.vantage, outcome=attempt.outcome, detail=attempt.detail, **where
                )
                return f"cannot:{self._mark(attempt)}", entry
            case WentDown(attempt=attempt):
                return f"down:{attempt.start.isoformat()}", DownEntry(
                    at=attempt.start, outcome=attempt.outcome, **where
                )
            case CameBack(outage=over):
                return f"back:{over.first_failure_at.isoformat()}", BackEntry(at=_back_at(over), outage=over, **where)
            case LookedAway(stretch=stretch):
                return f"away:{stretch.since.isoformat()}", AwayEntry(
                    at=stretch.until, vantage=self.vantage, stretch=stretch, **where
                )
            case _:
                assert_never(happening)

    def _mark(self, attempt: Attempt) -> str:
        """What is said of the first attempt of all has a key that stays the same when the attempt is forgotten."""
        is_first, self.has_begun = not self.has_begun, True
        return "first" if is_first else attempt.start.isoformat()


def _back_at(over: outage.Outage) -> datetime:
    return over.ended_by or over.last_failure_at


async def _stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
