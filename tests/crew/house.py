"""What the crew works with in these tests: a clock to move, a store and an AWS that can be cut, and who plays the people."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.policy_file import PolicyFile
from bot.adapters.rds import FRESH_FOR, RdsAurora
from bot.adapters.redis import RedisServer
from bot.adapters.redis_freezes import RedisFreezes
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.adapters.slack_people import SlackPeople
from bot.crew.checking import Checking
from bot.crew.driver import Driver
from bot.crew.ordering import Ordering
from bot.desk import Desk
from bot.domain import moves
from bot.domain.audit import audit
from bot.domain.driving import Patience
from bot.domain.errors import Refused, Unavailable
from bot.domain.ids import Account, ChannelId, Region, TeamId, UpgradeId, UserId
from bot.domain.moves import Move
from bot.domain.plan import Plan
from bot.domain.policy import Rule
from bot.domain.rds_events import RdsEvent
from bot.domain.status import Status
from bot.domain.timeline import Entry, RdsSaid
from bot.domain.topology import GlobalCluster
from bot.domain.upgrade import Upgrade
from bot.ports.aurora import OrderAnswer
from bot.ports.upgrades import Told
from sandbox.aurora.state import Cluster, Instance
from sandbox.aurora.state import GlobalCluster as Shown
from sandbox.aurora.state import RdsEvent as Said
from sandbox.slack import SlackDouble
from sandbox.slack.workspace import UserGroup
from tests.adapters.aws import Aws
from tests.adapters.store import proposed

OPS: Final = ChannelId("C0DBOPS")
TEAM: Final = TeamId("T0SANDBOX")
ACCOUNT: Final = Account("123456789012")
AKI, MINA, REN, OLA = UserId("U0AKI"), UserId("U0MINA"), UserId("U0REN"), UserId("U0OLA")
SAM, GUS, BOTTO, STRANGER = UserId("U0SAM"), UserId("U0GUS"), UserId("U0BOTTO"), UserId("U0STRANGER")  # no members
LINK: Final = "https://sandbox.slack.com/archives/C0DBOPS/p1"
US, AP = Region("us-east-1"), Region("ap-northeast-1")
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
PATIENCE: Final = Patience(quiet=90 * SECOND, settle=30 * SECOND, deadline=90 * MINUTE)
NUMBERS: Final = count(1)
STARTED: Final = "Database cluster engine minor version upgrade started. Cluster remains online."
RULE: Final = """\
[[rule]]
clusters = ["{clusters}"]
channel = "{channel}"
approvers = [{approvers}]
approvals = {approvals}
expires_after_minutes = {minutes}
"""
TWO_GROUPS: Final = """\
[[rule]]
clusters = ["*"]
channel = "C0DBOPS"
needs = [{ approvers = ["S0DBA"] }, { approvers = ["S0OWNER"] }]
"""


class Death(BaseException):
    """The process is gone: no handler of it runs any more."""


def dies_at(status: Status) -> Callable[[Upgrade], None]:
    """As the store is about to save, or has saved, this status."""

    def look(upgrade: Upgrade) -> None:
        if upgrade.status is status:
            raise Death

    return look


class Clock:
    """Stands still until it is moved. It begins at the present, for Redis and AWS have clocks of their own."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by

    def epoch(self) -> float:
        return self.at.timestamp()


def nothing(*_: object) -> None:
    """What happens around a call as long as a test has no plans for it."""


class Store(RedisUpgrades):
    """The real store, with a place before and after each commit where a test can interfere."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self.mend()

    def mend(self) -> None:
        self.at_commit: asyncio.Barrier | None = None  # its next save waits there for all the others
        self.before_save: Callable[[Upgrade], None] = nothing
        self.after_save: Callable[[Upgrade], None] = nothing
        self.before_told: Callable[[Told], None] = nothing
        self.after_told: Callable[[Told], None] = nothing

    async def save(self, upgrade: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        self.before_save(upgrade)
        if self.at_commit:
            together, self.at_commit = self.at_commit, None
            await together.wait()
        saved = await super().save(upgrade, entries)
        self.after_save(saved)
        return saved

    async def set_told(self, id: UpgradeId, told: Told) -> Told:
        self.before_told(told)
        saved = await super().set_told(id, told)
        self.after_told(saved)
        return saved

    async def entries(self, id: UpgradeId) -> list[Entry]:
        return [record.entry for record in await self.timeline(id)]

    async def kinds(self, id: UpgradeId) -> list[str]:
        return [entry.kind for entry in await self.entries(id)]


class Instant:
    """A cache that forgets as soon as the clock moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.kept: dict[str, tuple[datetime, str]] = {}

    async def get(self, key: str) -> str | None:
        at, value = self.kept.get(key, (None, ""))
        return value if at == self.clock.at else None

    async def put(self, key: str, value: str, keep: timedelta) -> None:  # noqa: ARG002 - no longer than the instant
        self.kept[key] = self.clock.at, value


