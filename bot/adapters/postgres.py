"""The door to PostgreSQL: one attempt is one new connection and one query, and it always ends in a verdict."""

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import psycopg
from psycopg import AsyncConnection, generators, waiting
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn

from bot.domain.attempts import Attempt, Outcome
from bot.domain.ids import Region

APPLICATION: Final = "aurora-upgrade-bot"
QUERY: Final = b"SELECT aurora_version()"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ANCHOR_NS: Final = time.time_ns() - time.monotonic_ns()
_LOOK_UP_SECONDS: Final = 1.0  # how often psycopg wakes up while nothing comes; only Windows needs it

Token = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Target:
    """An endpoint, and how to enter it.

    `password` is a secret or what gives one, such as a maker of IAM tokens, which should keep a token for some minutes:
    it is asked before every attempt. `sslmode` is libpq's; `verify-full` wants the authorities in `sslrootcert` (for
    RDS its global-bundle.pem) and the endpoint's real name as `host`.
    """

    host: str
    port: int
    dbname: str
    user: str
    password: str | Token = field(repr=False)
    region: Region
    sslrootcert: Path | None = None
    sslmode: str = "verify-full"


def instant() -> datetime:
    """The present time by the monotonic clock, anchored to the wall clock when the process began: it never steps."""
    return _EPOCH + timedelta(microseconds=(_ANCHOR_NS + time.monotonic_ns()) // 1000)


class _Failed(Exception):
    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


async def attempt(target: Target, deadline: timedelta) -> Attempt:
    """Connect anew, ask for the version, close. Whatever happens is an outcome; nothing but cancellation is raised.

    `deadline` bounds it all: a name not resolved by then is `dns`, an endpoint that has not answered is `timeout`.
    Getting the password comes before the start, since that time is ours; failing to get it is `auth`.
    """
    start, password = instant(), ""
    try:
        password = await _password(target.password, deadline)
        start = instant()
        version = await _version(target, password, deadline)
    except _Failed as failed:
        detail = failed.detail.replace(password, "***") if password else failed.detail
        return Attempt(start=start, end=instant(), outcome=failed.outcome, detail=detail)
    return Attempt(start=start, end=instant(), outcome=Outcome.OK, version=version)


async def _password(password: str | Token, deadline: timedelta) -> str:
    if isinstance(password, str):
        return password
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await password()
    except Exception as error:  # whatever its maker raises: it began with us
        raise _Failed(Outcome.AUTH, f"no password to be had: {type(error).__name__} {error}") from error


async def _version(target: Target, password: str, deadline: timedelta) -> str:
    late = Outcome.DNS
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            addresses = await _addresses(target)
            late = Outcome.TIMEOUT
            return await _answer(target, password, addresses)
    except TimeoutError as error:
        raise _Failed(late, f"no answer within {deadline.total_seconds():g} s") from error
    except psycopg.Error as error:
        raise _Failed(outcome_of(str(error)), _essence(str(error))) from error
    except OSError as error:
        raise _Failed(Outcome.OTHER, str(error)) from error


async def _addresses(target: Target) -> list[str]:
    """Every address of the host. Done here and not by psycopg, to tell a slow resolver from a silent endpoint."""
    try:
        return [str(ip_address(target.host))]
    except ValueError:
        loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, ValueError) as error:
        raise _Failed(Outcome.DNS, f"cannot resolve {target.host}: {error}") from error
    return [str(address[0]) for *_, address in found]


async def _answer(target: Target, password: str, addresses: list[str]) -> str:
    connection = await AsyncConnection.connect(
        host=",".join([target.host] * len(addresses)),
        hostaddr=",".join(addresses),
        port=target.port,
        dbname=target.dbname,
        user=target.user,
        password=password,
        sslmode=target.sslmode,
        sslrootcert=None if target.sslrootcert is None else str(target.sslrootcert),
        gssencmode="disable",
        target_session_attrs="any",
        application_name=APPLICATION,
        autocommit=True,
    )
    try:
        return await _ask(connection.pgconn)
    finally:
        await connection.close()


async def _ask(pgconn: PGconn) -> str:
    """Ask past psycopg's cursors: when cancelled, those would first ask a silent server, for 5 s, to cancel."""
    pgconn.send_query(QUERY)
    [result, *_] = await waiting.wait_async(generators.execute(pgconn), pgconn.socket, _LOOK_UP_SECONDS)
    if result.status == ExecStatus.TUPLES_OK:
        return (result.get_value(0, 0) or b"").decode()
    sqlstate = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    raise _Failed(_of_sqlstate(sqlstate), f"{result.get_error_message()} ({sqlstate})")


def _of_sqlstate(sqlstate: str) -> Outcome:
    """Shutting down (57P01), crashed (57P02), starting up (57P03); not let in (28…, no CONNECT or EXECUTE, no database)."""
    if sqlstate in {"57P01", "57P02", "57P03"}:
        return Outcome.STARTING_UP
    return Outcome.AUTH if sqlstate[:2] == "28" or sqlstate in {"42501", "3D000"} else Outcome.OTHER


_WORDS: Final = {
    Outcome.STARTING_UP: r"FATAL: +(the database system is |terminating connection )",
    Outcome.AUTH: r"authentication failed|no password supplied|pg_hba\.conf|requires a valid client certificate"
    r"|FATAL: +(role|database|permission denied for database) \".*\" (does not exist|is not permitted)"
    r"|FATAL: +permission denied",
    Outcome.TLS: r"certificate|does not support SSL|sslmode|SSL error: (?!.*unexpected eof)",
    Outcome.REFUSED: r"Connection refused",
    Outcome.TIMEOUT: r"Connection timed out|timeout expired",
}
_PATTERNS: Final = {outcome: re.compile(words) for outcome, words in _WORDS.items()}


def outcome_of(text: str) -> Outcome:
    """Classify why a connection could not be made. libpq gives no SQLSTATE for that, only text (servers speak English).

    What the server said comes before what any other address of it did.
    """
    return next((outcome for outcome, words in _PATTERNS.items() if words.search(text)), Outcome.OTHER)


def _essence(text: str) -> str:
    """The last half of `connection failed: connection to server at "…", port … failed: …`, without libpq's hint."""
    return re.sub(r"^(connection failed: )?(connection to server at .*?, port \d+ failed: )?", "", text).split("\n")[0]
