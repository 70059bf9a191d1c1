"""Who may decide what, how many of them, and when; and why not. `ruling_on` is the one place where this is decided."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from bot.domain.base import Value
from bot.domain.budget import Budget, written
from bot.domain.errors import Refused
from bot.domain.hours import Hours
from bot.domain.ids import ChannelId, Region, TeamId, UserId
from bot.domain.quorum import MOST, Approver, Groups, Need, fill


class Person(Value):
    """Somebody in Slack, as `users.info` shows them."""

    id: UserId
    team: TeamId
    name: str
    is_bot: bool = False
    is_guest: bool = False  # is_restricted or is_ultra_restricted
    is_deactivated: bool = False
    zone: str | None = None  # IANA's name of the time zone they live by


class Rule(Value):
    """For the clusters whose name matches: where the upgrade is told, who approves, how many, within what time.

    With several groups that must each give their approvals, `needs` says which, and `approvers` and `approvals` are
    all of them together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    clusters: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1
    )  # shell patterns: `orders`, `*-prod`
    channel: ChannelId = Field(pattern=r"^[CG][A-Z0-9]+$")
    approvers: tuple[Approver, ...] = Field(min_length=1)
    approvals: int = Field(default=1, ge=1, le=MOST)
    needs: tuple[Need, ...] = ()
    expires_after_minutes: float = Field(default=60, gt=0, le=7 * 24 * 60)
    reason: Literal["optional", "required"] = "optional"
    forbidden_regions: tuple[Annotated[Region, Field(pattern=r"^[a-z]+(-[a-z]+)+-\d+$")], ...] = ()
    hours: Hours | None = None  # in which orders are given; at any time without
    freezers: tuple[Approver, ...] = ()
    budget: Budget | None = None  # how long each endpoint may be unreachable; a proposal may ask for less
    writes: bool = False  # whether to write to the bot's own table, deploy/sql/writes.sql
    probe: Literal["endpoints", "instances"] = "endpoints"  # `instances`: the endpoint of each instance as well

    @model_validator(mode="before")
    @classmethod
    def _all_together(cls, given: Any) -> Any:
        needs = given.get("needs") if isinstance(given, dict) else None
        if not isinstance(needs, list | tuple) or {"approvers", "approvals"} & given.keys():
            return given
        written = [each for each in needs if isinstance(each, dict)]  # what else there is has its own complaint
        named = [one for each in written for one in _listed(each.get("approvers"))]
        asked = [each.get("approvals", 1) for each in written]
        return given | {
            "approvers": list(dict.fromkeys(named)),
            "approvals": sum(each for each in asked if isinstance(each, int)),
        }

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        named = {one for each in self.needs for one in each.approvers}
        if self.needs and (named, sum(each.approvals for each in self.needs)) != ({*self.approvers}, self.approvals):
            raise ValueError("write either approvers and approvals, or needs")
        return self

    @property
    def slots(self) -> tuple[Need, ...]:
        """Whose approvals are asked for, whichever way that is written."""
        return self.needs or (Need(approvers=self.approvers, approvals=self.approvals),)

    @property
    def named(self) -> str:
        """Which rule this is, for those who read of it."""
        return f"the rule of aurora.toml for {', '.join(f'`{each}`' for each in self.clusters)}"

    @property
    def version(self) -> str:
        """Seven hex digits over all that the rule says; what it leaves out may get a name later and changes nothing."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:7]

    @property
    def expires_after(self) -> timedelta:
        return timedelta(minutes=self.expires_after_minutes)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(each for each in self.approvers if each.startswith("S"))

    def as_asked_by(self, other: "Rule") -> Self:
        """This rule with all that another one asks for: what was begun stays in its channel, and ends when it would have."""
        kept = {"clusters", "channel", "expires_after_minutes"}
        return self.model_copy(update={name: getattr(other, name) for name in Rule.model_fields if name not in kept})

    def covers(self, cluster: str) -> bool:
        """RDS identifiers are not case-sensitive, so neither are the patterns."""
        return any(fnmatchcase(cluster.lower(), pattern.lower()) for pattern in self.clusters)


class Policy(Value):
    """The rules of `aurora.toml`, the first that covers a cluster holding for it."""

    rule: tuple[Rule, ...] = Field(min_length=1)
    freezers: tuple[Approver, ...] = ()  # where a rule names none

    def rule_for(self, cluster: str) -> Rule:
        """The rule in force, or Refused: no rule means nobody can approve."""
        for rule in self.rule:
            if rule.covers(cluster):
                return rule
        raise Refused(
            f"No rule of aurora.toml covers `{cluster}`, so nobody could approve it. Add a [[rule]] whose clusters match."
        )

    def freezers_of(self, cluster: str) -> tuple[str, ...]:
        rule = self.rule_for(cluster)
        return rule.freezers or self.freezers or rule.approvers

    def freezers_of_all(self) -> tuple[tuple[str, ...], ...]:
        """Of each of these groups one has to be a person who freezes all clusters at once."""
        return (self.freezers,) if self.freezers else tuple(rule.freezers or rule.approvers for rule in self.rule)


def _listed(given: object) -> list[str]:
    return [each for each in given if isinstance(each, str)] if isinstance(given, list | tuple) else []


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


class Case(Value):
    """What the policy is asked about: what somebody proposes, and those who have approved it, in the order they did."""

    proposer: UserId
    reason: str
    regions: tuple[Region, ...]
    approved_by: tuple[UserId, ...] = ()


class Directory(Value):
    """What Slack says of the people and groups in question. Whoever is missing, or not one of `home`, counts for nobody."""

    home: TeamId
    people: Mapping[UserId, Person] = Field(default_factory=dict)
    groups: Groups = Field(default_factory=dict)


class Ruling(Value):
    """What a rule says of a case. An order takes that nothing is against it, nothing is missing, and the hours are open."""

    against: tuple[str, ...] = ()  # sentences: whoever approves, not like this
    counting: tuple[UserId, ...] = ()  # whose approvals count, in the order they gave them
    missing: tuple[Need, ...] = ()  # whose approvals are still asked for
    opens_at: datetime | None = None  # outside of the hours: when they begin
    closed: str | None = None  # and that in words

    def check(self) -> None:
        """Refused when the rule is against it."""
        if self.against:
            raise Refused(" ".join(self.against))


def ruling_on(rule: Rule, case: Case, directory: Directory, now: datetime) -> Ruling:
    """The one decision about a proposal, an approval and an order. When in doubt it is no."""
    eligible = [by for by in case.approved_by if by != case.proposer and _is_member(by, directory)]
    counting, missing = fill(rule.slots, eligible, directory.groups)
    against = (*_unknown(rule, directory.groups), *_unreasoned(rule, case), *_forbidden(rule, case))
    opens_at = rule.hours.opens_at(now) if rule.hours else None
    return Ruling(against=against, counting=counting, missing=missing, opens_at=opens_at, closed=closed(rule, now))


def closed(rule: Rule, now: datetime) -> str | None:
    """Why the hours hold an order back now, and until when."""
    opens_at = rule.hours.opens_at(now) if rule.hours else None
    if rule.hours is None or opens_at is None:
        return None
    opens = opens_at.astimezone(rule.hours.tz)
    return f"{rule.named} allows orders {rule.hours} only; the next may be given from {opens:%a %Y-%m-%d %H:%M} {rule.hours.zone}"


def check_proposal(rule: Rule, ruling: Ruling, groups: Groups, proposer: UserId, now: datetime) -> None:
    """Refused when a proposal of now could never lead to an order."""
    ruling.check()
    check_quorum(rule, groups, proposer)
    if ruling.opens_at and ruling.opens_at >= now + rule.expires_after:
        raise Refused(
            f"Nothing proposed now could be ordered before it expires, {rule.expires_after_minutes:g} min from now: "
            f"{ruling.closed}. Propose it later, or give the rule a longer expires_after_minutes."
        )


def check_budget(rule: Rule, asked: timedelta | None) -> None:
    """Refused when a proposal allows itself more downtime than its rule does."""
    if asked and rule.budget and asked > rule.budget:
        raise Refused(
            f"{_capital(rule.named)} has a downtime budget of {written(rule.budget)}, so a proposal can ask for less, and not "
            f"for {written(asked)}. Leave its budget out, or change the rule first."
        )


def _is_member(user: UserId, directory: Directory) -> bool:
    person = directory.people.get(user)
    try:
        if person:
            check_member(person, directory.home)
    except Refused:
        return False
    return person is not None


def _unknown(rule: Rule, groups: Groups) -> tuple[str, ...]:
    unknown = [group for group in rule.groups if groups.get(group) is None]
    if not unknown:
        return ()
    named = f"aurora.toml names user group {', '.join(unknown)}, which Slack does not know."
    return (f"{named} Nobody can approve until that is mended.",)


def _unreasoned(rule: Rule, case: Case) -> tuple[str, ...]:
    if rule.reason == "optional" or case.reason.strip():
        return ()
    return (
        f'{_capital(rule.named)} requires a reason. Propose it with one: `/aurora upgrade CLUSTER VERSION "reason"`.',
    )


def _forbidden(rule: Rule, case: Case) -> tuple[str, ...]:
    where = [region for region in case.regions if region in rule.forbidden_regions]
    if not where:
        return ()
    return (
        f"{_capital(rule.named)} forbids upgrades in {', '.join(where)}, where it has members. The rule has to change first.",
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def check_groups(rule: Rule, groups: Groups) -> None:
    """Refused when a user group of the rule is not known to Slack: a group that cannot be read has no members."""
    if unknown := _unknown(rule, groups):
        raise Refused(*unknown)


def check_quorum(rule: Rule, groups: Groups, proposer: UserId) -> None:
    """Refused when there are not enough people who could ever approve what this person proposes."""
    named = {UserId(each) for each in rule.approvers if each not in rule.groups}
    could = named.union(*(groups.get(group) or () for group in rule.groups)) - {proposer}
    count, missing = fill(rule.slots, sorted(could), groups)
    if missing:
        raise Refused(
            f"aurora.toml asks for {rule.approvals} approvals by others than you, and {len(count) or 'nobody'} could give one: "
            "it has to name more approvers.",
            approvers=rule.approvers if len(rule.slots) == 1 else (),
            needs=missing if len(rule.slots) > 1 else (),
        )


def is_named(user: UserId, named: Iterable[str], groups: Groups) -> bool:
    """Whether this person is one of those users, or in one of those groups."""
    return Need(approvers=tuple(named)).takes(user, groups)


def is_approver(user: UserId, rule: Rule, groups: Groups) -> bool:
    return is_named(user, rule.approvers, groups)


def check_approver(person: Person, rule: Rule, groups: Groups, home: TeamId, missing: tuple[Need, ...] = ()) -> None:
    """Refused unless this person is one of those whom the rule lets decide; `missing` is what it still asks for."""
    check_member(person, home)
    check_groups(rule, groups)
    if not is_approver(person.id, rule, groups):
        still = missing if rule.needs else ()
        raise Refused("You are not one of the approvers of this upgrade.", approvers=rule.approvers, needs=still)


def check_counts(by: UserId, rule: Rule, ruling: Ruling) -> None:
    """Refused when this approval, among those given, fills no slot: others have filled all that this person could.

    Not when nothing is missing: a rule that asks for less than it did is met by the next click.
    """
    if by not in ruling.counting and ruling.missing:
        raise Refused(
            f"Not counted: what you could approve is approved already, and one person counts once. {_capital(rule.named)} asks for others.",
            needs=ruling.missing,
        )
