"""Attempts at a real PostgreSQL, and at everything else that can stand at its address."""

import asyncio
import os
import re
import resource
import signal
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import RedisDsn

from bot.adapters.held import HeldSession
from bot.adapters.names import Addresses
from bot.adapters.postgres import Postgres, Target, failure_of
from bot.adapters.rds_tokens import IamTokens
from bot.domain.attempts import Attempt, Outcome
from bot.domain.ids import Region
from bot.domain.topology import Endpoint
from bot.domain.ways import Lane, Way
from bot.settings import ProberSettings
from bot.wiring import PostgresProbe
from sandbox.aurora.door import filling
from sandbox.aurora.postgres import DATABASE, Server

pytest_plugins = ["tests.adapters.aws_fixtures", "tests.adapters.postgres_fixtures"]

SOON = timedelta(seconds=5)
SECRET = "hush-hush"


async def attempt(target: Target, deadline: timedelta) -> Attempt:
    return await Postgres().attempt(target, deadline)


def at_port(port: int, host: str = "127.0.0.1") -> Target:
    return Target(host, port, "orders", "probe", SECRET, Region("us-east-1"), sslmode="disable")


async def test_a_database_that_answers_tells_its_version(target: Target) -> None:
    before = datetime.now(UTC)
    tried = await attempt(target, SOON)
    assert (tried.outcome, tried.version, tried.detail) == (Outcome.OK, "18.6.1", "")
    assert before - timedelta(seconds=1) < tried.start < tried.end < datetime.now(UTC) + timedelta(seconds=1)
    assert tried.duration < timedelta(seconds=1)


async def test_a_name_is_resolved_and_verified(target: Target) -> None:
    assert (await attempt(replace(target, host="localhost"), SOON)).outcome is Outcome.OK


async def test_each_phase_of_an_attempt_has_its_time(target: Target) -> None:
    began = time.monotonic()
    tried = await attempt(replace(target, host="localhost"), SOON)
    took = (time.monotonic() - began) * 1e6
    assert None not in tried.phases
    assert all(each and each > 0 for each in tried.phases), tried.phases
    assert sum(each or 0 for each in tried.phases) <= took
    assert tried.address == "127.0.0.1"


async def test_what_is_no_phase_has_no_time() -> None:
    """A host that is an address needs no resolver, and without TLS there is none of it."""
    async with listening(lambda said: ANSWERED if said[:1] == b"Q" else AUTHENTICATED) as port:
        tried = await attempt(at_port(port), SOON)
    assert [each is None for each in tried.phases] == [True, False, True, False, False]


@pytest.mark.parametrize(("greeted", "reached"), [(False, "connect"), (True, "authenticate")])
async def test_an_attempt_that_hangs_tells_how_far_it_came(greeted: bool, reached: str) -> None:
    async with listening(lambda said: AUTHENTICATED if greeted and said[:1] != b"Q" else b"") as port:
        tried = await attempt(at_port(port), timedelta(seconds=0.3))
    assert tried.outcome is Outcome.TIMEOUT
    assert [name for name, each in tried.phases._asdict().items() if each is not None][-1] == reached
    assert tried.address == "127.0.0.1"


async def test_the_address_that_answers_comes_first(target: Target, two_addresses: Addresses) -> None:
    """Nobody listens at the other one."""
    tried = await attempt(replace(target, host="localhost"), SOON)
    assert (tried.outcome, tried.addresses) == (Outcome.OK, tuple(reversed(two_addresses)))
    refused = await attempt(at_port(1, "localhost"), SOON)
    assert (refused.outcome, refused.addresses) == (Outcome.REFUSED, tuple(reversed(two_addresses)))
    assert refused.phases.resolve is not None
    assert refused.phases.connect is None


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    found = ["127.0.0.2", "127.0.0.1"]
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    return found


async def test_a_token_is_asked_for_each_time(target: Target) -> None:
    asked = []

    async def token() -> str:
        asked.append(datetime.now(UTC))
        assert isinstance(target.password, str)
        return target.password

    tried = [await attempt(replace(target, password=token), SOON) for _ in range(2)]
    assert [each.outcome for each in tried] == [Outcome.OK, Outcome.OK]
    assert len(asked) == 2
    assert asked[0] < tried[0].start + timedelta(milliseconds=1)


