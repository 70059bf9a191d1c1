"""What people can look at: clusters, open upgrades, past ones."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from bot.desk.counter import Counter
from bot.domain.answered import Catalogue, History, Listed, Past, Shown, Standing
from bot.domain.errors import Unavailable
from bot.domain.ids import UserId
from bot.domain.policy import (
    check_member,
)
from bot.domain.preflight import Unread
from bot.domain.targets import legal_targets
from bot.domain.topology import GlobalCluster
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion

T = TypeVar("T")
PAGE: Final = 20  # global clusters
PAST_PAGE: Final = 10  # upgrades that are over
LOOK_BACK: Final = 200  # upgrades: more are not counted


@dataclass(frozen=True)
class Reading(Counter):
    """Changes nothing."""

    async def clusters(self, page: int = 1) -> Catalogue:
        """Only the clusters of that page are looked at."""
        names = await self.aurora.names()
        found = await self.aurora.global_clusters(names[(page - 1) * PAGE : page * PAGE])
        listed = await asyncio.gather(*map(self._listed, found))
        return Catalogue(tuple(listed), page, pages=-(-len(names) // PAGE), more=max(0, len(names) - page * PAGE))

    async def show(self, name: str) -> Shown:
        cluster = await self._cluster(name)
        (targets, unread), facts, standing = await asyncio.gather(
            self._targets(cluster), self.aurora.facts(cluster), self._open(cluster)
        )
        return Shown(
            cluster=cluster,
            targets=targets,
            targets_unread=unread,
            facts=facts,
            open_upgrade=standing.upgrade if standing else None,
            link=standing.link if standing else None,
            trouble=standing.trouble if standing else None,
        )

    async def status(self, cluster: str | None) -> tuple[Standing, ...]:
        """The open upgrades; of one cluster its newest, open or over."""
        found = await self._all_open() if cluster is None else await self.upgrades.latest(1, cluster)
        if not found:
            await self._own_up()
            if cluster is not None:
                await self._cluster(cluster)
        return tuple([await self._standing(each) for each in found])

    async def history(self, by: UserId, cluster: str | None) -> History:
        """What is over, of one cluster or of all; open upgrades are the business of `status`."""
        check_member(await self._person(by), self.home)
        latest = await self.upgrades.latest(LOOK_BACK, cluster)
        over = [each for each in latest if each.status.is_final]
        if not latest:
            await self._own_up()
            if cluster is not None:
                await self._cluster(cluster)
        past = [await self._past(each) for each in over[:PAST_PAGE]]
        return History(tuple(past), more=max(0, len(over) - PAST_PAGE), counted=len(latest) < LOOK_BACK)

    async def _listed(self, cluster: GlobalCluster) -> Listed:
        if cluster.unread:
            return Listed(cluster, Unread(why=cluster.unread), Unread(why=cluster.unread))
        offers, maintenance = await asyncio.gather(
            _or_code(self._offers(cluster)), _or_code(self.aurora.maintenance(cluster))
        )
        return Listed(cluster, offers if isinstance(offers, Unread) else legal_targets(offers), maintenance)

    async def _targets(self, cluster: GlobalCluster) -> tuple[tuple[EngineVersion, ...], str | None]:
        try:
            return legal_targets(await self._offers(cluster)), None
        except Unavailable as trouble:
            return (), str(trouble)

    async def _past(self, upgrade: Upgrade) -> Past:
        standing, ending = await self._standing(upgrade), None
        with suppress(Unavailable):  # the record tells the most of it
            ending = await self.upgrades.last(upgrade.id)
        return Past(upgrade, ending, standing.link, standing.trouble)


async def _or_code(reading: Awaitable[T]) -> T | Unread:
    try:
        return await reading
    except Unavailable as trouble:
        return Unread(why=trouble.code)
