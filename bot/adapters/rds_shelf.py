"""Answers of AWS, kept for a short while where all processes find them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.adapters.rounds import Rounds
from bot.domain.errors import Unavailable
from bot.ports.sharing import Cache

T = TypeVar("T")
Ask = Callable[[], Awaitable[T]]

TROUBLE: Final = "trouble "  # before what is kept of trouble; JSON never begins so
SOON: Final = timedelta(seconds=0.4)  # a cache that is slower than this saves nobody time
LEFT_ALONE: Final = timedelta(seconds=5)
NOT_AGAIN: Final = timedelta(seconds=3)  # what AWS did not answer is not asked again so soon, whoever wants to know


class Shelf:
    """Whoever asks while a question is under way shares its answer, and so does whoever looks while somebody looks.

    A cache that talks nonsense is passed by, and one that is down or hangs for a while: it costs `SOON` once.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._alone_until = float("-inf")  # by time.monotonic
        self._asking: dict[str, asyncio.Task[Any]] = {}
        self._rounds = Rounds()
        self._last: dict[str, tuple[str, Any]] = {}  # each key's text as it was last, and what it says

    async def kept(self, key: str, kind: TypeAdapter[T], keep: timedelta, ask: Ask[T]) -> T:
        """The answer from the shelf, else a new one, which is then kept; trouble is kept too, for a moment."""
        if key not in self._asking:
            task = asyncio.ensure_future(self._found_or_fresh(key, kind, keep, ask))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        answer: T = await asyncio.shield(self._asking[key])
        return answer

    async def fresh(self, key: str, kind: TypeAdapter[T], keep: timedelta, ask: Ask[T]) -> T:
        """Always a new answer, asked for after this call began, and shared by all who began before it; then it is kept."""
        return await self.anew(key, lambda: self._asked(key, kind, keep, ask))

    async def anew(self, key: str, ask: Ask[T]) -> T:
        """The same, and not kept."""
        return await self._rounds.ask(key, ask)

    async def _asked(self, key: str, kind: TypeAdapter[T], keep: timedelta, ask: Ask[T]) -> T:
        answer = await ask()
        text = kind.dump_json(answer).decode()
        self._last[key] = text, answer
        await self._put(key, text, keep)
        return answer

    async def close(self) -> None:
        asking = tuple(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._rounds.close()

    async def _found_or_fresh(self, key: str, kind: TypeAdapter[T], keep: timedelta, ask: Ask[T]) -> T:
        found = await self._found(key, kind)
        if found is not None:
            return found
        try:
            return await self.fresh(key, kind, keep, ask)
        except Unavailable as trouble:
            await self._put(key, TROUBLE + json.dumps([trouble.what, trouble.code, trouble.detail]), NOT_AGAIN)
            raise

    async def _put(self, key: str, text: str, keep: timedelta) -> None:
        with suppress(Unavailable):
            async with self._in_time():
                await self._cache.put(key, text, keep)

    async def _found(self, key: str, kind: TypeAdapter[T]) -> T | None:
        try:
            async with self._in_time():
                text = await self._cache.get(key)
        except Unavailable:
            return None
        if text and text.startswith(TROUBLE):
            raise Unavailable(*json.loads(text.removeprefix(TROUBLE)))
        with suppress(ValidationError):
            return None if text is None else self._parsed(key, kind, text)
        return None

    def _parsed(self, key: str, kind: TypeAdapter[T], text: str) -> T:
        """All of a Region is long to parse and looked at many times before it changes."""
        if key not in self._last or self._last[key][0] != text:
            self._last[key] = text, kind.validate_json(text)
        said: T = self._last[key][1]
        return said

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Unavailable when the cache is, when it hangs, and as long as it is left alone for that."""
        if time.monotonic() < self._alone_until:
            raise Unavailable("the cache", "left alone")
        try:
            async with asyncio.timeout(SOON.total_seconds()):
                yield
        except (TimeoutError, Unavailable) as trouble:
            self._alone_until = time.monotonic() + LEFT_ALONE.total_seconds()
            raise Unavailable("the cache", type(trouble).__name__) from None

    def _answered(self, key: str, task: asyncio.Task[Any]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # those who waited have it; without them nobody needs it