class Rds(RdsAurora):
    """The real adapter, which remembers nothing from one instant to the next, with places around the order.

    `away` are clusters that AWS does not show.
    """

    def __init__(self) -> None:
        self.cache = Instant()
        super().__init__(US, self.cache, FRESH_FOR)
        self.begin()

    def begin(self) -> None:
        self.cache.kept.clear()
        self.before_order: Callable[[Plan], None] = nothing
        self.after_order: Callable[[OrderAnswer], None] = nothing
        self.heard: Callable[[OrderAnswer], OrderAnswer] = lambda answer: answer
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.away: set[str] = set()

    async def order(self, plan: Plan) -> OrderAnswer:
        self.before_order(plan)
        answer = await super().order(plan)
        self.after_order(answer)
        if self.meanwhile:
            await self.meanwhile()
        return self.heard(answer)

    async def global_cluster(self, identifier: str, *, fresh: bool = False) -> GlobalCluster | None:
        if identifier in self.away:
            raise Unavailable("AWS RDS in us-east-1", "EndpointConnectionError")
        return await super().global_cluster(identifier, fresh=fresh)


@dataclass
class Bell:
    """Plays the crew for a desk: who is set going and woken. Adding turns is the business of another test."""

    going: list[UpgradeId] = field(default_factory=list)
    woken: list[UpgradeId] = field(default_factory=list)
    down: bool = False

    async def set_going(self, upgrade: Upgrade) -> None:
        if self.down:
            raise Unavailable("Redis", "ConnectionError")
        self.going.append(upgrade.id)

    async def wake(self, id: UpgradeId) -> None:
        self.woken.append(id)


@dataclass
class Ears:
    """Plays the watcher for a driver: everything has been heard until now, or `until`."""

    clock: Clock
    until: datetime | None = None

    async def heard_until(self, account: Account, regions: Sequence[Region]) -> datetime | None:  # noqa: ARG002 - one answer for all
        return self.until or self.clock.now()


