"""The observer watches itself: what it says while it stands still is no testimony."""

from collections.abc import Iterable, Sequence
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
        if each.outcome.proves_up and each.duration <= SLOW:
            continue
        if found and each.start <= found[-1].until:
            found[-1] = Unobserved(since=found[-1].since, until=max(found[-1].until, each.end))
        else:
            found.append(Unobserved(since=each.start, until=each.end))
    return tuple(found)


def heard(attempts: Iterable[Attempt], stood_still: Sequence[Unobserved]) -> list[Attempt]:
    """A time-out during a standstill of the observer may be its own fault. An answer or a refusal is one even when it is read late."""
    return [_ours(each) if _was_deaf(each, stood_still) else each for each in attempts]


def _was_deaf(attempt: Attempt, stood_still: Sequence[Unobserved]) -> bool:
    return attempt.outcome is Outcome.TIMEOUT and any(
        each.since <= attempt.end and attempt.start <= each.until for each in stood_still
    )


def _ours(attempt: Attempt) -> Attempt:
    return attempt.model_copy(update={"outcome": Outcome.OURS, "detail": f"stood still meanwhile: {attempt.detail}"})
