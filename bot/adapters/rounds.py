"""Questions in rounds: whoever asks while one is under way shares the next, which is put after they came."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

T = TypeVar("T")

HANGING: Final = timedelta(seconds=1)  # a question that takes longer keeps the next round waiting no more


class Rounds:
    """However many ask at once, each key has one question under way and one to come, unless the first one hangs."""

    def __init__(self) -> None:
        self._to_come: dict[str, asyncio.Task[Any]] = {}
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._all: set[asyncio.Task[Any]] = set()  # those that hang, too

    async def ask(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        """An answer to a question that was put after this call began. All who ask for a key have the same one."""
        if key not in self._to_come:
            task = asyncio.ensure_future(self._round(key, question))
            self._to_come[key] = task
            self._all.add(task)
            task.add_done_callback(lambda done: self._answered(key, done))
        answer: T = await asyncio.shield(self._to_come[key])
        return answer

    async def close(self) -> None:
        asking = tuple(self._all)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _round(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        if before := self._under_way.get(key):
            await asyncio.wait({before}, timeout=HANGING.total_seconds())
        self._under_way[key] = self._to_come.pop(key)
        return await question()

    def _answered(self, key: str, task: asyncio.Task[Any]) -> None:
        self._all.discard(task)
        for tasks in (self._to_come, self._under_way):
            if tasks.get(key) is task:
                del tasks[key]
        if not task.cancelled():
            task.exception()  # those who waited have it; without them nobody needs it
