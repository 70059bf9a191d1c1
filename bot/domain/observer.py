"""The observer watches itself: what it says while it stands still is no testimony."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from bot.domain.attempts import Attempt, Outcome
from bot.domain.unobserved import Unobserved, by_start

SLOW: Final = timedelta(seconds=0.5)  # a knock at one's own door takes a millisecond


def standstills(control: Iterable[Attempt]) -> tuple[Unobserved, ...]:
    """When the observer itself did not get on: its own listener was slow to answer it, or could not be asked.

    A control attempt starts when it was due, so a late event loop makes it long as well.
    """
    found: list[Unobserved] = []
    for each in sorted(control, key=by_start):
        if not is_slow(each):
            continue
        if found and each.start <= found[-1].until:
            found[-1] = Unobserved(since=found[-1].since, until=max(found[-1].until, each.end))
        else:
            found.append(Unobserved(since=each.start, until=each.end))
    return tuple(found)


def is_slow(control: Attempt) -> bool:
    return not control.outcome.proves_up or control.duration > SLOW


def heard(attempts: Iterable[Attempt], stood_still: Sequence[Unobserved]) -> list[Attempt]:
    """A time-out during a standstill of the observer may be its own fault. An answer or a refusal is one even when it is read late."""
    return [_ours(each) if _was_deaf(each, stood_still) else each for each in attempts]


def _was_deaf(attempt: Attempt, stood_still: Sequence[Unobserved]) -> bool:
    return attempt.outcome is Outcome.TIMEOUT and any(
        each.since <= attempt.end and attempt.start <= each.until for each in stood_still
    )


def _ours(attempt: Attempt) -> Attempt:
    return attempt.model_copy(update={"outcome": Outcome.OURS, "detail": f"stood still meanwhile: {attempt.detail}"})


def amid(tried: Sequence[Attempt], stood_still: Iterable[Unobserved]) -> Iterator[Unobserved]:
    """What nobody looked at, for attempts by their starts.

    An attempt amid a standstill proves an instant, no more: so nothing was seen before it, and nothing after.
    """
    starts = [each.start for each in tried]
    for stretch in stood_still:
        inside = starts[bisect_right(starts, stretch.since) : bisect_left(starts, stretch.until)]
        for since in (stretch.since, *inside):
            yield Unobserved(since=since, until=stretch.until)


def merged(stretches: Iterable[Unobserved]) -> tuple[Unobserved, ...]:
    """Apart from each other and in order."""
    found: list[Unobserved] = []
    for each in sorted(stretches, key=lambda each: each.since):
        if found and each.since <= found[-1].until:
            found[-1] = Unobserved(since=found[-1].since, until=max(found[-1].until, each.until))
        else:
            found.append(each)
    return tuple(found)
