"""For how long failures prove that an endpoint was down, whoever of it, of the way there and of us was slow.

A failure that was answered (refused, starting_up, …) proves *down* at some instant inside it. Two of them prove the time
between, from the earlier end to the later start, while nothing speaks against it: no success overlaps that time or
an end of it, nor does an attempt that proves nothing (a server that refuses our password is up), and somebody looked
(unobserved.py). Trouble of our own makes no difference to what others were answered.

Nobody sees a recovery between two answers that no other comes between. So they have to come soon: no more than a blink
(unobserved.py) from the start of the one to the end of the other. Within that a recovery passes unseen and counts as
down; where none is shorter, what is proven is no longer than the endpoint was down in all. What timed out meanwhile is no
answer. Nor is, for that purpose, one that took more than half a blink: who waited so long may have come while the server
was up and slow, and have been told when it fell. That proves an instant alone.

One reading is more generous. A loop that waits for its own attempts has nothing else to go by while one of them waits. So
a late answer counts from its start, soon after another, where nothing else was begun before its end.

A time-out is no answer. Whoever waits in vain may wait for somebody who is up and slow: a starved machine, a crowd that
comes back. So it says nothing of the ends of an outage that answers tell. Silence proves only what is beyond such
doubt: where nobody at all had an answer and nothing was our own trouble, from the end of the first time-out to as long
before the start of the last one as that hung. An endpoint that lets nobody in for some three deadlines is down for
them, whatever the reason.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, zip_longest

from bot.domain.attempts import Attempt, Outcome
from bot.domain.unobserved import Unobserved

Stretch = tuple[datetime, datetime]


class Doubt:
    """What speaks against two failures being of one time without a recovery."""

    def __init__(self, successes: Iterable[Attempt], missed: Sequence[Unobserved]) -> None:
        in_order = sorted(successes, key=lambda success: success.start)
        self._starts = [each.start for each in in_order]
        self._ended_by = list(accumulate((each.end for each in in_order), max))
        self._missed = missed

    def parts(self, one: Attempt, other: Attempt) -> bool:
        """`other` began after `one`, and no failure of their kind between them."""
        before = bisect_left(self._starts, max(one.end, other.end))
        overlaps = before > 0 and self._ended_by[before - 1] > one.start
        return overlaps or any(one.start <= each.since < other.start for each in self._missed)


def answered(failure: Attempt) -> bool:
    return failure.outcome is not Outcome.TIMEOUT


def speaks_against(attempt: Attempt) -> bool:
    """Against an endpoint being down throughout, or against our having been able to tell."""
    return not attempt.outcome.proves_down


def proven(
    failures: Sequence[Attempt],
    against: Sequence[Attempt],
    missed: Sequence[Unobserved],
    blink: timedelta,
    *,
    is_over: bool,
) -> tuple[Stretch, ...]:
    """The times of which these failures, by their starts, prove *down*. None overlaps another.

    `is_over`: no other failure follows these, and what came after began when all of them had ended. A stretch may have no
    length: then it is known that it was down, and not for how long.
    """
    doubt = Doubt((each for each in against if each.outcome is not Outcome.OURS), missed)
    doubt_of_silence = Doubt(against, missed)
    told = [
        (min(each.end for each in run), max(each.start for each in run))
        for run in _answered(failures, doubt, blink, is_over=is_over)
    ]
    silent = [
        (min(each.end for each in run), max(each.start - each.duration for each in run))
        for run in _runs([each for each in failures if not answered(each)], doubt_of_silence)
    ]
    return tuple(_united([*((began, max(began, ended)) for began, ended in told), *(s for s in silent if s[0] < s[1])]))


def length(stretches: Iterable[Stretch]) -> timedelta:
    return sum((ended - began for began, ended in stretches), timedelta())


def _answered(
    failures: Sequence[Attempt], doubt: Doubt, blink: timedelta, *, is_over: bool
) -> Iterator[Sequence[Attempt]]:
    """Those that prove the time between them; they may overlap."""
    run: list[Attempt] = []
    for each, after in zip_longest(failures, failures[1:]):
        if not answered(each):
            continue
        if each.duration > blink / 2:
            is_alone = each.end <= after.start if after else is_over
            is_soon = run and each.start - run[-1].start <= blink and not doubt.parts(run[-1], each)
            yield [*run, each] if is_alone and is_soon else [each]
            continue
        if run and (max(run[-1].end, each.end) - run[-1].start > blink or doubt.parts(run[-1], each)):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _runs(failures: Sequence[Attempt], doubt: Doubt) -> Iterator[list[Attempt]]:
    run: list[Attempt] = []
    for each in failures:
        if run and doubt.parts(run[-1], each):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _united(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """By their beginnings, those that overlap as one."""
    whole: Stretch | None = None
    for began, ended in sorted(stretches):
        if whole and began <= whole[1]:
            whole = whole[0], max(whole[1], ended)
            continue
        if whole:
            yield whole
        whole = began, ended
    if whole:
        yield whole
