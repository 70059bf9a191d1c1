"""The upgrade makes legal moves only, and tells each of them."""

from collections import defaultdict

import pytest
from hypothesis import given

from bot.domain import moves
from bot.domain.errors import Refused
from bot.domain.hours import Hours
from bot.domain.measurement import Measurement
from bot.domain.moves import check_open
from bot.domain.plan import Plan
from bot.domain.policy import Case
from bot.domain.quorum import Need
from bot.domain.status import MOVES, Status
from bot.domain.timeline import (
    Approved,
    Cancelled,
    Declined,
    Entry,
    Expired,
    Finished,
    Held,
    Intended,
    NotOrdered,
    Ordered,
    Overdue,
    Proposed,
    Reminded,
    Reopened,
    Replanned,
    Withdrawn,
)
from bot.domain.upgrade import Upgrade
from tests.domain.making import (
    AKI,
    AP,
    DBA,
    HOME,
    MINA,
    MINUTE,
    NOON,
    ORDERS,
    SECOND,
    SORA,
    TOMO,
    US,
    approved,
    entries,
    ordering,
    outage,
    plan,
    proposal,
    rule,
    upgrading,
)
from tests.domain.walking import AT, GROWN, MOVERS, TURNED, in_status, seen, walk, walks

NOTES = {
    "is held",
    "is reminded of",
    "gains an instance",
    "is turned around",
    "loses a member",
    "Mina withdraws",
    "is seen upgrading",
    "is seen available",
    "leans to success",
    "leans nowhere",
    "is overdue",
}


def refusal(name: str, upgrade: Upgrade) -> str:
    with pytest.raises(Refused) as refused:
        MOVERS[name](upgrade)
    return refused.value.sentence


def test_a_proposal_waits_until_its_time_is_over() -> None:
    upgrade, (entry,) = proposal(under=rule(minutes=60))
    assert (upgrade.id, upgrade.status, upgrade.team, upgrade.proposed_by) == (ORDERS, Status.PROPOSED, HOME, AKI)
    assert (upgrade.cluster, upgrade.channel) == ("orders", "C0DBOPS")
    assert upgrade.expires_at == NOON + 60 * MINUTE
    assert isinstance(entry, Proposed)
    assert (entry.reason, entry.plan, entry.expires_at) == ("patch for CVE", plan(), upgrade.expires_at)


@pytest.mark.parametrize("name", MOVERS)
@pytest.mark.parametrize("status", Status)
def test_each_move_is_in_the_table_or_refused(status: Status, name: str) -> None:
    before = in_status(status)
    try:
        after, _ = MOVERS[name](before)
    except Refused as refused:
        assert refused.sentence.endswith(".")  # noqa: PT017 - either of the two must hold
    else:
        stays = after == before or (after.status is status and name in NOTES)
        assert stays or after.status in MOVES[status]


@pytest.mark.parametrize("status", [each for each in Status if each.is_final])
def test_what_is_over_stays_as_it_is(status: Status) -> None:
    over = in_status(status)
    for name, move in MOVERS.items():
        if name in ("is held no more", "is as it was"):  # there is nothing to do, and nothing is told
            assert move(over) == (over, ())
        else:
            assert refusal(name, over).endswith(".")


def test_two_distinct_people_approve_where_two_are_asked_for() -> None:
    upgrade, _ = proposal(under=rule(approvals=2))
    upgrade, first = moves.approve(upgrade, MINA, plan().digest, upgrade.rule, AT)
    assert (upgrade.status, first) == (
        Status.PROPOSED,
        (Approved(at=AT, by=MINA, digest=plan().digest, count=1, needed=2, rule=upgrade.rule),),
    )
    assert refusal("Mina approves", upgrade) == "You have approved this upgrade already; one person counts once."
    upgrade, second = moves.approve(upgrade, SORA, plan().digest, upgrade.rule, AT)
    assert (upgrade.status, second) == (
        Status.APPROVED,
        (Approved(at=AT, by=SORA, digest=plan().digest, count=2, needed=2, rule=upgrade.rule),),
    )
    assert upgrade.approved_by == (MINA, SORA)


def test_the_rule_in_force_counts_and_not_the_one_it_was_proposed_under() -> None:
    stricter = rule(["S0NEW"], approvals=2)
    upgrade, _ = moves.approve(proposal()[0], MINA, plan().digest, stricter, AT)
    assert (upgrade.status, upgrade.rule.approvals, upgrade.rule.approvers) == (Status.PROPOSED, 2, ("S0NEW",))
    upgrade, _ = moves.approve(upgrade, SORA, plan().digest, stricter, AT)
    assert upgrade.status is Status.APPROVED


