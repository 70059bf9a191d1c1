"""The driver: ordered once whatever dies and whenever, nothing unapproved, and an outcome that AWS shows."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from bot.crew import foretelling, ordering
from bot.crew.driver import HELD_AGAIN
from bot.domain.driving import Patience
from bot.domain.errors import Conflict, Unavailable
from bot.domain.freezing import Frost
from bot.domain.ids import UserId
from bot.domain.rds_events import RdsEvent
from bot.domain.status import Status
from bot.domain.timeline import (
    Cancelled,
    Entry,
    Finished,
    Forecast,
    Held,
    Intended,
    NotOrdered,
    Ordered,
    Overdue,
    RdsSaid,
    Reached,
    Reopened,
    Replanned,
)
from bot.domain.upgrade import Upgrade
from bot.domain.zero_downtime import Outlook
from bot.ports.aurora import NoAnswer, OrderAnswer
from sandbox.aurora.modifying import NOT_ROLLED_OUT
from sandbox.aurora.state import Instance
from tests.crew.house import ACCOUNT, AKI, AP, MINA, MINUTE, PATIENCE, REN, SECOND, STARTED, US, Death, Home

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

MAJOR_ONLY = (
    "ModifyGlobalCluster only supports Major Version Upgrades. To patch the members of your global cluster to a newer "
    "minor version you need to call ModifyDbCluster in each one of them."
)


async def last(home: Home, upgrade: Upgrade) -> Entry:
    return (await home.upgrades.entries(upgrade.id))[-1]


async def ordered(home: Home) -> Upgrade:
    upgrade = await home.drive(await home.approved())
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    return upgrade


# --- ordered once ---


async def test_an_approved_upgrade_is_ordered_once(home: Home) -> None:
    upgrade = await home.drive(await home.approved(), turns=5)
    assert upgrade.status is Status.UPGRADING
    kinds = await home.upgrades.kinds(upgrade.id)
    assert kinds[:4] == ["proposed", "approved", "intended", "ordered"]
    assert set(kinds[4:]) == {"member_seen"}
    (order,) = home.aws.account.orders
    assert (order.global_cluster, order.version, order.region) == ("orders", "18.6", US)
    intended = next(each for each in await home.upgrades.entries(upgrade.id) if isinstance(each, Intended))
    assert (intended.digest, intended.approved_by) == (upgrade.plan.digest, (MINA,))


async def test_what_is_not_approved_is_left_alone(home: Home) -> None:
    upgrade = await home.drive(await home.proposed(), turns=3)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)


async def test_an_upgrade_that_is_over_needs_no_turns(home: Home) -> None:
    upgrade = await home.desk.cancel(UserId("U0AKI"), (await home.approved()).id)
    assert await home.driver.turn(upgrade.id) is None
    assert home.ordered == 0


def dies(*_: object) -> None:
    raise Death


def dies_at(status: Status) -> Callable[[Upgrade], None]:
    def look(upgrade: Upgrade) -> None:
        if upgrade.status is status:
            raise Death

    return look


CRASHES: dict[str, tuple[Callable[[Home], None], int, Status]] = {
    "before the intent": (lambda home: setattr(home.upgrades, "before_save", dies), 1, Status.UPGRADING),
    "after the intent": (lambda home: setattr(home.upgrades, "after_save", dies), 0, Status.REFUSED),
    "before the call": (lambda home: setattr(home.aurora, "before_order", dies), 0, Status.REFUSED),
    "after the call": (lambda home: setattr(home.aurora, "after_order", dies), 1, Status.UPGRADING),
    "before the answer is written": (
        lambda home: setattr(home.upgrades, "before_save", dies_at(Status.UPGRADING)), 1, Status.UPGRADING,
    ),
    "after the answer is written": (
        lambda home: setattr(home.upgrades, "after_save", dies_at(Status.UPGRADING)), 1, Status.UPGRADING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("point", CRASHES)
async def test_a_crash_at_any_point_leaves_at_most_one_order(home: Home, point: str) -> None:
    crash, calls, ends_as = CRASHES[point]
    upgrade = await home.approved()
    crash(home)
    with pytest.raises(Death):
        await home.driver.turn(upgrade.id)
    home.aurora.begin()
    home.upgrades.mend()
    upgrade = await home.drive(upgrade, turns=4)
    if ends_as is Status.REFUSED:
        assert upgrade.status is Status.ORDERING
        home.clock.move(PATIENCE.quiet)
        upgrade = await home.drive(upgrade, turns=4)
    assert (upgrade.status, home.ordered, len(home.aws.account.orders)) == (ends_as, calls, calls)
    kinds = await home.upgrades.kinds(upgrade.id)
    assert kinds.count("intended") == 1
    assert kinds.count("ordered") + kinds.count("not_ordered") == 1


async def test_an_answer_that_was_lost_is_found_in_what_aws_does(home: Home) -> None:
    def lose(answer: OrderAnswer) -> OrderAnswer:
        return NoAnswer(f"ReadTimeoutError after {answer}")

    home.aurora.heard = lose
    upgrade = await home.drive(await home.approved())
    assert upgrade.status is Status.ORDERING
    upgrade = await home.drive(upgrade)
    assert upgrade.status is Status.UPGRADING
    (told,) = (each for each in await home.upgrades.entries(upgrade.id) if isinstance(each, Ordered))
    assert told.observed
    assert home.ordered == 1


async def test_an_event_is_a_trace_too(home: Home) -> None:
    home.aurora.before_order = dies
    upgrade = await home.approved()
    with pytest.raises(Death):
        await home.driver.turn(upgrade.id)
    home.aurora.begin()
    said = RdsEvent(
        arn="arn:aws:rds:us-east-1:123456789012:cluster:orders-us", source_identifier="orders-us", source="cluster",
        region=US, at=home.clock.now(), message=STARTED,
    )  # fmt: skip
    await home.upgrades.append_once(upgrade.id, "rds:1", RdsSaid(at=said.at, event=said))
    assert (await home.drive(upgrade)).status is Status.UPGRADING
    assert home.ordered == 0


async def test_a_call_that_never_arrived_is_not_made_again(home: Home) -> None:
    home.aurora.before_order = dies
    upgrade = await home.approved()
    with pytest.raises(Death):
        await home.driver.turn(upgrade.id)
    home.aurora.begin()
    upgrade = await home.drive(upgrade, turns=30, apart=3 * SECOND)
    assert upgrade.status is Status.ORDERING
    upgrade = await home.drive(upgrade, turns=10, apart=3 * SECOND)
    assert upgrade.status is Status.REFUSED
    end = await last(home, upgrade)
    assert isinstance(end, NotOrdered)
    assert (end.code, end.message) == ("", "")
    assert home.ordered == 0


async def test_quiet_counts_from_the_first_look(home: Home) -> None:
    """Nobody looked for an hour: that is no quiet hour."""
    home.aurora.before_order = dies
    upgrade = await home.approved()
    with pytest.raises(Death):
        await home.driver.turn(upgrade.id)
    home.clock.move(60 * MINUTE)
    assert (await home.drive(upgrade, turns=3)).status is Status.ORDERING


async def test_whoever_slept_after_the_intent_does_not_call(home: Home) -> None:
    def sleep(upgrade: Upgrade) -> None:
        if upgrade.status is Status.ORDERING:
            home.clock.move(11 * SECOND)

    home.upgrades.after_save = sleep
    upgrade = await home.drive(await home.approved())
    assert (upgrade.status, home.ordered) == (Status.ORDERING, 0)


async def test_setting_the_clock_back_hides_no_sleep(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    upgrade = await home.approved()
    real, slept = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real() + slept)

    def sleep(_: Upgrade) -> None:
        nonlocal slept
        slept = 11.0
        home.clock.move(-MINUTE)

    home.upgrades.after_save = sleep
    await home.driver.turn(upgrade.id)
    assert home.ordered == 0


async def test_of_two_drivers_one_orders(home: Home) -> None:
    upgrade = await home.approved()
    await asyncio.gather(*(home.driver.turn(upgrade.id) for _ in range(3)))
    assert ((await home.read(upgrade)).status, home.ordered) == (Status.UPGRADING, 1)


async def test_a_refusal_is_written_down_though_another_saved_first(home: Home) -> None:
    """A worker that was believed dead comes back with the answer."""
    home.aws.refuse("ModifyGlobalCluster", "InvalidParameterValue", NOT_ROLLED_OUT)
    upgrade = await home.approved()

    async def meanwhile() -> None:
        await home.drive(upgrade)

    home.aurora.meanwhile = meanwhile
    await home.driver.turn(upgrade.id)
    end = await last(home, upgrade)
    assert isinstance(end, NotOrdered)
    assert end.message == NOT_ROLLED_OUT
    assert home.ordered == 1


async def test_a_refusal_is_written_down_when_the_store_is_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "WRITE_AGAIN", timedelta(seconds=0.01))
    home.aws.refuse("ModifyGlobalCluster", "InvalidParameterValue", NOT_ROLLED_OUT)
    upgrade, lost = await home.approved(), [Unavailable("Redis", "ConnectionError"), Conflict("another")]

    def be_away(save: Upgrade) -> None:
        if save.status is Status.REFUSED and lost:
            raise lost.pop()

    home.upgrades.before_save = be_away
    await home.driver.turn(upgrade.id)
    assert (await home.read(upgrade)).status is Status.REFUSED
    assert lost == []


async def test_an_answer_nobody_can_write_down_is_given_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "WRITING", timedelta(seconds=0.05))
    monkeypatch.setattr(ordering, "WRITE_AGAIN", timedelta(seconds=0.01))
    upgrade = await home.approved()

    def be_away(save: Upgrade) -> None:
        if save.status is Status.UPGRADING:
            raise Unavailable("Redis", "ConnectionError")

    home.upgrades.before_save = be_away
    assert await home.driver.turn(upgrade.id) is not None
    home.upgrades.mend()
    home.clock.move(SECOND)
    assert (await home.drive(upgrade)).status is Status.UPGRADING
    assert home.ordered == 1


async def test_a_cancelled_turn_ends_the_order_it_began(home: Home) -> None:
    upgrade, called, go_on = await home.approved(), asyncio.Event(), asyncio.Event()

    async def meanwhile() -> None:
        called.set()
        await go_on.wait()

    home.aurora.meanwhile = meanwhile
    turn = asyncio.create_task(home.driver.turn(upgrade.id))
    await called.wait()
    turn.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert (await home.read(upgrade)).status is Status.UPGRADING


async def test_a_cancelled_turn_does_not_wait_for_ever(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "TO_THE_END", timedelta(seconds=0.05))
    upgrade, called = await home.approved(), asyncio.Event()

    async def meanwhile() -> None:
        called.set()
        await asyncio.Event().wait()

    home.aurora.meanwhile = meanwhile
    turn = asyncio.create_task(home.driver.turn(upgrade.id))
    await called.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert (await home.read(upgrade)).status is Status.ORDERING
    home.clock.move(SECOND)
    assert (await home.drive(upgrade)).status is Status.UPGRADING


async def test_a_turn_that_is_cancelled_again_and_again_still_ends_its_order(home: Home) -> None:
    """As a worker does that is told to stop: every second once more."""
    home.aws.refuse("ModifyGlobalCluster", "InvalidParameterValue", NOT_ROLLED_OUT)
    upgrade, called, go_on = await home.approved(), asyncio.Event(), asyncio.Event()

    async def meanwhile() -> None:
        called.set()
        await go_on.wait()

    home.aurora.meanwhile = meanwhile
    turn = asyncio.create_task(home.driver.turn(upgrade.id))
    await called.wait()
    for _ in range(3):
        turn.cancel()
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await turn
    end = await last(home, upgrade)
    assert isinstance(end, NotOrdered)
    assert end.message == NOT_ROLLED_OUT


# --- nothing unapproved ---


async def test_what_is_new_after_the_approval_asks_again(home: Home) -> None:
    upgrade = await home.approved()
    home.orders.members[1].instances.append(Instance("orders-ap-2", "18.4"))
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
    end = await last(home, upgrade)
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
    end = await last(home, upgrade)
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


async def test_an_order_that_waits_asks_aws_no_more_than_others_do(home: Home) -> None:
    """What holds it back is read from the shelf; nothing is asked anew for each upgrade and each second."""
    upgrade = await home.approved()
    break_instance(home)
    await home.drive(upgrade, apart=timedelta())
    home.aws.calls.clear()
    assert await home.driver.turn(upgrade.id) == HELD_AGAIN
    assert home.aws.calls == []


async def test_what_is_never_mended_expires(home: Home) -> None:
    upgrade = await home.approved()
    break_policy(home)
    await home.drive(upgrade)
    home.clock.move(60 * MINUTE)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.EXPIRED, 0)


async def test_a_proposal_nobody_decides_expires(home: Home) -> None:
    upgrade = await home.proposed()
    home.clock.move(60 * MINUTE)
    assert (await home.drive(upgrade)).status is Status.EXPIRED


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


# --- how it ends ---


@pytest.mark.parametrize(
    ("code", "message"),
    [("InvalidParameterValue", NOT_ROLLED_OUT), ("InvalidParameterCombination", MAJOR_ONLY)],
)
async def test_a_refusal_of_aws_is_told_in_its_words(home: Home, code: str, message: str) -> None:
    home.aws.refuse("ModifyGlobalCluster", code, message)
    upgrade = await home.drive(await home.approved(), turns=3)
    assert (upgrade.status, home.ordered) == (Status.REFUSED, 1)
    end = await last(home, upgrade)
    assert isinstance(end, NotOrdered)
    assert (end.code, end.message) == (code, message)


async def finished(home: Home, upgrade: Upgrade) -> Finished:
    """What is shown has to last for the settle time before it is believed."""
    upgrade = await home.drive(upgrade, turns=3, apart=10 * SECOND)
    assert upgrade.status is Status.UPGRADING
    upgrade = await home.drive(upgrade, turns=2, apart=10 * SECOND)
    end = await last(home, upgrade)
    assert isinstance(end, Finished)
    assert end.outcome is upgrade.status
    return end


async def test_success_is_when_all_is_there_and_stays_there(home: Home) -> None:
    upgrade = await home.drive(await ordered(home))
    home.show("available", "18.6")
    end = await finished(home, upgrade)
    assert end.outcome is Status.SUCCEEDED
    assert end.versions == {US: "18.6", AP: "18.6"}
    assert [(each.region, each.attempts, each.since) for each in end.measured] == [(US, 0, None), (AP, 0, None)]


async def test_back_on_the_old_version_is_a_rollback(home: Home) -> None:
    upgrade = await home.drive(await ordered(home), turns=2)
    home.show("available")
    upgrade = await home.drive(upgrade, turns=30, apart=10 * SECOND)
    assert upgrade.status is Status.UPGRADING
    assert (await home.drive(upgrade, turns=2, apart=10 * SECOND)).status is Status.ROLLED_BACK


async def test_a_broken_member_is_a_failure(home: Home) -> None:
    upgrade = await home.drive(await ordered(home))
    home.show("available")
    home.orders.members[0].status = "upgrade-failed"
    await home.drive(upgrade, turns=32, apart=10 * SECOND)
    end = await last(home, upgrade)
    assert isinstance(end, Finished)
    assert (end.outcome, end.why) == (Status.FAILED, "RDS shows upgrade-failed of orders-us in us-east-1.")


async def test_a_cluster_that_is_gone_does_not_stay_locked(home: Home) -> None:
    upgrade = await home.drive(await ordered(home))
    home.aws.account.globals.remove(home.orders)
    upgrade = await home.drive(upgrade, turns=32, apart=10 * SECOND)
    assert upgrade.status is Status.FAILED
    assert await home.upgrades.open_for(ACCOUNT, "orders") is None


async def test_the_end_waits_for_the_last_words_of_rds(home: Home) -> None:
    upgrade = await home.drive(await ordered(home))
    home.ears.until = home.clock.now() - SECOND
    home.show("available", "18.6")
    upgrade = await home.drive(upgrade, turns=6, apart=10 * SECOND)
    assert upgrade.status is Status.UPGRADING
    home.ears.until = None
    assert (await home.drive(upgrade)).status is Status.SUCCEEDED


async def test_what_does_not_last_is_not_believed(home: Home) -> None:
    upgrade = await ordered(home)
    home.show("available", "18.6")
    upgrade = await home.drive(upgrade, turns=2, apart=10 * SECOND)
    home.orders.members[0].status = "upgrading"
    upgrade = await home.drive(upgrade, turns=4, apart=10 * SECOND)
    assert upgrade.status is Status.UPGRADING
    home.show("available", "18.6")
    assert (await finished(home, upgrade)).outcome is Status.SUCCEEDED


async def test_a_silent_aws_ends_nothing_and_people_are_alarmed_once(home: Home) -> None:
    upgrade = await ordered(home)
    cut_aws(home)
    home.clock.move(PATIENCE.deadline)
    upgrade = await home.drive(upgrade, turns=4)
    assert upgrade.status is Status.UPGRADING
    alarms = [each for each in await home.upgrades.entries(upgrade.id) if isinstance(each, Overdue)]
    assert [each.after for each in alarms] == [Patience().deadline]
    home.aurora.begin()
    home.show("available", "18.6")
    assert (await finished(home, upgrade)).outcome is Status.SUCCEEDED


async def test_a_crash_before_the_end_is_written_down_does_not_end_it_twice(home: Home) -> None:
    upgrade = await ordered(home)
    home.show("available", "18.6")
    await home.drive(upgrade, turns=3, apart=10 * SECOND)
    home.upgrades.before_save = dies_at(Status.SUCCEEDED)
    with pytest.raises(Death):
        await home.driver.turn(upgrade.id)
    home.upgrades.before_save, home.upgrades.after_save = home.upgrades.after_save, dies_at(Status.SUCCEEDED)
    with pytest.raises(Death):
        await home.driver.turn(upgrade.id)
    home.upgrades.mend()
    assert await home.driver.turn(upgrade.id) is None
    assert (await home.upgrades.kinds(upgrade.id)).count("finished") == 1


# --- a freeze in the same moment ---


async def freeze(home: Home, until: str = "+30m", cluster: str | None = "orders") -> None:
    await home.desk.freeze(MINA, cluster, until, "month end")


@pytest.mark.parametrize("cluster", ["ORDERS", None])
async def test_a_freeze_after_the_last_check_and_before_the_intent_prevents_the_order(
    home: Home, cluster: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is acknowledged while the driver is about to save the intent: the commit itself looks."""
    upgrade = await home.approved()
    save, status = home.upgrades.save, list[Status]()

    async def outpaced(changed: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        if changed.status is Status.ORDERING:
            status.append(changed.status)
            await freeze(home, cluster=cluster)
        return await save(changed, entries)

    monkeypatch.setattr(home.upgrades, "save", outpaced)
    upgrade = await home.drive(upgrade, turns=3)
    assert (status, upgrade.status, home.ordered) == ([Status.ORDERING], Status.APPROVED, 0)
    assert "intended" not in await home.upgrades.kinds(upgrade.id)
    assert "frozen in this very moment" in upgrade.held_for[0]


async def test_a_freeze_and_the_order_in_the_same_moment(home: Home) -> None:
    """Whichever comes first in the store holds: acknowledged before the intent, it prevents the order."""
    orders = 0
    for _ in range(8):
        upgrade = await home.approved()
        await asyncio.gather(home.driver.turn(upgrade.id), freeze(home))
        after = await home.read(upgrade)
        orders += after.status is Status.UPGRADING
        assert home.ordered == orders
        if after.status is Status.APPROVED:
            assert "intended" not in await home.upgrades.kinds(upgrade.id)
            assert (await home.drive(upgrade, turns=2)).status is Status.APPROVED
            await home.desk.cancel(AKI, upgrade.id)
            await home.desk.unfreeze(MINA, "orders")
        else:
            return


async def test_a_freeze_after_the_intent_stops_nothing(home: Home) -> None:
    """The order was given: the freeze is for the next one."""
    upgrade = await home.approved()

    async def meanwhile() -> None:
        await freeze(home)

    home.aurora.meanwhile = meanwhile
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_when_the_freeze_is_over_the_order_is_given_by_itself(home: Home) -> None:
    """By the clock of the worker and by that of Redis, which nobody here can move."""
    upgrade = await home.approved()
    soon = home.clock.now() + 2 * SECOND
    await freeze(home, soon.isoformat())
    upgrade = await home.drive(upgrade, apart=3 * SECOND)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert upgrade.held_for == (f"orders is frozen until {soon:%Y-%m-%d %H:%M} UTC by mina: month end",)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0), "this worker's clock is ahead"
    await asyncio.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()) + 0.1)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_of_an_order_that_waits_it_is_told_twice_that_it_expires(home: Home) -> None:
    """Half-way, and near the end; nobody has to look at the card to know."""
    home.rule()
    upgrade = await home.approved()
    await freeze(home, "+5h")
    upgrade = await home.drive(upgrade)
    assert "reminded" not in await home.upgrades.kinds(upgrade.id)
    for minutes, times in ((31, 1), (1, 1), (23, 2), (1, 2)):
        home.clock.move(minutes * MINUTE)
        upgrade = await home.drive(upgrade)
        assert (await home.upgrades.kinds(upgrade.id)).count("reminded") == times
    home.clock.move(5 * MINUTE)
    assert (await home.drive(upgrade)).status is Status.EXPIRED


