"""The Upgrade: the whole affair from proposal to outcome. What becomes of it is in moves.py."""

from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field

from bot.domain.base import Value
from bot.domain.budget import stricter
from bot.domain.errors import Refused
from bot.domain.expectation import Expectation
from bot.domain.ids import ChannelId, TeamId, UpgradeId, UserId
from bot.domain.plan import Plan, covered_by
from bot.domain.policy import Case, Rule
from bot.domain.preflight import Finding
from bot.domain.quorum import Need
from bot.domain.status import MOVES, Status, said
from bot.domain.timeline import (
    MemberSeen,
)


class Decision(Value):
    """Approve or decline, by one person, for the plan with this digest, under the rule of this version."""

    by: UserId
    verdict: Literal["approve", "decline"]
    at: datetime
    digest: str
    rule: str = ""
    card: int | None = None  # the version of the card that was clicked


class Act(Value):
    """Somebody has had their say on every card up to this version."""

    by: UserId
    card: int


class Leaning(Value):
    """An outcome that AWS has been showing since `since`; it is believed once it has lasted."""

    outcome: Status
    since: datetime


class Upgrade(Value):
    """The only aggregate. `revision` counts its saved states; every save names the one it replaces.

    `version` is that of its card, and 0 as long as nobody has counted it since an older bot wrote the record. Whoever knows
    the `seal` can make the tokens of its buttons, so it stands here alone.
    """

    id: UpgradeId
    revision: int = 0
    version: int = 0
    acted: tuple[Act, ...] = ()
    seal: str = Field(default="", repr=False)
    status: Status
    team: TeamId
    plan: Plan
    earlier: tuple[Plan, ...] = ()  # what was planned before the cluster changed
    findings: tuple[Finding, ...]
    rule: Rule
    proposed_by: UserId
    proposed_at: datetime
    expires_at: datetime
    reason: str
    decisions: tuple[Decision, ...] = ()
    reminded_at: datetime | None = None
    missing: tuple[
        Need, ...
    ] = ()  # whose approvals; where nothing says it, the approvers' as many as the rule asks for
    held_for: tuple[str, ...] = ()
    held_at: datetime | None = None
    forecast_asked_at: datetime | None = None  # before the order, by whoever is about to give it
    intent_at: datetime | None = None
    members: tuple[MemberSeen, ...] = ()
    busy_at: datetime | None = None  # when RDS first showed that it works on the order
    leaning: Leaning | None = None
    overdue_at: datetime | None = None
    own_budget: timedelta | None = None  # of the proposal, beside the rule's
    expectation: Expectation | None = None
    slower_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def channel(self) -> ChannelId:
        return self.rule.channel

    @property
    def cluster(self) -> str:
        return self.plan.global_cluster

    @property
    def budget(self) -> timedelta | None:
        """How long each endpoint may be unreachable; of the rule's and the proposal's own the stricter one holds."""
        return stricter(self.rule.budget, self.own_budget)

    @property
    def approved_by(self) -> tuple[UserId, ...]:
        """In the order of their first clicks, those who approved every item of this plan."""
        approvals = ((each.by, each.digest) for each in self.decisions if each.verdict == "approve")
        return covered_by(approvals, self.plans, self.plan)

    @property
    def plans(self) -> dict[str, Plan]:
        """All that anybody can have seen, by digest."""
        return {each.digest: each for each in (*self.earlier, self.plan)}

    @property
    def case(self) -> Case:
        """What the policy is asked about."""
        return Case(
            proposer=self.proposed_by, reason=self.reason, regions=self.plan.regions, approved_by=self.approved_by
        )

    @property
    def asked(self) -> tuple[Need, ...]:
        """Whose approvals are still asked for."""
        least = 1 if self.status is Status.PROPOSED else 0  # of those who approved, not all need count
        count = max(least, self.rule.approvals - len(self.approved_by))
        return self.missing or ((Need(approvers=self.rule.approvers, approvals=count),) if count > 0 else ())

    @property
    def forecast_wanted(self) -> datetime:
        """Which forecast is wanted, by the time at which it was asked for; the proposal itself asks for the first."""
        return self.forecast_asked_at or self.proposed_at

    def is_slower(self, now: datetime) -> bool:
        """Whether it takes longer than ever seen, and that is not told yet."""
        if self.expectation is None or self.intent_at is None or self.slower_at is not None:
            return False
        return self.expectation.lasting.is_surpassed_by(now - self.intent_at)

    def become(self, status: Status, **changes: object) -> Self:
        if status not in MOVES[self.status]:
            raise Refused(f"This upgrade cannot go from “{said(self.status)}” to “{said(status)}”.")
        return self.model_copy(update={"status": status, **changes})

    def remain(self, *where: Status, **changes: object) -> Self:
        """The same status with changes that only make sense there."""
        if self.status not in where:
            raise Refused(f"This upgrade is at “{said(self.status)}”; nothing of that kind is noted there.")
        return self.model_copy(update=changes)
