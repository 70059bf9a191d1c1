"""The timeline, folded: where an upgrade stands. Card, thread and report see an upgrade only through this."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import assert_never

from pydantic import Field

from bot.domain.attempts import Outcome
from bot.domain.base import Value
from bot.domain.budget import stricter
from bot.domain.ids import Region, UserId
from bot.domain.outage import Outage, in_all
from bot.domain.plan import Plan, covered_by
from bot.domain.policy import Rule
from bot.domain.preflight import Finding
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.timeline import (
    Approved,
    CameBack,
    Cancelled,
    CannotMeasure,
    CannotUse,
    Declined,
    Entry,
    Expired,
    Finished,
    Forecast,
    Held,
    Intended,
    LookedAway,
    MemberSeen,
    Moved,
    NotOrdered,
    Ordered,
    OverBudget,
    Overdue,
    Proposed,
    RdsSaid,
    Reached,
    Reminded,
    Reopened,
    Replanned,
    SessionsKept,
    Slower,
    Turning,
    WentDown,
    Withdrawn,
)
from bot.domain.unobserved import Unobserved
from bot.domain.zero_downtime import changes as outlook_changes

Sighting = Reached | CannotMeasure | WentDown | CameBack | LookedAway | Moved


class Watched(Value):
    """What is known of one measured endpoint so far."""

    region: Region
    use: str
    vantage: str | None = None
    version: str | None = None
    down_since: datetime | None = None
    fell: Outcome | None = None  # the first failure then; of a time-out nobody knows whether it was only slow
    cannot: str | None = None  # why it cannot be measured now
    cannot_since: datetime | None = None
    outages: tuple[Outage, ...] = ()
    unobserved: tuple[Unobserved, ...] = ()
    moves: tuple[Moved, ...] = ()  # of its name, from the order on

    @property
    def at_least(self) -> timedelta:
        return in_all(self.outages).at_least

    @property
    def at_most(self) -> timedelta | None:
        """None while it is down."""
        return None if self.down_since else in_all(self.outages, self.unobserved).at_most


class Story(Value):
    """Where an upgrade stands, as far as its timeline tells."""

    proposed: Proposed
    version: int = 0  # of the card: how many entries made another one to decide by
    status: Status = Status.PROPOSED
    needed: int = 0  # approvals
    approvers: tuple[str, ...] = ()
    missing: tuple[Need, ...] = ()  # whose approvals; where no entry says it, the approvers' as many as are needed
    plans: tuple[Plan, ...]  # the last one is what would be done; the others were planned before the cluster changed
    findings: tuple[Finding, ...]
    rule: Rule  # in force when it was last asked
    approvals: tuple[Approved, ...] = ()  # of this plan or of an earlier one
    replanned: tuple[Replanned, ...] = ()
    rule_before: Rule | None = None  # the one that the rule of the last entry took the place of
    declined: Declined | None = None
    cancelled: Cancelled | None = None
    held_for: tuple[str, ...] = ()
    intended_at: datetime | None = None
    ordered_at: datetime | None = None
    not_ordered: NotOrdered | None = None
    members: dict[Region, MemberSeen] = Field(default_factory=dict)
    watched: dict[str, Watched] = Field(default_factory=dict)
    rds: tuple[RdsSaid, ...] = ()
    forecast: Forecast | None = None
    forecast_changes: tuple[str, ...] = ()  # what the last one found changed
    cannot_use: tuple[CannotUse, ...] = ()
    over_budget: tuple[OverBudget, ...] = ()
    overdue: Overdue | None = None
    finished: Finished | None = None
    ended_at: datetime | None = None
    told_until: datetime | None = None  # when the latest of all this happened

    @property
    def plan(self) -> Plan:
        return self.plans[-1]

    @property
    def approved(self) -> tuple[Approved, ...]:
        """The approvals that hold for all that is planned now, the latest of each person."""
        latest = {each.by: each for each in self.approvals}
        given = ((each.by, each.digest) for each in self.approvals)
        return tuple(latest[by] for by in covered_by(given, {each.digest: each for each in self.plans}, self.plan))

    @property
    def asked_again(self) -> tuple[UserId, ...]:
        """Those who approved what was planned before, and not yet what is new in the plan."""
        whole = {each.by for each in self.approved}
        return tuple(dict.fromkeys(each.by for each in self.approvals if each.by not in whole))

    @property
    def asked(self) -> tuple[Need, ...]:
        """Whose approvals are still asked for."""
        least = 1 if self.status is Status.PROPOSED else 0  # of those who approved, not all need count
        count = max(least, self.needed - len(self.approved))
        return self.missing or ((Need(approvers=self.approvers, approvals=count),) if count > 0 else ())

    @property
    def budget(self) -> timedelta | None:
        """How long each endpoint may be unreachable: the rule's, as it was when last asked, or a stricter one of the proposal."""
        return stricter(self.rule.budget, self.proposed.own_budget)

    def version_of(self, region: Region) -> str | None:
        """As the database itself last said it, patch included."""
        return next((each.version for each in self.watched.values() if each.region == region and each.version), None)

    def after(self, entry: Entry) -> "Story":
        """The story with one more entry."""
        version = self.version + isinstance(entry, Turning)
        latest = max(self.told_until or entry.at, entry.at)
        return self.model_copy(
            update={"version": version, "told_until": latest, **self._ruled(entry), **self._news(entry)}
        )

    def _ruled(self, entry: Entry) -> dict[str, object]:
        """What the rule in force asks for now, when this entry says it."""
        rule = entry.rule if isinstance(entry, Approved | Reopened | Replanned) else None
        if rule is None:
            return {"rule_before": None}
        return {"rule": rule, "rule_before": self.rule, "approvers": rule.approvers}

    def _news(self, entry: Entry) -> dict[str, object]:
        asked: dict[str, object]
        match entry:
            case Proposed():
                rule = entry.rule
                asked = {"needed": rule.approvals, "approvers": rule.approvers, "missing": rule.needs}
                return {"proposed": entry} | asked
            case Approved():
                enough = entry.count >= entry.needed
                status = Status.APPROVED if enough else self.status
                asked = {"needed": entry.needed, "missing": entry.missing}
                return {"approvals": (*self.approvals, entry), "status": status} | asked
            case Withdrawn():
                left = tuple(each for each in self.approvals if each.by != entry.by)
                return {"approvals": left, "status": Status.PROPOSED, "missing": entry.missing, "held_for": ()}
            case Reminded():
                return {}
            case Reopened():
                kept = tuple(each for each in self.approvals if each.by in entry.counting)
                asked = {"needed": entry.needed, "approvers": entry.approvers, "missing": entry.missing}
                return {"status": Status.PROPOSED, "approvals": kept, "held_for": ()} | asked
            case Replanned():
                earlier = tuple(each for each in self.plans if each.digest != entry.plan.digest)
                status = Status.APPROVED if entry.count >= entry.needed else Status.PROPOSED
                return {
                    "plans": (*earlier, entry.plan), "findings": entry.findings, "status": status, "held_for": (),
                    "replanned": (*self.replanned, entry), "needed": entry.needed, "missing": entry.missing,
                    "watched": {key: each for key, each in self.watched.items() if key not in _gone(earlier, entry.plan)},
                }  # fmt: skip
            case Declined():
                return {"status": Status.DECLINED, "declined": entry, "ended_at": entry.at}
            case Cancelled():
                return {"status": Status.CANCELLED, "cancelled": entry, "ended_at": entry.at}
            case Expired():
                return {"status": Status.EXPIRED, "ended_at": entry.at}
            case Held():
                return {"held_for": entry.reasons}
            case Intended():
                return {"status": Status.ORDERING, "intended_at": entry.at, "held_for": (), "watched": self._anew()}
            case Ordered():
                return {"status": Status.UPGRADING, "ordered_at": entry.at}
            case NotOrdered():
                return {"status": Status.REFUSED, "not_ordered": entry, "ended_at": entry.at}
            case MemberSeen():
                return {"members": self.members | {entry.region: entry}}
            case RdsSaid():
                return {"rds": (*self.rds, entry)}
            case Reached() | CannotMeasure() | WentDown() | CameBack() | LookedAway() | Moved():
                if f"{entry.region}/{entry.use}" in _gone(self.plans, self.plan):
                    return {}
                return {"watched": self.watched | {f"{entry.region}/{entry.use}": self._watch(entry)}}
            case SessionsKept():
                return {}
            case CannotUse():
                return {"cannot_use": (*self.cannot_use, entry)}
            case Forecast():
                before = self.forecast
                changed = outlook_changes(before.outlook, entry.outlook) if before else ()
                return {"forecast": entry, "forecast_changes": changed}
            case OverBudget():
                return {"over_budget": (*self.over_budget, entry)}
            case Slower():
                return {}
            case Overdue():
                return {"overdue": entry}
            case Finished():
                return {"status": entry.outcome, "finished": entry, "ended_at": entry.at}
            case _:
                assert_never(entry)

    def _anew(self) -> dict[str, Watched]:
        """Outages that were over before the order are no cost of the upgrade."""
        return {key: each.model_copy(update={"outages": (), "unobserved": ()}) for key, each in self.watched.items()}

    def _watch(self, entry: Sighting) -> Watched:
        known = self.watched.get(f"{entry.region}/{entry.use}") or Watched(region=entry.region, use=entry.use)
        return known.model_copy(update=_seen(self._since_order(entry), known))

    def _since_order(self, entry: Sighting) -> Sighting:
        if self.intended_at is None or not isinstance(entry, CameBack):
            return entry
        return entry.model_copy(update={"outage": entry.outage.from_then_on(self.intended_at)})


