"""Timeline → what the upgrade cost: the report that people and programs read afterwards."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.base import Value
from bot.domain.budget import Kept, kept_at, kept_by_all
from bot.domain.claims import compared
from bot.domain.foreseen import ExpectationReport, ForecastReport, expected_before, told_before
from bot.domain.ids import Account, Region, UpgradeId, UserId
from bot.domain.measurement import Measurement, RoundTrip
from bot.domain.preflight import Finding
from bot.domain.rds_events import meaning_of
from bot.domain.report_parts import (
    ClaimReport,
    LagReport,
    OutageReport,
    SessionReport,
    UnusedReport,
    WritesReport,
    claim_report,
    lag_report,
    outage_report,
    session_report,
    unused_report,
    writes_report,
)
from bot.domain.status import Status
from bot.domain.story import Story, tell
from bot.domain.timeline import Approved, Entry, Intended, Reached
from bot.domain.unobserved import Unobserved


class MemberReport(Value):
    """Versions are as exact as known: with the patch where an endpoint told it, else as the RDS API shows them."""

    region: Region
    cluster: str
    role: str
    before: str
    after: str | None


class MoveReport(Value):
    """The name of the endpoint led to the addresses of `before`, and from `at` on to those of `after`; see `Moved`."""

    at: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


class EndpointReport(Value):
    """Seconds of downtime for new connections since the order. The truth is at least `at_least` and at most `at_most`.

    `at_most` is null when the endpoint did not come back while it was watched. Both are null when it never answered, and
    then `since` is null too: it is measured from its first answer on, or, when that is long ago, from some minutes before
    the order on, and so are the attempts counted. Nobody knows what it was in the stretches of
    `unobserved`, so `at_most` counts them as downtime and `at_least` does not. Both are of outages that an attempt saw: a
    single one of `resolution` seconds or less may have gone unseen. `budget_kept` is null when there was no budget.
    `round_trip` is between `vantage` and the endpoint; `moves` are what its name led to from the order on.

    Beside new connections: `held` sessions, `writes` to the writer and the `lag` of what they wrote where it is read; null
    where that was not measured.
    """

    region: Region
    endpoint: str
    vantage: str
    at_least: float | None
    at_most: float | None
    attempts: int
    failed: int
    unknown: int
    since: datetime | None
    until: datetime | None
    unobserved: tuple[Unobserved, ...]
    resolution: float | None
    outages: tuple[OutageReport, ...]
    budget_kept: Kept | None = None
    round_trip: RoundTrip | None = None
    moves: tuple[MoveReport, ...] = ()
    held: tuple[SessionReport, ...] = ()
    writes: WritesReport | None = None
    lag: LagReport | None = None


class DecisionReport(Value):
    by: UserId
    verdict: Literal["approve"]
    at: datetime
    digest: str


class RdsEventReport(Value):
    at: datetime
    region: Region
    source: str
    identifier: str
    message: str
    meaning: str


class Report(Value):
    """`report.json`. Times are UTC, durations seconds.

    `schema_version` stays as long as fields are only added, so who reads it must leave alone what it does not know; it
    grows when a field goes away or comes to mean something else.

    `zero_downtime` are RDS's claims of it, compared with what was measured; `unused` the ways that could not be measured.
    `budget` is the downtime that each endpoint was allowed, and `budget_kept` whether all of them kept to it: `broken` is
    proven, and `kept` for all that an attempt saw or nobody looked at, and for a single outage that went unseen; with
    `cannot tell` the budget lies between the bounds, or there are none. Null without a budget.
    `expectation` and `forecast` were told before the order; null where they were not, as in older upgrades.
    """

    schema_version: Literal[1] = 1
    upgrade: UpgradeId
    account: Account
    global_cluster: str
    outcome: Status
    why: str
    from_version: str
    target: str
    proposed_by: UserId
    reason: str
    proposed_at: datetime
    decisions: tuple[DecisionReport, ...]
    digest: str
    ordered_at: datetime | None
    finished_at: datetime
    took: timedelta | None  # from the order to the outcome
    members: tuple[MemberReport, ...]
    endpoints: tuple[EndpointReport, ...]
    budget: float | None = None
    budget_kept: Kept | None = None
    zero_downtime: tuple[ClaimReport, ...] = ()
    unused: tuple[UnusedReport, ...] = ()
    findings: tuple[Finding, ...]
    rds_events: tuple[RdsEventReport, ...]
    expectation: ExpectationReport | None = None
    forecast: ForecastReport | None = None


def report(timeline: Iterable[Entry]) -> Report:
    """The report of an upgrade that was ordered and is over; ValueError for any other."""
    entries = tuple(timeline)
    story = tell(entries)
    if story.finished is None:
        raise ValueError("this upgrade has not finished")
    proposed, finished = story.proposed, story.finished
    return Report(
        upgrade=proposed.upgrade,
        account=story.plan.account,
        global_cluster=story.plan.global_cluster,
        outcome=finished.outcome,
        why=finished.why,
        from_version=str(story.plan.from_version),
        target=str(story.plan.target),
        proposed_by=proposed.by,
        reason=proposed.reason,
        proposed_at=proposed.at,
        decisions=tuple(_decision(each) for each in story.approved),
        digest=_digest(entries),
        ordered_at=story.ordered_at,
        finished_at=finished.at,
        took=finished.at - story.ordered_at if story.ordered_at else None,
        members=_members(story, entries),
        endpoints=tuple(_endpoint(each, story) for each in finished.measured),
        budget=story.budget.total_seconds() if story.budget else None,
        budget_kept=kept_by_all(kept_at(each, story.budget) for each in finished.measured) if story.budget else None,
        zero_downtime=tuple(map(claim_report, compared((each.event for each in story.rds), finished.measured))),
        unused=tuple(map(unused_report, story.cannot_use)),
        findings=story.findings,
        rds_events=_rds_events(story),
        expectation=expected_before(proposed.expectation) if proposed.expectation else None,
        forecast=told_before(story.forecast) if story.forecast else None,
    )


def _decision(approved: Approved) -> DecisionReport:
    return DecisionReport(by=approved.by, verdict="approve", at=approved.at, digest=approved.digest)


def _digest(entries: Iterable[Entry]) -> str:
    return next((entry.digest for entry in entries if isinstance(entry, Intended)), "")


def _first_versions(entries: Iterable[Entry]) -> dict[Region, str]:
    """What each Region's database said of its version before anything was done."""
    told: dict[Region, str] = {}
    for entry in entries:
        if isinstance(entry, Intended):
            break
        if isinstance(entry, Reached):
            told.setdefault(entry.region, entry.version)
    return told


