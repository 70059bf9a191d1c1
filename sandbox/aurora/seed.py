"""The account as it is when the world begins: `orders` on real servers, and neighbours that exist on paper only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from .catalogue import MYSQL, POSTGRES
from .state import Account, Cluster, GlobalCluster, Instance, Maintenance, RdsEvent, Snapshot

WRITER: Final = "us-east-1"
SECONDARY: Final = "ap-northeast-1"
EUROPE: Final = "eu-central-1"
HISTORY_DAYS: Final = 13


@dataclass(frozen=True)
class Address:
    host: str
    port: int


def account(addresses: dict[str, Address], version: str, now: datetime | None = None) -> Account:
    """`addresses`: where the members of `orders` listen, by Region."""
    now = now or datetime.now(UTC)
    clusters = [orders(addresses, version), billing(now), legacy_mysql(), sessions(), archive(now)]
    for member in (member for each in clusters for member in each.members):
        member.snapshots[:0] = nightly(member, now)
    return Account(clusters, sorted(history(clusters, now), key=lambda event: event.date))


def orders(addresses: dict[str, Address], version: str) -> GlobalCluster:
    members = [
        Cluster(name, region, POSTGRES, version, addresses[region].host, addresses[region].port, [Instance(f"{name}-1", version)])
        for name, region in (("orders-us", WRITER), ("orders-ap", SECONDARY))
    ]  # fmt: skip
    return GlobalCluster("orders", POSTGRES, version, members)


def billing(now: datetime) -> GlobalCluster:
    """17.11 is offered to its writer only; a patch waits; somebody took a snapshot this morning."""
    writer, reader = paper("billing-us", WRITER, POSTGRES, "17.9", 2), paper("billing-eu", EUROPE, POSTGRES, "17.9", 1)
    writer.snapshots.append(Snapshot("billing-before-the-quarter", "manual", now - timedelta(hours=2), "17.9"))
    for member in (writer, reader):
        member.maintenance.append(
            Maintenance("system-update", "Upgrade to Aurora PostgreSQL 17.9.2", forced_at=now + timedelta(days=12))
        )
    return GlobalCluster("billing", POSTGRES, "17.9", [writer, reader], deletion_protection=True)


def legacy_mysql() -> GlobalCluster:
    version = "8.0.mysql_aurora.3.08.2"
    members = [paper("legacy-us", WRITER, MYSQL, version, 1), paper("legacy-eu", EUROPE, MYSQL, version, 1)]
    return GlobalCluster("legacy-mysql", MYSQL, version, members)


def sessions() -> GlobalCluster:
    """Somebody upgrades it already."""
    members = [paper("sessions-us", WRITER, POSTGRES, "17.9", 1), paper("sessions-ap", SECONDARY, POSTGRES, "17.9", 1)]
    for member in members:
        member.status = "upgrading"
    return GlobalCluster("sessions", POSTGRES, "17.9", members, status="upgrading")


def archive(now: datetime) -> GlobalCluster:
    """Its secondary is headless, its version is no longer offered, and maintenance of its writer begins within the hour."""
    writer, secondary = (
        paper("archive-eu", EUROPE, POSTGRES, "16.1", 1),
        paper("archive-us", WRITER, POSTGRES, "16.1", 0),
    )
    soon = now + timedelta(minutes=40)
    writer.maintenance.append(
        Maintenance("os-upgrade", "New Operating System upgrade is available", soon, opt_in="next-maintenance")
    )
    return GlobalCluster("archive", POSTGRES, "16.1", [writer, secondary])


def paper(name: str, region: str, engine: str, version: str, instances: int) -> Cluster:
    host = f"{name}.cluster-c0ffee123456.{region}.rds.amazonaws.com"
    named = [Instance(f"{name}-{number}", version) for number in range(1, instances + 1)]
    return Cluster(name, region, engine, version, host, 5432 if engine == POSTGRES else 3306, named)


def nightly(cluster: Cluster, now: datetime) -> Iterator[Snapshot]:
    """An automated snapshot in every past night; and `orders` has a manual one, but an old one."""
    for days in range(HISTORY_DAYS, 0, -1):
        at = (now - timedelta(days=days)).replace(hour=3, minute=12, second=7, microsecond=0)
        yield Snapshot(f"rds:{cluster.identifier}-{at:%Y-%m-%d-%H-%M}", "automated", at, cluster.version)
    if cluster.identifier == "orders-us":
        yield Snapshot("orders-before-black-friday", "manual", now - timedelta(days=9), cluster.version)


def history(clusters: list[GlobalCluster], now: datetime) -> Iterator[RdsEvent]:
    for member in (member for each in clusters for member in each.members):
        for snapshot in (each for each in member.snapshots if each.kind == "automated" and each.taken_at < now):
            for text, later in (("Creating automated cluster snapshot", 0), ("Automated cluster snapshot created", 94)):
                at = snapshot.taken_at + timedelta(seconds=later)
                yield RdsEvent(member.region, "db-cluster", member.identifier, member.arn, text, ("backup",), at)
