"""Bad days of the Web API, called up one method at a time."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.slack.errors import RateLimitError, SlackError


@dataclass
class Held:
    """A call whose work is done and whose answer is kept back until released."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()


class Faults:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._limited_until: dict[str, float] = {}
        self._refusals: dict[str, list[str]] = {}
        self._lost: Counter[str] = Counter()
        self._held: dict[str, Held] = {}

    def rate_limit(self, method: str, seconds: float) -> None:
        """Every call of the method gets a 429 until then."""
        self._limited_until[method] = self._now() + seconds

    def refuse(self, method: str, error: str, times: int = 1) -> None:
        """The next calls of the method fail with this error and change nothing."""
        self._refusals.setdefault(method, []).extend([error] * times)

    def lose_answer(self, method: str, times: int = 1) -> None:
        """The next calls of the method do their work, and the connection is cut before the answer."""
        self._lost[method] += times

    def hold_answer(self, method: str) -> Held:
        """The next call of the method does its work, and its answer waits for `release()`."""
        held = self._held[method] = Held()
        return held

    def before(self, method: str) -> None:
        if (wait := self._limited_until.get(method, 0) - self._now()) > 0:
            raise RateLimitError(max(1, math.ceil(wait)))
        if errors := self._refusals.get(method):
            raise SlackError(errors.pop(0))

    async def after(self, method: str, request: web.Request) -> None:
        if held := self._held.pop(method, None):
            held.arrived.set()
            await held.released.wait()
        if self._lost[method] > 0 and request.transport is not None:
            self._lost[method] -= 1
            request.transport.abort()
