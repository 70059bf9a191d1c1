"""The order: given once, whatever dies and whenever."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.crew import ordering
from bot.domain.errors import Conflict, Unavailable
from bot.domain.rds_events import RdsEvent
from bot.domain.status import Status
from bot.domain.timeline import Intended, NotOrdered, Ordered, RdsSaid
from bot.domain.upgrade import Upgrade
from bot.ports.aurora import NoAnswer, OrderAnswer
from sandbox.aurora.modifying import NOT_ROLLED_OUT
from tests.crew.house import MINA, MINUTE, PATIENCE, SECOND, STARTED, US, Death, Home, dies_at

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


MAJOR_ONLY = (
    "ModifyGlobalCluster only supports Major Version Upgrades. To patch the members of your global cluster to a newer "
    "minor version you need to call ModifyDbCluster in each one of them."
)


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


def dies(*_: object) -> None:
    raise Death


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
    end = await home.last(upgrade)
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
    end = await home.last(upgrade)
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
    end = await home.last(upgrade)
    assert isinstance(end, NotOrdered)
    assert end.message == NOT_ROLLED_OUT


@pytest.mark.parametrize(
    ("code", "message"),
    [("InvalidParameterValue", NOT_ROLLED_OUT), ("InvalidParameterCombination", MAJOR_ONLY)],
)
async def test_a_refusal_of_aws_is_told_in_its_words(home: Home, code: str, message: str) -> None:
    home.aws.refuse("ModifyGlobalCluster", code, message)
    upgrade = await home.drive(await home.approved(), turns=3)
    assert (upgrade.status, home.ordered) == (Status.REFUSED, 1)
    end = await home.last(upgrade)
    assert isinstance(end, NotOrdered)
    assert (end.code, end.message) == (code, message)
