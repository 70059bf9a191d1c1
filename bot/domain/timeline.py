"""Entry = one type for each thing that can happen to an upgrade. The timeline only grows; all that is told comes from it."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from bot.domain.attempts import Outcome
from bot.domain.base import Value
from bot.domain.expectation import Expectation, Usual
from bot.domain.ids import Region, TeamId, UpgradeId, UserId
from bot.domain.keeping import KeptSession
from bot.domain.measurement import Measurement
from bot.domain.outage import Outage
from bot.domain.plan import Plan
from bot.domain.policy import Rule
from bot.domain.preflight import Finding
from bot.domain.quorum import Need
from bot.domain.rds_events import RdsEvent
from bot.domain.status import Status
from bot.domain.unobserved import Unobserved
from bot.domain.ways import Way
from bot.domain.zero_downtime import Outlook


class Happening(Value):
    """`at` is when it happened, not when it was written down or told."""

    at: datetime


class Proposed(Happening):
    """`own_budget` is a downtime budget that the proposal asks for beside the rule's. Older entries have no `expectation`."""

    kind: Literal["proposed"] = "proposed"
    upgrade: UpgradeId
    team: TeamId
    by: UserId
    reason: str
    plan: Plan
    findings: tuple[Finding, ...]
    rule: Rule
    expires_at: datetime
    own_budget: timedelta | None = None
    expectation: Expectation | None = None


class Approved(Happening):
    """`count` of `needed` approvals are in with this one; `missing` says whose are still asked for.

    `rule` is the one in force; older entries have none. `card` is the version of the card that was clicked, here and
    wherever a person acts; None when it was a command, and in older entries.
    """

    kind: Literal["approved"] = "approved"
    by: UserId
    digest: str
    count: int
    needed: int
    rule: Rule | None = None
    missing: tuple[Need, ...] = ()
    card: int | None = None


class Withdrawn(Happening):
    """Somebody took their approval back: `count` of `needed` are left, and `missing` says whose are asked for, if known."""

    kind: Literal["withdrawn"] = "withdrawn"
    by: UserId
    count: int
    needed: int
    missing: tuple[Need, ...] = ()
    card: int | None = None


class Reminded(Happening):
    """Those who are still needed were reminded, before it expires; nobody is `missing` when it is the order that waits."""

    kind: Literal["reminded"] = "reminded"
    missing: int
    expires_at: datetime


class Reopened(Happening):
    """The policy in force counts too few of the approvals given: only those of `counting`. So it is asked for more."""

    kind: Literal["reopened"] = "reopened"
    counting: tuple[UserId, ...]
    needed: int
    approvers: tuple[str, ...]
    missing: tuple[Need, ...] = ()
    rule: Rule | None = None


class Replanned(Happening):
    """The cluster is not as it was planned: this is the plan now, and `changes` says item by item what is different.

    Approvals of what has not changed carry over: `count` of `needed` are whole, `missing` says whose are asked for.
    """

    kind: Literal["replanned"] = "replanned"
    plan: Plan
    findings: tuple[Finding, ...]
    changes: tuple[str, ...]
    count: int
    needed: int
    missing: tuple[Need, ...] = ()
    rule: Rule


class Declined(Happening):
    """`why` is as it was typed, line breaks included; it may be empty. `rule` is the one in force; older entries have none."""

    kind: Literal["declined"] = "declined"
    by: UserId
    why: str = ""
    card: int | None = None
    rule: Rule | None = None


class Cancelled(Happening):
    """By a person, or by the bot (`by` is None) because of `why`. `rule` is the one that let an approver do it."""

    kind: Literal["cancelled"] = "cancelled"
    by: UserId | None
    why: str = ""
    card: int | None = None
    rule: Rule | None = None


class Expired(Happening):
    kind: Literal["expired"] = "expired"


class Held(Happening):
    """Approved, but the order waits: `reasons` must go away first, or the proposal expires."""

    kind: Literal["held"] = "held"
    reasons: tuple[str, ...]


class Intended(Happening):
    """The order is about to be given. Written before the call, so that nobody ever calls twice.

    `rule` is the one in force, under which those of `approved_by` count; older entries have none.
    """

    kind: Literal["intended"] = "intended"
    digest: str
    approved_by: tuple[UserId, ...]
    rule: Rule | None = None


class Ordered(Happening):
    """AWS took the order. `observed` when the call's own answer was lost and AWS was seen to act on it."""

    kind: Literal["ordered"] = "ordered"
    observed: bool = False


