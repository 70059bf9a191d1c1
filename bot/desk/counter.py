"""What every question at the desk needs: who asks, of which cluster, and what stands."""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.answered import Standing
from bot.domain.errors import Refused, Unavailable
from bot.domain.ids import TeamId, UserId
from bot.domain.policy import (
    Person,
)
from bot.domain.suggest import closest
from bot.domain.targets import Offers
from bot.domain.topology import POSTGRESQL, GlobalCluster
from bot.domain.upgrade import Upgrade
from bot.ports.aurora import Aurora
from bot.ports.clock import Clock
from bot.ports.crew import Crew
from bot.ports.rules import Freezes, People, Policies
from bot.ports.upgrades import Upgrades


@dataclass(frozen=True)
class Counter:
    """What it asks of the world, and of whom."""

    home: TeamId
    aurora: Aurora
    upgrades: Upgrades
    policies: Policies
    people: People
    crew: Crew
    clock: Clock
    freezes: Freezes
    card_within: timedelta = timedelta(seconds=1.5)  # the answer to a proposal waits so long for its card

    async def _person(self, id: UserId) -> Person:
        person = await self.people.person(id)
        if person is None:
            raise Refused("Slack does not know you as a member of this workspace.")
        return person

    async def _cluster(self, name: str) -> GlobalCluster:
        found = await self.aurora.global_cluster(name)
        if found is None:
            raise Refused(f"There is no global cluster `{name}`.{await self._did_you_mean(name)}")
        return found

    async def _did_you_mean(self, name: str) -> str:
        try:
            names = await self.aurora.names()
        except Unavailable:
            return ""  # what is said is true without it
        if name.lower() in (each.lower() for each in names):
            return ""
        near = closest(name, names)
        return f" Did you mean `{near}`?" if near else " `/aurora list` shows them all."

    async def _open(self, cluster: GlobalCluster) -> Standing | None:
        upgrade = await self.upgrades.open_for(cluster.account, cluster.identifier)
        return await self._standing(upgrade) if upgrade else None

    async def _open_named(self, cluster: str) -> tuple[Upgrade, ...]:
        return tuple(each for each in await self._all_open() if each.cluster.lower() == cluster.lower())

    async def _all_open(self) -> tuple[Upgrade, ...]:
        return tuple(each for each in await self.upgrades.unfinished() if not each.status.is_final)

    async def _own_up(self) -> None:
        """Before "there is none" is said: of what cannot be read nobody knows."""
        if damaged := await self.upgrades.damaged():
            raise Unavailable("Redis", "unreadable", f"the record of {', '.join(damaged)} cannot be read")

    async def _standing(self, upgrade: Upgrade) -> Standing:
        told = await self.upgrades.told(upgrade.id)
        return Standing(upgrade=upgrade, link=told.permalink, trouble=told.trouble)

    async def _offers(self, cluster: GlobalCluster) -> Offers:
        return await self.aurora.offers(cluster) if cluster.engine == POSTGRESQL else {}
