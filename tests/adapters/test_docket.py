"""Turns on a real Valkey: they come again, they survive whoever took them, and no key is taken twice at a time."""

import asyncio
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from subprocess import Popen
from typing import cast

import pytest
from docket import Docket, Worker
from redis.asyncio import Redis

from bot.adapters import docket, docket_prober
from bot.adapters.docket import probe_docket, run_worker, turns_docket, work_until
from bot.adapters.docket_crew import DocketCrew
from bot.adapters.docket_prober import Measure, run_prober
from bot.adapters.redis import claimed
from bot.domain.errors import Unavailable
from bot.domain.ids import Account, Region, UpgradeId
from bot.domain.moves import cancel
from bot.domain.upgrade import Upgrade
from bot.ports.crew import Crew
from sandbox.valkey import Valkey
from tests.adapters.store import AWAY, HOME, NOW, proposed

pytest_plugins = ["tests.adapters.store_fixtures"]

SOON = 15.0
HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=10)
REDELIVERY = timedelta(seconds=1)


def plays_the_role(crew: DocketCrew) -> Crew:
    return crew


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docket, "REDELIVERY", REDELIVERY)
    monkeypatch.setattr(docket, "GRACE", timedelta(seconds=0.3))
    monkeypatch.setattr(docket, "AFTER_TROUBLE", MOMENT)
    monkeypatch.setattr(docket, "HEARTBEAT", timedelta(seconds=0.2))
    monkeypatch.setattr(docket_prober, "LOOK_EVERY", timedelta(seconds=0.1))
    monkeypatch.setattr(docket_prober, "DEAF_AFTER", timedelta(seconds=1))


@pytest.fixture
def upgrade() -> Upgrade:
    return proposed()[0]


@pytest.fixture
async def crew(redis_url: str) -> AsyncIterator[DocketCrew]:
    async with DocketCrew(redis_url) as crew:
        yield crew


class Diary:
    """Turns that note who came, and do what the test says: give a delay, None, or raise."""

    def __init__(self, **scripts: Callable[[int], Awaitable[timedelta | None]]) -> None:
        self.taken: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self._scripts = scripts

    async def _take(self, kind: str, key: str) -> timedelta | None:
        self.taken[key] += 1
        self.at_once[key] += 1
        self.most_at_once[key] = max(self.most_at_once[key], self.at_once[key])
        try:
            return await self._scripts[kind](self.taken[key]) if kind in self._scripts else None
        finally:
            self.at_once[key] -= 1

    async def drive(self, upgrade: UpgradeId) -> timedelta | None:
        return await self._take("drive", f"drive {upgrade}")

    async def narrate(self, upgrade: UpgradeId) -> timedelta | None:
        return await self._take("narrate", f"narrate {upgrade}")

    async def watch(self, account: Account, region: Region) -> timedelta | None:
        return await self._take("watch", f"watch {account} {region}")

    async def sweep(self) -> timedelta | None:
        return await self._take("sweep", "sweep")


