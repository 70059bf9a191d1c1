"""The Valkey of the sandbox: durable, never evicting, and the same one after every death."""

from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Gone

from sandbox.valkey import Valkey


async def test_it_keeps_what_it_was_told_through_a_restart_and_a_power_cut(tmp_path: Path) -> None:
    async with Valkey.start(tmp_path / "valkey") as valkey, Redis.from_url(valkey.url, decode_responses=True) as redis:
        assert (await redis.info("server"))["valkey_version"].startswith("9.1")
        assert await redis.config_get("appendonly") == {"appendonly": "yes"}
        assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        url = valkey.url
        for kill in (valkey.stop, valkey.kill):
            await redis.rpush("told", kill.__name__)
            await kill()
            with pytest.raises(Gone):
                await redis.ping()
            await valkey.restart()
        assert valkey.url == url
        assert await redis.lrange("told", 0, -1) == ["stop", "kill"]
    assert (tmp_path / "valkey" / "appendonlydir").is_dir()


async def test_it_is_gone_when_the_story_ends(tmp_path: Path) -> None:
    async with Valkey.start(tmp_path) as valkey:
        url = valkey.url
    async with Redis.from_url(url) as redis:
        with pytest.raises(Gone):
            await redis.ping()