def _members(story: Story, entries: Iterable[Entry]) -> tuple[MemberReport, ...]:
    before, after = _first_versions(entries), story.finished.versions if story.finished else {}
    return tuple(
        MemberReport(
            region=step.region,
            cluster=step.cluster,
            role=step.role,
            before=before.get(step.region, str(step.from_version)),
            after=after.get(step.region),
        )
        for step in story.plan.steps
    )


def _endpoint(measured: Measurement, story: Story) -> EndpointReport:
    budget, watched = story.budget, story.watched.get(f"{measured.region}/{measured.use}")
    proven = measured.since is not None
    at_most = measured.at_most
    return EndpointReport(
        region=measured.region,
        endpoint=measured.use,
        vantage=measured.vantage,
        at_least=measured.at_least.total_seconds() if proven else None,
        at_most=at_most.total_seconds() if proven and at_most is not None else None,
        attempts=measured.attempts,
        failed=measured.failed,
        unknown=measured.unknown,
        since=measured.since,
        until=measured.until,
        unobserved=measured.unobserved,
        resolution=measured.resolution.total_seconds() if measured.resolution is not None else None,
        outages=tuple(map(outage_report, measured.outages)),
        budget_kept=kept_at(measured, budget) if budget else None,
        round_trip=measured.round_trip,
        moves=tuple(MoveReport(at=each.at, before=each.was, after=each.now) for each in watched.moves)
        if watched
        else (),
        held=tuple(map(session_report, measured.held)),
        writes=measured.writes and writes_report(measured.writes),
        lag=measured.lag and lag_report(measured.lag),
    )


def _rds_events(story: Story) -> tuple[RdsEventReport, ...]:
    events = sorted((said.event for said in story.rds), key=lambda event: event.at)
    return tuple(
        RdsEventReport(
            at=event.at,
            region=event.region,
            source=event.source,
            identifier=event.source_identifier,
            message=event.message,
            meaning=meaning_of(event.message),
        )
        for event in events
    )
