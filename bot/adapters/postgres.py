"""The door to PostgreSQL: one attempt is one new connection and one query, and it always ends in a verdict."""

import asyncio
import errno
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import psycopg
from psycopg import AsyncConnection, generators, waiting
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn

from bot.adapters.clock import SteadyClock
from bot.adapters.names import Addresses, Names
from bot.adapters.pulse import Pulse
from bot.domain.attempts import Attempt, Outcome
from bot.domain.ids import Region
from bot.ports import Clock

APPLICATION: Final = "aurora-upgrade-bot"
QUERY: Final = b"SELECT aurora_version()"
STOOD_STILL: Final = 0.1  # a deadline of which this process stood still for a larger part says nothing of the endpoint
STOOD_SECONDS: Final = 0.2  # but so much of it is nothing
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


class _Failed(Exception):
    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


@dataclass(frozen=True)
class Postgres:
    """How endpoints are tried: by which clock, and who resolves their names. Belongs to one event loop."""

    clock: Clock = field(default_factory=SteadyClock)
    names: Names = field(default_factory=Names)
    pulse: Pulse = field(default_factory=Pulse)

    async def attempt(self, target: Target, deadline: timedelta) -> Attempt:
        """Connect anew, ask for the version, close. Whatever happens is an outcome; nothing but cancellation is raised.

        What is ours comes first: a password that is not had within `deadline` is `auth`, a name that does not resolve
        within another is `dns`. Only then the endpoint is tried: that is the start, from which it has `deadline` for
        itself, and is `timeout` when it has not answered.
        """
        start, password = self.clock.now(), ""
        try:
            password = await _password(target.password, deadline)
            addresses = await self._addresses(target, deadline)
            start = self.clock.now()
            with self.pulse.minded():
                version = await self._version(target, password, addresses, deadline)
        except _Failed as failed:
            detail = failed.detail.replace(password, "***") if password else failed.detail
            return Attempt(start=start, end=self._end(start), outcome=failed.outcome, detail=detail)
        return Attempt(start=start, end=self._end(start), outcome=Outcome.OK, version=version)

    def _end(self, start: datetime) -> datetime:
        """Not before the start, though a clock be set back in between."""
        return max(start, self.clock.now())

    async def _addresses(self, target: Target, deadline: timedelta) -> Addresses:
        """Every address of the host. Found here and not by psycopg, to tell a slow resolver from a silent endpoint."""
        try:
            return [str(ip_address(target.host))]
        except ValueError:
            within = deadline.total_seconds()
        try:
            return await self.names.addresses(target.host, target.port, within)
        except TimeoutError as error:
            raise _Failed(Outcome.DNS, f"cannot resolve {target.host}: no answer within {within:g} s") from error
        except (OSError, ValueError) as error:
            raise _Failed(Outcome.DNS, f"cannot resolve {target.host}: {error}") from error
        except RuntimeError as error:
            raise _Failed(Outcome.OURS, f"cannot resolve {target.host}: {error}") from error

    async def _version(self, target: Target, password: str, addresses: Addresses, deadline: timedelta) -> str:
        missed = self.pulse.missed
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                return await _answer(target, password, addresses)
        except TimeoutError as error:
            raise _over_time(self.pulse.missed - missed, deadline.total_seconds()) from error
        except psycopg.Error as error:
            raise _Failed(outcome_of(str(error)), _essence(str(error))) from error
        except OSError as error:  # libpq does the talking, and what goes wrong there is a psycopg.Error
            raise _Failed(Outcome.OURS, str(error)) from error


async def _password(password: str | Token, deadline: timedelta) -> str:
    if isinstance(password, str):
        return password
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await password()
    except Exception as error:  # whatever its maker raises: it began with us
        raise _Failed(Outcome.AUTH, f"no password to be had: {type(error).__name__} {error}") from error


def _over_time(stood: float, within: float) -> _Failed:
    if stood > max(STOOD_STILL * within, STOOD_SECONDS):
        return _Failed(Outcome.OURS, f"stood still for {stood:.1f} s, with no answer within {within:g} s")
    return _Failed(Outcome.TIMEOUT, f"no answer within {within:g} s")


async def _answer(target: Target, password: str, addresses: Addresses) -> str:
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
    said = result.get_error_message()
    raise _Failed(_of_sqlstate(sqlstate, said), f"{said} ({sqlstate})")


ROLE_IS_FULL: Final = "too many connections for role"  # the limit of our own role, in deploy/sql/probe-role.sql


def _of_sqlstate(sqlstate: str, said: str) -> Outcome:
    """Shutting down (57P01), crashed (57P02), starting up (57P03); not let in (28…, no CONNECT or EXECUTE, no database)."""
    if sqlstate in {"57P01", "57P02", "57P03"}:
        return Outcome.STARTING_UP
    if sqlstate == "53300" and said.startswith(ROLE_IS_FULL):
        return Outcome.OURS
    return Outcome.AUTH if sqlstate[:2] == "28" or sqlstate in {"42501", "3D000"} else Outcome.OTHER


_OF_THIS_MACHINE: Final = (  # what its own system answers, without asking the endpoint
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT,
    errno.ENETDOWN, errno.ENETUNREACH, errno.EPERM, errno.EACCES,
)  # fmt: skip
_NO_SOCKET: Final = "connection is bad: no error details available"  # libpq 16 and later lose the reason for that
_HERE: Final = "|".join([_NO_SOCKET, "out of memory", *(re.escape(os.strerror(each)) for each in _OF_THIS_MACHINE)])
_NOT_LET_IN: Final = (
    r"authentication failed|no password supplied|pg_hba\.conf|requires a valid client certificate"
    r"|FATAL: +(role|database|permission denied for database) \".*\" (does not exist|is not permitted)"
    r"|FATAL: +permission denied"
)
_WORDS: Final = (
    (Outcome.STARTING_UP, r"FATAL: +(the database system is |terminating connection )"),
    (Outcome.OURS, rf"FATAL: +{ROLE_IS_FULL}"),
    (Outcome.AUTH, _NOT_LET_IN),
    (Outcome.TLS, r"certificate|does not support SSL|sslmode|SSL error: (?!.*unexpected eof)"),
    (Outcome.REFUSED, r"Connection refused"),
    (Outcome.TIMEOUT, r"Connection timed out|timeout expired"),
    (Outcome.OURS, rf"(?m)^(?!.*(FATAL|could not fork)).*({_HERE})"),
)
_PATTERNS: Final = tuple((outcome, re.compile(words)) for outcome, words in _WORDS)


def outcome_of(text: str) -> Outcome:
    """Classify why a connection could not be made. libpq gives no SQLSTATE for that, only text (servers speak English).

    What the server said comes before what any other address of it did, and both before what this machine says.
    'PAM authentication failed' (IAM) stays `auth` though a server that restarts may say it as well: whether its IAM or
    our token was at fault, nobody knows, so it proves nothing.
    """
    return next((outcome for outcome, words in _PATTERNS if words.search(text)), Outcome.OTHER)


def _essence(text: str) -> str:
    """The last half of `connection failed: connection to server at "…", port … failed: …`, without libpq's hint."""
    said = re.sub(r"^(connection (failed|is bad): )?(connection to server at .*?, port \d+ failed: )?", "", text)
    return said.split("\n")[0]
