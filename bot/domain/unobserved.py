"""When nobody looked: the stretches of which nothing is known, neither up nor down."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from bot.domain.attempts import Attempt
from bot.domain.base import Value

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
BLINK: Final = timedelta(seconds=2)  # a prober tries at least once a second; one that is busy may skip a try


class Unobserved(Value):
    """Nobody looked between these.

    Of an absence `since` is when the last attempt before it began, and `until` when the first one after ended. A standstill
    of the observer has the stamps of its own knock, so it may have begun, and ended, up to a step of that sooner and later; what
    was missed there counts among what may have gone unseen (`resolution`), as between any two attempts. The others are edges:
    from the order to the end of the first success, from the start of the last attempt to the end.
    """

    since: datetime
    until: datetime

    @property
    def lasting(self) -> timedelta:
        return self.until - self.since


def by_start(attempt: Attempt) -> tuple[datetime, datetime]:
    """Of two that began together, the one that ended first comes first."""
    return attempt.start, attempt.end


class Lookout:
    """Sees attempts in the order of `by_start`, and notices when none came for longer than a blink.

    An attempt that proves nothing is no look. Why nobody looked makes no difference: a prober died, its machine stood
    still, our names did not resolve.
    """

    def __init__(self, blink: timedelta = BLINK) -> None:
        self._blink = blink
        self._looked_at: datetime | None = None

    def see(self, attempt: Attempt) -> Unobserved | None:
        """Give the stretch that ended with this attempt, if there was one."""
        if attempt.outcome.proves_nothing:
            return None
        before, self._looked_at = self._looked_at, attempt.start
        if before is None or attempt.start - before <= self._blink:
            return None
        return Unobserved(since=before, until=attempt.end)


def resolution(attempts: Iterable[Attempt], blink: timedelta = BLINK, since: datetime = LONG_AGO) -> timedelta | None:
    """The longest that an outage could last, from `since` on, without any of these attempts seeing it, while somebody looked.

    From the start of one success to the end of the next, for the one may have looked at its start and the other at its
    end. None without two that follow each other.
    """
    looks = sorted((each for each in attempts if not each.outcome.proves_nothing), key=by_start)
    between = [
        after.end - max(before.start, since)
        for before, after in pairwise(looks)
        if before.outcome.proves_up
        and after.outcome.proves_up
        and after.start - before.start <= blink
        and since < after.end
    ]
    return max(between, default=None)


def unobserved(attempts: Iterable[Attempt], blink: timedelta = BLINK) -> tuple[Unobserved, ...]:
    """All such stretches between the first and the last of these attempts, in whatever order they are given."""
    lookout = Lookout(blink)
    stretches = (lookout.see(attempt) for attempt in sorted(attempts, key=by_start))
    return tuple(each for each in stretches if each)
