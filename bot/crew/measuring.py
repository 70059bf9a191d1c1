"""One endpoint of one upgrade is measured: tries on time, all written down, and what they prove told once."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.crew.backlog import BATCH, Backlog
from bot.crew.lanes import Aside
from bot.crew.restarts import Restarts
from bot.crew.telling import Telling
from bot.domain.addresses import Addresses
from bot.domain.attempts import AT_ONCE, RESOLUTION, Attempt, Outcome
from bot.domain.cadence import Signs, is_done, offset
from bot.domain.errors import Conflict, Unavailable
from bot.domain.ledger import Happening, Ledger, State
from bot.domain.limits import surpassed
from bot.domain.phases import Sample
from bot.domain.timeline import Entry
from bot.domain.topology import Endpoint
from bot.domain.unobserved import Unobserved
from bot.domain.upgrade import Upgrade
from bot.domain.ways import CONTROL, Lane, Use, Way, beside
from bot.pace import Pace, stop
from bot.ports.upgrades import Claim

if TYPE_CHECKING:
    from bot.crew.prober import Prober

log = logging.getLogger(__name__)

FLUSH = timedelta(seconds=0.5)
SHORTLY = 0.01  # seconds
RECENT = timedelta(minutes=5)  # of a calm time before the order, what is kept
LONG_AGO = datetime.min.replace(tzinfo=UTC)
LAST_WORDS = timedelta(seconds=1)  # for what a prober that is stopped has not written down yet


@dataclass
class Measuring:
    """From one vantage point."""

    prober: "Prober"
    upgrade: Upgrade
    endpoint: Endpoint
    vantage: str
    claim: Claim
    is_taken: bool = False
    calm_since: datetime = LONG_AGO
    answered_at: datetime = LONG_AGO
    done_at: datetime | None = None  # since when RDS shows so of its member
    ill_at: datetime | None = None
    ledger: Ledger = field(default_factory=Ledger)
    happened: deque[tuple[str, Entry]] = field(default_factory=deque)
    sample: Sample = field(default_factory=Sample)
    addresses: Addresses = field(default_factory=Addresses)
    restarts: Restarts = field(default_factory=Restarts)
    unheard: list[Attempt] = field(default_factory=list)  # time-outs, which may yet be found to be our own fault
    fell: Attempt | None = None  # the first failure, while all before it is told
    falling: asyncio.Event = field(default_factory=asyncio.Event)
    surpassed: set[str] = field(default_factory=set)  # the limits of which it is told

    def __post_init__(self) -> None:
        prober = self.prober
        self.lane = Lane(endpoint=self.endpoint.key, way=Way.CONNECT)
        self.telling = Telling(self.endpoint, self.vantage)
        self.backlog = Backlog(
            prober.upgrades, prober.spill, prober.clock, self.upgrade.id, self.endpoint.key, self.vantage, self.claim
        )
        self.pace = Pace(self._attempt, self._rate, prober.clock.now, AT_ONCE)

    async def take_over(self) -> None:
        self.calm_since = self.prober.clock.now()
        _, stored = await self.prober.upgrades.uses(self.upgrade.id, self.endpoint.key)
        in_order = sorted(stored, key=lambda use: use.lane != CONTROL)  # first when nobody looked
        for number, use in enumerate(in_order):  # by their starts, so all that began before it are known
            self._take(use, settled=use.attempt.start)
            if number % BATCH == 0:
                await asyncio.sleep(0)  # other endpoints are measured meanwhile
        self._happen(self.ledger.settle(self.prober.clock.now()))

    def observed(self) -> AbstractAsyncContextManager[None]:
        """While it is kept, this process watches itself."""
        observer = self.prober.observer
        return observer.watching(self._rate, self.backlog.add) if observer else nullcontext()

    async def keep(self) -> None:
        """Python 3.11 loses a cancellation that meets a Redis command just sent (`wait_for`), so it is asked for too."""
        schedule, here = asyncio.create_task(self.pace.keep()), asyncio.current_task()
        schedule.add_done_callback(lambda _: self.falling.set())
        tasks = [
            asyncio.create_task(each)
            for each in (self.backlog.keep_spill(), self._foretell(), *(each.keep() for each in self._asides()))
        ]
        try:
            while not (self._is_over() or self.is_taken) and not (here and here.cancelling()):
                await self._until_flush()
                if schedule.done():
                    schedule.result()
                await self._write_down()
        finally:
            await stop(schedule, *tasks, *self.pace.flying)
            await self._leave()

    async def _until_flush(self) -> None:
        """Sooner when an endpoint fell that was up, as soon as that can be judged; what follows it can wait."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH.total_seconds()):
                await self.falling.wait()
                while self.fell and not self._can_judge(self.fell):  # noqa: ASYNC110 - time alone brings it about
                    await asyncio.sleep(SHORTLY)
        self.falling.clear()

    def _can_judge(self, failure: Attempt) -> bool:
        return self.pace.settled - failure.start > RESOLUTION and self._observed() > failure.end

    def _asides(self) -> Iterator[Aside]:
        prober, ways = self.prober, self.prober.ways
        if ways is None:
            return
        lanes = beside(self.endpoint, prober.held, writes=self.upgrade.rule.writes)
        for number, lane in enumerate(lanes, 1):
            using = ways.using(self.endpoint, lane, self.restarts.sessions.get(lane, 0))
            rate = self._calm_rate if lane.way is Way.ROW else self._rate
            yield Aside(
                lane, using, rate, prober.clock, prober.cadence.deadline, self.backlog.add, self._give_up,
                offset(number, 1 + len(lanes), prober.cadence.hot),
            )  # fmt: skip

    def _give_up(self, lane: Lane, attempt: Attempt) -> None:
        log.warning("%s: %s cannot be measured: %s", self.endpoint.key, lane.name, attempt.detail)
        self.happened.append(self.telling.cannot_use(lane, attempt))

    @property
    def signs(self) -> Signs:
        return Signs(self.upgrade.intent_at, self.done_at, self.ill_at)

    def _rate(self) -> float:
        return self.prober.cadence.rate(self.signs, self.prober.clock.now())

    def _calm_rate(self) -> float:
        return self.prober.cadence.calm

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
            self.backlog.hand_over()

    async def _foretell(self) -> None:
        """Beside the measuring, which must not wait for it, nor end with it."""
        if self.prober.forecaster:
            await self.prober.forecaster.serve(lambda: self.upgrade, self.endpoint, self.vantage, self.claim)

    async def _attempt(self, _: datetime) -> None:
        tried = await self.prober.probe.attempt(self.endpoint, self.prober.cadence.deadline)
        if not tried.outcome.proves_up:
            self.ill_at = max(self.ill_at or tried.start, tried.start)
        self._notice(tried)
        self.backlog.add(Use(lane=self.lane, attempt=self.sample.of(tried)))

    def _notice(self, tried: Attempt) -> None:
        if self.ledger.standing.state is not State.UP:
            return
        if tried.outcome.proves_up:
            self.fell = None
        elif tried.outcome.proves_down and self.fell is None:
            self.fell = tried
            self.falling.set()

    async def _write_down(self) -> None:
        """Store attempts first and what they prove after, so that whoever takes over proves the same."""
        try:
            await self._store_attempts()
            await self._tell()
            self._read(await self.prober.upgrades.get(self.upgrade.id) or self.upgrade)
            await self._forget()
        except Conflict as taken:
            log.info("%s", taken)
            self.is_taken = True
        except Unavailable as trouble:
            log.warning("%s: attempts wait for the store: %s", self.endpoint.key, trouble)

    def _read(self, upgrade: Upgrade) -> None:
        self.upgrade = upgrade
        done = is_done(upgrade, self.endpoint.region)
        self.done_at = (self.done_at or self.prober.clock.now()) if done else None

    async def _store_attempts(self) -> None:
        """Nothing is settled before every attempt that could speak of it is stored."""
        own, observed = self.pace.settled, self._observed()
        await self.backlog.store(lambda each: self._take(each, settled=LONG_AGO))
        self.unheard = [each for each in self.unheard if each.end >= observed]
        self._happen(self.ledger.settle(min((own, observed, *(each.start for each in self.unheard)))))
        self._surpass()
        if self.upgrade.intent_at:
            self.happened.extend(map(self.telling.kept, self.restarts.over(self.upgrade.intent_at)))

    def _observed(self) -> datetime:
        """Until when it is known that this process did not stand still, or when it did."""
        return self.prober.observer.settled if self.prober.observer else self.prober.clock.now()

    def _surpass(self) -> None:
        """Each limit once; whoever takes over finds it told."""
        if self.upgrade.intent_at is None:
            return
        for entry in surpassed(self.upgrade, self.endpoint, self.ledger.outages):
            if entry.kind not in self.surpassed:
                self.surpassed.add(entry.kind)
                self.happened.append((entry.kind, entry))

    def _take(self, use: Use, settled: datetime) -> None:
        attempt = use.attempt
        if use.lane == CONTROL:
            stretch = Unobserved(since=attempt.start, until=attempt.end)
            self.ledger.stand_still(stretch)
            self.restarts.stand_still(stretch)
        elif use.lane == self.lane:
            self._take_connection(attempt, settled)
        else:
            self.restarts.take(use)

    def _take_connection(self, attempt: Attempt, settled: datetime) -> None:
        if attempt.outcome is Outcome.TIMEOUT:
            self.unheard.append(attempt)
        if attempt.outcome.proves_up:
            self.answered_at = max(self.answered_at, attempt.start)
        self._happen(self.ledger.add(attempt, settled=settled))
        self.happened.extend(self.addresses.moves(self.endpoint, self.vantage, attempt, self.upgrade.intent_at))

    def _happen(self, happenings: Sequence[Happening]) -> None:
        self.happened.extend(map(self.telling.entry, happenings))
        self.restarts.come_back(happenings)
        if happenings:
            self.calm_since = self.prober.clock.now()

    async def _forget(self) -> None:
        """Before the order an outage that is over is no cost, so a proposal that waits for days keeps what is recent.

        The last success stays, for an outage may have begun after it; and what is kept begins in a calm, so that whoever
        takes over finds no half of an outage.
        """
        now, state = self.prober.clock.now(), self.ledger.standing.state
        is_calm = state not in (State.DOWN, State.SILENT)
        if self.upgrade.status.is_before_order and is_calm and now - self.calm_since > 2 * RECENT:
            recently = self.answered_at if state is State.UP else now
            await self.prober.upgrades.forget_attempts(self.upgrade, self.endpoint.key, now - recently + RECENT)
            self.calm_since = now - RECENT

    async def _tell(self) -> None:
        """Conflict once another has taken over: it tells the same, but from the attempts that it found stored."""
        while self.happened:
            key, entry = self.happened[0]
            await self.prober.upgrades.append_once(self.upgrade.id, f"{self.endpoint.key}:{key}", entry, self.claim)
            self.happened.popleft()
