"""The ears as they run, between the sandbox's Slack and a desk that says what the test tells it to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import ClientConnectorError, ClientSession

from bot.adapters.slack import Slack
from bot.domain import moves
from bot.domain.answered import Catalogue, Chilled, History, Listed, Past, Pressed, Shown, Standing, Thawed
from bot.domain.errors import Unavailable
from bot.domain.freezing import Freeze, Frost
from bot.domain.ids import ChannelId, Region, TeamId, UpgradeId, UserId
from bot.domain.moves import Move
from bot.domain.plan import make_plan
from bot.domain.policy import Rule
from bot.domain.preflight import Facts, Maintenance, Unread
from bot.domain.topology import GlobalCluster, Instance, Member, Role
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion
from bot.settings import EarsSettings
from handlers.serving import serve
from sandbox.slack import SlackDouble

NOW = datetime(2026, 4, 11, 10, 20, tzinfo=UTC)
TOKEN = "kT4x_vQ9-aB3dE6gH8jK1mN0"  # of a button
Transport = Literal["socket", "http"]


def member(cluster: str, region: str, role: Role, version: str = "18.4.1") -> Member:
    arn = f"arn:aws:rds:{region}:123456789012"
    name = f"{cluster}-{region}"
    instance = Instance(
        identifier=f"{name}-1",
        arn=f"{arn}:db:{name}-1",
        instance_class="db.r8g.large",
        status="available",
        engine_version=EngineVersion.parse(version),
        is_writer=role is Role.WRITER,
    )
    return Member(
        identifier=name,
        arn=f"{arn}:cluster:{name}",
        region=Region(region),
        role=role,
        status="available",
        engine_version=EngineVersion.parse(version),
        instances=(instance,),
        endpoint=f"{name}.example",
        reader_endpoint=f"ro.{name}.example",
        port=5432,
    )


def global_cluster(name: str = "orders") -> GlobalCluster:
    return GlobalCluster(
        identifier=name,
        arn=f"arn:aws:rds::123456789012:global-cluster:{name}",
        engine="aurora-postgresql",
        engine_version=EngineVersion.parse("18.4"),
        status="available",
        members=(member(name, "us-east-1", Role.WRITER), member(name, "ap-northeast-1", Role.SECONDARY)),
    )


def facts(cluster: GlobalCluster) -> Facts:
    unread = Unread(why="nobody asked")
    return Facts(cluster=cluster, snapshot_at=None, maintenance=(), blue_green=unread, rpo=unread)


def proposed(cluster: str = "orders", by: str = "U0AKI", reason: str = "patch for CVE") -> Move:
    rule = Rule(clusters=("*",), channel=ChannelId("C0DBOPS"), approvers=("S0DBA",))
    return moves.propose(
        id=UpgradeId(f"{cluster}-k3v9qd2m"), team=TeamId("T0SANDBOX"), by=UserId(by), reason=reason,
        plan=make_plan(global_cluster(cluster), EngineVersion.parse("18.6")), findings=(), rule=rule, now=NOW,
    )  # fmt: skip


def proposal(cluster: str = "orders", by: str = "U0AKI", reason: str = "patch for CVE") -> Upgrade:
    return proposed(cluster, by, reason)[0]


def approved(upgrade: Upgrade, by: str = "U0MINA") -> Upgrade:
    return moves.approve(upgrade, UserId(by), upgrade.plan.digest, upgrade.rule, NOW)[0]


@dataclass
class StubDesk:
    """Remembers what it was asked. `trouble` is raised instead of an answer; every answer takes `seconds`."""

    trouble: BaseException | None = None
    link: str | None = "https://sandbox.slack.com/archives/C0DBOPS/p1"  # to the card of what is proposed
    card_trouble: str | None = None
    seconds: float = 0.0
    standings: tuple[Standing, ...] = ()
    past: tuple[Past, ...] = ()
    found: tuple[GlobalCluster, ...] = (global_cluster(),)
    targets: tuple[EngineVersion, ...] | Unread = (EngineVersion(18, 10), EngineVersion(18, 6))
    pending: tuple[Maintenance, ...] | Unread = ()
    waits: tuple[str, ...] = ()
    frozen: tuple[Frost, ...] = ()
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    lost: BaseException | None = None  # what becomes of a token
    pressing: list[tuple[str, str]] = field(default_factory=list)

    async def _hear(self, *what: Any) -> None:
        self.asked.append(what)
        await asyncio.sleep(self.seconds)
        if self.trouble:
            raise self.trouble

    async def clusters(self, page: int) -> Catalogue:
        await self._hear("clusters")
        listed = tuple(Listed(each, self.targets, self.pending) for each in self.found[(page - 1) * 20 : page * 20])
        return Catalogue(listed, page, -(-len(self.found) // 20), max(0, len(self.found) - page * 20))

    async def show(self, name: str) -> Shown:
        await self._hear("show", name)
        cluster = self.found[0]
        targets = () if isinstance(self.targets, Unread) else self.targets
        return Shown(cluster, targets, None, facts(cluster), proposal(), self.link, self.card_trouble)

    async def propose(
        self, by: UserId, cluster: str, version: str | None, reason: str, budget: timedelta | None
    ) -> Standing:
        await self._hear("propose", by, cluster, version, reason, *([budget] if budget else []))
        return Standing(proposal(cluster, by, reason), self.link, self.card_trouble, self.waits)

    async def pressed(self, token: str, action: str) -> Pressed:
        """Whatever card it was on, that was the third of it."""
        self.pressing.append((token, action))
        if self.lost:
            raise self.lost
        return Pressed(proposal(), 3, proposal().plan.digest)

    async def may_decline(self, by: UserId, token: str) -> Upgrade:
        upgrade = (await self.pressed(token, "decline")).upgrade
        await self._hear("may_decline", by)
        return upgrade

    async def approve(self, by: UserId, upgrade: UpgradeId, digest: str, card: int | None) -> Upgrade:
        await self._hear("approve", by, upgrade, digest, card)
        return approved(proposal(), by)

    async def withdraw(self, by: UserId, upgrade: UpgradeId, card: int | None) -> Upgrade:
        await self._hear("withdraw", by, upgrade, card)
        return proposal()

    async def propose_again(self, by: UserId, upgrade: UpgradeId) -> Standing:
        await self._hear("propose_again", by, upgrade)
        return Standing(proposal(), None)

    async def decline(self, by: UserId, upgrade: UpgradeId, why: str, card: int | None) -> Upgrade:
        await self._hear("decline", by, upgrade, why, card)
        return proposal()

    async def decline_cluster(self, by: UserId, cluster: str, why: str) -> Upgrade:
        await self._hear("decline_cluster", by, cluster, why)
        return proposal(cluster)

    async def cancel(self, by: UserId, upgrade: UpgradeId, card: int | None) -> Upgrade:
        await self._hear("cancel", by, upgrade, card)
        return proposal()

    async def cancel_cluster(self, by: UserId, cluster: str) -> Upgrade:
        await self._hear("cancel_cluster", by, cluster)
        return proposal(cluster)

    async def status(self, cluster: str | None) -> tuple[Standing, ...]:
        await self._hear("status", cluster)
        return self.standings

    async def history(self, by: UserId, cluster: str | None) -> History:
        await self._hear("history", by, cluster)
        return History(self.past[:10], max(0, len(self.past) - 10), counted=len(self.past) < 200)

    async def waits_for(self, _upgrade: Upgrade) -> tuple[str, ...]:
        return self.waits

    async def frosts(self) -> tuple[Frost, ...]:
        return self.frozen

    async def freeze(self, by: UserId, cluster: str | None, until: str, why: str) -> Chilled:
        await self._hear("freeze", by, cluster, until, why)
        made = Freeze(cluster=cluster, by=by, name="Aki", at=NOW, until=NOW + timedelta(hours=2), why=why)
        return Chilled(made, next(iter(self.frozen), None))

    async def unfreeze(self, by: UserId, cluster: str | None) -> Thawed:
        await self._hear("unfreeze", by, cluster)
        ended = Freeze(cluster=cluster, by=by, name="Aki", at=NOW, until=NOW + timedelta(hours=2), why="month end")
        return Thawed(ended, next(iter(self.frozen), None))


@dataclass
class StubStore:
    """What Redis does for the ears."""

    kept: dict[str, timedelta] = field(default_factory=dict)
    down: bool = False

    async def seen_before(self, key: str, keep: timedelta) -> bool:
        await self.ping()
        before = key in self.kept
        self.kept[key] = keep
        return before

    async def ping(self) -> None:
        if self.down:
            raise Unavailable("Redis", "ConnectionError")


@dataclass(frozen=True)
class Ears:
    slack: SlackDouble
    desk: StubDesk
    store: StubStore
    settings: EarsSettings
    stop: asyncio.Event
    running: "asyncio.Task[None]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    async def get(self, path: str) -> tuple[int, Any]:
        async with ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.json()

    async def ready(self, within: float = 5) -> None:
        async with asyncio.timeout(within):
            while not await self._is_ready():  # noqa: ASYNC110 - it is asked over HTTP, as an orchestrator does
                await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        try:
            return (await self.get("/readyz"))[0] == 200
        except ClientConnectorError:
            return False


def settings_for(environment: Mapping[str, str]) -> EarsSettings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {name.lower(): value for name, value in environment.items() if name.startswith("SLACK_")}
    return EarsSettings.model_validate(
        {**given, "port": port, "redis_url": "redis://127.0.0.1:1", "aws_region": "us-east-1"}
    )


@asynccontextmanager
async def listening(
    slack: SlackDouble, transport: Transport, desk: StubDesk, *, ready: bool = True
) -> AsyncIterator[Ears]:
    settings, store, stop = settings_for(slack.environment(transport)), StubStore(), asyncio.Event()
    async with Slack.connect(settings.slack_bot_token, settings.slack_base_url) as web:
        running = asyncio.create_task(serve(settings, web, desk, store.seen_before, store.ping, stop))
        ears = Ears(slack, desk, store, settings, stop, running)
        try:
            if transport == "http":
                await slack.deliver_to(ears.url + "/slack/events")
            if ready:
                await ears.ready()
            yield ears
        finally:
            stop.set()
            await running


def card_blocks(value: str) -> list[dict[str, Any]]:
    """A card with every button; messages/card.py makes the real one."""
    buttons = [
        {"type": "button", "action_id": action, "value": value, "text": {"type": "plain_text", "text": action}}
        for action in ("approve", "decline", "cancel", "withdraw", "propose_again", "snooze")
    ]
    return [{"type": "actions", "block_id": "b1", "elements": buttons}]