def test_when_approvals_no_longer_suffice_it_is_asked_for_more() -> None:
    held, _ = moves.hold(approved(), ("a snapshot is being taken",), AT)
    stricter = rule(["S0NEW"], approvals=2)
    upgrade, told = moves.reopen(held, stricter, (MINA,), AT)
    assert (upgrade.status, upgrade.approved_by, upgrade.held_for) == (Status.PROPOSED, (MINA,), ())
    assert told == (Reopened(at=AT, counting=(MINA,), needed=2, approvers=("S0NEW",), rule=stricter),)
    again, _ = moves.approve(upgrade, SORA, plan().digest, stricter, AT)
    assert (again.status, again.approved_by) == (Status.APPROVED, (MINA, SORA))
    gone, _ = moves.reopen(held, rule(), (), AT)
    assert gone.approved_by == ()
    back, _ = moves.approve(gone, MINA, plan().digest, rule(), AT)
    assert back.approved_by == (MINA,)


def test_an_approval_can_be_taken_back_before_the_order() -> None:
    held, _ = moves.hold(approved(), ("a snapshot is being taken",), AT)
    upgrade, told = moves.withdraw(held, MINA, AT)
    assert (upgrade.status, upgrade.approved_by, upgrade.held_for) == (Status.PROPOSED, (), ())
    assert told == (Withdrawn(at=AT, by=MINA, count=0, needed=1),)
    back, _ = moves.approve(upgrade, MINA, plan().digest, rule(), AT)
    assert (back.status, back.approved_by) == (Status.APPROVED, (MINA,))


def test_one_of_two_approvals_can_be_taken_back_while_it_is_still_asked_for_more() -> None:
    upgrade, _ = moves.approve(proposal(under=rule(approvals=2))[0], MINA, plan().digest, rule(approvals=2), AT)
    upgrade, told = moves.withdraw(upgrade, MINA, AT)
    assert (upgrade.status, upgrade.approved_by, told) == (
        Status.PROPOSED, (), (Withdrawn(at=AT, by=MINA, count=0, needed=2),),
    )  # fmt: skip


def test_who_has_not_approved_has_nothing_to_withdraw() -> None:
    assert refusal("Sora withdraws", approved()) == (
        "You have not approved this upgrade, so there is nothing to withdraw."
    )
    assert "AWS has no cancel" in refusal("Mina withdraws", ordering())


def test_a_reminder_says_how_many_are_missing() -> None:
    upgrade, told = moves.remind(proposal(under=rule(approvals=2))[0], AT)
    assert (upgrade.reminded_at, told) == (AT, (Reminded(at=AT, missing=2, expires_at=NOON + 60 * MINUTE),))


def test_where_nobody_knows_what_is_missing_after_a_withdrawal_all_who_approve_are_asked() -> None:
    seats = (Need(approvers=(DBA,)), Need(approvers=(SORA,)))
    two = rule([DBA, SORA], approvals=2).model_copy(update={"needs": seats})
    upgrade, _ = proposal(under=two)
    assert moves.remind(upgrade, AT)[1] == (Reminded(at=AT, missing=2, expires_at=NOON + 60 * MINUTE),)
    upgrade, told = moves.approve(upgrade, MINA, plan().digest, two, AT, missing=seats[1:])
    assert told == (Approved(at=AT, by=MINA, digest=plan().digest, count=1, needed=2, rule=two, missing=seats[1:]),)
    assert moves.remind(upgrade, AT)[1] == (Reminded(at=AT, missing=1, expires_at=NOON + 60 * MINUTE),)
    left, told = moves.withdraw(upgrade, MINA, AT)
    assert (left.missing, told) == ((), (Withdrawn(at=AT, by=MINA, count=0, needed=2),))
    assert left.asked == (Need(approvers=(DBA, SORA), approvals=2),)


def test_a_reminder_of_an_order_that_waits_asks_nobody_for_an_approval() -> None:
    upgrade, told = moves.remind(approved(), AT)
    assert (upgrade.status, upgrade.reminded_at) == (Status.APPROVED, AT)
    assert told == (Reminded(at=AT, missing=0, expires_at=NOON + 60 * MINUTE),)


