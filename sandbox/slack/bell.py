"""Waiting for something to become true, without polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class Bell:
    """Everybody who waits looks again when it rings."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, look: Callable[[], Found | None], within: float) -> Found:
        """What `look` finds, as soon as it finds it; TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while (found := look()) is None:
                waiter = asyncio.get_running_loop().create_future()
                self._waiting.append(waiter)
                await waiter
        return found