async def test_a_worker_whose_clock_is_behind_does_not_end_its_waiting_early(home: Home) -> None:
    upgrade = await home.approved()
    soon = home.clock.now() + SECOND
    await freeze(home, soon.isoformat())
    await asyncio.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()) + 0.1)
    upgrade = await home.drive(upgrade, apart=2 * SECOND)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert (await home.drive(upgrade)).status is Status.UPGRADING


async def test_freezes_that_cannot_be_read_hold_the_order(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = await home.approved()

    async def silent() -> tuple[Frost, ...]:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(home.freezes, "frosts", silent)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.APPROVED, ("Redis: ConnectionError",), 0)


async def test_freezes_damaged_after_the_last_check_are_seen_by_the_commit(
    home: Home, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = await home.approved()
    save = home.upgrades.save

    async def outpaced(changed: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        if changed.status is Status.ORDERING:
            await raw.hset("{aurora}:freezes", "*", "not a freeze")
        return await save(changed, entries)

    monkeypatch.setattr(home.upgrades, "save", outpaced)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert upgrade.held_for == ("every cluster was frozen in this very moment",)


# --- what time it is ---

HOUR = timedelta(hours=1)


async def turn(home: Home, upgrade: Upgrade, ahead: timedelta) -> Upgrade:
    """Of a worker on a machine whose clock is ahead."""
    await replace(home.driver, disagreement=lambda: ahead).turn(upgrade.id)
    return await home.read(upgrade)


@pytest.mark.parametrize(("ahead", "said"), [(HOUR, "3600 s ahead of"), (-HOUR, "3600 s behind")])
async def test_while_two_clocks_disagree_no_order_is_given(home: Home, ahead: timedelta, said: str) -> None:
    upgrade = await turn(home, await home.approved(), ahead)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert said in upgrade.held_for[0]
    await turn(home, upgrade, timedelta(seconds=5))
    assert home.ordered == 1


async def test_while_two_clocks_disagree_nothing_expires_and_nothing_expired_is_ordered(home: Home) -> None:
    upgrade = await home.approved()
    home.clock.at = upgrade.expires_at
    assert (await turn(home, upgrade, -HOUR)).status is Status.APPROVED
    assert ((await turn(home, upgrade, timedelta())).status, home.ordered) == (Status.EXPIRED, 0)


# --- a forecast right before the order ---


async def watched(home: Home) -> Upgrade:
    """Approved, and somebody measures its writer."""
    upgrade = await home.approved()
    reached = Reached(at=home.clock.now(), region=US, use="writer", vantage=US, version="18.4.1")
    await home.upgrades.append_once(upgrade.id, "reached", reached)
    return upgrade


async def foretell(home: Home, upgrade: Upgrade) -> None:
    at, asked = home.clock.now(), upgrade.forecast_wanted
    entry = Forecast(at=at, region=US, vantage=US, asked_at=asked, outlook=Outlook(dropped=0))
    await home.upgrades.append_once(upgrade.id, f"forecast:{asked.isoformat()}", entry)


async def test_where_nobody_measures_the_writer_no_forecast_is_asked_for(home: Home) -> None:
    upgrade = await home.approved()
    other = Reached(at=home.clock.now(), region=AP, use="reader", vantage=AP, version="18.4.1")
    await home.upgrades.append_once(upgrade.id, "reached", other)
    assert (await home.drive(upgrade)).forecast_asked_at is None
    assert home.ordered == 1


async def test_the_order_waits_for_a_forecast_of_that_moment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", MINUTE)
    upgrade, telling = await watched(home), list[asyncio.Task[None]]()

    def asked(saved: Upgrade) -> None:
        if saved.forecast_asked_at and not telling:
            telling.append(asyncio.create_task(foretell(home, saved)))

    home.upgrades.after_save = asked
    async with asyncio.timeout(20):
        upgrade = await home.drive(upgrade)
    kinds = await home.upgrades.kinds(upgrade.id)
    assert kinds[:5] == ["proposed", "approved", "reached", "forecast", "intended"]
    assert home.ordered == 1


async def test_the_order_goes_on_without_a_forecast(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", SECOND / 4)
    upgrade = await watched(home)
    await foretell(home, upgrade)  # the one of the proposal
    upgrade = await home.drive(upgrade)
    assert upgrade.forecast_asked_at is not None
    assert home.ordered == 1


async def test_a_timeline_that_cannot_be_read_holds_no_order_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = await watched(home)

    async def away(*_: object, **__: object) -> None:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(home.upgrades, "timeline", away)
    await home.driver.turn(upgrade.id)
    assert home.ordered == 1


async def test_what_is_held_back_asks_for_no_forecast(home: Home) -> None:
    upgrade = await watched(home)
    home.orders.status = "modifying"
    home.clock.move(MINUTE)
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, upgrade.forecast_asked_at) == (Status.APPROVED, None)


async def test_a_forecast_is_asked_for_at_most_once_a_minute(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", SECOND / 10)
    upgrade = await watched(home)
    home.clock.move(SECOND)
    home.upgrades.after_save = lambda _: setattr(home.orders, "status", "modifying")  # what only the fresh look finds
    upgrade = await home.drive(upgrade)
    assert upgrade.status is Status.APPROVED
    first = upgrade.forecast_asked_at
    assert first is not None
    home.upgrades.mend()
    home.orders.status = "available"
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.forecast_asked_at) == (Status.UPGRADING, first)


async def test_an_approval_that_is_withdrawn_while_a_forecast_is_made_is_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", SECOND)
    upgrade, withdrawing = await watched(home), list[asyncio.Task[Upgrade]]()

    def asked(saved: Upgrade) -> None:
        if saved.forecast_asked_at and not withdrawing:
            withdrawing.append(asyncio.create_task(home.desk.withdraw(MINA, saved.id)))

    home.upgrades.after_save = asked
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
