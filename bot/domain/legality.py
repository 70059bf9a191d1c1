"""Timeline → was every move legal? Derived anew from what is kept alone, for those who need not take the bot's word."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, assert_never

from pydantic import ValidationError

from bot.domain.chain import Chain, Fault, Link, person
from bot.domain.errors import Refused
from bot.domain.ids import UpgradeId, UserId
from bot.domain.plan import Plan, covered_by
from bot.domain.policy import Case, Directory, Person, Rule, Ruling, check_budget, ruling_on
from bot.domain.status import BEFORE_ORDER, MOVES, UNDER_WAY, Status, said
from bot.domain.timeline import (
    ENTRY,
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

ROLES: Final = ("web", "worker", "prober", "bot")  # of processes; `bot` is one that did not say which it is


def follow(chain: Chain) -> tuple[Status | None, Fault | None]:
    """Where the upgrade stands, up to its first illegal move, and what is wrong with that; no status without a beginning."""
    standing: _Standing | None = None
    for number, link in enumerate(chain.links, 1):
        try:
            standing = _next(chain.upgrade, standing, link)
        except _Illegal as wrong:
            return standing.status if standing else None, Fault(number=number, what=str(wrong))
    if standing is None:
        return None, Fault(number=0, what="there is no entry at all")
    return standing.status, None


class _Illegal(Exception):
    """What is wrong with an entry."""


@dataclass(frozen=True)
class _Standing:
    """Where the upgrade stands. `needed` approvals, as the rule in force last asked; the last of `plans` is to be done.

    `approvals` are of a person and the digest of what they saw.
    """

    proposed: Proposed
    status: Status
    needed: int
    plans: tuple[Plan, ...]
    approvals: tuple[tuple[UserId, str], ...] = ()
    version: int = 0  # of the card
    acted: Mapping[UserId, int] = field(default_factory=dict)  # up to which version of it each person has had their say

    @property
    def plan(self) -> Plan:
        return self.plans[-1]

    @property
    def approved(self) -> tuple[UserId, ...]:
        """Who approved each item of what is to be done."""
        return covered_by(self.approvals, {each.digest: each for each in self.plans}, self.plan)

    def become(self, status: Status, **changes: object) -> "_Standing":
        if status not in MOVES[self.status]:
            raise _Illegal(f"an upgrade that is “{said(self.status)}” cannot go to “{said(status)}”")
        return replace(self, status=status, **changes)  # type: ignore[arg-type] # fields of its own

    def remain(self, *where: Status) -> "_Standing":
        _demand(self.status in where, f"nothing of that kind happens to an upgrade that is “{said(self.status)}”")
        return self


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Illegal(otherwise)


def _next(upgrade: UpgradeId, standing: _Standing | None, link: Link) -> _Standing:
    entry = _read(link)
    after = _begun(upgrade, entry) if standing is None else _by_card(standing, _moved(standing, entry), entry)
    if link.who is not None:
        acted = person(entry, after.proposed.team)
        _demand(link.who == acted if acted else link.who in ROLES, f"it cannot have been {link.who!r} who wrote it")
    return after


def _by_card(now: _Standing, after: _Standing, entry: Entry) -> _Standing:
    """A card serves each person once: whoever acted decides again by a card that was drawn after that."""
    if not isinstance(entry, Turning):
        return after
    if isinstance(entry, Approved | Withdrawn | Declined | Cancelled) and entry.by:
        if entry.card is not None:
            _demand(1 <= entry.card <= now.version, f"it was done by card {entry.card}, which was not drawn yet")
            seen = now.acted.get(entry.by, 0)
            _demand(entry.card > seen, f"it was done by card {entry.card}, and this person has acted since")
        after = replace(after, acted={**now.acted, entry.by: now.version})
    return replace(after, version=now.version + 1)


def _read(link: Link) -> Entry:
    try:
        return ENTRY.validate_json(link.entry, extra="ignore")
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise _Illegal(f"it cannot be read: it is damaged, or of another version of the bot ({why})") from None


def _begun(upgrade: UpgradeId, entry: Entry) -> _Standing:
    if not isinstance(entry, Proposed):
        raise _Illegal("a timeline begins with its proposal")
    _demand(entry.upgrade == upgrade, f"it is of another upgrade, {entry.upgrade!r}")
    _demand(entry.rule.covers(entry.plan.global_cluster), "the rule recorded with it does not cover this cluster")
    _demand(entry.expires_at == entry.at + entry.rule.expires_after, "its time is not the one that its rule gives")
    _demand(_is_within_budget(entry), "it allows itself more downtime than its rule does")
    standing = _Standing(entry, Status.PROPOSED, entry.rule.approvals, plans=(entry.plan,), version=1)
    ruled = _ruling(standing, entry.rule, (), entry.at)
    _demand(not ruled.against, f"the rule recorded with it is against it: {' '.join(ruled.against)}")
    in_time = ruled.opens_at is None or ruled.opens_at < entry.expires_at
    _demand(in_time, "the hours of its rule do not begin before it expires")
    return standing


def _is_within_budget(entry: Proposed) -> bool:
    try:
        check_budget(entry.rule, entry.own_budget)
    except Refused:
        return False
    return True


def _moved(now: _Standing, entry: Entry) -> _Standing:
    """Where it stands after that entry, if the entry is legal there."""
    match entry:
        case Proposed():
            raise _Illegal("it was proposed already")
        case Approved():
            return _approved(now, entry)
        case Withdrawn():
            return _withdrawn(now, entry)
        case Reminded():
            return now.remain(*BEFORE_ORDER)
        case Reopened():
            _demand(set(entry.counting) <= set(now.approved), "it counts somebody who did not approve")
            _demand(len(set(entry.counting)) < entry.needed, "the approvals that count were enough")
            kept = tuple(each for each in now.approvals if each[0] in entry.counting)
            return now.become(Status.PROPOSED, approvals=kept, needed=entry.needed)
        case Replanned():
            return _replanned(now, entry)
        case Declined():
            _demand(entry.by != now.proposed.by, "the proposer declined their own proposal")
            _demand(entry.at < now.proposed.expires_at, "the proposal had expired")
            _demand(_lets(entry.rule, entry.by), "the rule in force does not let this person decline")
            return now.become(Status.DECLINED)
        case Cancelled():
            _demand(entry.at < now.proposed.expires_at, "the proposal had expired")
            theirs = entry.by is None or entry.by == now.proposed.by or _lets(entry.rule, entry.by)
            _demand(theirs, "neither did this person propose it, nor does the rule in force let them cancel")
            return now.become(Status.CANCELLED)
        case Expired():
            _demand(entry.at >= now.proposed.expires_at, "the proposal had not expired yet")
            return now.become(Status.EXPIRED)
        case Held():
            return now.remain(Status.APPROVED)
        case Intended():
            return _intended(now, entry)
        case Ordered():
            return now.become(Status.UPGRADING)
        case NotOrdered():
            return now.become(Status.REFUSED)
        case (
            Reached()
            | CannotMeasure()
            | WentDown()
            | CameBack()
            | LookedAway()
            | SessionsKept()
            | CannotUse()
            | Forecast()
        ):
            return now.remain(*BEFORE_ORDER, *UNDER_WAY)
        case MemberSeen() | RdsSaid() | Moved() | OverBudget() | Slower() | Overdue():
            return now.remain(*UNDER_WAY)
        case Finished():
            return now.remain(Status.UPGRADING).become(entry.outcome)
        case _:
            assert_never(entry)


def _approved(now: _Standing, entry: Approved) -> _Standing:
    """One distinct person, not the proposer, for all that is planned now, while it waits for approval."""
    after = replace(now, approvals=(*now.approvals, (entry.by, entry.digest)), needed=entry.needed)
    approved = after.approved
    _demand(now.status is Status.PROPOSED, f"an upgrade that is “{said(now.status)}” takes no approval")
    _demand(entry.by != now.proposed.by, "the proposer approved their own proposal")
    _demand(entry.by not in now.approved, "the same person approved twice")
    _demand(entry.by in approved, f"it approves {entry.digest!r}, and {now.plan.digest} was proposed")
    _demand(entry.at < now.proposed.expires_at, "the proposal had expired")
    _demand(_lets(entry.rule, entry.by), "the rule in force does not let this person approve")
    _demand(entry.rule is None or entry.needed == entry.rule.approvals, "the rule in force asks for another number")
    _demand(_adds_up(entry, len(approved)), f"it counts {entry.count} approvals, and there were {len(approved)}")
    if entry.rule:
        ruled = _ruling(after, entry.rule, approved, entry.at)
        _demand(not ruled.against, f"the rule in force is against it: {' '.join(ruled.against)}")
        _demand_seats(entry.count, ruled)
    return after.become(Status.APPROVED) if entry.count >= entry.needed else after


def _adds_up(entry: Approved, approved: int) -> bool:
    """Of those who approved not all need fill a slot: then `missing` says how many are lacking. Else heads are counted."""
    lacking = sum(each.approvals for each in entry.missing)
    if entry.missing or (entry.rule and entry.rule.needs):
        return entry.count <= approved and entry.count == entry.needed - lacking
    return entry.count == approved or (entry.rule is not None and entry.count == entry.needed < approved)


def _replanned(now: _Standing, entry: Replanned) -> _Standing:
    """The same upgrade of the same cluster, before its order; approved only by those who approved all of it."""
    was = now.plan
    same = (was.account, was.global_cluster, was.target) == (
        entry.plan.account,
        entry.plan.global_cluster,
        entry.plan.target,
    )
    _demand(same, "it is the plan of another upgrade")
    _demand(entry.plan.digest != was.digest, "the plan has not changed")
    _demand(entry.at < now.proposed.expires_at, "the proposal had expired")
    _demand(entry.needed == entry.rule.approvals, "the rule in force asks for another number")
    earlier = tuple(each for each in now.plans if each.digest != entry.plan.digest)
    after = replace(now.remain(*BEFORE_ORDER), plans=(*earlier, entry.plan), needed=entry.needed)
    lacking = sum(each.approvals for each in entry.missing)
    _demand(entry.count == entry.needed - lacking <= len(after.approved), f"it counts {entry.count} approvals too many")
    _demand_seats(entry.count, _ruling(after, entry.rule, after.approved, entry.at))
    status = Status.APPROVED if entry.count >= entry.needed else Status.PROPOSED
    return after if status is now.status else after.become(status)


def _withdrawn(now: _Standing, entry: Withdrawn) -> _Standing:
    kept = tuple(each for each in now.approvals if each[0] != entry.by)
    after = replace(now.remain(*BEFORE_ORDER), approvals=kept)
    left = after.approved
    _demand(kept != now.approvals, "there was no approval to take back")
    _demand(entry.at < now.proposed.expires_at, "the proposal had expired")
    lacking = sum(each.approvals for each in entry.missing)
    adds_up = entry.count == entry.needed - lacking <= len(left) if entry.missing else entry.count == len(left)
    _demand(adds_up, f"it leaves {entry.count} approvals, and there were {len(left)} left")
    return after if now.status is Status.PROPOSED else after.become(Status.PROPOSED)


def _intended(now: _Standing, entry: Intended) -> _Standing:
    """Law 2: enough distinct people approved exactly this, under the rule in force at the order."""
    counting, digest = set(entry.approved_by), now.plan.digest
    needed = entry.rule.approvals if entry.rule else now.needed
    _demand(entry.digest == digest, f"it orders {entry.digest!r}, and {digest} was approved")
    _demand(counting <= set(now.approved), "it counts somebody who did not approve")
    _demand(len(counting) >= needed, f"{len(counting)} distinct people approved, and {needed} were needed")
    _demand(
        all(_lets(entry.rule, by) for by in counting), "it counts somebody whom the rule in force does not let approve"
    )
    _demand(entry.at < now.proposed.expires_at, "the proposal had expired")
    if entry.rule:
        ruled = _ruling(now, entry.rule, entry.approved_by, entry.at)
        _demand(not ruled.against, f"the rule in force is against it: {' '.join(ruled.against)}")
        _demand_seats(needed, ruled)
        _demand(ruled.closed is None, f"it orders outside of the hours: {ruled.closed}")
    return now.become(Status.ORDERING)


def _ruling(now: _Standing, rule: Rule, by: tuple[UserId, ...], at: datetime) -> Ruling:
    """What the rule says at most: who was in a user group, or no member, is not recorded, so all are taken to count."""
    team = now.proposed.team
    case = Case(proposer=now.proposed.by, reason=now.proposed.reason, regions=now.plan.regions, approved_by=by)
    people = {each: Person(id=each, team=team, name=each) for each in by}
    groups = dict.fromkeys(rule.groups, frozenset(by))
    return ruling_on(rule, case, Directory(home=team, people=people, groups=groups), at)


def _demand_seats(count: int, ruled: Ruling) -> None:
    """One person fills one slot, and only one that takes them."""
    could = len(ruled.counting)
    _demand(
        count <= could, f"it counts {count} approvals, and those who approved can fill {could} of what is asked for"
    )


def _lets(rule: Rule | None, by: UserId) -> bool:
    """Who was in a user group is not recorded, nor was the rule in force by older versions: nothing is found there."""
    return rule is None or bool(rule.groups) or by in rule.approvers