async def test_no_token_is_a_matter_of_authentication(target: Target) -> None:
    async def broken() -> str:
        raise LookupError("Unable to locate credentials")

    tried = await attempt(replace(target, password=broken), SOON)
    assert tried.outcome is Outcome.AUTH
    assert tried.detail == "no password to be had: LookupError Unable to locate credentials"


async def test_a_token_that_never_comes_is_no_fault_of_the_endpoint(target: Target) -> None:
    async def endless() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    assert (await attempt(replace(target, password=endless), timedelta(seconds=0.05))).outcome is Outcome.AUTH


async def test_a_wrong_password_is_not_an_outage(target: Target) -> None:
    tried = await attempt(replace(target, password=SECRET), SOON)
    assert tried.outcome is Outcome.AUTH
    assert tried.detail == 'FATAL: password authentication failed for user "aurora_probe"'


@pytest.mark.usefixtures("aws_environment")
async def test_a_token_that_was_refused_is_signed_anew(target: Target) -> None:
    """So credentials that expired and were renewed heal it, though the token was to be used for some minutes more."""
    assert target.sslrootcert is not None
    settings = ProberSettings(
        redis_url=RedisDsn("redis://localhost"), probe_regions=(target.region,), probe_sslrootcert=target.sslrootcert,
        probe_auth="iam",
    )  # fmt: skip
    with closing(IamTokens()) as tokens:
        probe = PostgresProbe(settings, tokens, Postgres())
        endpoint = Endpoint(region=target.region, use="writer", host=target.host, port=target.port)
        refused = await tokens.auth_token(endpoint, settings.probe_user)
        tried = await probe.attempt(endpoint, SOON)
        assert tried.outcome is Outcome.AUTH
        assert await tokens.auth_token(endpoint, settings.probe_user) is not refused


async def test_an_unknown_database_is_not_an_outage(target: Target) -> None:
    assert (await attempt(replace(target, dbname="nowhere"), SOON)).outcome is Outcome.AUTH


async def test_a_forbidden_query_is_not_an_outage(postgres: Server, target: Target) -> None:
    postgres.ask("REVOKE EXECUTE ON FUNCTION aurora_version() FROM PUBLIC", DATABASE)
    try:
        tried = await attempt(target, SOON)
    finally:
        postgres.ask("GRANT EXECUTE ON FUNCTION aurora_version() TO PUBLIC", DATABASE)
    assert tried.outcome is Outcome.AUTH
    assert tried.detail == "permission denied for function aurora_version (42501)"


async def test_another_authority_is_not_an_outage(target: Target, tmp_path: Path) -> None:
    stranger = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    tried = await attempt(replace(target, sslrootcert=stranger), SOON)
    assert tried.outcome is Outcome.TLS
    assert "certificate verify failed" in tried.detail


async def test_a_missing_bundle_is_not_an_outage(target: Target, tmp_path: Path) -> None:
    assert (await attempt(replace(target, sslrootcert=tmp_path / "none.pem"), SOON)).outcome is Outcome.TLS


async def test_a_server_without_tls_is_not_trusted(target: Target) -> None:
    async with listening(lambda _: b"N") as port:
        assert (await attempt(replace(target, port=port), SOON)).outcome is Outcome.TLS


async def test_a_name_that_does_not_exist_is_not_an_outage() -> None:
    for host in ("db.invalid", "x" * 70 + ".invalid", "nul\0.invalid"):
        tried = await attempt(at_port(5432, host), SOON)
        assert tried.outcome is Outcome.DNS
        assert tried.detail.startswith("cannot resolve")


