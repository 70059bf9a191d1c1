"""How far a reader was behind: the row that was written to the writer, as it was read there."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final

from bot.domain.attempts import Attempt
from bot.domain.base import Value

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Lag(Value):
    """The longest, of so many `reads`; `at` is when that was read, None when none was behind at all."""

    at_least: timedelta
    at: datetime | None
    reads: int


def row_lag(writes: Iterable[Attempt], reads: Iterable[Attempt]) -> Lag | None:
    """None when nothing was written or read.

    Writes and reads say which time is in the row; a reader shows the latest of all slots. It has not got a write yet when that
    one, and whatever of ours may have taken its place, is newer than what it shows. Then it is behind by the time from the end
    of that write to the start of the read at least. This holds whatever the clocks of the servers say and when they are set,
    as long as nobody else writes to our slot; what was tried and failed may have written anything.
    """
    tried = sorted(writes, key=lambda each: each.start)
    written = [each for each in tried if each.outcome.proves_up and each.version]
    read = [each for each in reads if each.outcome.proves_up]
    if not written or not read:
        return None
    rows, doubtful = _Rows(written), _Failures(each for each in tried if not each.outcome.proves_up)
    longest, at = timedelta(), None
    for each in read:
        missing = rows.newer(_row(each), doubtful.over_by(each.end))
        if missing and each.start - missing.end > longest:
            longest, at = each.start - missing.end, each.start
    return Lag(at_least=longest, at=at, reads=len(read))


class _Rows:
    """`oldest` of a write: the oldest row of all that may have been written since, itself included."""

    def __init__(self, written: Sequence[Attempt]) -> None:
        self._written = written
        self._starts = [each.start for each in written]
        by_end = sorted(written, key=lambda each: each.end)
        ends = [each.end for each in by_end]
        from_the_end = [*accumulate(map(_row, reversed(by_end)), min)][::-1]
        self._oldest = [min(_row(each), from_the_end[bisect_left(ends, each.start)]) for each in written]

    def newer(self, row: float, since: datetime) -> Attempt | None:
        """The first write from then on after which nothing shows such a row."""
        at = max(bisect_right(self._oldest, row), bisect_left(self._starts, since))
        return self._written[at] if at < len(self._written) else None


class _Failures:
    def __init__(self, failed: Iterable[Attempt]) -> None:
        in_order = list(failed)
        self._starts = [each.start for each in in_order]
        self._over_by = list(accumulate((each.end for each in in_order), max))

    def over_by(self, until: datetime) -> datetime:
        """When all those were over that began until then."""
        before = bisect_right(self._starts, until)
        return self._over_by[before - 1] if before else _LONG_AGO


def _row(attempt: Attempt) -> float:
    """Epoch seconds; an empty table has none."""
    return float(attempt.version or 0)
