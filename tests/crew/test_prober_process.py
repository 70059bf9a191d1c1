"""The prober as it is really started."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.valkey import Valkey
from tests.crew.house import US

pytest_plugins = ["tests.adapters.store_fixtures"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.pem"
    path.touch()
    return path


@asynccontextmanager
async def started(url: str, bundle: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    told = {"REDIS_URL": url, "PROBE_REGIONS": US, "PROBE_SSLROOTCERT": str(bundle), "PROBE_AUTH": "iam"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.prober",
        cwd=ROOT, env={"PATH": os.environ["PATH"], **told}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 20)


async def test_it_warns_at_its_start_of_a_redis_that_may_lose_what_it_knows(valkey: Valkey, bundle: Path) -> None:
    async with Redis.from_url(valkey.url) as raw:
        await raw.config_set("appendonly", "no")
    said: list[str] = []
    async with started(valkey.url, bundle) as process, asyncio.timeout(20):
        assert process.stderr is not None
        while not said or "is ready" not in said[-1]:
            said.append((await process.stderr.readline()).decode())
    assert any("does not persist every write (appendonly no)" in line for line in said), said
