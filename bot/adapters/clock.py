"""The wall clock, and one without its steps."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.unobserved import BLINK

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BLINK_NS: Final = BLINK // timedelta(microseconds=1) * 1000
_UNUSED_NS: Final = 10 * 10**9  # whoever measures asks at least once a second


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


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