@pytest.fixture
def slow_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Answers once it is told to."""
    look_up, answer = socket.getaddrinfo, threading.Event()

    def wait_and_look_up(*given: Any, **named: Any) -> Any:
        answer.wait()
        return look_up(*given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", wait_and_look_up)
    yield answer
    answer.set()


async def test_a_resolver_that_is_silent_is_not_an_outage(slow_resolver: threading.Event) -> None:
    assert not slow_resolver.is_set()
    tried = await attempt(at_port(5432, "localhost"), timedelta(seconds=0.05))
    assert (tried.outcome, tried.detail) == (Outcome.DNS, "cannot resolve localhost: no answer within 0.05 s")


async def test_the_time_that_a_resolver_takes_is_not_the_endpoint_s(slow_resolver: threading.Event) -> None:
    async with listening(lambda _: b"") as port:
        trying = asyncio.create_task(attempt(at_port(port, "localhost"), timedelta(seconds=0.5)))
        await asyncio.sleep(0.3)
        resolved = datetime.now(UTC)
        slow_resolver.set()
        tried = await trying
    assert tried.outcome is Outcome.TIMEOUT
    assert tried.start >= resolved - timedelta(milliseconds=1)
    assert tried.duration >= timedelta(seconds=0.5), "it has the whole deadline for itself"


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process may open none."""
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))


async def test_a_prober_out_of_descriptors_is_not_an_outage() -> None:
    async with listening(lambda _: b"") as port:
        with no_more_files():
            tried = await attempt(at_port(port), SOON)
    assert tried.outcome is Outcome.OURS


@pytest.mark.parametrize(("stands", "times"), [(0.7, 1), (0.15, 3)], ids=["once", "now and then"])
async def test_a_prober_that_stood_still_before_the_deadline_blames_nobody(stands: float, times: int) -> None:
    """As when its machine slept, or has too much else to do."""

    async with listening(lambda _: b"") as port:
        trying = asyncio.create_task(attempt(at_port(port), timedelta(seconds=1)))
        for _ in range(times):
            await asyncio.sleep(0.1)
            time.sleep(stands)  # noqa: ASYNC251 - that is what it is about
        tried = await trying
    assert tried.outcome is Outcome.OURS
    assert re.fullmatch(r"stood still for \d\.\d s, with no answer within 1 s", tried.detail)


async def test_too_many_of_our_own_connections_are_not_an_outage(postgres: Server, target: Target) -> None:
    postgres.ask("ALTER ROLE aurora_probe CONNECTION LIMIT 0", DATABASE)
    try:
        tried = await attempt(target, SOON)
    finally:
        postgres.ask("ALTER ROLE aurora_probe CONNECTION LIMIT -1", DATABASE)
    assert (tried.outcome, tried.detail) == (Outcome.OURS, 'FATAL: too many connections for role "aurora_probe"')


async def test_a_clock_that_is_set_back_meanwhile_ends_no_attempt_before_it_began() -> None:
    class Back:
        def __init__(self) -> None:
            self.lead = timedelta(hours=1)

        def now(self) -> datetime:
            self.lead, lead = timedelta(), self.lead
            return datetime.now(UTC) + lead

    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        clock = Back()
        trying = asyncio.create_task(Postgres(clock).attempt(at_port(unused.getsockname()[1]), SOON))
        await asyncio.sleep(0)
        clock.lead = timedelta(hours=1)
        tried = await trying
    assert (tried.outcome, tried.end >= tried.start) == (Outcome.REFUSED, True)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("could not create socket: Too many open files in system", Outcome.OURS),
        ("Cannot assign requested address", Outcome.OURS),
        ("could not create socket: Cannot allocate memory", Outcome.OURS),
        ("No buffer space available", Outcome.OURS),
        ("Network is unreachable", Outcome.OURS),
        ("Operation not permitted", Outcome.OURS),
        ("out of memory", Outcome.OURS),
        ("No route to host", Outcome.OTHER),
        ("FATAL:  out of memory", Outcome.OTHER),
        ('FATAL:  could not open file "base/1/2": Too many open files in system', Outcome.OTHER),
        ("could not fork new process for connection: Cannot allocate memory", Outcome.OTHER),
    ],
)
def test_what_this_machine_cannot_do_is_not_an_outage(said: str, outcome: Outcome) -> None:
    here, there = 'connection to server at "10.0.0.1", port 5432 failed: ', 'connection to server at "::1" failed: '
    assert failure_of(f"connection is bad: {here}{said}").outcome is outcome
    assert failure_of(f"{here}{said}\n{there}Connection refused").outcome is Outcome.REFUSED, "one address was asked"


