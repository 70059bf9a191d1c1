"""What AWS shows of an upgrade that was ordered: at work, or at an outcome; and whether AWS may still turn that.

Judged are the parts that the plan names: whatever else is added or breaks meanwhile is not this upgrade's.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.ids import Region
from bot.domain.rds_events import Meaning
from bot.domain.status import Status
from bot.domain.topology import AVAILABLE, GlobalCluster, Member
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion

BROKEN = ("upgrade-failed", "failed", "incompatible-", "storage-full", "inaccessible-encryption")
UNRELATED = (AVAILABLE, "backing-up", "configuring-", "storage-optimization")  # come and go without any order
UPGRADING = "upgrading"
TRACES = (
    Meaning.STARTED, Meaning.ZDP_TRY, Meaning.ZDP_DONE, Meaning.COMPLETE, Meaning.UPGRADED, Meaning.ALL_INSTANCES,
    Meaning.CANNOT_UPGRADE, Meaning.CANCELLED, Meaning.ROLLED_BACK,
)  # fmt: skip
STARTED_LONG_AGO = timedelta(minutes=10)  # when all stands still on the old version that long after, AWS is done


@dataclass(frozen=True)
class Seen:
    """What a turn looked at: the cluster at an instant, and what RDS said (with the time) since the intent.

    `cluster` is None when AWS says that there is none. `heard_until`: every RDS event before it has been asked for.
    """

    cluster: GlobalCluster | None
    at: datetime
    said: Collection[tuple[Meaning, datetime]] = ()
    heard_until: datetime | None = None

    def heard(self, *meanings: Meaning) -> bool:
        return any(meaning in meanings for meaning, _ in self.said)


@dataclass(frozen=True)
class Verdict:
    """An outcome, and why. What is not `sure` AWS may still turn: it has to last longer to be believed."""

    outcome: Status
    why: str
    sure: bool = True


@dataclass(frozen=True)
class Part:
    """A member cluster or an instance that the plan names, as RDS shows it now."""

    name: str
    region: Region
    status: str
    version: EngineVersion
    before: EngineVersion

    def runs(self, version: EngineVersion) -> bool:
        return self.version.minor_version == version.minor_version

    @property
    def is_broken(self) -> bool:
        return self.status.startswith(BROKEN)

    def __str__(self) -> str:
        return f"{self.name} in {self.region}"


def shows_traces(upgrade: Upgrade, seen: Seen) -> bool:
    """Whether AWS acts on the order, or has."""
    if seen.cluster is None:
        return False
    on_target = _missing_members(upgrade, seen.cluster) == [] and _all_run(upgrade, seen.cluster, upgrade.plan.target)
    return is_at_work(upgrade, seen.cluster) or on_target or seen.heard(*TRACES)


def is_at_work(upgrade: Upgrade, cluster: GlobalCluster) -> bool:
    """A status says so, or a version moved.

    Which status a cluster shows during a managed minor upgrade is not documented, so all count but those that come and
    go by themselves; an instance may reboot, or be modified, for any reason.
    """
    clusters = (cluster.status, *(member.status for member in _members(upgrade, cluster)))
    return (
        any(not status.startswith(UNRELATED) for status in clusters)
        or any(part.status.startswith(UPGRADING) for part in _parts(upgrade, cluster))
        or any(not part.runs(part.before) for part in _parts(upgrade, cluster))
    )


def judge(upgrade: Upgrade, seen: Seen, deadline: timedelta) -> Verdict | None:
    """The outcome that AWS shows now; None while it is at work, or has not begun and may yet, until the deadline."""
    cluster = seen.cluster
    if cluster is None:
        return Verdict(Status.FAILED, f"{upgrade.cluster} does not exist any more: deleted, or renamed.", sure=False)
    parts = [*_parts(upgrade, cluster)]
    statuses = (cluster.status, *(part.status for part in parts))
    if any(status != AVAILABLE and not status.startswith(BROKEN) for status in statuses):
        return None
    if broken := _broken(cluster, parts):
        return Verdict(Status.FAILED, f"RDS shows {', '.join(broken)}.", sure=False)
    if gone := _missing_members(upgrade, cluster):
        return Verdict(Status.FAILED, f"No longer a member of {upgrade.cluster}: {', '.join(gone)}.", sure=False)
    return _at_rest(upgrade, seen, cluster, parts, deadline)


def _at_rest(
    upgrade: Upgrade, seen: Seen, cluster: GlobalCluster, parts: list[Part], deadline: timedelta
) -> Verdict | None:
    """Everything planned is there and available; which version does it run?"""
    plan = upgrade.plan
    if all(part.runs(plan.target) for part in parts):
        return _succeeded(upgrade, cluster)
    back = all(part.runs(part.before) for part in parts)
    if seen.heard(Meaning.CANCELLED, Meaning.CANNOT_UPGRADE) and not (back and seen.heard(Meaning.ROLLED_BACK)):
        return Verdict(Status.FAILED, "RDS says that it cancelled the upgrade or could not do it.")
    if not back:
        behind = ", ".join(f"{part} runs {part.version}" for part in parts if not part.runs(plan.target))
        return Verdict(Status.FAILED, f"RDS has stopped half-way, and a person has to go on: {behind}.", sure=False)
    if _has_worked(upgrade, seen):
        sure = seen.heard(Meaning.ROLLED_BACK)
        return Verdict(Status.ROLLED_BACK, f"Every member is available and back on {plan.from_version}.", sure)
    if upgrade.intent_at is not None and seen.at - upgrade.intent_at >= deadline:
        return Verdict(Status.FAILED, "AWS took the order and has not begun with it.", sure=False)
    return None


def _succeeded(upgrade: Upgrade, cluster: GlobalCluster) -> Verdict:
    """RDS shows the global cluster's own version last."""
    target, gone = upgrade.plan.target, _missing_instances(upgrade, cluster)
    why = f"Every member and instance is available on {target}"
    if gone:
        why += f", but for what is no longer there: {', '.join(gone)}"
    lags = cluster.engine_version.minor_version != target.minor_version
    if lags:
        why += f"; the global cluster itself still shows {cluster.engine_version}"
    return Verdict(Status.SUCCEEDED, f"{why}.", sure=not gone and not lags)


