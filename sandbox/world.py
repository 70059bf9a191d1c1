"""The whole world on one machine: Aurora, Slack, Valkey and the bot's own processes between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Final, Literal

from sandbox.applications import applications
from sandbox.aurora import Aurora
from sandbox.aurora.seed import WRITER
from sandbox.processes import Processes, Starter, spawn
from sandbox.slack import SlackDouble
from sandbox.valkey import Valkey, free_port

Tell = Callable[[str], None]
CHANNEL: Final = "C0DBOPS"
POLICY: Final = """\
[[rule]]
clusters = ["*"]
channel = "{channel}"
approvers = ["S0DBA"]
approvals = {approvals}
expires_after_minutes = {minutes}
writes = {writes}
probe = "{probe}"
"""


@dataclass(frozen=True)
class Wish:
    """What kind of world. `pace` is a speed: at 2 everything that waits takes half as long."""

    scenario: str = "happy"
    pace: float = 1.0
    mode: Literal["socket", "http"] = "socket"
    approvals: int = 1
    minutes: float = 60.0
    writes: bool = False  # to a table of the bot's own
    instances: bool = False  # whether the endpoint of each instance is measured as well
    rate_limits: bool = True
    tries: int = 1  # of a person who gets no answer
    patience: float = 1.0  # at 2 people wait twice as long as usual for what they are to see
    starter: Starter = spawn  # of the bot's processes
    redis_password: str = ""
    applications: bool = False  # whether others than the bot use the database
    log_level: Literal["DEBUG", "INFO"] = "INFO"
    settings: Mapping[str, str] = field(default_factory=dict)  # of the bot, other than usual


@dataclass(frozen=True)
class World:
    wish: Wish
    aurora: Aurora
    slack: SlackDouble
    valkey: Valkey
    bot: Processes
    environment: dict[str, str]
    ready_seconds: float


@asynccontextmanager
async def world(directory: Path, wish: Wish, tell: Tell = lambda _: None) -> AsyncIterator[World]:
    """Everything up and talking to each other; logs and the CA are left in `directory`.

    `tell` hears what is being started. RuntimeError when something does not start, with its own words.
    """
    began = monotonic()
    tell("Starting two PostgreSQL servers, the RDS API, a Slack and a Valkey …")
    async with AsyncExitStack() as up:
        aurora, slack, valkey = await _outside(up, directory, wish)
        if wish.applications:
            up.enter_context(applications(aurora.server(WRITER).dsn("orders_app")))
        environment = _environment(directory, wish, aurora, slack, valkey)
        if wish.mode == "http":
            await slack.deliver_to(f"http://127.0.0.1:{environment['PORT']}/slack/events")
        tell(f"Starting the bot after {monotonic() - began:.1f} s …")
        bot = await up.enter_async_context(Processes.start(directory / "bot", environment, wish.starter))
        yield World(wish, aurora, slack, valkey, bot, environment, monotonic() - began)


def turn_to(here: World, scenario: str, minutes: float) -> None:
    """From now on orders come to what this scenario has, and proposals expire after so many minutes."""
    here.aurora.scenario = _of_aurora(scenario)
    _write_policy(Path(here.environment["AURORA_POLICY"]), replace(here.wish, minutes=minutes))


def _of_aurora(scenario: str) -> str:
    return scenario if scenario in ("rollback", "refused", "failed") else "happy"


def _write_policy(policy: Path, wish: Wish) -> None:
    text = POLICY.format(
        channel=CHANNEL,
        approvals=wish.approvals,
        minutes=wish.minutes,
        writes=str(wish.writes).lower(),
        probe="instances" if wish.instances else "endpoints",
    )
    policy.write_text(text)


async def _outside(up: AsyncExitStack, directory: Path, wish: Wish) -> tuple[Aurora, SlackDouble, Valkey]:
    """The outside systems, started side by side and closed in turn."""
    starting = Aurora.start(directory / "aurora", scenario=_of_aurora(wish.scenario), pace=wish.pace)
    aurora_up = asyncio.create_task(starting.__aenter__())
    try:
        slack = await up.enter_async_context(SlackDouble.start(rate_limits=wish.rate_limits))
        valkey = await up.enter_async_context(Valkey.start(directory / "valkey", wish.redis_password))
    finally:
        aurora = await aurora_up
        up.push_async_exit(starting)
    return aurora, slack, valkey


def _environment(directory: Path, wish: Wish, aurora: Aurora, slack: SlackDouble, valkey: Valkey) -> dict[str, str]:
    """All that the bot is told: where things are, and how patient to be at this pace."""
    hurry = max(wish.pace, 1.0)  # shorter outages need more attempts, and never more of them at once
    policy = directory / "aurora.toml"
    _write_policy(policy, wish)
    return {
        **aurora.environment(),
        **slack.environment(wish.mode),
        "REDIS_URL": valkey.url,
        "LOG_LEVEL": wish.log_level,
        "AURORA_POLICY": str(policy),
        "PROBE_REGIONS": "us-east-1,ap-northeast-1",
        "PORT": str(free_port()),
        "WATCH_SECONDS": f"{1 / wish.pace:.3f}",
        "CATALOGUE_SECONDS": f"{1 / wish.pace:.3f}",
        "SETTLE_SECONDS": f"{4 / wish.pace:.3f}",
        "DOUBT_SECONDS": f"{8 / wish.pace:.3f}",
        "PROBE_HOT_RATE": f"{min(4 * hurry, 40):.3f}",
        "PROBE_DEADLINE_SECONDS": f"{max(5 / hurry, 1):.3f}",
        "PROBE_WELL_SECONDS": f"{3 / wish.pace:.3f}",
        "PROBE_SPILL_DIR": str(directory / "spill"),
        "NO_PROXY": "127.0.0.1",
        **wish.settings,
    }
