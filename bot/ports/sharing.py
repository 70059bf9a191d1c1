"""What all processes share, so that outside systems are not asked or told too much."""

from datetime import timedelta
from typing import Protocol


class Cache(Protocol):
    """Short-lived shared knowledge, so that calls to AWS depend on Regions and not on upgrades."""

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, value: str, keep: timedelta) -> None: ...


class Lanes(Protocol):
    """Whoever sends into a lane keeps its distance from all the others, in every process."""

    async def reserve(self, lane: str, every: timedelta, at_most: timedelta, /) -> timedelta:
        """Take the lane's next place, `every` after the one before, and give how long it is until then.

        When that is longer than `at_most` no place is taken, so that those who go away hold nobody up.
        """
        ...

    async def suspend(self, lane: str, wait: timedelta, /) -> None:
        """No place before `wait` is over."""
        ...
