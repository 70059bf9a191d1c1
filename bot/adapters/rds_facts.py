"""The facts of preflight that lie outside the clusters themselves, each read by itself: or Unread, and why."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import TypeAdapter

from bot.adapters.rds_parsing import Shown, name_of
from bot.adapters.rds_shelf import Shelf
from bot.adapters.rds_wire import PAGES, RdsWire
from bot.domain.base import Value
from bot.domain.errors import Unavailable
from bot.domain.ids import Region
from bot.domain.preflight import RPO_OFF, Facts, Maintenance, Unread
from bot.domain.topology import AVAILABLE, GlobalCluster, Member

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import BlueGreenDeploymentTypeDef

T = TypeVar("T")
Regions = Callable[[], Awaitable[Mapping[Region, Shown]]]
RPO: Final = "rds.global_db_rpo"


class Pending(Value):
    """A pending maintenance action of any resource of a Region."""

    arn: str
    action: str
    applies_at: datetime | None


class Deployment(Value):
    """A blue/green deployment, and every resource it touches."""

    name: str
    arns: frozenset[str]


_MOMENT: Final[TypeAdapter[tuple[datetime, ...]]] = TypeAdapter(tuple[datetime, ...])
_PENDING: Final = TypeAdapter(tuple[Pending, ...])
_DEPLOYMENTS: Final = TypeAdapter(tuple[Deployment, ...])
_NUMBER: Final = TypeAdapter(int)


class RdsFacts:
    def __init__(self, wire: RdsWire, shelf: Shelf, keep: timedelta) -> None:
        self._wire = wire
        self._shelf = shelf
        self._keep = keep

    async def of(self, cluster: GlobalCluster, shown: Regions) -> Facts:
        """`shown`: what the member Regions show, for the names of the parameter groups. Never raises Unavailable."""
        snapshot_at, maintenance, blue_green, rpo = await asyncio.gather(
            _read(self._snapshot(cluster.writer)),
            _read(self.maintenance(cluster)),
            _read(self._blue_green(cluster)),
            _read(self._rpo(cluster, shown)),
        )
        return Facts(cluster=cluster, snapshot_at=snapshot_at, maintenance=maintenance, blue_green=blue_green, rpo=rpo)

    async def _snapshot(self, writer: Member | None) -> datetime | Unread | None:
        if writer is None:
            return Unread(why="the global cluster has no writer")
        taken = await self._shelf.kept(
            f"rds:snapshots:{writer.arn}", _MOMENT, self._keep,
            lambda: self._wire.ask(writer.region, lambda rds: snapshots(rds, writer.identifier)),
        )  # fmt: skip
        return max(taken, default=None)

    async def maintenance(self, cluster: GlobalCluster) -> tuple[Maintenance, ...]:
        """Of its clusters and instances. Raises Unavailable."""
        regions = sorted(set(cluster.regions))
        found = await together([self._pending(region) for region in regions])
        return tuple(
            Maintenance(resource=name_of(each.arn), region=region, action=each.action, applies_at=each.applies_at)
            for region, pending in zip(regions, found, strict=True)
            for each in pending
            if each.arn in cluster.arns(region)
        )

    async def _pending(self, region: Region) -> tuple[Pending, ...]:
        key = f"rds:maintenance:{region}"
        return await self._shelf.kept(key, _PENDING, self._keep, lambda: self._wire.ask(region, pending_maintenance))

    async def _blue_green(self, cluster: GlobalCluster) -> tuple[str, ...]:
        own = {cluster.arn, *(member.arn for member in cluster.members)}
        found = await together([self._deployments(region) for region in sorted(set(cluster.regions))])
        return tuple(sorted({each.name for deployments in found for each in deployments if each.arns & own}))

    async def _deployments(self, region: Region) -> tuple[Deployment, ...]:
        key = f"rds:blue-green:{region}"
        return await self._shelf.kept(key, _DEPLOYMENTS, self._keep, lambda: self._wire.ask(region, blue_green))

    async def _rpo(self, cluster: GlobalCluster, shown: Regions) -> Mapping[Region, int] | Unread:
        regions = await shown()
        found = {each.region: regions[each.region].cluster(each.arn) for each in cluster.members}
        groups = {region: each.parameter_group for region, each in found.items() if each and each.parameter_group}
        if lacking := sorted(found.keys() - groups.keys()):
            return Unread(why=f"RDS names no parameter group in {', '.join(lacking)}")
        seconds = await together([self._rpo_in(region, group) for region, group in groups.items()])
        return dict(zip(groups, seconds, strict=True))

    async def _rpo_in(self, region: Region, group: str) -> int:
        key = f"rds:rpo:{region}:{group}"
        return await self._shelf.kept(
            key, _NUMBER, self._keep, lambda: self._wire.ask(region, lambda rds: global_db_rpo(rds, group))
        )


async def _read(fact: Awaitable[T]) -> T | Unread:
    try:
        return await fact
    except Unavailable as trouble:
        return Unread(why=f"{trouble.code} from {trouble.what}" + (f": {trouble.detail}" if trouble.detail else ""))


async def together(questions: Sequence[Awaitable[T]]) -> list[T]:
    """All answers, or the first trouble, once every question has ended."""
    answers = await asyncio.gather(*questions, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


def snapshots(rds: "RDSClient", cluster: str) -> tuple[datetime, ...]:
    """When each finished manual snapshot of the cluster was taken."""
    pages = rds.get_paginator("describe_db_cluster_snapshots").paginate(
        DBClusterIdentifier=cluster, SnapshotType="manual", PaginationConfig=PAGES
    )
    return tuple(
        each["SnapshotCreateTime"].astimezone(UTC)
        for page in pages
        for each in page["DBClusterSnapshots"]
        if each.get("Status") == AVAILABLE and "SnapshotCreateTime" in each
    )


def pending_maintenance(rds: "RDSClient") -> tuple[Pending, ...]:
    pages = rds.get_paginator("describe_pending_maintenance_actions").paginate(PaginationConfig=PAGES)
    return tuple(
        Pending(
            arn=resource["ResourceIdentifier"], action=each.get("Action", ""), applies_at=each.get("CurrentApplyDate")
        )
        for page in pages
        for resource in page["PendingMaintenanceActions"]
        for each in resource.get("PendingMaintenanceActionDetails", ())
    )


def blue_green(rds: "RDSClient") -> tuple[Deployment, ...]:
    pages = rds.get_paginator("describe_blue_green_deployments").paginate(PaginationConfig=PAGES)
    return tuple(_deployment(each) for page in pages for each in page["BlueGreenDeployments"])


def _deployment(shown: "BlueGreenDeploymentTypeDef") -> Deployment:
    touched = {shown.get("Source"), shown.get("Target")}
    for each in shown.get("SwitchoverDetails", ()):
        touched |= {each.get("SourceMember"), each.get("TargetMember")}
    name = shown.get("BlueGreenDeploymentName") or shown["BlueGreenDeploymentIdentifier"]
    return Deployment(name=name, arns=frozenset(filter(None, touched)))


def global_db_rpo(rds: "RDSClient", group: str) -> int:
    """Seconds; off where nobody set it, for off is RDS's default."""
    pages = rds.get_paginator("describe_db_cluster_parameters").paginate(
        DBClusterParameterGroupName=group, Source="user", PaginationConfig=PAGES
    )
    found = [each for page in pages for each in page["Parameters"] if each.get("ParameterName") == RPO]
    return next((int(each["ParameterValue"]) for each in found if each.get("ParameterValue")), RPO_OFF)
