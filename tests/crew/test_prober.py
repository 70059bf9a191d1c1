"""The prober: on time whatever its attempts and its store are doing, and nothing said twice by those who take over.

Most attempts here are scripted: what is tested is when they are made and what becomes of them. How an attempt is made is
tested elsewhere, but for one test here that goes over the real wire.
"""

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bot.adapters.clock import SteadyClock
from bot.adapters.postgres import Postgres, Target
from bot.adapters.redis import RedisServer, claimed
from bot.adapters.spill import FileSpill
from bot.crew import backlog, measuring
from bot.crew.prober import Prober
from bot.domain import moves
from bot.domain.attempts import Attempt
from bot.domain.cadence import Cadence
from bot.domain.errors import Unavailable
from bot.domain.expectation import Expectation, Usual
from bot.domain.ids import UpgradeId
from bot.domain.measurement import measure
from bot.domain.timeline import CameBack, CannotMeasure, LookedAway, Moved, Reached
from bot.domain.topology import Endpoint
from bot.domain.unobserved import BLINK
from bot.domain.upgrade import Upgrade
from sandbox.valkey import Valkey
from tests.crew.house import AKI, SECOND, US, Death, Store, proposal
from tests.crew.probing import (
    AUTH,
    LATENESS,
    OK,
    REFUSED,
    WRITER,
    Script,
    eventually,
    order,
    probing,
    says,
    stored,
    told,
)

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures", "tests.crew.prober_fixtures"]
pytestmark = pytest.mark.usefixtures("often")


# --- when ---


async def test_the_rate_is_kept_while_attempts_hang(store: Store, upgrade: Upgrade, script: Script) -> None:
    script.outcome = None
    async with probing(store, upgrade, script):
        await script.until(25)
    first = script.begun[0]
    assert script.ended == 0
    for n, begun in enumerate(script.begun):
        assert -0.01 <= begun - first - n / 20 <= LATENESS


async def test_no_more_are_in_flight_than_the_role_has_connections_for(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "AT_ONCE", 5)
    script.outcome = None
    async with probing(store, upgrade, script, calm=50, deadline=0.5):
        await script.until(20)
    assert script.most_at_once == 5


async def test_from_the_order_on_it_is_hot(store: Store, upgrade: Upgrade, script: Script) -> None:
    async with probing(store, upgrade, script, calm=4, hot=50):
        await script.until(4)
        await order(store, upgrade)
        await script.more(40)
    gaps = [later - earlier for earlier, later in pairwise(script.begun)]
    assert median(gaps[:3]) == pytest.approx(0.25, abs=0.05)
    assert median(gaps[-20:]) == pytest.approx(0.02, abs=0.01)


async def test_it_ends_when_the_upgrade_is_over(store: Store, upgrade: Upgrade, script: Script) -> None:
    async with probing(store, upgrade, script) as running:
        await script.until(3)
        script.outcome = None
        await script.more(3)
        await store.save(*moves.cancel(upgrade, AKI, datetime.now(UTC)))
        async with asyncio.timeout(10):
            await running
        begun = len(script.begun)
        assert script.ended < begun, "what was under way is not waited for"
        assert not [task for task in asyncio.all_tasks() if "_attempt" in repr(task.get_coro())]


async def test_it_ends_when_the_endpoint_is_no_part_of_the_plan_any_more(
    store: Store, upgrade: Upgrade, script: Script
) -> None:
    async with probing(store, upgrade, script) as running:
        await script.until(3)
        left = upgrade.plan.model_copy(
            update={"steps": upgrade.plan.steps[1:], "endpoints": upgrade.plan.endpoints[1:]}
        )
        await store.save(*moves.replan(upgrade, left, (), upgrade.rule, upgrade.asked, datetime.now(UTC)))
        async with asyncio.timeout(10):
            await running


async def test_nothing_to_measure(store: Store, upgrade: Upgrade, script: Script) -> None:
    one = Prober(script, store, SteadyClock(), Cadence())
    await one.run(UpgradeId("nobody"), WRITER, US, "somebody")
    await one.run(upgrade.id, "mars-1/writer", US, "somebody")
    await store.save(*moves.cancel(upgrade, AKI, datetime.now(UTC)))
    await one.run(upgrade.id, WRITER, US, "somebody")
    assert script.begun == []


