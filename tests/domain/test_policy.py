"""Who may decide: the right people, enough of them, and never the proposer."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain import upgrade as moves
from bot.domain.errors import Refused
from bot.domain.ids import TeamId, UserId
from bot.domain.policy import (
    Person,
    Policy,
    Rule,
    check_approver,
    check_groups,
    check_member,
    check_quorum,
    is_approver,
    standing,
)
from bot.domain.status import Status
from tests.domain.making import AKI, DBA, HOME, MINA, MINUTE, NOON, SORA, TOMO, person, plan, proposal, rule

GROUPS = {DBA: frozenset({MINA, SORA})}
STRANGER = UserId("U0STRANGER")


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


def test_what_counts_is_distinct_eligible_and_not_the_proposer() -> None:
    assert standing([MINA, AKI, MINA, STRANGER], AKI, [MINA, AKI, SORA]) == {MINA}


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
            upgrade, _ = moves.approve(upgrade, by, digest, plan(), upgrade.rule, NOON + MINUTE)
        except Refused:
            assert not eligible
        else:
            assert eligible
            counted.append(by)
        assert upgrade.approved_by == tuple(counted)
        assert (upgrade.status is Status.APPROVED) == (len(set(counted)) >= needed)


@given(st.lists(people), st.sets(people))
def test_an_approval_that_stands_is_always_of_somebody_eligible_who_is_not_the_proposer(
    approved_by: list[UserId], eligible: set[UserId]
) -> None:
    counts = standing(approved_by, AKI, eligible)
    assert AKI not in counts
    assert counts == {each for each in approved_by if each in eligible and each != AKI}


def test_a_rule_reads_what_it_wrote() -> None:
    made = rule([DBA, MINA], approvals=2, minutes=0.5)
    assert Rule.model_validate_json(made.model_dump_json()) == made
