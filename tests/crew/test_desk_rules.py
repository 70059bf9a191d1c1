"""The policy in force, as people meet it: several groups, reasons, Regions, hours, and who may at all."""

from datetime import timedelta

import pytest

from bot.adapters.policy_file import PolicyFile
from bot.domain.ids import UserId
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import Withdrawn
from bot.messages.card import card
from bot.messages.thread import said_of
from sandbox.aurora.asking import Call
from tests.crew.house import AKI, BOTTO, GUS, MINA, MINUTE, OLA, REN, SAM, SECOND, STRANGER, Home, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (GUS, "Guests cannot do that"),
        (BOTTO, "Bots cannot do that"),
        (STRANGER, "you are here from another one"),
        (SAM, "deactivated"),
        (UserId("U0NOBODY"), "Slack does not know you"),
    ],
)
async def test_only_members_propose_decide_and_cancel(home: Home, who: UserId, sentence: str) -> None:
    home.rule("S0DBA", who, approvals=2)
    assert sentence in (await refused(home.desk.propose(who, "orders", "18.6", ""))).sentence
    upgrade = await home.proposed()
    desk = home.desk
    for asking in (home.approve(who, upgrade), desk.decline(who, upgrade.id), desk.cancel(who, upgrade.id)):
        assert sentence in (await refused(asking)).sentence
    assert await home.is_untouched(upgrade)


async def test_a_rule_that_has_changed_since_is_told_with_the_approval_it_counts(home: Home) -> None:
    upgrade = await home.proposed()
    home.rule(approvals=2)
    await home.approve(MINA, upgrade)
    told = await home.upgrades.entries(upgrade.id)
    said = said_of(told[-1], tell(told))
    assert said == "<@U0MINA> approved. 1 of 2.\nThe rule of aurora.toml has changed meanwhile: approvals 1 → 2."
    shown = card(tell(told)).text
    assert "The rule has changed since it was proposed: approvals 1 → 2" in shown
    in_force = PolicyFile(home.policy).policy().rule_for("orders").version
    assert f"rule `{in_force}`" in shown
    assert [each.rule for each in (await home.read(upgrade)).decisions] == [in_force]


async def test_each_of_several_groups_is_asked_in_whatever_order_they_click(home: Home) -> None:
    """Mina is in both; when Ren comes, who is a DBA only, she stands for the owners."""
    home.two_groups(MINA, OLA)
    upgrade = await home.proposed()
    assert upgrade.asked == (Need(approvers=("S0DBA",)), Need(approvers=("S0OWNER",)))
    upgrade = await home.approve(MINA, upgrade)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0DBA", "S0OWNER")),))
    upgrade = await home.approve(REN, upgrade)
    assert (upgrade.status, upgrade.asked) == (Status.APPROVED, ())
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_a_second_one_of_a_group_is_told_who_is_needed(home: Home) -> None:
    home.two_groups(OLA)
    upgrade = await home.approved()
    no = await refused(home.approve(REN, upgrade))
    assert "The rule of aurora.toml for `*` asks for others" in no.sentence
    assert no.needs == (Need(approvers=("S0OWNER",)),)
    assert (await refused(home.approve(UserId("U0STIG"), upgrade))).sentence.startswith("Slack does not know you")
    assert await home.is_untouched(upgrade)


async def test_a_group_whose_approval_was_taken_back_is_asked_again_and_no_other(home: Home) -> None:
    home.two_groups(OLA)
    upgrade = await home.approved()
    upgrade = await home.approve(OLA, upgrade)
    assert upgrade.status is Status.APPROVED
    upgrade = await home.desk.withdraw(OLA, upgrade.id)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0OWNER",)),))
    told = await home.upgrades.last(upgrade.id)
    assert isinstance(told, Withdrawn)
    assert (told.count, told.needed, told.missing) == (1, 2, upgrade.asked)


