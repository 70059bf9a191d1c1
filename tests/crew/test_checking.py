"""The check before the order: nothing unapproved is ordered, and nothing that is not in order."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.crew.driver import HELD_AGAIN
from bot.domain.ids import UserId
from bot.domain.status import Status
from bot.domain.timeline import Cancelled, Held, Reopened, Replanned
from sandbox.aurora.state import Instance
from tests.crew.house import AP, MINA, MINUTE, REN, SECOND, Home

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def test_what_is_new_after_the_approval_asks_again(home: Home) -> None:
    upgrade = await home.approved()
    home.orders.members[1].instances.append(Instance("orders-ap-2", "18.4"))
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
    end = await home.last(upgrade)
    assert isinstance(end, Replanned)
    assert end.changes == ("instance orders-ap-2 is new in orders-ap in ap-northeast-1",)
    assert (end.count, end.needed) == (0, 1)
    await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    assert (await home.drive(upgrade, turns=3)).status is Status.UPGRADING
    assert home.ordered == 1


async def test_a_writer_elsewhere_asks_again(home: Home) -> None:
    """A switchover between the approval and the order: other instances are written to, and it is ordered elsewhere."""
    upgrade = await home.approved()
    home.orders.members.reverse()
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, upgrade.approved_by, home.ordered) == (Status.PROPOSED, (), 0)
    assert upgrade.plan.writer_region == AP


async def test_what_is_gone_after_the_approval_asks_nobody(home: Home) -> None:
    home.orders.members[1].instances.append(Instance("orders-ap-2", "18.4"))
    upgrade = await home.approved()
    home.orders.members[1].instances.pop()
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert "replanned" in await home.upgrades.kinds(upgrade.id)


async def test_what_runs_the_target_already_is_cancelled(home: Home) -> None:
    upgrade = await home.approved()
    home.orders.version = "18.6"
    home.show("available", "18.6")
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.CANCELLED, 0)
    end = await home.last(upgrade)
    assert isinstance(end, Cancelled)
    assert (end.by, end.why) == (None, "orders runs 18.6 already.")


async def test_a_cluster_that_is_gone_is_cancelled(home: Home) -> None:
    upgrade = await home.approved()
    home.aws.account.globals.remove(home.orders)
    assert (await home.drive(upgrade)).status is Status.CANCELLED


def raise_approvals(home: Home) -> None:
    home.rule(approvals=2)


def drop_approver(home: Home) -> None:
    home.slack.workspace.groups["S0DBA"].members.remove(MINA)
    home.clock.move(61 * SECOND)


def deactivate_approver(home: Home) -> None:
    home.slack.workspace.users[MINA].deleted = True


def drop_rule(home: Home) -> None:
    home.rule(clusters="billing")


def drop_group(home: Home) -> None:
    del home.slack.workspace.groups["S0DBA"]
    home.clock.move(61 * SECOND)


def break_policy(home: Home) -> None:
    home.policy.write_text("[[rule")


def break_instance(home: Home) -> None:
    home.orders.members[0].instances[0].status = "rebooting"


def cut_aws(home: Home) -> None:
    home.aurora.away.add("orders")


def cut_slack(home: Home) -> None:
    home.slack.faults.refuse("users.info", "internal_error", times=1000)


HELD: dict[Callable[[Home], None], str] = {
    drop_rule: "No rule of aurora.toml covers `orders`",
    drop_group: "names user group S0DBA, which Slack does not know",
    break_policy: "aurora.toml is not TOML",
    break_instance: "instance orders-us-1 is rebooting",
    cut_aws: "AWS RDS in us-east-1: EndpointConnectionError",
    cut_slack: "Slack: internal_error",
}


@pytest.mark.parametrize("spoil", HELD, ids=lambda spoil: spoil.__name__)
async def test_what_is_not_in_order_holds_the_order(home: Home, spoil: Callable[[Home], None]) -> None:
    upgrade = await home.approved()
    group = home.slack.workspace.groups["S0DBA"]
    spoil(home)
    upgrade = await home.drive(upgrade, turns=4)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    held = [each for each in await home.upgrades.entries(upgrade.id) if isinstance(each, Held)]
    assert len(held) == 1, "the same reason is told once"
    assert HELD[spoil] in held[0].reasons[0]

    home.rule()
    home.slack.workspace.groups["S0DBA"] = group
    home.slack.faults._refusals.clear()
    home.show("available")
    home.aurora.begin()
    home.clock.move(61 * SECOND)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.UPGRADING, (), 1)


@pytest.mark.parametrize(
    ("spoil", "counting", "needed"),
    [(raise_approvals, (MINA,), 2), (drop_approver, (), 1), (deactivate_approver, (), 1)],
    ids=lambda each: getattr(each, "__name__", None),
)
async def test_approvals_that_no_longer_suffice_are_asked_for_again(
    home: Home, spoil: Callable[[Home], None], counting: tuple[UserId, ...], needed: int
) -> None:
    upgrade = await home.approved()
    spoil(home)
    upgrade = await home.drive(upgrade, turns=4)
    assert (upgrade.status, upgrade.approved_by, home.ordered) == (Status.PROPOSED, counting, 0)
    (again,) = (each for each in await home.upgrades.entries(upgrade.id) if isinstance(each, Reopened))
    assert (again.counting, again.needed) == (counting, needed)

    await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.approved_by, home.ordered) == (Status.UPGRADING, (*counting, REN), 1)


async def test_an_approval_that_runs_out_during_the_check_is_not_used(home: Home) -> None:
    upgrade = await home.approved()
    home.clock.move(60 * MINUTE - SECOND)
    home.aws.moods["DescribeBlueGreenDeployments"] = lambda _: home.clock.move(2 * SECOND)
    assert ((await home.drive(upgrade)).status, home.ordered) == (Status.APPROVED, 0)
    assert (await home.drive(upgrade)).status is Status.EXPIRED


async def test_of_two_approvals_the_one_that_still_counts_is_not_enough(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    upgrade = await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    home.slack.workspace.users[REN].is_restricted = True
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.approved_by, home.ordered) == (Status.PROPOSED, (MINA,), 0)


async def test_what_is_never_mended_expires(home: Home) -> None:
    upgrade = await home.approved()
    break_policy(home)
    await home.drive(upgrade)
    home.clock.move(60 * MINUTE)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.EXPIRED, 0)


async def test_an_order_that_waits_asks_aws_no_more_than_others_do(home: Home) -> None:
    """What holds it back is read from the shelf; nothing is asked anew for each upgrade and each second."""
    upgrade = await home.approved()
    break_instance(home)
    await home.drive(upgrade, apart=timedelta())
    home.aws.calls.clear()
    assert await home.driver.turn(upgrade.id) == HELD_AGAIN
    assert home.aws.calls == []
