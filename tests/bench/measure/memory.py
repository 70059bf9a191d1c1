"""What the attempts of one upgrade weigh in Redis, as the prober stores them; and whether falling often makes them heavier."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from redis.asyncio import Redis

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.crew.measuring import FLUSH
from bot.domain.attempts import Attempt, Outcome
from bot.domain.cadence import Cadence, offset
from bot.domain.ids import Region, UpgradeId
from bot.domain.outage import outages
from bot.domain.phases import Phases, Sample
from bot.domain.timeline import CameBack, WentDown
from bot.domain.topology import Endpoint
from bot.domain.ways import Lane, Use, beside
from sandbox.valkey import Valkey
from tests.adapters.store import NOW, proposed
from tests.bench.measure.figure import Figure

ENDPOINTS: Final = 8  # one a writer with three held sessions, the others with one each
LASTING: Final = timedelta(minutes=10)
DOWN: Final = timedelta(seconds=10)
SELDOM, OFTEN = 1, 20  # falls of each endpoint
MOST: Final = 5_000_000  # bytes
ALIKE: Final = 1.1  # times as heavy, and no more, are the attempts of as many falls
HELD: Final = 3  # PROBE_HELD_SESSIONS
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
            f"Redis, {LASTING.seconds // 60} min of {ENDPOINTS} endpoints at {Cadence().hot:g}/s, held sessions too",
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
    lanes = beside(endpoint, HELD, writes=False)
    held = [
        list(uses(lane, offset(number, 1 + len(lanes), Cadence().hot), falls)) for number, lane in enumerate(lanes, 1)
    ]
    batch = round(FLUSH.total_seconds() * Cadence().hot)
    for begin in range(0, len(made), batch):
        others = [use for each in held for use in each[begin : begin + batch]]
        await upgrades.add_attempts(id, endpoint.key, endpoint.region, made[begin : begin + batch], others)
    where = {"region": endpoint.region, "use": endpoint.use}
    for each in outages(made):
        down = WentDown(at=each.first_failure_at, outcome=each.outcomes[0], **where)
        back = CameBack(at=each.ended_by or each.last_failure_at, outage=each, **where)
        for key, entry in (("down", down), ("back", back)):
            await upgrades.append_once(id, f"{endpoint.key}:{key}:{each.first_failure_at.isoformat()}", entry)


def attempts(falls: int) -> Iterator[Attempt]:
    """Ten minutes of one endpoint, down for ten seconds in each of `falls` equal parts of them."""
    sample, random = Sample(), Random(falls)  # noqa: S311 - to be repeated
    for start, _, is_down in _times(falls):
        phases = Phases(None, *(random.randrange(200, 3000) for _ in range(0 if is_down else 4)))
        attempt = _attempt(start, "" if is_down else "17.5.4", random)
        yield sample.of(attempt.model_copy(update={"phases": phases, "addresses": ("10.0.1.5",)}))


def uses(lane: Lane, after: float, falls: int) -> Iterator[Use]:
    """The same of one lane whose session is dropped by each fall, and opened anew after it."""
    random = Random(lane.name)  # noqa: S311 - to be repeated
    for start, fallen, is_down in _times(falls):
        answer = "" if is_down else f"{4000 + 100 * fallen + lane.number}"
        session = 0 if is_down else 1 + fallen
        yield Use(lane=lane, attempt=_attempt(start + timedelta(seconds=after), answer, random), session=session)


def _times(falls: int) -> Iterator[tuple[datetime, int, bool]]:
    """When each begins, how many falls were before, and whether it is down."""
    step, part = timedelta(seconds=1) / Cadence().hot, LASTING / falls
    for number in range(LASTING // step):
        into = number * step % part
        yield NOW + number * step, number * step // part + (into >= part / 3), part / 3 <= into < part / 3 + DOWN


def _attempt(start: datetime, answer: str, random: Random) -> Attempt:
    took = ANSWER + timedelta(milliseconds=random.randrange(3))
    if answer:
        return Attempt(start=start, end=start + took, outcome=Outcome.OK, version=answer)
    return Attempt(start=start, end=start + took, outcome=Outcome.REFUSED, detail="Connection refused")
