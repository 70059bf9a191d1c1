"""Who may decide: the right people, enough of them, and never the proposer."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain import moves
from bot.domain.errors import Refused
from bot.domain.hours import Hours
from bot.domain.ids import TeamId, UserId
from bot.domain.policy import (
    Case,
    Directory,
    Person,
    Policy,
    Rule,
    Ruling,
    check_approver,
    check_counts,
    check_groups,
    check_member,
    check_proposal,
    check_quorum,
    is_approver,
    ruling_on,
)
from bot.domain.quorum import Groups, Need
from bot.domain.status import Status
from tests.domain.making import AKI, AP, DBA, EU, HOME, MINA, MINUTE, NOON, SORA, TOMO, US, person, proposal, rule

GROUPS = {DBA: frozenset({MINA, SORA})}
STRANGER = UserId("U0STRANGER")
OWNER = "S0OWNER"


def written(**other: object) -> dict[str, object]:
    return {"clusters": ["orders"], "channel": "C0DBOPS", "approvers": ["S0DBA", "U0MINA"]} | other


def policy(*rules: dict[str, object]) -> Policy:
    return Policy.model_validate({"rule": rules})


def test_the_first_rule_that_covers_a_cluster_holds_for_it() -> None:
    made = policy(written(clusters=["*-prod"], approvals=2), written(clusters=["*"], expires_after_minutes=5))
    assert made.rule_for("stock-prod").approvals == 2
    assert made.rule_for("STOCK-Prod").approvals == 2
    assert made.rule_for("stock").approvals == 1
    assert made.rule_for("stock").expires_after == timedelta(minutes=5)
    assert made.rule_for("stock").groups == ("S0DBA",)


def test_without_a_rule_nobody_can_approve() -> None:
    with pytest.raises(Refused, match=r"No rule of aurora\.toml covers `stock`"):
        policy(written()).rule_for("stock")


@pytest.mark.parametrize(
    "wrong",
    [
        {"approvals": 0},
        {"approvals": 11},
        {"approvers": []},
        {"approvers": ["@dba"]},
        {"approvers": ["s0dba"]},
        {"channel": "#db-ops"},
        {"clusters": []},
        {"clusters": ["  "]},
        {"expires_after_minutes": 0},
        {"expires_after_minutes": 10_081},
        {"aprovals": 2},
    ],
)
def test_a_rule_that_is_wrong_is_no_rule(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policy(written(**wrong))


def test_an_empty_policy_is_none() -> None:
    with pytest.raises(ValidationError):
        policy()


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (person(team=TeamId("T0OTHER")), "you are here from another one"),
        (person(is_bot=True), "Bots cannot do that"),
        (person(is_guest=True), "Guests cannot do that"),
        (person(is_deactivated=True), "Your account is deactivated"),
    ],
)
def test_only_active_full_human_members_of_the_workspace_count(who: Person, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check_member(who, HOME)
    with pytest.raises(Refused, match=why):
        check_approver(who, rule([MINA]), {}, HOME)


def test_an_approver_is_named_or_in_a_group_that_is_named() -> None:
    assert is_approver(MINA, rule([DBA]), GROUPS)
    assert is_approver(TOMO, rule([DBA, TOMO]), GROUPS)
    assert not is_approver(TOMO, rule([DBA]), GROUPS)
    assert not is_approver(MINA, rule([DBA]), {DBA: None})
    check_approver(person(MINA), rule([DBA]), GROUPS, HOME)


def test_who_is_none_of_them_is_told_who_is() -> None:
    with pytest.raises(Refused, match="not one of the approvers") as refused:
        check_approver(person(TOMO), rule([DBA, MINA]), GROUPS, HOME)
    assert refused.value.approvers == (DBA, MINA)


@pytest.mark.parametrize("groups", [{}, {DBA: None}, {DBA: frozenset({MINA}), "S0SRE": None}])
def test_an_unknown_group_refuses_even_those_who_are_named(groups: dict[str, frozenset[UserId] | None]) -> None:
    named = rule([MINA, DBA, "S0SRE"])
    with pytest.raises(Refused, match=r"user group .*S0SRE, which Slack does not know"):
        check_groups(named, groups)
    with pytest.raises(Refused, match="Nobody can approve"):
        check_approver(person(MINA), named, groups, HOME)


def test_a_group_without_members_is_known() -> None:
    check_groups(rule([DBA]), {DBA: frozenset()})


@pytest.mark.parametrize(
    ("under", "groups", "enough"),
    [
        (rule([MINA]), {}, True),
        (rule([AKI]), {}, False),
        (rule([MINA, AKI], approvals=2), {}, False),
        (rule([DBA], approvals=2), GROUPS, True),
        (rule([DBA, MINA], approvals=3), GROUPS, False),
        (rule([DBA]), {DBA: frozenset()}, False),
        (rule([DBA]), {DBA: None}, False),
    ],
)
def test_a_rule_that_nobody_can_fulfil_refuses_the_proposal(
    under: Rule, groups: dict[str, frozenset[UserId] | None], enough: bool
) -> None:
    if enough:
        return check_quorum(under, groups, AKI)
    with pytest.raises(Refused, match="it has to name more approvers") as refused:
        check_quorum(under, groups, AKI)
    assert refused.value.approvers == under.approvers
    return None


people = st.sampled_from([AKI, MINA, SORA, TOMO, STRANGER])
clicks = st.lists(st.tuples(people, st.sampled_from(["seen", "other"])), max_size=12)


@given(clicks, st.integers(min_value=1, max_value=3))
def test_whoever_clicks_and_however_often_it_takes_that_many_distinct_eligible_people(
    clicked: Sequence[tuple[UserId, str]], needed: int
) -> None:
    """AKI proposes and is in the group herself; a stranger is nobody's approver; a click on another plan is none."""
    groups = {DBA: frozenset({AKI, MINA, SORA, TOMO})}
    under = rule([DBA], approvals=needed)
    upgrade, _ = proposal(under=under)
    counted: list[UserId] = []
    for by, card in clicked:
        digest = upgrade.plan.digest if card == "seen" else "another"
        eligible = by not in (AKI, STRANGER) and by not in counted and card == "seen" and len(counted) < needed
        try:
            check_approver(person(by), under, groups, HOME)
            upgrade, _ = moves.approve(upgrade, by, digest, upgrade.rule, NOON + MINUTE)
        except Refused:
            assert not eligible
        else:
            assert eligible
            counted.append(by)
        assert upgrade.approved_by == tuple(counted)
        assert (upgrade.status is Status.APPROVED) == (len(set(counted)) >= needed)