def test_what_the_rule_asks_for_after_a_withdrawal_is_asked_and_nothing_else() -> None:
    seats = (Need(approvers=(DBA,)), Need(approvers=(SORA,)))
    two = rule([DBA, SORA], approvals=2).model_copy(update={"needs": seats})
    upgrade, _ = moves.approve(proposal(under=two)[0], MINA, plan().digest, two, AT, missing=seats[1:])
    upgrade, _ = moves.approve(upgrade, SORA, plan().digest, two, AT, missing=())
    left, told = moves.withdraw(upgrade, SORA, AT, missing=seats[1:])
    assert (left.status, left.asked) == (Status.PROPOSED, seats[1:])
    assert told == (Withdrawn(at=AT, by=SORA, count=1, needed=2, missing=seats[1:]),)


def test_the_policy_is_asked_about_who_proposed_what_and_who_approved_it() -> None:
    upgrade = approved()
    assert upgrade.case == Case(
        proposer=AKI, reason=upgrade.reason, regions=plan().regions, approved_by=upgrade.approved_by
    )


def test_one_is_asked_for_at_least_while_it_waits_for_approval() -> None:
    """Of those who approved, one may not count any more."""
    left, _ = moves.withdraw(approved(), MINA, AT)
    gone = left.model_copy(update={"decisions": approved().decisions})
    assert gone.asked == (Need(approvers=(DBA,)),)
    assert approved().asked == ()


def test_whose_approvals_are_asked_for_is_what_the_policy_said_last() -> None:
    seat, other = Need(approvers=(DBA,)), Need(approvers=("S0OWNER",))
    upgrade, _ = proposal(under=rule(approvals=2))
    assert upgrade.asked == (Need(approvers=(DBA,), approvals=2),)
    several = rule([DBA, "S0OWNER"], approvals=2).model_copy(update={"needs": (seat, other)})
    upgrade, _ = proposal(under=several)
    assert upgrade.asked == (seat, other)
    upgrade, (first,) = moves.approve(upgrade, MINA, plan().digest, several, AT, missing=(other,))
    assert isinstance(first, Approved)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (other,))
    assert (first.count, first.needed, first.missing) == (1, 2, (other,))
    full, _ = moves.approve(upgrade, SORA, plan().digest, several, AT, missing=())
    assert (full.status, full.asked) == (Status.APPROVED, ())
    assert moves.reopen(full, several, (), AT, (seat, other))[0].asked == (seat, other)


def test_an_approval_that_counts_no_more_leaves_its_slot_free() -> None:
    """Heads are two, but the policy says that one of them is nobody's now."""
    seat = Need(approvers=(DBA,))
    upgrade, _ = moves.approve(proposal(under=rule(approvals=2))[0], MINA, plan().digest, rule(approvals=2), AT)
    upgrade, _ = moves.approve(upgrade, SORA, plan().digest, rule(approvals=2), AT, missing=(seat,))
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (seat,))


def test_what_the_policy_is_asked_about() -> None:
    assert approved().case == Case(proposer=AKI, reason="patch for CVE", regions=(US, AP), approved_by=(MINA,))


def test_what_was_begun_stays_in_its_channel() -> None:
    elsewhere = rule(approvals=2).model_copy(update={"channel": "C0ELSEWHERE"})
    assert moves.reopen(approved(), elsewhere, (), AT)[0].channel == "C0DBOPS"


def test_the_proposer_approves_nothing_and_is_told_who_could() -> None:
    with pytest.raises(Refused, match="You proposed this upgrade, so somebody else has to approve it") as refused:
        moves.approve(proposal()[0], AKI, plan().digest, rule(), AT)
    assert refused.value.approvers == (DBA,)
    assert refusal("Aki declines", proposal()[0]) == "You proposed this upgrade; use Cancel to take it back."


def test_who_comes_after_the_last_approval_is_not_needed() -> None:
    assert refusal("Sora approves", approved()) == "This upgrade has all its approvals already."


def replanned(upgrade: Upgrade, to: Plan, missing: int) -> Upgrade:
    asked = (Need(approvers=(DBA,), approvals=missing),) if missing else ()
    return moves.replan(upgrade, to, (), upgrade.rule, asked, AT)[0]


def test_an_approval_of_a_plan_that_has_grown_is_not_counted_and_says_by_what() -> None:
    with pytest.raises(Refused) as refused:
        moves.approve(replanned(proposal()[0], GROWN, 1), MINA, plan().digest, rule(), AT)
    assert refused.value.sentence == (
        "Not counted: the plan is not the one you saw (instance orders-us-2 is new in orders-us in us-east-1). "
        "Look at the card and approve again."
    )