class Gauge:
    """Measures until told that the upgrade is over, and knows how often it was begun, by vantage."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.now: Counter[str] = Counter()
        self.holders: dict[str, str] = {}
        self.over = asyncio.Event()

    async def __call__(self, upgrade: UpgradeId, endpoint: str, vantage: str, holder: str) -> None:  # noqa: ARG002
        self.holders[f"{endpoint} from {vantage}"] = holder
        self.begun[f"{endpoint} from {vantage}"] += 1
        self.now[f"{endpoint} from {vantage}"] += 1
        try:
            await self.over.wait()
        finally:
            self.now[f"{endpoint} from {vantage}"] -= 1

    @property
    def measuring(self) -> dict[str, int]:
        return dict(+self.now)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110 - what is waited for happens on the far side of Redis
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(url: str, diary: Diary) -> AsyncIterator[asyncio.Event]:
    async with _until_stopped(lambda stop: run_worker(url, diary, stop)) as stop:
        yield stop


@asynccontextmanager
async def probing(url: str, measure: Measure, *vantages: str) -> AsyncIterator[asyncio.Event]:
    async with _until_stopped(lambda stop: run_prober(url, vantages, measure, stop)) as stop:
        yield stop


@asynccontextmanager
async def _until_stopped(run: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_running(run, stop))
        try:
            yield stop
        finally:
            stop.set()


async def _running(run: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    await run(stop)


async def hang(_: int) -> None:
    await asyncio.Event().wait()


async def in_an_hour(_: int) -> timedelta:
    return HOUR


async def test_a_turn_comes_again_until_there_is_no_next(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    async def three_times(count: int) -> timedelta | None:
        return MOMENT if count % 3 else None

    diary = Diary(drive=three_times)
    async with working(redis_url, diary):
        await crew.set_going(upgrade)
        await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == 3)
        for region in (HOME, AWAY):
            await eventually(lambda region=region: diary.taken[f"watch 123456789012 {region}"] == 1)  # type: ignore[misc]
        await eventually(lambda: diary.at_once.total() == 0)
        async with turns_docket(redis_url) as turns:
            await until_it_is(b"completed", turns, f"drive:{upgrade.id}")
        assert diary.taken[f"drive {upgrade.id}"] == 3
        await crew.set_going(upgrade)
        await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == 6)


async def until_it_is(expected: bytes, turns: Docket, key: str) -> None:
    async with asyncio.timeout(SOON):
        while await state(turns, key) != expected:  # noqa: ASYNC110 - Docket does not call us
            await asyncio.sleep(0.01)


async def state(turns: Docket, key: str) -> bytes | None:
    async with turns.redis() as redis:
        return await redis.hget(turns.runs_key(key), "state")


async def test_set_going_again_changes_nothing(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    await asyncio.gather(*(crew.set_going(upgrade) for _ in range(10)))
    diary = Diary(drive=in_an_hour, narrate=in_an_hour, watch=in_an_hour)
    async with working(redis_url, diary):
        await eventually(lambda: diary.taken.total() >= 5)
        await asyncio.gather(*(crew.set_going(upgrade) for _ in range(10)))
        sweeps = diary.taken.pop("sweep")
        assert sweeps == 1
        assert set(diary.taken.values()) == {1}, diary.taken
        assert len(diary.taken) == 4


async def test_an_upgrade_that_is_over_is_only_narrated(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    await crew.set_going(cancel(upgrade, None, NOW)[0])
    diary = Diary()
    async with working(redis_url, diary):
        await eventually(lambda: diary.taken[f"narrate {upgrade.id}"] == 1)
    assert set(diary.taken) == {f"narrate {upgrade.id}", "sweep"}


@pytest.mark.parametrize("trouble", [Unavailable("RDS", "Throttling"), OSError(threading.Lock())])
async def test_a_turn_that_fails_is_taken_again(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(count: int) -> timedelta:
        if count <= 2:
            raise trouble
        return HOUR

    diary = Diary(drive=fail)
    async with working(redis_url, diary):
        await crew.set_going(upgrade)
        await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == 3)
    assert caplog.text.count(f"drive:{upgrade.id}: ") == 2


async def test_a_woken_turn_is_taken_now(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    diary = Diary(drive=in_an_hour, narrate=in_an_hour)
    async with working(redis_url, diary), turns_docket(redis_url) as turns:
        await crew.set_going(upgrade)
        for key in ("drive", "narrate"):
            await until_it_is(b"scheduled", turns, f"{key}:{upgrade.id}")
        await crew.wake(upgrade.id)
        await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == diary.taken[f"narrate {upgrade.id}"] == 2)


async def test_all_that_wait_are_woken_when_a_clock_was_set_back(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    diary = Diary(drive=in_an_hour, narrate=in_an_hour, watch=in_an_hour)
    async with working(redis_url, diary), turns_docket(redis_url) as turns:
        await crew.set_going(upgrade)
        for key in ("drive", "narrate"):
            await until_it_is(b"scheduled", turns, f"{key}:{upgrade.id}")
        await crew.wake_all()
        await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == diary.taken[f"narrate {upgrade.id}"] == 2)


async def test_waking_never_takes_a_turn_beside_a_running_one(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    going_on = asyncio.Event()

    async def wait_for_it(_: int) -> timedelta:
        await going_on.wait()
        return MOMENT

    diary, key = Diary(drive=wait_for_it), f"drive {upgrade.id}"
    async with working(redis_url, diary), working(redis_url, diary):
        await crew.set_going(upgrade)
        await eventually(lambda: diary.at_once[key] == 1)
        for _ in range(20):
            await crew.wake(upgrade.id)
            await crew.set_going(upgrade)
        await eventually(lambda: diary.taken["sweep"] >= 1)
        going_on.set()
        for _ in range(50):
            await crew.wake(upgrade.id)
        await eventually(lambda: diary.taken[key] >= 10)
    assert diary.most_at_once[key] == 1


async def test_the_sweep_brings_back_what_was_lost(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    async def set_going(_: int) -> timedelta:
        await crew.set_going(upgrade)
        return MOMENT

    diary = Diary(sweep=set_going, drive=in_an_hour)
    async with working(redis_url, diary), Redis.from_url(redis_url) as redis:
        async with asyncio.timeout(SOON):
            # ASYNC110: it is on the far side of Redis
            while not await redis.zrem("aurora:queue", f"drive:{upgrade.id}"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await redis.delete(*await redis.keys("aurora:runs:drive*"))
        await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == 2)


async def test_a_stop_leaves_a_turn_that_hangs_to_another_worker(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    first, second = Diary(drive=hang), Diary()
    async with working(redis_url, first) as stop:
        await crew.set_going(upgrade)
        await eventually(lambda: first.at_once[f"drive {upgrade.id}"] == 1)
        stop.set()
        await eventually(lambda: first.at_once[f"drive {upgrade.id}"] == 0)
    async with working(redis_url, second):
        await eventually(lambda: second.taken[f"drive {upgrade.id}"] == 1)


async def test_a_stop_lets_a_turn_finish(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    finished = []

    async def finish(count: int) -> None:
        await asyncio.sleep(0.1)
        finished.append(count)

    diary = Diary(drive=finish)
    async with working(redis_url, diary) as stop:
        await crew.set_going(upgrade)
        await eventually(lambda: diary.at_once[f"drive {upgrade.id}"] == 1)
        stop.set()
    assert finished == [1]
    async with turns_docket(redis_url) as turns:
        assert await state(turns, f"drive:{upgrade.id}") == b"completed"


async def test_turns_go_on_when_redis_comes_back(valkey: Valkey, upgrade: Upgrade) -> None:
    async def again(_: int) -> timedelta:
        return MOMENT

    diary, key = Diary(drive=again), f"drive {upgrade.id}"
    async with DocketCrew(valkey.url) as crew, working(valkey.url, diary):
        await crew.set_going(upgrade)
        await eventually(lambda: diary.taken[key] >= 2)
        await valkey.stop()
        with pytest.raises(Unavailable, match="Redis: "):
            await crew.set_going(upgrade)
        await valkey.restart()
        taken = diary.taken[key]
        await eventually(lambda: diary.taken[key] >= taken + 2)
        await crew.set_going(upgrade)
    assert diary.most_at_once[key] == 1


async def test_a_stop_does_not_wait_for_redis(valkey: Valkey, upgrade: Upgrade) -> None:
    diary, gauge = Diary(drive=hang), Gauge()
    async with DocketCrew(valkey.url) as crew:
        async with working(valkey.url, diary) as stop_worker, probing(valkey.url, gauge, HOME) as stop_prober:
            await crew.set_going(upgrade)
            await eventually(lambda: diary.at_once[f"drive {upgrade.id}"] == 1 and gauge.now.total() == 1)
            await valkey.kill()
            begun = asyncio.get_running_loop().time()
            stop_worker.set()
            stop_prober.set()
        assert asyncio.get_running_loop().time() - begun < 10


async def test_a_stop_is_not_forgotten() -> None:
    """As when Redis fails a worker that is on its way out."""

    class Forgetful:
        cancelled = 0

        async def run_forever(self) -> None:
            while self.cancelled < 2:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled += 1

    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(SOON):
        await work_until(stop, cast("Worker", Forgetful()), timedelta(seconds=0.1))


HANGING = """
import asyncio, os, sys
from datetime import timedelta
from redis.asyncio import Redis
from bot.adapters import docket
from bot.adapters.docket_prober import run_prober