def directory(*known: Person, groups: Groups = GROUPS) -> Directory:
    return Directory(home=HOME, people={each.id: each for each in known}, groups=groups)


def case(*approved_by: UserId, reason: str = "patch for CVE") -> Case:
    """Aki proposes it."""
    return Case(proposer=AKI, reason=reason, regions=(US, AP), approved_by=approved_by)


EVERYBODY = directory(*(person(each) for each in (AKI, MINA, SORA, TOMO)))


def test_what_counts_is_distinct_eligible_and_not_the_proposer() -> None:
    ruling = ruling_on(rule([DBA, AKI], approvals=3), case(MINA, AKI, MINA, STRANGER, TOMO, SORA), EVERYBODY, NOON)
    assert ruling == Ruling(counting=(MINA, SORA), missing=(Need(approvers=(DBA, AKI)),))


@pytest.mark.parametrize(
    "who",
    [
        None,
        person(team=TeamId("T0OTHER")),
        person(is_bot=True),
        person(is_guest=True),
        person(is_deactivated=True),
    ],
)
def test_who_is_no_active_full_human_member_fills_nothing(who: Person | None) -> None:
    known = directory(*([who] if who else []))
    assert ruling_on(rule([MINA]), case(MINA), known, NOON).missing == rule([MINA]).slots


@pytest.mark.parametrize("groups", [{}, {DBA: None}])
def test_a_group_that_cannot_be_read_fills_nothing_and_is_named(groups: Groups) -> None:
    ruling = ruling_on(rule([DBA, SORA]), case(MINA), directory(person(MINA), groups=groups), NOON)
    assert (ruling.counting, ruling.missing) == ((), rule([DBA, SORA]).slots)
    with pytest.raises(Refused, match="S0DBA, which Slack does not know"):
        ruling.check()