def _has_worked(upgrade: Upgrade, seen: Seen) -> bool:
    """Not just "not begun yet": AWS was seen at work, says that it rolled back, or announced its start long ago."""
    started = any(meaning is Meaning.STARTED and seen.at - at >= STARTED_LONG_AGO for meaning, at in seen.said)
    return upgrade.busy_at is not None or seen.heard(Meaning.ROLLED_BACK) or started


def _broken(cluster: GlobalCluster, parts: list[Part]) -> list[str]:
    said = [f"{cluster.status} of {cluster.identifier}"] if cluster.status.startswith(BROKEN) else []
    return said + [f"{part.status} of {part}" for part in parts if part.is_broken]


def _members(upgrade: Upgrade, cluster: GlobalCluster) -> list[Member]:
    """Those of the plan. Cluster identifiers are unique within a Region only."""
    planned = {(step.region, step.cluster) for step in upgrade.plan.steps}
    return [member for member in cluster.members if (member.region, member.identifier) in planned]


def _parts(upgrade: Upgrade, cluster: GlobalCluster) -> Iterator[Part]:
    planned = {(step.region, step.cluster): step for step in upgrade.plan.steps}
    for member in _members(upgrade, cluster):
        step = planned[member.region, member.identifier]
        yield Part(step.cluster, step.region, member.status, member.engine_version, step.from_version)
        for each in member.instances:
            if each.identifier in step.instances:
                yield Part(each.identifier, step.region, each.status, each.engine_version, step.from_version)


def _all_run(upgrade: Upgrade, cluster: GlobalCluster, version: EngineVersion) -> bool:
    return all(part.runs(version) for part in _parts(upgrade, cluster))


def _missing_members(upgrade: Upgrade, cluster: GlobalCluster) -> list[str]:
    there = {(member.region, member.identifier) for member in cluster.members}
    steps = upgrade.plan.steps
    return [f"{step.cluster} in {step.region}" for step in steps if (step.region, step.cluster) not in there]


def _missing_instances(upgrade: Upgrade, cluster: GlobalCluster) -> list[str]:
    there = {(part.region, part.name) for part in _parts(upgrade, cluster)}
    return [
        f"{name} in {step.region}"
        for step in upgrade.plan.steps
        for name in step.instances
        if (step.region, name) not in there
    ]
