"""Each move that an upgrade can make: the Upgrade after it, and the entries that tell it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.errors import Refused
from bot.domain.expectation import Expectation
from bot.domain.ids import Region, TeamId, UpgradeId, UserId
from bot.domain.measurement import Measurement
from bot.domain.plan import Plan, differences
from bot.domain.policy import Rule, closed
from bot.domain.preflight import Finding
from bot.domain.quorum import Need
from bot.domain.status import UNDER_WAY, Status, ended
from bot.domain.timeline import (
    Approved,
    Cancelled,
    Declined,
    Entry,
    Expired,
    Finished,
    Held,
    Intended,
    MemberSeen,
    NotOrdered,
    Ordered,
    Overdue,
    Proposed,
    Reminded,
    Reopened,
    Replanned,
    Slower,
    Turning,
    Withdrawn,
)
from bot.domain.upgrade import Act, Decision, Leaning, Upgrade

Move = tuple[Upgrade, tuple[Entry, ...]]
HELD_TOLD = timedelta(minutes=1)


def saved(upgrade: Upgrade, entries: Iterable[Entry]) -> Upgrade:
    """As it is saved with these entries: the next revision, with the card that they make."""
    known = upgrade.version > 0 or upgrade.revision == 0
    version = upgrade.version + sum(isinstance(each, Turning) for each in entries) if known else 0
    return upgrade.model_copy(update={"revision": upgrade.revision + 1, "version": version})


def propose(
    *,
    id: UpgradeId,
    team: TeamId,
    by: UserId,
    reason: str,
    plan: Plan,
    findings: tuple[Finding, ...],
    rule: Rule,
    now: datetime,
    seal: str = "",
    budget: timedelta | None = None,
    expectation: Expectation | None = None,
) -> Move:
    """A new Upgrade, waiting for approval until the rule's time is over."""
    expires_at = now + rule.expires_after
    upgrade = Upgrade(
        id=id, status=Status.PROPOSED, team=team, plan=plan, findings=findings, rule=rule,
        proposed_by=by, proposed_at=now, expires_at=expires_at, reason=reason, missing=rule.needs, seal=seal,
        own_budget=budget, expectation=expectation,
    )  # fmt: skip
    entry = Proposed(
        at=now, upgrade=id, team=team, by=by, reason=reason, plan=plan, findings=findings, rule=rule,
        expires_at=expires_at, own_budget=budget, expectation=expectation,
    )  # fmt: skip
    return upgrade, (entry,)


def check_open(upgrade: Upgrade, now: datetime) -> None:
    """Refused unless people can still decide about this upgrade."""
    if upgrade.status in UNDER_WAY:
        raise Refused(
            "The order has been given, and AWS has no cancel: it finishes or rolls back by itself. The thread tells how it goes."
        )
    if upgrade.status.is_final:
        raise Refused(f"This upgrade is over: it {ended(upgrade.status)}.")
    if now >= upgrade.expires_at:
        raise Refused("This proposal has expired. Propose it again.")


def check_card(upgrade: Upgrade, by: UserId, card: int | None) -> None:
    """A button serves each person once: a click that is late, or comes again, does nothing after what they did since."""
    if card is not None and any(each.by == by and card <= each.card for each in upgrade.acted):
        raise Refused(
            "You have decided since that card was drawn, so this click is not counted. "
            "Look at the card as it is now, and click there if you still want it."
        )


def _has_acted(upgrade: Upgrade, by: UserId | None) -> dict[str, object]:
    """Whatever card was drawn up to now, this person has had their say on it."""
    others = tuple(each for each in upgrade.acted if each.by != by)
    return {"acted": (*others, Act(by=by, card=upgrade.version))} if by else {}


def approve(
    upgrade: Upgrade,
    by: UserId,
    seen_digest: str,
    rule: Rule,
    now: datetime,
    *,
    missing: tuple[Need, ...] | None = None,
    card: int | None = None,
) -> Move:
    """Count one person's approval of the plan they saw, if it had all that is planned now. `rule` is the one in force.

    `missing` is what the policy still asks for after this one; without it heads are counted. `card` is the version of
    the card that was clicked; a newer one with the same plan does not matter, unless this person has acted since.
    """
    check_open(upgrade, now)
    if by == upgrade.proposed_by:
        raise Refused("You proposed this upgrade, so somebody else has to approve it.", approvers=rule.approvers)
    if by in upgrade.approved_by:
        raise Refused("You have approved this upgrade already; one person counts once.")
    if upgrade.status is Status.APPROVED:
        raise Refused("This upgrade has all its approvals already.")
    check_card(upgrade, by, card)
    seen = upgrade.plans.get(seen_digest)
    if seen is None or not upgrade.plan.items <= seen.items:
        changes = "; ".join(differences(seen, upgrade.plan)) if seen else "it is another one"
        raise Refused(f"Not counted: the plan is not the one you saw ({changes}). Look at the card and approve again.")
    decision = Decision(by=by, verdict="approve", at=now, digest=seen_digest, rule=rule.version, card=card)
    approved = upgrade.model_copy(
        update={
            "decisions": (*upgrade.decisions, decision),
            "rule": upgrade.rule.as_asked_by(rule),
            "missing": missing or (),
            **_has_acted(upgrade, by),
        }
    )
    needed = rule.approvals
    count = len(approved.approved_by) if missing is None else needed - sum(each.approvals for each in missing)
    if count >= needed:
        approved = approved.become(Status.APPROVED)
    entry = Approved(
        at=now, by=by, digest=seen_digest, count=count, needed=needed, rule=rule, missing=missing or (), card=card
    )  # fmt: skip
    return approved, (entry,)


