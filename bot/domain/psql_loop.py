"""The log of a loop that prints the time, runs psql, sleeps: what people have who measured by hand.

Each attempt is a time stamp, and on the same line or the following ones what psql printed: a version, a table with one, or
an error. A CSV of `attempt_started_at,outcome,version` is read as well. Only starts are recorded. The loop slept after each
attempt, so an attempt ended at most (the next start - that sleep); with stamps of whole seconds, up to one later. The end of
the last attempt is not known at all, so it is left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median_high
from typing import Final

from bot.domain.attempts import Attempt, Outcome
from bot.domain.base import Value
from bot.domain.errors import Refused
from bot.domain.recording import YEARS
from bot.domain.said import outcome_of, sqlstate_of

_ZONE: Final = r"(?P<zone> ?(?:Z|UTC|GMT|JST|[+-]\d\d:?\d\d|[+-]\d\d))?"
_ISO: Final = r"(?P<date>\d{4}[-/]\d\d[-/]\d\d)[T _](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?" + _ZONE
_EPOCH: Final = r"(?P<epoch>1\d{9})(?:\.(?P<epoch_part>\d{1,9}))?"
_DATE: Final = (  # date(1) in the C locale
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<hms>\d\d:\d\d:\d\d)(?P<noon> [AP]M)?"
    r" (?P<date_zone>UTC|GMT|JST|[+-]\d\d:?\d\d|[+-]\d\d) (?P<year>\d{4})"
)
_STAMP: Final = re.compile(rf"^[\s\[(]*(?:{_ISO}|{_DATE}|{_EPOCH})(?![\w:.])[\])]?[\s,:|-]*")
_NAMED: Final = re.compile(  # zones whose distance from UTC nobody can know by their names: date(1)'s, and those seen most
    r"^[\s\[(]*(?:[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d(?: [AP]M)? (?!UTC|GMT|JST)(?P<by_date>[A-Z]{2,5}) \d{4}"
    r"|\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d+)? "
    r"(?P<by_iso>[ECMP][SD]T|CES?T|EES?T|WES?T|BST|IST|MSK|KST|A[ECW][SD]T|NZ[SD]T)\b)"
)
_HOURS: Final = {"JST": "+0900", "UTC": "+0000", "GMT": "+0000", "Z": "+0000", "": "+0000"}
_VERSION: Final = re.compile(r"^\W*(?:PostgreSQL )?(\d{1,2}(?:\.\d{1,3}){1,3})\b", re.MULTILINE)
_ROWS: Final = re.compile(r"^\(\d+ rows?\)|^ *\d+ *$", re.MULTILINE)
_ERROR: Final = re.compile(r"error|FATAL|timeout|timed out|refused|could not|failed", re.IGNORECASE)
_STARTED: Final = ("attempt_started_at", "started_at", "start", "timestamp", "time")
_USUAL: Final = tuple(timedelta(seconds=each) for each in (10, 5, 3, 2, 1, 0.5, 0.3, 0.25, 0.2, 0.1, 0.05))
_NEAR: Final = 0.9  # of the shortest step: so much of it must be sleep, for the rest is psql itself


class Try(Value):
    """`line` is where it stands in its log; `start` may be up to `Loop.grain` too early."""

    line: int
    start: datetime
    outcome: Outcome
    said: str
    sqlstate: str = ""


class Loop(Value):
    """`grain` is what a stamp leaves open: a second when it has no fraction. `silent`: stamps with nothing after them."""

    tries: tuple[Try, ...]
    grain: timedelta
    silent: int

    @property
    def steps(self) -> tuple[timedelta, ...]:
        return tuple(after.start - before.start for before, after in pairwise(self.tries))

    @property
    def step(self) -> timedelta:
        return median_high(self.steps)

    @property
    def guessed_sleep(self) -> timedelta:
        """The longest usual sleep that fits the shortest step and makes up most of it; else nothing is known of it."""
        shortest = min(self.steps)
        fitting = (each for each in _USUAL if each <= shortest - self.grain)
        guess = next(fitting, timedelta())
        return guess if guess >= _NEAR * shortest else timedelta()

    def attempts(self, sleep: timedelta) -> tuple[Attempt, ...]:
        """All but the last, each as long as it can have been. Refused when so long a sleep cannot be."""
        return tuple(self._attempt(each, after, sleep) for each, after in pairwise(self.tries))

    def _attempt(self, tried: Try, after: Try, sleep: timedelta) -> Attempt:
        step = after.start - tried.start
        if step + self.grain < sleep:
            raise Refused(
                f"The loop cannot have slept {sleep.total_seconds():g} s: the attempt on line {after.line} began "
                f"{step.total_seconds():g} s after the one before. Give a shorter --sleep."
            )
        said = "version" if tried.outcome.proves_up else "detail"
        stamps = {"start": tried.start, "end": after.start + self.grain - sleep}
        return Attempt(**stamps, outcome=tried.outcome, sqlstate=tried.sqlstate, **{said: tried.said})


@dataclass(frozen=True)
class _Stamp:
    line: int
    at: datetime
    is_exact: bool
    body: str
    outcome: str = ""  # where the log names it


def read_loop(text: str, name: str) -> Loop:
    """Refused, in one sentence, for a log that is none, one of fewer than two attempts, one whose clock was set back."""
    lines = text.splitlines()
    if not text.strip():
        raise Refused(
            f"{name} is empty: there is nothing to replay. Record with `python -m bot.measure --dsn … --record FILE`."
        )
    for number, line in enumerate(lines, 1):
        if named := _NAMED.match(line):
            raise Refused(
                f"{name}, line {number}, has its time in {named['by_date'] or named['by_iso']}, a name that does not say how far that is "
                "from UTC. Write the distance instead of it in all lines, such as +0200, or record with `date -u`."
            )
    stamps = list(_stamps(lines))
    tries = [read for stamp in stamps if (read := _try(stamp))]
    if len(tries) < 2:
        raise Refused(
            f"{name} is no log of a psql loop: {'no line' if not stamps else 'fewer than two lines'} with a time stamp such as "
            "2026-04-11T06:21:34.608Z and a version or an error after it. An attempts.csv of --record is read as well."
        )
    for before, after in pairwise(tries):
        if after.start < before.start:
            raise Refused(
                f"The clock of {name} was set back before line {after.line} ({before.start.isoformat()}, then {after.start.isoformat()}), "
                "so no length across it can be proven. Cut the file there and replay the parts one by one."
            )
    grain = timedelta() if all(stamp.is_exact for stamp in stamps) else timedelta(seconds=1)
    return Loop(tries=tuple(tries), grain=grain, silent=len(stamps) - len(tries))


def _stamps(lines: Sequence[str]) -> Iterator[_Stamp]:
    header = [each.strip() for each in lines[0].split(",")]
    is_table = "outcome" in header and not set(header).isdisjoint(_STARTED)
    return _of_csv(lines, header) if is_table else _of_log(lines)


def _of_csv(lines: Sequence[str], header: Sequence[str]) -> Iterator[_Stamp]:
    started = next(each for each in _STARTED if each in header)
    for number, line in enumerate(lines[1:], 2):
        row = dict(zip(header, line.split(","), strict=False))
        found = _STAMP.match(row.get(started, ""))
        if found and (at := _instant(found)):
            said = row.get("version") or row.get("detail") or ""
            yield _Stamp(number, at, _is_exact(found), said, row.get("outcome", "").strip())


def _of_log(lines: Sequence[str]) -> Iterator[_Stamp]:
    """What stands before the first stamp is a prompt or a heading, and left alone."""
    stamp: tuple[int, datetime, bool] | None = None
    body: list[str] = []
    for number, line in enumerate(lines, 1):
        found = _STAMP.match(line)
        at = _instant(found) if found else None
        if found is None or at is None:
            body.append(line)
            continue
        if stamp:
            yield _Stamp(*stamp, "\n".join(body))
        stamp, body = (number, at, _is_exact(found)), [line[found.end() :]]
    if stamp:
        yield _Stamp(*stamp, "\n".join(body))


def _is_exact(found: re.Match[str]) -> bool:
    return bool(found["part"] or found["epoch_part"])


def _instant(found: re.Match[str]) -> datetime | None:
    """None for a day that no calendar has. A stamp without a zone is taken as UTC."""
    part = timedelta(microseconds=int((found["part"] or found["epoch_part"] or "0").ljust(6, "0")[:6]))
    try:
        if found["epoch"]:
            return datetime.fromtimestamp(int(found["epoch"]), UTC) + part
        if found["month"]:
            date, hour = (
                f"{found['month']} {found['day']} {found['year']}",
                "%I:%M:%S %p" if found["noon"] else "%H:%M:%S",
            )
            time = f"{found['hms']}{found['noon'] or ''}"
            at = datetime.strptime(f"{date} {time} {_offset(found['date_zone'])}", f"%b %d %Y {hour} %z")
        else:
            date = found["date"].replace("/", "-")
            at = datetime.strptime(f"{date}T{found['time']}{_offset(found['zone'])}", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
    return at.astimezone(UTC) + part if at.year in YEARS else None


def _offset(zone: str | None) -> str:
    zone = (zone or "").strip()
    digits = _HOURS.get(zone, zone.replace(":", ""))
    return digits.ljust(5, "0")


def _try(stamp: _Stamp) -> Try | None:
    """None when nothing was said that is a verdict, as of the attempt in which the loop was stopped."""
    body, made = stamp.body, {"line": stamp.line, "start": stamp.at}
    if stamp.outcome in set(Outcome):
        return Try(**made, outcome=Outcome(stamp.outcome), said=body, sqlstate=sqlstate_of(body))
    if complaint := next((line for line in body.splitlines() if _ERROR.search(line)), ""):
        return Try(**made, outcome=outcome_of(body), said=complaint.strip(), sqlstate=sqlstate_of(body))
    version = _VERSION.search(body)
    if version or _ROWS.search(body):
        return Try(**made, outcome=Outcome.OK, said=version[1] if version else "")
    return None
