"""Ctrl-C and SIGTERM: all that is up is taken down first, and then one exception says which it was."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}; everything is taken down")
        self.exit_code = 128 + number


async def until_told(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to, or Interrupted when it had to end sooner. A second signal ends the program at once."""
    loop, told = asyncio.get_running_loop(), list[signal.Signals]()
    task = asyncio.ensure_future(work)

    def end(number: signal.Signals) -> None:
        told.append(number)
        loop.remove_signal_handler(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        raise (Interrupted(told[0]) if told else asyncio.CancelledError) from None