docket.REDELIVERY, docket.HEARTBEAT = timedelta(seconds=1), timedelta(seconds=0.2)
url, kind = sys.argv[1:]

class Hanging:
    async def hang(self, *_):
        async with Redis.from_url(url) as redis:
            await redis.rpush("hanging", os.getpid())
        await asyncio.Event().wait()
    async def sweep(self): pass
    drive = narrate = watch = hang

stop = asyncio.Event()
run = docket.run_worker(url, Hanging(), stop) if kind == "worker" else run_prober(url, ["us-east-1"], Hanging().hang, stop)
asyncio.run(run)
"""


@contextmanager
def another_process(url: str, kind: str) -> Iterator[Popen[bytes]]:
    process = Popen(
        [sys.executable, "-c", HANGING, url, kind], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def hanging(url: str, count: int) -> None:
    async with Redis.from_url(url) as redis, asyncio.timeout(SOON):
        while await redis.llen("hanging") < count:  # noqa: ASYNC110 - another process says so
            await asyncio.sleep(0.02)


async def test_the_turns_of_a_killed_worker_are_given_to_another(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    diary = Diary()
    with another_process(redis_url, "worker") as process:
        await crew.set_going(upgrade)
        await hanging(redis_url, 4)
        async with working(redis_url, diary):
            assert diary.taken[f"drive {upgrade.id}"] == 0
            process.send_signal(signal.SIGKILL)
            await eventually(lambda: diary.taken[f"drive {upgrade.id}"] == diary.taken[f"narrate {upgrade.id}"] == 1)


async def test_a_turn_longer_than_the_redelivery_is_not_taken_twice(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    async def long(_: int) -> timedelta:
        await asyncio.sleep(3 * REDELIVERY.total_seconds())
        return HOUR

    diary, key = Diary(drive=long), f"drive {upgrade.id}"
    async with working(redis_url, diary), working(redis_url, diary), turns_docket(redis_url) as turns:
        await crew.set_going(upgrade)
        await until_it_is(b"scheduled", turns, f"drive:{upgrade.id}")
    assert diary.taken[key] == 1


async def test_an_endpoint_is_measured_once_from_its_own_region(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    gauge = Gauge()
    async with probing(redis_url, gauge, HOME, AWAY), probing(redis_url, gauge, HOME):
        everywhere = {f"{HOME}/writer from {HOME}": 1, f"{AWAY}/reader from {AWAY}": 1}
        await going(crew, upgrade, lambda: gauge.measuring == everywhere)
        begun = gauge.begun.copy()
        end = asyncio.get_running_loop().time() + 3 * REDELIVERY.total_seconds()
        while asyncio.get_running_loop().time() < end:
            await crew.set_going(upgrade)
            await asyncio.sleep(0.05)
        assert gauge.measuring == everywhere
        assert gauge.begun == begun
        gauge.over.set()
        await eventually(lambda: not gauge.measuring)


async def test_a_region_that_nobody_serves_is_measured_from_elsewhere_until_somebody_does(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    gauge = Gauge()
    await crew.set_going(upgrade)
    async with probing(redis_url, gauge, HOME):
        await eventually(lambda: gauge.measuring == {f"{HOME}/writer from {HOME}": 1})
        await going(crew, upgrade, lambda: f"{AWAY}/reader from {HOME}" in gauge.measuring)
        async with probing(redis_url, gauge, AWAY):
            at_home = {f"{HOME}/writer from {HOME}": 1, f"{AWAY}/reader from {AWAY}": 1}
            await going(crew, upgrade, lambda: gauge.measuring == at_home)
        await going(crew, upgrade, lambda: f"{AWAY}/reader from {HOME}" in gauge.measuring)
        assert gauge.measuring == {f"{HOME}/writer from {HOME}": 1, f"{AWAY}/reader from {HOME}": 1}
        assert gauge.begun[f"{HOME}/writer from {HOME}"] == 1


async def going(crew: DocketCrew, upgrade: Upgrade, true: Callable[[], bool]) -> None:
    """What the sweep does, until it is true."""
    async with asyncio.timeout(SOON):
        while not true():
            await crew.set_going(upgrade)
            await asyncio.sleep(0.05)


async def test_a_prober_that_stops_hands_over_at_once(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    first, second, key = Gauge(), Gauge(), f"{HOME}/writer from {HOME}"
    async with probing(redis_url, first, HOME) as stop:
        await crew.set_going(upgrade)
        await eventually(lambda: first.now[key] == 1)
        async with probing(redis_url, second, HOME):
            stop.set()
            begun = asyncio.get_running_loop().time()
            await eventually(lambda: second.now[key] == 1)
            assert asyncio.get_running_loop().time() - begun < REDELIVERY.total_seconds()
            assert first.now[key] == 0


async def test_what_a_killed_prober_measured_is_measured_by_another(
    crew: DocketCrew, upgrade: Upgrade, redis_url: str
) -> None:
    gauge, key = Gauge(), f"{HOME}/writer from {HOME}"
    with another_process(redis_url, "prober") as process:
        await crew.set_going(upgrade)
        await hanging(redis_url, 1)
        async with probing(redis_url, gauge, HOME):
            process.send_signal(signal.SIGKILL)
            await eventually(lambda: gauge.measuring.get(key) == 1)


async def test_a_measurement_that_fails_is_begun_anew(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    begun = []

    async def fail(upgrade: UpgradeId, endpoint: str, vantage: str, holder: str) -> None:  # noqa: ARG001
        begun.append(endpoint)
        raise OSError(threading.Lock())

    async with probing(redis_url, fail, HOME):
        await going(crew, upgrade, lambda: begun.count(f"{HOME}/writer") >= 3)


async def test_measuring_goes_on_while_redis_is_away_and_is_not_doubled_after(valkey: Valkey) -> None:
    gauge, (upgrade, _), (other, _) = Gauge(), proposed(regions=(HOME,)), proposed("billing", (HOME,))
    key = f"{HOME}/writer from {HOME}"
    async with DocketCrew(valkey.url) as crew, probing(valkey.url, gauge, HOME):
        await crew.set_going(upgrade)
        await eventually(lambda: gauge.now[key] == 1)
        await valkey.kill()
        await asyncio.sleep(2 * REDELIVERY.total_seconds())
        await valkey.restart()
        await crew.set_going(other)
        await going(crew, upgrade, lambda: gauge.now[key] == 2)
        async with probe_docket(valkey.url, HOME) as probes, asyncio.timeout(SOON):
            while await state(probes, f"probe:{upgrade.id}:{HOME}/writer") != b"running":
                await crew.set_going(upgrade)
                await asyncio.sleep(0.05)
        assert gauge.begun[key] == 2, "one each"


async def test_of_two_that_measure_the_older_one_ends(crew: DocketCrew, upgrade: Upgrade, redis_url: str) -> None:
    """As when a worker that was believed dead wakes up: the same endpoint on two dockets."""
    gauge = Gauge()
    async with probing(redis_url, gauge, HOME, AWAY), probe_docket(redis_url, AWAY) as away:
        await crew.set_going(upgrade)
        await eventually(lambda: gauge.now[f"{HOME}/writer from {HOME}"] == 1)
        await away.add(docket_prober.probe, key=f"probe:{upgrade.id}:{HOME}/writer")(upgrade.id, f"{HOME}/writer")
        await eventually(
            lambda: gauge.now[f"{HOME}/writer from {AWAY}"] == 1 and gauge.now[f"{HOME}/writer from {HOME}"] == 0
        )
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            holder = await redis.get(claimed(upgrade.id, f"{HOME}/writer"))
        assert holder == gauge.holders[f"{HOME}/writer from {AWAY}"] != gauge.holders[f"{HOME}/writer from {HOME}"]
        settled = {f"{HOME}/writer from {HOME}": 1, f"{AWAY}/reader from {AWAY}": 1}
        await going(crew, upgrade, lambda: gauge.measuring == settled)


async def test_a_crew_without_redis_says_so(upgrade: Upgrade, unused_port: int) -> None:
    async with DocketCrew(f"redis://bot:s3cret@127.0.0.1:{unused_port}/0") as crew:
        with pytest.raises(Unavailable) as trouble:
            await crew.set_going(upgrade)
    assert "s3cret" not in str(trouble.value)


@pytest.fixture
def unused_port() -> int:
    from sandbox.valkey import free_port

    return free_port()
