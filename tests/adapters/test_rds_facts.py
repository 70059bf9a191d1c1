"""What preflight and the watcher read of AWS: each fact by itself, and every event of a window."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.rds import FRESH_FOR, RdsAurora
from bot.domain.ids import Region
from bot.domain.preflight import Maintenance, Unread
from sandbox.aurora.asking import Answer, Call
from sandbox.aurora.state import RdsEvent as Said
from tests.adapters.aws import AP, DENIED, EU, NOW, US, Aws, orders

pytest_plugins = ["tests.adapters.aws_fixtures"]
pytestmark = pytest.mark.usefixtures("aws_environment")


async def test_facts(rds: RdsAurora) -> None:
    billing = await rds.global_cluster("billing")
    assert billing is not None
    facts = await rds.facts(billing)
    assert isinstance(facts.snapshot_at, datetime)
    assert timedelta(hours=1) < datetime.now(UTC) - facts.snapshot_at < timedelta(hours=3)
    assert isinstance(facts.maintenance, tuple)
    assert {(each.resource, each.region, each.action) for each in facts.maintenance} == {
        ("billing-us", US, "system-update"),
        ("billing-eu", EU, "system-update"),
    }
    assert facts.blue_green == ()
    assert facts.rpo == {US: -1, EU: -1}


async def test_facts_that_stand_in_the_way(aws: Aws, rds: RdsAurora) -> None:
    cluster = await orders(rds)
    soon = datetime(2026, 4, 11, 7, 0, tzinfo=UTC)
    details = [{"Action": "os-upgrade", "CurrentApplyDate": soon}]
    aws.moods |= {
        "DescribePendingMaintenanceActions": lambda call: _in(call, US, "PendingMaintenanceActions", [
            {"ResourceIdentifier": cluster.members[0].instances[0].arn, "PendingMaintenanceActionDetails": details},
            {"ResourceIdentifier": "arn:aws:rds:us-east-1:123456789012:cluster:other", "PendingMaintenanceActionDetails": details},
        ]),
        "DescribeBlueGreenDeployments": lambda call: _in(call, AP, "BlueGreenDeployments", [
            {"BlueGreenDeploymentName": "try-19", "Source": cluster.members[1].arn, "Status": "AVAILABLE"},
            {"BlueGreenDeploymentName": "other", "Source": "arn:aws:rds:ap-northeast-1:123456789012:cluster:other"},
        ]),
        "DescribeDBClusterParameters": lambda call: _in(call, US, "Parameters", [
            {"ParameterName": "rds.global_db_rpo", "ParameterValue": "60", "Source": "user"},
        ]),
    }  # fmt: skip
    facts = await rds.facts(cluster)
    assert facts.maintenance == (Maintenance(resource="orders-us-1", region=US, action="os-upgrade", applies_at=soon),)
    assert facts.blue_green == ("try-19",)
    assert facts.rpo == {US: 60, AP: -1}


def _in(call: Call, region: Region, key: str, items: list[Answer]) -> Answer:
    return {key: items if call.region == region else []}


async def test_only_finished_snapshots_count_and_none_is_none(aws: Aws, rds: RdsAurora) -> None:
    aws.moods["DescribeDBClusterSnapshots"] = lambda _: {
        "DBClusterSnapshots": [{"DBClusterSnapshotIdentifier": "s", "Status": "creating", "SnapshotCreateTime": NOW}]
    }
    facts = await rds.facts(await orders(rds))
    assert facts.snapshot_at is None


@pytest.mark.parametrize(
    ("operation", "fact"),
    [
        ("DescribeDBClusterSnapshots", "snapshot_at"),
        ("DescribePendingMaintenanceActions", "maintenance"),
        ("DescribeBlueGreenDeployments", "blue_green"),
        ("DescribeDBClusterParameters", "rpo"),
    ],
)
async def test_a_denied_fact_is_unread_and_the_others_are_read(
    aws: Aws, rds: RdsAurora, operation: str, fact: str
) -> None:
    cluster = await orders(rds)
    aws.refuse(operation, "AccessDenied", DENIED, US)
    facts = await rds.facts(cluster)
    unread = {
        name for name in ("snapshot_at", "maintenance", "blue_green", "rpo") if isinstance(getattr(facts, name), Unread)
    }
    assert unread == {fact}
    assert getattr(facts, fact).why == f"AccessDenied from AWS RDS in us-east-1: {DENIED}"


async def test_facts_without_a_writer_or_with_an_unreadable_number_are_unread(aws: Aws, rds: RdsAurora) -> None:
    cluster = await orders(rds)
    aws.moods["DescribeDBClusterParameters"] = lambda _: {
        "Parameters": [{"ParameterName": "rds.global_db_rpo", "ParameterValue": "{formula}"}]
    }
    facts = await rds.facts(cluster.model_copy(update={"members": cluster.members[1:]}))
    assert isinstance(facts.snapshot_at, Unread)
    assert isinstance(facts.rpo, Unread)


async def test_events_of_the_window_all_pages_by_date(aws: Aws, rds: RdsAurora) -> None:
    arn = "arn:aws:rds:us-east-1:123456789012:cluster:orders-us"
    now = datetime.now(UTC).replace(microsecond=123000)
    aws.account.events[:] = [
        Said(US, "db-cluster", "orders-us", arn, f"text {number}", ("maintenance",) if number % 2 else (), now - timedelta(seconds=number))
        for number in range(240)
    ] + [Said(AP, "db-instance", "orders-ap-1", "arn:ap", "elsewhere", (), now)]  # fmt: skip
    events = await rds.events(US, now - timedelta(seconds=219), now)
    assert len(events) == 220
    assert [each.at for each in events] == sorted(each.at for each in events)
    last = events[-1]
    assert (last.at, last.message, last.source, last.source_identifier) == (now, "text 0", "cluster", "orders-us")
    assert (last.arn, last.region, last.categories, events[-2].categories) == (arn, US, (), ("maintenance",))
    assert aws.count() == {"DescribeEvents us-east-1": 3}
    assert not {"SourceType", "SourceIdentifier", "EventCategories", "Filters"} & aws.calls[0].params.keys()
    assert [each.source for each in await rds.events(AP, now - FRESH_FOR, now)] == ["instance"]


async def test_an_event_on_two_pages_is_one_and_twins_on_one_page_are_two(aws: Aws, rds: RdsAurora) -> None:
    """While events arrive, the pages of a window shift; and a source does say the same twice."""
    one, twin = (
        {
            "SourceArn": "arn:us",
            "SourceIdentifier": "orders-us",
            "SourceType": "db-cluster",
            "Message": text,
            "Date": NOW,
        }
        for text in ("one", "twin")
    )
    pages: dict[str | None, Answer] = {
        None: {"Events": [twin, twin, one], "Marker": "2"},
        "2": {"Events": [one, twin]},
    }
    aws.moods["DescribeEvents"] = lambda call: pages[call.params.get("Marker")]
    assert [each.message for each in await rds.events(US, NOW, NOW)] == ["one", "twin", "twin"]
