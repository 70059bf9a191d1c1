"""From attempts to outages with bounds: what is proven about the truth, and nothing more.

Attempts follow a schedule of their own and overlap. A success proves that the endpoint was up at some instant inside
[start, end], a failure that it was down at some instant inside; nobody knows which instant. A time-out, however
long it hung, proves nothing after its start: a connection begun then found the endpoint down. But one begun a moment
before the endpoint fell silent hangs just the same; so a time-out is taken to prove *down* at some instant between its
start and the time when a healthy endpoint would have answered: the slowest of the last 20 successes before it (its own
end, when there was none). `by` below is the end of that stretch, and for all other failures the end of the attempt.

One outage or two? Two failures are of different outages when a success lies provably between: it began after the former
were over (ok.start ≥ every `by`) and ended before the latter began (ok.end ≤ every start). A success that overlaps a
failure proves no order: they stay one outage. So an outage may hold short recoveries, and `flapping` says when it
provably does; its bounds are then those of the whole, from the first fall to the last recovery.

The bounds, of the stretch from `began` to `ended`:

* began ≥ the start of a success that provably came before (its end ≤ the first failure's start); the latest such start
  is the best. A success still under way when the first failure began may have had its answer before or after: no proof.
* began ≤ the earliest `by` of a failure; ended ≥ the latest start of a failure.
* ended ≤ the end of a success that provably came after (its start ≥ every `by`); the earliest such end is the best.

Hence at_least = latest start of a failure - earliest `by` of one (not below zero), and at_most = earliest end of a
success after - latest start of one before. Without a success on one side there is no upper bound.

Where nobody looked (unobserved.py), nothing is proven. A stretch of that kind inside an outage may have held a recovery,
so it does not count for at_least: each run of failures between two such stretches proves for itself. One outside of all
outages may have been an outage from end to end; so `in_all` counts it for at_most.

Why one sweep suffices: it meets successes at their end and failures at their start. Each success it has met before a
failure ended before that failure began; the first it meets that began after every `by` so far is the first to end.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.attempts import RESOLUTION, Attempt, Outcome
from bot.domain.base import Value
from bot.domain.unobserved import BLINK, Unobserved, unobserved

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
    answered. `unobserved` is how much of the time between its first and its last failure proves nothing.
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

    @property
    def began_between(self) -> tuple[datetime | None, datetime]:
        return self.last_ok_at, self.began_by

    @property
    def ended_between(self) -> tuple[datetime, datetime | None]:
        return self.last_failure_at, self.ended_by

    @property
    def at_least(self) -> timedelta:
        return max(_ZERO, self.last_failure_at - self.began_by - self.unobserved)

    @property
    def at_most(self) -> timedelta | None:
        return None if self.ended_by is None or self.last_ok_at is None else self.ended_by - self.last_ok_at

    @property
    def by_start_stamps(self) -> Bounds:
        """What one reads off a log that has only starts. No proof: a verdict may fall later in its attempt."""
        at_most = None if self.first_ok_at is None or self.last_ok_at is None else self.first_ok_at - self.last_ok_at
        return Bounds(self.last_failure_at - self.first_failure_at, at_most)


@dataclass
class Run:
    """Failures that no unobserved stretch parts: from the earliest `by` of one to the start of the last."""

    began_by: datetime
    last_at: datetime

    @property
    def proven(self) -> timedelta:
        return max(_ZERO, self.last_at - self.began_by)


@dataclass
class Fall:
    """An outage under way, its failures summed up. `before` is the latest success that provably came before."""

    before: Attempt | None
    first: Attempt
    last: Attempt
    began_by: datetime
    over_by: datetime
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    up_between: bool = False
    flapping: bool = False
    runs: list[Run] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(self.outcomes.values())

    def absorb(self, failure: Attempt, by: datetime, *, parted: bool) -> None:
        """`parted`: nobody looked between the last failure and this one."""
        if parted or not self.runs:
            self.runs.append(Run(by, failure.start))
        run, self.last = self.runs[-1], failure
        run.began_by, run.last_at = min(run.began_by, by), failure.start
        self.began_by, self.over_by = min(self.began_by, by), max(self.over_by, by)
        self.outcomes[failure.outcome] = self.outcomes.get(failure.outcome, 0) + 1
        self.flapping = self.up_between

    def is_over_at(self, ok: Attempt) -> bool:
        """Whether this success provably came after. If it only came after some failure, one more means flapping."""
        self.up_between |= ok.start >= self.began_by
        return ok.start >= self.over_by

    def outage(self, after: Attempt | None = None) -> Outage:
        return Outage(
            last_ok_at=self.before and self.before.start,
            first_failure_at=self.first.start,
            last_failure_at=self.last.start,
            first_ok_at=after and after.start,
            began_by=self.began_by,
            ended_by=after and after.end,
            failed=self.failed,
            outcomes=tuple(self.outcomes),
            version_after=after and after.version,
            flapping=self.flapping,
            unobserved=max(_ZERO, self.last.start - self.began_by - sum((run.proven for run in self.runs), _ZERO)),
        )


Moment = tuple[datetime, bool, datetime, str, str]


def met_at(attempt: Attempt) -> Moment:
    """Where the sweep meets an attempt: a success at its end, everything else at its start; successes first."""
    if attempt.outcome.proves_up:
        return attempt.end, False, attempt.start, attempt.outcome, attempt.version
    return attempt.start, True, attempt.end, attempt.outcome, attempt.detail


class Sweep:
    """Meets attempts in the order of `met_at`, and knows what is proven so far. `fall` is the outage under way.

    What nobody looked at it has to be told before it meets a failure that began after.
    """

    def __init__(self) -> None:
        self.fall: Fall | None = None
        self._closed: list[Outage] = []
        self._latest_ok: Attempt | None = None
        self._healthy: deque[timedelta] = deque(maxlen=_REMEMBERED)
        self._missed: list[Unobserved] = []

    @property
    def outages(self) -> tuple[Outage, ...]:
        """All so far; the last one may be open."""
        return (*self._closed, self.fall.outage()) if self.fall else tuple(self._closed)

    def miss(self, stretch: Unobserved) -> None:
        self._missed.append(stretch)

    def meet(self, attempt: Attempt) -> Outage | None:
        """Give the outage that this attempt ended, if it did."""
        if attempt.outcome.proves_down:
            self._failure(attempt, self._down_by(attempt))
        return self._success(attempt) if attempt.outcome.proves_up else None

    def _success(self, ok: Attempt) -> Outage | None:
        self._healthy.append(ok.duration)
        if self._latest_ok is None or ok.start >= self._latest_ok.start:
            self._latest_ok = ok
        if self.fall is None or not self.fall.is_over_at(ok):
            return None
        self._closed.append(self.fall.outage(ok))
        self.fall = None
        return self._closed[-1]

    def _failure(self, failure: Attempt, by: datetime) -> None:
        if self.fall is None:
            self.fall = Fall(before=self._latest_ok, first=failure, last=failure, began_by=by, over_by=by)
        last_at = self.fall.last.start
        parted = any(last_at <= each.since < failure.start for each in self._missed)
        self.fall.absorb(failure, by, parted=parted)

    def _down_by(self, failure: Attempt) -> datetime:
        if failure.outcome is not Outcome.TIMEOUT or not self._healthy:
            return failure.end
        return min(failure.end, failure.start + RESOLUTION + max(self._healthy))


def outages(attempts: Iterable[Attempt], blink: timedelta = BLINK) -> tuple[Outage, ...]:
    """All that these attempts prove, in whatever order they are given; by the rules above.

    An endpoint that failed from the first attempt on gives an outage without `last_ok_at`, one that failed to the last
    attempt an outage without `first_ok_at`: both without an upper bound.
    """
    sweep, in_order = Sweep(), sorted(attempts, key=met_at)
    for stretch in unobserved(in_order, blink):
        sweep.miss(stretch)
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
        if each.last_ok_at is None or each.ended_by is None:
            return Bounds(at_least, None)
        perhaps_down.append((each.last_ok_at, each.ended_by))
    at_most, reached = _ZERO, datetime.min.replace(tzinfo=UTC)
    for began, ended in sorted(perhaps_down):
        at_most += max(_ZERO, ended - max(began, reached))
        reached = max(reached, ended)
    return Bounds(at_least, at_most)
