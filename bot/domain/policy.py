"""Who may decide what, how many of them, and when; and why not."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from bot.domain.base import Value
from bot.domain.errors import Refused
from bot.domain.ids import ChannelId, TeamId, UserId

Approver = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]+$")]  # a user (U…, W…) or a user group (S…)
Groups = Mapping[str, frozenset[UserId] | None]  # a group's members; None where Slack does not know the group


class Person(Value):
    """Somebody in Slack, as `users.info` shows them."""

    id: UserId
    team: TeamId
    name: str
    is_bot: bool = False
    is_guest: bool = False  # is_restricted or is_ultra_restricted
    is_deactivated: bool = False


class Rule(Value):
    """For the clusters whose name matches: where the upgrade is told, who approves, how many, within what time."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    clusters: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1
    )  # shell patterns: `orders`, `*-prod`
    channel: ChannelId = Field(pattern=r"^[CG][A-Z0-9]+$")
    approvers: tuple[Approver, ...] = Field(min_length=1)
    approvals: int = Field(default=1, ge=1, le=10)
    expires_after_minutes: float = Field(default=60, gt=0, le=7 * 24 * 60)

    @property
    def expires_after(self) -> timedelta:
        return timedelta(minutes=self.expires_after_minutes)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(each for each in self.approvers if each.startswith("S"))

    def as_asked_by(self, other: "Rule") -> Self:
        """This rule with the approvers and the number that another one asks for: what was begun stays in its channel."""
        return self.model_copy(update={"approvers": other.approvers, "approvals": other.approvals})

    def covers(self, cluster: str) -> bool:
        """RDS identifiers are not case-sensitive, so neither are the patterns."""
        return any(fnmatchcase(cluster.lower(), pattern.lower()) for pattern in self.clusters)


class Policy(Value):
    """The rules of `aurora.toml`, the first that covers a cluster holding for it."""

    rule: tuple[Rule, ...] = Field(min_length=1)

    def rule_for(self, cluster: str) -> Rule:
        """The rule in force, or Refused: no rule means nobody can approve."""
        for rule in self.rule:
            if rule.covers(cluster):
                return rule
        raise Refused(
            f"No rule of aurora.toml covers `{cluster}`, so nobody could approve it. Add a [[rule]] whose clusters match."
        )


def check_member(person: Person, home: TeamId) -> None:
    """Refused unless this is an active, full, human member of our own workspace."""
    if person.team != home:
        raise Refused("Only members of this workspace can do that; you are here from another one.")
    if person.is_bot:
        raise Refused("Bots cannot do that; a person has to.")
    if person.is_guest:
        raise Refused("Guests cannot do that; ask a full member of this workspace.")
    if person.is_deactivated:
        raise Refused("Your account is deactivated, so you cannot do that.")


def check_groups(rule: Rule, groups: Groups) -> None:
    """Refused when a user group of the rule is not known to Slack: a group that cannot be read has no members."""
    unknown = [group for group in rule.groups if groups.get(group) is None]
    if unknown:
        raise Refused(
            f"aurora.toml names user group {', '.join(unknown)}, which Slack does not know. Nobody can approve until that is mended."
        )


def check_quorum(rule: Rule, groups: Groups, proposer: UserId) -> None:
    """Refused when there are not enough people who could ever approve what this person proposes."""
    named = {UserId(each) for each in rule.approvers if each not in rule.groups}
    could = named.union(*(groups.get(group) or () for group in rule.groups)) - {proposer}
    if len(could) < rule.approvals:
        raise Refused(
            f"aurora.toml asks for {rule.approvals} approvals by others than you, and {len(could) or 'nobody'} could give one: "
            "it has to name more approvers.",
            approvers=rule.approvers,
        )


def is_approver(user: UserId, rule: Rule, groups: Groups) -> bool:
    return user in rule.approvers or any(user in (groups.get(group) or frozenset()) for group in rule.groups)


def check_approver(person: Person, rule: Rule, groups: Groups, home: TeamId) -> None:
    """Refused unless this person is one of those whom the rule lets decide."""
    check_member(person, home)
    check_groups(rule, groups)
    if not is_approver(person.id, rule, groups):
        raise Refused("You are not one of the approvers of this upgrade.", approvers=rule.approvers)


def standing(approved_by: Iterable[UserId], proposer: UserId, eligible: Collection[UserId]) -> frozenset[UserId]:
    """Those whose approvals count: distinct, eligible, and never the proposer."""
    return frozenset(approved_by) & frozenset(eligible) - {proposer}
