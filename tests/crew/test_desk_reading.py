"""People look: what there is, how it stands, and what is over."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.desk import Desk
from bot.domain.answered import History, Past, Standing
from bot.domain.errors import Unavailable
from bot.domain.ids import UserId
from bot.domain.preflight import Unread
from bot.domain.timeline import Cancelled
from bot.domain.upgrade import Upgrade
from bot.ports.upgrades import Told
from sandbox.aurora.catalogue import POSTGRES
from sandbox.aurora.seed import paper
from sandbox.aurora.state import GlobalCluster as Shown
from tests.crew.house import ACCOUNT, AKI, BOTTO, GUS, LINK, REN, STRANGER, US, Home, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def test_the_catalogue_and_one_of_it(home: Home) -> None:
    upgrade = await home.proposed()
    await home.upgrades.set_told(upgrade.id, Told(permalink=LINK))
    assert [each.cluster.identifier for each in (await home.desk.clusters()).listed] == [
        "archive", "billing", "legacy-mysql", "orders", "sessions",
    ]  # fmt: skip
    shown = await home.desk.show("ORDERS")
    assert (list(map(str, shown.targets)), shown.targets_unread) == (["18.6"], None)
    assert (shown.open_upgrade, shown.link) == (upgrade, LINK)
    mysql = await home.desk.show("legacy-mysql")
    assert (mysql.targets, mysql.targets_unread, mysql.open_upgrade) == ((), None, None)


async def test_the_list_tells_of_each_where_it_can_go_and_what_waits(home: Home) -> None:
    listed = {each.cluster.identifier: each for each in (await home.desk.clusters()).listed}
    assert {name: [*map(str, each.targets)] for name, each in listed.items() if not isinstance(each.targets, Unread)} == {
        "archive": ["16.10"], "billing": ["17.10"], "legacy-mysql": [], "orders": ["18.6"], "sessions": ["17.10"],
    }  # fmt: skip
    pending = listed["billing"].maintenance
    assert not isinstance(pending, Unread)
    assert [each.resource for each in pending] == ["billing-eu", "billing-us"]
    assert listed["orders"].maintenance == ()


async def test_a_long_list_asks_by_regions_and_versions_and_for_its_page_only(home: Home) -> None:
    for number in range(30):
        home.aws.account.globals.append(
            Shown(f"db-{number:02}", POSTGRES, "18.4", [paper(f"db-{number:02}-us", US, POSTGRES, "18.4", 1)])
        )
    second = await home.desk.clusters(2)
    assert (len(second.listed), second.pages, second.more) == (15, 2, 0)
    assert [*map(str, second.listed[0].targets)] == ["18.6"]
    asked = home.aws.count()
    assert asked["DescribePendingMaintenanceActions us-east-1"] == 1
    assert {times for call, times in asked.items() if call.startswith("DescribeDBEngineVersions")} == {2}, "18.4, 17.9"
    assert {times for call, times in asked.items() if not call.startswith("DescribeDBEngineVersions")} == {1}
    assert (await home.desk.clusters(3)).listed == ()


async def test_what_the_list_cannot_know_is_named_by_its_code(home: Home) -> None:
    home.aws.refuse("DescribeDBClusters", "AccessDenied", "not authorized", region="eu-central-1")
    home.aws.refuse("DescribePendingMaintenanceActions", "ThrottlingException", "Rate exceeded")
    listed = {each.cluster.identifier: each for each in (await home.desk.clusters()).listed}
    assert listed["billing"].targets == listed["billing"].maintenance == Unread(why="AccessDenied")
    assert listed["orders"].targets != ()
    assert listed["orders"].maintenance == Unread(why="ThrottlingException")


async def test_a_region_that_cannot_be_read_takes_no_suggestion_away(home: Home) -> None:
    home.aws.refuse("DescribeDBClusters", "AccessDenied", "not authorized", region="eu-central-1")
    assert "Did you mean `orders`?" in (await refused(home.desk.show("ordres"))).sentence


async def test_targets_that_cannot_be_read_do_not_hide_the_rest(home: Home) -> None:
    home.aws.refuse("DescribeDBEngineVersions", "AccessDenied", "not authorized")
    shown = await home.desk.show("orders")
    assert shown.cluster.identifier == "orders"
    assert "AccessDenied" in str(shown.targets_unread)


async def test_how_it_stands(home: Home) -> None:
    desk: Desk = home.desk
    assert await desk.status(None) == await desk.status("orders") == ()
    assert "Did you mean `orders`?" in (await refused(desk.status("order"))).sentence
    upgrade = await home.proposed()
    await home.upgrades.set_told(upgrade.id, Told(permalink=LINK))
    assert await desk.status(None) == await desk.status("Orders") == (Standing(upgrade, LINK),)
    over = await desk.cancel(AKI, upgrade.id)
    assert await desk.status(None) == ()
    assert await desk.status("orders") == (Standing(over, LINK),)
    home.clock.move(timedelta(seconds=1))
    again = await home.proposed()
    assert [each.upgrade for each in await desk.status("orders")] == [again]
    assert (await home.upgrades.open_for(ACCOUNT, "orders")) == again


async def test_what_cannot_be_read_is_not_called_nothing(home: Home, raw: Redis) -> None:
    upgrade = await home.proposed()
    await raw.hset(f"{{aurora}}:upgrade:{upgrade.id}", "saved", "{}")
    for asking in (home.desk.status(None), home.desk.status("orders"), home.desk.cancel_cluster(AKI, "orders")):
        with pytest.raises(Unavailable, match=f"the record of {upgrade.id} cannot be read"):
            await asking


async def over(home: Home, cluster: str = "orders") -> Upgrade:
    home.clock.move(timedelta(seconds=1))
    return await home.desk.cancel(AKI, (await home.proposed(cluster)).id)


async def test_what_is_over_is_told_newest_first_with_how_it_ended(home: Home) -> None:
    assert await home.desk.history(REN, None) == await home.desk.history(REN, "orders") == History((), 0, counted=True)
    first, second = await over(home), await over(home)
    still_open = await home.proposed()
    await home.upgrades.set_told(first.id, Told(permalink=LINK))
    ending = (await home.upgrades.entries(first.id))[-1]
    assert ending == Cancelled(at=ending.at, by=AKI)
    past, before = (await home.desk.history(REN, "Orders")).past
    assert (past.upgrade, before) == (second, Past(first, ending, LINK))
    assert still_open not in [each.upgrade for each in (await home.desk.history(REN, None)).past]
    await home.desk.cancel(AKI, still_open.id)
    for _ in range(9):
        await over(home)
    found = await home.desk.history(REN, "orders")
    assert (len(found.past), found.more, found.counted) == (10, 2, True)


async def test_history_of_a_name_that_was_mistyped_and_of_what_cannot_be_read(home: Home, raw: Redis) -> None:
    assert "Did you mean `orders`?" in (await refused(home.desk.history(REN, "ordres"))).sentence
    past = await over(home)
    await raw.xadd(f"{{aurora}}:timeline:{past.id}", {"entry": "no JSON"})
    assert (await home.desk.history(REN, None)).past == (Past(past, None, None),)
    await raw.hset(f"{{aurora}}:upgrade:{past.id}", "saved", "no JSON")
    with pytest.raises(Unavailable, match="cannot be read"):
        await home.desk.history(REN, "orders")


@pytest.mark.parametrize("who", [GUS, BOTTO, STRANGER])
async def test_history_is_for_members_of_the_workspace(home: Home, who: UserId) -> None:
    await over(home)
    assert (await refused(home.desk.history(who, None))).sentence
