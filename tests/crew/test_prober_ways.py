"""The prober holds sessions and writes beside new connections, and watches itself: none of it at the cost of these."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from statistics import median

import pytest

from bot.adapters.clock import SteadyClock
from bot.crew.observer import Observer
from bot.domain.attempts import Attempt, Outcome
from bot.domain.keeping import Fate
from bot.domain.measurement import measure_ways
from bot.domain.recording import by_lane
from bot.domain.timeline import CannotUse, LookedAway, SessionsKept
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade
from bot.domain.ways import Lane, Use, Way
from tests.crew.house import SECOND, US, Store, proposal
from tests.crew.probing import (
    AUTH,
    OK,
    REFUSED,
    WRITER,
    Script,
    eventually,
    order,
    probing,
    says,
    told,
)

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures", "tests.crew.prober_fixtures"]
pytestmark = pytest.mark.usefixtures("often")


@dataclass
class Held:
    """Plays a held session: `pid` serves it, or nobody; it hangs while `pid` is None, and may break."""

    lane: Lane
    sessions: int
    pid: str | None = "4711"
    gone: bool = False
    refusal: str = ""
    is_broken: bool = False
    is_closed: bool = False

    async def use(self, deadline: timedelta) -> Use:
        if self.is_broken:
            raise RuntimeError("a mistake of ours")
        start = datetime.now(UTC)
        if self.gone or self.refusal:
            outcome, state = (Outcome.RESET, "57P01") if self.gone else (AUTH, self.refusal)
            self.gone, number = False, self.sessions + self.gone
            self.sessions = number
            tried = Attempt(start=start, end=start, outcome=outcome, sqlstate=state, detail="no")
            return Use(lane=self.lane, attempt=tried, session=number)
        if self.pid is None:
            await asyncio.sleep(deadline.total_seconds())
            return Use(lane=self.lane, attempt=Attempt(start=start, end=datetime.now(UTC), outcome=Outcome.TIMEOUT))
        tried = Attempt(start=start, end=datetime.now(UTC), outcome=OK, version=self.pid)
        return Use(lane=self.lane, attempt=tried, session=self.sessions + 1)

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class Hold:
    held: list[Held] = field(default_factory=list)

    def using(self, endpoint: Endpoint, lane: Lane, sessions: int) -> Held:
        assert lane.endpoint == endpoint.key
        self.held.append(Held(lane, sessions))
        return self.held[-1]


async def sessions_stored(store: Store, upgrade: Upgrade) -> dict[str, set[int]]:
    _, uses = await store.uses(upgrade.id, WRITER)
    return {lane.name: {each.session for each in found} for lane, found in by_lane(uses).items()}


async def test_sessions_are_held_beside_and_whoever_takes_over_holds_others(
    store: Store, upgrade: Upgrade, script: Script
) -> None:
    one, other = Hold(), Hold()
    for hold in (one, other):
        async with probing(store, upgrade, script, ways=hold, held=2):
            await script.more(10)
            await says(store, upgrade, "reached")
        assert all(each.is_closed for each in hold.held)
    stored = await sessions_stored(store, upgrade)
    assert stored == {"connect": {0}, "held-1": {1, 2}, "held-2": {1, 2}}


async def test_what_goes_wrong_with_a_held_session_disturbs_nothing(
    store: Store, upgrade: Upgrade, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    hold = Hold()
    async with probing(store, upgrade, script, ways=hold, held=3):
        await script.more(5)
        hold.held[0].is_broken, hold.held[1].pid = True, None
        await script.more(30)
        assert hold.held[0].is_closed
        assert not hold.held[2].is_closed
    gaps = [later - earlier for earlier, later in pairwise(script.begun)]
    assert median(gaps) == pytest.approx(0.05, abs=0.02)
    assert "held-1 is measured no longer" in caplog.text


async def test_what_an_outage_came_to_for_held_sessions_is_told_once_all_have_answered(
    store: Store, upgrade: Upgrade, script: Script
) -> None:
    hold = Hold()
    async with probing(store, upgrade, script, ways=hold, held=2, deadline=0.2):
        await says(store, upgrade, "reached")
        await order(store, upgrade)
        await script.more(10)
        script.outcome, hold.held[0].pid, hold.held[1].gone = REFUSED, None, True
        await script.more(10)
        script.outcome = OK
        await says(store, upgrade, "reached", "went_down", "came_back")
        await script.more(20)
        assert "sessions_kept" not in await store.kinds(upgrade.id)
        hold.held[0].pid = "4711"

        async def is_told() -> bool:
            return "sessions_kept" in await store.kinds(upgrade.id)

        await eventually(is_told)
    async with probing(store, upgrade, script, holder="another"):
        await script.more(10)
    (kept,) = (each for each in await store.entries(upgrade.id) if isinstance(each, SessionsKept))
    assert [(each.lane, each.fate, each.sqlstate) for each in kept.sessions] == [
        (1, Fate.SURVIVED, ""),
        (2, Fate.DROPPED, "57P01"),
    ]


async def test_a_way_that_cannot_work_is_told_once_and_given_up(store: Store, script: Script) -> None:
    made, entries = proposal(datetime.now(UTC))
    upgrade = await store.create(
        made.model_copy(update={"rule": made.rule.model_copy(update={"writes": True})}), entries
    )

    async def is_told() -> bool:
        return "cannot_use" in await store.kinds(upgrade.id)

    for _ in range(2):
        hold = Hold()
        async with probing(store, upgrade, script, ways=hold):
            (write,) = hold.held or await first_of(hold)
            write.refusal = "42P01"
            await eventually(is_told)
            await eventually(partial(is_closed, write))
            await script.more(10)
    (cannot,) = (each for each in await store.entries(upgrade.id) if isinstance(each, CannotUse))
    assert (cannot.way, cannot.use, cannot.outcome) == (Way.WRITE, "writer", AUTH)
    assert await told(store, upgrade) == ["reached"]


async def is_closed(held: Held) -> bool:
    return held.is_closed


async def is_so(fact: bool) -> bool:
    return fact


async def first_of(hold: Hold) -> list[Held]:
    await eventually(lambda: is_so(bool(hold.held)))
    return hold.held


@dataclass
class Door:
    """Plays the loopback: it answers at once, while it is open."""

    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def attempt(self, due: datetime, deadline: timedelta) -> Attempt:
        async with asyncio.timeout(deadline.total_seconds()):
            await self.is_open.wait()
        return Attempt(start=due, end=max(due, datetime.now(UTC)), outcome=OK)


async def test_while_this_process_stood_still_it_was_no_witness(store: Store, upgrade: Upgrade, script: Script) -> None:
    door = Door()
    door.is_open.set()
    async with probing(store, upgrade, script, observer=Observer(door, SteadyClock(), 60 * SECOND), deadline=0.3):
        await says(store, upgrade, "reached")
        await order(store, upgrade)
        await script.more(5)
        door.is_open.clear()
        shut, script.outcome = datetime.now(UTC), None
        await script.more(10)
        script.outcome = OK

        async def is_long() -> bool:
            return datetime.now(UTC) - shut > SECOND

        async def is_told() -> bool:
            return sorted(await told(store, upgrade)) == ["cannot_measure", "looked_away", "reached", "reached"]

        await eventually(is_long)
        assert await told(store, upgrade) == ["reached"], "nobody knows yet whose fault it is"
        door.is_open.set()
        await eventually(is_told)
    measured = measure_ways(US, "writer", (US,), (await store.uses(upgrade.id, WRITER))[1])
    (away,) = (each for each in await store.entries(upgrade.id) if isinstance(each, LookedAway))
    assert measured.unobserved == (away.stretch,)
    assert away.stretch.lasting >= 0.9 * SECOND
    assert measured.outages == ()
    assert measured.unknown > 0
    assert not [task for task in asyncio.all_tasks() if "Observer" in repr(task.get_coro())]


async def test_who_joins_amid_a_standstill_says_nothing_of_the_time_before() -> None:
    door, early, late = Door(), list[Use](), list[Use]()
    observer = Observer(door, SteadyClock(), 60 * SECOND)

    async def are_given() -> bool:
        return bool(early and late)

    async with observer.watching(lambda: 20.0, early.append):
        await asyncio.sleep(0.6)
        joined = datetime.now(UTC)
        async with observer.watching(lambda: 20.0, late.append):
            door.is_open.set()
            await eventually(are_given)
    assert early[0].attempt.start < joined - 0.5 * SECOND
    assert late[0].attempt.start >= joined - 0.001 * SECOND
    assert late[0].attempt.end == early[0].attempt.end


async def test_nothing_is_lost_when_the_door_of_this_process_breaks(
    store: Store, upgrade: Upgrade, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Door):
        async def attempt(self, due: datetime, deadline: timedelta) -> Attempt:
            raise RuntimeError(f"a mistake of ours, {due} and {deadline}")

    async with probing(store, upgrade, script, observer=Observer(Broken(), SteadyClock(), SECOND)):
        await says(store, upgrade, "reached")
        script.outcome = REFUSED
        await says(store, upgrade, "reached", "went_down")
    assert "does not watch itself any more" in caplog.text
