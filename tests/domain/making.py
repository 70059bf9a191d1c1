"""Plain builders: the global cluster `orders` of two Regions, its policy, its upgrade, and what happens to it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain import moves
from bot.domain.attempts import Attempt, Outcome
from bot.domain.held import Standstill
from bot.domain.ids import Account, ChannelId, Region, TeamId, UpgradeId, UserId
from bot.domain.keeping import Fate, KeptSession
from bot.domain.moves import Move
from bot.domain.outage import Outage
from bot.domain.plan import Plan, make_plan
from bot.domain.policy import Person, Rule
from bot.domain.preflight import Facts, Finding, preflight
from bot.domain.rds_events import RdsEvent
from bot.domain.timeline import Entry, Proposed, RdsSaid
from bot.domain.topology import POSTGRESQL, GlobalCluster, Instance, Member, Role
from bot.domain.unobserved import Unobserved
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion

NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ACCOUNT = Account("123456789012")
HOME = TeamId("T0HOME")
US, AP, EU = Region("us-east-1"), Region("ap-northeast-1"), Region("eu-west-1")
AKI, MINA, SORA, TOMO = UserId("U0AKI"), UserId("U0MINA"), UserId("U0SORA"), UserId("U0TOMO")
DBA = "S0DBA"
ORDERS = UpgradeId("orders-4f5e6d7c")
TEXTS = {
    "started": "Database cluster engine minor version upgrade started. Cluster remains online.",
    "cancelled": (
        "The minor version upgrade for DB cluster orders-us was canceled because a failover occurred on the associated "
        "global database. The DB cluster is now running engine version 18.4. Retry the upgrade when the global database "
        "is available."
    ),  # RDS-EVENT-0517
    "unable": (
        "Unable to upgrade DB cluster orders-us because the instance orders-us-1 has a status of stopped. "
        "Resolve the issue or delete the instance and try again."
    ),  # RDS-EVENT-0085
    "cannot": "Database cluster is in a state that cannot be upgraded.",  # RDS-EVENT-0174
    "rolled back": "The DB engine version upgrade failed. The engine version upgrade rollback succeeded.",
}


def v(text: str) -> EngineVersion:
    return EngineVersion.parse(text)


def instance(identifier: str, region: Region = US, version: str = "18.4", **other: Any) -> Instance:
    made = {
        "identifier": identifier,
        "arn": f"arn:aws:rds:{region}:{ACCOUNT}:db:{identifier}",
        "instance_class": "db.r6g.large",
        "status": "available",
        "engine_version": v(version),
        "is_writer": True,
        "parameters": ("in-sync",),
    }
    return Instance(**made | other)


def member(region: Region = US, version: str = "18.4", instances: int = 1, **other: Any) -> Member:
    """The writer in us-east-1; anywhere else a secondary."""
    short = region.partition("-")[0]
    identifier = other.get("identifier", f"orders-{short}")
    made = {
        "identifier": identifier,
        "arn": f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{identifier}",
        "region": region,
        "role": Role.WRITER if region == US else Role.SECONDARY,
        "status": "available",
        "engine_version": v(version),
        "instances": tuple(instance(f"orders-{short}-{n}", region, version) for n in range(1, instances + 1)),
        "endpoint": f"orders.cluster-x.{region}.rds.amazonaws.com",
        "reader_endpoint": f"orders.cluster-ro-x.{region}.rds.amazonaws.com",
        "port": 5432,
        "synchronization": None if region == US else "connected",
        "parameters": ("in-sync",),
    }
    return Member(**made | other)


def cluster(*members: Member, version: str = "18.4", **other: Any) -> GlobalCluster:
    """`orders` with a writer in us-east-1 and a secondary in ap-northeast-1, unless other members are given."""
    made = {
        "identifier": "orders",
        "arn": f"arn:aws:rds::{ACCOUNT}:global-cluster:orders",
        "engine": POSTGRESQL,
        "engine_version": v(version),
        "status": "available",
        "members": members or (member(US, version), member(AP, version)),
    }
    return GlobalCluster(**made | other)


def facts(seen: GlobalCluster | None = None, **other: Any) -> Facts:
    """Of a cluster about which there is nothing to say."""
    seen = seen or cluster()
    made = {
        "cluster": seen,
        "snapshot_at": NOON - 3 * 60 * MINUTE,
        "maintenance": (),
        "blue_green": (),
        "rpo": dict.fromkeys(seen.regions, -1),
    }
    return Facts(**made | other)


def plan(seen: GlobalCluster | None = None, target: str = "18.6") -> Plan:
    return make_plan(seen or cluster(), v(target))


def rule(approvers: Sequence[str] = (DBA,), approvals: int = 1, minutes: float = 60) -> Rule:
    return Rule(
        clusters=("orders",),
        channel=ChannelId("C0DBOPS"),
        approvers=tuple(approvers),
        approvals=approvals,
        expires_after_minutes=minutes,
    )


def person(id: UserId = MINA, team: TeamId = HOME, **other: bool) -> Person:
    return Person(id=id, team=team, name=id.lower(), **other)


def proposal(
    *,
    reason: str = "patch for CVE",
    findings: tuple[Finding, ...] | None = None,
    what: Plan | None = None,
    under: Rule | None = None,
) -> Move:
    """Aki proposes at noon."""
    return moves.propose(
        id=ORDERS, team=HOME, by=AKI, reason=reason, plan=what or plan(), rule=under or rule(), now=NOON,
        findings=preflight(facts(), v("18.6"), NOON) if findings is None else findings,
    )  # fmt: skip


def proposed(**other: Any) -> Proposed:
    (entry,) = proposal(**other)[1]
    assert isinstance(entry, Proposed)
    return entry


def approved(**other: Any) -> Upgrade:
    """Approved by Mina, a minute after noon."""
    upgrade, _ = proposal(**other)
    return moves.approve(upgrade, MINA, upgrade.plan.digest, upgrade.rule, NOON + MINUTE)[0]


def ordering(**other: Any) -> Upgrade:
    """With an intent, two minutes after noon, and no answer."""
    return moves.intend(approved(**other), (MINA,), NOON + 2 * MINUTE)[0]


def upgrading(**other: Any) -> Upgrade:
    """Ordered two minutes after noon."""
    return moves.accepted(ordering(**other), NOON + 2 * MINUTE)[0]


def rds_said(message: str, at: datetime = NOON, region: Region = US, source: str = "cluster") -> RdsSaid:
    name = "orders-us" if source == "cluster" else "orders-us-1"
    event = RdsEvent(
        arn=f"arn:aws:rds:{region}:{ACCOUNT}:{source}:{name}",
        source_identifier=name,
        source=source,
        region=region,
        at=at,
        message=message,
    )
    return RdsSaid(at=at, event=event)


def tried(second: float, outcome: Outcome = Outcome.OK, lasting: float = 0.1, version: str = "18.4.1") -> Attempt:
    """Seconds after noon."""
    start = NOON + second * SECOND
    said = version if outcome.proves_up else ""
    return Attempt(start=start, end=start + lasting * SECOND, outcome=outcome, version=said)


def outage(down: float = 10, up: float = 12.7, version: str | None = "18.6.1") -> Outage:
    """Seconds after noon; bounds of `up - down - 0.1` to `up - down + 0.1` around it."""
    at = NOON + down * SECOND
    return Outage(
        last_ok_at=at - 0.05 * SECOND,
        first_failure_at=at,
        last_failure_at=NOON + (up - 0.05) * SECOND,
        first_ok_at=NOON + up * SECOND,
        began_by=at + 0.05 * SECOND,
        ended_by=NOON + (up + 0.05) * SECOND,
        failed=11,
        outcomes=(Outcome.REFUSED, Outcome.STARTING_UP),
        version_after=version,
    )


def unwatched(since: float, until: float) -> Unobserved:
    """Seconds after noon."""
    return Unobserved(since=NOON + since * SECOND, until=NOON + until * SECOND)


def entries(*made: Move) -> tuple[Entry, ...]:
    """All that these moves tell."""
    return tuple(entry for _, told in made for entry in told)


def regions(number: int) -> Iterable[Region]:
    """The writer's and that many more."""
    return (US, *(Region(f"ap-southeast-{n}") for n in range(1, number + 1)))


def kept_session(lane: int = 1, fate: Fate = Fate.SURVIVED) -> KeptSession:
    """Stood still for 1.1 to 1.3 s, half a minute after noon."""
    still = Standstill(since=NOON + 30 * SECOND, until=NOON + 31.3 * SECOND, at_least=1.1 * SECOND)
    return KeptSession(lane=lane, fate=fate, since=NOON, last_ok_at=NOON + MINUTE, longest=still)


def dropped_session(lane: int = 1) -> KeptSession:
    at = NOON + 30 * SECOND
    return KeptSession(
        lane=lane, fate=Fate.DROPPED, since=NOON, last_ok_at=at, dropped_by=at + SECOND, outcome=Outcome.SHUTTING_DOWN,
        sqlstate="57P01", detail="terminating connection | due to administrator command",
    )  # fmt: skip