@given(st.lists(people), st.sets(people), st.integers(min_value=1, max_value=3))
def test_an_approval_that_counts_is_always_of_somebody_eligible_who_is_not_the_proposer(
    approved_by: list[UserId], eligible: set[UserId], needed: int
) -> None:
    under, groups = rule([DBA], approvals=needed), {DBA: frozenset(eligible)}
    ruling = ruling_on(under, case(*approved_by), EVERYBODY.model_copy(update={"groups": groups}), NOON)
    could = {*approved_by} & eligible - {AKI, STRANGER}
    assert len(set(ruling.counting)) == len(ruling.counting) == min(len(could), needed)
    assert {*ruling.counting} <= could
    assert sum(each.approvals for each in ruling.missing) == needed - len(ruling.counting)


# --- several groups ---

NEEDS = [{"approvers": [DBA]}, {"approvers": [OWNER]}]


def several(*needs: dict[str, object], **other: object) -> Rule:
    return Rule.model_validate({"clusters": ["orders"], "channel": "C0DBOPS", "needs": needs or NEEDS} | other)


def test_several_groups_are_all_named_and_all_counted() -> None:
    made = several({"approvers": [DBA, MINA], "approvals": 2}, {"approvers": [OWNER, MINA]})
    assert (made.approvers, made.approvals, made.slots) == ((DBA, MINA, OWNER), 3, made.needs)
    assert made.groups == (DBA, OWNER)
    assert Rule.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    "wrong",
    [
        {"needs": NEEDS, "approvers": [DBA]},
        {"needs": NEEDS, "approvers": [DBA, OWNER]},
        {"needs": NEEDS, "approvers": [DBA, OWNER], "approvals": 3},
        {"needs": []},
        {"needs": ["S0DBA"]},
        {"needs": {"approvers": [DBA]}},
        {"needs": [{"approvers": "S0DBA"}]},
        {"needs": [{"approvers": []}]},
        {"needs": [{"approvers": [DBA], "approvals": 0}]},
        {"needs": [{"approvers": [DBA], "approvals": "2"}]},
        {"needs": [{"approvers": [DBA], "approvals": 6}, {"approvers": [OWNER], "approvals": 6}]},
        {"needs": [{"approvers": [DBA], "of": 2}]},
        {"reason": "wanted"},
        {"forbidden_regions": ["Tokyo"]},
        {"freezers": ["@sre"]},
        {"hours": {"zone": "Asia/Edo", "allowed": ["09:00-17:00"]}},
    ],
)
def test_what_is_wrong_with_the_rest_of_a_rule_makes_it_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"clusters": ["orders"], "channel": "C0DBOPS"} | wrong)


def test_one_of_each_group_is_needed_and_a_second_of_one_is_not_counted() -> None:
    groups = {DBA: frozenset({MINA, SORA}), OWNER: frozenset({TOMO})}
    known = EVERYBODY.model_copy(update={"groups": groups})
    ruling = ruling_on(several(), case(MINA, SORA), known, NOON)
    assert ruling == Ruling(counting=(MINA,), missing=(Need(approvers=(OWNER,)),))
    check_counts(MINA, several(), ruling)
    with pytest.raises(Refused, match="what you could approve is approved already") as refused:
        check_counts(SORA, several(), ruling)
    assert "The rule of aurora.toml for `orders` asks for others" in refused.value.sentence
    assert refused.value.needs == (Need(approvers=(OWNER,)),)
    assert ruling_on(several(), case(MINA, TOMO), known, NOON).missing == ()


def test_who_is_none_of_several_groups_is_told_who_is_still_needed() -> None:
    groups = {DBA: frozenset({MINA}), OWNER: frozenset({SORA})}
    with pytest.raises(Refused, match="not one of the approvers") as refused:
        check_approver(person(TOMO), several(), groups, HOME, several().needs[1:])
    assert refused.value.needs == (Need(approvers=(OWNER,)),)


def test_several_groups_in_which_there_is_but_one_person_refuse_the_proposal() -> None:
    groups = {DBA: frozenset({MINA}), OWNER: frozenset({MINA})}
    with pytest.raises(Refused, match="asks for 2 approvals by others than you, and 1 could give one") as refused:
        check_quorum(several(), groups, AKI)
    assert refused.value.needs == (Need(approvers=(DBA, OWNER)),)
    check_quorum(several(), groups | {OWNER: frozenset({MINA, TOMO})}, AKI)


