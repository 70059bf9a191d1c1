"""A real Valkey, empty for each test, and the store in it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from sandbox.valkey import Valkey


@pytest.fixture(scope="session")
def _shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with asyncio.Runner() as runner:
        server = Valkey.start(tmp_path_factory.mktemp("valkey"))
        yield runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture
async def redis_url(_shared_valkey: Valkey) -> str:
    async with Redis.from_url(_shared_valkey.url) as client:
        await client.flushall()
    return _shared_valkey.url


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """What is really written there."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """One of its own, to be killed."""
    async with Valkey.start(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def server(redis_url: str) -> AsyncIterator[RedisServer]:
    async with RedisServer(redis_url) as server:
        yield server


@pytest.fixture
def upgrades(server: RedisServer) -> RedisUpgrades:
    return RedisUpgrades(server)
