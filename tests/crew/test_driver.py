"""The driver: what waits is reminded of or expires, and what is ordered ends as AWS shows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.driving import Patience
from bot.domain.ids import UserId
from bot.domain.status import Status
from bot.domain.timeline import Finished, Overdue
from bot.domain.upgrade import Upgrade
from tests.crew.house import ACCOUNT, AP, MINUTE, PATIENCE, SECOND, US, Death, Home, dies_at, ordered

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def test_what_is_not_approved_is_left_alone(home: Home) -> None:
    upgrade = await home.drive(await home.proposed(), turns=3)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)


async def test_an_upgrade_that_is_over_needs_no_turns(home: Home) -> None:
    upgrade = await home.desk.cancel(UserId("U0AKI"), (await home.approved()).id)
    assert await home.driver.turn(upgrade.id) is None
    assert home.ordered == 0


async def test_a_proposal_nobody_decides_expires(home: Home) -> None:
    upgrade = await home.proposed()
    home.clock.move(60 * MINUTE)
    assert (await home.drive(upgrade)).status is Status.EXPIRED


async def finished(home: Home, upgrade: Upgrade) -> Finished:
    """What is shown has to last for the settle time before it is believed."""
    upgrade = await home.drive(upgrade, turns=3, apart=10 * SECOND)
    assert upgrade.status is Status.UPGRADING
    upgrade = await home.drive(upgrade, turns=2, apart=10 * SECOND)
    end = await home.last(upgrade)
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
    end = await home.last(upgrade)
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
    home.aurora.away.add("orders")
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
