"""The judge of a rehearsal: whether what the bot reported and said is what was true. It reads both and changes nothing.

What it forgives, and no more: what came after the end, and before the order of what was under way then; what nobody
looked at, where the report says so, or that an endpoint was never measured; one time down that
is no longer than the report says it may have overlooked; recoveries inside an outage, which the report counts as down too;
a millisecond, to which the stamps are cut.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from sandbox.aurora import Down, RdsEvent
from sandbox.slack.mrkdwn import time_of_day

WRITER_REGION = "us-east-1"
LATE_MARK = " _(told late)_"
CUT = timedelta(milliseconds=1)
NOTHING = timedelta()
HALF_A_DAY = timedelta(hours=12)
Json = dict[str, Any]
NEVER_LOOKED_AT: Json = {"at_least": 0, "at_most": None, "unobserved": (), "outages": (), "resolution": None}


def use(down: Down) -> str:
    return "writer" if down.region == WRITER_REGION else "reader"


def _served(name: str, down: Down) -> bool:
    """Whether this is what an endpoint of that Region was like: those of instances are served by the same server."""
    return name == use(down) or name not in ("writer", "reader")


def untruths(truth: Sequence[Down], told: Json) -> Iterator[str]:
    """Each time that a server took no connections lies inside what was reported, and the sums agree; in sentences, if not."""
    downs = of_the_upgrade(truth, told)
    reported_at = {(each["region"], each["endpoint"]) for each in told["endpoints"]}
    for down in downs:
        if (down.region, use(down)) not in reported_at:
            yield from _unheld(down.region, NEVER_LOOKED_AT, [down])
    for each in told["endpoints"]:
        region, name = each["region"], each["endpoint"]
        its = [down for down in downs if down.region == region and _served(name, down)]
        yield from untruths_of(f"{region} {name}", each, its)


def of_the_upgrade(truth: Sequence[Down], told: Json) -> list[Down]:
    """What came after its end is left out, and of what was under way at its order what came before."""
    ended, ordered_at = datetime.fromisoformat(told["finished_at"]), told.get("ordered_at")
    until_then = [replace(each, down_until=min(each.down_until, ended)) for each in truth if each.down_from < ended]
    return [_since(datetime.fromisoformat(ordered_at), each) for each in until_then] if ordered_at else until_then


def untruths_of(name: str, reported: Json, downs: Sequence[Down]) -> Iterator[str]:
    """Of one endpoint in one way of using it."""
    yield from _unheld(name, reported, downs)
    yield from (f"{name} was down {wrong}" for wrong in _wrong_sums(reported, downs))


def _unheld(name: str, reported: Json, downs: Sequence[Down]) -> Iterator[str]:
    for down in downs:
        if not (_holds(reported, down) or _may_be_unseen(reported, down)):
            yield f"no reported outage holds the {down.seconds:.3f} s of {name} from {down.down_from}"


def _since(ordered_at: datetime, down: Down) -> Down:
    """Of one across the order what came before is no cost. The bounds begin a little sooner, at its intent, hence the doubt."""
    if not down.down_from < ordered_at < down.down_until:
        return down
    return replace(down, down_from=ordered_at, doubt=down.doubt + (ordered_at - down.down_from))


def _holds(reported: Json, down: Down) -> bool:
    """From the last success before an outage to the end of the first one after; or in what nobody looked at.

    Of an endpoint that never answered, as where each prober died before its first attempt, the report claims nothing at all.
    """
    if (reported["at_least"], reported["at_most"]) == (None, None):
        return True
    unobserved = (_is_inside(down, each["since"], each["until"]) for each in reported["unobserved"])
    return any(_is_in_outage(down, each) for each in reported["outages"]) or any(unobserved)


def _is_in_outage(down: Down, outage: Json) -> bool:
    return _is_inside(down, outage["last_ok_at"], outage["ended_by"])


def is_inside(since: datetime, until: datetime, began: str | None, ended: str | None) -> bool:
    """What has no end was not seen to end, and may still last."""
    if began is None:
        return False
    return datetime.fromisoformat(began) - CUT <= since and (
        ended is None or until <= datetime.fromisoformat(ended) + CUT
    )


def _is_inside(down: Down, began: str | None, ended: str | None) -> bool:
    return is_inside(down.down_from, down.down_until, began, ended)


def _may_be_unseen(reported: Json, down: Down) -> bool:
    """So short that it may lie between two looks, as the report says; if it does not reach into what an outage proves.

    Then it covers all of the success before that outage, or of the one after, and neither can have been.
    """
    resolution = reported["resolution"]
    if resolution is None or down.down_until - down.down_from > timedelta(seconds=resolution):
        return False
    return not any(
        down.down_from < datetime.fromisoformat(each["ended_after"]) - CUT
        and down.down_until > datetime.fromisoformat(each["began_by"]) + CUT
        for each in reported["outages"]
    )


@dataclass(frozen=True)
class Bounds:
    """`at_most` is None when nothing bounds it; `at_least` when the endpoint never answered, and nothing is claimed."""

    at_least: float | None
    at_most: float | None

    def deny(self, truth: timedelta, doubt: timedelta, cut: timedelta = NOTHING) -> bool:
        """`doubt` is by how much longer it may have been."""
        too_long = timedelta(seconds=self.at_least or 0) > truth + doubt
        return too_long or (self.at_most is not None and truth > timedelta(seconds=self.at_most) + cut)

    def __str__(self) -> str:
        return f"{self.at_least} to {self.at_most} s"


def _wrong_sums(reported: Json, downs: Sequence[Down]) -> Iterator[str]:
    """Each outage is as long as it is said to be, and all are together. Nothing that nobody looked at proves a lower bound."""
    rest, seen, doubts = list(downs), NOTHING, NOTHING
    for outage in reported["outages"]:
        inside = [down for down in rest if _is_in_outage(down, outage)]
        rest = [down for down in rest if down not in inside]
        lasted, doubt = _span(inside), sum((down.doubt for down in inside), NOTHING)
        seen, doubts = seen + lasted, doubts + doubt
        if (bounds := Bounds(outage["at_least"], outage["at_most"])).deny(lasted, doubt, 2 * CUT):
            yield f"{lasted.total_seconds():.3f} s in the outage after {outage['last_ok_at']}, not {bounds}"
    unobserved = [down.down_until - down.down_from for down in rest if _holds(reported, down)]
    most = seen + sum(unobserved, NOTHING)
    bounds = Bounds(reported["at_least"], reported["at_most"])
    if bounds.deny(most, seen + doubts - most):
        yield f"{most.total_seconds():.3f} s, {seen.total_seconds():.3f} s of it in its outages, not {bounds}"


def _span(downs: Sequence[Down]) -> timedelta:
    """From the first fall to the last recovery: a recovery inside a reported outage counts as down, as in the report."""
    if not downs:
        return NOTHING
    return max(down.down_until for down in downs) - min(down.down_from for down in downs)


def line_of(event: RdsEvent) -> str:
    """What the thread shows of it, after the time."""
    source = "cluster" if event.source_type == "db-cluster" else event.source_identifier
    return f"{event.region}  {source}  {event.message}"


def lost(events: Sequence[RdsEvent], lines: Sequence[str]) -> Iterator[str]:
    """What RDS said and the thread does not say as often."""
    yield from (_miscounted(*each) for each in _said_and_told(events, lines) if each[2] < each[1])


def doubled(events: Sequence[RdsEvent], lines: Sequence[str], told: Json | None) -> Iterator[str]:
    """What the thread says oftener than RDS; and what nobody but the bot says, more than once.

    Of an endpoint it says the same as often as that fell around then: two falls may come within one second.
    """
    yield from (_miscounted(*each) for each in _said_and_told(events, lines) if each[2] > each[1])
    of_rds = set(map(_with_time, events))
    for line, times in Counter(map(_unmarked, lines)).items():
        if line not in of_rds and times > max(1, _falls_at(line, told["endpoints"] if told else [])):
            yield f"the thread says {times} times “{line}”"


def _said_and_told(events: Sequence[RdsEvent], lines: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Each thing that RDS said, how often, and how often the thread says it."""
    told = Counter(map(_unmarked, lines))
    yield from ((said, times, told[said]) for said, times in Counter(map(_with_time, events)).items())


def _miscounted(said: str, of: int, told: int) -> str:
    return f"RDS said {of} times “{said}”, and the thread {told} times"


def _with_time(event: RdsEvent) -> str:
    return f"{time_of_day(event.date.timestamp())}  {line_of(event)}"


def _unmarked(line: str) -> str:
    """Told late it is the same."""
    return line.removesuffix(LATE_MARK)


def _falls_at(line: str, endpoints: Sequence[Json]) -> int:
    """How many outages of the endpoint that a line is about may have been under way in the second that it names."""
    return sum(
        _is_within(line.partition(" ")[0], outage)
        for each in endpoints
        if f"  {each['region']}  {each['endpoint']}  " in line
        for outage in each["outages"]
    )


def _is_within(second: str, outage: Json) -> bool:
    """`second` is a time of day, as `09:59:05`: of the day on which the outage began or, if that was late, of the next."""
    began = datetime.fromisoformat(outage["last_ok_at"]).replace(microsecond=0)
    ended = datetime.fromisoformat(outage["ended_by"]) if outage["ended_by"] else began + HALF_A_DAY
    at = datetime.combine(began.date(), time.fromisoformat(second), began.tzinfo)
    return any(began <= each <= ended for each in (at, at + timedelta(days=1)))
