"""People take back: an approval, a proposal of their own, or that of another."""

import asyncio

from bot.adapters.policy_file import PolicyFile
from bot.domain.errors import Refused
from bot.domain.status import Status
from bot.domain.timeline import Cancelled, Declined
from tests.crew.house import AKI, MINA, OLA, REN, Home, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def test_a_withdrawn_approval_orders_nothing(home: Home) -> None:
    upgrade = await home.approved()
    upgrade = await home.desk.withdraw(MINA, upgrade.id)
    assert ((await home.drive(upgrade, turns=3)).status, home.ordered) == (Status.PROPOSED, 0)
    assert "nothing to withdraw" in (await refused(home.desk.withdraw(REN, upgrade.id))).sentence


async def test_an_approver_declines_and_the_proposer_cancels(home: Home) -> None:
    declined = await home.desk.decline(REN, (await home.approved()).id)
    assert declined.status is Status.DECLINED
    await home.proposed()
    cancelled = await home.desk.cancel_cluster(AKI, "ORDERS")
    assert cancelled.status is Status.CANCELLED
    assert await home.upgrades.kinds(declined.id) == ["proposed", "approved", "declined"]


async def test_who_may_not_take_it_back(home: Home) -> None:
    home.rule("S0DBA", AKI)
    upgrade = await home.proposed()
    assert "use Cancel" in (await refused(home.desk.decline(AKI, upgrade.id))).sentence
    for asking in (home.desk.decline(OLA, upgrade.id), home.desk.cancel(OLA, upgrade.id)):
        assert "not one of the approvers" in (await refused(asking)).sentence
    assert await home.is_untouched(upgrade)


async def test_after_the_order_nobody_takes_it_back(home: Home) -> None:
    upgrade = await home.drive(await home.approved())
    assert upgrade.status is Status.UPGRADING
    for asking in (home.desk.cancel(AKI, upgrade.id), home.desk.cancel(OLA, upgrade.id), home.approve(REN, upgrade)):
        assert "AWS has no cancel" in (await refused(asking)).sentence
    assert await home.read(upgrade) == upgrade


async def test_a_cancel_and_the_order_in_the_same_moment(home: Home) -> None:
    """Whichever is saved first holds: never both."""
    upgrade = await home.approved()
    cancel, _ = await asyncio.gather(
        home.desk.cancel(AKI, upgrade.id), home.driver.turn(upgrade.id), return_exceptions=True
    )
    saved = await home.read(upgrade)
    assert (saved.status, home.ordered) == (
        (Status.UPGRADING, 1) if isinstance(cancel, Refused) else (Status.CANCELLED, 0)
    )


async def test_who_says_no_leaves_the_rule_that_let_them(home: Home) -> None:
    upgrade = await home.proposed()
    rule = PolicyFile(home.policy).policy().rule_for(upgrade.cluster)
    await home.desk.cancel(REN, upgrade.id)
    told = await home.upgrades.last(upgrade.id)
    assert isinstance(told, Cancelled)
    assert told.rule == rule
    again = await home.desk.decline(REN, (await home.proposed()).id)
    told = await home.upgrades.last(again.id)
    assert isinstance(told, Declined)
    assert told.rule == rule


async def test_a_suggestion_that_cannot_be_had_is_left_out(home: Home) -> None:
    home.aws.refuse("DescribeGlobalClusters", "AccessDenied", "not authorized")
    no = await refused(home.desk.cancel_cluster(AKI, "ordres"))
    assert no.sentence == "`ordres` has no open upgrade to cancel."
