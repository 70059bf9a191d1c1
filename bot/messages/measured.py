"""What the measuring tool prints: plain text for a terminal, bounds to the millisecond."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from bot.domain.attempts import Attempt, Outcome
from bot.domain.held import Session
from bot.domain.ledger import CameBack, CanMeasure, CannotMeasure, Happening, LookedAway, WentDown
from bot.domain.outage import Bounds, Outage
from bot.domain.psql_loop import Loop
from bot.domain.unobserved import Unobserved
from bot.domain.watched import Watched
from bot.domain.ways import Lane, Use, Way
from bot.messages.thread import OUTCOMES

WAYS = {
    Way.CONNECT: "new connections",
    Way.HELD: "held session",
    Way.WRITE: "writes",
    Way.ROW: "reads of the row",
    Way.CONTROL: "the observer",
}
_NONE: Final[Mapping[Lane, timedelta]] = {}


def way(lane: Lane) -> str:
    return f"{WAYS[lane.way]} {lane.number}" if lane.number else WAYS[lane.way]


def clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}" if at else "–"


def seconds(lasting: timedelta) -> str:
    return f"{lasting.total_seconds():.3f}"


def between(bounds: Bounds) -> str:
    if bounds.at_most is None:
        return f"at least {seconds(bounds.at_least)} s"
    return f"{seconds(bounds.at_least)} to {seconds(bounds.at_most)} s"


def bounds_of(outage: Outage) -> Bounds:
    return Bounds(outage.at_least, outage.at_most)


def why(attempt: Attempt) -> str:
    """`connection refused`, and the endpoint's own words where they say more."""
    said = OUTCOMES[attempt.outcome]
    code = f" ({attempt.sqlstate})" if attempt.sqlstate and attempt.sqlstate not in attempt.detail else ""
    says_more = attempt.detail and said not in attempt.detail.lower()
    return f"{said}: {attempt.detail}{code}" if says_more else f"{said}{code}"


def watching(endpoints: Sequence[str], rate: float, held: int, *, write: bool) -> str:
    ways = ["new connections", *([_counted(held, "held session")] if held else []), *(["writes"] if write else [])]
    return f"Watching {', '.join(endpoints)}: {', '.join(ways)}, each {rate:g} times a second. Ctrl-C ends it."


def happened(lane: Lane, happening: Happening) -> str:
    """A line as it happens."""
    where = f"{lane.endpoint}  {way(lane)}"
    match happening:
        case CanMeasure(attempt=attempt):
            return f"{clock(attempt.start)}  {where}  up{_answered(lane, attempt.version)}"
        case CannotMeasure(attempt=attempt):
            return f"{clock(attempt.start)}  {where}  cannot be measured: {why(attempt)}"
        case WentDown(attempt=attempt):
            fell = "DOWN or slow" if attempt.outcome is Outcome.TIMEOUT else "DOWN"
            return f"{clock(attempt.start)}  {where}  {fell}: {why(attempt)}"
        case CameBack(outage=outage):
            back = f"back after {between(bounds_of(outage))}{_answered(lane, outage.version_after or '')}"
            return f"{clock(outage.ended_by)}  {where}  {back}"
        case LookedAway(stretch=stretch):
            return f"{clock(stretch.until)}  {where}  nobody looked for {seconds(stretch.lasting)} s"
        case _:
            assert_never(happening)


def _answered(lane: Lane, answer: str) -> str:
    if not answer or lane.way in (Way.WRITE, Way.ROW):
        return ""
    return f", served by process {answer}" if lane.way is Way.HELD else f", version {answer}"


def conclusions(watched: Sequence[Watched], guessed: Mapping[Lane, timedelta] = _NONE) -> Iterator[str]:
    """What every lane proves, and when the observer was no witness. Of a loop whose sleep was `guessed` it proves that only if."""
    for each in watched:
        yield from _conclusion(each, _if(each, guessed))
    yield from _stood_still({each.lane.endpoint: each.stood_still for each in watched})


