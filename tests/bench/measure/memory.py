"""What the attempts of one upgrade weigh in Redis, as the prober stores them; and whether falling often makes them heavier."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from redis.asyncio import Redis

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.crew.measuring import FLUSH
from bot.domain.attempts import Attempt, Outcome
from bot.domain.cadence import Cadence
from bot.domain.ids import Region, UpgradeId
from bot.domain.outage import outages
from bot.domain.timeline import CameBack, WentDown
from bot.domain.topology import Endpoint
from sandbox.valkey import Valkey
from tests.adapters.store import NOW, proposed
from tests.bench.measure.figure import Figure

ENDPOINTS: Final = 8
LASTING: Final = timedelta(minutes=10)
DOWN: Final = timedelta(seconds=10)
SELDOM, OFTEN = 1, 20  # falls of each endpoint
MOST: Final = 5_000_000  # bytes
ALIKE: Final = 1.1  # times as heavy, and no more, are the attempts of as many falls
ANSWER: Final = timedelta(milliseconds=6)


@dataclass(frozen=True)
class Weight:
    """Bytes of all keys of an upgrade, and of its attempts among them."""

    whole: int
    attempts: int


async def bench() -> Sequence[Figure]:
    seldom, often = await _weigh(SELDOM), await _weigh(OFTEN)
    told = (often.whole - often.attempts - seldom.whole + seldom.attempts) / (OFTEN - SELDOM) / ENDPOINTS
    return [
        Figure(
            f"Redis, {LASTING.seconds // 60} minutes of {ENDPOINTS} endpoints at {Cadence().hot:g}/s",
            f"≤ {MOST / 1e6:g} MB",
            f"{seldom.whole / 1e6:.2f} MB",
            seldom.whole <= MOST,
        ),
        Figure(
            f"… when each falls {OFTEN} times instead of once",
            f"≤ {MOST / 1e6:g} MB",
            f"{often.whole / 1e6:.2f} MB",
            often.whole <= MOST,
            (f"{told / 1000:.1f} kB for each fall, which is told",),
        ),
        Figure(
            "… of it the attempts",
            f"≤ {ALIKE:g} ×",
            f"{often.attempts / seldom.attempts:.2f} × of {seldom.attempts / 1e6:.2f} MB",
            often.attempts <= ALIKE * seldom.attempts,
        ),
    ]


async def _weigh(falls: int) -> Weight:
    async with AsyncExitStack() as up:
        directory = up.enter_context(TemporaryDirectory())
        valkey = await up.enter_async_context(Valkey.start(Path(directory)))
        upgrades = RedisUpgrades(await up.enter_async_context(RedisServer(valkey.url)))
        upgrade, entries = proposed("orders", tuple(Region(f"region-{number}") for number in range(ENDPOINTS)))
        await upgrades.create(upgrade, entries)
        for endpoint in upgrade.plan.endpoints:
            await _measure(upgrades, upgrade.id, endpoint, falls)
        raw = await up.enter_async_context(Redis.from_url(valkey.url))
        keys = [key async for key in raw.scan_iter(match=f"*{upgrade.id}*")]
        weights = {key: await raw.memory_usage(key, samples=0) or 0 for key in keys}
        return Weight(sum(weights.values()), sum(each for key, each in weights.items() if b":attempts:" in key))


async def _measure(upgrades: RedisUpgrades, id: UpgradeId, endpoint: Endpoint, falls: int) -> None:
    made = list(attempts(falls))
    batch = round(FLUSH.total_seconds() * Cadence().hot)
    for begin in range(0, len(made), batch):
        await upgrades.add_attempts(id, endpoint.key, endpoint.region, made[begin : begin + batch])
    where = {"region": endpoint.region, "use": endpoint.use}
    for each in outages(made):
        down = WentDown(at=each.first_failure_at, outcome=each.outcomes[0], **where)
        back = CameBack(at=each.ended_by or each.last_failure_at, outage=each, **where)
        for key, entry in (("down", down), ("back", back)):
            await upgrades.append_once(id, f"{endpoint.key}:{key}:{each.first_failure_at.isoformat()}", entry)


def attempts(falls: int) -> Iterator[Attempt]:
    """Ten minutes of one endpoint, down for ten seconds in each of `falls` equal parts of them."""
    step, part = timedelta(seconds=1) / Cadence().hot, LASTING / falls
    for number in range(LASTING // step):
        start = NOW + number * step
        yield _attempt(start, is_down=part / 3 <= number * step % part < part / 3 + DOWN)


def _attempt(start: datetime, *, is_down: bool) -> Attempt:
    if is_down:
        return Attempt(start=start, end=start + ANSWER, outcome=Outcome.REFUSED, detail="Connection refused")
    return Attempt(start=start, end=start + ANSWER, outcome=Outcome.OK, version="17.5.4")