def withdraw(
    upgrade: Upgrade, by: UserId, now: datetime, card: int | None = None, missing: tuple[Need, ...] = ()
) -> Move:
    """Take one's own approval back, before the order; what then lacks approvals waits for them again.

    `missing` is what the rule then asks for; empty where nobody knows, and heads are counted.
    """
    check_open(upgrade, now)
    if all((each.by, each.verdict) != (by, "approve") for each in upgrade.decisions):
        raise Refused("You have not approved this upgrade, so there is nothing to withdraw.")
    check_card(upgrade, by, card)
    kept = tuple(each for each in upgrade.decisions if each.by != by)
    changes = {"decisions": kept, "missing": missing, "held_for": (), "held_at": None, **_has_acted(upgrade, by)}
    left = upgrade.model_copy(update=changes)
    if left.status is Status.APPROVED:
        left = left.become(Status.PROPOSED)
    needed = upgrade.rule.approvals
    count = needed - sum(each.approvals for each in missing) if missing else len(left.approved_by)
    return left, (Withdrawn(at=now, by=by, count=count, needed=needed, missing=missing, card=card),)


def remind(upgrade: Upgrade, now: datetime) -> Move:
    """Tell those who are still needed that time runs out; of what is approved, whoever proposed it."""
    missing = sum(each.approvals for each in upgrade.asked) if upgrade.status is Status.PROPOSED else 0
    entry = Reminded(at=now, missing=missing, expires_at=upgrade.expires_at)
    return upgrade.remain(Status.PROPOSED, Status.APPROVED, reminded_at=now), (entry,)


def replan(
    upgrade: Upgrade, plan: Plan, findings: tuple[Finding, ...], rule: Rule, missing: tuple[Need, ...], now: datetime
) -> Move:
    """Go on with what the cluster is now. `missing` is what the rule in force still asks for (`replanned` says of whom)."""
    check_open(upgrade, now)
    changed = replanned(upgrade, plan).model_copy(
        update={
            "findings": findings, "rule": upgrade.rule.as_asked_by(rule), "missing": missing,
            "held_for": (), "held_at": None,
        }
    )  # fmt: skip
    status = Status.PROPOSED if missing else Status.APPROVED
    if status is not changed.status:
        changed = changed.become(status)
    count = rule.approvals - sum(each.approvals for each in missing)
    entry = Replanned(
        at=now, plan=plan, findings=findings, changes=differences(upgrade.plan, plan),
        count=count, needed=rule.approvals, missing=missing, rule=rule,
    )  # fmt: skip
    return changed, (entry,)


def replanned(upgrade: Upgrade, plan: Plan) -> Upgrade:
    """With another plan: whoever approved all of it already still has."""
    earlier = tuple(each for each in (*upgrade.earlier, upgrade.plan) if each.digest != plan.digest)
    return upgrade.model_copy(update={"plan": plan, "earlier": earlier})


def reopen(
    upgrade: Upgrade, rule: Rule, counting: tuple[UserId, ...], now: datetime, missing: tuple[Need, ...] = ()
) -> Move:
    """Ask for more approvals: under `rule`, which is in force now, only those of `counting` count, and they are too few."""
    kept = tuple(each for each in upgrade.decisions if each.by in counting)
    asked = upgrade.become(
        Status.PROPOSED, decisions=kept, rule=upgrade.rule.as_asked_by(rule), missing=missing, held_for=()
    )
    entry = Reopened(
        at=now, counting=counting, needed=rule.approvals, approvers=rule.approvers, missing=missing, rule=rule
    )
    return asked, (entry,)


def decline(
    upgrade: Upgrade, by: UserId, now: datetime, why: str = "", card: int | None = None, rule: Rule | None = None
) -> Move:
    """Say no to whatever its plan is now; `why` is as it was typed, and may be empty. `rule` is the one in force."""
    check_open(upgrade, now)
    if by == upgrade.proposed_by:
        raise Refused("You proposed this upgrade; use Cancel to take it back.")
    check_card(upgrade, by, card)
    decision = Decision(
        by=by, verdict="decline", at=now, digest=upgrade.plan.digest, rule=(rule or upgrade.rule).version, card=card
    )
    decisions = (*upgrade.decisions, decision)
    declined = upgrade.become(Status.DECLINED, decisions=decisions, finished_at=now, **_has_acted(upgrade, by))
    return declined, (Declined(at=now, by=by, why=why, card=card, rule=rule),)


