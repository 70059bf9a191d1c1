"""The door to Redis: how it is reached, what can go wrong there, and the small things that all processes share in it."""

import asyncio
import re
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, Self
from urllib.parse import unquote

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import RedisError

from bot.adapters import redis_scripts as scripts
from bot.domain.errors import Unavailable

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 3.0
READ_SECONDS: Final = 1.8  # with all its tries: whoever asked hears of a Redis that hangs before they wonder
CONNECTIONS: Final = 50
MICROSECOND: Final = timedelta(microseconds=1)
MILLISECOND: Final = timedelta(milliseconds=1)
FOR_EVER: Final = timedelta(days=365 * 100)


def key(*parts: str) -> str:
    """One hash tag for all keys of the bot, so that a Redis Cluster keeps them in one slot."""
    return ":".join(("{aurora}", *parts))


def claimed(upgrade: str, endpoint: str) -> str:
    """Where it is written who measures this endpoint."""
    return key("measured-by", upgrade, endpoint)


@contextmanager
def speaking(url: str) -> Iterator[None]:
    """Inside, any trouble with Redis becomes Unavailable; what caused it is cut off, for it may hold the password."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise _unavailable(url, error) from None


def _unavailable(url: str, error: Exception) -> Unavailable:
    text = str(error)
    for secret in passwords(url):
        text = text.replace(secret, "***")
    word = re.match(r"[A-Z]{3,}\b", text)
    return Unavailable("Redis", word[0] if word else type(error).__name__, text)


def passwords(url: str) -> tuple[str, ...]:
    """Whatever of the URL must not be said: its password as written and as meant."""
    found = re.match(r"[^:]+://(?P<user>[^:/@]*):(?P<password>.*)@", url)
    written = found["password"] if found else ""
    asked = re.findall(r"[?&]password=([^&#]*)", url)
    return tuple(
        sorted({each for raw in (written, *asked) if raw for each in (raw, unquote(raw))}, key=len, reverse=True)
    )


class RedisServer:
    """The two ways to talk to one server: reads are tried again, everything else is sent exactly once.

    A command whose answer is lost may have been done, so only the caller can know what to do then: read again.
    Every trouble becomes Unavailable("Redis", Redis's own word for it, its text without the password).
    """

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            self.reads = _client(url, Retry(ExponentialBackoff(cap=0.2, base=0.05), 2))
            self._once = _client(url, Retry(NoBackoff(), 0))
            self.reads.connection_pool.make_connection()  # type: ignore[no-untyped-call] # redis-py has none here
        except (ValueError, TypeError):  # its text may hold a part of the password
            said = (
                "its URL cannot be read: it has options that no connection knows, or a password in which `#`, `/`, `@`, `%` "
                "are not written as %23, %2F, %40, %25"
            )
            raise Unavailable("Redis", "bad URL", said) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.reads.aclose()
        await self._once.aclose()

    async def read(self, question: Awaitable[Any]) -> Any:
        """The answer to a question put to `reads`; one that does not come in time is Unavailable too."""
        with speaking(self._url):
            try:
                async with asyncio.timeout(READ_SECONDS):
                    return await question
            except TimeoutError:
                raise Unavailable("Redis", "TimeoutError", f"no answer within {READ_SECONDS:g} s") from None

    async def run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        """One atomic step, sent once."""
        with speaking(self._url):
            return await self._once.register_script(script)(keys, arguments)

    async def do(self, command: str, *arguments: str | int) -> Any:
        """One command that changes something, sent once."""
        with speaking(self._url):
            return await self._once.execute_command(command, *arguments)  # type: ignore[no-untyped-call]

    async def time_ns(self) -> int:
        """What the clock of its machine shows."""
        seconds, microseconds = await self.read(self.reads.time())
        return (int(seconds) * 10**6 + int(microseconds)) * 1000

    async def ping(self) -> None:
        await self.read(self.reads.ping())

    async def hazards(self) -> tuple[str, ...]:
        """Sentences for the log at start: what of this server's set-up could lose what the bot knows."""
        try:
            info = await self.read(self.reads.info("everything"))
        except Unavailable as refusal:
            return (
                f"Redis does not show its set-up, so whether it persists and evicts could not be checked: {refusal}.",
            )
        return (*_persistence(info), *_eviction(info))


def _client(url: str, retry: Retry) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        decode_responses=True,
        encoding_errors="surrogateescape",  # so a damaged byte makes one value unreadable, and breaks no reading
        retry=retry,
    )
    return Redis.from_pool(pool)


def _persistence(info: dict[str, Any]) -> Iterator[str]:
    match str(info.get("aof_enabled", "")):
        case "1":
            return
        case "0":
            yield (
                "Redis does not persist every write (appendonly no): when it restarts, all upgrades since its last "
                "snapshot are lost. Set appendonly yes."
            )
        case _:
            yield "Redis does not say whether it persists (aof_enabled is missing in INFO): this could not be checked."


def _eviction(info: dict[str, Any]) -> Iterator[str]:
    policy = info.get("maxmemory_policy")
    if policy is None:
        yield "Redis does not say whether it evicts (maxmemory_policy is missing in INFO): this could not be checked."
    elif policy != "noeviction" and int(info.get("maxmemory", 0)) > 0:
        yield (
            f"Redis may throw away what the bot knows (maxmemory-policy {policy}, maxmemory {info['maxmemory']} bytes). "
            "Set maxmemory-policy noeviction."
        )
    elif policy != "noeviction":
        yield (
            f"Redis would throw away what the bot knows as soon as maxmemory is set (now 0, maxmemory-policy {policy}). "
            "Set maxmemory-policy noeviction."
        )


class RedisCache:
    """Short-lived shared knowledge, and what has been seen before."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def get(self, key_: str) -> str | None:
        found: str | None = await self._server.read(self._server.reads.get(key("cache", key_)))
        return found

    async def put(self, key_: str, value: str, keep: timedelta) -> None:
        await self._server.do("SET", key("cache", key_), value, "PX", max(1, keep // MILLISECOND))

    async def seen_before(self, key_: str, ttl: timedelta) -> bool:
        """False the first time within `ttl`, True from then on."""
        return await self._server.do("SET", key("seen", key_), 1, "NX", "PX", max(1, ttl // MILLISECOND)) is None


class RedisLanes:
    """Whose turn it is where only so much may happen per time, by the clock of Redis, for all processes together."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def reserve(self, lane: str, every: timedelta, at_most: timedelta = FOR_EVER) -> timedelta:
        """Take the lane's next slot and give how long to wait for it; zero when it is now.

        A wait longer than `at_most` is given too, but then no slot is taken: ask again later.
        """
        wait = await self._server.run(
            scripts.RESERVE, [key("lane", lane)], every // MICROSECOND, at_most // MICROSECOND
        )
        return timedelta(microseconds=wait)

    async def suspend(self, lane: str, until: timedelta) -> None:
        """No slot before `until` from now. Slots that are taken already stay taken."""
        await self._server.run(scripts.SUSPEND, [key("lane", lane)], until // MICROSECOND)
