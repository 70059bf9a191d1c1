"""Bad days of Slack, called up one method at a time or all at once."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.slack.errors import RateLimitError, SlackError

ALL: Final = "*"


@dataclass
class Held:
    """A call whose work is done and whose answer is kept back until released."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()


class OverloadedError(SlackError):
    """A 5xx: nothing was done, but whoever called cannot know that."""

    status = 503

    def __init__(self) -> None:
        super().__init__("service_unavailable")


class Faults:
    """Where a method is asked for, `*` means every one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._limited_until: dict[tuple[str, str], float] = {}
        self._refusals: dict[str, list[str]] = {}
        self._overloaded: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._held: dict[str, Held] = {}
        self._gone = False
        self.delay = 0.0  # seconds before each call is looked at

    def rate_limit(self, method: str, seconds: float, channel: str = ALL) -> None:
        """Every call of the method, or only those about one channel, gets a 429 until then."""
        self._limited_until[method, channel] = self._now() + seconds

    def refuse(self, method: str, error: str, times: int = 1) -> None:
        """The next calls of the method fail with this error and change nothing."""
        self._refusals.setdefault(method, []).extend([error] * times)

    def overload(self, method: str, times: int = 1) -> None:
        """The next calls of the method get a 503."""
        self._overloaded[method] += times

    def lose_answer(self, method: str, times: int = 1) -> None:
        """The next calls of the method do their work, and the connection is cut before the answer."""
        self._lost[method] += times

    def hold_answer(self, method: str) -> Held:
        """The next call of the method does its work, and its answer waits for `release()`."""
        held = self._held[method] = Held()
        return held

    def vanish(self) -> None:
        """Every connection is cut as soon as it asks for anything, until `come_back`."""
        self._gone = True

    def come_back(self) -> None:
        self._gone = False

    @web.middleware
    async def presence(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._gone and request.transport is not None:
            request.transport.abort()
            return web.Response(status=503)
        return await handler(request)

    async def before(self, method: str, channel: str = "") -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        until = max(self._limited_until.get((m, c), 0) for m in (method, ALL) for c in (channel, ALL))
        if (wait := until - self._now()) > 0:
            raise RateLimitError(max(1, math.ceil(wait)), on_purpose=True)
        for each in (method, ALL):
            if self._overloaded[each] > 0:
                self._overloaded[each] -= 1
                raise OverloadedError
        if errors := self._refusals.get(method):
            raise SlackError(errors.pop(0))

    async def after(self, method: str, request: web.Request) -> None:
        if held := self._held.pop(method, None):
            held.arrived.set()
            await held.released.wait()
        if self._lost[method] > 0 and request.transport is not None:
            self._lost[method] -= 1
            request.transport.abort()
