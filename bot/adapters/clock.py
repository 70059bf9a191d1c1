"""The clock that all processes share, and one without steps."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.unobserved import BLINK

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BLINK_NS: Final = BLINK // timedelta(microseconds=1) * 1000
_SAME_NS: Final = 10**8  # clocks that are as near to each other show the same time
_UNUSED_NS: Final = 10 * 10**9  # whoever measures asks at least once a second


def ticks() -> int:
    """Nanoseconds of a clock that nobody sets; it goes on while the machine sleeps."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SharedClock:
    """The time of the store, which all processes have in common: setting the clock of their machine does not change it.

    Until the store has been heard it is the wall clock's. What the store says is followed when it differs by more than
    can be due to the way there. Whose clock is wrong nobody here knows; so `disagreement` tells how far apart they are.
    """

    def __init__(self, wall: Callable[[], int] = time.time_ns, ticks: Callable[[], int] = ticks) -> None:
        self._wall = wall
        self._ticks = ticks
        self._lead = wall() - ticks()
        self._wall_lead = self._lead

    def now(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.time_ns() // 1000)

    def time_ns(self) -> int:
        return self._lead + self._ticks()

    async def listen(self, ask: Callable[[], Awaitable[int]]) -> None:
        """`ask` gives the store's time in nanoseconds."""
        before = self._ticks()
        said, after = await ask(), self._ticks()
        off = said - (self._lead + (before + after) // 2)
        if abs(off) > max(after - before, _SAME_NS):
            self._lead += off

    def disagreement(self) -> timedelta:
        """By how much the clock of this machine is ahead of the store's."""
        return timedelta(microseconds=(self._wall() - self.time_ns()) // 1000)

    def was_set_back(self) -> bool:
        """Whether the clock of this machine was, by more than a blink, since this was asked last."""
        lead = self._wall() - self._ticks()
        before, self._wall_lead = self._wall_lead, lead
        return before - lead > _BLINK_NS


class SteadyClock:
    """For stamps that are compared with each other, and with what other machines wrote down.

    It runs with the monotonic clock, so a duration is true though the wall clock be set meanwhile. It follows the wall
    clock forward as soon as that is ahead by more than a blink (the machine slept, or the time was set): then
    such a step is a stretch that nobody watched, and never makes an outage longer. It follows back only when nobody
    has asked for some seconds, so not while anything is measured: the order of what was tried is worth more.
    """

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._asked = monotonic()
        self._lead = wall() - self._asked

    def now(self) -> datetime:
        ticks = self._monotonic()
        lead, unused = self._wall() - ticks, ticks - self._asked
        if lead - self._lead > _BLINK_NS or unused > _UNUSED_NS:
            self._lead = lead
        self._asked = ticks
        return _EPOCH + timedelta(microseconds=(self._lead + ticks) // 1000)

    def set_back(self) -> timedelta:
        """By how much the wall clock was set back while this one was in use; nothing when that is no more than a blink."""
        ahead = timedelta(microseconds=(self._lead + self._monotonic() - self._wall()) // 1000)
        return ahead if ahead > BLINK else timedelta()