def test_an_approval_of_a_plan_that_has_shrunk_counts_for_what_is_left() -> None:
    shrunk = replanned(proposal(what=GROWN)[0], plan(), 1)
    assert moves.approve(shrunk, MINA, GROWN.digest, rule(), AT)[0].status is Status.APPROVED


def test_an_approval_of_another_card_is_not_counted() -> None:
    with pytest.raises(Refused, match=r"not the one you saw \(it is another one\)"):
        moves.approve(proposal()[0], MINA, "another", rule(), AT)


def test_what_is_new_asks_again_and_only_for_that() -> None:
    asks = replanned(approved(), GROWN, 1)
    assert (asks.status, asks.approved_by) == (Status.PROPOSED, ())
    again, _ = moves.approve(asks, MINA, GROWN.digest, rule(), AT)
    assert (again.status, again.approved_by) == (Status.APPROVED, (MINA,))


def test_what_is_gone_asks_nobody() -> None:
    less = replanned(approved(what=GROWN), plan(), 0)
    assert (less.status, less.approved_by) == (Status.APPROVED, (MINA,))


def test_a_change_that_is_taken_back_leaves_what_was_approved() -> None:
    back = replanned(replanned(approved(), GROWN, 1), plan(), 0)
    assert (back.status, back.approved_by, back.earlier) == (Status.APPROVED, (MINA,), (GROWN,))


def test_a_writer_that_became_a_secondary_is_a_new_item() -> None:
    assert replanned(approved(), TURNED, 1).approved_by == ()


def test_whoever_approved_a_part_can_take_it_back() -> None:
    asks = replanned(approved(), GROWN, 1)
    back, _ = moves.withdraw(asks, MINA, AT)
    assert back.decisions == ()
    with pytest.raises(Refused, match="nothing to withdraw"):
        moves.withdraw(back, MINA, AT)


def test_a_decision_names_the_version_of_the_rule_it_was_made_under() -> None:
    [decision] = approved().decisions
    assert decision.rule == rule().version != rule(approvals=2).version


@pytest.mark.parametrize("name", ["Mina approves", "Mina declines", "Aki cancels"])
def test_nobody_decides_once_the_time_is_over(name: str) -> None:
    late, _ = proposal(under=rule(minutes=3))
    assert refusal(name, late) == "This proposal has expired. Propose it again."


@pytest.mark.parametrize("name", ["Mina approves", "Mina declines", "Aki cancels", "the bot cancels"])
@pytest.mark.parametrize("status", [Status.ORDERING, Status.UPGRADING])
def test_there_is_no_cancel_after_the_order(status: Status, name: str) -> None:
    assert "AWS has no cancel" in refusal(name, in_status(status))


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (Status.SUCCEEDED, "succeeded"),
        (Status.ROLLED_BACK, "was rolled back"),
        (Status.FAILED, "failed"),
        (Status.REFUSED, "was refused by AWS"),
        (Status.DECLINED, "was declined"),
        (Status.EXPIRED, "expired"),
        (Status.CANCELLED, "was cancelled"),
    ],
)
def test_who_decides_too_late_reads_how_it_ended(status: Status, ended: str) -> None:
    with pytest.raises(Refused) as refused:
        check_open(in_status(status), AT)
    assert refused.value.sentence == f"This upgrade is over: it {ended}."


@pytest.mark.parametrize("upgrade", [proposal()[0], approved()])
def test_before_the_order_people_can_still_decide(upgrade: Upgrade) -> None:
    check_open(upgrade, NOON + 59 * MINUTE)
    declined, told = moves.decline(upgrade, TOMO, AT)
    assert (declined.status, declined.decisions[-1].verdict, told) == (
        Status.DECLINED, "decline", (Declined(at=AT, by=TOMO),),
    )  # fmt: skip
    cancelled, told = moves.cancel(upgrade, AKI, AT)
    assert (cancelled.status, told) == (Status.CANCELLED, (Cancelled(at=AT, by=AKI),))
    expired, told = moves.expire(upgrade, AT)
    assert (expired.status, told) == (Status.EXPIRED, (Expired(at=AT),))
    assert {each.finished_at for each in (declined, cancelled, expired)} == {AT}


