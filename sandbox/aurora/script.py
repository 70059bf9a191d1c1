"""How RDS carries a managed minor upgrade, in the order of a recorded one, on real servers.

Only `happy` was ever seen. How a rollback or a failure shows is not documented; those two are guesses that keep to
documented texts.
"""

from collections.abc import Callable, Mapping
from typing import Final

from .stage import Halt, Member, Restart, Stage

PARAMETER: Final = "max_wal_senders"
OLD_VALUE: Final = "10"
NEW_VALUE: Final = "20"
SECONDARY_DOWN: Final = 2.6  # seconds at pace 1
WRITER_DOWN: Final = 1.4
WRITER_QUIET: Final = 0.5  # for sessions to come to rest
SECONDARY_AGAIN: Final = 2.0
STUCK: Final = 45.0
ANOTHER_DATE: Final = 0.1  # events of one millisecond have no order that anybody could know

STARTED: Final = "Database cluster engine minor version upgrade started. Cluster remains online."
ADJUSTED: Final = (
    f"The parameter {PARAMETER} was set to a value incompatible with replication. "
    f"It has been adjusted from {OLD_VALUE} to {NEW_VALUE}."
)
SHUTDOWN: Final = "DB instance shutdown"
RESTARTED: Final = "DB instance restarted"
ATTEMPTING: Final = "Attempting to upgrade the database with zero downtime."
FAST_STARTUP: Final = "Aurora fast startup completed in [{microseconds}] microseconds."
FINISHED: Final = (
    "Attempt to upgrade the database instance '{instance}' with zero downtime finished. The process took {ms} ms, "
    "{preserved} connections preserved, {dropped} connections dropped. See the database error log for details."
)
ONLINE: Final = "Database cluster is online. The primary instance is ready for connections."
ALL_INSTANCES: Final = "Database cluster engine version upgrade finished on all instances."
COMPLETE: Final = "Database cluster engine minor version upgrade complete. Previous version: {old}. New version: {new}."
UPGRADED: Final = "Database cluster engine version has been upgraded."
ROLLED_BACK: Final = "The DB engine version upgrade failed. The engine version upgrade rollback succeeded."
CANCELLED: Final = (
    "The minor version upgrade for DB cluster {cluster} was canceled because a failover occurred on the associated global "
    "database. The DB cluster is now running engine version {version}. Retry the upgrade when the global database is available."
)
CANNOT: Final = "Database cluster is in a state that cannot be upgraded."


def happy(stage: Stage) -> None:
    before = begin(stage)
    for member in stage.secondaries:
        upgrade_secondary(stage, member)
    stage.wait(3.0)
    upgrade_writer(stage)
    for member in stage.members:
        stage.wait(2.0)
        complete(stage, member, before[member.cluster.identifier])
    stage.wait(2.0)
    end(stage, stage.target)


def rollback(stage: Stage) -> None:
    """The secondaries come up on the new version, the writer cannot follow, and all go back to where they were."""
    old = stage.subject.version
    begin(stage)
    for member in stage.secondaries:
        upgrade_secondary(stage, member)
    stage.wait(3.0)
    stage.of_cluster(stage.writer, ATTEMPTING)
    stage.of_instance(stage.writer, ATTEMPTING)
    stage.wait(2.0)
    for member in stage.secondaries:
        member.server.settings[PARAMETER] = OLD_VALUE
        restart(stage, member, old)
    for member in stage.members:
        stage.wait(1.0)
        with stage.change():
            member.cluster.status = member.instance.status = "available"
            stage.of_cluster(member, ROLLED_BACK, "maintenance")
    stage.wait(1.5)
    end(stage, old)


def failed(stage: Stage) -> None:
    """The secondaries are done; the writer comes back on its old version and stays in `upgrade-failed`."""
    before = begin(stage)
    for member in stage.secondaries:
        upgrade_secondary(stage, member)
        stage.wait(2.0)
        complete(stage, member, before[member.cluster.identifier])
    stage.of_cluster(stage.writer, ATTEMPTING)
    stage.of_instance(stage.writer, ATTEMPTING)
    restart(stage, stage.writer, stage.subject.version)
    with stage.change():
        stage.writer.cluster.status = stage.writer.instance.status = "upgrade-failed"
        stage.of_cluster(stage.writer, CANNOT, "maintenance")
    stage.wait(1.5)
    end(stage, stage.subject.version)


