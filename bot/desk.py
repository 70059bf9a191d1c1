"""What people can ask: list, show, propose, approve, decline, cancel, status, history, freeze."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar

from bot.directory import look_up, members_of
from bot.domain import upgrade as moves
from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.freezing import Freeze, Frost, frost_on, lasting, read_until, told
from bot.domain.ids import TeamId, UpgradeId, UserId
from bot.domain.plan import Plan, make_plan
from bot.domain.policy import (
    Case,
    Person,
    check_approver,
    check_counts,
    check_member,
    check_proposal,
    closed,
    is_named,
    ruling_on,
)
from bot.domain.preflight import Facts, Maintenance, Unread, blockers, preflight
from bot.domain.quorum import Need
from bot.domain.suggest import closest
from bot.domain.targets import Offers, choose_target, legal_targets
from bot.domain.timeline import Entry
from bot.domain.topology import POSTGRESQL, GlobalCluster
from bot.domain.upgrade import Move, Upgrade
from bot.domain.version import EngineVersion
from bot.ports import Aurora, Clock, Crew, Freezes, People, Policies, Upgrades

T = TypeVar("T")
PAGE: Final = 20  # global clusters
PAST_PAGE: Final = 10  # upgrades that are over
LOOK_BACK: Final = 200  # upgrades: more are not counted
TRIES = 12  # of a decision whose save met another: more than approvals can meet; each try reads and decides anew
LOOK_AGAIN = timedelta(seconds=0.1)  # for a card


@dataclass(frozen=True)
class Listed:
    """A global cluster with what one may want to know of many. What is Unread names the code of the trouble alone."""

    cluster: GlobalCluster
    targets: tuple[EngineVersion, ...] | Unread
    maintenance: tuple[Maintenance, ...] | Unread


@dataclass(frozen=True)
class Catalogue:
    """A page of all global clusters, by name; `more` are on the pages after it."""

    listed: tuple[Listed, ...]
    page: int
    pages: int
    more: int


@dataclass(frozen=True)
class Shown:
    """A global cluster with what one may want to know before proposing. `targets_unread` says why targets are unknown."""

    cluster: GlobalCluster
    targets: tuple[EngineVersion, ...]
    targets_unread: str | None
    facts: Facts
    open_upgrade: Upgrade | None
    link: str | None  # to the card of the open upgrade
    trouble: str | None = None  # Slack's word for why that card could not be posted


@dataclass(frozen=True)
class Standing:
    """An upgrade as it stands, and where its card is. `trouble` is Slack's word for why it could not be posted.

    `waits` are the reasons why its order would wait now, though everybody approved it.
    """

    upgrade: Upgrade
    link: str | None
    trouble: str | None = None
    waits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chilled:
    """A freeze, and what it came instead of."""

    freeze: Freeze
    before: Frost | None


@dataclass(frozen=True)
class Thawed:
    """The freeze that was ended, and what freezes the same all the same."""

    ended: Frost
    still: Frost | None


@dataclass(frozen=True)
class Past:
    """An upgrade that is over, how its timeline ends (None when that cannot be read), and where its card is."""

    upgrade: Upgrade
    ending: Entry | None
    link: str | None
    trouble: str | None = None


@dataclass(frozen=True)
class History:
    """Past upgrades, newest first; `more` older ones are left out, `counted` says whether those are all."""

    past: tuple[Past, ...]
    more: int
    counted: bool


@dataclass(frozen=True)
class Desk:
    """Raises Refused, Conflict or Unavailable; each says all that the person needs."""

    home: TeamId
    aurora: Aurora
    upgrades: Upgrades
    policies: Policies
    people: People
    crew: Crew
    clock: Clock
    freezes: Freezes
    card_within: timedelta = timedelta(seconds=1.5)  # the answer to a proposal waits so long for its card

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

    async def propose(self, by: UserId, cluster: str, version: str | None, reason: str) -> Standing:
        """Plan, check and save a proposal; a blocker refuses it. Says what became of its card, if that is known soon."""
        check_member(await self._person(by), self.home)
        found = await self._cluster(cluster)
        await self._refuse_second(found)
        offers, facts = await asyncio.gather(self._offers(found), self.aurora.facts(found))
        target = choose_target(version, found, offers)
        plan = make_plan(found, target)
        rule = self.policies.policy().rule_for(found.identifier)
        directory = await look_up(self.people, self.home, rule, ())
        now = self.clock.now()
        case = Case(proposer=by, reason=reason, regions=plan.regions)
        check_proposal(rule, ruling_on(rule, case, directory, now), directory.groups, by, now)
        findings = preflight(facts, target, now)
        if grave := blockers(findings):
            raise Refused(f"`{found.identifier}` cannot be upgraded now: {'; '.join(each.text for each in grave)}.")
        upgrade, entries = moves.propose(
            id=_new_id(found), team=self.home, by=by, reason=reason, plan=plan,
            findings=findings, rule=rule, now=now,
        )  # fmt: skip
        try:
            saved = await self.upgrades.create(upgrade, entries)
        except Conflict:
            await self._refuse_second(found)
            raise
        await self._set_going(saved)
        return replace(await self._carded(saved), waits=await self.waits_for(saved))

    async def approve(self, by: UserId, upgrade: UpgradeId, digest: str) -> Upgrade:
        """Count an approval; the plan is made again, so that nobody approves what is not there any more."""
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            moves.check_open(read, self.clock.now())
            rule = self.policies.policy().rule_for(read.cluster)
            approved_by = (*read.approved_by, by)
            directory = await look_up(self.people, self.home, rule, approved_by)
            case = read.case.model_copy(update={"approved_by": approved_by})
            ruling = ruling_on(rule, case, directory, self.clock.now())
            check_approver(person, rule, directory.groups, self.home, ruling.missing)
            current = await self._replan(read)
            move = moves.approve(read, by, digest, current, rule, self.clock.now(), missing=ruling.missing)
            ruling.check()
            check_counts(by, rule, ruling)
            return move

        return await self._decided(upgrade, decide)

    async def withdraw(self, by: UserId, upgrade: UpgradeId) -> Upgrade:
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            check_member(person, self.home)
            return moves.withdraw(read, by, self.clock.now())

        return await self._decided(upgrade, decide)

    async def propose_again(self, by: UserId, upgrade: UpgradeId) -> Standing:
        """What expired, planned and checked as it is now, and proposed by whoever asks."""
        before = await self.upgrades.get(upgrade)
        if before is None:
            raise Refused("This upgrade is not known any more. Propose it with `/aurora upgrade`.")
        return await self.propose(by, before.cluster, str(before.plan.target), before.reason)

    async def decline(self, by: UserId, upgrade: UpgradeId) -> Upgrade:
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            moves.check_open(read, self.clock.now())
            rule = self.policies.policy().rule_for(read.cluster)
            check_approver(person, rule, await members_of(self.people, rule.groups), self.home)
            return moves.decline(read, by, self.clock.now())

        return await self._decided(upgrade, decide)

    async def cancel(self, by: UserId, upgrade: UpgradeId) -> Upgrade:
        """By the proposer or an approver, before the order."""
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            check_member(person, self.home)
            moves.check_open(read, self.clock.now())
            if by != read.proposed_by:
                rule = self.policies.policy().rule_for(read.cluster)
                check_approver(person, rule, await members_of(self.people, rule.groups), self.home)
            return moves.cancel(read, by, self.clock.now())

        return await self._decided(upgrade, decide)

    async def cancel_cluster(self, by: UserId, cluster: str) -> Upgrade:
        standing = next(iter(await self._open_named(cluster)), None)
        if standing is None:
            await self._own_up()
            raise Refused(f"`{cluster}` has no open upgrade to cancel.{await self._did_you_mean(cluster)}")
        return await self.cancel(by, standing.id)

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

    async def _decided(self, id: UpgradeId, decide: Callable[[Upgrade], Awaitable[Move]]) -> Upgrade:
        """Read, decide, save: again from the start when somebody saved in between."""
        for _ in range(TRIES):
            read = await self.upgrades.get(id)
            if read is None:
                raise Refused("This upgrade is not known any more. `/aurora status` shows what is open.")
            upgrade, entries = await decide(read)
            try:
                saved = await self.upgrades.save(upgrade, entries)
            except Conflict:
                continue
            await self._set_going(saved)
            return saved
        raise Conflict(f"upgrade {id} kept changing")

    async def _set_going(self, upgrade: Upgrade) -> None:
        """The record is what counts: a sweep sets going whatever is not, so trouble here loses nothing."""
        try:
            await self.crew.set_going(upgrade)
            await self.crew.wake(upgrade.id)
        except Unavailable:
            return

    async def _replan(self, upgrade: Upgrade) -> Plan:
        cluster = await self.aurora.global_cluster(upgrade.cluster, fresh=True)
        if cluster is None:
            raise Refused(f"`{upgrade.cluster}` does not exist any more. Cancel this upgrade.")
        return make_plan(cluster, upgrade.plan.target)

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

    async def _listed(self, cluster: GlobalCluster) -> Listed:
        if cluster.unread:
            return Listed(cluster, Unread(why=cluster.unread), Unread(why=cluster.unread))
        offers, maintenance = await asyncio.gather(
            _or_code(self._offers(cluster)), _or_code(self.aurora.maintenance(cluster))
        )
        return Listed(cluster, offers if isinstance(offers, Unread) else legal_targets(offers), maintenance)

    async def _offers(self, cluster: GlobalCluster) -> Offers:
        return await self.aurora.offers(cluster) if cluster.engine == POSTGRESQL else {}

    async def _targets(self, cluster: GlobalCluster) -> tuple[tuple[EngineVersion, ...], str | None]:
        try:
            return legal_targets(await self._offers(cluster)), None
        except Unavailable as trouble:
            return (), str(trouble)

    async def _refuse_second(self, cluster: GlobalCluster) -> None:
        await self._let_expire(cluster)
        standing = await self._open(cluster)
        if standing:
            plan = standing.upgrade.plan
            raise Refused(
                f"`{cluster.identifier}` has an open upgrade already, to {plan.target} "
                f"({moves.said(standing.upgrade.status)}). One at a time.",
                link=standing.link,
                channel=standing.upgrade.channel,
                trouble=standing.trouble,
            )

    async def _let_expire(self, cluster: GlobalCluster) -> None:
        """One whose time is over stands in nobody's way, though no worker has come by yet."""
        upgrade = await self.upgrades.open_for(cluster.account, cluster.identifier)
        now = self.clock.now()
        if upgrade and upgrade.status.is_before_order and now >= upgrade.expires_at:
            try:
                await self.upgrades.save(*moves.expire(upgrade, now))
            except Conflict:
                return  # somebody did

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

    async def _past(self, upgrade: Upgrade) -> Past:
        standing, ending = await self._standing(upgrade), None
        with suppress(Unavailable):  # the record tells the most of it
            ending = await self.upgrades.last(upgrade.id)
        return Past(upgrade, ending, standing.link, standing.trouble)

    async def _carded(self, upgrade: Upgrade) -> Standing:
        """The proposal is saved, so no trouble here is an answer to it."""
        standing = Standing(upgrade, link=None)
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(self.card_within.total_seconds()):
                while not (standing.link or standing.trouble):
                    await asyncio.sleep(LOOK_AGAIN.total_seconds())
                    standing = await self._standing(upgrade)
        return standing


async def _or_code(reading: Awaitable[T]) -> T | Unread:
    try:
        return await reading
    except Unavailable as trouble:
        return Unread(why=trouble.code)


def _new_id(cluster: GlobalCluster) -> UpgradeId:
    """`orders-k3v9qd2m`: readable, and not to be guessed."""
    return UpgradeId(f"{cluster.identifier.lower()[:60]}-{secrets.token_hex(4)}")
