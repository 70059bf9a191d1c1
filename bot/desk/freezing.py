"""What people can freeze, and what waits for it."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.desk.counter import Counter
from bot.directory import members_of
from bot.domain.answered import Chilled, Thawed
from bot.domain.errors import Refused, Unavailable
from bot.domain.freezing import Freeze, Frost, frost_on, lasting, read_until, told
from bot.domain.ids import UserId
from bot.domain.policy import (
    Person,
    check_member,
    closed,
    is_named,
)
from bot.domain.quorum import Need
from bot.domain.upgrade import Upgrade

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")  # of a global cluster, as RDS takes it; `*` is none, but all of them


@dataclass(frozen=True)
class Freezing(Counter):
    """Freezes, of one cluster or of all, and whatever else holds an approved order back."""

    async def freeze(self, by: UserId, cluster: str | None, until: str, why: str) -> Chilled:
        """No order of this cluster, or of any (None), until then. From when this returns on, it holds."""
        person = await self._freezer(by, cluster)
        now = self.clock.now()
        ends = read_until(until, person.zone, now)
        await self._refuse_unknown(cluster)
        name = cluster and cluster.lower()
        freeze = Freeze(cluster=name, by=by, name=person.name, at=now, until=ends, why=why)
        before = await self.freezes.freeze(freeze)
        await self.upgrades.make_durable()
        await self._wake(cluster)
        return Chilled(freeze, next(iter(lasting([before] if before else [], now)), None))

    async def unfreeze(self, by: UserId, cluster: str | None) -> Thawed:
        await self._freezer(by, cluster)
        now, ended = self.clock.now(), await self.freezes.unfreeze(cluster)
        frosts = await self.frosts()
        still = frost_on(cluster, frosts, now) if cluster else None
        if ended is None or not lasting([ended], now):
            what = f"`{cluster}` is not frozen by itself" if cluster else "There is no freeze of all clusters"
            rest = f", but {told(still)}. `/aurora unfreeze all` would end that" if still else ""
            raise Refused(f"{what}{rest}. `/aurora status` shows all freezes.")
        await self._wake(cluster)
        return Thawed(ended, still)

    async def frosts(self) -> tuple[Frost, ...]:
        """The freezes that last."""
        return lasting(await self.freezes.frosts(), self.clock.now())

    async def waits_for(self, upgrade: Upgrade) -> tuple[str, ...]:
        """Why its order would wait now; for those who have done their part, so trouble here is no answer to them."""
        now = self.clock.now()
        try:
            frost = frost_on(upgrade.cluster, await self.freezes.frosts(), now)
            shut = closed(self.policies.policy().rule_for(upgrade.cluster), now)
        except (Refused, Unavailable) as trouble:
            return (str(trouble),)
        return tuple(each for each in (frost and told(frost), shut) if each)

    async def _freezer(self, by: UserId, cluster: str | None) -> Person:
        """Refused unless this person may freeze and unfreeze it."""
        if cluster is not None and not NAME.fullmatch(cluster):
            raise Refused(f"`{cluster.replace('`', 'ˋ')}` is no name of a global cluster. `all` means all of them.")
        person, policy = await self._person(by), self.policies.policy()
        check_member(person, self.home)
        for named in (policy.freezers_of(cluster),) if cluster else policy.freezers_of_all():
            groups = await members_of(self.people, (each for each in named if each.startswith("S")))
            if not is_named(by, named, groups):
                what = f"`{cluster}`" if cluster else "all clusters at once"
                raise Refused(
                    f"aurora.toml does not name you among those who may freeze and unfreeze {what}.",
                    needs=(Need(approvers=named),),
                )
        return person

    async def _refuse_unknown(self, cluster: str | None) -> None:
        """A freeze of nothing would let people believe; when AWS does not answer, better freeze what may not exist."""
        if cluster is not None:
            with suppress(Unavailable):
                await self._cluster(cluster)

    async def _wake(self, cluster: str | None) -> None:
        """Its drivers look now and not in a while, which may fail: they look by themselves."""
        with suppress(Unavailable):
            for each in await (self._open_named(cluster) if cluster else self._all_open()):
                await self.crew.wake(each.id)
