"""A cluster that changes between proposal and order, through desk, driver and the audit of what they wrote."""

import asyncio
from collections import Counter

import pytest

from bot.crew.driver import HELD_AGAIN
from bot.domain.errors import Refused
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import Held, Intended, Replanned
from bot.domain.upgrade import Upgrade
from bot.messages.card import card
from bot.messages.thread import said_of
from sandbox.aurora.asking import Answer, Call
from sandbox.aurora.state import Instance
from tests.crew.house import MINA, OLA, REN, SECOND, Home, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


def grow(home: Home) -> None:
    home.orders.members[1].instances.append(Instance("orders-ap-2", "18.4"))


def shrink(home: Home) -> None:
    home.orders.members[1].instances.pop()


async def approved_by_both(home: Home) -> Upgrade:
    home.two_groups(OLA)
    upgrade = await home.proposed()
    await home.approve(MINA, upgrade)
    upgrade = await home.approve(OLA, upgrade)
    assert upgrade.status is Status.APPROVED
    return upgrade


async def test_nobody_approves_what_they_have_not_seen(home: Home) -> None:
    """The plan is made again at the click; what is new is told, and asked for on the card as it is then."""
    upgrade = await home.proposed()
    grow(home)
    no = await refused(home.approve(MINA, upgrade))
    item = "instance orders-ap-2 is new in orders-ap in ap-northeast-1"
    assert no.sentence == f"Not counted: the plan is not the one you saw ({item}). Look at the card and approve again."
    changed = await home.read(upgrade)
    assert (changed.status, changed.approved_by, changed.plan.steps[1].instances) == (
        Status.PROPOSED, (), ("orders-ap-1", "orders-ap-2"),
    )  # fmt: skip
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "replanned"]
    assert (await home.approve(MINA, changed)).status is Status.APPROVED


async def test_what_was_approved_stays_approved_and_only_what_is_new_asks_again(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.proposed()
    await home.approve(MINA, upgrade)
    grow(home)
    await refused(home.approve(REN, upgrade))
    changed = await home.read(upgrade)
    assert (await home.approve(REN, changed)).approved_by == (REN,)
    assert (await home.approve(MINA, changed)).approved_by == (MINA, REN)
    await home.drive(changed, turns=3)
    assert home.ordered == 1


async def test_an_approval_of_more_than_is_left_counts(home: Home) -> None:
    grow(home)
    upgrade = await home.proposed()
    home.orders.members[1].instances.pop()
    approved = await home.approve(MINA, upgrade)
    assert (approved.status, approved.approved_by) == (Status.APPROVED, (MINA,))
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "replanned", "approved"]


async def test_many_who_meet_a_changed_plan_change_it_once(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.proposed()
    grow(home)
    outcomes = await asyncio.gather(
        *(home.approve(by, upgrade) for by in (MINA, REN, MINA, REN)), return_exceptions=True
    )
    assert all(isinstance(each, Refused) for each in outcomes)
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "replanned"]


async def test_a_mood_of_aws_between_two_reads_of_an_approval(home: Home) -> None:
    """The plan is made again from what AWS shows at the click, not from what any cache remembers."""
    upgrade = await home.proposed()
    await home.desk.show("orders")

    def mood(_: Call) -> Answer | None:
        home.aws.moods.clear()
        grow(home)
        return None

    home.aws.moods["DescribeGlobalClusters"] = mood
    assert "instance orders-ap-2 is new" in (await refused(home.approve(MINA, upgrade))).sentence


async def test_each_of_several_groups_is_asked_again_for_what_is_new(home: Home) -> None:
    upgrade = await approved_by_both(home)
    grow(home)
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
    assert upgrade.asked == (Need(approvers=("S0DBA",)), Need(approvers=("S0OWNER",)))
    upgrade = await home.approve(OLA, upgrade)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0DBA",)),))
    with pytest.raises(Refused, match="one person counts once"):
        await home.approve(OLA, upgrade)
    upgrade = await home.approve(REN, upgrade)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    entries = await home.upgrades.entries(upgrade.id)
    (intended,) = (each for each in entries if isinstance(each, Intended))
    assert (intended.digest, {*intended.approved_by}) == (upgrade.plan.digest, {OLA, REN})
    assert await home.is_legal(upgrade)


