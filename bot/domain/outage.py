"""From attempts to outages with bounds: what is proven about the truth, and nothing more.

Attempts follow a schedule of their own and overlap. A success proves that the endpoint was up at some instant inside
[start, end], a failure that it was down at some instant inside; nobody knows which instant.

A time-out is no answer, and a weaker witness: proof.py says how little of the length of an outage it proves. Which
success came before or after it is another matter, for there one that is given too little makes at_most no smaller than
the attempts around it allow. A connection begun while the endpoint was silent hangs, and so does one begun a moment
before; so there it counts from its start to the time when a healthy endpoint would have answered: the slowest of the
last 20 successes before it (its own end, when there was none). `by` below is the end of that stretch, and for all other
failures the end of the attempt.

One outage or two? Two failures are of different outages when a success lies provably between: it began after the former
were over (ok.start ≥ every `by`) and ended before the latter began (ok.end ≤ every start). A success that overlaps a
failure proves no order: they stay one outage. So an outage may hold short recoveries, and `flapping` says when it
provably does; its bounds are then those of the whole, from the first fall to the last recovery.

The bounds, of the stretch from `began` to `ended`:

* began ≥ the start of a success that provably came before (its end ≤ the first failure's start); the latest such start
  is the best. A success still under way when the first failure began may have had its answer before or after: no proof.
* began ≤ the beginning of what is proven (proof.py), the earliest end of a failure; ended ≥ the end of that, the latest
  start of one. Time-outs alone may prove nothing of either.
* ended ≤ the end of a success that provably came after (its start ≥ every `by`); the earliest such end is the best.

Hence at_least = the length of all that is proven, and at_most = earliest end of a success after - latest start of one
before. Without a success on one side there is no upper bound.

Where nobody looked (unobserved.py), nothing is proven. A stretch of that kind inside an outage may have held a recovery,
so it does not count for at_least, nor does time in which a success may lie, or in which nobody had an answer for longer
than a blink. One outside of all
outages may have been an outage from end to end; so `in_all` counts it for at_most.

Why one sweep suffices: it meets successes at their end and failures at their start. Each success it has met before a
failure ended before that failure began; the first it meets that began after every `by` so far is the first to end.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from bot.domain.attempts import RESOLUTION, Attempt, Outcome
from bot.domain.base import Value
from bot.domain.proof import answered, length, proven, speaks_against
from bot.domain.unobserved import BLINK, Unobserved, by_start, unobserved

_ZERO: Final = timedelta()
_REMEMBERED: Final = 20


@dataclass(frozen=True)
class Bounds:
    """`at_most` is None when nothing bounds it."""

    at_least: timedelta
    at_most: timedelta | None


class Outage(Value):
    """The gap between two successes. The stamps `…_at` are starts of attempts; None: no such success was seen.

    `outcomes` are those of its failures, each once, in order of appearance; `version_after` is what the first success
    answered. `unobserved` is how much of the time from `began_by` to its last failure proves nothing. `lasted_to` is
    the latest instant at which it is proven not to be over; None, in what an earlier version wrote, is `last_failure_at`.
    The bounds are of what came after `counts_from`; None: of all of it.
    """

    last_ok_at: datetime | None
    first_failure_at: datetime
    last_failure_at: datetime
    first_ok_at: datetime | None
    began_by: datetime
    ended_by: datetime | None
    failed: int
    outcomes: tuple[Outcome, ...]
    version_after: str | None
    flapping: bool = False
    unobserved: timedelta = _ZERO
    lasted_to: datetime | None = None
    counts_from: datetime | None = None

    def from_then_on(self, at: datetime) -> Self:
        """With the bounds of what came after that."""
        return self if self.last_ok_at and self.last_ok_at >= at else self.model_copy(update={"counts_from": at})

    @property
    def perhaps_since(self) -> datetime | None:
        """It counts from then on at the earliest; None without a success before it."""
        return self.last_ok_at and max(self.last_ok_at, self.counts_from or self.last_ok_at)

    @property
    def ended_between(self) -> tuple[datetime, datetime | None]:
        return self.lasted_to or self.last_failure_at, self.ended_by

    @property
    def at_least(self) -> timedelta:
        """What is proven, less all that can have come before it counts: nobody stored where `unobserved` lay."""
        before = max(_ZERO, self.counts_from - self.began_by) if self.counts_from else _ZERO
        return max(_ZERO, self.last_failure_at - self.began_by - self.unobserved - before)

    @property
    def at_most(self) -> timedelta | None:
        return None if self.ended_by is None or self.perhaps_since is None else self.ended_by - self.perhaps_since

    @property
    def by_start_stamps(self) -> Bounds:
        """What one reads off a log that has only starts. No proof: a verdict may fall later in its attempt."""
        at_most = None if self.first_ok_at is None or self.last_ok_at is None else self.first_ok_at - self.last_ok_at
        return Bounds(self.last_failure_at - self.first_failure_at, at_most)


@dataclass
class Fall:
    """An outage under way, with its failures by their starts. `before` is the latest success that provably came before."""

    before: Attempt | None
    over_by: datetime
    failures: list[Attempt] = field(default_factory=list)
    began_by: datetime | None = None  # by an answer
    up_between: bool = False
    flapping: bool = False

    @property
    def first(self) -> Attempt:
        return self.failures[0]

    @property
    def failed(self) -> int:
        return len(self.failures)

    def absorb(self, failure: Attempt, by: datetime) -> None:
        self.failures.append(failure)
        self.over_by = max(self.over_by, by)
        if answered(failure):
            self.began_by = min(self.began_by or failure.end, failure.end)
            self.flapping = self.up_between

    def is_over_at(self, ok: Attempt) -> bool:
        """Whether this success provably came after. If it only came after some failure, one more means flapping."""
        self.up_between |= self.began_by is not None and ok.start >= self.began_by
        return ok.start >= self.over_by

    def outage(
        self,
        against: Sequence[Attempt],
        missed: Sequence[Unobserved],
        blink: timedelta,
        after: Attempt | None = None,
    ) -> Outage:
        stretches = proven(self.failures, against, missed, blink, is_over=after is not None)
        first, last = self.failures[0], self.failures[-1]
        nothing_else = after.end if after else min(each.end for each in self.failures)
        began_by = stretches[0][0] if stretches else nothing_else
        return Outage(
            last_ok_at=self.before and self.before.start,
            first_failure_at=first.start,
            last_failure_at=last.start,
            first_ok_at=after and after.start,
            began_by=began_by,
            ended_by=after and after.end,
            failed=len(self.failures),
            outcomes=tuple(dict.fromkeys(each.outcome for each in self.failures)),
            version_after=after and after.version,
            flapping=self.flapping,
            unobserved=max(_ZERO, last.start - began_by - length(stretches)),
            lasted_to=self._lasted_to(),
        )

    def _lasted_to(self) -> datetime:
        """No earlier than this it was over. Of time-outs alone: no earlier than the success before them."""
        told = [each.start for each in self.failures if answered(each)]
        silent = [each.start - each.duration for each in self.failures]
        return max([*told, *silent, *([self.before.start] if self.before else [])])


Moment = tuple[datetime, bool, datetime, str, str]


def met_at(attempt: Attempt) -> Moment:
    """Where the sweep meets an attempt: a success at its end, everything else at its start; successes first."""
    if attempt.outcome.proves_up:
        return attempt.end, False, attempt.start, attempt.outcome, attempt.version
    return attempt.start, True, attempt.end, attempt.outcome, attempt.detail


class Sweep:
    """Meets attempts in the order of `met_at`, and knows what is proven so far. `fall` is the outage under way.

    What nobody looked at, and what speaks against an outage, it has to be told before it meets anything later than the
    beginning of that.
    """

    def __init__(self, blink: timedelta) -> None:
        self.fall: Fall | None = None
        self._blink = blink
        self._closed: list[Outage] = []
        self._latest_ok: Attempt | None = None
        self._healthy: deque[timedelta] = deque(maxlen=_REMEMBERED)
        self._missed: list[Unobserved] = []
        self._against: deque[Attempt] = deque()  # what may overlap a failure to come, or one of the outage under way

    @property
    def outages(self) -> tuple[Outage, ...]:
        """All so far; the last one may be open."""
        if self.fall is None:
            return tuple(self._closed)
        return *self._closed, self.fall.outage(self._against, self._missed, self._blink)

    def expect(self, attempt: Attempt) -> None:
        if speaks_against(attempt):
            self._against.append(attempt)

    def miss(self, stretch: Unobserved) -> None:
        self._missed.append(stretch)

    def meet(self, attempt: Attempt) -> Outage | None:
        """Give the outage that this attempt ended, if it did."""
        if attempt.outcome.proves_nothing and self.fall is None:
            self._forget(attempt.start)
        if attempt.outcome.proves_down:
            self._failure(attempt, self._down_by(attempt))
        return self._success(attempt) if attempt.outcome.proves_up else None

    def _success(self, ok: Attempt) -> Outage | None:
        self._healthy.append(ok.duration)
        if self._latest_ok is None or ok.start >= self._latest_ok.start:
            self._latest_ok = ok
        ended = self._end_of(self.fall, ok) if self.fall and self.fall.is_over_at(ok) else None
        if self.fall is None:
            self._forget(ok.end)
        return ended

    def _forget(self, until: datetime) -> None:
        """What was over by then overlaps no failure to come."""
        while self._against and self._against[0].end <= until:
            self._against.popleft()

    def _end_of(self, fall: Fall, ok: Attempt) -> Outage:
        self._closed.append(fall.outage(self._against, self._missed, self._blink, ok))
        self.fall = None
        return self._closed[-1]

    def _failure(self, failure: Attempt, by: datetime) -> None:
        if self.fall is None:
            self.fall = Fall(before=self._latest_ok, over_by=by)
        self.fall.absorb(failure, by)

    def _down_by(self, failure: Attempt) -> datetime:
        if failure.outcome is not Outcome.TIMEOUT or not self._healthy:
            return failure.end
        return min(failure.end, failure.start + RESOLUTION + max(self._healthy))


def outages(
    attempts: Iterable[Attempt], blink: timedelta = BLINK, missed: Iterable[Unobserved] = ()
) -> tuple[Outage, ...]:
    """All that these attempts prove, in whatever order they are given; by the rules above.

    `missed` are stretches in which nobody looked though attempts were made, beside those in which none were.

    An endpoint that failed from the first attempt on gives an outage without `last_ok_at`, one that failed to the last
    attempt an outage without `first_ok_at`: both without an upper bound.
    """
    sweep, in_order = Sweep(blink), sorted(attempts, key=met_at)
    for stretch in (*unobserved(in_order, blink), *missed):
        sweep.miss(stretch)
    for attempt in sorted(in_order, key=by_start):
        sweep.expect(attempt)
    for attempt in in_order:
        sweep.meet(attempt)
    return sweep.outages


def in_all(found: Sequence[Outage], missed: Iterable[Unobserved] = ()) -> Bounds:
    """Of these outages of one endpoint together, and of what nobody looked at.

    At most: the length of all the time in which it may have been down. None while an outage has no upper bound.
    """
    at_least = sum((each.at_least for each in found), _ZERO)
    perhaps_down = [(each.since, each.until) for each in missed]
    for each in found:
        if each.perhaps_since is None or each.ended_by is None:
            return Bounds(at_least, None)
        perhaps_down.append((each.perhaps_since, each.ended_by))
    at_most, reached = _ZERO, datetime.min.replace(tzinfo=UTC)
    for began, ended in sorted(perhaps_down):
        at_most += max(_ZERO, ended - max(began, reached))
        reached = max(reached, ended)
    return Bounds(at_least, at_most)
