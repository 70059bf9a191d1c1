"""Nothing that is secret leaves: not into a log at DEBUG, not into Slack, not into Redis."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.slack import File
from sandbox.slack.payloads import VERIFICATION_TOKEN
from sandbox.world import CHANNEL, Wish, World, world

REDIS_PASSWORD = "s3cret/of@redis"
NAMES = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "AWS_SECRET_ACCESS_KEY", "PROBE_PASSWORD")
pytestmark = pytest.mark.timeout(180)


async def test_a_whole_upgrade_gives_no_secret_away(tmp_path: Path) -> None:
    wish = Wish(pace=3, log_level="DEBUG", redis_password=REDIS_PASSWORD)
    async with world(tmp_path, wish) as here:
        account = await play(here, SCENARIOS["happy"])
        assert account.broken_expectations() == ()
        secrets = secrets_of(here)
        seen = {**logs(tmp_path), **said(here), **await kept(here)}
    seen |= logs(tmp_path)  # and what they said at the end
    assert b"DEBUG" in seen["bot/web.log"]
    assert len(seen) > 50
    told = [f"{name} is in {where}" for where, text in seen.items() for name, each in secrets.items() if each in text]
    assert told == []


def secrets_of(here: World) -> dict[str, bytes]:
    given = {name: here.environment[name] for name in NAMES}
    response_urls = {f"response URL {number}": secret for number, secret in enumerate(here.slack.response_secrets)}
    assert response_urls
    others = {"REDIS_URL": REDIS_PASSWORD, "REDIS_URL, quoted": here.valkey.url.split("@")[0].split(":")[-1]}
    return {
        name: each.encode() for name, each in (given | others | response_urls | {"token": VERIFICATION_TOKEN}).items()
    }


def logs(directory: Path) -> dict[str, bytes]:
    """What the processes printed, and whatever Redis was ever told, in its append-only file."""
    valkey = [path for path in (directory / "valkey").rglob("*") if path.is_file()]
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in [*(directory / "bot").glob("*.log"), *valkey]
    }


def said(here: World) -> dict[str, bytes]:
    """Every message for everybody or for one, with its blocks and files, as it is now."""
    board = here.slack.board
    whispers = [message for user in here.slack.workspace.users for message in here.slack.ephemerals(user)]
    messages = {f"message {each.ts}": each for each in [*board.everything(CHANNEL), *whispers]}
    return {
        name: b"\n".join(parts(each.text, each.blocks, [readable(f) for f in each.files]))
        for name, each in messages.items()
    }


def readable(file: File) -> bytes:
    return gzip.decompress(file.content) if file.name.endswith(".gz") else file.content


def parts(text: str, blocks: object, files: list[bytes]) -> Iterator[bytes]:
    yield text.encode()
    yield json.dumps(blocks, ensure_ascii=False).encode()
    yield from files


async def kept(here: World) -> dict[str, bytes]:
    """Every key of Redis with its value, whatever kind it is of: also what Docket keeps of its tasks."""
    async with Redis.from_url(here.valkey.url) as redis:
        return {f"key {key!r}": key + b"\n" + await value(redis, key) async for key in redis.scan_iter(count=1000)}


async def value(redis: Redis, key: bytes) -> bytes:
    match await redis.type(key):
        case b"string":
            return repr(await redis.get(key)).encode()
        case b"hash":
            return repr(await redis.hgetall(key)).encode()
        case b"list":
            return repr(await redis.lrange(key, 0, -1)).encode()
        case b"set":
            return repr(await redis.smembers(key)).encode()
        case b"zset":
            return repr(await redis.zrange(key, 0, -1, withscores=True)).encode()
        case b"stream":
            return repr(await redis.xrange(key)).encode()
        case b"none":  # over since it was listed
            return b""
        case other:
            raise AssertionError(f"a kind of key that this test does not know: {other!r}")
