"""Watching endpoints: every way of using each on a schedule of its own, none waiting for another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from bot.adapters.anew import Anew
from bot.adapters.beat import CREATE, TABLE, WRITE
from bot.adapters.held import HeldSession
from bot.adapters.logs import Discretion
from bot.adapters.loopback import listening
from bot.adapters.postgres import Postgres
from bot.domain.attempts import AT_ONCE, Outcome, to_ms_before
from bot.domain.cadence import offset
from bot.domain.errors import Refused
from bot.domain.ledger import Happening, Ledger
from bot.domain.unobserved import BLINK
from bot.domain.watched import STEPS
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.measure.dsn import Endpoint
from bot.messages.measured import happened, why
from bot.messages.remedies import remedy
from bot.pace import Pace, stop

PLAIN: Final = b"SHOW server_version"
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
NO_TABLE: Final = "42P01"
NO_AURORA: Final = "42883"


Trying = Callable[[datetime], Awaitable[Use]]  # given when it was due


@dataclass(frozen=True)
class Wish:
    """`rate`: attempts a second in each lane. `lasting`: how long, or until it is stopped."""

    lasting: timedelta
    rate: float = 10
    held: int = 3
    write: bool = False
    deadline: timedelta = timedelta(seconds=5)


@dataclass(frozen=True)
class Watch:
    """`say` prints a line, `record` writes an attempt down; `uses` are all of them."""

    endpoints: Sequence[Endpoint]
    wish: Wish
    say: Callable[[str], None]
    record: Callable[[Use], None]
    postgres: Postgres = field(default_factory=Postgres)
    uses: list[Use] = field(default_factory=list)

    @cached_property
    def discreet(self) -> Discretion:
        return Discretion([str(each.target.password) for each in self.endpoints])

    async def run(self, until: asyncio.Event) -> None:
        """Until that, or as long as wished. Refused, before anything is measured, for an endpoint that cannot be entered."""
        async with AsyncExitStack() as stack:
            courses = [course async for course in self._courses(stack)]
            async with asyncio.TaskGroup() as group:
                for number, course in enumerate(courses):
                    group.create_task(course.keep(until, offset(number, len(courses), self.wish.rate)))
                telling = group.create_task(_tell_what_is_settled(courses, 1 / self.wish.rate))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.wish.lasting.total_seconds()):
                        await until.wait()
                until.set()
                telling.cancel()

    async def _courses(self, stack: AsyncExitStack) -> AsyncIterator["_Course"]:
        """All are tried before the first one is watched."""
        entered = [(each, await self._entered(each)) for each in self.endpoints]
        ourselves = await stack.enter_async_context(listening(self.postgres.clock))
        for endpoint, postgres in entered:
            async for course in self._of_endpoint(endpoint, postgres, stack):
                yield course

        async def control(due: datetime) -> Use:
            return Use(lane=CONTROL, attempt=await ourselves.attempt(due, self.wish.deadline))

        yield _Course(self, CONTROL, control)

    async def _of_endpoint(
        self, endpoint: Endpoint, postgres: Postgres, stack: AsyncExitStack
    ) -> AsyncIterator["_Course"]:
        connect = Lane(endpoint=endpoint.name, way=Way.CONNECT)
        yield self._course(Anew(postgres, endpoint.target, connect))
        for lane in beside(endpoint.name, self.wish):
            session = HeldSession(postgres, endpoint.target, lane)
            stack.push_async_callback(session.close)
            yield self._course(session, at_once=1)

    def _course(self, using: Anew | HeldSession, at_once: int = AT_ONCE) -> "_Course":
        async def use(_: datetime) -> Use:
            return await using.use(self.wish.deadline)

        return _Course(self, using.lane, use, at_once)

    async def _entered(self, endpoint: Endpoint) -> Postgres:
        """How this endpoint is asked: for Aurora's version, and where there is none for PostgreSQL's."""
        postgres = self.postgres
        tried = await postgres.attempt(endpoint.target, self.wish.deadline)
        if tried.sqlstate == NO_AURORA or not (tried.outcome.proves_up or tried.outcome.proves_nothing):
            postgres = replace(postgres, query=PLAIN)
        if tried.sqlstate == NO_AURORA:
            tried = await postgres.attempt(endpoint.target, self.wish.deadline)
        if tried.outcome.proves_nothing:
            raise Refused(
                f"{endpoint.name} cannot be entered: {why(tried)}. Please {remedy(tried.outcome, tried.detail)}."
            )
        if not tried.outcome.proves_up:
            self.say(
                f"{endpoint.name} is not up as the watch begins: {why(tried)}. It is measured from its first answer on."
            )
        elif self.wish.write:
            await self._can_write(endpoint, postgres)
        return postgres

    async def _can_write(self, endpoint: Endpoint, postgres: Postgres) -> None:
        tried = await replace(postgres, query=WRITE).attempt(endpoint.target, self.wish.deadline)
        if tried.sqlstate == NO_TABLE:
            raise Refused(f"{endpoint.name} has no table to write to. Create it, or leave out --write: {CREATE};")
        if tried.outcome is Outcome.READ_ONLY:
            raise Refused(f"{endpoint.name} takes no writes: --write is for a writer only.")
        if tried.outcome.proves_nothing:
            raise Refused(
                f"{endpoint.name} lets this role not write: {why(tried)}. GRANT INSERT, UPDATE, SELECT ON {TABLE}."
            )

    def take(self, use: Use) -> Use:
        """Write it down, without what is secret."""
        if detail := use.attempt.detail:
            attempt = use.attempt.model_copy(update={"detail": self.discreet(detail)})
            use = use.model_copy(update={"attempt": attempt})
        self.uses.append(use)
        self.record(use)
        return use


def beside(endpoint: str, wish: Wish) -> Iterator[Lane]:
    """The lanes of sessions that are kept open."""
    for number in range(1, wish.held + 1):
        yield Lane(endpoint=endpoint, way=Way.HELD, number=number)
    if wish.write:
        yield Lane(endpoint=endpoint, way=Way.WRITE)


class _Course:
    """One lane: keeps its pace, and tells what is proven as soon as it is."""

    def __init__(self, watch: Watch, lane: Lane, trying: Trying, at_once: int = AT_ONCE) -> None:
        self._watch = watch
        self._lane = lane
        self._try = trying
        self._ledger = Ledger(max(BLINK, STEPS * timedelta(seconds=1 / watch.wish.rate)))
        self._settled = LONG_AGO
        self._pace = Pace(self._attempt, lambda: watch.wish.rate, watch.postgres.clock.now, at_once)

    async def keep(self, until: asyncio.Event, offset: float) -> None:
        if until.is_set():
            return
        keeping, ending = asyncio.create_task(self._pace.keep(offset)), asyncio.create_task(_wait(until))
        try:
            await asyncio.wait({keeping, ending}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
            await stop(keeping)
            await self._land()
        finally:
            await stop(keeping, ending, *self._pace.flying)
        self.settle()

    async def _attempt(self, due: datetime) -> None:
        tried = self._watch.take(await self._try(due)).attempt
        if tried.start < self._settled:
            tried = tried.model_copy(update={"start": min(self._settled, tried.end)})
        self._tell(self._ledger.add(tried, settled=LONG_AGO))

    async def _land(self) -> None:
        """What has begun has its deadline, and one more for a name that does not resolve."""
        if self._pace.flying:
            await asyncio.wait(self._pace.flying, timeout=2 * self._watch.wish.deadline.total_seconds() + 1)

    def settle(self) -> None:
        """A session may answer yet what was asked before; to what is told already that is as good as news."""
        self._settled = max(self._settled, to_ms_before(self._pace.settled))
        self._tell(self._ledger.settle(self._settled))

    def _tell(self, happenings: Sequence[Happening]) -> None:
        if self._lane != CONTROL:
            for each in happenings:
                self._watch.say(happened(self._lane, each))


async def _tell_what_is_settled(courses: Sequence[_Course], every: float) -> None:
    """A lane tells by itself what an attempt proves; that none came in time is seen here."""
    while True:
        await asyncio.sleep(every)
        for each in courses:
            each.settle()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
