"""The parts of a report that are measured: outages, and the ways beside new connections."""

from datetime import datetime, timedelta

from bot.domain.attempts import Outcome
from bot.domain.base import Value
from bot.domain.claims import Agreement, Comparison
from bot.domain.ids import Region
from bot.domain.keeping import Fate, KeptSession
from bot.domain.lag import Lag
from bot.domain.measurement import Measurement
from bot.domain.outage import Outage
from bot.domain.timeline import CannotUse
from bot.domain.unobserved import Unobserved
from bot.domain.ways import Way


class OutageReport(Value):
    """It began between `last_ok_at` and `began_by`, and ended between `ended_after` and `ended_by`.

    `at_least` and `at_most` are of what came of it after the order.
    """

    at_least: float
    at_most: float | None
    last_ok_at: datetime | None
    began_by: datetime
    last_failure_at: datetime
    ended_after: datetime
    ended_by: datetime | None
    failed: int
    outcomes: tuple[Outcome, ...]
    version_after: str | None
    flapping: bool


class SessionReport(Value):
    """A session that was kept open and used. Of lane 1 and so on; where one was dropped the next one of its lane follows.

    `fate`: `survived`; `moved`, when another process serves it now; `dropped`, between `last_ok_at` and `dropped_by`, with what
    it was told then; `lost`, when nobody saw what became of it. `stood_still_at_least` and `at_most` are seconds, of its longest
    standstill since the order; null when it had none that could be noticed. `served_by` are the processes that served it,
    by their `pg_backend_pid()`, each once, in order. Nobody used it in the stretches of `unobserved`.
    """

    lane: int
    fate: Fate
    since: datetime
    last_ok_at: datetime
    stood_still_at_least: float | None
    stood_still_at_most: float | None
    stood_still_since: datetime | None
    stood_still_until: datetime | None
    dropped_by: datetime | None
    outcome: Outcome | None
    sqlstate: str
    detail: str
    served_by: tuple[str, ...]
    unobserved: tuple[Unobserved, ...]


class WritesReport(Value):
    """Seconds for which the writer took no writes, with all that is said of new connections. They are asked for by the policy."""

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


class LagReport(Value):
    """How many seconds a reader was provably behind what had been written, at worst; and in how many reads."""

    at_least: float
    at: datetime | None
    reads: int


class ClaimReport(Value):
    """What RDS says of zero downtime, in `took` seconds, beside what became of the sessions that were held here around then.

    `held_survived` are all whose connections survived, and of these `held_moved` are served by another process.
    `agreement`: `agrees`, `disagrees` (then `why` says in sentences what), `cannot tell` (then it says that).
    """

    at: datetime
    region: Region
    took: float
    preserved: int
    dropped: int
    held_survived: int
    held_moved: int
    held_dropped: int
    held_stood_still_at_most: float | None
    agreement: Agreement
    why: tuple[str, ...]


class UnusedReport(Value):
    """A way that could not work at an endpoint and was given up."""

    at: datetime
    region: Region
    endpoint: str
    way: Way
    outcome: Outcome
    detail: str


def outage_report(outage: Outage) -> OutageReport:
    return OutageReport(
        at_least=outage.at_least.total_seconds(),
        at_most=outage.at_most.total_seconds() if outage.at_most is not None else None,
        last_ok_at=outage.last_ok_at,
        began_by=outage.began_by,
        last_failure_at=outage.last_failure_at,
        ended_after=outage.ended_between[0],
        ended_by=outage.ended_by,
        failed=outage.failed,
        outcomes=outage.outcomes,
        version_after=outage.version_after,
        flapping=outage.flapping,
    )


def session_report(kept: KeptSession) -> SessionReport:
    return SessionReport(
        stood_still_at_least=_seconds(kept.longest.at_least) if kept.longest else None,
        stood_still_at_most=_seconds(kept.longest.at_most) if kept.longest else None,
        stood_still_since=kept.longest.since if kept.longest else None,
        stood_still_until=kept.longest.until if kept.longest else None,
        **{name: getattr(kept, name) for name in KeptSession.model_fields if name != "longest"},
    )


def writes_report(measured: Measurement) -> WritesReport:
    proven, at_most, unseen = measured.since is not None, measured.at_most, measured.resolution
    return WritesReport(
        at_least=_seconds(measured.at_least) if proven else None,
        at_most=_seconds(at_most) if proven and at_most is not None else None,
        attempts=measured.attempts,
        failed=measured.failed,
        unknown=measured.unknown,
        since=measured.since,
        until=measured.until,
        unobserved=measured.unobserved,
        resolution=_seconds(unseen) if unseen is not None else None,
        outages=tuple(map(outage_report, measured.outages)),
    )


def claim_report(one: Comparison) -> ClaimReport:
    claim, held = one.claim, one.held
    return ClaimReport(
        at=claim.at,
        region=claim.region,
        took=_seconds(claim.took),
        preserved=claim.preserved,
        dropped=claim.dropped,
        held_survived=held.preserved,
        held_moved=held.moved,
        held_dropped=held.dropped,
        held_stood_still_at_most=_seconds(held.at_most) if held.at_most is not None else None,
        agreement=one.agreement,
        why=one.why,
    )


def unused_report(cannot: CannotUse) -> UnusedReport:
    return UnusedReport(
        at=cannot.at,
        region=cannot.region,
        endpoint=cannot.use,
        way=cannot.way,
        outcome=cannot.outcome,
        detail=cannot.detail,
    )


def _seconds(lasting: timedelta) -> float:
    return lasting.total_seconds()


def lag_report(lag: Lag) -> LagReport:
    return LagReport(at_least=_seconds(lag.at_least), at=lag.at, reads=lag.reads)
