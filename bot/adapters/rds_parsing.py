"""What RDS shows, parsed at the door; and the join of global clusters with what their Regions show."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Final

from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.preflight import Unread
from bot.domain.rds_events import RdsEvent
from bot.domain.targets import UpgradeTarget
from bot.domain.topology import GlobalCluster, Instance, Member, Role
from bot.domain.version import EngineVersion

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import (
        DBClusterTypeDef,
        DBInstanceTypeDef,
        EventTypeDef,
        GlobalClusterMemberTypeDef,
        GlobalClusterTypeDef,
        UpgradeTargetTypeDef,
    )

MISSING: Final = "missing"  # the status of a member that its Region does not show
_LEADING: Final = re.compile(r"(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?")
_SOURCES: Final = {"db-cluster": "cluster", "db-instance": "instance"}


class ShownMember(Value):
    arn: str
    is_writer: bool
    synchronization: str | None


class ShownGlobal(Value):
    """A global cluster as DescribeGlobalClusters shows it. Versions stay RDS's text."""

    identifier: str
    arn: str
    engine: str
    version: str
    status: str
    failover: str | None
    members: tuple[ShownMember, ...]


class ShownCluster(Value):
    """A DB cluster as DescribeDBClusters shows it; `writers` names the instances that RDS calls the cluster's writer."""

    identifier: str
    arn: str
    status: str
    version: str
    endpoint: str | None
    reader_endpoint: str | None
    port: int
    iam_auth: bool
    parameter_group: str | None
    parameters: tuple[str, ...]
    writers: tuple[str, ...]


class ShownInstance(Value):
    """An instance of a DB cluster as DescribeDBInstances shows it."""

    identifier: str
    arn: str
    cluster: str
    instance_class: str
    status: str
    version: str
    parameters: tuple[str, ...]
    endpoint: str | None = None
    port: int = 5432


class Shown(Value):
    """All clusters and cluster instances of one Region, as of one moment or nearly."""

    clusters: tuple[ShownCluster, ...]
    instances: tuple[ShownInstance, ...]

    def cluster(self, arn: str) -> ShownCluster | None:
        return next((each for each in self.clusters if each.arn == arn), None)


def region_of(arn: str) -> Region:
    """The fourth field of an ARN: nothing else tells a member's Region."""
    return Region(arn.split(":")[3])