def test_a_hold_is_told_when_its_reasons_change() -> None:
    held, told = moves.hold(approved(), ("a snapshot is being taken",), AT)
    assert told == (Held(at=AT, reasons=("a snapshot is being taken",)),)
    assert moves.hold(held, ("a snapshot is being taken",), AT + MINUTE) == (held, ())
    assert moves.hold(held, ("orders-us is modifying",), AT + 59 * SECOND) == (held, ()), (
        "reasons that come and go fill no thread"
    )
    free, told = moves.hold(held, ("orders-us is modifying",), AT + MINUTE)
    assert (free.held_for, told) == (
        ("orders-us is modifying",),
        (Held(at=AT + MINUTE, reasons=("orders-us is modifying",)),),
    )
    assert moves.intend(free, (MINA,), AT + MINUTE)[0].held_for == ()


def test_no_order_is_intended_outside_of_the_hours() -> None:
    """However long it took since they were looked at."""
    mornings = rule().model_copy(update={"hours": Hours(zone="UTC", allowed=("09:00-12:03",))})
    with pytest.raises(Refused, match=r"Not ordered: the rule .* allows orders 09:00-12:03 UTC only"):
        moves.intend(approved(), (MINA,), AT, mornings)
    assert moves.intend(approved(), (MINA,), AT - SECOND, mornings)[0].status is Status.ORDERING


def test_an_order_is_intended_and_answered() -> None:
    intended, told = moves.intend(approved(), (MINA,), AT)
    assert (intended.status, intended.intent_at) == (Status.ORDERING, AT)
    assert told == (Intended(at=AT, digest=plan().digest, approved_by=(MINA,)),)
    assert moves.accepted(intended, AT + SECOND)[1] == (Ordered(at=AT + SECOND),)
    assert moves.accepted(intended, AT + SECOND, observed=True)[1] == (Ordered(at=AT + SECOND, observed=True),)
    refused, told = moves.not_ordered(intended, "AccessDenied", "no", AT + SECOND)
    assert (refused.status, refused.finished_at) == (Status.REFUSED, AT + SECOND)
    assert told == (NotOrdered(at=AT + SECOND, code="AccessDenied", message="no"),)


def test_nothing_is_ordered_once_the_time_is_over() -> None:
    late = approved(under=rule(minutes=3))
    with pytest.raises(Refused, match="This proposal has expired"):
        moves.intend(late, (MINA,), NOON + 3 * MINUTE)
    _, told = moves.intend(late, (MINA,), NOON + 2 * MINUTE, rule())
    assert told == (Intended(at=NOON + 2 * MINUTE, digest=plan().digest, approved_by=(MINA,), rule=rule()),)


def test_a_member_is_told_when_it_shows_something_new() -> None:
    upgrade, told = moves.note_members(upgrading(), seen("upgrading"))
    assert told == seen("upgrading")
    later = tuple(each.model_copy(update={"at": AT + MINUTE}) for each in seen("upgrading"))
    assert moves.note_members(upgrade, later) == (upgrade, ())
    back = (later[0].model_copy(update={"status": "available"}), later[1])
    upgrade, told = moves.note_members(upgrade, back)
    assert (told, upgrade.members) == ((back[0],), back)


def test_a_leaning_keeps_its_beginning_while_it_lasts() -> None:
    leans = moves.lean(upgrading(), Status.SUCCEEDED, busy=True, now=AT)
    assert leans.leaning is not None
    assert (leans.leaning.since, leans.busy_at) == (AT, AT)
    again = moves.lean(leans, Status.SUCCEEDED, busy=True, now=AT + MINUTE)
    assert again == leans
    turned = moves.lean(leans, Status.ROLLED_BACK, busy=False, now=AT + MINUTE)
    assert turned.leaning is not None
    assert (turned.leaning.since, turned.busy_at) == (AT + MINUTE, AT)
    assert moves.lean(turned, None, busy=False, now=AT).leaning is None


def test_an_order_that_was_accepted_after_all_forgets_the_doubt() -> None:
    doubted = moves.lean(ordering(), Status.REFUSED, busy=False, now=AT)
    assert moves.accepted(doubted, AT, observed=True)[0].leaning is None


def test_overdue_is_remembered_and_told() -> None:
    late, told = moves.overdue(upgrading(), 90 * MINUTE, AT)
    assert (late.overdue_at, told) == (AT, (Overdue(at=AT, after=90 * MINUTE),))


