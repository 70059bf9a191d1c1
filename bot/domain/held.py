"""A session that is kept open and used: whether it survived, how long it stood still, or when it was dropped."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import Final

from bot.domain.attempts import Attempt, Outcome
from bot.domain.base import Value
from bot.domain.observer import SLOW, merged
from bot.domain.unobserved import BLINK, Unobserved
from bot.domain.ways import Use

PATIENCE: Final = timedelta(seconds=60)  # zero-downtime patching may pause a session for so long (User Guide)
NOTICED: Final = timedelta(seconds=0.25)  # of a query that took less longer than usual nothing is told
_REMEMBERED: Final = 20


class Standstill(Value):
    """A query was asked and the session gave no answer for a while, but then it did.

    At least what it took beyond the slowest of the last 20 answers before, less what the observer may have been late itself
    without noticing; at most from the start of the answer before, for it may have stood still as soon as that was given.
    """

    since: datetime
    until: datetime
    at_least: timedelta

    @property
    def at_most(self) -> timedelta:
        return self.until - self.since


class Session(Value):
    """One session: its first and its last use, and the processes that served it, each once, in order.

    One process, and not dropped: it survived as it was. Several: its connection survived, and something between moved it.
    `dropped` is the use that found it gone; it was between the start of `last_ok` and the end of that one. One that
    `is_waiting` has not answered its last use yet, and may still. In the stretches of `unobserved` nobody used it.
    """

    number: int
    since: datetime
    last_ok: Attempt
    served_by: tuple[str, ...]
    stills: tuple[Standstill, ...]
    dropped: Attempt | None
    is_waiting: bool = False
    unobserved: tuple[Unobserved, ...] = ()

    @property
    def longest(self) -> Standstill | None:
        return longest(self.stills)


def longest(stills: Iterable[Standstill]) -> Standstill | None:
    return max(stills, key=lambda each: (each.at_least, each.at_most), default=None)


def sessions(uses: Iterable[Use], stood_still: Sequence[Unobserved] = ()) -> tuple[Session, ...]:
    """Of one lane. One that never answered is none. What the observer itself stood still is no standstill of the session."""
    kept: dict[int, list[Attempt]] = {}
    for use in sorted(uses, key=lambda use: _ended(use.attempt)):
        if use.session:
            kept.setdefault(use.session, []).append(use.attempt)
    return tuple(
        _session(number, tried, stood_still, is_last=number == max(kept))
        for number, tried in kept.items()
        if any(each.outcome.proves_up for each in tried)
    )


def _ended(use: Attempt) -> tuple[datetime, bool, datetime]:
    """One at a time, so they end in order. An answer that several waited for began with the first of them, and came last."""
    return use.end, use.outcome.proves_up, use.start


def _session(number: int, tried: Sequence[Attempt], stood_still: Sequence[Unobserved], *, is_last: bool) -> Session:
    """One that only timed out may yet answer, unless it was given up for another."""
    answered, end = [each for each in tried if each.outcome.proves_up], tried[-1].outcome
    is_waiting = is_last and (end is Outcome.TIMEOUT or end.proves_nothing)
    is_dropped = not (end.proves_up or is_waiting)
    return Session(
        number=number,
        since=tried[0].start,
        last_ok=answered[-1],
        served_by=tuple(dict.fromkeys(each.version for each in answered)),
        stills=tuple(_standstills(tried, stood_still)),
        dropped=tried[-1] if is_dropped else None,
        is_waiting=is_waiting,
        unobserved=merged(
            [*_unused(tried), *(each for each in stood_still if _shared(each, tried[0].start, tried[-1].end))]
        ),
    )


def _unused(tried: Sequence[Attempt]) -> Iterator[Unobserved]:
    """A use that waits for its answer looks all the time."""
    for before, after in pairwise(each for each in tried if not each.outcome.proves_nothing):
        if after.start - before.end > BLINK:
            yield Unobserved(since=before.start, until=after.end)


def _standstills(tried: Sequence[Attempt], stood_still: Sequence[Unobserved]) -> list[Standstill]:
    """A use that timed out goes on waiting in the next one, for the same query.

    The first use opened the session, which takes longer than a query, so it is no measure of one where there is another.
    """
    found: list[Standstill] = []
    answers = [(at, each) for at, each in enumerate(tried) if each.outcome.proves_up]
    for number, (at, ok) in enumerate(answers[1:], 1):
        waited = list(takewhile(lambda each: not each.outcome.proves_up, reversed(tried[:at])))
        asked = waited[-1].start if waited else ok.start
        before = answers[max(min(1, number - 1), number - _REMEMBERED) : number]
        healthy = max(each.duration for _, each in [one for one in before if not _is_late(tried, *one)] or before)
        ours = sum((_shared(each, asked, ok.end) for each in stood_still), timedelta())
        ours += sum((each.duration for each in waited if each.outcome.proves_nothing), timedelta())
        took = ok.end - asked - healthy - ours
        if took >= NOTICED:
            at_least = max(timedelta(), took - SLOW)
            found.append(Standstill(since=answers[number - 1][1].start, until=ok.end, at_least=at_least))
    return found


def _is_late(tried: Sequence[Attempt], at: int, ok: Attempt) -> bool:
    """It was asked for in an earlier use, so when it came is no measure of how long a query takes."""
    return at > 0 and not tried[at - 1].outcome.proves_up and ok.start < tried[at - 1].end


def _shared(stretch: Unobserved, since: datetime, until: datetime) -> timedelta:
    return max(timedelta(), min(stretch.until, until) - max(stretch.since, since))
