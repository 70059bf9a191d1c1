"""Who carries upgrades."""

from typing import Protocol

from bot.domain.ids import UpgradeId
from bot.domain.upgrade import Upgrade


class Crew(Protocol):
    """Those who carry upgrades, turn by turn."""

    async def set_going(self, upgrade: Upgrade) -> None:
        """See to it that every turn this upgrade needs is scheduled. Doing it twice changes nothing."""
        ...

    async def wake(self, id: UpgradeId) -> None:
        """Take its next turns now."""
        ...