async def test_a_cancellation_that_a_client_swallowed_ends_it_all_the_same(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def swallow(*_: object) -> None:
        reached.set()
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            return

    monkeypatch.setattr(store, "add_attempts", swallow)
    async with probing(store, upgrade, script) as running, asyncio.timeout(10):
        await reached.wait()
        running.cancel()
        await asyncio.wait({running})


# --- what is told and kept ---


async def test_an_outage_is_told_as_it_happens(store: Store, upgrade: Upgrade, script: Script) -> None:
    async with probing(store, upgrade, script):
        await says(store, upgrade, "reached")
        script.outcome = REFUSED
        await says(store, upgrade, "reached", "went_down")
        script.outcome, script.version = OK, "18.6.1"
        await says(store, upgrade, "reached", "went_down", "came_back")
    (outage,) = measure(US, "writer", (US,), await stored(store, upgrade)).outages
    assert (outage.outcomes, outage.version_after) == ((REFUSED,), "18.6.1")


async def test_what_is_beyond_its_limits_is_told_while_it_lasts_and_once(store: Store, script: Script) -> None:
    few = Usual(median=SECOND / 10, worst=SECOND / 10, of=5)
    usual = Expectation(writer=few, secondary=few, lasting=few)
    made, (entry,) = proposal(datetime.now(UTC))
    limits = {"own_budget": SECOND / 5, "expectation": usual}
    upgrade = await store.create(made.model_copy(update=limits), [entry.model_copy(update=limits)])

    async def limits_told() -> list[str]:
        return [kind for kind in await store.kinds(upgrade.id) if kind in ("over_budget", "slower")]

    async def is_told() -> bool:
        return sorted(await limits_told()) == ["over_budget", "slower"]

    async with probing(store, upgrade, script):
        await says(store, upgrade, "reached")
        script.outcome = REFUSED
        await says(store, upgrade, "reached", "went_down")
        await script.more(10)
        assert await limits_told() == [], "before the order nothing is allowed or expected"
        await order(store, upgrade)
        await eventually(is_told)
        assert await told(store, upgrade) == ["reached", "went_down"]
    async with probing(store, upgrade, script, holder="another"):
        await script.more(20)
        script.outcome = OK
        await says(store, upgrade, "reached", "went_down", "came_back")
    assert await is_told()


@dataclass
class Set:
    """A wall clock that is set now and then, in nanoseconds."""

    lead: int = 0

    def __call__(self) -> int:
        return time.time_ns() + self.lead

    def by(self, lasting: timedelta) -> None:
        self.lead += lasting // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize("step", [-30 * SECOND, -SECOND / 2, SECOND / 2, 30 * SECOND])
async def test_an_outage_is_told_once_and_truly_though_the_time_is_set_meanwhile(
    store: Store, upgrade: Upgrade, step: timedelta
) -> None:
    wall = Set()
    clock = SteadyClock(wall)
    script = Script(clock=clock)
    async with probing(store, upgrade, script, clock=clock, deadline=0.5):
        await says(store, upgrade, "reached")
        fell, script.outcome = time.monotonic(), REFUSED
        await script.more(5)
        script.outcome = None
        await script.more(3)
        wall.by(step)
        script.outcome = REFUSED
        await script.more(5)
        script.outcome, rose = OK, time.monotonic()

        async def is_back() -> bool:
            return "came_back" in await told(store, upgrade)

        await eventually(is_back)
        await script.more(10)
        lasted = timedelta(seconds=rose - fell)
    kinds = await told(store, upgrade)
    assert (kinds.count("went_down"), kinds.count("came_back")) == (1, 1)
    (outage,) = measure(US, "writer", (US,), await stored(store, upgrade)).outages
    (back,) = (each for each in await store.entries(upgrade.id) if isinstance(each, CameBack))
    assert back.outage == outage
    assert outage.at_most is not None
    assert outage.at_least <= lasted <= outage.at_most
    assert kinds.count("looked_away") == (step > BLINK)


async def test_whoever_takes_over_goes_on_and_says_nothing_again(store: Store, upgrade: Upgrade) -> None:
    first, second, third = Script(), Script(outcome=REFUSED), Script(version="18.6.1")
    async with probing(store, upgrade, first):
        await says(store, upgrade, "reached")
        first.outcome = REFUSED
        await says(store, upgrade, "reached", "went_down")
    async with probing(store, upgrade, second, "eu-central-1"):
        await second.until(5)
    async with probing(store, upgrade, third, "eu-central-1"):
        await says(store, upgrade, "reached", "went_down", "came_back")
        await third.more(5)
    assert await told(store, upgrade) == ["reached", "went_down", "came_back"]
    vantages, attempts = await store.attempts(upgrade.id, WRITER)
    assert vantages == (US, "eu-central-1")
    assert len(measure(US, "writer", vantages, attempts).outages) == 1


async def test_a_name_that_leads_elsewhere_is_told_once_whoever_measures(store: Store, upgrade: Upgrade) -> None:
    async def moved() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        return [(each.was, each.now) for each in await store.entries(upgrade.id) if isinstance(each, Moved)]

    async def is_told() -> bool:
        return bool(await moved())

    one, other = ("10.0.1.5",), ("10.0.2.7",)
    first, second = Script(addresses=one), Script(addresses=other)
    await order(store, upgrade)
    async with probing(store, upgrade, first):
        await says(store, upgrade, "reached")
        first.addresses = other
        await eventually(is_told)
    async with probing(store, upgrade, second, "eu-central-1"):
        await second.until(10)
    assert await moved() == [(one, other)]


async def test_phases_are_kept_of_some_successes_and_of_every_failure(
    store: Store, upgrade: Upgrade, script: Script
) -> None:
    async with probing(store, upgrade, script):
        await script.until(10)
        script.outcome = REFUSED
        await script.more(10)
        await says(store, upgrade, "reached", "went_down")
    kept = await stored(store, upgrade)
    assert all(each.phases.connect for each in kept if each.outcome is REFUSED)
    assert kept[0].phases.connect == 212
    assert [each.phases.connect for each in kept if each.outcome is OK].count(None) >= 5


async def test_whoever_takes_over_late_tells_how_long_nobody_looked(store: Store, upgrade: Upgrade) -> None:
    async with probing(store, upgrade, Script()):
        await says(store, upgrade, "reached")
    last = (await stored(store, upgrade))[-1].start

    async def is_long_ago() -> bool:
        return datetime.now(UTC) - last > BLINK

    await eventually(is_long_ago)
    async with probing(store, upgrade, Script(), "eu-central-1"):
        await says(store, upgrade, "reached", "looked_away")
    (away,) = (each for each in await store.entries(upgrade.id) if isinstance(each, LookedAway))
    assert (away.stretch.since, away.at, away.vantage) == (last, away.stretch.until, "eu-central-1")
    assert measure(US, "writer", (US,), await stored(store, upgrade)).unobserved == (away.stretch,)


async def test_a_death_after_storing_and_before_telling_loses_nothing(
    store: Store, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> bool:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(store, "append_once", die)
        async with probing(store, upgrade, Script()) as running:
            await asyncio.wait({running}, timeout=20)
            assert isinstance(running.exception(), Death)
    async with probing(store, upgrade, Script()):
        await says(store, upgrade, "reached")
    (reached,) = (each for each in await store.entries(upgrade.id) if isinstance(each, Reached))
    assert reached.at == (await stored(store, upgrade))[0].start


async def test_two_at_once_say_everything_once(store: Store, upgrade: Upgrade) -> None:
    """One of them was believed dead."""
    one, other = Script(), Script()
    async with probing(store, upgrade, one):
        await says(store, upgrade, "reached")
        async with probing(store, upgrade, other):
            await other.until(10)
            assert await told(store, upgrade) == ["reached"]


class Wired(Store):
    """The store as one process sees it: its wire may be cut while all others have theirs."""

    is_cut = False

    def check(self) -> None:
        if self.is_cut:
            raise Unavailable("Redis", "ConnectionError")

    async def get(self, id: UpgradeId) -> Upgrade | None:
        self.check()
        return await super().get(id)

    async def add_attempts(self, *given: Any) -> None:
        self.check()
        await super().add_attempts(*given)

    async def append_once(self, *given: Any) -> bool:
        self.check()
        return await super().append_once(*given)


async def test_whoever_was_cut_off_and_comes_back_tells_nothing_a_second_time(
    store: Store, server: RedisServer, upgrade: Upgrade
) -> None:
    """It saw the outage begin earlier than the one who took over."""
    cut, first, second = Wired(server), Script(), Script(outcome=REFUSED)
    async with probing(cut, upgrade, first, holder="first") as measuring:
        await says(store, upgrade, "reached")
        cut.is_cut = True
        first.outcome = REFUSED
        await first.more(5)
        await server.do("SET", claimed(upgrade.id, WRITER), "second")
        async with probing(store, upgrade, second, holder="second"):
            await says(store, upgrade, "reached", "went_down")
            first.outcome = second.outcome = OK
            await says(store, upgrade, "reached", "went_down", "came_back")
            await first.more(5)
            cut.is_cut = False
            async with asyncio.timeout(10):
                await measuring
    assert await told(store, upgrade) == ["reached", "went_down", "came_back"]
    (back,) = (each for each in await store.entries(upgrade.id) if isinstance(each, CameBack))
    (outage,) = measure(US, "writer", (US,), await stored(store, upgrade)).outages
    assert outage.first_failure_at < back.outage.first_failure_at, "what it saw is kept"


async def test_a_calm_time_before_the_order_is_forgotten_and_nothing_from_then_on(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "RECENT", timedelta(seconds=0.3))
    async with probing(store, upgrade, script):
        await says(store, upgrade, "reached")
        first = (await stored(store, upgrade))[0]

        async def is_forgotten() -> bool:
            return (await stored(store, upgrade))[0].start > first.start

        await eventually(is_forgotten)
        upgrade = await order(store, upgrade)
        kept = (await stored(store, upgrade))[0]
        await script.more(60)
        after = await stored(store, upgrade)
    assert after[0] == kept
    assert upgrade.intent_at is not None
    assert kept.start < upgrade.intent_at
    measured = measure(US, "writer", (US,), after)
    assert (measured.since, measured.since_order(upgrade.intent_at, datetime.now(UTC)).at_most) == (
        kept.start, timedelta(),
    )  # fmt: skip


async def test_an_outage_across_the_order_keeps_the_success_before_it(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "RECENT", timedelta(seconds=1))
    async with probing(store, upgrade, script):
        await says(store, upgrade, "reached")
        script.outcome = REFUSED
        await says(store, upgrade, "reached", "went_down")
        await script.more(60)
        ordered = await order(store, upgrade)
        script.outcome = OK
        await says(store, upgrade, "reached", "went_down", "came_back")
    assert ordered.intent_at is not None
    measured = measure(US, "writer", (US,), await stored(store, upgrade))
    (outage,) = measured.since_order(ordered.intent_at, datetime.now(UTC)).outages
    assert outage.last_ok_at is not None
    assert measured.at_least > timedelta(seconds=2) > outage.at_least, "what came before the order is no cost"


async def test_the_last_success_is_kept_while_nobody_knows_yet_what_came_after(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "RECENT", timedelta(seconds=0.3))
    async with probing(store, upgrade, script, deadline=2):
        await says(store, upgrade, "reached")
        script.outcome = None
        await script.more(30)
        script.outcome = REFUSED
        await says(store, upgrade, "reached", "went_down")
        script.outcome = OK
        await says(store, upgrade, "reached", "went_down", "came_back")
    (outage,) = measure(US, "writer", (US,), await stored(store, upgrade)).outages
    assert outage.last_ok_at is not None


async def test_whoever_takes_over_after_a_long_calm_says_nothing_again(
    store: Store, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first attempt is not the first of all."""
    monkeypatch.setattr(measuring, "RECENT", timedelta(seconds=0.3))
    async with probing(store, upgrade, Script()):
        await says(store, upgrade, "reached")
        first = (await stored(store, upgrade))[0]

        async def is_forgotten() -> bool:
            return (await stored(store, upgrade))[0].start > first.start

        await eventually(is_forgotten)
    other = Script()
    async with probing(store, upgrade, other):
        await other.more(10)
    assert await told(store, upgrade) == ["reached"]


async def test_whoever_is_stopped_stores_what_has_ended(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "FLUSH", timedelta(seconds=20))
    async with probing(store, upgrade, script):
        await script.until(5)
    assert len(await stored(store, upgrade)) >= 4


async def test_attempts_outlast_the_absence_of_the_store(valkey: Valkey, script: Script) -> None:
    async with RedisServer(valkey.url) as server:
        store = Store(server)
        upgrade = await store.create(*proposal(datetime.now(UTC)))
        async with probing(store, upgrade, script):
            await says(store, upgrade, "reached")
            await valkey.stop()
            gone = datetime.now(UTC)
            script.outcome = REFUSED
            await script.more(10)
            script.outcome = OK
            await script.more(10)
            back = datetime.now(UTC)
            await valkey.restart()
            await says(store, upgrade, "reached", "went_down", "came_back")
        attempts = [each for each in await stored(store, upgrade) if gone < each.start < back]
    assert len(attempts) >= 19
    assert [each.outcome for each in attempts].count(REFUSED) >= 9


async def test_a_long_absence_is_written_down_in_pieces(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "BATCH", 3)
    sizes: list[int] = []
    add = store.add_attempts

    async def away(*given: object) -> None:
        raise Unavailable("Redis", f"ConnectionError of {len(given)}")

    async def back(*given: object) -> None:
        sizes.append(len(given[3]))  # type: ignore[arg-type]
        await add(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "add_attempts", away)
    async with probing(store, upgrade, script):
        await script.until(5)
        script.outcome = REFUSED
        await script.more(5)
        script.outcome = OK
        await script.more(5)
        monkeypatch.setattr(store, "add_attempts", back)
        await says(store, upgrade, "reached", "went_down", "came_back")
    assert max(sizes) == 3
    assert len(await stored(store, upgrade)) >= 15


async def test_a_lost_answer_of_the_store_counts_nothing_twice(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, append, lost = store.add_attempts, store.append_once, [True, True, True]

    async def add_and_lose(*given: object) -> None:
        await add(*given)  # type: ignore[arg-type]
        if lost and lost.pop():
            raise Unavailable("Redis", "ConnectionError")

    async def append_and_lose(*given: object) -> bool:
        added = await append(*given)  # type: ignore[arg-type]
        if lost and lost.pop():
            raise Unavailable("Redis", "ConnectionError")
        return added

    monkeypatch.setattr(store, "add_attempts", add_and_lose)
    monkeypatch.setattr(store, "append_once", append_and_lose)
    async with probing(store, upgrade, script):
        await says(store, upgrade, "reached")
        lost += [True]
        await script.more(10)
    starts = [each.start for each in await stored(store, upgrade)]
    assert len(starts) == len(set(starts)) >= 10
    assert await told(store, upgrade) == ["reached"]


# --- what is kept beside the store ---


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "SPILL_AFTER", timedelta(seconds=0.1))


def files_in(place: Path) -> int:
    return len(list(place.glob("*/*")))


def lines_in(place: Path) -> int:
    return sum(len(each.read_text().splitlines()) - 1 for each in place.glob("*/*.attempts"))


@pytest.mark.usefixtures("soon")
async def test_a_prober_that_dies_while_the_store_is_away_takes_nothing_with_it(
    store: Store, server: RedisServer, upgrade: Upgrade, tmp_path: Path
) -> None:
    """It hears of no end: what counts is what it has written by then."""
    cut, script = Wired(server), Script()
    async with probing(cut, upgrade, script, spill=FileSpill.at(tmp_path, "redis://x/0")):
        await says(store, upgrade, "reached")
        cut.is_cut = True
        script.outcome = REFUSED
        await script.more(10)
        script.outcome = OK
        await script.more(10)
        await eventually(lambda: at_least(lines_in(tmp_path), 20))
    after = Script()
    async with probing(store, upgrade, after, spill=FileSpill.at(tmp_path, "redis://x/0")):
        await after.more(5)
        await says(store, upgrade, "reached", "went_down", "came_back")
    assert files_in(tmp_path) == 0
    (outage,) = measure(US, "writer", (US,), await stored(store, upgrade)).outages
    assert outage.at_least > timedelta(seconds=0.3)


async def at_least(number: int, least: int) -> bool:
    return number >= least


@pytest.mark.usefixtures("soon")
async def test_what_is_found_and_stored_a_second_time_counts_once(
    store: Store, upgrade: Upgrade, script: Script, tmp_path: Path
) -> None:
    async with probing(store, upgrade, script):
        await script.until(10)
        await says(store, upgrade, "reached")
    before = await stored(store, upgrade)
    spill = FileSpill.at(tmp_path, "redis://x/0")
    spill.keep(upgrade.id, WRITER, US, before)
    spill.release(upgrade.id, WRITER)
    await Prober(script, store, SteadyClock(), Cadence(), spill).recover()
    assert await stored(store, upgrade) == before
    assert files_in(tmp_path) == 0


@pytest.mark.usefixtures("soon")
async def test_when_the_store_is_back_nothing_stays_beside_it(
    store: Store, server: RedisServer, upgrade: Upgrade, script: Script, tmp_path: Path
) -> None:
    cut = Wired(server)
    async with probing(cut, upgrade, script, spill=FileSpill.at(tmp_path, "redis://x/0")):
        await says(store, upgrade, "reached")
        assert lines_in(tmp_path) == 0
        cut.is_cut = True
        await eventually(lambda: at_least(lines_in(tmp_path), 5))
        cut.is_cut = False
        await eventually(lambda: at_least(-lines_in(tmp_path), 0))
        await eventually(lambda: at_least(-files_in(tmp_path), 0))
    starts = [each.start for each in await stored(store, upgrade)]
    assert len(starts) == len(set(starts))


async def test_what_is_left_of_an_upgrade_that_is_over_is_thrown_away(
    store: Store, upgrade: Upgrade, script: Script, tmp_path: Path
) -> None:
    spill = FileSpill.at(tmp_path, "redis://x/0")
    attempt = Attempt(start=datetime.now(UTC), end=datetime.now(UTC), outcome=REFUSED)
    for each in (upgrade.id, UpgradeId("nobody")):
        spill.keep(each, WRITER, US, [attempt])
        spill.release(each, WRITER)
    await store.save(*moves.cancel(upgrade, AKI, datetime.now(UTC)))
    await Prober(script, store, SteadyClock(), Cadence(), spill).recover()
    assert await stored(store, upgrade) == ()
    assert [each.upgrade for each in spill.left_behind()] == ["nobody"], (
        "which may be of another store, until it is old"
    )


async def test_what_cannot_be_stored_holds_up_nothing_else_that_was_left_behind(
    store: Store, server: RedisServer, upgrade: Upgrade, script: Script, tmp_path: Path
) -> None:
    spill = FileSpill.at(tmp_path, "redis://x/0")
    attempt = Attempt(start=datetime.now(UTC), end=datetime.now(UTC), outcome=REFUSED)
    other, damaged = "us-east-1/reader", UpgradeId("damaged")
    await server.do("HSET", f"{{aurora}}:upgrade:{damaged}", "saved", "{")
    for each, endpoint in ((damaged, WRITER), (upgrade.id, other), (damaged, other), (upgrade.id, WRITER)):
        spill.keep(each, endpoint, US, [attempt])
        spill.release(each, endpoint)
    await Prober(script, store, SteadyClock(), Cadence(), spill).recover()
    assert await stored(store, upgrade) == (await store.attempts(upgrade.id, other))[1] == (attempt,)
    assert {each.upgrade for each in spill.left_behind()} == {damaged}


# --- what cannot be measured ---


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Taken, and not listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@dataclass(frozen=True)
class Wire:
    """The real way to an endpoint."""

    port: int

    async def attempt(self, endpoint: Endpoint, deadline: timedelta) -> Attempt:
        return await Postgres().attempt(
            Target("127.0.0.1", self.port, "postgres", "probe", "", endpoint.region), deadline
        )


async def test_what_never_answered_is_no_outage(store: Store, upgrade: Upgrade, closed_port: int) -> None:
    async with probing(store, upgrade, Wire(closed_port)):
        await says(store, upgrade, "cannot_measure")

        async def tried() -> bool:
            return len(await stored(store, upgrade)) > 10

        await eventually(tried)
    assert await told(store, upgrade) == ["cannot_measure"]
    (cannot,) = (each for each in await store.entries(upgrade.id) if isinstance(each, CannotMeasure))
    assert (cannot.region, cannot.use, cannot.vantage, cannot.outcome) == (US, "writer", US, REFUSED)
    measured = measure(US, "writer", (US,), await stored(store, upgrade))
    assert (measured.since, measured.outages) == (None, ())


async def test_sight_that_is_lost_and_gained_is_told_and_is_no_outage(
    store: Store, upgrade: Upgrade, script: Script
) -> None:
    script.outcome = AUTH
    async with probing(store, upgrade, script):
        await says(store, upgrade, "cannot_measure")
        script.outcome = OK
        await says(store, upgrade, "cannot_measure", "reached")
        script.outcome = AUTH
        await says(store, upgrade, "cannot_measure", "reached", "cannot_measure")
        script.outcome = OK
        await says(store, upgrade, "cannot_measure", "reached", "cannot_measure", "reached")
    reached = [each for each in await store.entries(upgrade.id) if isinstance(each, Reached)]
    assert [each.version for each in reached] == ["18.4.1", "18.4.1"]
    assert measure(US, "writer", (US,), await stored(store, upgrade)).outages == ()
    assert all(each.at <= datetime.now(UTC) + SECOND for each in reached)
