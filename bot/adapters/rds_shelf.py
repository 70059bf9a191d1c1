"""Answers of AWS, kept for a short while where all processes find them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.domain.errors import Unavailable
from bot.ports import Cache

T = TypeVar("T")
Ask = Callable[[], Awaitable[T]]


class Shelf:
    """A cache that is down or talks nonsense is passed by. Whoever asks while a question is under way shares its answer."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._asking: dict[str, asyncio.Task[Any]] = {}

    async def kept(self, key: str, kind: TypeAdapter[T], keep: timedelta, ask: Ask[T]) -> T:
        """The answer from the shelf, else a new one, which is then kept."""
        found = await self._found(key, kind)
        if found is not None:
            return found
        if key not in self._asking:
            task = asyncio.ensure_future(self.fresh(key, kind, keep, ask))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        answer: T = await asyncio.shield(self._asking[key])
        return answer

    async def fresh(self, key: str, kind: TypeAdapter[T], keep: timedelta, ask: Ask[T]) -> T:
        """Always a new answer, asked for after this call began; then it is kept."""
        answer = await ask()
        with suppress(Unavailable):
            await self._cache.put(key, kind.dump_json(answer).decode(), keep)
        return answer

    async def close(self) -> None:
        asking = tuple(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _found(self, key: str, kind: TypeAdapter[T]) -> T | None:
        with suppress(Unavailable, ValidationError):
            text = await self._cache.get(key)
            return None if text is None else kind.validate_json(text)
        return None

    def _answered(self, key: str, task: asyncio.Task[Any]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # those who waited have it; without them nobody needs it
