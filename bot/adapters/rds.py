"""Plays the role of Aurora with the RDS API: reads each Region once for all who ask, and gives the one order."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from bot.adapters.rds_facts import RdsFacts, together
from bot.adapters.rds_parsing import (
    Shown,
    ShownCluster,
    ShownGlobal,
    ShownInstance,
    join,
    parse_cluster,
    parse_event,
    parse_global,
    parse_instance,
    parse_target,
    region_of,
)
from bot.adapters.rds_shelf import Shelf
from bot.adapters.rds_wire import PAGES, RdsWire
from bot.domain.errors import Unavailable
from bot.domain.ids import Region
from bot.domain.plan import Plan
from bot.domain.preflight import Facts, Maintenance, Unread
from bot.domain.rds_events import RdsEvent
from bot.domain.targets import UpgradeTarget
from bot.domain.topology import GlobalCluster, Member
from bot.ports.aurora import OrderAnswer, Rejected
from bot.ports.sharing import Cache

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

FRESH_FOR: Final = timedelta(seconds=5)
OFFERS_KEPT: Final = timedelta(minutes=10)
NOT_FOUND: Final = "GlobalClusterNotFoundFault"
_GLOBALS: Final = TypeAdapter(tuple[ShownGlobal, ...])
_SHOWN: Final = TypeAdapter(Shown)
_TARGETS: Final = TypeAdapter(tuple[UpgradeTarget, ...])


class RdsAurora:
    """What AWS shows may be `fresh_for` old. `home_region` is where global clusters are listed: all Regions list all."""

    def __init__(self, home_region: str, cache: Cache, fresh_for: timedelta = FRESH_FOR) -> None:
        self._home = Region(home_region)
        self._fresh_for = fresh_for
        self._wire = RdsWire()
        self._shelf = Shelf(cache)
        self._facts = RdsFacts(self._wire, self._shelf, fresh_for)

    async def close(self) -> None:
        await self._shelf.close()
        self._wire.close()

    async def prepare(self) -> None:
        """For a process that must answer soon: the libraries of AWS take most of a second, and the loop with it."""
        await self._wire.prepare(self._home)

    async def names(self) -> tuple[str, ...]:
        return tuple(sorted(each.identifier for each in await self._listed()))

    async def global_clusters(self, names: Collection[str] | None = None) -> tuple[GlobalCluster, ...]:
        listed = [each for each in await self._listed() if names is None or each.identifier in names]
        regions = await self._readable({region_of(member.arn) for each in listed for member in each.members})
        return tuple(sorted((join(each, regions) for each in listed), key=lambda cluster: cluster.identifier))

    async def global_cluster(self, identifier: str, *, fresh: bool = False) -> GlobalCluster | None:
        """One, or None; `fresh` asks AWS now, whatever the cache holds."""
        listed = await (self._described(identifier) if fresh else self._listed())
        found = next((each for each in listed if each.identifier.lower() == identifier.lower()), None)
        if found is None:
            return None
        return join(found, await self._regions({region_of(each.arn) for each in found.members}, fresh))

    async def offers(self, cluster: GlobalCluster) -> Mapping[Region, Sequence[UpgradeTarget]]:
        regions = await self._regions(set(cluster.regions))
        targets = await together(
            [self._offered(cluster.engine, each, regions[each.region]) for each in cluster.members]
        )
        return {member.region: found for member, found in zip(cluster.members, targets, strict=True)}

    async def maintenance(self, cluster: GlobalCluster) -> tuple[Maintenance, ...]:
        return await self._facts.maintenance(cluster)

    async def facts(self, cluster: GlobalCluster) -> Facts:
        return await self._facts.of(cluster, partial(self._regions, set(cluster.regions)))

    async def events(self, region: Region, since: datetime, until: datetime) -> tuple[RdsEvent, ...]:
        return await self._wire.ask(region, lambda rds: _events(rds, region, since, until))

    async def order(self, plan: Plan) -> OrderAnswer:
        """AllowMajorVersionUpgrade is left out: AWS itself then refuses anything that is not minor."""
        try:
            region = plan.writer_region
        except StopIteration:
            return Rejected("NoWriter", "The order was not sent: the plan names no writer.")
        return await self._wire.order(region, plan.global_cluster, str(plan.target))

    async def _listed(self) -> tuple[ShownGlobal, ...]:
        ask = partial(self._wire.ask, self._home, _global_clusters)
        return await self._shelf.kept("rds:globals", _GLOBALS, self._fresh_for, ask)

    async def _described(self, identifier: str) -> tuple[ShownGlobal, ...]:
        try:
            ask = partial(self._wire.ask, self._home, partial(_one_global_cluster, identifier=identifier))
            return await self._shelf.anew(f"rds:global:{identifier.lower()}", ask)
        except Unavailable as trouble:
            if trouble.code == NOT_FOUND:
                return ()
            raise

    async def _regions(self, regions: set[Region], fresh: bool = False) -> Mapping[Region, Shown]:
        names = sorted(regions)
        return dict(zip(names, await together([self._shown(each, fresh) for each in names]), strict=True))

    async def _readable(self, regions: set[Region]) -> Mapping[Region, Shown | Unread]:
        names = sorted(regions)
        found = await asyncio.gather(*(self._shown_or_why_not(each) for each in names))
        return dict(zip(names, found, strict=True))

    async def _shown_or_why_not(self, region: Region) -> Shown | Unread:
        try:
            return await self._shown(region, fresh=False)
        except Unavailable as trouble:
            return Unread(why=trouble.code)

    async def _shown(self, region: Region, fresh: bool) -> Shown:
        read = self._shelf.fresh if fresh else self._shelf.kept
        return await read(f"rds:region:{region}", _SHOWN, self._fresh_for, partial(self._region, region))

    async def _region(self, region: Region) -> Shown:
        ask = self._wire.ask
        clusters, instances = await asyncio.gather(ask(region, _clusters), ask(region, _instances))
        return Shown(clusters=clusters, instances=instances)

    async def _offered(self, engine: str, member: Member, region: Shown) -> tuple[UpgradeTarget, ...]:
        """Asked for with RDS's own text of the version, which for MySQL says more than its numbers."""
        cluster = region.cluster(member.arn)
        version = cluster.version if cluster else str(member.engine_version)
        ask = partial(self._wire.ask, member.region, lambda rds: _targets(rds, engine, version))
        return await self._shelf.kept(f"rds:offers:{member.region}:{engine}:{version}", _TARGETS, OFFERS_KEPT, ask)