# --- what a rule forbids ---


def test_a_required_reason_is_missed() -> None:
    strict = rule().model_copy(update={"reason": "required"})
    assert ruling_on(strict, case(), EVERYBODY, NOON).against == ()
    with pytest.raises(Refused, match=r"The rule of aurora\.toml for `orders` requires a reason\. Propose it with one"):
        ruling_on(strict, case(reason=" "), EVERYBODY, NOON).check()


def test_a_forbidden_region_is_named() -> None:
    strict = rule().model_copy(update={"forbidden_regions": (US, EU)})
    with pytest.raises(Refused, match=r"`orders` forbids upgrades in us-east-1, where it has members"):
        ruling_on(strict, case(), EVERYBODY, NOON).check()
    assert ruling_on(rule(), case(), EVERYBODY, NOON) == Ruling(missing=rule().slots)


IN_TOKYO = Hours(zone="Asia/Tokyo", allowed=("Mon-Fri 09:00-17:00",))
MONDAY = datetime(2026, 4, 13, tzinfo=UTC)  # 09:00 in Tokyo


def test_outside_of_the_hours_is_said_until_when() -> None:
    """Noon is 21:00 of a Saturday in Tokyo."""
    strict = rule().model_copy(update={"hours": IN_TOKYO})
    ruling = ruling_on(strict, case(MINA), EVERYBODY, NOON)
    assert (ruling.missing, ruling.against, ruling.opens_at) == ((), (), MONDAY)
    assert ruling.closed == (
        "the rule of aurora.toml for `orders` allows orders Mon-Fri 09:00-17:00 Asia/Tokyo only; "
        "the next may be given from Mon 2026-04-13 09:00 Asia/Tokyo"
    )
    assert ruling_on(strict, case(MINA), EVERYBODY, MONDAY) == Ruling(counting=(MINA,))
    assert ruling_on(strict, case(MINA), EVERYBODY, MONDAY - timedelta(microseconds=1)).opens_at == MONDAY


def test_what_would_expire_before_the_hours_begin_is_not_proposed() -> None:
    strict = rule().model_copy(update={"hours": IN_TOKYO})
    for ahead, possible in ((timedelta(minutes=59), True), (timedelta(minutes=60), False)):
        now = MONDAY - ahead
        ruling = ruling_on(strict, case(), EVERYBODY, now)
        if possible:
            check_proposal(strict, ruling, GROUPS, AKI, now)
        else:
            with pytest.raises(Refused, match=r"before it expires, 60 min from now: the rule .* from Mon 2026-04-13"):
                check_proposal(strict, ruling, GROUPS, AKI, now)


def test_who_may_freeze_is_named_by_the_rule_or_for_all_or_approves() -> None:
    plain = policy(written(), written(clusters=["stock"], freezers=["S0SRE"]))
    assert (plain.freezers_of("orders"), plain.freezers_of("stock")) == ((DBA, MINA), ("S0SRE",))
    assert plain.freezers_of_all() == ((DBA, MINA), ("S0SRE",))
    central = plain.model_copy(update={"freezers": ("U0TOMO",)})
    assert (central.freezers_of("orders"), central.freezers_of("stock")) == (("U0TOMO",), ("S0SRE",))
    assert central.freezers_of_all() == (("U0TOMO",),)


def test_what_was_begun_keeps_its_channel_and_takes_all_else_from_the_rule_in_force() -> None:
    strict = several(channel="C0OTHER", expires_after_minutes=5, reason="required", clusters=["*"])
    asked = rule().as_asked_by(strict)
    assert (asked.channel, asked.expires_after_minutes, asked.clusters) == ("C0DBOPS", 60, ("orders",))
    assert (asked.needs, asked.approvers, asked.approvals, asked.reason) == (strict.needs, (DBA, OWNER), 2, "required")


def test_a_rule_reads_what_it_wrote() -> None:
    made = rule([DBA, MINA], approvals=2, minutes=0.5)
    assert Rule.model_validate_json(made.model_dump_json()) == made
