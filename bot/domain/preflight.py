"""Facts about a global cluster → findings: what stands in the way, what deserves a look, what could not be known."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.topology import AVAILABLE, GlobalCluster
from bot.domain.version import EngineVersion

IN_SYNC = "in-sync"
SNAPSHOT_AGE = timedelta(hours=24)
MAINTENANCE_SOON = timedelta(hours=1)
RPO_OFF = -1


class Severity(StrEnum):
    """A blocker refuses the upgrade; an unknown is a question nobody could answer, and never fine."""

    BLOCKER = "blocker"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FINE = "fine"


class Finding(Value):
    """What one check of preflight found. `text` is plain and complete by itself."""

    check: str
    severity: Severity
    text: str


class Unread(Value):
    """A fact that AWS did not show, and why."""

    why: str


class Maintenance(Value):
    """A pending maintenance action of a member cluster or instance."""

    resource: str
    region: Region
    action: str
    applies_at: datetime | None = None


class Facts(Value):
    """All that preflight looks at. A fact is itself or `Unread`; nothing is guessed."""

    cluster: GlobalCluster
    snapshot_at: datetime | Unread | None  # the newest manual snapshot of the writer's cluster
    maintenance: tuple[Maintenance, ...] | Unread
    blue_green: tuple[str, ...] | Unread  # deployments that touch a member
    rpo: Mapping[Region, int] | Unread  # rds.global_db_rpo in seconds, -1 is off


def preflight(facts: Facts, target: EngineVersion, now: datetime) -> tuple[Finding, ...]:
    """One finding per check, the gravest first. That the target is legal is settled before (targets.py)."""
    cluster = facts.cluster
    findings = (
        _global_status(cluster),
        _members_available(cluster),
        _instances(cluster),
        _versions(cluster, target),
        _synchronized(cluster),
        _failover(cluster),
        _parameters(cluster),
        _snapshot(facts.snapshot_at, now),
        _maintenance(facts.maintenance, now),
        _blue_green(facts.blue_green),
        _rpo(facts.rpo),
    )
    gravity = list(Severity)
    return tuple(sorted(findings, key=lambda finding: gravity.index(finding.severity)))


def blockers(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.BLOCKER)


def _found(check: str, severity: Severity, wrong: list[str], fine: str) -> Finding:
    if wrong:
        return Finding(check=check, severity=severity, text="; ".join(wrong))
    return Finding(check=check, severity=Severity.FINE, text=fine)


def _global_status(cluster: GlobalCluster) -> Finding:
    wrong = [f"the global cluster is {cluster.status}"] if cluster.status != AVAILABLE else []
    return _found("global cluster", Severity.BLOCKER, wrong, "the global cluster is available")


def _members_available(cluster: GlobalCluster) -> Finding:
    wrong = [
        f"{each.identifier} in {each.region} is {each.status}" for each in cluster.members if each.status != AVAILABLE
    ]
    if cluster.writer is None:
        wrong.append("the global cluster has no writer")
    return _found("members", Severity.BLOCKER, wrong, "every member is available")


def _instances(cluster: GlobalCluster) -> Finding:
    """A headless secondary cannot be minor-upgraded (Aurora User Guide, global database limitations)."""
    wrong = [f"{each.identifier} in {each.region} has no instance" for each in cluster.members if not each.instances]
    wrong += [
        f"instance {instance.identifier} is {instance.status}"
        for member in cluster.members
        for instance in member.instances
        if instance.status != AVAILABLE
    ]
    return _found("instances", Severity.BLOCKER, wrong, "every instance is available")


def _versions(cluster: GlobalCluster, target: EngineVersion) -> Finding:
    ahead = [
        f"{each.identifier} runs {each.engine_version}, above {target}"
        for each in cluster.members
        if each.engine_version.minor_version > target
    ]
    if ahead:
        return Finding(check="versions", severity=Severity.BLOCKER, text="; ".join(ahead))
    running = sorted({each.engine_version for each in cluster.members})
    wrong = [f"members run different versions: {', '.join(map(str, running))}"] if len(running) > 1 else []
    return _found("versions", Severity.WARNING, wrong, "all members run the same version")


def _synchronized(cluster: GlobalCluster) -> Finding:
    """RDS shows it for secondaries only; of one for which it shows nothing, nothing is known."""
    wrong = [
        f"{each.identifier} in {each.region} is {each.synchronization}"
        for each in cluster.members
        if each.synchronization not in (None, "connected")
    ]
    hidden = [each for each in cluster.members if not each.is_writer and each.synchronization is None]
    if hidden and not wrong:
        return _not_shown(
            "replication", "the replication state", [f"{each.identifier} in {each.region}" for each in hidden]
        )
    return _found("replication", Severity.BLOCKER, wrong, "every secondary is connected")


def _failover(cluster: GlobalCluster) -> Finding:
    wrong = [f"a switchover or failover is going on ({cluster.failover})"] if cluster.failover else []
    return _found("failover", Severity.BLOCKER, wrong, "no switchover or failover is going on")


def _parameters(cluster: GlobalCluster) -> Finding:
    """Zero downtime patching may not complete while parameter changes are pending (Aurora User Guide)."""
    shown = [
        (
            f"{member.identifier} in {member.region}",
            [member.parameters, *(each.parameters for each in member.instances)],
        )
        for member in cluster.members
    ]
    wrong = [
        f"parameters of {name} are {status}"
        for name, groups in shown
        for status in sorted({each for group in groups for each in group} - {IN_SYNC})
    ]
    hidden = [name for name, groups in shown if not all(groups)]
    if hidden and not wrong:
        return _not_shown("parameters", "the parameter status", hidden)
    return _found("parameters", Severity.WARNING, wrong, "all parameters are in sync")


def _snapshot(taken_at: datetime | Unread | None, now: datetime) -> Finding:
    """RDS takes a snapshot by itself before a major upgrade only."""
    if isinstance(taken_at, Unread):
        return _unknown("snapshot", "manual snapshots", taken_at)
    wrong = [] if taken_at and now - taken_at <= SNAPSHOT_AGE else ["no manual snapshot in the last 24 h"]
    return _found("snapshot", Severity.WARNING, wrong, "a manual snapshot is younger than 24 h")


def _maintenance(pending: tuple[Maintenance, ...] | Unread, now: datetime) -> Finding:
    if isinstance(pending, Unread):
        return _unknown("maintenance", "pending maintenance", pending)
    soon = [each for each in pending if each.applies_at and each.applies_at - now <= MAINTENANCE_SOON]
    if soon:
        texts = [f"{each.action} of {each.resource} is due within the hour" for each in soon]
        return Finding(check="maintenance", severity=Severity.BLOCKER, text="; ".join(texts))
    wrong = [f"{each.action} is pending on {each.resource}" for each in pending]
    return _found("maintenance", Severity.WARNING, wrong, "no maintenance is pending")


def _blue_green(deployments: tuple[str, ...] | Unread) -> Finding:
    if isinstance(deployments, Unread):
        return _unknown("blue/green", "blue/green deployments", deployments)
    wrong = [f"blue/green deployment {name} exists" for name in deployments]
    return _found("blue/green", Severity.BLOCKER, wrong, "no blue/green deployment exists")


def _rpo(rpo: Mapping[Region, int] | Unread) -> Finding:
    """With rds.global_db_rpo on, commits on the writer can stall while a secondary restarts (inferred, not documented)."""
    if isinstance(rpo, Unread):
        return _unknown("rpo", "rds.global_db_rpo", rpo)
    wrong = [
        f"rds.global_db_rpo is {seconds} s in {region}: commits may stall while the secondary restarts"
        for region, seconds in rpo.items()
        if seconds != RPO_OFF
    ]
    return _found("rpo", Severity.WARNING, wrong, "rds.global_db_rpo is off")


def _not_shown(check: str, subject: str, names: list[str]) -> Finding:
    return Finding(check=check, severity=Severity.UNKNOWN, text=f"RDS does not show {subject} of {', '.join(names)}")


def _unknown(check: str, subject: str, unread: Unread) -> Finding:
    return Finding(check=check, severity=Severity.UNKNOWN, text=f"{subject} could not be read: {unread.why}")
