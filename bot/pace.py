"""A schedule of its own for each way of using an endpoint: tries are launched on time, and none waits for another."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.attempts import AT_ONCE

SELDOM = 100_000  # objects that are kept; some seconds of 40 endpoints


@dataclass
class Pace:
    """`attempt` is launched `rate()` times a second and given when it was due. Belongs to one event loop."""

    attempt: Callable[[datetime], Awaitable[None]]
    rate: Callable[[], float]
    now: Callable[[], datetime]
    at_once: int = AT_ONCE
    flying: dict[asyncio.Task[None], datetime] = field(default_factory=dict)
    _due: float | None = None  # by the loop's clock
    _broken: BaseException | None = None

    async def keep(self, offset: float = 0.0) -> None:
        """Until cancelled, or until a try raises. Whoever is late by whole steps skips these, and does not catch up in a burst.

        `offset`: seconds until the first one is due. So those who begin together need not go on in step, and do not fall
        into it when all of them are late.

        Nor is one launched beside too many that hang: what is missed so long is a stretch that nobody watched.
        """
        loop = asyncio.get_running_loop()
        self._due = loop.time() + offset
        await asyncio.sleep(offset)
        while not self._broken:
            if len(self.flying) < self.at_once:
                self._launch(self._due_at())
            step = 1 / self.rate()
            self._due += step * max(1.0, (loop.time() - self._due) // step)
            await asyncio.sleep(self._due - loop.time())
        raise self._broken

    @property
    def settled(self) -> datetime:
        """Every try that was due before has ended."""
        return min((self._due_at(), *self.flying.values()))

    def _due_at(self) -> datetime:
        """When the next one is due, or now if that is still to come."""
        late = 0.0 if self._due is None else max(0.0, asyncio.get_running_loop().time() - self._due)
        return self.now() - timedelta(seconds=late)

    def _launch(self, due: datetime) -> None:
        task = asyncio.create_task(self._try(due))
        self.flying[task] = due
        task.add_done_callback(self._land)

    async def _try(self, due: datetime) -> None:
        await self.attempt(due)

    def _land(self, done: asyncio.Task[None]) -> None:
        self.flying.pop(done, None)
        if not done.cancelled():
            self._broken = self._broken or done.exception()


def hold_still() -> None:
    """For a process that must answer at once: nothing may stop its loop for long. Called when all is loaded.

    What is loaded stays, and a search through it for garbage takes 0.1 s, every few seconds; one through what was measured
    since takes as long. Nearly all garbage goes by itself, so the search for the rest may be rare. A thread that reads
    what AWS says lets the loop in after a millisecond, not after five.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(SELDOM, 50, 100)
    sys.setswitchinterval(0.001)


async def stop(*tasks: asyncio.Task[None]) -> None:
    """Cancel them, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
