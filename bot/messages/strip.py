"""The strip: a lane for each way of using each endpoint over time, as a description to be drawn, and in words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.held import Session
from bot.domain.outage import Outage
from bot.domain.unobserved import Unobserved
from bot.domain.watched import Watched
from bot.domain.ways import Lane
from bot.messages.measured import between, clock, seconds, way

ASIDE = timedelta(seconds=3)  # shown before the first and after the last outage, at least
LONGEST_LABEL = 72  # characters that a phone shows on a line
MOST_ROWS = 40
SEEN = 0.98  # of an outage: what is less than the rest of it is too short to be seen
ROOM = 0.25  # or so much of the time between them


class Shade(StrEnum):
    """In the order of painting. `perhaps`: between the bounds, where it was up or down; `down`: where that is proven."""

    UP = "up"
    PERHAPS = "perhaps down"
    UNOBSERVED = "not watched"
    DOWN = "down"


@dataclass(frozen=True)
class Stretch:
    since: datetime
    until: datetime
    shade: Shade


@dataclass(frozen=True)
class Mark:
    """Words at an instant of all lanes, such as the order or an RDS event. In the picture it has a number, explained below."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Span:
    """Words on how long something lasted, from end to end."""

    since: datetime
    until: datetime
    text: str


@dataclass(frozen=True)
class Row:
    """`stretches` may lie on each other: later shades on top. `spans` lie below them."""

    label: str
    verdict: str
    stretches: tuple[Stretch, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Closeup:
    """A short time of one lane, which could not be seen in all of it."""

    since: datetime
    until: datetime
    row: Row


@dataclass(frozen=True)
class Strip:
    """What is drawn from `since` to `until`, and below it what has to be looked at from nearer."""

    title: str
    note: str
    since: datetime
    until: datetime
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    alt: str
    closeups: tuple[Closeup, ...] = ()


def strip(title: str, watched: Sequence[Watched], marks: Iterable[Mark] = ()) -> Strip:
    """Of at least one lane. Where there were outages, only the time around them is shown."""
    marks = tuple(marks)
    begin, end = min(each.since for each in watched), max(each.until for each in watched)
    since, until = _frame(watched, marks, begin, end)
    rows = tuple(_row(each) for each in watched)
    note = f"{since:%Y-%m-%d}, {since:%H:%M:%S} to {until:%H:%M:%S} UTC"
    if (since, until) != (begin, end):
        note += f" (watched {begin:%H:%M:%S} to {end:%H:%M:%S})"
    alt = " ".join([f"{title}, {note}.", *(f"{row.label}: {row.verdict}." for row in rows), *map(_said, marks)])
    if left_out := len(rows) - MOST_ROWS:
        note += f", {left_out} more lanes not shown" if left_out > 0 else ""
    return Strip(title, note, since, until, rows[:MOST_ROWS], marks, alt)


def _said(mark: Mark) -> str:
    return f"{clock(mark.at)}: {mark.text}."


def _frame(
    watched: Sequence[Watched], marks: Sequence[Mark], begin: datetime, end: datetime
) -> tuple[datetime, datetime]:
    told = [mark.at for mark in marks if begin <= mark.at <= end]
    for each in watched:
        for outage in each.outages:
            told += [outage.last_ok_at or begin, outage.ended_by or end]
        for session in each.sessions:
            told += [session.longest.since, session.longest.until] if session.longest else []
    if not told:
        return begin, end
    aside = max(ASIDE, ROOM * (max(told) - min(told)))
    return max(begin, min(told) - aside), min(end, max(told) + aside)


def _row(watched: Watched) -> Row:
    stretches = [Stretch(watched.since, watched.until, Shade.UP)]
    stretches += [Stretch(each.since, each.until, Shade.UNOBSERVED) for each in watched.missed]
    for still in (each.longest for each in watched.sessions if each.longest):
        stretches.append(Stretch(still.since, still.until, Shade.PERHAPS))
    for outage in watched.outages:
        stretches += _down(watched, outage)
    return Row(_label(watched.lane), _verdict(watched), tuple(stretches))


def _label(lane: Lane) -> str:
    """The way is never cut, and an endpoint ends with what tells it apart least."""
    used, room = way(lane), LONGEST_LABEL - len(way(lane)) - 4
    return f"{lane.endpoint if len(lane.endpoint) <= room else lane.endpoint[:room] + '…'} · {used}"


def _down(watched: Watched, outage: Outage) -> Iterator[Stretch]:
    yield Stretch(outage.last_ok_at or watched.since, outage.ended_by or watched.until, Shade.PERHAPS)
    yield from down(outage.began_by, outage.ended_between[0], outage.at_least, watched.missed)


def down(began: datetime, ended: datetime, at_least: timedelta, missed: Iterable[Unobserved]) -> Iterator[Stretch]:
    """What is proven of an outage, without what nobody looked at; that is apart from each other and in order.

    When much less than all of it is proven nobody knows here which part is: then only where it was seen down first and last.
    """
    if at_least and is_whole(began, ended, at_least, missed := tuple(missed)):
        yield from _without(began, ended, missed)
    elif at_least:
        yield from (Stretch(began, began, Shade.DOWN), Stretch(ended, ended, Shade.DOWN))


def is_whole(began: datetime, ended: datetime, at_least: timedelta, missed: Iterable[Unobserved]) -> bool:
    """Whether all of it is proven but for what nobody looked at, and for what is too short to be seen."""
    lasting = sum((each.until - each.since for each in _without(began, ended, missed)), timedelta())
    return at_least >= SEEN * lasting


def _without(began: datetime, ended: datetime, missed: Iterable[Unobserved]) -> Iterator[Stretch]:
    for each in missed:
        if began < min(each.since, ended):
            yield Stretch(began, min(each.since, ended), Shade.DOWN)
        began = max(began, each.until)
    if began < ended:
        yield Stretch(began, ended, Shade.DOWN)


def _verdict(watched: Watched) -> str:
    if not watched.was_up:
        return "never up"
    parts = [f"down {between(watched.bounds)}" if watched.outages else "no outage seen"]
    parts += filter(None, map(_session, watched.sessions))
    if missed := sum((each.lasting for each in watched.missed), timedelta()):
        parts.append(f"not watched for {seconds(missed)} s")
    return ", ".join(parts)


def _session(session: Session) -> str:
    still, dropped = session.longest, session.dropped
    told = [f"stood still {seconds(still.at_least)} to {seconds(still.at_most)} s"] if still else []
    return ", ".join([*told, *([f"dropped at {clock(dropped.end)}"] if dropped else [])])
