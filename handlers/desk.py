"""The desk as the ears know it: what can be asked, and how it can go wrong."""

from typing import Protocol

from bot.desk import Catalogue, Shown, Standing
from bot.domain.ids import UpgradeId, UserId
from bot.domain.upgrade import Upgrade


class Desk(Protocol):
    """Raises Refused, Conflict or Unavailable."""

    async def clusters(self, page: int) -> Catalogue: ...

    async def show(self, name: str) -> Shown: ...

    async def propose(self, by: UserId, cluster: str, version: str | None, reason: str) -> Standing: ...

    async def approve(self, by: UserId, upgrade: UpgradeId, digest: str) -> Upgrade: ...

    async def decline(self, by: UserId, upgrade: UpgradeId) -> Upgrade: ...

    async def cancel(self, by: UserId, upgrade: UpgradeId) -> Upgrade: ...

    async def cancel_cluster(self, by: UserId, cluster: str) -> Upgrade: ...

    async def status(self, cluster: str | None) -> tuple[Standing, ...]: ...