class NotOrdered(Happening):
    """AWS did not take the order: its own code and words, or empty ones when the call left no trace at all."""

    kind: Literal["not_ordered"] = "not_ordered"
    code: str
    message: str


class MemberSeen(Happening):
    """What RDS shows of a member, whenever it shows something new."""

    kind: Literal["member_seen"] = "member_seen"
    region: Region
    status: str
    version: str
    instances: tuple[str, ...]  # their distinct statuses, sorted


class RdsSaid(Happening):
    kind: Literal["rds_said"] = "rds_said"
    event: RdsEvent


class Reached(Happening):
    """A first answer of an endpoint: now it is measured. `vantage` is the Region it is measured from."""

    kind: Literal["reached"] = "reached"
    region: Region
    use: str
    vantage: str
    version: str


class CannotMeasure(Happening):
    """The endpoint gives no answer that tells up from down: our credentials, our DNS or our trust may be at fault."""

    kind: Literal["cannot_measure"] = "cannot_measure"
    region: Region
    use: str
    vantage: str
    outcome: Outcome
    detail: str


class WentDown(Happening):
    kind: Literal["went_down"] = "went_down"
    region: Region
    use: str
    outcome: Outcome


class CameBack(Happening):
    kind: Literal["came_back"] = "came_back"
    region: Region
    use: str
    outage: Outage


class LookedAway(Happening):
    """Nobody looked at the endpoint for a while: a prober died, or what it tried proved nothing. `at` is the end of it."""

    kind: Literal["looked_away"] = "looked_away"
    region: Region
    use: str
    vantage: str
    stretch: Unobserved


class Moved(Happening):
    """The name of the endpoint leads elsewhere than before, seen from `vantage`. Of a reader `now` is what is new.

    A reader endpoint names its readers in turn, so for it `was` is all that it ever led to.
    """

    kind: Literal["moved"] = "moved"
    region: Region
    use: str
    vantage: str
    was: tuple[str, ...]
    now: tuple[str, ...]


class SessionsKept(Happening):
    """What an outage came to for the sessions that were held at the endpoint as it began. `at` is the end of it."""

    kind: Literal["sessions_kept"] = "sessions_kept"
    region: Region
    use: str
    sessions: tuple[KeptSession, ...]


class CannotUse(Happening):
    """A way beside new connections cannot work at this endpoint, so it is given up; told once, and nothing else changes."""

    kind: Literal["cannot_use"] = "cannot_use"
    region: Region
    use: str
    vantage: str
    way: Way
    outcome: Outcome
    detail: str


class Forecast(Happening):
    """What stands in the way of zero downtime on the writer, as of `at`: asked for by the proposal and before the order."""

    kind: Literal["forecast"] = "forecast"
    region: Region
    vantage: str
    asked_at: datetime
    outlook: Outlook


class OverBudget(Happening):
    """Since the order this endpoint has provably been unreachable for longer than the downtime budget allows; told once."""

    kind: Literal["over_budget"] = "over_budget"
    region: Region
    use: str
    at_least: timedelta
    budget: timedelta


class Slower(Happening):
    """It lasts longer than ever seen: what this endpoint is unreachable, or the upgrade itself where none is named."""

    kind: Literal["slower"] = "slower"
    region: Region | None = None
    use: str | None = None
    lasting: timedelta
    usual: Usual


class Overdue(Happening):
    """The upgrade takes longer than it should. Nothing is stopped: AWS has no cancel."""

    kind: Literal["overdue"] = "overdue"
    after: timedelta


class Finished(Happening):
    """The outcome of an ordered upgrade and everything measured; after this nothing is added."""

    kind: Literal["finished"] = "finished"
    outcome: Status
    why: str
    versions: dict[Region, str]
    measured: tuple[Measurement, ...]


Entry = Annotated[
    Proposed
    | Approved
    | Withdrawn
    | Reminded
    | Reopened
    | Replanned
    | Declined
    | Cancelled
    | Expired
    | Held
    | Intended
    | Ordered
    | NotOrdered
    | MemberSeen
    | RdsSaid
    | Reached
    | CannotMeasure
    | WentDown
    | CameBack
    | LookedAway
    | Moved
    | SessionsKept
    | CannotUse
    | Forecast
    | OverBudget
    | Slower
    | Overdue
    | Finished,
    Field(discriminator="kind"),
]
ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
Turning = (
    Proposed | Approved | Withdrawn | Reopened | Replanned | Declined | Cancelled | Expired
)  # each makes another card to decide by
