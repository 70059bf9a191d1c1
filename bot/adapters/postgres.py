"""The door to PostgreSQL: one attempt is one new connection and one query, and it always ends in a verdict."""

import asyncio
import errno
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from psycopg import generators, waiting
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn

from bot.adapters.clock import SteadyClock
from bot.adapters.connecting import LOOK_UP_SECONDS, Progress, connected
from bot.adapters.names import Addresses, Names
from bot.adapters.pulse import Pulse
from bot.domain.attempts import SQLSTATE, Attempt, Outcome
from bot.domain.ids import Region
from bot.domain.said import outcome_of, outcome_of_state, sqlstate_of
from bot.ports.clock import Clock

APPLICATION: Final = "aurora-upgrade-bot"
QUERY: Final = b"SELECT aurora_version()"
STOOD_STILL: Final = 0.1  # a deadline of which this process stood still for a larger part says nothing of the endpoint
STOOD_SECONDS: Final = 0.2  # but so much of it is nothing

T = TypeVar("T")
Token = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Target:
    """An endpoint, and how to enter it.

    `password` is a secret or what gives one, such as a maker of IAM tokens, which should keep a token for some minutes:
    it is asked before every attempt; without one libpq looks into its password file. A host with a slash is the directory
    of a Unix socket. `sslmode` is libpq's; `verify-full` wants the authorities in `sslrootcert` (for
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
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)  # other parameters of libpq


class Failed(Exception):
    """Why an endpoint could not be used."""

    def __init__(self, outcome: Outcome, detail: str, sqlstate: str = "") -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.sqlstate = sqlstate if re.match(SQLSTATE, sqlstate) else ""


Use = Callable[[Target, str, Progress], Awaitable[str]]  # with the password; it begins at the addresses that are known


@dataclass(frozen=True)
class Postgres:
    """How endpoints are tried: by which clock, and who resolves their names. Belongs to one event loop."""

    clock: Clock = field(default_factory=SteadyClock)
    names: Names = field(default_factory=Names)
    pulse: Pulse = field(default_factory=Pulse)
    query: bytes = QUERY  # one row, one column

    async def attempt(self, target: Target, deadline: timedelta) -> Attempt:
        """Connect anew, ask for the version, close. Whatever happens is an outcome; nothing but cancellation is raised."""
        return await self.tried(target, deadline, partial(_answer, query=self.query))

    async def tried(self, target: Target, deadline: timedelta, use: Use) -> Attempt:
        """An attempt to use a new connection, which `use` opens; what it gives is what the endpoint answered.

        What is ours comes first: a password that is not had within `deadline` is `auth`, a name that does not resolve
        within another is `dns`. Only then the endpoint is tried: that is the start, from which it has `deadline` for
        itself, and is `timeout` when it has not answered.
        """
        start, password, progress = self.clock.now(), "", Progress()
        try:
            password = await _password(target.password, deadline)
            await self._resolve(target, deadline, progress)
            start = self.clock.now()
            version = await self.in_time(use(target, password, progress), deadline)
        except Failed as failed:
            return self.failed(start, failed, password, progress)
        return Attempt(
            start=start, end=self.end(start), outcome=Outcome.OK, version=version, phases=progress.phases,
            addresses=progress.places,
        )  # fmt: skip

    def failed(self, start: datetime, why: Failed, password: str = "", progress: Progress | None = None) -> Attempt:
        detail = why.detail.replace(password, "***") if password else why.detail
        far = progress or Progress()
        return Attempt(
            start=start, end=self.end(start), outcome=why.outcome, detail=detail, sqlstate=why.sqlstate,
            phases=far.phases, addresses=far.places,
        )  # fmt: skip

    def end(self, start: datetime) -> datetime:
        """Not before the start, though a clock be set back in between."""
        return max(start, self.clock.now())

    async def _resolve(self, target: Target, deadline: timedelta, progress: Progress) -> None:
        """Every address of the host. Found here and not by psycopg, to tell a slow resolver from a silent endpoint."""
        if target.host.startswith("/"):
            return
        progress.begin("")
        try:
            progress.addresses = [str(ip_address(target.host))]
        except ValueError:
            progress.addresses = await self._addresses(target, deadline.total_seconds())
            progress.finished("resolve")

    async def _addresses(self, target: Target, within: float) -> Addresses:
        try:
            return await self.names.addresses(target.host, target.port, within)
        except TimeoutError as error:
            raise Failed(Outcome.DNS, f"cannot resolve {target.host}: no answer within {within:g} s") from error
        except (OSError, ValueError) as error:
            raise Failed(Outcome.DNS, f"cannot resolve {target.host}: {error}") from error
        except RuntimeError as error:
            raise Failed(Outcome.OURS, f"cannot resolve {target.host}: {error}") from error

    async def in_time(self, using: Awaitable[T], deadline: timedelta) -> T:
        """What it gives within the deadline; whatever else happens is Failed."""
        with self.pulse.minded():
            return await self._in_time(using, deadline.total_seconds())

    async def _in_time(self, using: Awaitable[T], within: float) -> T:
        missed = self.pulse.missed
        try:
            async with asyncio.timeout(within):
                return await using
        except TimeoutError as error:
            raise _over_time(self.pulse.missed - missed, within) from error
        except psycopg.Error as error:
            raise failure_of(str(error)) from error
        except OSError as error:  # libpq does the talking, and what goes wrong there is a psycopg.Error
            raise Failed(Outcome.OURS, str(error)) from error


async def _password(password: str | Token, deadline: timedelta) -> str:
    if isinstance(password, str):
        return password
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await password()
    except Exception as error:  # whatever its maker raises: it began with us
        raise Failed(Outcome.AUTH, f"no password to be had: {type(error).__name__} {error}") from error


def _over_time(stood: float, within: float) -> Failed:
    if stood > max(STOOD_STILL * within, STOOD_SECONDS):
        return Failed(Outcome.OURS, f"stood still for {stood:.1f} s, with no answer within {within:g} s")
    return Failed(Outcome.TIMEOUT, f"no answer within {within:g} s")


async def opened(target: Target, password: str, progress: Progress) -> PGconn:
    """To be finished by whoever has it."""
    parameters = {
        **target.more,
        "host": target.host,
        "port": target.port,
        "dbname": target.dbname,
        "user": target.user,
        "password": password or None,
        "sslmode": target.sslmode,
        "sslrootcert": None if target.sslrootcert is None else str(target.sslrootcert),
        "gssencmode": "disable",
        "target_session_attrs": "any",
        "application_name": APPLICATION,
    }
    return await connected(parameters, progress)


async def _answer(target: Target, password: str, progress: Progress, query: bytes) -> str:
    pgconn = await opened(target, password, progress)
    try:
        answer = await ask(pgconn, query)
        progress.finished("query")
        return answer
    finally:
        pgconn.finish()


async def ask(pgconn: PGconn, query: bytes) -> str:
    """Ask past psycopg's cursors: when cancelled, those would first ask a silent server, for 5 s, to cancel."""
    pgconn.send_query(query)
    [result, *_] = await waiting.wait_async(generators.execute(pgconn), pgconn.socket, LOOK_UP_SECONDS)
    if result.status == ExecStatus.TUPLES_OK:
        return (result.get_value(0, 0) or b"").decode()
    sqlstate = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    said = result.get_error_message()
    if not sqlstate:  # libpq's own words, for a connection that is gone
        raise failure_of(said)
    raise Failed(outcome_of_state(sqlstate, said), f"{said} ({sqlstate})", sqlstate)


_OF_THIS_MACHINE: Final = frozenset(  # what its own system answers, without asking the endpoint
    os.strerror(each)
    for each in (
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT,
        errno.ENETDOWN, errno.ENETUNREACH, errno.EPERM, errno.EACCES,
    )
)  # fmt: skip


def failure_of(text: str) -> Failed:
    """Why libpq could not connect or lost the connection. It gives no SQLSTATE for that, only text."""
    return Failed(outcome_of(text, _OF_THIS_MACHINE), _essence(text), sqlstate_of(text))


def _essence(text: str) -> str:
    """The last half of `connection failed: connection to server at "…", port … failed: …`, without libpq's hint."""
    said = re.sub(r"^(connection (failed|is bad): )?(connection to server at .*?, port \d+ failed: )?", "", text)
    return said.split("\n")[0]
