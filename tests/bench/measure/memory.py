"""What the attempts of one upgrade weigh in Redis, as the prober stores them; and whether falling often makes them heavier."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from redis.asyncio import Redis

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.crew.prober import FLUSH, Cadence
from bot.domain.attempts import Attempt, Outcome
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
MOST: Final = 5.0  # MB
ALIKE: Final = 1.2  # times as heavy, and no more, with as many falls
ANSWER: Final = timedelta(milliseconds=6)


async def bench() -> Sequence[Figure]:
    seldom, often = await _weigh(SELDOM), await _weigh(OFTEN)
    return [
        Figure(
            f"Redis, {LASTING.seconds // 60} minutes of {ENDPOINTS} endpoints at {Cadence().hot:g}/s",
            f"≤ {MOST:g} MB",
            f"{seldom:.2f} MB",
            max(seldom, often) <= MOST,
        ),
        Figure(
            f"… when each falls {OFTEN} times instead of once",
            f"≤ {ALIKE:g} ×",
            f"{often / seldom:.2f} × ({often:.2f} MB)",
            often <= ALIKE * seldom,
        ),
    ]


async def _weigh(falls: int) -> float:
    """MB of all keys of the upgrade."""
    with TemporaryDirectory() as directory:
        async with (
            Valkey.start(Path(directory)) as valkey,
            RedisServer(valkey.url) as server,
            Redis.from_url(valkey.url) as raw,
        ):
            upgrades = RedisUpgrades(server)
            upgrade, entries = proposed("orders", tuple(Region(f"region-{number}") for number in range(ENDPOINTS)))
            await upgrades.create(upgrade, entries)
            for endpoint in upgrade.plan.endpoints:
                await _measure(upgrades, upgrade.id, endpoint, falls)
            keys = [key async for key in raw.scan_iter(match=f"*{upgrade.id}*")]
            return sum([await raw.memory_usage(key, samples=0) or 0 for key in keys]) / 1e6


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