def _stood_still(found: Mapping[str, Sequence[Unobserved]]) -> Iterator[str]:
    """Once, when it was the same for all."""
    alike = len(set(map(tuple, found.values()))) == 1
    for endpoint, stretches in list(found.items())[: 1 if alike else None]:
        if not stretches:
            continue
        who = "This machine itself" if alike else f"Whoever measured {endpoint}"
        lasting = sum((each.lasting for each in stretches), timedelta())
        longest = max(stretches, key=lambda each: each.lasting)
        yield (
            f"{who} stood still {_counted(len(stretches), 'time')}, {seconds(lasting)} s in all, the longest "
            f"from {_stretch(longest)}. What happened meanwhile is not known: it counts in the upper bounds only."
        )


def set_back(by: timedelta) -> Iterator[str]:
    if by:
        yield (
            f"The clock of this machine was set back by {seconds(by)} s meanwhile. The times here are of the clock as it was before, so "
            "the bounds hold; take that off before you compare them with other logs, and let NTP keep the clock."
        )


def went_back(name: str, found: tuple[Use, timedelta] | None) -> Iterator[str]:
    if found:
        use, by = found
        yield (
            f"{name}: its times go back by {seconds(by)} s before the attempt of {clock(use.attempt.start)} ({way(use.lane)}). If its "
            "clock was set back there, no length across that is proven: cut the file there and replay the parts one by one."
        )


def _if(watched: Watched, guessed: Mapping[Lane, timedelta]) -> str:
    slept = guessed.get(watched.lane)
    return f", if it slept {slept.total_seconds():g} s" if slept else ""


def _conclusion(watched: Watched, condition: str) -> Iterator[str]:
    lane = watched.lane
    yield f"{lane.endpoint}  {way(lane)}: {_verdict(watched)}{condition}"
    for outage in watched.outages:
        yield f"  {_outage(outage)}"
    yield from (f"  {_session(each)}" for each in watched.sessions)
    yield from (
        f"  not watched from {_stretch(each)}: it may have been down all that time" for each in watched.unobserved
    )
    yield f"  {_looked(watched)}"


def _verdict(watched: Watched) -> str:
    if not watched.was_up:
        return f"never up while it was watched ({why(watched.last)})"
    if not watched.outages:
        missed = ", but not watched all the time" if watched.missed else ""
        return f"no outage seen{missed}"
    return f"down {between(watched.bounds)} in {_counted(len(watched.outages), 'outage')}"


def _outage(outage: Outage) -> str:
    kinds = ", ".join(OUTCOMES[each] for each in outage.outcomes)
    began = f"began {clock(outage.last_ok_at)} … {clock(outage.began_by)}"
    ended = f"ended {clock(outage.ended_between[0])} … {clock(outage.ended_by)}"
    flapping = ", up in between" if outage.flapping else ""
    return f"{between(bounds_of(outage))}: {began}, {ended}; {_counted(outage.failed, 'failed attempt')} ({kinds}){flapping}"


def _session(session: Session) -> str:
    said = f"session {session.number}"
    if session.number > 1:
        said += f", opened {clock(session.since)},"
    if session.dropped:
        said += f" was dropped {clock(session.last_ok.start)} … {clock(session.dropped.end)}: {why(session.dropped)}"
    elif len(session.served_by) > 1:
        said += " survived, but another process serves it now"
    elif session.is_waiting:
        said += f" has not answered since {clock(session.last_ok.start)}"
    else:
        said += " survived" if session.number == 1 else " was kept"
    said += f" (process {' then '.join(session.served_by)})"
    if session.longest:
        still = Bounds(session.longest.at_least, session.longest.at_most)
        said += f"; it stood still for {between(still)} until {clock(session.longest.until)}"
    return said


