"""The forecaster: one forecast for each time it was asked, before the order only, and never at the cost of the measuring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.clock import SteadyClock
from bot.adapters.redis import RedisServer, claimed
from bot.crew import forecaster, measuring
from bot.crew.backlog import NoSpill
from bot.crew.forecaster import Forecaster
from bot.crew.prober import Prober
from bot.domain import moves
from bot.domain.attempts import Attempt, Outcome
from bot.domain.cadence import Cadence
from bot.domain.errors import Unavailable
from bot.domain.preflight import Unread
from bot.domain.timeline import Forecast
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion
from bot.domain.zero_downtime import Looked, Session
from bot.ports.upgrades import Claim
from tests.crew.house import AP, MINA, US, Store, proposal

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

WRITER = f"{US}/writer"
BUSY = Looked(
    sees_sessions=True, sessions=(Session(pid=7, user="svc", application="", database="orders", tables=1),)
)  # fmt: skip


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "FLUSH", timedelta(seconds=0.05))
    monkeypatch.setattr(forecaster, "LOOK_EVERY", timedelta(seconds=0.02))
    monkeypatch.setattr(forecaster, "AGAIN", timedelta(seconds=0.02))


@dataclass
class Sight:
    """Plays probe and foresight: always up, and whatever `looks` has next; the last of these for ever."""

    looks: list[Looked | Unread | Exception] = field(default_factory=lambda: [BUSY])
    looked: int = 0
    tried: int = 0
    before: Callable[[], Awaitable[None]] | None = None

    async def attempt(self, endpoint: Endpoint, deadline: timedelta) -> Attempt:  # noqa: ARG002 - there is one
        self.tried += 1
        now = datetime.now(UTC)
        return Attempt(start=now, end=now, outcome=Outcome.OK, version="18.4.1")

    async def look(self, writer: Endpoint, version: EngineVersion, within: timedelta) -> Looked | Unread:  # noqa: ARG002
        assert (writer.key, str(version)) == (WRITER, "18.4")
        self.looked += 1
        if self.before:
            await self.before()
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def sight() -> Sight:
    return Sight()


@pytest.fixture
async def upgrade(store: Store) -> Upgrade:
    return await store.create(*proposal(datetime.now(UTC)))


@asynccontextmanager
async def serving(store: Store, upgrade: Upgrade, sight: Sight, endpoint: str = WRITER) -> AsyncIterator[None]:
    one = Prober(sight, store, SteadyClock(), Cadence(20, 20), NoSpill(), Forecaster(sight, store, SteadyClock()))
    running = asyncio.create_task(one.run(upgrade.id, endpoint, US, "somebody"))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def told(store: Store, upgrade: Upgrade) -> list[Forecast]:
    return [each for each in await store.entries(upgrade.id) if isinstance(each, Forecast)]


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    until = asyncio.get_running_loop().time() + 20
    while not await is_so():
        assert asyncio.get_running_loop().time() < until, "it never came to that"
        await asyncio.sleep(0.02)


async def forecasts(store: Store, upgrade: Upgrade, number: int) -> list[Forecast]:
    async def are_there() -> bool:
        return len(await told(store, upgrade)) >= number

    await eventually(are_there)
    return await told(store, upgrade)


async def goes_on(sight: Sight) -> None:
    """It measures, and has had the time for another look."""
    tried = sight.tried

    async def has_tried() -> bool:
        return sight.tried >= tried + 5

    await eventually(has_tried)


async def test_each_time_it_is_asked_there_is_one_forecast(store: Store, upgrade: Upgrade, sight: Sight) -> None:
    async with serving(store, upgrade, sight):
        [first] = await forecasts(store, upgrade, 1)
        await goes_on(sight)
        approved = await store.save(*moves.approve(upgrade, MINA, upgrade.plan.digest, upgrade.rule, datetime.now(UTC)))
        asking = await store.save(moves.ask_forecast(approved, datetime.now(UTC)), ())
        [_, second] = await forecasts(store, upgrade, 2)
        await goes_on(sight)
    assert (first.asked_at, second.asked_at) == (upgrade.proposed_at, asking.forecast_asked_at)
    assert (first.region, first.vantage, first.outlook.dropped) == (US, US, 1)
    assert len(await told(store, upgrade)) == sight.looked == 2


async def test_whoever_takes_over_does_not_tell_it_again(store: Store, upgrade: Upgrade, sight: Sight) -> None:
    for _ in range(2):
        async with serving(store, upgrade, sight):
            await forecasts(store, upgrade, 1)
            await goes_on(sight)
    assert len(await told(store, upgrade)) == 1


async def test_only_the_writer_is_looked_at(store: Store, upgrade: Upgrade, sight: Sight) -> None:
    async with serving(store, upgrade, sight, f"{AP}/reader"):
        await goes_on(sight)
    assert sight.looked == 0


async def test_a_look_that_fails_is_tried_again_and_then_told(store: Store, upgrade: Upgrade, sight: Sight) -> None:
    sight.looks = [Unread(why="a hiccup"), BUSY]
    async with serving(store, upgrade, sight):
        [first] = await forecasts(store, upgrade, 1)
        sight.looks = [Unread(why="no password")]
        approved = await store.save(*moves.approve(upgrade, MINA, upgrade.plan.digest, upgrade.rule, datetime.now(UTC)))
        await store.save(moves.ask_forecast(approved, datetime.now(UTC)), ())
        [_, second] = await forecasts(store, upgrade, 2)
    assert first.outlook.dropped == 1
    assert second.outlook.unread == ("the writer could not be looked at: no password",)
    assert sight.looked == 2 + forecaster.TRIES


async def test_what_comes_after_the_order_is_no_forecast(store: Store, upgrade: Upgrade, sight: Sight) -> None:
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    sight.before = wait
    async with serving(store, upgrade, sight):
        await goes_on(sight)
        now = datetime.now(UTC)
        approved = await store.save(*moves.approve(upgrade, MINA, upgrade.plan.digest, upgrade.rule, now))
        await store.save(*moves.intend(approved, (MINA,), now))
        await goes_on(sight)
        gate.set()
        await goes_on(sight)
    assert await told(store, upgrade) == []


async def test_a_mishap_of_the_forecast_does_not_stop_the_measuring(
    store: Store, upgrade: Upgrade, sight: Sight, caplog: pytest.LogCaptureFixture
) -> None:
    sight.looks = [ZeroDivisionError()]
    async with serving(store, upgrade, sight):
        await goes_on(sight)
        await goes_on(sight)
    assert sight.looked == 1
    assert "there are no forecasts from here any more" in caplog.text


async def test_a_store_that_does_not_take_it_gets_it_later(
    store: Store, upgrade: Upgrade, sight: Sight, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, refused = store.append_once, list[str]()

    async def away(id: object, key: str, *other: object) -> bool:
        if key.startswith("forecast") and not refused:
            refused.append(key)
            raise Unavailable("Redis", "ConnectionError")
        return await append(id, key, *other)  # type: ignore[arg-type] # as it was given

    monkeypatch.setattr(store, "append_once", away)
    async with serving(store, upgrade, sight):
        assert len(await forecasts(store, upgrade, 1)) == 1
    assert refused


async def test_whoever_was_cut_off_tells_nothing(
    store: Store, upgrade: Upgrade, sight: Sight, server: RedisServer
) -> None:
    await server.do("SET", claimed(upgrade.id, WRITER), "somebody else")
    async with serving(store, upgrade, sight):

        async def has_looked() -> bool:
            return sight.looked > 0

        await eventually(has_looked)
        await asyncio.sleep(0.2)
    assert await told(store, upgrade) == []


async def test_a_forecast_whose_cancellation_the_store_swallowed_ends_all_the_same(
    store: Store, upgrade: Upgrade, sight: Sight, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def swallow(*_: object) -> bool:
        reached.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(20)
        return True

    monkeypatch.setattr(store, "append_once", swallow)
    one = Forecaster(sight, store, SteadyClock())
    serving = asyncio.create_task(one.serve(lambda: upgrade, upgrade.plan.endpoints[0], US, Claim(WRITER, "somebody")))
    await reached.wait()
    serving.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({serving})