@dataclass(frozen=True)
class Home:
    """Everything around an upgrade: the desk where it begins, the driver that carries it, and what they touch."""

    clock: Clock
    aws: Aws
    aurora: Rds
    upgrades: Store
    slack: SlackDouble
    people: SlackPeople
    policy: Path
    crew: Bell
    ears: Ears
    freezes: RedisFreezes

    @property
    def desk(self) -> Desk:
        """It waits for no card, since nobody posts one."""
        policies, soon = PolicyFile(self.policy), timedelta()
        return Desk(TEAM, self.aurora, self.upgrades, policies, self.people, self.crew, self.clock, self.freezes, soon)

    @property
    def driver(self) -> Driver:
        """Another one every time: it remembers nothing."""
        aurora, upgrades, clock = self.aurora, self.upgrades, self.clock
        checking = Checking(TEAM, aurora, PolicyFile(self.policy), self.people, self.freezes, clock)
        ordering = Ordering(aurora, upgrades, checking, clock)
        return Driver(aurora, upgrades, self.ears, ordering, clock, PATIENCE)

    @property
    def orders(self) -> Shown:
        """The global cluster as AWS has it, to be changed at will."""
        found = self.aws.account.global_cluster("orders")
        assert found is not None
        return found

    @property
    def ordered(self) -> int:
        """How often ModifyGlobalCluster was called, whatever came of it."""
        return sum(call.operation == "ModifyGlobalCluster" for call in self.aws.calls)

    def rule(
        self, *approvers: str, clusters: str = "*", channel: str = OPS, approvals: int = 1, minutes: float = 60
    ) -> None:
        named = ", ".join(f'"{each}"' for each in approvers or ("S0DBA",))
        text = RULE.format(clusters=clusters, channel=channel, approvers=named, approvals=approvals, minutes=minutes)
        self.policy.write_text(text)

    def two_groups(self, *owners: UserId) -> None:
        """Both have to approve: the DBAs, who are Mina and Ren, and those who own the service."""
        self.policy.write_text(TWO_GROUPS)
        self.slack.workspace.groups["S0OWNER"] = UserGroup(id="S0OWNER", handle="service-owner", members=[*owners])

    async def proposed(self, cluster: str = "orders", reason: str = "patch for CVE") -> Upgrade:
        return (await self.desk.propose(AKI, cluster, "18.6", reason)).upgrade

    async def approved(self) -> Upgrade:
        return await self.approve(MINA, await self.proposed())

    async def approve(self, by: UserId, upgrade: Upgrade) -> Upgrade:
        """They click on the card of this upgrade as it is given here."""
        return await self.desk.approve(by, upgrade.id, upgrade.plan.digest)

    async def drive(self, upgrade: Upgrade, turns: int = 1, apart: timedelta = SECOND) -> Upgrade:
        """That many turns, each by a driver that knows nothing of the others."""
        for _ in range(turns):
            await self.driver.turn(upgrade.id)
            self.clock.move(apart)
        return await self.read(upgrade)

    async def read(self, upgrade: Upgrade) -> Upgrade:
        found = await self.upgrades.get(upgrade.id)
        assert found is not None
        return found

    async def last(self, upgrade: Upgrade) -> Entry:
        """The last of its timeline."""
        return (await self.upgrades.entries(upgrade.id))[-1]

    async def is_untouched(self, upgrade: Upgrade) -> bool:
        """Nothing was counted: the record is at the revision it had, and the timeline tells no more."""
        told = await self.upgrades.timeline(upgrade.id)
        return await self.read(upgrade) == upgrade and len(told) <= upgrade.revision

    async def is_legal(self, upgrade: Upgrade) -> bool:
        """Whoever knows nothing but the timeline finds nothing wrong in it."""
        verdict = audit((await self.upgrades.chain(upgrade.id))[0])
        return (verdict.faults, verdict.status) == ((), (await self.read(upgrade)).status)

    def show(self, status: str, version: str | None = None) -> None:
        """RDS shows this of the global cluster and all that is in it."""
        for thing in everything(self.orders):
            thing.status = status
            thing.version = version or thing.version

    def say(self, message: str, region: Region = US, at: datetime | None = None, cluster: str = "orders") -> None:
        said_by(self.aws, cluster, message, region, at or self.clock.now())


async def ordered(home: Home) -> Upgrade:
    upgrade = await home.drive(await home.approved())
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    return upgrade


async def refused(asking: Awaitable[object]) -> Refused:
    with pytest.raises(Refused) as raised:
        await asking
    return raised.value


def everything(shown: Shown) -> list[Shown | Cluster | Instance]:
    return [shown, *shown.members, *(each for member in shown.members for each in member.instances)]


def said_by(aws: Aws, cluster: str, message: str, region: Region, at: datetime) -> None:
    """RDS says something of a global cluster's member in that Region."""
    found = aws.account.global_cluster(cluster)
    assert found is not None
    member = next(each for each in found.members if each.region == region)
    event = Said(region, "db-cluster", member.identifier, member.arn, message, (), at.replace(microsecond=1000))
    aws.account.events.append(event)


@dataclass
class Lanes:
    """Lanes that never make anybody wait, unless somebody suspended one; by the clock of the test."""

    clock: Clock
    until: dict[str, datetime] = field(default_factory=dict)

    async def reserve(self, lane: str, _every: timedelta, _at_most: timedelta, /) -> timedelta:
        return max(self.until.get(lane, self.clock.now()) - self.clock.now(), timedelta())

    async def suspend(self, lane: str, wait: timedelta, /) -> None:
        self.until[lane] = self.clock.now() + wait


def proposal(at: datetime, channel: str = OPS, cluster: str = "orders") -> Move:
    """Aki proposes; unsaved."""
    plan = proposed(cluster, (US, AP))[0].plan
    rule = Rule(clusters=("*",), channel=ChannelId(channel), approvers=(MINA,))
    return moves.propose(
        id=UpgradeId(f"{cluster}-{next(NUMBERS):08x}"), team=TEAM, by=AKI, reason="patch for CVE", plan=plan,
        findings=(), rule=rule, now=at, seal="a secret",
    )  # fmt: skip


def rds_said(at: datetime, message: str, region: Region = US) -> RdsSaid:
    name = f"orders-{region}"
    event = RdsEvent(
        arn=f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}", source_identifier=name, source="cluster", region=region,
        at=at, message=message,
    )  # fmt: skip
    return RdsSaid(at=at, event=event)
