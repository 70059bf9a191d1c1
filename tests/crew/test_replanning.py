"""A cluster that changes between proposal and order, through desk, driver and the audit of what they wrote."""

import asyncio
from collections import Counter

import pytest

from bot.crew.driver import HELD_AGAIN
from bot.domain.audit import audit
from bot.domain.errors import Refused
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import Held, Intended, Replanned
from bot.domain.upgrade import Upgrade
from bot.messages.card import card
from bot.messages.thread import said_of
from sandbox.aurora.state import Instance
from sandbox.slack.workspace import UserGroup
from tests.crew.house import MINA, OLA, REN, SECOND, Home

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

NEEDS = """\
[[rule]]
clusters = ["*"]
channel = "C0DBOPS"
needs = [{ approvers = ["S0DBA"] }, { approvers = ["S0OWNER"] }]
"""


def grow(home: Home) -> None:
    home.orders.members[1].instances.append(Instance("orders-ap-2", "18.4"))


def shrink(home: Home) -> None:
    home.orders.members[1].instances.pop()


def two_groups(home: Home) -> None:
    """Mina and Ren are DBAs, Ola owns the service."""
    home.policy.write_text(NEEDS)
    home.slack.workspace.groups["S0OWNER"] = UserGroup(id="S0OWNER", handle="service-owner", members=[OLA])


async def approved_by_both(home: Home) -> Upgrade:
    two_groups(home)
    upgrade = await home.proposed()
    await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    upgrade = await home.desk.approve(OLA, upgrade.id, upgrade.plan.digest)
    assert upgrade.status is Status.APPROVED
    return upgrade


async def is_legal(home: Home, upgrade: Upgrade) -> bool:
    """Whoever knows nothing but the timeline finds nothing wrong in it."""
    verdict = audit((await home.upgrades.chain(upgrade.id))[0])
    return (verdict.faults, verdict.status) == ((), upgrade.status)


async def test_each_of_several_groups_is_asked_again_for_what_is_new(home: Home) -> None:
    upgrade = await approved_by_both(home)
    grow(home)
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
    assert upgrade.asked == (Need(approvers=("S0DBA",)), Need(approvers=("S0OWNER",)))
    upgrade = await home.desk.approve(OLA, upgrade.id, upgrade.plan.digest)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0DBA",)),))
    with pytest.raises(Refused, match="one person counts once"):
        await home.desk.approve(OLA, upgrade.id, upgrade.plan.digest)
    upgrade = await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    entries = await home.upgrades.entries(upgrade.id)
    (intended,) = (each for each in entries if isinstance(each, Intended))
    assert (intended.digest, {*intended.approved_by}) == (upgrade.plan.digest, {OLA, REN})
    assert await is_legal(home, upgrade)


async def test_what_is_gone_asks_none_of_several_groups_and_the_order_is_given_in_the_next_turn(home: Home) -> None:
    grow(home)
    upgrade = await approved_by_both(home)
    shrink(home)
    assert await home.driver.turn(upgrade.id) == SECOND, "nothing holds it"
    again = await home.read(upgrade)
    assert (again.status, again.approved_by, home.ordered) == (Status.APPROVED, (MINA, OLA), 0)
    upgrade = await home.drive(again)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await is_legal(home, upgrade)


async def test_of_two_approvals_one_before_the_change_and_one_after_both_have_to_be_of_all_of_it(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.proposed()
    await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    grow(home)
    with pytest.raises(Refused, match="instance orders-ap-2 is new"):
        await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    changed = await home.read(upgrade)
    await home.desk.approve(REN, upgrade.id, changed.plan.digest)
    told = await home.upgrades.entries(upgrade.id)
    assert "<@U0MINA> approved it before that" in card(tell(told)).text
    assert (await home.drive(upgrade, turns=2)).status is Status.PROPOSED
    await home.desk.approve(MINA, upgrade.id, changed.plan.digest)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await is_legal(home, upgrade)


async def test_drivers_and_clicks_that_meet_a_change_at_once_write_it_down_once_and_order_nothing(home: Home) -> None:
    upgrade = await home.approved()
    grow(home)
    clicks = [home.desk.approve(by, upgrade.id, upgrade.plan.digest) for by in (REN, MINA, REN, MINA)]
    outcomes = await asyncio.gather(*(home.driver.turn(upgrade.id) for _ in range(3)), *clicks, return_exceptions=True)
    assert [type(each) for each in outcomes[3:]] == [Refused] * 4
    assert not [each for each in outcomes[:3] if isinstance(each, BaseException)]
    upgrade = await home.read(upgrade)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
    assert Counter(await home.upgrades.kinds(upgrade.id)) == {"proposed": 1, "approved": 1, "replanned": 1}
    upgrade = await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    upgrade = await home.drive(upgrade, turns=2)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await is_legal(home, upgrade)


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
