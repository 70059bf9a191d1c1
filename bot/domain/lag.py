"""How far a reader was behind: the row that was written to the writer, as it was read there."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt
from bot.domain.base import Value


class Lag(Value):
    """The longest, of so many `reads`; `at` is when that was read, None when none was behind at all."""

    at_least: timedelta
    at: datetime | None
    reads: int


def row_lag(writes: Iterable[Attempt], reads: Iterable[Attempt]) -> Lag | None:
    """None when nothing was written or read.

    Writes and reads say which time is in the row. A reader that shows an older one than some write that had ended before the
    read began is behind by the time between these two at least, whatever the clocks of the servers say.
    """
    written = sorted((_row(each), each.end) for each in writes if each.outcome.proves_up and each.version)
    read = [each for each in reads if each.outcome.proves_up]
    if not written or not read:
        return None
    rows = [row for row, _ in written]
    longest, at = timedelta(), None
    for each in read:
        newer = bisect_right(rows, _row(each))
        if newer < len(written) and each.start - written[newer][1] > longest:
            longest, at = each.start - written[newer][1], each.start
    return Lag(at_least=longest, at=at, reads=len(read))


def _row(attempt: Attempt) -> float:
    """Epoch seconds; an empty table has none."""
    return float(attempt.version or 0)
