"""Reading AWS through a real socket: what is joined, paged and kept."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.rds import FRESH_FOR, RdsAurora
from bot.adapters.rds_parsing import MISSING, parse_global, version_of
from bot.adapters.rds_shelf import LEFT_ALONE
from bot.domain.targets import legal_targets
from bot.domain.topology import Role
from bot.domain.version import EngineVersion
from bot.ports.aurora import Aurora
from bot.ports.sharing import Cache
from sandbox.aurora import seed
from sandbox.aurora.catalogue import POSTGRES
from sandbox.aurora.state import GlobalCluster as Global
from tests.adapters.aws import AP, EU, NOW, US, Aws, Dead, Hung, Shared, orders

pytest_plugins = ["tests.adapters.aws_fixtures"]
pytestmark = pytest.mark.usefixtures("aws_environment")


def plays_the_role(aurora: RdsAurora) -> Aurora:
    return aurora


async def test_members_are_joined_from_their_own_regions(rds: RdsAurora) -> None:
    cluster = await orders(rds)
    writer, secondary = cluster.members
    assert (cluster.account, cluster.status, str(cluster.engine_version)) == ("123456789012", "available", "18.4")
    assert (writer.identifier, writer.region, writer.role) == ("orders-us", US, Role.WRITER)
    assert (secondary.identifier, secondary.region, secondary.role) == ("orders-ap", AP, Role.SECONDARY)
    assert (writer.synchronization, secondary.synchronization) == (None, "connected")
    assert [each.is_writer for each in writer.instances + secondary.instances] == [True, False]
    assert writer.instances[0].arn == "arn:aws:rds:us-east-1:123456789012:db:orders-us-1"
    assert writer.parameters == writer.instances[0].parameters == ("in-sync",)
    assert [each.key for each in cluster.endpoints] == ["us-east-1/writer", "ap-northeast-1/reader"]


async def test_the_writer_comes_first_wherever_it_is(rds: RdsAurora) -> None:
    archive = await rds.global_cluster("archive")
    assert archive is not None
    assert [(each.region, each.role, len(each.instances)) for each in archive.members] == [
        (EU, Role.WRITER, 1),
        (US, Role.SECONDARY, 0),
    ]


async def test_all_global_clusters_are_listed_mysql_too(rds: RdsAurora) -> None:
    shown = {each.identifier: each for each in await rds.global_clusters()}
    assert list(shown) == ["archive", "billing", "legacy-mysql", "orders", "sessions"]
    mysql = shown["legacy-mysql"]
    assert (mysql.engine, str(mysql.engine_version)) == ("aurora-mysql", "8.0")
    assert {str(each.engine_version) for each in mysql.members} == {"8.0"}
    assert {mysql.runs, *(each.runs for each in mysql.members)} == {"8.0.mysql_aurora.3.08.2"}
    assert shown["orders"].runs == "18.4"


async def test_the_names_are_known_without_asking_any_region(aws: Aws, rds: RdsAurora) -> None:
    assert await rds.names() == ("archive", "billing", "legacy-mysql", "orders", "sessions")
    assert aws.count() == {"DescribeGlobalClusters us-east-1": 1}


async def test_of_some_clusters_only_their_own_regions_are_asked(aws: Aws, rds: RdsAurora) -> None:
    assert [each.identifier for each in await rds.global_clusters({"orders", "sessions"})] == ["orders", "sessions"]
    assert {call.region for call in aws.calls} == {US, AP}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("18.6", "18.6"),
        ("18.6.1", "18.6.1"),
        ("16.9-limitless", "16.9"),
        ("8.0.mysql_aurora.3.05.2", "8.0"),
        ("5.6.10a", "5.6.10"),
        ("5.0", "5.0"),
        ("1.3.2.1", "1.3.2"),
        ("16", "16.0"),
        ("", "0.0"),
        ("next", "0.0"),
    ],
)
def test_an_odd_version_is_read_as_far_as_it_goes(text: str, version: str) -> None:
    assert version_of(text) == EngineVersion.parse(version)


async def test_every_page_is_read(aws: Aws, rds: RdsAurora) -> None:
    for number in range(230):
        member = seed.paper(f"many-{number:03}", US, POSTGRES, "18.4", 1)
        aws.account.globals.append(Global(f"many-{number:03}", POSTGRES, "18.4", [member]))
    found = await rds.global_clusters()
    assert len(found) == 235
    assert all(len(each.members[0].instances) == 1 for each in found if each.identifier.startswith("many"))
    assert aws.count()["DescribeGlobalClusters us-east-1"] == 3
    assert aws.count()["DescribeDBInstances us-east-1"] == 3


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_name_is_found_in_any_case_and_an_unknown_one_is_none(rds: RdsAurora, fresh: bool) -> None:
    found = await rds.global_cluster("ORDERS", fresh=fresh)
    assert found is not None
    assert found.identifier == "orders"
    assert await rds.global_cluster("order", fresh=fresh) is None


async def test_a_member_that_its_region_does_not_show_is_shown_as_missing(aws: Aws, rds: RdsAurora) -> None:
    aws.moods["DescribeDBClusters"] = lambda call: {"DBClusters": []} if call.region == AP else None
    cluster = await orders(rds)
    gone = cluster.members[1]
    assert (gone.identifier, gone.region, gone.status, gone.endpoint) == ("orders-ap", AP, MISSING, None)
    assert [each.identifier for each in gone.instances] == ["orders-ap-1"]


def test_a_switchover_going_on_is_shown_and_an_empty_state_is_none() -> None:
    arn = "arn:aws:rds::123456789012:global-cluster:orders"
    bare = parse_global({"GlobalClusterIdentifier": "orders", "GlobalClusterArn": arn, "FailoverState": {}})
    assert (bare.failover, bare.members, bare.version) == (None, (), "")
    busy = parse_global(
        {"GlobalClusterIdentifier": "orders", "GlobalClusterArn": arn, "FailoverState": {"Status": "failing-over"}}
    )
    assert busy.failover == "failing-over"


async def test_offers_per_region(aws: Aws, rds: RdsAurora) -> None:
    offers = await rds.offers(await orders(rds))
    assert set(offers) == {US, AP}
    assert {each.version for each in offers[US]} >= {"18.6", "18.6-limitless", "19.1"}
    assert legal_targets(offers) == (EngineVersion(18, 6),)
    asked = next(call for call in aws.calls if call.operation == "DescribeDBEngineVersions")
    assert asked.params["IncludeAll"] in (True, "true")


async def test_offers_are_those_that_all_regions_have(rds: RdsAurora) -> None:
    billing = await rds.global_cluster("billing")
    assert billing is not None
    offers = await rds.offers(billing)
    assert "17.11" in {each.version for each in offers[US]}
    assert legal_targets(offers) == (EngineVersion(17, 10),)


async def test_offers_to_mysql_are_asked_for_with_its_whole_version(rds: RdsAurora) -> None:
    mysql = await rds.global_cluster("legacy-mysql")
    assert mysql is not None
    offers = await rds.offers(mysql)
    assert "8.0.mysql_aurora.3.10.1" in {each.version for each in offers[EU]}


async def test_offers_are_kept_much_longer_than_states(aws: Aws) -> None:
    rds = RdsAurora(US, Shared(), timedelta(0))
    cluster = await orders(rds)
    await rds.offers(cluster)
    await rds.offers(cluster)
    assert aws.count()["DescribeDBEngineVersions us-east-1"] == 1
    await rds.close()


async def test_ten_looks_within_the_time_are_one_round_of_calls(aws: Aws) -> None:
    shared = Shared()
    one, other = RdsAurora(US, shared, FRESH_FOR), RdsAurora(US, shared, FRESH_FOR)
    await asyncio.gather(*(orders(one) for _ in range(5)))
    for _ in range(5):
        assert await orders(other) == await orders(one)
    assert aws.count() == {
        "DescribeGlobalClusters us-east-1": 1,
        "DescribeDBClusters us-east-1": 1,
        "DescribeDBInstances us-east-1": 1,
        "DescribeDBClusters ap-northeast-1": 1,
        "DescribeDBInstances ap-northeast-1": 1,
    }
    await one.close()
    await other.close()


async def test_a_fresh_look_sees_what_the_cache_does_not_and_leaves_it_there(aws: Aws, rds: RdsAurora) -> None:
    await orders(rds)
    aws.account.clusters(AP)[0].status = "upgrading"
    assert (await orders(rds)).members[1].status == "available"
    fresh = await rds.global_cluster("orders", fresh=True)
    assert fresh is not None
    assert fresh.members[1].status == "upgrading"
    assert (await orders(rds)).members[1].status == "upgrading"


async def test_many_fresh_looks_at_once_are_one(aws: Aws, rds: RdsAurora) -> None:
    looks = await asyncio.gather(*(rds.global_cluster("orders", fresh=True) for _ in range(20)))
    assert all(each == looks[0] for each in looks)
    assert set(aws.count().values()) == {1}


async def test_after_its_time_the_answer_is_asked_for_again(aws: Aws) -> None:
    rds = RdsAurora(US, Shared(), timedelta(milliseconds=50))
    await orders(rds)
    await asyncio.sleep(0.1)
    await orders(rds)
    assert aws.count()["DescribeGlobalClusters us-east-1"] == 2
    await rds.close()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kind", ["dead", "garbled"])
async def test_a_cache_without_use_does_not_stop_reading(kind: str) -> None:
    garbled = Shared()
    garbled.kept = {key: (time.monotonic() + 60, "[{") for key in ("rds:globals", "rds:region:us-east-1")}
    cache: Cache = Dead() if kind == "dead" else garbled
    rds = RdsAurora(US, cache, FRESH_FOR)
    assert len((await orders(rds)).members) == 2
    await rds.close()


@pytest.mark.usefixtures("aws")
async def test_a_cache_that_hangs_is_waited_for_once_and_then_left_alone() -> None:
    hung = Hung()
    rds = RdsAurora(US, hung, FRESH_FOR)
    await rds.prepare()  # to make a client takes its time, and that is not what is measured
    began = time.monotonic()
    for _ in range(3):
        assert len((await orders(rds)).members) == 2
    assert time.monotonic() - began < LEFT_ALONE.total_seconds()
    assert hung.asked == 1
    await rds.close()


async def test_a_question_outlives_the_one_who_asked_first(aws: Aws, rds: RdsAurora) -> None:
    aws.moods["DescribeGlobalClusters"] = lambda _: time.sleep(0.3)
    first, second = asyncio.create_task(orders(rds)), asyncio.create_task(orders(rds))
    await asyncio.sleep(0.1)
    first.cancel()
    assert (await second).identifier == "orders"
    assert aws.count()["DescribeGlobalClusters us-east-1"] == 1


async def test_the_loop_goes_on_while_aws_takes_its_time(aws: Aws, rds: RdsAurora) -> None:
    await orders(rds)
    aws.moods["DescribeEvents"] = lambda _: time.sleep(0.5)
    asking = asyncio.create_task(rds.events(US, NOW, datetime.now(UTC)))
    longest = 0.0
    while not asking.done():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began)
    assert longest < 0.4