async def test_what_is_gone_asks_none_of_several_groups_and_the_order_is_given_in_the_next_turn(home: Home) -> None:
    grow(home)
    upgrade = await approved_by_both(home)
    shrink(home)
    assert await home.driver.turn(upgrade.id) == SECOND, "nothing holds it"
    again = await home.read(upgrade)
    assert (again.status, again.approved_by, home.ordered) == (Status.APPROVED, (MINA, OLA), 0)
    upgrade = await home.drive(again)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await home.is_legal(upgrade)


async def test_of_two_approvals_one_before_the_change_and_one_after_both_have_to_be_of_all_of_it(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.proposed()
    await home.approve(MINA, upgrade)
    grow(home)
    with pytest.raises(Refused, match="instance orders-ap-2 is new"):
        await home.approve(REN, upgrade)
    changed = await home.read(upgrade)
    await home.approve(REN, changed)
    told = await home.upgrades.entries(upgrade.id)
    assert "<@U0MINA> approved it before that" in card(tell(told)).text
    assert (await home.drive(upgrade, turns=2)).status is Status.PROPOSED
    await home.approve(MINA, changed)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await home.is_legal(upgrade)


async def test_drivers_and_clicks_that_meet_a_change_at_once_write_it_down_once_and_order_nothing(home: Home) -> None:
    upgrade = await home.approved()
    grow(home)
    clicks = [home.approve(by, upgrade) for by in (REN, MINA, REN, MINA)]
    outcomes = await asyncio.gather(*(home.driver.turn(upgrade.id) for _ in range(3)), *clicks, return_exceptions=True)
    assert [type(each) for each in outcomes[3:]] == [Refused] * 4
    assert not [each for each in outcomes[:3] if isinstance(each, BaseException)]
    upgrade = await home.read(upgrade)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
    assert Counter(await home.upgrades.kinds(upgrade.id)) == {"proposed": 1, "approved": 1, "replanned": 1}
    upgrade = await home.approve(REN, upgrade)
    upgrade = await home.drive(upgrade, turns=2)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await home.is_legal(upgrade)


async def test_a_blocker_that_came_since_holds_the_order_and_says_so_until_it_is_gone(home: Home) -> None:
    """It is no part of the plan, so nobody has to approve again."""
    upgrade = await home.approved()
    sick = home.orders.members[0].instances[0]
    sick.status = "rebooting"
    assert await home.driver.turn(upgrade.id) == HELD_AGAIN
    held = await home.read(upgrade)
    assert (held.status, held.plan, home.ordered) == (Status.APPROVED, upgrade.plan, 0)
    told = await home.upgrades.entries(upgrade.id)
    assert isinstance(told[-1], Held)
    said = said_of(told[-1], tell(told))
    assert said is not None
    assert said.startswith("Approved, but the order waits: instance orders-us-1 is rebooting")
    assert "the order waits: instance orders-us-1 is rebooting" in card(tell(told)).text
    sick.status = "available"
    home.clock.move(HELD_AGAIN)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.UPGRADING, (), 1)
    assert not [each for each in told if isinstance(each, Replanned)]


async def test_nothing_is_given_up_because_of_what_the_shelf_remembers(home: Home) -> None:
    """It may be older than the cluster; only what AWS shows now ends an upgrade."""
    upgrade = await home.approved()
    home.clock.move(SECOND)
    there = home.orders
    home.aws.account.globals.remove(there)
    assert "orders" not in await home.aurora.names()
    home.aws.account.globals.append(there)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
