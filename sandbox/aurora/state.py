"""What the account holds: global clusters, their member clusters and instances, and what RDS has said about them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Final

ACCOUNT: Final = "123456789012"


@dataclass
class Instance:
    identifier: str
    version: str
    status: str = "available"
    instance_class: str = "db.r6g.large"


@dataclass(frozen=True)
class Snapshot:
    identifier: str
    kind: str  # "manual" or "automated"
    taken_at: datetime
    version: str


@dataclass(frozen=True)
class Maintenance:
    action: str
    description: str
    applies_at: datetime | None = None
    forced_at: datetime | None = None
    opt_in: str | None = None


@dataclass
class Cluster:
    """A member of a global cluster, in one Region. `host` and `port` are where clients reach it."""

    identifier: str
    region: str
    engine: str
    version: str
    host: str
    port: int
    instances: list[Instance] = field(default_factory=list)
    status: str = "available"
    snapshots: list[Snapshot] = field(default_factory=list)
    maintenance: list[Maintenance] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return arn(self.region, "cluster", self.identifier)

    @property
    def parameter_group(self) -> str:
        return f"default.{family(self.engine, self.version)}"


@dataclass
class GlobalCluster:
    """`members[0]` is the writer."""

    identifier: str
    engine: str
    version: str
    members: list[Cluster]
    status: str = "available"
    deletion_protection: bool = False

    @property
    def arn(self) -> str:
        return arn("", "global-cluster", self.identifier)


@dataclass(frozen=True)
class RdsEvent:
    region: str
    source_type: str
    source_identifier: str
    source_arn: str
    message: str
    categories: tuple[str, ...]
    date: datetime


@dataclass(frozen=True)
class Order:
    """An accepted ModifyGlobalCluster that asks for another engine version."""

    global_cluster: str
    version: str
    region: str
    at: datetime


@dataclass
class Account:
    """All of it. Whoever reads or changes more than one thing holds `lock`."""

    globals: list[GlobalCluster]
    events: list[RdsEvent] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    def global_cluster(self, identifier: str) -> GlobalCluster | None:
        return next((each for each in self.globals if each.identifier == identifier.lower()), None)

    def clusters(self, region: str) -> list[Cluster]:
        return [member for each in self.globals for member in each.members if member.region == region]

    def global_of(self, cluster: Cluster) -> GlobalCluster:
        return next(each for each in self.globals if cluster in each.members)

    def say(self, cluster: Cluster, message: str, *categories: str, instance: Instance | None = None) -> None:
        """An RDS event of the cluster, or of one of its instances."""
        kind, identifier = ("db", instance.identifier) if instance else ("cluster", cluster.identifier)
        source = arn(cluster.region, kind, identifier)
        now = datetime.now(UTC)
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        event = RdsEvent(
            cluster.region, "db-instance" if instance else "db-cluster", identifier, source, message, categories, at
        )
        with self.lock:
            self.events.append(event)


def arn(region: str, kind: str, identifier: str) -> str:
    return f"arn:aws:rds:{region}:{ACCOUNT}:{kind}:{identifier}"


def family(engine: str, version: str) -> str:
    """The parameter group family: `aurora-postgresql18`, `aurora-mysql8.0`."""
    major, _, rest = version.partition(".")
    return f"{engine}{major}" if engine == "aurora-postgresql" else f"{engine}{major}.{rest.partition('.')[0]}"
