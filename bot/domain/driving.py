"""The decision of a turn: from the upgrade as recorded and Aurora as it is now to the one next thing to do."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.plan import Step
from bot.domain.rds_events import Meaning
from bot.domain.status import Status
from bot.domain.topology import AVAILABLE, GlobalCluster
from bot.domain.upgrade import Upgrade

BROKEN = ("upgrade-failed", "failed", "incompatible-", "storage-full", "inaccessible-encryption")
UNRELATED = (AVAILABLE, "backing-up", "configuring-", "storage-optimization")  # come and go without any order
TRACES = (
    Meaning.STARTED, Meaning.ZDP_TRY, Meaning.ZDP_DONE, Meaning.COMPLETE, Meaning.UPGRADED, Meaning.ALL_INSTANCES,
    Meaning.CANNOT_UPGRADE, Meaning.CANCELLED, Meaning.ROLLED_BACK,
)  # fmt: skip
STARTED_LONG_AGO = timedelta(minutes=10)  # when all stands still on the old version that long after, AWS is done


@dataclass(frozen=True)
class Patience:
    """How long to wait before believing what AWS shows.

    `quiet` with no trace of an order whose answer is lost; `settle` until an outcome is final; `deadline` until people
    are alarmed.
    """

    quiet: timedelta = timedelta(seconds=90)
    settle: timedelta = timedelta(seconds=30)
    deadline: timedelta = timedelta(minutes=90)


@dataclass(frozen=True)
class Seen:
    """What a turn looked at: the cluster at an instant, and what RDS said (with the time) since the intent."""

    cluster: GlobalCluster
    at: datetime
    said: Collection[tuple[Meaning, datetime]] = ()

    def heard(self, *meanings: Meaning) -> bool:
        return any(meaning in meanings for meaning, _ in self.said)


@dataclass(frozen=True)
class Wait:
    """Nothing to decide yet."""


@dataclass(frozen=True)
class Expire:
    """Nobody decided, or the hold was not lifted, in time."""


@dataclass(frozen=True)
class GiveOrder:
    """All approvals are in; make the plan again, compare, and order."""


@dataclass(frozen=True)
class TakeAsAccepted:
    """The answer was lost, and AWS is seen to act."""


@dataclass(frozen=True)
class TakeAsLost:
    """The answer was lost, and AWS shows no trace: the order did not get there. It is not given again."""


@dataclass(frozen=True)
class Lean:
    """What AWS shows points to `outcome` (None: to nothing yet), but must last first."""

    outcome: Status | None
    busy: bool


@dataclass(frozen=True)
class Alarm:
    """The deadline is over and AWS is still at it."""


@dataclass(frozen=True)
class Finish:
    outcome: Status
    why: str


Action = Wait | Expire | GiveOrder | TakeAsAccepted | TakeAsLost | Lean | Alarm | Finish


def next_action(upgrade: Upgrade, seen: Seen | None, now: datetime, patience: Patience) -> Action:
    """The one next thing to do. `seen` is None where nothing needs to be looked at, and when AWS shows nothing."""
    if upgrade.status.is_final:
        return Wait()
    if upgrade.status.is_before_order:
        if now >= upgrade.expires_at:
            return Expire()
        return GiveOrder() if upgrade.status is Status.APPROVED else Wait()
    if seen is None:
        return _alarm_or_wait(upgrade, now, patience)
    if upgrade.status is Status.ORDERING:
        return _unanswered(upgrade, seen, patience)
    return _under_way(upgrade, seen, patience) or _alarm_or_wait(upgrade, now, patience)


def _unanswered(upgrade: Upgrade, seen: Seen, patience: Patience) -> Action:
    """An intent without an answer only observes (law 1). Quiet counts from the first look: nobody may have looked before."""
    if _is_busy(upgrade, seen.cluster) or _on_target(upgrade, seen.cluster) or seen.heard(*TRACES):
        return TakeAsAccepted()
    if upgrade.leaning is None:
        return Lean(Status.REFUSED, busy=False)
    return TakeAsLost() if seen.at - upgrade.leaning.since >= patience.quiet else Wait()


def _under_way(upgrade: Upgrade, seen: Seen, patience: Patience) -> Finish | Lean | None:
    outcome, why = _judge(upgrade, seen)
    leaning = upgrade.leaning
    if outcome and leaning and leaning.outcome is outcome and seen.at - leaning.since >= patience.settle:
        return Finish(outcome, why)
    busy = _is_busy(upgrade, seen.cluster)
    if (leaning.outcome if leaning else None) is not outcome or (busy and upgrade.busy_at is None):
        return Lean(outcome, busy)
    return None


def _alarm_or_wait(upgrade: Upgrade, now: datetime, patience: Patience) -> Alarm | Wait:
    """A silent AWS does not keep people from being alarmed."""
    late = upgrade.intent_at is not None and now - upgrade.intent_at >= patience.deadline
    return Alarm() if late and upgrade.overdue_at is None else Wait()


def _judge(upgrade: Upgrade, seen: Seen) -> tuple[Status | None, str]:
    """The outcome that AWS shows now, with its reason; None while it is at work."""
    broken = sorted({status for status in _statuses(seen.cluster) if status.startswith(BROKEN)})
    if broken:
        return Status.FAILED, f"RDS shows {', '.join(broken)}."
    if _on_target(upgrade, seen.cluster):
        return Status.SUCCEEDED, f"Every member and instance is available on {upgrade.plan.target}."
    if any(status != AVAILABLE for status in _statuses(seen.cluster)):
        return None, ""
    back = all(_is_back(step, seen.cluster) for step in upgrade.plan.steps)
    if seen.heard(Meaning.CANCELLED, Meaning.CANNOT_UPGRADE) and not (back and seen.heard(Meaning.ROLLED_BACK)):
        return Status.FAILED, "RDS says that it cancelled the upgrade or could not do it."
    if back and _has_worked(upgrade, seen):
        return Status.ROLLED_BACK, f"Every member is available and back on {upgrade.plan.from_version}."
    return None, ""


def _has_worked(upgrade: Upgrade, seen: Seen) -> bool:
    """Not just "not begun yet": AWS was seen at work, says that it rolled back, or announced its start long ago."""
    started = any(meaning is Meaning.STARTED and seen.at - at >= STARTED_LONG_AGO for meaning, at in seen.said)
    return upgrade.busy_at is not None or seen.heard(Meaning.ROLLED_BACK) or started


def _is_busy(upgrade: Upgrade, cluster: GlobalCluster) -> bool:
    """AWS is seen to work on the order: a status says so, or a version moved."""
    if any(not status.startswith(UNRELATED) for status in _statuses(cluster)):
        return True
    before = {(step.region, step.cluster): step.from_version.minor_version for step in upgrade.plan.steps}
    return any(
        member.engine_version.minor_version
        != before.get((member.region, member.identifier), member.engine_version.minor_version)
        for member in cluster.members
    )


def _statuses(cluster: GlobalCluster) -> tuple[str, ...]:
    """Every status RDS shows of the global cluster, its members and their instances."""
    return (
        cluster.status,
        *(member.status for member in cluster.members),
        *(instance.status for member in cluster.members for instance in member.instances),
    )


def _on_target(upgrade: Upgrade, cluster: GlobalCluster) -> bool:
    """Everything shown is on the target, and everyone who was to go there is shown."""
    there = {(member.region, member.identifier) for member in cluster.members}
    planned = {(step.region, step.cluster) for step in upgrade.plan.steps}
    return planned <= there and cluster.is_settled_on(upgrade.plan.target)


def _is_back(step: Step, cluster: GlobalCluster) -> bool:
    return any(
        (member.region, member.identifier) == (step.region, step.cluster) and member.is_settled_on(step.from_version)
        for member in cluster.members
    )
