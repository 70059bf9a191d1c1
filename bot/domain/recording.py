"""`attempts.csv`: every attempt of a measurement, a line for each, for people, spreadsheets and `replay`.

| column | what it is |
|---|---|
| `way` | `connect` (a new connection), `held-1` … (a session that is kept), `write`, `row` (a read of that), `control` (the observer) |
| `endpoint` | `host:port/database`; of an upgrade Region and use, `us-east-1/writer`; of `control` the one it speaks of, `observer`: all |
| `start`, `end` | ISO 8601 with microseconds, UTC (also when no zone is named), rounded outward to the millisecond |
| `outcome` | what came of it: a value of `Outcome` |
| `sqlstate` | of a failure, where PostgreSQL gave one |
| `detail` | what was answered (a version; by a session its process; to `write` and `row` the time in the row), or one line on why not |
| `session` | of a way that keeps a session open: which one of its lane it was, from 1; empty while there was none |
| `address` | the one that answered or was tried last, and after a space each any other that the name resolved to |
| `resolve_ms` … `query_ms` | milliseconds of each phase that was finished: see `Phases` |

In the recording of an upgrade addresses and phases are there of every failure and of one quick success a second: see `Sample`.
Lines come as attempts end, in any order. Later columns and columns in another order are read as well; so are
older recordings of upgrades, in which `control` is always of the `observer`: nobody knows whose, so it counts for all.

Of an upgrade it holds every attempt that is kept: from the last minutes before the order until it was over. So `replay`
may show more than the report, which leaves out what was over before the order, what came before the first answer of an
endpoint, and what came after the end.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from bot.domain.attempts import Attempt, Outcome
from bot.domain.errors import Refused
from bot.domain.phases import Phases
from bot.domain.ways import CONTROL, Lane, Use

PHASES: Final = tuple(f"{each}_ms" for each in Phases._fields)
COLUMNS: Final = ("way", "endpoint", "start", "end", "outcome", "sqlstate", "detail", "session", "address", *PHASES)
YEARS: Final = range(1970, 9000)
LONGEST_WHY: Final = 120
STEP_BACK: Final = timedelta(seconds=1)  # lines of one second may be in any order


def row_of(use: Use) -> list[str]:
    tried = use.attempt
    stamps = [_stamp(tried.start), _stamp(tried.end)]
    return [
        use.lane.name, use.lane.endpoint, *stamps, str(tried.outcome), tried.sqlstate, tried.said, str(use.session or ""),
        " ".join(tried.addresses), *("" if each is None else f"{each / 1000:.3f}" for each in tried.phases),
    ]  # fmt: skip


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def rows_of(endpoint: str, uses: Iterable[Use]) -> Iterator[list[str]]:
    """Of one endpoint of an upgrade, which may have a prober of its own."""
    for each in uses:
        lane = CONTROL.model_copy(update={"endpoint": endpoint}) if each.lane == CONTROL else each.lane
        yield row_of(each.model_copy(update={"lane": lane}))


def packed(rows: Iterable[Sequence[str]]) -> bytes:
    """Lines of an `attempts.csv.gz`. What was packed part by part is joined as it is."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return gzip.compress(text.getvalue().encode("utf-8", "replace"), mtime=0)


def is_recording(text: str) -> bool:
    """By its first line."""
    return {"way", "start", "end"} <= {each.strip() for each in text.partition("\n")[0].split(",")}


def read_recording(text: str, name: str) -> tuple[Use, ...]:
    """Refused, in one sentence, when a line cannot be read; but the last one may be cut off, as a killed process leaves it."""
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    found: list[Use] = []
    broken: Refused | None = None
    try:
        if missing := [each for each in COLUMNS[:5] if each not in (rows.fieldnames or ())]:
            raise Refused(f"{name} has no column {' and no column '.join(missing)}: an attempts.csv is needed.")
        for row in rows:
            if broken:
                raise broken
            try:
                found.append(_use(row))
            except (ValueError, OverflowError) as error:
                broken = Refused(f"{name}, line {rows.line_num}, is not an attempt: {_why(error)}")
    except csv.Error as error:
        raise Refused(f"{name}, line {rows.line_num}, is no CSV: {error}.") from error
    if broken and text.endswith("\n"):
        raise broken
    if not found:
        raise Refused(f"{name} holds no attempt. Record one with `python -m bot.measure --dsn … --record {name}`.")
    return tuple(found)


def _use(row: Mapping[str, str | None]) -> Use:
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    outcome, start, end = Outcome(told["outcome"]), _read(told["start"]), _read(told["end"])
    if start.year not in YEARS:
        raise ValueError(f"its year is {start.year}")
    if end < start:
        raise ValueError(
            "it ends before it begins, as when a clock is set back. Leave it out, or replay the parts one by one."
        )
    attempt = Attempt(
        start=start,
        end=end,
        outcome=outcome,
        sqlstate=told["sqlstate"],
        phases=Phases(*(round(float(told[each]) * 1000) if told[each] else None for each in PHASES)),
        addresses=tuple(told["address"].split()),
        **{"version" if outcome.proves_up else "detail": told["detail"]},
    )
    lane = Lane.named(told["endpoint"], told["way"])
    return Use(lane=lane, attempt=attempt, session=int(told["session"] or 0))


def _read(stamp: str) -> datetime:
    at = datetime.fromisoformat(stamp)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _why(error: Exception) -> str:
    """The first thing that is wrong, on one line."""
    said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return " ".join(said.split())[:LONGEST_WHY]


def by_lane(uses: Iterable[Use]) -> dict[Lane, list[Use]]:
    """Lanes in order of appearance."""
    lanes: dict[Lane, list[Use]] = {}
    for use in uses:
        lanes.setdefault(use.lane, []).append(use)
    return lanes


def backwards(uses: Iterable[Use]) -> tuple[Use, timedelta] | None:
    """The first use whose line comes after that of one of its lane that ended provably later, and by how much.

    Lines come as attempts end, so there a clock was set back, or something was written down late.
    """
    ended: dict[Lane, datetime] = {}
    for use in uses:
        before = ended.get(use.lane, use.attempt.end)
        if before - use.attempt.end > STEP_BACK:
            return use, before - use.attempt.end
        ended[use.lane] = max(before, use.attempt.end)
    return None