def _stretch(stretch: Unobserved) -> str:
    return f"{clock(stretch.since)} to {clock(stretch.until)} ({seconds(stretch.lasting)} s)"


def _looked(watched: Watched) -> str:
    counts = [_counted(watched.attempts, "attempt"), f"{watched.failed} failed"]
    if watched.unknown:
        counts.append(f"{watched.unknown} that prove nothing")
    unseen = f"; an outage of up to {seconds(watched.resolution)} s may have gone unseen" if watched.resolution else ""
    return f"{', '.join(counts)} from {clock(watched.since)} to {clock(watched.until)}{unseen}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


HEADINGS = ("", "last ok", "first failure", "last failure", "first ok", "failed", "by start stamps", "rigorous")


def outage_table(watched: Iterable[Watched], guessed: Mapping[Lane, timedelta] = _NONE) -> Iterator[str]:
    """Both readings of each outage: the one that start stamps alone suggest, and what is proven; if the `guessed` sleep is right."""
    rows = [list(HEADINGS), *(_row(each, outage, _if(each, guessed)) for each in watched for outage in each.outages)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if len(rows) > 1 else ():
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(watched: Watched, outage: Outage, condition: str) -> list[str]:
    name = watched.lane.endpoint if watched.lane.way is Way.CONNECT else f"{watched.lane.endpoint} {way(watched.lane)}"
    stamps = map(clock, (outage.last_ok_at, outage.first_failure_at, outage.last_failure_at, outage.first_ok_at))
    return [name, *stamps, str(outage.failed), _range(outage.by_start_stamps), _range(bounds_of(outage)) + condition]


def _range(bounds: Bounds) -> str:
    return f"{seconds(bounds.at_least)} – {seconds(bounds.at_most) if bounds.at_most is not None else '?'}"


def of_loop(loop: Loop, sleep: timedelta, guessed: bool, watched: Watched) -> Iterator[str]:
    """What a closed loop of that interval could and could not have seen."""
    lasted = [after - sleep for after in loop.steps]
    yield (
        f"{watched.lane.endpoint}: a closed loop, {_counted(len(loop.tries), 'attempt')} from {clock(loop.tries[0].start)} "
        f"to {clock(loop.tries[-1].start)}, a new one each {seconds(loop.step)} s as a rule"
    )
    if guessed:
        yield f"  {_guess(loop, sleep)}"
    if loop.grain:
        yield "  Its stamps have no fraction of a second, so each may be up to a second late; the bounds allow for that."
    if watched.resolution:
        yield (
            f"  It could have missed a whole outage of up to {seconds(watched.resolution)} s: that long passed from the start of "
            "one success to the end of the next."
        )
    yield f"  It could not tell when an outage began or ended to less than {seconds(min(loop.steps) - sleep + min(loop.steps))} s."
    longest = max(lasted)
    if longest > loop.step:
        at, missed = loop.tries[lasted.index(longest)], longest // timedelta(seconds=0.1)
        yield (
            f"  It waits for its own attempts: the one of {clock(at.start)} ({OUTCOMES[at.outcome]}) took up to {seconds(longest)} s, "
            f"and nobody looked meanwhile. Ten attempts a second that do not wait would have looked {missed} times."
        )
    ignored = loop.silent + 1
    yield (
        f"  The last attempt has no known end and is left out{f', as are {ignored - 1} without a verdict' if ignored > 1 else ''}."
    )


def _guess(loop: Loop, sleep: timedelta) -> str:
    shortest = seconds(min(loop.steps))
    if not sleep:
        return (
            f"How long it slept between attempts is not known (its shortest step is {shortest} s), so each may have taken until "
            "the next began. Say it with --sleep for closer bounds."
        )
    return (
        f"Taken to sleep {sleep.total_seconds():g} s after each attempt, for its shortest step is {shortest} s. If that is not so, say "
        "it with --sleep; --sleep 0 gives bounds that hold whatever it was."
    )
