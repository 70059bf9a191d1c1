"""The watcher listens to what RDS says in one Region, for every upgrade that has a member there."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.errors import Unavailable
from bot.domain.ids import Account, Region
from bot.domain.rds_events import RdsEvent, identities
from bot.domain.timeline import RdsSaid
from bot.domain.upgrade import Upgrade
from bot.ports.aurora import Aurora
from bot.ports.clock import Clock
from bot.ports.sharing import Cache
from bot.ports.upgrades import Upgrades

log = logging.getLogger(__name__)

WHOLE_EVERY = timedelta(
    minutes=1
)  # how often all since the order is asked for: some events come later than the overlap
OVERLAP = timedelta(minutes=5)  # events come late and out of order (Aurora User Guide, RDS events)
LEEWAY = timedelta(seconds=30)  # between our clock and AWS's
CURSOR_KEPT = timedelta(hours=12)


@dataclass(frozen=True)
class Watcher:
    """One per account and Region in use: the calls to AWS depend on Regions, not on upgrades."""

    aurora: Aurora
    upgrades: Upgrades
    cache: Cache
    clock: Clock
    every: timedelta = timedelta(seconds=10)

    async def turn(self, account: Account, region: Region) -> timedelta | None:
        """Ask once, tell every upgrade what is new to it; None when no upgrade here is open. Before an order AWS is left alone."""
        here = [each for each in await self.upgrades.unfinished() if _is_here(each, account, region)]
        followed = [each for each in here if not each.status.is_before_order]
        if not followed:
            return self.every if here else None
        now = self.clock.now()
        since = await self._since(account, region, followed, now)
        events = await self.aurora.events(region, since, now + LEEWAY)
        if all([await self._tell(upgrade, region, events) for upgrade in followed]):
            await self.cache.put(_cursor(account, region), now.isoformat(), CURSOR_KEPT)
        return self.every

    async def heard_until(self, account: Account, regions: Sequence[Region]) -> datetime | None:
        try:
            looks = [await self._kept(_cursor(account, region)) for region in regions]
        except Unavailable:
            return None
        known = [each for each in looks if each]
        return min(known) if known and len(known) == len(looks) else None

    async def _since(self, account: Account, region: Region, followed: list[Upgrade], now: datetime) -> datetime:
        """Overlapping windows: from before the last look; once a minute, and at first, from the earliest order."""
        first = min(_heard_from(upgrade) for upgrade in followed)
        looked, whole = await self._kept(_cursor(account, region)), await self._kept(_whole(account, region))
        if looked is None or whole is None or now - whole >= WHOLE_EVERY:
            await self.cache.put(_whole(account, region), now.isoformat(), CURSOR_KEPT)
            return first
        return max(first, looked - OVERLAP)

    async def _kept(self, key: str) -> datetime | None:
        text = await self.cache.get(key)
        return datetime.fromisoformat(text) if text else None

    async def _tell(self, upgrade: Upgrade, region: Region, events: tuple[RdsEvent, ...]) -> bool:
        """Whether nothing can have been missed: while AWS does not show the cluster, only its planned parts are known."""
        ours, shown = _planned(upgrade, region), True
        try:
            cluster = await self.aurora.global_cluster(upgrade.cluster)
            ours |= {_place(arn) for arn in cluster.arns(region)} if cluster else set()
        except Unavailable as trouble:
            log.warning("%s: AWS does not show what belongs to it: %s", upgrade.id, trouble)
            shown = False
        since = _heard_from(upgrade)
        for key, event in identities(events):
            if _place(event.arn) in ours and event.at >= since:
                await self.upgrades.append_once(upgrade.id, f"rds:{key}", RdsSaid(at=event.at, event=event))
        return shown


def _planned(upgrade: Upgrade, region: Region) -> set[str]:
    """The places of the clusters and instances that the plan names in that Region."""
    return {
        f"{region}:{upgrade.plan.account}:{kind}:{name}"
        for step in upgrade.plan.steps
        if step.region == region
        for kind, name in (("cluster", step.cluster), *(("db", instance) for instance in step.instances))
    }


def _place(arn: str) -> str:
    """An ARN without its partition and service: `us-east-1:123456789012:cluster:orders-us`."""
    return arn.split(":", 3)[-1]


def _is_here(upgrade: Upgrade, account: Account, region: Region) -> bool:
    plan = upgrade.plan
    return not upgrade.status.is_final and plan.account == account and region in plan.regions


def _heard_from(upgrade: Upgrade) -> datetime:
    return (upgrade.intent_at or upgrade.proposed_at) - LEEWAY


def _whole(account: Account, region: Region) -> str:
    return f"events-whole:{account}:{region}"


def _cursor(account: Account, region: Region) -> str:
    return f"events-seen:{account}:{region}"
