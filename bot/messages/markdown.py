"""`report.md`: the report for people, as a Markdown file."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.domain.budget import written
from bot.domain.report import EndpointReport, Report
from bot.domain.report_parts import ClaimReport, LagReport, SessionReport, UnusedReport, WritesReport
from bot.domain.status import said
from bot.messages.downtime import round_trip
from bot.messages.markup import lasting


def report_markdown(made: Report) -> str:
    """The whole report. Downtime is always given as bounds: the truth is between them."""
    parts = (
        f"# Upgrade of {_cell(made.global_cluster)} from {made.from_version} to {made.target}: {said(made.outcome)}",
        _summary(made),
        "## Members\n\n" + _table(("Region", "cluster", "role", "before", "after"), _members(made)),
        "## Downtime of new connections\n\n" + _downtime(made),
        *_beside(made),
        "## Preflight\n\n"
        + _table(("severity", "check", "finding"), ((f.severity, f.check, f.text) for f in made.findings)),
        "## What RDS said\n\n" + _table(("time (UTC)", "Region", "source", "message"), _events(made)),
    )
    return "\n\n".join(parts) + "\n"


def _summary(made: Report) -> str:
    approvals = "; ".join(f"{each.by} at {_time(each.at)}" for each in made.decisions)
    lines = (
        f"- {_line(made.why)}",
        f"- Proposed by {made.proposed_by} at {_time(made.proposed_at)}"
        + (f": {_line(made.reason)}" if made.reason else ""),
        f"- Approved by {approvals} (plan {made.digest})",
        f"- Ordered at {_time(made.ordered_at)}, over at {_time(made.finished_at)}"
        + (f", took {lasting(made.took)}" if made.took is not None else ""),
        *_budget(made),
        f"- Account {made.account}, upgrade {made.upgrade}; all times are UTC",
    )
    return "\n".join(lines)


def _budget(made: Report) -> Iterable[str]:
    if made.budget is not None:
        yield f"- Downtime budget of {written(timedelta(seconds=made.budget))} for each endpoint: {made.budget_kept}"


def _members(made: Report) -> Iterable[Sequence[str]]:
    return ((each.region, each.cluster, each.role, each.before, each.after or "unknown") for each in made.members)


def _downtime(made: Report) -> str:
    head = (
        "Region",
        "endpoint",
        "at least",
        "at most",
        "outages",
        "attempts",
        "failed",
        "unknown",
        "not watched",
        "may be unseen",
        "measured from",
        "round trip",
        *(["budget"] if made.budget is not None else []),
    )
    table = _table(head, (_endpoint(each) for each in made.endpoints))
    outages = [
        f"- {each.region} {each.endpoint}: began between {_time(outage.last_ok_at)} and {_time(outage.began_by)}, "
        f"ended between {_time(outage.ended_after)} and {_time(outage.ended_by)} ({', '.join(outage.outcomes)})"
        for each in made.endpoints
        for outage in each.outages
    ]
    moves = [
        f"- {each.region} {each.endpoint}: at {_time(move.at)} its name led to {', '.join(move.after)}, before that to "
        f"{', '.join(move.before)}"
        for each in made.endpoints
        for move in each.moves
    ]
    told = [*outages, *moves]
    return table + ("\n\n" + "\n".join(told) if told else "")


def _beside(made: Report) -> Iterable[str]:
    """A section for each way beside new connections, if it was measured."""
    held = [_session(each, session) for each in made.endpoints for session in each.held]
    if held:
        head = (
            "Region",
            "endpoint",
            "lane",
            "what became of it",
            "stood still at least",
            "at most",
            "since",
            "gone",
            "told",
        )
        yield "## Held sessions\n\n" + _table(head, held)
    if claims := [f"- {_claim(each)}" for each in made.zero_downtime]:
        yield "## Zero downtime\n\n" + "\n".join(claims)
    writes = [_writes(each, each.writes) for each in made.endpoints if each.writes]
    lags = [f"- {each.region} {each.endpoint}: {_lag(each.lag)}" for each in made.endpoints if each.lag]
    if writes:
        head = (
            "Region",
            "endpoint",
            "at least",
            "at most",
            "outages",
            "attempts",
            "failed",
            "unknown",
            "may be unseen",
        )
        yield "\n\n".join(["## Writes", _table(head, writes), *(["\n".join(lags)] if lags else [])])
    if unused := [f"- {each.region} {each.endpoint}: {_unused(each)}" for each in made.unused]:
        yield "## Could not be measured\n\n" + "\n".join(unused)


def _session(each: EndpointReport, session: SessionReport) -> Sequence[str]:
    gone = f"between {_time(session.last_ok_at)} and {_time(session.dropped_by)}" if session.dropped_by else "never"
    told = f"{session.sqlstate} {session.detail}".strip() or str(session.outcome or "")
    return (
        each.region,
        each.endpoint,
        str(session.lane),
        session.fate,
        _seconds(session.stood_still_at_least, "not noticeably"),
        _seconds(session.stood_still_at_most, "not noticeably"),
        _time(session.since),
        gone,
        told,
    )


def _claim(each: ClaimReport) -> str:
    still = (
        f", standing still at most {_seconds(each.held_stood_still_at_most)}" if each.held_stood_still_at_most else ""
    )
    moved = f" ({each.held_moved} in another process)" if each.held_moved else ""
    saw = f"of the sessions held here {each.held_survived} preserved{moved} and {each.held_dropped} dropped{still}"
    verdict = "; ".join([f"{each.agreement}", *each.why])
    return (
        f"{each.region}, {_time(each.at)}: RDS says {_seconds(each.took)}, {each.preserved} connections preserved, "
        f"{each.dropped} dropped; {saw}: {verdict}"
    )


def _writes(each: EndpointReport, writes: WritesReport) -> Sequence[str]:
    return (
        each.region,
        each.endpoint,
        _seconds(writes.at_least, "not measured"),
        _seconds(writes.at_most, "unknown"),
        str(len(writes.outages)),
        str(writes.attempts),
        str(writes.failed),
        str(writes.unknown),
        "unknown" if writes.resolution is None else f"up to {_seconds(writes.resolution)}",
    )


def _lag(lag: LagReport) -> str:
    if lag.at is None:
        return f"never seen behind what was written, in {lag.reads} reads"
    return f"behind what was written by at least {_seconds(lag.at_least)} at {_time(lag.at)}, the most in {lag.reads} reads"


def _unused(each: UnusedReport) -> str:
    return _line(f"{each.way} since {_time(each.at)}: {each.outcome} {each.detail}")


def _seconds(value: float | None, otherwise: str = "") -> str:
    return otherwise if value is None else f"{value:.3f} s"


def _endpoint(each: EndpointReport) -> Sequence[str]:
    return (
        each.region,
        each.endpoint,
        "not measured" if each.at_least is None else f"{each.at_least:.3f} s",
        "unknown" if each.at_most is None else f"{each.at_most:.3f} s",
        str(len(each.outages)),
        str(each.attempts),
        str(each.failed),
        str(each.unknown),
        "; ".join(f"{_time(stretch.since)} to {_time(stretch.until)}" for stretch in each.unobserved) or "never",
        "unknown" if each.resolution is None else f"up to {each.resolution:.3f} s",
        each.vantage,
        round_trip(each.round_trip),
        *([each.budget_kept] if each.budget_kept else []),
    )


def _events(made: Report) -> Iterable[Sequence[str]]:
    return ((_time(each.at), each.region, each.identifier, each.message) for each in made.rds_events)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}" if at else "never"