async def test_a_rule_that_asks_for_less_now_is_met_by_the_next_click_of_anybody_it_names(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    home.rule(approvals=1)
    no = await refused(home.approve(MINA, upgrade))
    assert no.sentence == (
        "You have approved this upgrade already, and the rule asks for no more now. "
        "Withdraw your approval and give it again, and it is ordered; or let another approver click."
    )
    ordered = await home.drive(await home.approve(REN, upgrade))
    assert (ordered.status, home.ordered) == (Status.UPGRADING, 1)
    assert await home.is_legal(upgrade)


async def test_who_approved_before_the_rule_asked_for_less_gives_it_again(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    home.rule(approvals=1)
    await home.desk.withdraw(MINA, upgrade.id)
    again = await home.drive(await home.approve(MINA, upgrade))
    assert (again.status, home.ordered) == (Status.UPGRADING, 1)


async def test_who_left_since_counts_no_more_when_the_next_one_approves(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    home.slack.workspace.users[MINA].deleted = True
    upgrade = await home.approve(REN, upgrade)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0DBA",)),))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ('reason = "required"\n', "The rule of aurora.toml for `*` requires a reason. Propose it with one: `/aurora"),
        ('forbidden_regions = ["ap-northeast-1"]\n', "forbids upgrades in ap-northeast-1, where it has members."),
    ],
)
async def test_what_the_rule_forbids_is_neither_proposed_nor_approved_nor_ordered(
    home: Home, rule: str, sentence: str
) -> None:
    home.rule(approvals=2)
    upgrade = await home.desk.propose(AKI, "orders", "18.6", "")
    first = await home.desk.approve(MINA, upgrade.upgrade.id, upgrade.upgrade.plan.digest)
    allowed = home.policy.read_text()
    home.policy.write_text(allowed + rule)
    assert sentence in (await refused(home.approve(REN, first))).sentence
    await home.desk.cancel(AKI, first.id)
    assert sentence in (await refused(home.desk.propose(AKI, "orders", "18.6", ""))).sentence
    home.policy.write_text(allowed.replace("approvals = 2", "approvals = 1"))
    again = (await home.desk.propose(AKI, "orders", "18.6", "")).upgrade
    again = await home.approve(MINA, again)
    home.policy.write_text(allowed.replace("approvals = 2", "approvals = 1") + rule)
    held = await home.drive(again)
    assert (held.status, home.ordered) == (Status.APPROVED, 0)
    assert sentence in held.held_for[0]


def hours_from(home: Home, opens: timedelta) -> str:
    """Windows of one hour, the next of which begins so long from now."""
    begin = (home.clock.now() + opens).replace(second=0, microsecond=0)
    return f'[rule.hours]\nzone = "UTC"\nallowed = ["{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"]\n'


async def test_outside_of_the_hours_the_order_waits_and_it_is_said_until_when(home: Home) -> None:
    home.rule()
    home.policy.write_text(home.policy.read_text() + hours_from(home, timedelta(minutes=30)))
    standing = await home.desk.propose(AKI, "orders", "18.6", "")
    (reason,) = standing.waits
    assert "the next may be given from" in reason
    upgrade = await home.drive(await home.desk.approve(MINA, standing.upgrade.id, standing.upgrade.plan.digest))
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.APPROVED, (reason,), 0)
    assert await home.desk.waits_for(upgrade) == (reason,)
    home.clock.move(timedelta(minutes=30))
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_hours_that_end_during_the_check_are_over(home: Home) -> None:
    home.rule()
    home.policy.write_text(home.policy.read_text() + hours_from(home, timedelta(minutes=-30)))
    upgrade = await home.approved()

    def dawdle(_: Call) -> None:
        home.aws.moods.clear()
        home.clock.move(31 * MINUTE)

    home.clock.move(SECOND)
    home.aws.moods["DescribeBlueGreenDeployments"] = dawdle
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert "allows orders" in upgrade.held_for[0]