def test_an_outage_before_the_order_is_no_cost_of_the_upgrade() -> None:
    before, after = outage(10, 13), outage(150, 153)
    measured = Measurement(
        region=US, use="writer", vantage=US, since=NOON, until=AT, attempts=900, failed=22, unknown=0,
        outages=(before, after),
    )  # fmt: skip
    over, (entry,) = moves.finish(upgrading(), Status.SUCCEEDED, "done", {US: "18.6.1"}, (measured,), AT)
    assert (over.status, over.finished_at) == (Status.SUCCEEDED, AT)
    assert isinstance(entry, Finished)
    assert [each.outages for each in entry.measured] == [(after,)]


@pytest.mark.parametrize("outcome", set(Status) - MOVES[Status.UPGRADING])
def test_an_upgrade_under_way_ends_in_an_outcome_and_in_nothing_else(outcome: Status) -> None:
    assert refusal(f"finishes as {outcome}", upgrading()).startswith("This upgrade cannot go from “upgrading” to “")


@pytest.mark.parametrize("outcome", Status)
@pytest.mark.parametrize("status", set(Status) - {Status.UPGRADING})
def test_only_what_is_under_way_can_finish(status: Status, outcome: Status) -> None:
    """No other move of the table, from proposed to approved say, can be smuggled in as an outcome."""
    assert refusal(f"finishes as {outcome}", in_status(status)).startswith("This upgrade is at “")


def orders(told: tuple[Entry, ...]) -> int:
    return sum(isinstance(each, Intended) for each in told)


@given(walks)
def test_whatever_happens_it_is_ordered_once_at_most_and_only_after_enough_approvals(
    walked: tuple[Upgrade, tuple[Entry, ...]],
) -> None:
    upgrade, told = walked
    assert orders(told) <= 1
    assert AKI not in upgrade.approved_by
    if orders(told):
        assert len(set(upgrade.approved_by)) >= upgrade.rule.approvals
        assert upgrade.intent_at is not None


@given(walks)
def test_what_is_over_has_a_time_and_what_is_not_has_none(walked: tuple[Upgrade, tuple[Entry, ...]]) -> None:
    upgrade, _ = walked
    assert (upgrade.finished_at is not None) == upgrade.status.is_final


@given(walks)
def test_an_upgrade_survives_the_store(walked: tuple[Upgrade, tuple[Entry, ...]]) -> None:
    upgrade, _ = walked
    assert Upgrade.model_validate_json(upgrade.model_dump_json()) == upgrade


def test_the_shortest_way_to_success() -> None:
    upgrade, told = walk(["Mina approves", "is intended", "is accepted", "finishes as succeeded"], rule())
    assert upgrade.status is Status.SUCCEEDED
    assert [each.kind for each in told] == ["proposed", "approved", "intended", "ordered", "finished"]
    assert entries(proposal())[0] == told[0]


@given(walks)
def test_each_item_of_what_is_ordered_was_approved_by_enough_others(walked: tuple[Upgrade, tuple[Entry, ...]]) -> None:
    """Law 2, told apart from how the upgrade counts: an approval is of the items of the plan it names."""
    plans: dict[str, Plan] = {}
    approved_by: dict[str, set[str]] = defaultdict(set)
    for entry in walked[1]:
        match entry:
            case Proposed() | Replanned():
                planned = entry.plan
                plans[planned.digest] = planned
            case Approved():
                for item in plans[entry.digest].items:
                    approved_by[item].add(entry.by)
            case Withdrawn():
                for people in approved_by.values():
                    people.discard(entry.by)
            case Reopened():
                for people in approved_by.values():
                    people.intersection_update(entry.counting)
            case Intended():
                assert entry.digest == planned.digest
                assert all(approved_by[item] - {AKI} >= set(entry.approved_by) for item in planned.items)
                assert len(set(entry.approved_by)) >= walked[0].rule.approvals


def test_a_forecast_is_asked_for_by_the_proposal_and_before_the_order_only() -> None:
    upgrade = in_status(Status.APPROVED)
    assert upgrade.forecast_wanted == upgrade.proposed_at
    assert moves.ask_forecast(upgrade, AT).forecast_wanted == AT
    for status in set(Status) - {Status.APPROVED}:
        with pytest.raises(Refused):
            moves.ask_forecast(in_status(status), AT)


def test_a_record_from_before_there_were_forecasts_is_read() -> None:
    upgrade = in_status(Status.APPROVED)
    assert Upgrade.model_validate_json(upgrade.model_dump_json(exclude={"forecast_asked_at"})) == upgrade