def cancel(
    upgrade: Upgrade, by: UserId | None, now: datetime, why: str = "", card: int | None = None, rule: Rule | None = None
) -> Move:
    """Take it back before the order. `by` is None when the bot itself does, and then `why` says the reason.

    `rule` is the one in force, where that lets them and they did not propose it.
    """
    check_open(upgrade, now)
    if by is not None:
        check_card(upgrade, by, card)
    cancelled = upgrade.become(Status.CANCELLED, finished_at=now, **_has_acted(upgrade, by))
    return cancelled, (Cancelled(at=now, by=by, why=why, card=card, rule=rule),)


def expire(upgrade: Upgrade, now: datetime) -> Move:
    return upgrade.become(Status.EXPIRED, finished_at=now), (Expired(at=now),)


def hold(upgrade: Upgrade, reasons: tuple[str, ...], now: datetime) -> Move:
    """Keep the approved order back. Told again when the reasons change, and at most once a minute."""
    is_told = upgrade.held_at is not None and now - upgrade.held_at < HELD_TOLD
    if reasons == upgrade.held_for or (upgrade.held_for and is_told):
        return upgrade, ()
    return upgrade.remain(Status.APPROVED, held_for=reasons, held_at=now), (Held(at=now, reasons=reasons),)


def ask_forecast(upgrade: Upgrade, now: datetime) -> Upgrade:
    """Have the writer looked at once more. Nothing of this is told, but what comes of it."""
    return upgrade.remain(Status.APPROVED, forecast_asked_at=now)


def intend(upgrade: Upgrade, approved_by: tuple[UserId, ...], now: datetime, rule: Rule | None = None) -> Move:
    """The first of the three commits of an order. `rule` is the one in force, under which those approvals count."""
    if now >= upgrade.expires_at:
        raise Refused("This proposal has expired. Propose it again.")
    if shut := rule and closed(rule, now):
        raise Refused(f"Not ordered: {shut}.")
    entry = Intended(at=now, digest=upgrade.plan.digest, approved_by=approved_by, rule=rule)
    return upgrade.become(Status.ORDERING, intent_at=now, held_for=()), (entry,)


def accepted(upgrade: Upgrade, now: datetime, *, observed: bool = False) -> Move:
    return upgrade.become(Status.UPGRADING, leaning=None), (Ordered(at=now, observed=observed),)


def not_ordered(upgrade: Upgrade, code: str, message: str, now: datetime) -> Move:
    return upgrade.become(Status.REFUSED, finished_at=now), (NotOrdered(at=now, code=code, message=message),)


def note_members(upgrade: Upgrade, members: tuple[MemberSeen, ...]) -> Move:
    """Remember what RDS shows of each member, and tell what is new."""
    known = {each.region: each.model_dump(exclude={"at"}) for each in upgrade.members}
    news = tuple(each for each in members if known.get(each.region) != each.model_dump(exclude={"at"}))
    return (upgrade.remain(*UNDER_WAY, members=members), news) if news else (upgrade, ())


def lean(upgrade: Upgrade, outcome: Status | None, busy: bool, now: datetime) -> Upgrade:
    """Remember since when AWS shows an outcome, and when it first was busy. Nothing of this is told."""
    since = upgrade.leaning.since if upgrade.leaning and upgrade.leaning.outcome is outcome else now
    return upgrade.remain(
        *UNDER_WAY,
        leaning=Leaning(outcome=outcome, since=since) if outcome else None,
        busy_at=upgrade.busy_at or (now if busy else None),
    )


def overdue(upgrade: Upgrade, after: timedelta, now: datetime) -> Move:
    return upgrade.remain(*UNDER_WAY, overdue_at=now), (Overdue(at=now, after=after),)


def slower(upgrade: Upgrade, now: datetime) -> Move:
    """Tell once that it takes longer than ever seen; nothing to tell when that is not so."""
    if not upgrade.is_slower(now) or upgrade.expectation is None or upgrade.intent_at is None:
        return upgrade, ()
    entry = Slower(at=now, lasting=now - upgrade.intent_at, usual=upgrade.expectation.lasting)
    return upgrade.remain(*UNDER_WAY, slower_at=now), (entry,)


def finish(
    upgrade: Upgrade,
    outcome: Status,
    why: str,
    versions: dict[Region, str],
    measured: tuple[Measurement, ...],
    now: datetime,
) -> Move:
    """It is over. An outage that was over before the order is no cost of the upgrade, and left out."""
    cost = tuple(each.since_order(upgrade.intent_at, now) for each in measured) if upgrade.intent_at else measured
    entry = Finished(at=now, outcome=outcome, why=why, versions=versions, measured=cost)
    return upgrade.remain(Status.UPGRADING).become(outcome, finished_at=now), (entry,)
