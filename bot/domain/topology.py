"""What an Aurora Global Database is made of, as far as an upgrade cares."""

from enum import StrEnum

from bot.domain.base import Value
from bot.domain.ids import Account, Region
from bot.domain.version import EngineVersion

AVAILABLE = "available"
POSTGRESQL = "aurora-postgresql"


class Role(StrEnum):
    """What a member cluster is in its global cluster, in RDS's words."""

    WRITER = "writer"
    SECONDARY = "secondary"


class Instance(Value):
    """A DB instance. `status` is RDS's free string; `parameters` the apply status of its parameter groups."""

    identifier: str
    arn: str
    instance_class: str
    status: str
    engine_version: EngineVersion
    is_writer: bool
    parameters: tuple[str, ...] = ()
    endpoint: str | None = None
    port: int = 5432


class Endpoint(Value):
    """Where is measured: one per member, named by what it is used as, and where that is wished one per instance."""

    region: Region
    use: str  # "writer", "reader", or the identifier of an instance
    host: str
    port: int

    @property
    def key(self) -> str:
        """Tells the endpoints of one upgrade apart: `us-east-1/writer`."""
        return f"{self.region}/{self.use}"


class Member(Value):
    """A DB cluster of a global cluster. It lives in one Region, the one its ARN names."""

    identifier: str
    arn: str
    region: Region
    role: Role
    status: str
    engine_version: EngineVersion
    instances: tuple[Instance, ...]
    endpoint: str | None
    reader_endpoint: str | None
    port: int
    iam_auth: bool = False
    synchronization: str | None = None  # `connected`, `pending-resync`; the writer has none
    parameters: tuple[str, ...] = ()  # apply status of the cluster parameter group, per instance
    version_text: str | None = None  # RDS's own, where it says more than numbers: `8.0.mysql_aurora.3.08.2`
    unread: str | None = None  # the code with which its Region was not shown; then nothing more is known of it

    @property
    def is_writer(self) -> bool:
        return self.role is Role.WRITER

    @property
    def runs(self) -> str:
        """Its version as RDS writes it."""
        return self.version_text or str(self.engine_version)

    @property
    def measured_at(self) -> Endpoint | None:
        """The writer's cluster endpoint; a secondary's reader endpoint, else its cluster endpoint (read-only there)."""
        host = self.endpoint if self.is_writer else self.reader_endpoint or self.endpoint
        if host is None:
            return None
        return Endpoint(region=self.region, use="writer" if self.is_writer else "reader", host=host, port=self.port)

    def is_settled_on(self, version: EngineVersion) -> bool:
        """The cluster and each of its instances are available and run this minor version."""
        return all(
            status == AVAILABLE and running.minor_version == version.minor_version
            for status, running in (
                (self.status, self.engine_version),
                *((each.status, each.engine_version) for each in self.instances),
            )
        )


class GlobalCluster(Value):
    """A global cluster with its members, writer first."""

    identifier: str
    arn: str
    engine: str
    engine_version: EngineVersion
    status: str
    members: tuple[Member, ...]
    failover: str | None = None  # RDS's FailoverState.Status while a switchover or failover goes on
    version_text: str | None = None  # as a member's

    @property
    def runs(self) -> str:
        """Its version as RDS writes it."""
        return self.version_text or str(self.engine_version)

    @property
    def unread(self) -> str | None:
        """Why a member's Region is not shown; such a cluster is good for looking at what else there is, for no more."""
        return next((member.unread for member in self.members if member.unread), None)

    @property
    def account(self) -> Account:
        """The fifth field of every ARN."""
        return Account(self.arn.split(":")[4])

    @property
    def writer(self) -> Member | None:
        return next((member for member in self.members if member.is_writer), None)

    @property
    def regions(self) -> tuple[Region, ...]:
        return tuple(member.region for member in self.members)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(member.measured_at for member in self.members if member.measured_at is not None)

    @property
    def instance_endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(region=member.region, use=each.identifier, host=each.endpoint, port=each.port)
            for member in self.members
            for each in member.instances
            if each.endpoint is not None
        )

    def arns(self, region: Region) -> frozenset[str]:
        """Of the cluster and the instances in that Region: whose RDS events belong to this global cluster."""
        return frozenset(
            arn
            for member in self.members
            if member.region == region
            for arn in (member.arn, *(instance.arn for instance in member.instances))
        )

    def is_settled_on(self, version: EngineVersion) -> bool:
        """Everything is available on this minor version; RDS shows the global cluster's own version last."""
        return (
            self.status == AVAILABLE
            and self.engine_version.minor_version == version.minor_version
            and bool(self.members)
            and all(member.is_settled_on(version) for member in self.members)
        )
