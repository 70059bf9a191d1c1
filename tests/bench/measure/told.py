"""From the first failed attempt to the line in the thread: the bot's own processes, and a Slack without limits.

While an upgrade is under way, whose own restarts count as well; one whose last instance takes long to be ready.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.domain.outage import outages
from sandbox.aurora.outage import Kind, Outage
from sandbox.aurora.seed import SECONDARY, WRITER
from sandbox.people import Team
from sandbox.slack import Message
from sandbox.world import CHANNEL, Wish, World, world
from tests.bench.measure.figure import Figure, at

FALLS: Final = 10  # of each of the two endpoints
DOWN: Final = timedelta(seconds=1.5)
CALM: Final = (2.0, 4.0)  # seconds
SETTLING: Final = 4.0
ORDERED_SECONDS: Final = 60.0
LATEST: Final = 1.5  # seconds
SCENARIO: Final = "stuck"
ORDERED: Final = "upgrade started"
REGIONS: Final = (WRITER, SECONDARY)
FELL: Final = re.compile(r"(\S+)  (?:writer|reader)  unreachable(?: or slow)?: ")


async def bench() -> Sequence[Figure]:
    with TemporaryDirectory() as directory:
        async with world(Path(directory), Wish(rate_limits=False)) as here:
            here.aurora.scenario = SCENARIO
            team = Team(here.slack, CHANNEL)
            card = await team.propose()
            await team.approve(card)
            await team.sees_reply(card, lambda reply: ORDERED in reply.text, within=ORDERED_SECONDS)
            await asyncio.gather(*(_fall(here, region) for region in REGIONS))
            await asyncio.sleep(SETTLING)
            delays = list(_delays(await _fell(here), _said(here.slack.replies(card.channel, card.ts))))
    p50, p95 = at(delays, 0.5), at(delays, 0.95)
    return [
        Figure(
            f"first failed attempt to its line in the thread, p95 of {len(delays)}",
            f"≤ {LATEST:g} s",
            f"{p95:.2f} s (p50 {p50:.2f} s)",
            p95 <= LATEST,
        )
    ]


async def _fall(here: World, region: str) -> None:
    random = Random(region)  # noqa: S311 - to be repeated
    for _ in range(FALLS):
        await asyncio.to_thread(here.aurora.server(region).door.suffer, Outage(Kind.REFUSE, DOWN))
        await asyncio.sleep(random.uniform(*CALM))


async def _fell(here: World) -> dict[str, list[datetime]]:
    """By Region, when the first failed attempt of each fall began, from what the prober stored."""
    async with RedisServer(here.valkey.url) as server:
        upgrades = RedisUpgrades(server)
        (upgrade,) = await upgrades.unfinished()
        stored = {each.region: await upgrades.attempts(upgrade.id, each.key) for each in upgrade.plan.endpoints}
    return {str(region): [each.first_failure_at for each in outages(tried)] for region, (_, tried) in stored.items()}


def _said(thread: Sequence[Message]) -> dict[str, list[datetime]]:
    """By Region, when each line about a fall came."""
    lines = [(found[1], message.at) for message in thread for found in FELL.finditer(message.text)]
    return {region: [at for of, at in lines if of == region] for region in REGIONS}


def _delays(fell: dict[str, list[datetime]], said: dict[str, list[datetime]]) -> Iterator[float]:
    """Seconds; infinity for a fall that was not told."""
    for region in REGIONS:
        for began, told in zip_longest(fell[region], said[region]):
            yield (told - began).total_seconds() if began and told else float("inf")
