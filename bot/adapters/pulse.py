"""How long the loop of this process has stood still: for want of a processor, or because somebody kept it busy."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BEAT: Final = 0.05  # seconds


class Pulse:
    """Beats while anybody minds it. A beat that comes late is the time for which nothing here could go on.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._minding = 0
        self._missed = 0.0
        self._due = 0.0
        self._next: asyncio.TimerHandle | None = None

    @contextmanager
    def minded(self) -> Iterator[None]:
        if not self._minding:
            self._beat_in_time()
        self._minding += 1
        try:
            yield
        finally:
            self._minding -= 1
            if not self._minding and self._next:
                self._next.cancel()

    @property
    def missed(self) -> float:
        """Seconds, of all the time that it was minded; to be compared with what it was before."""
        return self._missed + self._late()

    def _late(self) -> float:
        return max(0.0, asyncio.get_running_loop().time() - self._due)

    def _beat(self) -> None:
        self._missed += self._late()
        self._beat_in_time()

    def _beat_in_time(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + BEAT
        self._next = loop.call_at(self._due, self._beat)