def _gone(plans: Iterable[Plan], now: Plan) -> set[str]:
    """Endpoints of earlier plans that are none of what is planned now: whether they answer matters to nobody."""
    return {each.key for plan in plans for each in plan.endpoints} - {each.key for each in now.endpoints}


def _seen(entry: Sighting, known: Watched) -> dict[str, object]:
    match entry:
        case Reached():
            return {"vantage": entry.vantage, "version": entry.version, "cannot": None, "cannot_since": None}
        case CannotMeasure():
            cannot = entry.detail or str(entry.outcome)
            return {"vantage": entry.vantage, "cannot": cannot, "cannot_since": known.cannot_since or entry.at}
        case WentDown():
            return {"down_since": entry.at, "fell": entry.outcome}
        case CameBack():
            version, over = entry.outage.version_after or known.version, entry.outage
            is_cost = over.ended_by is None or over.counts_from is None or over.ended_by >= over.counts_from
            outages = (
                (*known.outages, over) if is_cost else known.outages
            )  # one may be told after the order, and be of before
            return {"down_since": None, "outages": outages, "version": version}
        case LookedAway():
            return {"unobserved": (*known.unobserved, entry.stretch)}
        case Moved():
            return {"moves": (*known.moves, entry)}
        case _:
            assert_never(entry)


def tell(entries: Iterable[Entry]) -> Story:
    """Fold a timeline. It begins with its proposal; an empty one is a ValueError."""
    it = iter(entries)
    first = next(it, None)
    if not isinstance(first, Proposed):
        raise ValueError("a timeline begins with its proposal")
    story = Story(proposed=first, plans=(first.plan,), findings=first.findings, rule=first.rule).after(first)
    for entry in it:
        story = story.after(entry)
    return story
