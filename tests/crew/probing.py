"""A prober in a test: scripted attempts, and what the store knows of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.adapters.clock import SteadyClock
from bot.crew.backlog import NoSpill
from bot.crew.observer import Observer
from bot.crew.prober import Prober
from bot.domain import moves
from bot.domain.attempts import Attempt, Outcome
from bot.domain.cadence import Cadence
from bot.domain.phases import Phases
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade
from bot.ports.clock import Clock
from bot.ports.probing import Probe, Spill, Ways
from tests.crew.house import MINA, US, Store

WRITER = f"{US}/writer"
LATENESS = 0.2  # seconds, on a machine that has other things to do
OK, REFUSED, AUTH = Outcome.OK, Outcome.REFUSED, Outcome.AUTH


@dataclass
class Script:
    """Plays the probe: every attempt comes to `outcome` at once, or hangs until its deadline while that is None."""

    outcome: Outcome | None = OK
    version: str = "18.4.1"
    begun: list[float] = field(default_factory=list)  # by the loop's clock
    ended: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    clock: Clock = field(default_factory=SteadyClock)
    most_at_once: int = 0
    addresses: tuple[str, ...] = ()

    async def attempt(self, endpoint: Endpoint, deadline: timedelta) -> Attempt:  # noqa: ARG002 - there is one
        start, outcome = self.clock.now(), self.outcome
        self.begun.append(asyncio.get_running_loop().time())
        self.most_at_once = max(self.most_at_once, len(self.begun) - self.ended)
        async with self.changed:
            self.changed.notify_all()
        if outcome is None:
            await asyncio.sleep(deadline.total_seconds())
        self.ended += 1
        outcome = outcome or Outcome.TIMEOUT
        version = self.version if outcome is OK else ""
        return Attempt(
            start=start, end=max(start, self.clock.now()), outcome=outcome, version=version, addresses=self.addresses,
            phases=Phases(connect=212),
        )  # fmt: skip

    async def until(self, number: int) -> None:
        """That many attempts are begun."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.begun) >= number)

    async def more(self, number: int) -> None:
        await self.until(len(self.begun) + number)


@asynccontextmanager
async def probing(
    store: Store,
    upgrade: Upgrade,
    probe: Probe,
    vantage: str = US,
    *,
    holder: str = "somebody",
    clock: Clock | None = None,
    spill: Spill | None = None,
    ways: Ways | None = None,
    held: int = 0,
    observer: Observer | None = None,
    **cadence: float,
) -> AsyncIterator["asyncio.Task[None]"]:
    told = {"calm": 20.0, "hot": 40.0, "deadline": 5.0} | cadence
    one = Prober(
        probe,
        store,
        clock or SteadyClock(),
        Cadence(told["calm"], told["hot"], timedelta(seconds=told["deadline"])),
        spill or NoSpill(),
        ways=ways,
        held=held,
        observer=observer,
    )
    running = asyncio.create_task(one.run(upgrade.id, WRITER, vantage, holder))
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def eventually(is_so: Callable[[], Awaitable[bool]], within: float = 20) -> None:
    """Asked again and again, for the store calls nobody."""
    until = asyncio.get_running_loop().time() + within
    while not await is_so():
        assert asyncio.get_running_loop().time() < until, "it never came to that"
        await asyncio.sleep(0.02)


async def says(store: Store, upgrade: Upgrade, *kinds: str) -> None:
    """Waits until the timeline tells this, after the proposal, of the endpoint."""

    async def is_told() -> bool:
        return await told(store, upgrade) == [*kinds]

    await eventually(is_told)


async def told(store: Store, upgrade: Upgrade) -> list[str]:
    about = ("reached", "cannot_measure", "went_down", "came_back", "looked_away")
    return [kind for kind in await store.kinds(upgrade.id) if kind in about]


async def stored(store: Store, upgrade: Upgrade) -> tuple[Attempt, ...]:
    return (await store.attempts(upgrade.id, WRITER))[1]


async def order(store: Store, upgrade: Upgrade) -> Upgrade:
    now = datetime.now(UTC)
    upgrade = await store.save(*moves.approve(upgrade, MINA, upgrade.plan.digest, upgrade.rule, now))
    upgrade = await store.save(*moves.intend(upgrade, (MINA,), now))
    return await store.save(*moves.accepted(upgrade, now))