def cancelled(stage: Stage) -> None:
    """Somebody fails the global database over while the upgrade has only begun (RDS-EVENT-0517)."""
    begin(stage)
    with stage.change():
        for member in stage.members:
            member.cluster.status = "available"
            said = CANCELLED.format(cluster=member.cluster.identifier, version=stage.subject.version)
            stage.of_cluster(member, said, "failure")
    stage.wait(1.0)
    end(stage, stage.subject.version)


def stuck(stage: Stage) -> None:
    """All is done, but the writer's instance goes on showing `upgrading` for long."""
    before = begin(stage)
    for member in stage.secondaries:
        upgrade_secondary(stage, member)
    upgrade_writer(stage)
    stage.writer.instance.status = "upgrading"
    for member in stage.members:
        complete(stage, member, before[member.cluster.identifier])
    end(stage, stage.target)
    stage.wait(STUCK)
    stage.writer.instance.status = "available"


SCRIPTS: Final[Mapping[str, Callable[[Stage], None]]] = {
    "happy": happy, "rollback": rollback, "failed": failed, "cancelled": cancelled, "stuck": stuck,
}  # fmt: skip


def begin(stage: Stage) -> dict[str, str]:
    """Returns what each cluster runs before the upgrade."""
    before = {member.cluster.identifier: member.server.version() for member in stage.members}
    stage.wait(1.0)
    with stage.change():
        for member in stage.members:
            member.cluster.status = "upgrading"
    for member in (stage.writer, *stage.secondaries):
        stage.of_cluster(member, STARTED, "maintenance")
    stage.wait(4.5)
    return before


def upgrade_secondary(stage: Stage, member: Member) -> None:
    """Readers are restarted; zero-downtime patching is for writers."""
    member.server.settings[PARAMETER] = NEW_VALUE
    stage.of_instance(member, ADJUSTED)
    member.instance.status = "upgrading"
    stage.wait(0.8)
    halt = stage.shut_down(member)
    stage.of_instance(member, SHUTDOWN, "availability")
    stage.of_instance(member, ADJUSTED)
    stage.bring_up(member, stage.target, halt, SECONDARY_DOWN)
    stage.of_instance(member, RESTARTED, "availability")
    stage.wait(1.0)
    member.instance.status = "available"


def upgrade_writer(stage: Stage) -> None:
    writer = stage.writer
    writer.instance.status = "upgrading"
    stage.of_cluster(writer, ATTEMPTING)
    stage.wait(1.5)
    writer.server.settings[PARAMETER] = NEW_VALUE
    stage.of_instance(writer, ADJUSTED)
    stage.wait(ANOTHER_DATE)
    stage.of_instance(writer, ATTEMPTING)
    halt = stage.pause(writer, WRITER_QUIET)
    fallen = [(each, fall(stage, each)) for each in stage.secondaries if stage.secondary_again]
    restarted = stage.bring_up(writer, stage.target, halt, WRITER_DOWN)
    for member, since in fallen:
        stage.bring_up(member, member.server.ran, since, SECONDARY_AGAIN)
        stage.of_instance(member, RESTARTED, "availability")
    report_writer(stage, writer, restarted)
    writer.instance.status = "available"


def report_writer(stage: Stage, writer: Member, restarted: Restart) -> None:
    finished = FINISHED.format(
        instance=writer.instance.identifier,
        ms=restarted.milliseconds,
        preserved=restarted.preserved,
        dropped=restarted.dropped,
    )
    stage.of_instance(writer, FAST_STARTUP.format(microseconds=restarted.startup_microseconds))
    stage.wait(ANOTHER_DATE)
    stage.of_cluster(writer, finished)
    stage.of_instance(writer, finished)
    stage.wait(0.5)
    stage.of_cluster(writer, ONLINE)
    stage.wait(0.5)
    stage.of_cluster(writer, ALL_INSTANCES)


def fall(stage: Stage, member: Member) -> Halt:
    halt = stage.shut_down(member)
    stage.of_instance(member, SHUTDOWN, "availability")
    return halt


def restart(stage: Stage, member: Member, version: str) -> None:
    halt = fall(stage, member)
    stage.bring_up(member, version, halt, SECONDARY_DOWN)
    stage.of_instance(member, RESTARTED, "availability")


def complete(stage: Stage, member: Member, old: str) -> None:
    new = member.server.version()
    with stage.change():
        member.cluster.version = member.instance.version = stage.target
        member.cluster.status = "available"
        stage.of_cluster(member, COMPLETE.format(old=old, new=new))
        stage.of_cluster(member, UPGRADED, "maintenance")


def end(stage: Stage, version: str) -> None:
    with stage.change():
        stage.subject.version = version
        stage.subject.status = "available"
