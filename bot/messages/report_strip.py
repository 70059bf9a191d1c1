"""The strip of an upgrade: what its report says, drawn as lanes over time."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, zip_longest
from typing import Final

from bot.domain.keeping import Fate
from bot.domain.measurement import STILL_OUT
from bot.domain.observer import merged
from bot.domain.rds_events import Meaning
from bot.domain.report import EndpointReport, RdsEventReport, Report
from bot.domain.report_parts import OutageReport, SessionReport, WritesReport
from bot.domain.status import said
from bot.domain.unobserved import Unobserved
from bot.messages.markup import TENTH, bounds, lasting
from bot.messages.strip import MOST_ROWS, Closeup, Mark, Row, Shade, Span, Stretch, Strip, down, is_whole
from bot.messages.thread import OUTCOMES

ALT: Final = 1000  # characters that Slack takes of an alt text
MOST_MARKS: Final = 9
MOST_CLOSEUPS: Final = 4
NEAR: Final = 0.15  # of the whole: what lasts as long as that needs no close-up
MARGIN: Final = 0.03  # of the whole, before the order and after the end
LEAST_MARGIN: Final = timedelta(seconds=2)
STARTED: Final = {Meaning.STARTED: "upgrade started"}
DONE: Final = dict.fromkeys((Meaning.COMPLETE, Meaning.UPGRADED, Meaning.ALL_INSTANCES), "upgrade finished")
WENT_WRONG: Final = {
    Meaning.CANNOT_UPGRADE: "cannot be upgraded",
    Meaning.CANCELLED: "upgrade cancelled",
    Meaning.ROLLED_BACK: "rolled back",
}
FATES: Final = {
    Fate.SURVIVED: "survived",
    Fate.MOVED: "survived in another process",
    Fate.DROPPED: "dropped",
    Fate.LOST: "lost sight of",
}
ZERO_DOWNTIME: Final = {Meaning.ZDP_DONE: "zero-downtime patching finished"}
RESTARTED: Final = {Meaning.RESTARTED: "restarted"}


def report_strip(made: Report) -> Strip:
    """From a little before the order to a little after the end; ValueError when nothing was measured."""
    if not made.endpoints:
        raise ValueError("nothing was measured")
    begin, end = made.ordered_at or made.proposed_at, made.finished_at
    aside = max(LEAST_MARGIN, MARGIN * (end - begin))
    since, until = begin - aside, end + aside
    title = f"{made.global_cluster}: {made.from_version} to {made.target}, {said(made.outcome)}"
    took = f", took {lasting(made.took)}" if made.took is not None else ""
    rows = tuple(row for each in made.endpoints for row in _rows(each, since))
    left_out = f", {left} more lanes not shown" if (left := len(rows) - MOST_ROWS) > 0 else ""
    note = f"{begin:%Y-%m-%d}, all times UTC{took}{left_out}"
    marks = tuple(_marks(made))
    return Strip(
        title=title,
        note=f"Could the database be used? {note}",
        since=since,
        until=until,
        rows=rows[:MOST_ROWS],
        marks=marks,
        alt=_alt([f"{title}. {note}.", *(f"{each.label}: {each.verdict}." for each in rows), *map(_said, marks)]),
        closeups=tuple(_closeups(made.endpoints, until - since))[:MOST_CLOSEUPS],
    )


def _alt(sentences: Sequence[str]) -> str:
    """Whole sentences, as many as Slack takes."""
    told = ""
    for each in sentences:
        if len(told) + len(each) + 1 > ALT:
            return told or each[:ALT]
        told = f"{told} {each}".strip()
    return told


def _said(mark: Mark) -> str:
    return f"{mark.at:%H:%M:%S} {mark.text}."


def _rows(each: EndpointReport, since: datetime) -> Iterator[Row]:
    """A lane for each way that was measured; the sessions that were held share one."""
    yield Row(_name(each), _verdict(each), tuple(_stretches(each, since)))
    if each.held:
        still = tuple(_still(each, since))
        unseen = merged(Unobserved(since=one.since, until=one.until) for one in still if one.shade is Shade.UNOBSERVED)
        told = ", ".join([_fates(each.held), *_not_watched(one.lasting for one in unseen)])
        yield Row(f"{each.region} {each.endpoint}, held sessions", told, still)
    if each.writes:
        written = tuple(_stretches(each.writes, since))
        yield Row(f"{each.region} {each.endpoint}, writes", _taken(each.writes), written)


def _fates(held: Sequence[SessionReport]) -> str:
    """Of those that were held first; what became of the sessions that followed one is in the report."""
    first = {each.lane: each for each in reversed(held)}.values()
    counts = Counter(each.fate for each in first)
    told = [f"{counts[fate]} {words}" for fate, words in FATES.items() if counts[fate]]
    stills = [each.stood_still_at_most for each in first if each.stood_still_at_most is not None]
    longest = timedelta(seconds=max(stills, default=0))
    return ", ".join([*told, *([f"stood still at most {-(-longest // TENTH) / 10:.1f} s"] if stills else [])])


def _still(each: EndpointReport, since: datetime) -> Iterator[Stretch]:
    """Of all of them together: up where each lane had a session that was used and answered."""
    if each.since is None or each.until is None:
        return
    yield Stretch(each.since, each.until, Shade.UP)
    for _, lane in groupby(sorted(each.held, key=lambda one: (one.lane, one.since)), key=lambda one: one.lane):
        yield from _of_lane(list(lane), since, each.until)


def _of_lane(held: Sequence[SessionReport], since: datetime, until: datetime) -> Iterator[Stretch]:
    """A session that was dropped was gone by then; until the next one was opened nobody knows whether it could have been."""
    if held[0].since > since:
        yield Stretch(since, held[0].since, Shade.UNOBSERVED)
    for one, after in zip_longest(held, held[1:]):
        for missed in one.unobserved:
            yield Stretch(missed.since, missed.until, Shade.UNOBSERVED)
        if one.stood_still_since and one.stood_still_until:
            yield Stretch(one.stood_still_since, one.stood_still_until, Shade.PERHAPS)
        if one.dropped_by:
            yield Stretch(one.last_ok_at, after.since if after else one.dropped_by, Shade.PERHAPS)
            yield Stretch(one.dropped_by, one.dropped_by, Shade.DOWN)
        elif after:
            yield Stretch(one.last_ok_at, after.since, Shade.UNOBSERVED)
        if after is None and until - (seen := one.dropped_by or one.last_ok_at) > STILL_OUT:
            yield Stretch(seen, until, Shade.UNOBSERVED)


def _taken(writes: WritesReport) -> str:
    if writes.at_least is None:
        return "were never taken"
    taken = f"not taken for {_between(writes.at_least, writes.at_most)}" if writes.outages else "no outage seen"
    return ", ".join([taken, *_not_watched(each.lasting for each in writes.unobserved)])


def _not_watched(stretches: Iterable[timedelta]) -> Iterator[str]:
    if missed := sum(stretches, timedelta()):
        yield f"not watched for {missed.total_seconds():.1f} s"


def _name(each: EndpointReport) -> str:
    return f"{each.region} {each.endpoint}, new connections"


def _verdict(each: EndpointReport) -> str:
    if each.since is None or each.at_least is None:
        return "could not be measured"
    parts = ["no outage seen"] if not each.outages else [f"down {_between(each.at_least, each.at_most)}"]
    if len(each.outages) > 1:
        parts[0] += f" in {len(each.outages)} outages"
    return ", ".join([*parts, *_not_watched(stretch.lasting for stretch in each.unobserved)])


def _between(at_least: float, at_most: float | None) -> str:
    return bounds(timedelta(seconds=at_least), None if at_most is None else timedelta(seconds=at_most))


def _stretches(each: EndpointReport | WritesReport, since: datetime) -> Iterator[Stretch]:
    """Where it was watched it was up, but for what follows; after the last attempt nothing is drawn."""
    if each.since is None or each.until is None:
        return
    if each.since > since:
        yield Stretch(since, each.since, Shade.UNOBSERVED)
    yield Stretch(each.since, each.until, Shade.UP)
    for stretch in each.unobserved:
        yield Stretch(stretch.since, stretch.until, Shade.UNOBSERVED)
    for outage in each.outages:
        yield Stretch(*_perhaps(each, outage), Shade.PERHAPS)
        yield from down(*_proven(outage), each.unobserved)


def _proven(outage: OutageReport) -> tuple[datetime, datetime, timedelta]:
    return outage.began_by, outage.ended_after, timedelta(seconds=outage.at_least)


def _perhaps(each: EndpointReport | WritesReport, outage: OutageReport) -> tuple[datetime, datetime]:
    began = outage.last_ok_at or each.since or outage.began_by
    return began, outage.ended_by or each.until or outage.last_failure_at


def _closeups(endpoints: Iterable[EndpointReport], whole: timedelta) -> Iterator[Closeup]:
    """Of the longest outage of each endpoint, where the whole picture is too small for it."""
    for each in endpoints:
        outage = max(each.outages, key=lambda one: (one.at_least, one.at_most or 0), default=None)
        if outage is None:
            continue
        began, ended = _perhaps(each, outage)
        if ended - began < NEAR * whole:
            yield _closeup(each, outage, began, ended)


def _closeup(each: EndpointReport, outage: OutageReport, began: datetime, ended: datetime) -> Closeup:
    aside = max(timedelta(seconds=0.3), 0.35 * (ended - began))
    since, until = began - aside, ended + aside
    which = "its longest outage" if len(each.outages) > 1 else "its outage"
    at_most = None if outage.at_most is None else timedelta(seconds=outage.at_most)
    spans = [
        Span(began, ended, "not seen to end" if at_most is None else f"down at most {-(-at_most // TENTH) / 10:.1f} s")
    ]
    if outage.at_least > 0:
        part = "" if is_whole(*_proven(outage), each.unobserved) else " of this"
        least = f"down at least {timedelta(seconds=outage.at_least) // TENTH / 10:.1f} s{part}"
        spans.append(Span(outage.began_by, outage.ended_after, least))
    row = Row(
        label=f"{each.region} {each.endpoint}: {which}, from nearer",
        verdict=", then ".join(OUTCOMES[each] for each in outage.outcomes)
        + (", up in between" if outage.flapping else ""),
        stretches=tuple(_stretches(each, since)),
        spans=tuple(spans),
    )
    return Closeup(since, until, row)


def _marks(made: Report) -> Iterator[Mark]:
    """The order and the end, and what matters most of what RDS said, by time."""
    marks = [Mark(made.ordered_at, "ordered")] if made.ordered_at else []
    marks.append(Mark(made.finished_at, f"over: {said(made.outcome)}"))
    marks += (*_first_of_each(made, WENT_WRONG), *_first_of_each(made, STARTED), *_last_of_each(made))
    marks += (*_zero_downtime(made), *_first_of_each(made, RESTARTED))
    yield from sorted(marks[:MOST_MARKS], key=lambda mark: mark.at)


def _first_of_each(made: Report, texts: dict[Meaning, str]) -> list[Mark]:
    """Once for each source that said so."""
    events = [each for each in made.rds_events if each.meaning in texts]
    first = {(each.region, each.identifier, each.meaning): each for each in reversed(events)}
    return [_mark(each, texts) for each in sorted(first.values(), key=lambda each: each.at)]


def _zero_downtime(made: Report) -> Iterator[Mark]:
    """Once for each Region and time that it was tried, though the cluster and its instance both say it."""
    events = [each for each in made.rds_events if each.meaning in ZERO_DOWNTIME]
    for each in {(each.region, each.message): each for each in reversed(events)}.values():
        yield Mark(each.at, f"{each.region}: {ZERO_DOWNTIME[Meaning(each.meaning)]}")


def _last_of_each(made: Report) -> list[Mark]:
    """A Region is done with the last of what is said then."""
    events = sorted((each for each in made.rds_events if each.meaning in DONE), key=lambda each: (each.region, each.at))
    return [_mark(list(said)[-1], DONE) for _, said in groupby(events, key=lambda each: each.region)]


def _mark(event: RdsEventReport, texts: dict[Meaning, str]) -> Mark:
    who = event.region if event.source == "cluster" else f"{event.region} {event.identifier}"
    return Mark(event.at, f"{who}: {texts[Meaning(event.meaning)]}")
