"""What people can decide: propose, approve, withdraw, decline, cancel."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hmac import compare_digest

from bot.desk.expecting import expected
from bot.desk.freezing import Freezing
from bot.directory import look_up, members_of, ruling
from bot.domain import moves
from bot.domain.answered import Pressed, Standing
from bot.domain.budget import stricter
from bot.domain.buttons import UNKNOWN
from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.ids import UpgradeId, UserId
from bot.domain.moves import Move
from bot.domain.plan import make_plan
from bot.domain.policy import (
    Case,
    Rule,
    check_approver,
    check_budget,
    check_counts,
    check_member,
    check_proposal,
    ruling_on,
)
from bot.domain.preflight import blockers, preflight
from bot.domain.quorum import Need
from bot.domain.status import Status, ended, said
from bot.domain.story import tell
from bot.domain.targets import choose_target
from bot.domain.topology import GlobalCluster
from bot.domain.upgrade import Upgrade

TRIES = 12  # of a decision whose save met another: more than approvals can meet; each try reads and decides anew
LOOK_AGAIN = timedelta(seconds=0.1)  # for a card


@dataclass(frozen=True)
class Deciding(Freezing):
    """Each is one commit: read, decide, save, and again from the start when somebody else saved in between."""

    async def propose(
        self, by: UserId, cluster: str, version: str | None, reason: str, budget: timedelta | None = None
    ) -> Standing:
        """Plan, check and save a proposal; a blocker refuses it. Says what became of its card, if that is known soon.

        Its own budget may be stricter than the rule's.
        """
        check_member(await self._person(by), self.home)
        found = await self._cluster(cluster)
        await self._refuse_second(found)
        offers, facts, expectation = await asyncio.gather(
            self._offers(found), self.aurora.facts(found), expected(self.upgrades)
        )
        target = choose_target(version, found, offers)
        rule = self.policies.policy().rule_for(found.identifier)
        plan = make_plan(found, target, rule.probe)
        check_budget(rule, budget)
        directory = await look_up(self.people, self.home, rule, ())
        now = self.clock.now()
        case = Case(proposer=by, reason=reason, regions=plan.regions)
        check_proposal(rule, ruling_on(rule, case, directory, now), directory.groups, by, now)
        findings = preflight(facts, target, now)
        if grave := blockers(findings):
            raise Refused(f"`{found.identifier}` cannot be upgraded now: {'; '.join(each.text for each in grave)}.")
        upgrade, entries = moves.propose(
            id=_new_id(found), team=self.home, by=by, reason=reason, plan=plan,
            findings=findings, rule=rule, now=now, seal=secrets.token_urlsafe(),
            budget=budget, expectation=expectation,
        )  # fmt: skip
        try:
            saved = await self.upgrades.create(upgrade, entries)
        except Conflict:
            await self._refuse_second(found)
            raise
        await self._set_going(saved)
        return replace(await self._carded(saved), waits=await self.waits_for(saved))

    async def pressed(self, token: str, action: str) -> Pressed:
        """What the button with this token means, if it is the one for that action."""
        button = await self.upgrades.button(token)
        upgrade = await self.upgrades.get(button.upgrade) if button else None
        sealed = button and upgrade and compare_digest(button.token(upgrade.seal), token)
        if button is None or upgrade is None or not sealed or button.action != action:
            raise Refused(UNKNOWN)
        return Pressed(upgrade, button.version, button.digest)

    async def may_decline(self, by: UserId, token: str) -> Upgrade:
        """What a click on Decline is about; refused at once when what follows could not count any more."""
        pressed = await self.pressed(token, "decline")
        moves.check_open(pressed.upgrade, self.clock.now())
        moves.check_card(pressed.upgrade, by, pressed.card)
        return pressed.upgrade

    async def approve(self, by: UserId, upgrade: UpgradeId, digest: str, card: int | None = None) -> Upgrade:
        """Count an approval; the plan is made again, so that nobody approves what is not there any more.

        When it has changed, that is saved first, and then the approval counts if they saw all that is planned now.
        """
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            moves.check_open(read, self.clock.now())
            rule = self.policies.policy().rule_for(read.cluster)
            approved_by = (*read.approved_by, by)
            directory = await look_up(self.people, self.home, rule, approved_by)
            case = read.case.model_copy(update={"approved_by": approved_by})
            ruled = ruling_on(rule, case, directory, self.clock.now())
            check_approver(person, rule, directory.groups, self.home, ruled.missing)
            await self._keep_up(read, rule)
            if by in read.approved_by and read.status is Status.PROPOSED and not (ruled.missing or ruled.against):
                raise Refused(
                    "You have approved this upgrade already, and the rule asks for no more now. "
                    "Withdraw your approval and give it again, and it is ordered; or let another approver click."
                )
            move = moves.approve(read, by, digest, rule, self.clock.now(), missing=ruled.missing, card=card)
            ruled.check()
            check_counts(by, rule, ruled)
            return move

        return await self._decided(upgrade, decide)

    async def withdraw(self, by: UserId, upgrade: UpgradeId, card: int | None = None) -> Upgrade:
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            check_member(person, self.home)
            missing = await self._lacking(read, by)
            return moves.withdraw(read, by, self.clock.now(), card, missing)

        return await self._decided(upgrade, decide)

    async def _lacking(self, read: Upgrade, without: UserId) -> tuple[Need, ...]:
        """Whose approvals its rule asks for without this person's; nothing when Slack does not say: they need no leave."""
        left = tuple(each for each in read.approved_by if each != without)
        case = read.case.model_copy(update={"approved_by": left})
        try:
            return (await ruling(self.people, self.home, read.rule, case, self.clock.now())).missing
        except Unavailable:
            return ()

    async def propose_again(self, by: UserId, upgrade: UpgradeId) -> Standing:
        """What expired, planned and checked as it is now, and proposed by whoever asks; under a rule that is stricter now."""
        before = await self.upgrades.get(upgrade)
        if before is None:
            raise Refused("This upgrade is not known any more. Propose it with `/aurora upgrade`.")
        for newest in await self.upgrades.latest(1, before.cluster):
            if newest.id != before.id and newest.status.is_final and newest.proposed_at >= before.proposed_at:
                raise Refused(
                    f"This button was used, or `{before.cluster}` proposed otherwise since: that {ended(newest.status)}. "
                    "Propose it with `/aurora upgrade` if you want it."
                )
        budget = stricter(before.own_budget, self.policies.policy().rule_for(before.cluster).budget)
        budget = budget if before.own_budget else None
        return await self.propose(by, before.cluster, str(before.plan.target), before.reason, budget)

    async def decline(self, by: UserId, upgrade: UpgradeId, why: str = "", card: int | None = None) -> Upgrade:
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            moves.check_open(read, self.clock.now())
            rule = self.policies.policy().rule_for(read.cluster)
            check_approver(person, rule, await members_of(self.people, rule.groups), self.home)
            return moves.decline(read, by, self.clock.now(), why, card, rule)

        return await self._decided(upgrade, decide)

    async def decline_cluster(self, by: UserId, cluster: str, why: str) -> Upgrade:
        return await self.decline(by, (await self._only_open(cluster, "decline")).id, why)

    async def cancel(self, by: UserId, upgrade: UpgradeId, card: int | None = None) -> Upgrade:
        """By the proposer or an approver, before the order."""
        person = await self._person(by)

        async def decide(read: Upgrade) -> Move:
            check_member(person, self.home)
            moves.check_open(read, self.clock.now())
            rule = None
            if by != read.proposed_by:
                rule = self.policies.policy().rule_for(read.cluster)
                check_approver(person, rule, await members_of(self.people, rule.groups), self.home)
            return moves.cancel(read, by, self.clock.now(), card=card, rule=rule)

        return await self._decided(upgrade, decide)

    async def cancel_cluster(self, by: UserId, cluster: str) -> Upgrade:
        return await self.cancel(by, (await self._only_open(cluster, "cancel")).id)

    async def _only_open(self, cluster: str, to_do: str) -> Upgrade:
        standing = next(iter(await self._open_named(cluster)), None)
        if standing is None:
            await self._own_up()
            raise Refused(f"`{cluster}` has no open upgrade to {to_do}.{await self._did_you_mean(cluster)}")
        return standing

    async def _decided(self, id: UpgradeId, decide: Callable[[Upgrade], Awaitable[Move]]) -> Upgrade:
        """Read, decide, save: again from the start when somebody saved in between."""
        for _ in range(TRIES):
            read = await self.upgrades.get(id)
            if read is None:
                raise Refused("This upgrade is not known any more. `/aurora status` shows what is open.")
            if not read.version:
                read = await self._counted(read)
            try:
                upgrade, entries = await decide(read)
                saved = await self.upgrades.save(upgrade, entries)
            except Conflict:
                continue
            await self._set_going(saved)
            return saved
        raise Conflict(f"upgrade {id} kept changing")

    async def _counted(self, upgrade: Upgrade) -> Upgrade:
        """Of one that an older bot wrote, the version of its card is what its timeline makes it."""
        told = await self.upgrades.timeline(upgrade.id)
        return upgrade.model_copy(update={"version": tell(each.entry for each in told).version})

    async def _set_going(self, upgrade: Upgrade) -> None:
        """The record is what counts: a sweep sets going whatever is not, so trouble here loses nothing."""
        try:
            await self.crew.set_going(upgrade)
            await self.crew.wake(upgrade.id)
        except Unavailable:
            return

    async def _keep_up(self, read: Upgrade, rule: Rule) -> None:
        """Save the plan as it is now when it is another; Conflict then, for whatever was read is not the latest."""
        cluster = await self.aurora.global_cluster(read.cluster, fresh=True)
        if cluster is None:
            raise Refused(f"`{read.cluster}` does not exist any more. Cancel this upgrade.")
        plan = make_plan(cluster, read.plan.target, rule.probe)
        if plan.digest == read.plan.digest:
            return
        if not plan.is_upgrade:
            raise Refused(
                f"`{read.cluster}` runs {plan.from_version} now, so there is nothing to approve. Cancel this upgrade."
            )
        now = self.clock.now()
        asked = await ruling(self.people, self.home, rule, moves.replanned(read, plan).case, now)
        findings = preflight(await self.aurora.facts(cluster), plan.target, now)
        saved = await self.upgrades.save(*moves.replan(read, plan, findings, rule, asked.missing, now))
        await self._set_going(saved)
        raise Conflict(f"the plan of {read.id} has changed")

    async def _refuse_second(self, cluster: GlobalCluster) -> None:
        await self._let_expire(cluster)
        standing = await self._open(cluster)
        if standing:
            plan = standing.upgrade.plan
            raise Refused(
                f"`{cluster.identifier}` has an open upgrade already, to {plan.target} "
                f"({said(standing.upgrade.status)}). One at a time.",
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

    async def _carded(self, upgrade: Upgrade) -> Standing:
        """The proposal is saved, so no trouble here is an answer to it."""
        standing = Standing(upgrade, link=None)
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(self.card_within.total_seconds()):
                while not (standing.link or standing.trouble):
                    await asyncio.sleep(LOOK_AGAIN.total_seconds())
                    standing = await self._standing(upgrade)
        return standing


def _new_id(cluster: GlobalCluster) -> UpgradeId:
    """`orders-k3v9qd2m`: readable, and not to be guessed."""
    return UpgradeId(f"{cluster.identifier.lower()[:60]}-{secrets.token_hex(4)}")
