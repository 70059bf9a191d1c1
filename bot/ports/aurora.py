"""AWS, as far as it knows Aurora: what there is, what is going on, and the order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.ids import Account, Region
from bot.domain.plan import Plan
from bot.domain.preflight import Facts, Maintenance
from bot.domain.rds_events import RdsEvent
from bot.domain.targets import UpgradeTarget
from bot.domain.topology import GlobalCluster


@dataclass(frozen=True)
class Accepted:
    """AWS took the order."""


@dataclass(frozen=True)
class Rejected:
    """AWS answered no, in its own code and words: nothing was started."""

    code: str
    message: str


@dataclass(frozen=True)
class NoAnswer:
    """The call ended without an answer; it may or may not have been taken."""

    why: str


OrderAnswer = Accepted | Rejected | NoAnswer


class Aurora(Protocol):
    """The RDS API. Everything raises Unavailable with AWS's error code when AWS does not answer, throttles or denies."""

    async def names(self) -> tuple[str, ...]:
        """The identifiers of all global clusters of the account, in order, whatever their Regions show."""
        ...

    async def global_clusters(self, names: Collection[str] | None = None) -> tuple[GlobalCluster, ...]:
        """All of the account, or those, with members and instances, by identifier.

        To look at, not to plan with: a member whose Region cannot be read is there and says so (`unread`).
        """
        ...

    async def global_cluster(self, identifier: str, *, fresh: bool = False) -> GlobalCluster | None:
        """One, at most a few seconds old, or as it is right now; None when none has that name (not case-sensitive).

        Whole or not at all: Unavailable when the Region of any member cannot be read.
        """
        ...

    async def offers(self, cluster: GlobalCluster) -> Mapping[Region, Sequence[UpgradeTarget]]:
        """Per member Region, what RDS offers from that member's version."""
        ...

    async def maintenance(self, cluster: GlobalCluster) -> tuple[Maintenance, ...]:
        """Pending actions of its clusters and instances."""
        ...

    async def facts(self, cluster: GlobalCluster) -> Facts:
        """What preflight looks at. A fact that cannot be read is Unread; this never raises Unavailable."""
        ...

    async def events(self, region: Region, since: datetime, until: datetime) -> tuple[RdsEvent, ...]:
        """Every RDS event of the Region in that window: all sources, all pages, by date."""
        ...

    async def order(self, plan: Plan) -> OrderAnswer:
        """ModifyGlobalCluster, once, from the writer's Region: one attempt, no retry of any kind. Never raises."""
        ...


class Hearing(Protocol):
    """What has been heard of RDS events."""

    async def heard_until(self, account: Account, regions: Sequence[Region]) -> datetime | None:
        """Up to when all these Regions have been asked; None while one never was, or when nobody knows."""
        ...
