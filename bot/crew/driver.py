"""The driver carries one upgrade: look, decide, act; the decision itself is in domain/driving.py."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from bot.directory import ruling
from bot.domain import upgrade as moves
from bot.domain.attempts import Attempt
from bot.domain.driving import (
    Action,
    Alarm,
    Expire,
    Finish,
    GiveOrder,
    Lean,
    Patience,
    Remind,
    TakeAsAccepted,
    TakeAsLost,
    TellSlower,
    Wait,
    is_time_to_remind,
    next_action,
)
from bot.domain.errors import Conflict, Frozen, Refused, Unavailable
from bot.domain.freezing import frost_on, told
from bot.domain.ids import Region, TeamId, UpgradeId, UserId
from bot.domain.judging import Seen
from bot.domain.lag import row_lag
from bot.domain.measurement import Measurement, measure_ways
from bot.domain.plan import Plan, make_plan
from bot.domain.policy import Rule, Ruling, closed
from bot.domain.preflight import Finding, blockers, preflight
from bot.domain.rds_events import meaning_of
from bot.domain.status import Status
from bot.domain.targets import legal_targets
from bot.domain.timeline import Entry, Forecast, MemberSeen, RdsSaid, Reached
from bot.domain.topology import GlobalCluster, Role
from bot.domain.upgrade import Move, Upgrade
from bot.domain.ways import Use, Way
from bot.ports import (
    Accepted,
    Aurora,
    Clock,
    Freezes,
    Hearing,
    NoAnswer,
    OrderAnswer,
    People,
    Policies,
    Rejected,
    Upgrades,
)

log = logging.getLogger(__name__)

STALE_INTENT = timedelta(seconds=10)  # whoever slept this long between intent and call does not call any more
WRITING = timedelta(seconds=15)  # as long the answer is tried to be written down; then it is only observed
WRITE_AGAIN = timedelta(seconds=0.5)
HELD_AGAIN = timedelta(seconds=15)  # so long after a hold it is looked again whether the reasons are gone
SILENT_AGAIN = timedelta(seconds=5)  # so long after AWS did not answer it is asked again
FORETOLD_WITHIN = timedelta(
    seconds=5
)  # as long an order waits for what its sessions are doing now, and goes on without
FORECAST_IS_OLD = timedelta(minutes=1)
FORETOLD_AGAIN = timedelta(seconds=0.2)
CLOCKS_MAY_DIFFER = timedelta(seconds=30)
TO_THE_END = timedelta(seconds=20)  # for a cancelled turn to end the order it has begun; a stop kills after 30 s or so


@dataclass(frozen=True)
class Driver:
    home: TeamId
    aurora: Aurora
    upgrades: Upgrades
    policies: Policies
    people: People
    hearing: Hearing
    clock: Clock
    patience: Patience
    freezes: Freezes
    every: timedelta = timedelta(seconds=1)
    disagreement: Callable[[], timedelta] = timedelta  # of the clock of this machine with `clock`

    async def turn(self, id: UpgradeId) -> timedelta | None:
        """One look → decide → act; None when the upgrade is over. A save that meets another leaves the rest to the next."""
        upgrade = await self.upgrades.get(id)
        if upgrade is None or upgrade.status.is_final:
            return None
        seen = await self._look(upgrade)
        try:
            if seen and seen.cluster:
                upgrade = await self._save(moves.note_members(upgrade, _members(seen.cluster, seen.at)))
            await self._act(upgrade, next_action(upgrade, seen, self.clock.now(), self.patience), seen)
        except Conflict:
            log.info("%s: somebody saved first", id)
        except Refused as late:
            log.info("%s: what this turn decided is too late: %s", id, late)
        return await self._pace(upgrade, seen)

    async def _pace(self, upgrade: Upgrade, seen: Seen | None) -> timedelta:
        """Whatever holds an order, and an AWS that does not answer, is not asked every second."""
        if upgrade.status is Status.APPROVED:
            after = await self.upgrades.get(upgrade.id)
            return HELD_AGAIN if after and after.status is Status.APPROVED and after.held_for else self.every
        return self.every if seen or upgrade.status.is_before_order else SILENT_AGAIN

    async def _look(self, upgrade: Upgrade) -> Seen | None:
        """Before the order nothing needs to be looked at; a silent AWS shows nothing, and nothing is concluded from it.

        What is looked at may be as old as the shelf allows, which is little beside any wait that follows from it.
        """
        if upgrade.status.is_before_order:
            return None
        at = self.clock.now()
        try:
            cluster = await self.aurora.global_cluster(upgrade.cluster)
        except Unavailable as trouble:
            log.warning("%s: AWS shows nothing: %s", upgrade.id, trouble)
            return None
        told = [record.entry for record in await self.upgrades.timeline(upgrade.id, readable_only=True)]
        said = [(meaning_of(each.event.message), each.at) for each in told if isinstance(each, RdsSaid)]
        heard_until = await self.hearing.heard_until(upgrade.plan.account, upgrade.plan.regions)
        return Seen(cluster=cluster, at=at, said=said, heard_until=heard_until)

    async def _act(self, upgrade: Upgrade, action: Action, seen: Seen | None) -> None:
        now = self.clock.now()
        match action:
            case Wait():
                pass
            case Expire() if self._in_doubt_of_time():
                log.warning("%s: whether it has expired is decided later: %s", upgrade.id, self._in_doubt_of_time())
            case Expire():
                await self._save(moves.expire(upgrade, now))
            case Remind():
                await self._save(moves.remind(upgrade, now))
            case GiveOrder():
                await self._give_order(upgrade)
            case TakeAsAccepted():
                await self._save(moves.accepted(upgrade, now, observed=True))
            case TakeAsLost():
                await self._save(moves.not_ordered(upgrade, "", "", now))
            case Lean(outcome=outcome, busy=busy):
                await self.upgrades.save(moves.lean(upgrade, outcome, busy, now), ())
            case Alarm():
                await self._save(moves.overdue(upgrade, self.patience.deadline, now))
            case TellSlower():
                await self._save(moves.slower(upgrade, now))
            case Finish(outcome=outcome, why=why):
                await self._finish(upgrade, outcome, why, seen)
            case _:
                assert_never(action)

    def _in_doubt_of_time(self) -> str:
        """Why nothing is decided that depends on what time it is; empty when it may be."""
        ahead = self.disagreement()
        if abs(ahead) <= CLOCKS_MAY_DIFFER:
            return ""
        way = "ahead of" if ahead > timedelta() else "behind"
        by = round(abs(ahead).total_seconds(), -1)  # what changes all the time would be told all the time
        return f"the clock of this worker is some {by:.0f} s {way} the one of Redis, and one of them is wrong"

    async def _save(self, move: Move) -> Upgrade:
        upgrade, entries = move
        return await self.upgrades.save(upgrade, entries) if entries else upgrade

    async def _give_order(self, upgrade: Upgrade) -> None:
        """Check once more, write the intent, call once, write the answer."""
        if doubt := self._in_doubt_of_time():
            await self._hold(upgrade, doubt)
            return
        try:
            await self._check(upgrade, fresh=False)
            upgrade = await self._foretold(upgrade)
            rule, approved_by = await self._check(upgrade, fresh=True)
        except _Pointless as gone:
            await self._save(moves.cancel(upgrade, None, self.clock.now(), str(gone)))
            return
        except _Changed as changed:
            await self._replan(upgrade, changed.plan, changed.findings)
            return
        except _TooFew as lacking:
            ruled = lacking.ruling
            await self._save(moves.reopen(upgrade, lacking.rule, ruled.counting, self.clock.now(), ruled.missing))
            return
        except (Refused, Unavailable) as hindrance:
            await self._hold(upgrade, str(hindrance))
            return
        moves.check_open(upgrade, self.clock.now())  # the check may have taken long
        try:
            await _to_the_end(self._order(upgrade, approved_by, rule))
        except Frozen as frozen:
            await self._hold(upgrade, str(frozen))

    async def _hold(self, upgrade: Upgrade, reason: str) -> None:
        """What waits may expire as well, so that is told as of a proposal that waits for approvals."""
        now = self.clock.now()
        held = await self._save(moves.hold(upgrade, (reason,), now))
        if is_time_to_remind(held, now):
            await self._save(moves.remind(held, now))

    async def _replan(self, upgrade: Upgrade, plan: Plan, findings: tuple[Finding, ...]) -> None:
        """The order is given in a later turn: for what was approved already the next one, else when the rest is."""
        rule, now = self.policies.policy().rule_for(upgrade.cluster), self.clock.now()
        ruled = await ruling(self.people, self.home, rule, moves.replanned(upgrade, plan).case, now)
        await self._save(moves.replan(upgrade, plan, findings, rule, ruled.missing, now))

    async def _order(self, upgrade: Upgrade, approved_by: tuple[UserId, ...], rule: Rule) -> None:
        began = asyncio.get_running_loop().time()
        intended = await self._save(moves.intend(upgrade, approved_by, self.clock.now(), rule))
        if not await self.upgrades.make_durable():
            log.warning("%s: the store cannot promise that the intent outlives a power cut", upgrade.id)
        answer = await self._call(intended, began)
        if isinstance(answer, NoAnswer):
            log.warning("%s: the order got no answer, from now on it is only observed: %s", upgrade.id, answer.why)
        else:
            await self._write_answer(upgrade.id, answer)

    async def _call(self, intended: Upgrade, began: float) -> OrderAnswer:
        """By the shared clock, which goes on while a machine is suspended, and by the other one, which nobody sets back."""
        slept = timedelta(seconds=asyncio.get_running_loop().time() - began)
        if intended.intent_at is None or max(slept, self.clock.now() - intended.intent_at) > STALE_INTENT:
            return NoAnswer("this turn slept after its intent and must not call any more")
        return await self.aurora.order(intended.plan)

    async def _write_answer(self, id: UpgradeId, answer: Accepted | Rejected) -> None:
        """Whoever else saves meanwhile, and though the store be away for a while: a refusal can be observed nowhere."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WRITING.total_seconds()
        while not await self._is_written(id, answer):
            if loop.time() > until:
                log.error("%s: this answer could not be written down, from now on it is only observed: %s", id, answer)
                return
            await asyncio.sleep(WRITE_AGAIN.total_seconds())

    async def _is_written(self, id: UpgradeId, answer: Accepted | Rejected) -> bool:
        """There is one intent of one upgrade, so the answer is to the one on record, whatever its revision."""
        try:
            upgrade = await self.upgrades.get(id)
            if upgrade and upgrade.status is Status.ORDERING:
                await self._save(self._answered(upgrade, answer))
        except (Conflict, Unavailable) as trouble:
            log.warning("%s: the answer is not written down yet: %s", id, trouble)
            return False
        return True

    def _answered(self, upgrade: Upgrade, answer: Accepted | Rejected) -> Move:
        now = self.clock.now()
        match answer:
            case Accepted():
                return moves.accepted(upgrade, now)
            case Rejected(code=code, message=message):
                return moves.not_ordered(upgrade, code, message, now)
            case _:
                assert_never(answer)

    async def _check(self, upgrade: Upgrade, *, fresh: bool) -> tuple[Rule, tuple[UserId, ...]]:
        """The rule in force and who approved, if the plan, the policy in force and preflight still allow the order (law 2).

        First as the shelf has it: while that holds the order back, AWS is not asked anew for each upgrade that waits.
        """
        rule = self.policies.policy().rule_for(upgrade.cluster)
        approved_by = await self._counting(upgrade, rule)
        await self._check_moment(upgrade, rule)
        await self._check_cluster(upgrade, fresh=fresh)
        await self._check_moment(upgrade, rule)
        return rule, approved_by

    async def _foretold(self, upgrade: Upgrade) -> Upgrade:
        """With a forecast of this moment, if whoever measures the writer gives one soon. It never holds the order back."""
        now, asked = self.clock.now(), upgrade.forecast_asked_at
        if asked and abs(now - asked) < FORECAST_IS_OLD:
            return upgrade
        if not await self._has_told(upgrade, lambda entry: _is_witness(entry, upgrade)):
            return upgrade  # nobody is there to be asked
        asking = await self.upgrades.save(moves.ask_forecast(upgrade, now), ())
        loop = asyncio.get_running_loop()
        until = loop.time() + FORETOLD_WITHIN.total_seconds()
        while not await self._has_told(asking, lambda entry: _answers(entry, asking)):
            if loop.time() > until:
                log.info("%s: no forecast came within %s", upgrade.id, FORETOLD_WITHIN)
                break
            await asyncio.sleep(FORETOLD_AGAIN.total_seconds())
        return asking

    async def _has_told(self, upgrade: Upgrade, what: Callable[[Entry], bool]) -> bool:
        """False when nobody knows."""
        try:
            told = await self.upgrades.timeline(upgrade.id, readable_only=True)
        except Unavailable:
            return False
        return any(what(each.entry) for each in told)

    async def _check_moment(self, upgrade: Upgrade, rule: Rule) -> None:
        """Refused while it is frozen, or outside of the hours."""
        now = self.clock.now()
        frost = frost_on(upgrade.cluster, await self.freezes.frosts(), now)
        if reasons := [each for each in (frost and told(frost), closed(rule, now)) if each]:
            raise Refused("; ".join(reasons))

    async def _check_cluster(self, upgrade: Upgrade, *, fresh: bool) -> None:
        """What the shelf has may be older than the plan, so of another cluster than planned it decides nothing."""
        cluster = await self.aurora.global_cluster(upgrade.cluster, fresh=fresh)
        plan = make_plan(cluster, upgrade.plan.target, upgrade.rule.probe) if cluster else None
        changed = plan is None or plan.digest != upgrade.plan.digest
        if changed and not fresh:
            return
        if cluster is None or plan is None:
            raise _Pointless(f"{upgrade.cluster} does not exist any more.")
        if not plan.is_upgrade:
            raise _Pointless(f"{upgrade.cluster} runs {plan.from_version} already.")
        findings = preflight(await self.aurora.facts(cluster), plan.target, self.clock.now())
        if changed:
            raise _Changed(plan, findings)
        if upgrade.plan.target not in legal_targets(await self.aurora.offers(cluster)):
            raise Refused(f"{upgrade.plan.target} is not offered any more")
        if grave := blockers(findings):
            raise Refused("; ".join(finding.text for finding in grave))

    async def _counting(self, upgrade: Upgrade, rule: Rule) -> tuple[UserId, ...]:
        """Those whose approvals count under the policy in force, if they are enough."""
        ruled = await ruling(self.people, self.home, rule, upgrade.case, self.clock.now())
        ruled.check()
        if ruled.missing:
            raise _TooFew(rule, ruled)
        return ruled.counting

    async def _finish(self, upgrade: Upgrade, outcome: Status, why: str, seen: Seen | None) -> None:
        ordered_at = upgrade.intent_at or upgrade.proposed_at
        versions = _api_versions(seen.cluster) if seen and seen.cluster else {}
        measured, written = list[Measurement](), list[Attempt]()
        for endpoint in sorted(
            upgrade.plan.endpoints, key=lambda each: each.use != "writer"
        ):  # what it writes others read
            vantages, uses = await self.upgrades.uses(upgrade.id, endpoint.key)
            written += [each.attempt for each in uses if each.lane.way is Way.WRITE]
            one = measure_ways(endpoint.region, endpoint.use, vantages, uses, ordered_at)
            read = [each.attempt for each in uses if each.lane.way is Way.ROW and each.attempt.start >= ordered_at]
            measured.append(one.model_copy(update={"lag": row_lag(written, read)}))
            version = _version(uses)
            if version and f"{version}.".startswith(f"{versions.get(endpoint.region, version)}."):
                versions[endpoint.region] = version
        await self._save(moves.finish(upgrade, outcome, why, versions, tuple(measured), self.clock.now()))