async def test_a_stopped_server_refuses_and_comes_back(postgres: Server, target: Target) -> None:
    postgres.stop()
    down = await attempt(target, SOON)
    postgres.start("18.6")
    assert (down.outcome, down.detail) == (Outcome.REFUSED, "Connection refused")
    assert (await attempt(target, SOON)).outcome is Outcome.OK


async def test_every_address_is_tried() -> None:
    """`localhost` may be ::1 as well, where nobody listens."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        assert (await attempt(at_port(unused.getsockname()[1], "localhost"), SOON)).outcome is Outcome.REFUSED


async def test_a_listener_that_never_answers_is_given_up_at_the_deadline() -> None:
    async with listening(lambda _: b"") as port:
        began = time.monotonic()
        tried = await attempt(at_port(port), timedelta(seconds=0.2))
        assert 0.2 <= time.monotonic() - began < 1
    assert (tried.outcome, tried.detail) == (Outcome.TIMEOUT, "no answer within 0.2 s")


async def test_an_answer_that_came_between_two_uses_of_a_session_is_no_later_than_it_came(target: Target) -> None:
    session = HeldSession(Postgres(), target, Lane(endpoint="e", way=Way.HELD, number=1))
    opened = (await session.use(SOON)).attempt
    os.kill(int(opened.version), signal.SIGSTOP)
    try:
        silent = (await session.use(timedelta(seconds=0.1))).attempt
    finally:
        os.kill(int(opened.version), signal.SIGCONT)
    await asyncio.sleep(0.5)
    before = datetime.now(UTC)
    answered = (await session.use(SOON)).attempt
    await session.close()
    assert (silent.outcome, answered.outcome) == (Outcome.TIMEOUT, Outcome.OK)
    assert silent.start == answered.start <= answered.end < before


async def test_a_server_that_falls_silent_before_the_query_is_given_up_at_the_deadline_too() -> None:
    def welcome(said: bytes) -> bytes:
        return AUTHENTICATED if said[4:8] == b"\0\x03\0\0" else b""

    async with listening(welcome) as port:
        began = time.monotonic()
        tried = await attempt(at_port(port), timedelta(seconds=0.2))
        assert 0.2 <= time.monotonic() - began < 1
    assert tried.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize(
    ("sqlstate", "words", "outcome"),
    [
        ("57P03", "the database system is starting up", Outcome.STARTING_UP),
        ("57P03", "the database system is shutting down", Outcome.SHUTTING_DOWN),
        ("57P03", "the database system is in recovery mode", Outcome.STARTING_UP),
        ("57P03", "the database system is not yet accepting connections", Outcome.STARTING_UP),
        ("57P01", "terminating connection due to administrator command", Outcome.SHUTTING_DOWN),
        ("57P02", "terminating connection because of crash of another server process", Outcome.SHUTTING_DOWN),
        ("28000", 'no pg_hba.conf entry for host "10.0.0.1", user "probe", database "orders"', Outcome.AUTH),
        ("28000", 'role "probe" does not exist', Outcome.AUTH),
        ("28000", 'role "probe" is not permitted to log in', Outcome.AUTH),
        ("28P01", 'PAM authentication failed for user "probe"', Outcome.AUTH),
        ("42501", 'permission denied for database "orders"', Outcome.AUTH),
        ("3D000", 'database "orders" does not exist', Outcome.AUTH),
        ("53300", "sorry, too many clients already", Outcome.TOO_MANY),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute", Outcome.TOO_MANY),
        ("53300", 'too many connections for role "probe"', Outcome.OURS),
    ],
)
async def test_a_server_that_answers_with_an_error(sqlstate: str, words: str, outcome: Outcome) -> None:
    """On connecting, libpq hands on the words; in answer to the query, the SQLSTATE too. Both mean the same."""
    error = error_response(sqlstate, words)
    async with listening(lambda _: error) as port:
        on_connecting = await attempt(at_port(port), SOON)
    async with listening(lambda said: error if said[:1] == b"Q" else AUTHENTICATED) as port:
        on_asking = await attempt(at_port(port), SOON)
    assert (on_connecting.outcome, on_connecting.detail) == (outcome, f"FATAL: {words}")
    assert (on_asking.outcome, on_asking.detail) == (outcome, f"{words} ({sqlstate})")
    assert on_connecting.sqlstate == on_asking.sqlstate == sqlstate


async def test_a_connection_cut_in_the_middle_is_a_failure_of_the_endpoint() -> None:
    async with listening(lambda _: None) as port:
        tried = await attempt(at_port(port), SOON)
    assert tried.outcome is Outcome.RESET
    assert tried.detail.startswith("server closed the connection unexpectedly")


async def test_a_connection_cut_in_the_tls_handshake_is_not_a_matter_of_trust(target: Target) -> None:
    async with listening(lambda said: b"S" if len(said) == 8 else None) as port:
        assert (await attempt(replace(target, port=port), SOON)).outcome is Outcome.RESET


async def test_nonsense_instead_of_postgresql_is_a_failure_of_the_endpoint() -> None:
    async with listening(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert (await attempt(at_port(port), timedelta(seconds=1))).outcome in (Outcome.OTHER, Outcome.TIMEOUT)


async def test_cancelling_an_attempt_cancels_it_at_once() -> None:
    async with listening(lambda _: b"") as port:
        task = asyncio.create_task(attempt(at_port(port), SOON))
        await asyncio.sleep(0.05)
        task.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 0.5


async def test_a_password_is_never_told() -> None:
    async with listening(lambda _: error_response("28P01", f"password {SECRET} authentication failed")) as port:
        tried = await attempt(at_port(port), SOON)
    assert tried.detail == "FATAL: password *** authentication failed"
    assert SECRET not in repr(at_port(port))


@given(st.text())
def test_any_words_have_an_outcome(text: str) -> None:
    assert failure_of(text).outcome in Outcome


ROW = struct.pack("!hi", 1, 4) + b"18.6"
ANSWERED = (
    b"T" + struct.pack("!ih2sihihih", 26, 1, b"v\0", 0, 0, 25, -1, -1, 0)
    + b"D" + struct.pack("!i", 4 + len(ROW)) + ROW
    + b"C" + struct.pack("!i", 13) + b"SELECT 1\0" + b"Z" + struct.pack("!ic", 5, b"I")
)  # fmt: skip
AUTHENTICATED = b"R" + struct.pack("!ii", 8, 0) + b"Z" + struct.pack("!ic", 5, b"I")


def error_response(sqlstate: str, words: str) -> bytes:
    """The real wire: 'E', length, fields, each with its letter and a NUL."""
    fields = b"".join(
        f"{key}{value}\0".encode() for key, value in zip("SVCM", ["FATAL", "FATAL", sqlstate, words], strict=True)
    )
    return b"E" + struct.pack("!i", 4 + len(fields) + 1) + fields + b"\0"


@asynccontextmanager
async def listening(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[int]:
    """Somebody on a port of this machine who answers each message in their own way; None hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while said := await reader.read(65_536):
                if (reply := answer(said)) is None:
                    return
                writer.write(reply)
                if reply[:1] == b"E":
                    return

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_who_waits_at_a_black_hole_keeps_nobody_else_waiting() -> None:
    """A socket that is still connecting looks connected to libpq, which then waits for it and lets nobody in meanwhile."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = list(filling(port))
        lost = asyncio.create_task(attempt(at_port(port), timedelta(seconds=0.5)))
        ticks = 0
        while not lost.done():
            await asyncio.sleep(0.01)
            ticks += 1
        for each in fillers:
            each.close()
    assert (lost.result().outcome, lost.result().phases.connect) == (Outcome.TIMEOUT, None)
    assert ticks > 5
