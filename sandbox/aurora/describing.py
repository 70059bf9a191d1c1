"""The Describe operations: each reads the state and answers in the RDS API's shapes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from . import shapes
from .asking import Answer, AwsError, Call, cluster_named, filtered, names, page, required
from .catalogue import DEFAULTS, EngineVersion, offered
from .state import Account, Cluster, Instance, Snapshot, arn, family

SOURCE_TYPES: Final = {
    *("db-instance", "db-parameter-group", "db-security-group", "db-snapshot", "db-cluster", "db-cluster-snapshot"),
    *("custom-engine-version", "db-proxy", "blue-green-deployment", "db-shard-group", "zero-etl"),
}
EVENTS_KEPT: Final = timedelta(days=14)
DEPLOYMENT_FILTERS: Final[dict[str, Callable[[Answer], Sequence[str]]]] = dict.fromkeys(
    ("blue-green-deployment-identifier", "blue-green-deployment-name", "source", "target"), lambda _: ()
)


def global_clusters(account: Account, call: Call) -> Answer:
    found = account.globals
    if wanted := call.params.get("GlobalClusterIdentifier"):
        found = [each for each in found if names(each.identifier, each.arn, wanted)]
        if not found:
            raise AwsError("GlobalClusterNotFoundFault", f"Global cluster {wanted} not found.")
    found = filtered(found, call, {"region": lambda each: [member.region for member in each.members]})
    return page("GlobalClusters", [shapes.global_cluster(each) for each in found], call)


def db_clusters(account: Account, call: Call) -> Answer:
    wanted = call.params.get("DBClusterIdentifier")
    found = [cluster_named(account, call.region, wanted)] if wanted else account.clusters(call.region)
    found = filtered(
        found, call, {"db-cluster-id": lambda each: [each.identifier, each.arn], "engine": lambda each: [each.engine]}
    )
    return page("DBClusters", [shapes.cluster(account, each) for each in found], call)


def db_instances(account: Account, call: Call) -> Answer:
    found = [(cluster, each) for cluster in account.clusters(call.region) for each in cluster.instances]
    if wanted := call.params.get("DBInstanceIdentifier"):
        found = [pair for pair in found if names(pair[1].identifier, shapes.instance(*pair)["DBInstanceArn"], wanted)]
        if not found:
            raise AwsError("DBInstanceNotFound", f"DBInstance {wanted} not found.")
    known = {"db-cluster-id": cluster_of, "db-instance-id": instance_of, "engine": lambda pair: [pair[0].engine]}
    return page("DBInstances", [shapes.instance(*pair) for pair in filtered(found, call, known)], call)


def cluster_of(pair: tuple[Cluster, Instance]) -> Sequence[str]:
    return [pair[0].identifier, pair[0].arn]


def instance_of(pair: tuple[Cluster, Instance]) -> Sequence[str]:
    return [pair[1].identifier, shapes.instance(*pair)["DBInstanceArn"]]


def engine_versions(_: Account, call: Call) -> Answer:
    found = [each for each in offered(call.region) if call.params.get("IncludeAll") or each.status == "available"]
    for name, value_of in VERSION_FIELDS.items():
        if wanted := call.params.get(name):
            found = [each for each in found if value_of(each) == wanted]
    if call.params.get("DefaultOnly"):
        found = [each for each in found if DEFAULTS[each.engine] == each.version]
    found = filtered(
        found, call, {
            "engine": lambda each: [each.engine],
            "engine-version": lambda each: [each.version],
            "engine-mode": lambda _: ["provisioned"],
            "status": lambda each: [each.status],
            "db-parameter-group-family": lambda each: [family(each.engine, each.version)],
        },
    )  # fmt: skip
    return page("DBEngineVersions", [shapes.engine_version(call.region, each) for each in found], call)


def family_of(given: EngineVersion) -> str:
    return family(given.engine, given.version)


VERSION_FIELDS: Final = {
    "Engine": lambda each: each.engine,
    "EngineVersion": lambda each: each.version,
    "DBParameterGroupFamily": family_of,
}


def events(account: Account, call: Call) -> Answer:
    kind, source = call.params.get("SourceType"), call.params.get("SourceIdentifier")
    if source and not kind:
        raise AwsError("InvalidParameterCombination", "Cannot specify source identifier without source type")
    if kind and kind not in SOURCE_TYPES:
        raise AwsError("InvalidParameterValue", f"Invalid source type: {kind}")
    start, end = window(call, datetime.now(UTC))
    found = [
        each
        for each in account.events
        if each.region == call.region and start <= each.date <= end
        and kind in (None, each.source_type) and (not source or source.lower() == each.source_identifier.lower())
    ]  # fmt: skip
    found = filtered(found, call, {})  # RDS knows no filter here
    if categories := set(call.params.get("EventCategories") or []):
        found = [each for each in found if categories & set(each.categories)]
    return page("Events", [shapes.event(each) for each in found], call)


def window(call: Call, now: datetime) -> tuple[datetime, datetime]:
    """StartTime and EndTime as given; what is missing follows from Duration (an hour) or is now."""
    minutes = int(call.params.get("Duration", 60))
    if not 0 < minutes <= EVENTS_KEPT / timedelta(minutes=1):
        raise AwsError("InvalidParameterValue", f"Invalid value {minutes} for Duration. Must be between 1 and 20160")
    length = timedelta(minutes=minutes)
    start, end = call.params.get("StartTime"), call.params.get("EndTime")
    end_at = aware(end) if end else now
    start_at = aware(start) if start else end_at - length
    if start_at > end_at:
        raise AwsError("InvalidParameterCombination", "The start time must be before the end time.")
    return max(start_at, now - EVENTS_KEPT), end_at


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def pending_maintenance(account: Account, call: Call) -> Answer:
    """Of clusters: the instances here have none."""
    found = [each for each in account.clusters(call.region) if each.maintenance]
    if wanted := call.params.get("ResourceIdentifier"):
        if wanted.lower() not in resources(account, call.region):
            raise AwsError("ResourceNotFoundFault", f"The specified resource {wanted} was not found.")
        found = [each for each in found if each.arn == wanted.lower()]
    known = {"db-cluster-id": lambda each: [each.identifier, each.arn], "db-instance-id": lambda _: []}
    return page("PendingMaintenanceActions", [maintenance(each) for each in filtered(found, call, known)], call)


def resources(account: Account, region: str) -> set[str]:
    """The ARNs of clusters and instances."""
    owners = account.clusters(region)
    return {each.arn for each in owners} | {arn(region, "db", i.identifier) for each in owners for i in each.instances}


def maintenance(cluster: Cluster) -> Answer:
    details = [
        {
            "Action": each.action,
            "Description": each.description,
            "ForcedApplyDate": each.forced_at,
            "CurrentApplyDate": each.applies_at,
            "OptInStatus": each.opt_in,
        }
        for each in cluster.maintenance
    ]
    return {"ResourceIdentifier": cluster.arn, "PendingMaintenanceActionDetails": details}


def cluster_snapshots(account: Account, call: Call) -> Answer:
    owner, kind = call.params.get("DBClusterIdentifier"), call.params.get("SnapshotType")
    found = [
        (cluster, each)
        for cluster in account.clusters(call.region) if not owner or names(cluster.identifier, cluster.arn, owner)
        for each in cluster.snapshots if kind in (None, each.kind)
    ]  # fmt: skip
    if wanted := call.params.get("DBClusterSnapshotIdentifier"):
        found = [pair for pair in found if wanted.lower() in snapshot_of(pair)]
        if not found:
            raise AwsError("DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot {wanted} not found.")
    known = {
        "db-cluster-id": lambda pair: [pair[0].identifier, pair[0].arn],
        "db-cluster-snapshot-id": snapshot_of,
        "snapshot-type": lambda pair: [pair[1].kind],
        "engine": lambda pair: [pair[0].engine],
    }
    return page("DBClusterSnapshots", [snapshot(*pair) for pair in filtered(found, call, known)], call)


def snapshot_of(pair: tuple[Cluster, Snapshot]) -> Sequence[str]:
    return [pair[1].identifier, arn(pair[0].region, "cluster-snapshot", pair[1].identifier)]


def snapshot(owner: Cluster, given: Snapshot) -> Answer:
    return {
        "DBClusterSnapshotIdentifier": given.identifier,
        "DBClusterSnapshotArn": arn(owner.region, "cluster-snapshot", given.identifier),
        "DBClusterIdentifier": owner.identifier,
        "SnapshotCreateTime": given.taken_at,
        "SnapshotType": given.kind,
        "Status": "available",
        "PercentProgress": 100,
        "Engine": owner.engine,
        "EngineVersion": given.version,
    }


def blue_green_deployments(_: Account, call: Call) -> Answer:
    """There are none."""
    if wanted := call.params.get("BlueGreenDeploymentIdentifier"):
        raise AwsError("BlueGreenDeploymentNotFoundFault", f"BlueGreenDeployment {wanted} not found.")
    return page("BlueGreenDeployments", filtered([], call, DEPLOYMENT_FILTERS), call)


def cluster_parameters(account: Account, call: Call) -> Answer:
    wanted = required(call, "DBClusterParameterGroupName").lower()
    if wanted not in {each.parameter_group for each in account.clusters(call.region)}:
        raise AwsError("DBParameterGroupNotFound", f"DBClusterParameterGroup not found: {wanted}")
    source = call.params.get("Source")
    found = [each for each in PARAMETERS if source in (None, each["Source"])]
    return page("Parameters", filtered(found, call, {}), call)


def parameter(name: str, value: str, source: str = "system") -> dict[str, Any]:
    return {"ParameterName": name, "ParameterValue": value, "Source": source, "IsModifiable": True}


PARAMETERS: Final = (
    parameter("max_wal_senders", "10"),
    parameter("rds.force_ssl", "1"),
    parameter("rds.global_db_rpo", "-1"),
    parameter("rds.logical_replication", "0"),
)