def _global_clusters(rds: "RDSClient") -> tuple[ShownGlobal, ...]:
    pages = rds.get_paginator("describe_global_clusters").paginate(PaginationConfig=PAGES)
    return tuple(parse_global(each) for page in pages for each in page["GlobalClusters"])


def _one_global_cluster(rds: "RDSClient", identifier: str) -> tuple[ShownGlobal, ...]:
    answer = rds.describe_global_clusters(GlobalClusterIdentifier=identifier)
    return tuple(parse_global(each) for each in answer["GlobalClusters"])


def _clusters(rds: "RDSClient") -> tuple[ShownCluster, ...]:
    pages = rds.get_paginator("describe_db_clusters").paginate(PaginationConfig=PAGES)
    return tuple(parse_cluster(each) for page in pages for each in page["DBClusters"])


def _instances(rds: "RDSClient") -> tuple[ShownInstance, ...]:
    """Of Aurora: those without a cluster are RDS's."""
    pages = rds.get_paginator("describe_db_instances").paginate(PaginationConfig=PAGES)
    found = (each for page in pages for each in page["DBInstances"])
    return tuple(parse_instance(each) for each in found if each.get("DBClusterIdentifier"))


def _targets(rds: "RDSClient", engine: str, version: str) -> tuple[UpgradeTarget, ...]:
    """Also of a version that is no longer available to new clusters: it may be the one that runs."""
    pages = rds.get_paginator("describe_db_engine_versions").paginate(
        Engine=engine, EngineVersion=version, IncludeAll=True, PaginationConfig=PAGES
    )
    found = [each for page in pages for item in page["DBEngineVersions"] for each in item.get("ValidUpgradeTarget", ())]
    return tuple(dict.fromkeys(parse_target(each) for each in found))


def _events(rds: "RDSClient", region: Region, since: datetime, until: datetime) -> tuple[RdsEvent, ...]:
    pages = rds.get_paginator("describe_events").paginate(StartTime=since, EndTime=until, PaginationConfig=PAGES)
    found = Counter[RdsEvent]()
    for page in pages:  # while events arrive, pages shift: what the page before had too is the same event, not a twin
        found |= Counter(parse_event(each, region) for each in page["Events"])
    return tuple(sorted(found.elements(), key=lambda event: (event.at, event.arn, event.message)))
