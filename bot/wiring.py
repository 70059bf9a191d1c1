"""Which adapter plays which role."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bot.adapters import logs
from bot.adapters.artist import ProcessArtist
from bot.adapters.clock import SharedClock, SteadyClock
from bot.adapters.docket_crew import DocketCrew
from bot.adapters.foresight import look
from bot.adapters.held import HeldSession
from bot.adapters.loopback import listening
from bot.adapters.policy_file import PolicyFile
from bot.adapters.postgres import Postgres, Target, Token
from bot.adapters.rds import RdsAurora
from bot.adapters.rds_tokens import IamTokens
from bot.adapters.redis import RedisCache, RedisLanes, RedisServer, passwords
from bot.adapters.redis_freezes import RedisFreezes
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.adapters.slack import Slack, SlackThread
from bot.adapters.slack_people import SlackPeople
from bot.adapters.spill import FileSpill, usual_place
from bot.crew.backlog import NoSpill
from bot.crew.checking import Checking
from bot.crew.driver import Driver
from bot.crew.forecaster import Forecaster
from bot.crew.narrator import Narrator
from bot.crew.observer import Observer
from bot.crew.ordering import Ordering
from bot.crew.prober import Prober
from bot.crew.watcher import Watcher
from bot.desk import Desk
from bot.domain.attempts import Attempt, Outcome
from bot.domain.cadence import Cadence
from bot.domain.errors import Unavailable
from bot.domain.ids import Account, Region, TeamId, UpgradeId
from bot.domain.preflight import Unread
from bot.domain.topology import Endpoint
from bot.domain.version import EngineVersion
from bot.domain.ways import Lane
from bot.domain.zero_downtime import Looked, old_tls
from bot.ports.probing import Spill, Using
from bot.settings import DeskSettings, ProberSettings, Settings, WorkerSettings

log = logging.getLogger(__name__)

ASK_THE_TIME = timedelta(seconds=1)


@dataclass(frozen=True)
class Store:
    """The roles that Redis plays."""

    server: RedisServer
    upgrades: RedisUpgrades
    cache: RedisCache
    lanes: RedisLanes
    freezes: RedisFreezes
    clock: SharedClock


@dataclass(frozen=True)
class Office:
    """What both the ears and the workers need."""

    store: Store
    slack: Slack
    aurora: RdsAurora
    people: SlackPeople
    crew: DocketCrew
    desk: Desk


@dataclass(frozen=True)
class CrewTurns:
    """What a worker does, turn by turn."""

    driver: Driver
    narrator: Narrator
    watcher: Watcher
    office: Office

    async def drive(self, upgrade: UpgradeId) -> timedelta | None:
        return await self.driver.turn(upgrade)

    async def narrate(self, upgrade: UpgradeId) -> timedelta | None:
        return await self.narrator.turn(upgrade)

    async def watch(self, account: Account, region: Region) -> timedelta | None:
        return await self.watcher.turn(account, region)

    async def sweep(self) -> timedelta | None:
        """Whatever lost its turns gets them back."""
        for upgrade in await self.office.store.upgrades.unfinished():
            try:
                await self.office.crew.set_going(upgrade)
            except Unavailable as trouble:
                log.warning("%s gets its turns with the next sweep: %s", upgrade.id, trouble)
        return None


@asynccontextmanager
async def store(settings: Settings) -> AsyncIterator[Store]:
    async with RedisServer(settings.redis) as server:
        upgrades, freezes = RedisUpgrades(server, settings.retention, settings.role), RedisFreezes(server)
        async with shared_clock(server) as clock:
            yield Store(server, upgrades, RedisCache(server), RedisLanes(server), freezes, clock)


@asynccontextmanager
async def shared_clock(server: RedisServer) -> AsyncIterator[SharedClock]:
    clock = SharedClock()
    with suppress(Unavailable):  # then it is this machine's for now
        await clock.listen(server.time_ns)
    following = asyncio.create_task(_follow(clock, server))
    try:
        yield clock
    finally:
        following.cancel()
        await asyncio.wait({following})


async def _follow(clock: SharedClock, server: RedisServer) -> None:
    while True:
        await asyncio.sleep(ASK_THE_TIME.total_seconds())
        with suppress(Unavailable):
            await clock.listen(server.time_ns)


@asynccontextmanager
async def office(settings: DeskSettings) -> AsyncIterator[Office]:
    async with AsyncExitStack() as opened:
        kept = await opened.enter_async_context(store(settings))
        slack = await opened.enter_async_context(Slack.connect(settings.slack_bot_token, settings.slack_base_url))
        crew = await opened.enter_async_context(DocketCrew(settings.redis))
        aurora = RdsAurora(settings.aws_region, kept.cache, timedelta(seconds=settings.catalogue_seconds))
        opened.push_async_callback(aurora.close)
        home = TeamId(settings.slack_team_id)
        people = SlackPeople(slack, home)
        policies, clock = PolicyFile(settings.aurora_policy), kept.clock
        desk = Desk(home, aurora, kept.upgrades, policies, people, crew, clock, kept.freezes)
        yield Office(kept, slack, aurora, people, crew, desk)


def turns(settings: WorkerSettings, made: Office) -> CrewTurns:
    upgrades, clock = made.store.upgrades, made.store.clock
    watcher = Watcher(made.aurora, upgrades, made.store.cache, clock, timedelta(seconds=settings.watch_seconds))
    desk, aurora = made.desk, made.aurora
    checking = Checking(desk.home, aurora, desk.policies, made.people, made.store.freezes, clock)
    ordering = Ordering(aurora, upgrades, checking, clock)
    driver = Driver(aurora, upgrades, watcher, ordering, clock, settings.patience, disagreement=clock.disagreement)
    late = timedelta(seconds=settings.late_seconds)
    narrator = Narrator(upgrades, SlackThread(made.slack, made.store.lanes), clock, late=late, artist=ProcessArtist())
    return CrewTurns(driver, narrator, watcher, made)


@dataclass(frozen=True)
class PostgresProbe:
    """The probe with the credentials of this deployment."""

    settings: ProberSettings
    tokens: IamTokens
    postgres: Postgres

    async def attempt(self, endpoint: Endpoint, deadline: timedelta) -> Attempt:
        tried = await self.postgres.attempt(self._target(endpoint), deadline)
        if tried.outcome is Outcome.AUTH:
            self.tokens.forget(endpoint, self.settings.probe_user)
        return tried

    async def look(self, writer: Endpoint, version: EngineVersion, within: timedelta) -> Looked | Unread:
        return await look(self.postgres, self._target(writer), old_tls(version), within)

    def using(self, endpoint: Endpoint, lane: Lane, sessions: int) -> Using:
        return HeldSession(self.postgres, self._target(endpoint), lane, sessions)

    def _target(self, endpoint: Endpoint) -> Target:
        return Target(
            host=endpoint.host,
            port=endpoint.port,
            dbname=self.settings.probe_dbname,
            user=self.settings.probe_user,
            password=self._password(endpoint),
            region=endpoint.region,
            sslrootcert=self.settings.probe_sslrootcert,
        )

    def _password(self, endpoint: Endpoint) -> str | Token:
        if self.settings.probe_password is None or self.settings.probe_auth == "iam":
            return partial(self.tokens.auth_token, endpoint, self.settings.probe_user)
        return self.settings.probe_password.get_secret_value()


@asynccontextmanager
async def prober(settings: ProberSettings) -> AsyncIterator[Prober]:
    tokens = IamTokens()
    deadline = timedelta(seconds=settings.probe_deadline_seconds)
    try:
        async with store(settings) as kept:
            await warn_of_hazards(kept.server)
            clock = SteadyClock(kept.clock.time_ns)
            well = timedelta(seconds=settings.probe_well_seconds)
            cadence = Cadence(settings.probe_calm_rate, settings.probe_hot_rate, deadline, well)
            probe = PostgresProbe(settings, tokens, Postgres(clock))
            forecaster = Forecaster(probe, kept.upgrades, clock)
            held = settings.probe_held_sessions
            async with listening(clock) as ourselves:
                observer = Observer(ourselves, clock, deadline)
                yield Prober(
                    probe, kept.upgrades, clock, cadence, spill(settings), forecaster, probe, held, observer
                )  # fmt: skip
    finally:
        tokens.close()


def spill(settings: ProberSettings) -> Spill:
    """Where attempts wait for Redis; in memory only where no file can be written, which is said once."""
    place = settings.probe_spill_dir or usual_place()
    try:
        return FileSpill.at(place, settings.redis)
    except OSError as trouble:
        log.warning("While Redis is away attempts are kept in memory only (PROBE_SPILL_DIR): %s", trouble)
        return NoSpill()


def start_logging(settings: Settings) -> None:
    """Without what is secret here, which boto3 reads from the environment by itself in part."""
    of_aws = (os.environ.get(name, "") for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    logs.start(settings.log_level, [*settings.secrets, *passwords(settings.redis), *of_aws])


def require_redis(settings: Settings) -> None:
    """The end of the process with status 2 when the URL of Redis is one that nobody can use."""
    try:
        RedisServer(settings.redis)
    except Unavailable as trouble:
        sys.stderr.write(f"REDIS_URL: {trouble.detail}\n")
        sys.exit(2)


async def keep_turning(made: Office) -> None:
    """Turns are due by the clock of this machine; when that is set back, those that wait are not to wait as much longer."""
    while True:
        await asyncio.sleep(ASK_THE_TIME.total_seconds())
        if made.store.clock.was_set_back():
            log.warning("The clock of this machine was set back: all turns that wait are taken now")
            with suppress(Unavailable):
                await made.crew.wake_all()


async def warn_of_hazards(server: RedisServer) -> None:
    """What may lose state is said at the start, clearly, and never stops it."""
    try:
        for hazard in await server.hazards():
            log.warning("%s", hazard)
    except Unavailable as trouble:
        log.warning("Redis cannot be asked how it keeps data: %s", trouble)


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