def name_of(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def version_of(text: str) -> EngineVersion:
    """The leading numbers: `8.0.mysql_aurora.3.05.2` is 8.0, `16.9-limitless` is 16.9; 0.0 when there is none."""
    found = _LEADING.match(text)
    if found is None:
        return EngineVersion(0, 0)
    major, minor, patch = found.groups()
    return EngineVersion(int(major), int(minor or 0), None if patch is None else int(patch))


def more_than_numbers(text: str) -> str | None:
    return text if text and text != str(version_of(text)) else None


def parse_global(shown: "GlobalClusterTypeDef") -> ShownGlobal:
    state = shown.get("FailoverState") or {}
    return ShownGlobal(
        identifier=shown["GlobalClusterIdentifier"],
        arn=shown["GlobalClusterArn"],
        engine=shown.get("Engine", ""),
        version=shown.get("EngineVersion", ""),
        status=shown.get("Status", ""),
        failover=state.get("Status") or None,
        members=tuple(_parse_member(each) for each in shown.get("GlobalClusterMembers", ())),
    )


def _parse_member(shown: "GlobalClusterMemberTypeDef") -> ShownMember:
    is_writer = shown.get("IsWriter", False)
    synchronization = None if is_writer else shown.get("SynchronizationStatus")
    return ShownMember(arn=shown["DBClusterArn"], is_writer=is_writer, synchronization=synchronization)


def parse_cluster(shown: "DBClusterTypeDef") -> ShownCluster:
    members = shown.get("DBClusterMembers", [])
    return ShownCluster(
        identifier=shown["DBClusterIdentifier"],
        arn=shown["DBClusterArn"],
        status=shown.get("Status", ""),
        version=shown.get("EngineVersion", ""),
        endpoint=shown.get("Endpoint") or None,
        reader_endpoint=shown.get("ReaderEndpoint") or None,
        port=shown.get("Port", 5432),
        iam_auth=shown.get("IAMDatabaseAuthenticationEnabled", False),
        parameter_group=shown.get("DBClusterParameterGroup") or None,
        parameters=tuple(each["DBClusterParameterGroupStatus"] for each in members if "DBClusterParameterGroupStatus" in each),
        writers=tuple(each["DBInstanceIdentifier"] for each in members if each.get("IsClusterWriter")),
    )  # fmt: skip


def parse_instance(shown: "DBInstanceTypeDef") -> ShownInstance:
    groups, at = shown.get("DBParameterGroups", []), shown.get("Endpoint", {})
    return ShownInstance(
        identifier=shown["DBInstanceIdentifier"],
        arn=shown["DBInstanceArn"],
        cluster=shown["DBClusterIdentifier"],
        instance_class=shown.get("DBInstanceClass", ""),
        status=shown.get("DBInstanceStatus", ""),
        version=shown.get("EngineVersion", ""),
        parameters=tuple(each["ParameterApplyStatus"] for each in groups if "ParameterApplyStatus" in each),
        endpoint=at.get("Address") or None,
        port=at.get("Port", 5432),
    )


def parse_target(shown: "UpgradeTargetTypeDef") -> UpgradeTarget:
    return UpgradeTarget(
        version=shown["EngineVersion"],
        is_major=shown.get("IsMajorVersionUpgrade", True),
        supports_global=shown.get("SupportsGlobalDatabases", False),
    )


def parse_event(shown: "EventTypeDef", region: Region) -> RdsEvent:
    source = str(shown.get("SourceType", ""))
    return RdsEvent(
        arn=shown.get("SourceArn", ""),
        source_identifier=shown.get("SourceIdentifier", ""),
        source=_SOURCES.get(source, source),
        region=region,
        at=shown["Date"].astimezone(UTC),
        message=shown.get("Message", ""),
        categories=tuple(shown.get("EventCategories", ())),
    )


def join(shown: ShownGlobal, regions: Mapping[Region, Shown | Unread]) -> GlobalCluster:
    """The global cluster with its members as their own Regions show them: the writer first, then by Region."""
    members = sorted(
        (_member(each, regions[region_of(each.arn)], shown) for each in shown.members),
        key=lambda member: (not member.is_writer, member.region, member.identifier),
    )
    return GlobalCluster(
        identifier=shown.identifier,
        arn=shown.arn,
        engine=shown.engine,
        engine_version=version_of(shown.version),
        status=shown.status,
        members=tuple(members),
        failover=shown.failover,
        version_text=more_than_numbers(shown.version),
    )


def _member(member: ShownMember, region: Shown | Unread, owner: ShownGlobal) -> Member:
    if isinstance(region, Unread):
        return _unread(member, owner, region.why)
    cluster = region.cluster(member.arn) or _missing(member, owner)
    return Member(
        identifier=cluster.identifier,
        arn=cluster.arn,
        region=region_of(cluster.arn),
        role=Role.WRITER if member.is_writer else Role.SECONDARY,
        status=cluster.status,
        engine_version=version_of(cluster.version),
        instances=_instances(cluster, region),
        endpoint=cluster.endpoint,
        reader_endpoint=cluster.reader_endpoint,
        port=cluster.port,
        iam_auth=cluster.iam_auth,
        synchronization=member.synchronization,
        parameters=cluster.parameters,
        version_text=more_than_numbers(cluster.version),
    )


def _unread(member: ShownMember, owner: ShownGlobal, why: str) -> Member:
    """Its status is one that no check takes for fine."""
    empty = Shown(clusters=(_missing(member, owner),), instances=())
    return _member(member, empty, owner).model_copy(update={"status": f"not shown ({why})", "unread": why})


def _missing(member: ShownMember, owner: ShownGlobal) -> ShownCluster:
    """Its global cluster names it and its Region does not know it: shown so, since a member is never left out."""
    return ShownCluster(
        identifier=name_of(member.arn), arn=member.arn, status=MISSING, version=owner.version,
        endpoint=None, reader_endpoint=None, port=5432, iam_auth=False,
        parameter_group=None, parameters=(), writers=(),
    )  # fmt: skip


def _instances(cluster: ShownCluster, region: Shown) -> tuple[Instance, ...]:
    found = [
        Instance(
            identifier=each.identifier,
            arn=each.arn,
            instance_class=each.instance_class,
            status=each.status,
            engine_version=version_of(each.version),
            is_writer=each.identifier in cluster.writers,
            parameters=each.parameters,
            endpoint=each.endpoint,
            port=each.port,
        )
        for each in region.instances
        if each.cluster == cluster.identifier
    ]
    return tuple(sorted(found, key=lambda each: (not each.is_writer, each.identifier)))
