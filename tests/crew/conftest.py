"""A house for the crew: real store, real wire to RDS, real wire to Slack, and a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.adapters.redis import RedisServer
from bot.adapters.redis_freezes import RedisFreezes
from bot.adapters.slack import Slack
from bot.adapters.slack_people import SlackPeople
from sandbox.slack import SlackDouble
from tests.adapters.aws import Aws
from tests.crew.house import TEAM, Bell, Clock, Ears, Home, Rds, Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def rds_of_module() -> Iterator[Rds]:
    """One for all tests of a module, for clients of boto3 are costly to make."""
    aurora = Rds()
    yield aurora
    asyncio.run(aurora.close())


@pytest.fixture
def aurora(rds_of_module: Rds, clock: Clock, aws: Aws, aws_environment: None) -> Rds:  # noqa: ARG001 - its AWS
    rds_of_module.cache.clock = clock
    rds_of_module.begin()
    return rds_of_module


@pytest.fixture
def store(server: RedisServer) -> Store:
    return Store(server)


@pytest.fixture
async def double(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackDouble]:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with SlackDouble.start(rate_limits=False, now=clock.epoch) as double:
        yield double


@pytest.fixture
async def slack(double: SlackDouble) -> AsyncIterator[Slack]:
    environment = double.environment()
    async with Slack.connect(SecretStr(environment["SLACK_BOT_TOKEN"]), environment["SLACK_BASE_URL"]) as slack:
        yield slack


@pytest.fixture
def home(
    clock: Clock,
    aws: Aws,
    aurora: Rds,
    server: RedisServer,
    store: Store,
    double: SlackDouble,
    slack: Slack,
    tmp_path: Path,
) -> Home:
    people = SlackPeople(slack, TEAM, now=clock.epoch)
    policy, freezes = tmp_path / "aurora.toml", RedisFreezes(server)
    made = Home(clock, aws, aurora, store, double, people, policy, Bell(), Ears(clock), freezes)
    made.rule()
    return made
