"""The RDS wire, as boto3 and the AWS CLI see it, over a control plane whose cluster addresses lead nowhere."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aurora import seed
from sandbox.aurora.asking import AwsError
from sandbox.aurora.catalogue import EngineVersion
from sandbox.aurora.control_plane import ControlPlane
from sandbox.aurora.modifying import NOT_ROLLED_OUT
from sandbox.aurora.seed import EUROPE, SECONDARY, WRITER, Address
from sandbox.aurora.state import GlobalCluster, Order
from sandbox.aurora.wire import served
from sandbox.aurora.world import unplayable

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

AWS = Path(sys.executable).with_name("aws")
NOSUCH = "arn:aws:rds:us-east-1:123456789012:cluster:nosuch"
SIGNED = "AWS4-HMAC-SHA256 Credential=AK/20260411/us-east-1/rds/aws4_request, SignedHeaders=host, Signature=0"


class Plane:
    """A served control plane, whose orders are noted and not carried out."""

    def __init__(self) -> None:
        addresses = {WRITER: Address("127.0.0.1", 5501), SECONDARY: Address("127.0.0.1", 5502)}
        self.account = seed.account(addresses, "18.4")
        self.carried_out: list[Order] = []
        self.objection: AwsError | None = None
        self.control = ControlPlane(self.account, self.carried_out.append, self.object)
        self.url = ""

    def object(self, given: GlobalCluster, target: EngineVersion) -> AwsError | None:
        return self.objection or unplayable(given, target)

    def client(self, region: str = WRITER) -> "RDSClient":
        return boto3.client(
            "rds", region_name=region, endpoint_url=self.url, aws_access_key_id="any", aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def refusal(self, **request: Any) -> tuple[str, str, int]:
        """What ModifyGlobalCluster answers to a request that it must not accept."""
        with pytest.raises(ClientError) as refused:
            self.client().modify_global_cluster(**request)
        error, meta = refused.value.response["Error"], refused.value.response["ResponseMetadata"]
        return error["Code"], error["Message"], meta["HTTPStatusCode"]


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[str, list[Plane]]]:
    """One server for all; whoever entered last answers."""
    planes: list[Plane] = []
    with served(lambda call: planes[-1].control.answer(call)) as url:
        yield url, planes


@pytest.fixture
def plane(stage: tuple[str, list[Plane]]) -> Plane:
    url, planes = stage
    planes.append(Plane())
    planes[-1].url = url
    return planes[-1]


def test_every_region_lists_the_global_clusters_and_their_members(plane: Plane) -> None:
    here = plane.client(WRITER).describe_global_clusters()["GlobalClusters"]
    there = plane.client(EUROPE).describe_global_clusters()["GlobalClusters"]
    assert here == there
    assert [each["GlobalClusterIdentifier"] for each in here] == [
        "orders", "billing", "legacy-mysql", "sessions", "archive",
    ]  # fmt: skip
    writer, secondary = here[0]["GlobalClusterMembers"]
    assert (writer["IsWriter"], secondary["IsWriter"]) == (True, False)
    assert writer["Readers"] == [secondary["DBClusterArn"]]
    assert secondary["DBClusterArn"] == f"arn:aws:rds:{SECONDARY}:123456789012:cluster:orders-ap"


def test_a_global_cluster_is_found_by_name_or_region_or_not_at_all(plane: Plane) -> None:
    rds = plane.client()
    (orders,) = rds.describe_global_clusters(GlobalClusterIdentifier="Orders")["GlobalClusters"]
    assert (orders["Status"], orders["Engine"], orders["EngineVersion"]) == ("available", "aurora-postgresql", "18.4")
    asian = rds.describe_global_clusters(Filters=[{"Name": "region", "Values": [SECONDARY]}])["GlobalClusters"]
    assert {each["GlobalClusterIdentifier"] for each in asian} == {"orders", "sessions"}
    with pytest.raises(rds.exceptions.GlobalClusterNotFoundFault) as unknown:
        rds.describe_global_clusters(GlobalClusterIdentifier="nope")
    assert unknown.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_clusters_and_instances_belong_to_their_region(plane: Plane) -> None:
    rds = plane.client(SECONDARY)
    named = rds.describe_db_clusters(DBClusterIdentifier="orders-ap")["DBClusters"]
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=named[0]["DBClusterArn"])["DBClusters"]
    assert (cluster["Endpoint"], cluster["Port"], cluster["Status"]) == ("127.0.0.1", 5502, "available")
    (member,) = cluster["DBClusterMembers"]
    assert (member["DBInstanceIdentifier"], member["IsClusterWriter"]) == ("orders-ap-1", False)
    with pytest.raises(rds.exceptions.DBClusterNotFoundFault):
        rds.describe_db_clusters(DBClusterIdentifier="orders-us")

    of_orders = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": ["orders-ap"]}])
    (instance,) = of_orders["DBInstances"]
    assert (instance["DBInstanceStatus"], instance["EngineVersion"]) == ("available", "18.4")
    assert instance["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    with pytest.raises(rds.exceptions.DBInstanceNotFoundFault):
        rds.describe_db_instances(DBInstanceIdentifier="orders-us-1")


def test_what_a_version_can_become_differs_between_regions(plane: Plane) -> None:
    def minors(region: str) -> list[str]:
        (version,) = plane.client(region).describe_db_engine_versions(Engine="aurora-postgresql", EngineVersion="17.9")[
            "DBEngineVersions"
        ]
        targets = version["ValidUpgradeTarget"]
        return [t["EngineVersion"] for t in targets if not t["IsMajorVersionUpgrade"] and t["SupportsGlobalDatabases"]]

    assert minors(WRITER) == ["17.10", "17.11"]
    assert minors(EUROPE) == ["17.10"]
    (orders,) = plane.client().describe_db_engine_versions(EngineVersion="18.4")["DBEngineVersions"]
    assert {t["EngineVersion"]: (t["IsMajorVersionUpgrade"], t["SupportsGlobalDatabases"]) for t in orders["ValidUpgradeTarget"]} == {
        "18.5": (False, False), "18.6": (False, True), "18.6-limitless": (False, False), "19.1": (True, True),
    }  # fmt: skip


def test_a_version_that_is_no_longer_offered_must_be_asked_for(plane: Plane) -> None:
    rds = plane.client()
    assert rds.describe_db_engine_versions(EngineVersion="16.1")["DBEngineVersions"] == []
    (found,) = rds.describe_db_engine_versions(EngineVersion="16.1", IncludeAll=True)["DBEngineVersions"]
    assert found["Status"] == "deprecated"


def test_events_are_regional_windowed_paged_and_dated_to_the_millisecond(plane: Plane) -> None:
    rds = plane.client()
    assert rds.describe_events()["Events"] == []
    orders = plane.account.clusters(WRITER)[0]
    for number in range(45):
        plane.account.say(orders, f"number {number}")
    plane.account.say(orders, "of the instance", "availability", instance=orders.instances[0])

    pages = list(
        rds.get_paginator("describe_events").paginate(SourceType="db-cluster", PaginationConfig={"PageSize": 20})
    )
    assert [len(page["Events"]) for page in pages] == [20, 20, 5]
    first, last = pages[0]["Events"][0], pages[2]["Events"][-1]
    assert (first["Message"], last["Message"]) == ("number 0", "number 44")
    assert first["Date"].microsecond % 1000 == 0
    assert first["Date"] == plane.account.events[-46].date
    (restart,) = rds.describe_events(SourceType="db-instance", SourceIdentifier="orders-us-1")["Events"]
    assert (restart["EventCategories"], restart["SourceArn"]) == (
        ["availability"],
        "arn:aws:rds:us-east-1:123456789012:db:orders-us-1",
    )
    assert plane.client(SECONDARY).describe_events()["Events"] == []  # fmt: skip


def test_a_window_of_events_is_given_by_its_start_its_end_or_its_length(plane: Plane) -> None:
    rds, now = plane.client(), datetime.now(UTC)
    orders = plane.account.clusters(WRITER)[0]
    plane.account.say(orders, "just now")
    assert len(rds.describe_events(StartTime=now - timedelta(minutes=1))["Events"]) == 1
    assert rds.describe_events(StartTime=now + timedelta(minutes=1), EndTime=now + timedelta(minutes=2))["Events"] == []
    assert rds.describe_events(EndTime=now - timedelta(seconds=5))["Events"] == []
    assert len(rds.describe_events(Duration=20_160)["Events"]) > 20
    for wrong, code in (
        ({"SourceIdentifier": "orders-us"}, "InvalidParameterCombination"),
        ({"StartTime": now, "EndTime": now - timedelta(hours=1)}, "InvalidParameterCombination"),
        ({"MaxRecords": 5}, "InvalidParameterValue"),
        ({"Marker": "?"}, "InvalidParameterValue"),
    ):
        with pytest.raises(ClientError) as refused:
            rds.describe_events(**wrong)
        assert refused.value.response["Error"]["Code"] == code


def test_preflight_can_read_maintenance_snapshots_deployments_and_parameters(plane: Plane) -> None:
    rds = plane.client()
    (pending,) = rds.describe_pending_maintenance_actions()["PendingMaintenanceActions"]
    assert pending["ResourceIdentifier"].endswith("cluster:billing-us")
    assert pending["PendingMaintenanceActionDetails"][0]["Action"] == "system-update"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    recent = [
        each["DBClusterIdentifier"]
        for each in rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
        if each["SnapshotCreateTime"] > yesterday
    ]
    assert recent == ["billing-us"]
    assert rds.describe_blue_green_deployments()["BlueGreenDeployments"] == []
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="orders-us")["DBClusters"]
    group = cluster["DBClusterParameterGroup"]
    parameters = rds.describe_db_cluster_parameters(DBClusterParameterGroupName=group)["Parameters"]
    assert {each["ParameterName"]: each["ParameterValue"] for each in parameters}["rds.global_db_rpo"] == "-1"


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("describe_db_cluster_snapshots", {"DBClusterSnapshotIdentifier": "nosuch"}, "DBClusterSnapshotNotFoundFault"),
        ("describe_db_cluster_snapshots", {"DbClusterResourceId": "cluster-X"}, "InvalidParameterCombination"),
        ("describe_db_cluster_snapshots", {"Filters": [{"Name": "color", "Values": ["red"]}]}, "InvalidParameterValue"),
        ("describe_pending_maintenance_actions", {"ResourceIdentifier": NOSUCH}, "ResourceNotFoundFault"),
        (
            "describe_blue_green_deployments",
            {"BlueGreenDeploymentIdentifier": "bgd-1"},
            "BlueGreenDeploymentNotFoundFault",
        ),
        ("describe_db_engine_versions", {"ListSupportedTimezones": True}, "InvalidParameterCombination"),
        ("describe_events", {"Filters": [{"Name": "region", "Values": [WRITER]}]}, "InvalidParameterValue"),
        ("describe_events", {"Duration": 20_161}, "InvalidParameterValue"),
        ("describe_db_clusters", {"Filters": [{"Name": "engine", "Values": []}]}, "InvalidParameterValue"),
        ("modify_global_cluster", {"GlobalClusterIdentifier": "orders", "EngineVersion": ""}, "InvalidParameterValue"),
    ],
)
def test_what_it_cannot_answer_truly_it_refuses(
    plane: Plane, operation: str, parameters: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(plane.client(), operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code
    assert plane.account.orders == []


def test_names_and_filters_are_not_case_sensitive(plane: Plane) -> None:
    rds = plane.client()
    plane.account.say(plane.account.clusters(WRITER)[0], "just now")
    (event,) = rds.describe_events(SourceType="db-cluster", SourceIdentifier="Orders-US")["Events"]
    assert event["Message"] == "just now"
    (cluster,) = rds.describe_db_clusters(Filters=[{"Name": "db-cluster-id", "Values": ["ORDERS-us"]}])["DBClusters"]
    manual = rds.describe_db_cluster_snapshots(
        Filters=[{"Name": "db-cluster-id", "Values": [cluster["DBClusterArn"]]}, {"Name": "snapshot-type", "Values": ["manual"]}]
    )["DBClusterSnapshots"]  # fmt: skip
    assert [each["DBClusterSnapshotIdentifier"] for each in manual] == ["orders-before-black-friday"]
    (same,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="Orders-before-Black-Friday")[
        "DBClusterSnapshots"
    ]
    assert same == manual[0]


def test_the_default_of_an_engine_is_one_version(plane: Plane) -> None:
    (default,) = plane.client().describe_db_engine_versions(Engine="aurora-postgresql", DefaultOnly=True)[
        "DBEngineVersions"
    ]
    assert default["EngineVersion"] == "17.9"


def test_maintenance_that_is_due_within_the_hour_can_be_seen(plane: Plane) -> None:
    rds = plane.client(EUROPE)
    (archive,) = rds.describe_db_clusters(DBClusterIdentifier="archive-eu")["DBClusters"]
    (pending,) = rds.describe_pending_maintenance_actions(ResourceIdentifier=archive["DBClusterArn"])[
        "PendingMaintenanceActions"
    ]
    (action,) = pending["PendingMaintenanceActionDetails"]
    assert timedelta(0) < action["CurrentApplyDate"] - datetime.now(UTC) < timedelta(hours=1)
    assert action["OptInStatus"] == "next-maintenance"
    of_an_instance = rds.describe_pending_maintenance_actions(
        Filters=[{"Name": "db-instance-id", "Values": ["archive-eu-1"]}]
    )
    assert of_an_instance["PendingMaintenanceActions"] == []
    orders = "arn:aws:rds:us-east-1:123456789012:cluster:orders-us"
    untouched = plane.client().describe_pending_maintenance_actions(ResourceIdentifier=orders)
    assert untouched["PendingMaintenanceActions"] == []


@pytest.mark.parametrize(
    ("signature", "body", "status", "code"),
    [
        (SIGNED, "Action=DescribeEvents&Version=2014-10-31&Duration=abc", 400, "InvalidParameterValue"),
        (SIGNED, "Action=DescribeEvents&Version=2014-10-31&StartTime=yesterday", 400, "InvalidParameterValue"),
        (SIGNED, "Action=ModifyGlobalCluster&Version=2014-10-31&EngineVersion=18.6", 400, "MissingParameter"),
        (SIGNED, "", 400, "InvalidAction"),
        ("Bearer of-something", "Action=DescribeEvents", 400, "IncompleteSignature"),
        (SIGNED.replace("/rds/", "/s3/"), "Action=DescribeEvents", 400, "IncompleteSignature"),
        ("", "Action=DescribeEvents", 403, "MissingAuthenticationToken"),
    ],
)
def test_a_broken_request_gets_an_error_of_aws(plane: Plane, signature: str, body: str, status: int, code: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | (
        {"Authorization": signature} if signature else {}
    )
    request = urllib.request.Request(f"{plane.url}/", body.encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value:
        assert refused.value.code == status
        assert f"<Code>{code}</Code>" in refused.value.read().decode()


def test_an_order_is_accepted_once(plane: Plane) -> None:
    answer = plane.client().modify_global_cluster(GlobalClusterIdentifier="orders", EngineVersion="18.6")[
        "GlobalCluster"
    ]
    assert (answer["Status"], answer["EngineVersion"]) == ("upgrading", "18.4")
    code, message, _ = plane.refusal(GlobalClusterIdentifier="orders", EngineVersion="18.6")
    assert code == "InvalidGlobalClusterStateFault"
    assert "is upgrading" in message
    assert [(each.global_cluster, each.version, each.region) for each in plane.carried_out] == [
        ("orders", "18.6", WRITER)
    ]
    assert plane.account.orders == plane.carried_out  # fmt: skip


UNKNOWN = "The requested engine version was not found or does not support global functionality"


@pytest.mark.parametrize(
    ("cluster", "version", "code", "text"),
    [
        ("nope", "18.6", "GlobalClusterNotFoundFault", "Global cluster nope not found."),
        ("orders", "18.3", "InvalidParameterValue", UNKNOWN),
        ("orders", "17.10", "InvalidParameterCombination", "Cannot upgrade aurora-postgresql from 18.4 to 17.10"),
        ("orders", "18.4", "InvalidParameterCombination", "Cannot upgrade aurora-postgresql from 18.4 to 18.4"),
        ("orders", "18.5", "InvalidParameterValue", UNKNOWN),
        ("orders", "18.6-limitless", "InvalidParameterValue", UNKNOWN),
        ("orders", "19.1", "InvalidParameterCombination", "The AllowMajorVersionUpgrade flag must be present"),
        ("billing", "17.11", "InvalidParameterValue", UNKNOWN),
        ("legacy-mysql", "8.0.mysql_aurora.3.10.1", "InvalidParameterValue", "for this database engine."),
        ("sessions", "17.10", "InvalidGlobalClusterStateFault", "is upgrading"),
        ("archive", "16.10", "InvalidDBClusterStateFault", "without a primary instance in DB cluster"),
    ],
)
def test_a_wrong_order_is_refused_in_the_words_of_rds(
    plane: Plane, cluster: str, version: str, code: str, text: str
) -> None:
    refused, message, status = plane.refusal(GlobalClusterIdentifier=cluster, EngineVersion=version)
    assert (refused, status) == (code, 404 if code == "GlobalClusterNotFoundFault" else 400)
    assert text in message
    assert plane.account.orders == []


@pytest.mark.parametrize(
    ("cluster", "version", "code", "text"),
    [
        ("orders", "19.1", "InvalidParameterCombination", "Cannot upgrade aurora-postgresql from 18.4 to 19.1"),
        ("billing", "18.6", "InvalidDBClusterStateFault", "billing has no servers in this sandbox."),
    ],
)
def test_what_nobody_here_can_carry_out_is_refused_before_it_is_an_order(
    plane: Plane, cluster: str, version: str, code: str, text: str
) -> None:
    major = {"EngineVersion": version, "AllowMajorVersionUpgrade": True}
    refused, message, status = plane.refusal(GlobalClusterIdentifier=cluster, **major)
    assert (refused, message, status) == (code, text, 400)
    (shown,) = plane.client().describe_global_clusters(GlobalClusterIdentifier=cluster)["GlobalClusters"]
    assert shown["Status"] == "available"
    assert (plane.account.orders, plane.carried_out) == ([], [])


def test_where_managed_minor_upgrades_are_not_rolled_out_the_order_is_refused(plane: Plane) -> None:
    plane.objection = AwsError("InvalidParameterValue", NOT_ROLLED_OUT)
    code, message, _ = plane.refusal(GlobalClusterIdentifier="orders", EngineVersion="18.6")
    assert (code, message) == ("InvalidParameterValue", NOT_ROLLED_OUT)
    assert plane.account.orders == []


def test_an_operation_it_does_not_know_gets_an_error_of_aws(plane: Plane) -> None:
    with pytest.raises(ClientError, match="DescribeDBProxies is not valid"):
        plane.client().describe_db_proxies()


def test_a_request_without_a_signature_is_turned_away(plane: Plane) -> None:
    rds = boto3.client("rds", region_name=WRITER, endpoint_url=plane.url, config=Config(signature_version=UNSIGNED))
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        rds.describe_global_clusters()


def test_the_aws_cli_takes_it_for_rds(plane: Plane) -> None:
    def aws(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": WRITER}
        command = [str(AWS), "rds", *arguments, "--endpoint-url", plane.url, "--output", "json"]
        return subprocess.run(command, env=environment | {"AWS_DEFAULT_REGION": WRITER}, capture_output=True, text=True)

    plane.account.say(plane.account.clusters(WRITER)[0], "Database cluster upgrade is in progress.")
    events = json.loads(aws("describe-events", "--source-type", "db-cluster", "--duration", "60").stdout)
    assert [each["Message"] for each in events["Events"]] == ["Database cluster upgrade is in progress."]
    unknown = aws("modify-global-cluster", "--global-cluster-identifier", "nope", "--engine-version", "18.6")
    assert unknown.returncode in (254, 255)  # version 2 of the CLI, and version 1
    assert "GlobalClusterNotFoundFault" in unknown.stderr
    order = ("modify-global-cluster", "--global-cluster-identifier", "orders", "--engine-version", "19.1")
    assert "Cannot upgrade aurora-postgresql from 18.4 to 19.1" in aws(*order, "--allow-major-version-upgrade").stderr
