"""From a recording to what it proves, lane by lane."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_high
from typing import Final

from bot.domain.attempts import Attempt
from bot.domain.base import Value
from bot.domain.held import Session, sessions
from bot.domain.observer import amid, heard, merged, standstills
from bot.domain.outage import Bounds, Outage, in_all, outages
from bot.domain.recording import by_lane
from bot.domain.unobserved import BLINK, Unobserved, by_start, resolution, unobserved
from bot.domain.ways import OBSERVER, Lane, Use, Way

STEPS: Final = 3  # a lane that misses so many of its steps was not looked at


class Watched(Value):
    """One lane: what was tried, from the start of the first attempt to the end of the last, and what it proves.

    Nobody looked in the stretches of `unobserved`; in those of `stood_still` the observer was no witness, and they are the
    same in all lanes that it measured.
    """

    lane: Lane
    since: datetime
    until: datetime
    attempts: int
    failed: int
    unknown: int
    answered: str  # what the last success did
    outages: tuple[Outage, ...]
    unobserved: tuple[Unobserved, ...]
    stood_still: tuple[Unobserved, ...]
    sessions: tuple[Session, ...]
    resolution: timedelta | None  # an outage as short as this may have gone unseen
    last: Attempt

    @property
    def was_up(self) -> bool:
        return self.attempts > self.failed + self.unknown

    @property
    def bounds(self) -> Bounds:
        """Of all its downtime; an outage that it began or ended in has no upper bound."""
        return in_all(self.outages, self.missed)

    @property
    def missed(self) -> tuple[Unobserved, ...]:
        """Both together, apart from each other and in order."""
        return merged([*self.unobserved, *self.stood_still])


def watched(uses: Iterable[Use]) -> tuple[Watched, ...]:
    """Every lane but those of control, whose standstills are unobserved stretches of the lanes that they speak of."""
    lanes = by_lane(uses)
    control = {lane.endpoint: lanes.pop(lane) for lane in list(lanes) if lane.way is Way.CONTROL}
    return tuple(_watched(lane, lanes[lane], _stood_still(control, lane)) for lane in sorted(lanes, key=_place))


def _stood_still(control: Mapping[str, Sequence[Use]], lane: Lane) -> tuple[Unobserved, ...]:
    """By the observer of all, and by the one of this endpoint."""
    return standstills(use.attempt for whose in (OBSERVER, lane.endpoint) for use in control.get(whose, ()))


def _place(lane: Lane) -> tuple[str, int, int]:
    return lane.endpoint, list(Way).index(lane.way), lane.number


def _watched(lane: Lane, uses: Sequence[Use], stood_still: Sequence[Unobserved]) -> Watched:
    tried = sorted(heard((use.attempt for use in uses), stood_still), key=by_start)
    blink = BLINK if lane.is_of_upgrade else blink_of(tried)  # its prober never tries less than once a second
    return Watched(
        lane=lane,
        since=tried[0].start,
        until=max(each.end for each in tried),
        attempts=len(tried),
        failed=sum(each.outcome.proves_down for each in tried),
        unknown=sum(each.outcome.proves_nothing for each in tried),
        answered=next((each.version for each in reversed(tried) if each.outcome.proves_up), ""),
        outages=outages(tried, blink, amid(tried, stood_still)),
        unobserved=unobserved(tried, blink),
        stood_still=tuple(stood_still),
        sessions=sessions(uses, stood_still) if lane.way is Way.HELD else (),
        resolution=resolution(tried, blink),
        last=tried[-1],
    )


def blink_of(tried: Sequence[Attempt]) -> timedelta:
    """As long as usual, but a slower schedule is not blind between its attempts; these are by their starts."""
    steps = [after.start - before.start for before, after in pairwise(tried)]
    return max(BLINK, STEPS * median_high(steps)) if steps else BLINK