def _version(uses: Sequence[Use]) -> str | None:
    """What the endpoint answered last."""
    connections = (each.attempt for each in reversed(uses) if each.lane.way is Way.CONNECT)
    return next((each.version for each in connections if each.outcome.proves_up), None)


class _Pointless(Exception):
    """There is nothing left to upgrade; waiting cannot mend that."""


class _Changed(Exception):
    """The cluster is not as it was planned: this is the plan now."""

    def __init__(self, plan: Plan, findings: tuple[Finding, ...]) -> None:
        super().__init__("the plan has changed")
        self.plan = plan
        self.findings = findings


class _TooFew(Exception):
    """The policy in force counts fewer approvals than it asks for: people have to be asked again."""

    def __init__(self, rule: Rule, ruling: Ruling) -> None:
        super().__init__(f"{len(ruling.counting)} of {rule.approvals} approvals")
        self.rule = rule
        self.ruling = ruling


def _is_witness(entry: Entry, upgrade: Upgrade) -> bool:
    """Written by whoever measures the writer."""
    writers = {step.region for step in upgrade.plan.steps if step.role is Role.WRITER}
    match entry:
        case Reached(region=region, use="writer") | Forecast(region=region):
            return region in writers
        case _:
            return False


def _answers(entry: Entry, asking: Upgrade) -> bool:
    return isinstance(entry, Forecast) and entry.asked_at == asking.forecast_wanted


async def _to_the_end(order: Coroutine[Any, Any, None]) -> None:
    """What was begun is ended though the turn be cancelled, and cancelled again, within bounds: a stop stops soon."""
    ordering = asyncio.create_task(order)
    loop, cancelled = asyncio.get_running_loop(), None
    until = float("inf")
    while not ordering.done() and loop.time() < until:
        try:
            await asyncio.wait({ordering}, timeout=min(until - loop.time(), 60))
        except asyncio.CancelledError as again:
            cancelled = again
            until = min(until, loop.time() + TO_THE_END.total_seconds())
    ordering.cancel()
    [came_to] = await asyncio.gather(ordering, return_exceptions=True)
    if cancelled:
        raise cancelled
    if isinstance(came_to, BaseException):
        raise came_to


def _api_versions(cluster: GlobalCluster) -> dict[Region, str]:
    return {member.region: str(member.engine_version) for member in cluster.members}


def _members(cluster: GlobalCluster, at: datetime) -> tuple[MemberSeen, ...]:
    return tuple(
        MemberSeen(
            at=at,
            region=member.region,
            status=member.status,
            version=str(member.engine_version),
            instances=tuple(sorted({instance.status for instance in member.instances})),
        )
        for member in cluster.members
    )
