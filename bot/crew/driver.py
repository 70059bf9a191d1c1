"""The driver carries one upgrade: look, decide, act. The decision is in domain/driving.py, the order in ordering.py."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.crew.ordering import Ordering
from bot.domain import moves
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
    next_action,
)
from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.ids import Region, UpgradeId
from bot.domain.judging import Seen
from bot.domain.lag import row_lag
from bot.domain.measurement import Measurement, measure_ways
from bot.domain.rds_events import meaning_of
from bot.domain.status import Status
from bot.domain.timeline import MemberSeen, RdsSaid
from bot.domain.topology import GlobalCluster
from bot.domain.upgrade import Upgrade
from bot.domain.ways import Use, Way
from bot.ports.aurora import Aurora, Hearing
from bot.ports.clock import Clock
from bot.ports.upgrades import Upgrades

log = logging.getLogger(__name__)

HELD_AGAIN = timedelta(seconds=15)  # so long after a hold it is looked again whether the reasons are gone
SILENT_AGAIN = timedelta(seconds=5)  # so long after AWS did not answer it is asked again
CLOCKS_MAY_DIFFER = timedelta(seconds=30)


@dataclass(frozen=True)
class Driver:
    aurora: Aurora
    upgrades: Upgrades
    hearing: Hearing
    ordering: Ordering
    clock: Clock
    patience: Patience
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
                noted, news = moves.note_members(upgrade, _members(seen.cluster, seen.at))
                upgrade = await self.upgrades.save(noted, news) if news else upgrade
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
            case Expire() if doubt := self._in_doubt_of_time():
                log.warning("%s: whether it has expired is decided later: %s", upgrade.id, doubt)
            case Expire():
                await self.upgrades.save(*moves.expire(upgrade, now))
            case Remind():
                await self.upgrades.save(*moves.remind(upgrade, now))
            case GiveOrder() if doubt := self._in_doubt_of_time():
                await self.ordering.hold(upgrade, doubt)
            case GiveOrder():
                await self.ordering.give(upgrade)
            case TakeAsAccepted():
                await self.upgrades.save(*moves.accepted(upgrade, now, observed=True))
            case TakeAsLost():
                await self.upgrades.save(*moves.not_ordered(upgrade, "", "", now))
            case Lean(outcome=outcome, busy=busy):
                await self.upgrades.save(moves.lean(upgrade, outcome, busy, now), ())
            case Alarm():
                await self.upgrades.save(*moves.overdue(upgrade, self.patience.deadline, now))
            case TellSlower():
                await self.upgrades.save(*moves.slower(upgrade, now))
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

    async def _finish(self, upgrade: Upgrade, outcome: Status, why: str, seen: Seen | None) -> None:
        ordered_at = upgrade.intent_at or upgrade.proposed_at
        versions = _api_versions(seen.cluster) if seen and seen.cluster else {}
        measured, written = list[Measurement](), list[Attempt]()
        writer_first = sorted(
            upgrade.plan.endpoints, key=lambda each: each.use != "writer"
        )  # what it writes others read
        for endpoint in writer_first:
            vantages, uses = await self.upgrades.uses(upgrade.id, endpoint.key)
            written += [each.attempt for each in uses if each.lane.way is Way.WRITE]
            one = measure_ways(endpoint.region, endpoint.use, vantages, uses, ordered_at)
            read = [each.attempt for each in uses if each.lane.way is Way.ROW and each.attempt.start >= ordered_at]
            measured.append(one.model_copy(update={"lag": row_lag(written, read)}))
            version = _version(uses)
            if version and f"{version}.".startswith(f"{versions.get(endpoint.region, version)}."):
                versions[endpoint.region] = version
        await self.upgrades.save(*moves.finish(upgrade, outcome, why, versions, tuple(measured), self.clock.now()))


def _version(uses: Sequence[Use]) -> str | None:
    """What the endpoint answered last."""
    connections = (each.attempt for each in reversed(uses) if each.lane.way is Way.CONNECT)
    return next((each.version for each in connections if each.outcome.proves_up), None)


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
