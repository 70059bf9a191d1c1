"""Looking at a real PostgreSQL whose sessions do all that zero-downtime patching does not like."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from psycopg import AsyncConnection

from bot.adapters import foresight
from bot.adapters.foresight import look
from bot.adapters.postgres import Postgres, Target
from bot.domain.preflight import Unread
from bot.domain.zero_downtime import LONG, Looked, Session, outlook
from bot.measure.dsn import endpoint
from sandbox.aurora.postgres import DATABASE, Server
from sandbox.aurora.site import site

SOON = timedelta(seconds=10)
OLD = ("TLSv1", "TLSv1.1")
SECRET = "hush-hush"
T = TypeVar("T")
BILLING = "billing of Mina & co"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with site(tmp_path_factory.mktemp("postgres")) as ground:
        running = Server(ground, "us-east-1")
        running.settings |= {"max_prepared_transactions": "4", "wal_level": "logical"}
        running.initialise("18.6")
        running.ask("CREATE TABLE orders (id int)", DATABASE)
        running.ask("GRANT ALL ON orders TO postgres; GRANT pg_monitor TO aurora_probe", DATABASE)
        yield running
        running.remove()


@pytest.fixture
def target(postgres: Server) -> Target:
    return endpoint(postgres.dsn(database="postgres")).target


@asynccontextmanager
async def doing(postgres: Server, *statements: str, database: str = DATABASE) -> AsyncIterator[int]:
    """An application that has done this in its session, and keeps it; its pid. In the end nothing is left of it."""
    dsn = postgres.dsn("postgres", database)
    async with await AsyncConnection.connect(dsn, autocommit=True, application_name=BILLING) as connection:
        for each in statements:
            await connection.execute(each.encode())
        pid = connection.info.backend_pid
        yield pid

    async def is_gone() -> bool:
        return not postgres.ask(f"SELECT FROM pg_stat_activity WHERE pid = {pid}")

    await until_seen(is_gone)


async def seen(target: Target) -> Looked:
    looked = await look(Postgres(), target, OLD, SOON)
    assert isinstance(looked, Looked), looked
    return looked


async def of(pid: int, target: Target) -> Session | None:
    return next((each for each in (await seen(target)).sessions if each.pid == pid), None)


async def waiting_parameters(target: Target) -> tuple[str, ...]:
    return (await seen(target)).parameters


async def until_seen(look_once: Callable[[], Awaitable[T | None]]) -> T:
    """Asked again and again, for the server calls nobody."""
    until = asyncio.get_running_loop().time() + 10
    while not (found := await look_once()):
        assert asyncio.get_running_loop().time() < until, "it is not seen"
        await asyncio.sleep(0.05)
    return found


async def test_nobody_is_there(target: Target) -> None:
    looked = await seen(target)
    assert looked == Looked(sees_sessions=True, parameters=looked.parameters)


async def test_an_open_transaction_is_found_once_it_is_long(
    postgres: Server, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with doing(postgres, "BEGIN", f"SELECT '{SECRET}'") as pid:
        assert await of(pid, target) is None
        monkeypatch.setattr(foresight, "LONG", timedelta())
        looked = await seen(target)
    [session] = looked.sessions
    assert (session.pid, session.user, session.application) == (pid, "postgres", BILLING)
    assert (session.database, session.state, session.is_ddl) == (DATABASE, "idle in transaction", False)
    assert session.transaction is not None
    assert timedelta() <= session.transaction < SOON
    assert SECRET not in looked.model_dump_json(), "the text of a query"
    aged = looked.model_copy(update={"sessions": (session.model_copy(update={"transaction": 14 * LONG}),)})
    obstacle = outlook(aged).obstacles[0]
    assert obstacle.text == (
        f"pid {pid}, app “{BILLING}”, user postgres, database orders: idle in transaction (14 min)"
    )


async def test_a_temporary_table_is_found_in_whatever_database(postgres: Server, target: Target) -> None:
    async with (
        doing(postgres, "CREATE TEMP TABLE mine (id int)", "CREATE TEMP TABLE too (id int)") as pid,
        doing(postgres, "CREATE TEMP TABLE other (id int)", database="postgres") as other,
    ):
        looked = await seen(target)
    assert {(each.pid, each.database, each.tables) for each in looked.sessions} == {
        (pid, DATABASE, 2),
        (other, "postgres", 1),
    }
    assert looked.orphans == ()
    assert outlook(looked).dropped == 2


async def test_strong_locks_are_found(postgres: Server, target: Target) -> None:
    async with doing(postgres, "BEGIN", "LOCK TABLE orders") as pid:
        session = await of(pid, target)
    assert session is not None
    assert session.locks == ("AccessExclusiveLock",)
    async with doing(postgres, "BEGIN", "INSERT INTO orders VALUES (1)") as pid:
        assert await of(pid, target) is None, "every transaction that writes holds a weak one"


async def test_ddl_that_runs_is_found(postgres: Server, target: Target) -> None:
    statement = b"/* of Mina */ ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text"
    async with await AsyncConnection.connect(postgres.dsn("postgres"), autocommit=True) as waiting:
        async with doing(postgres, "BEGIN", "LOCK TABLE orders"), asyncio.timeout(10):
            altering = asyncio.create_task(waiting.execute(statement))
            session = await until_seen(lambda: of(waiting.info.backend_pid, target))
        await altering
        assert session.is_ddl
        assert await of(waiting.info.backend_pid, target) is None


async def test_a_prepared_transaction_is_found(postgres: Server, target: Target) -> None:
    async with doing(postgres, "BEGIN", "INSERT INTO orders VALUES (1)", f"PREPARE TRANSACTION '{SECRET}'"):
        pass
    try:
        looked = await seen(target)
    finally:
        postgres.ask(f"ROLLBACK PREPARED '{SECRET}'", DATABASE)
    [prepared] = looked.prepared
    assert (prepared.owner, prepared.database) == ("postgres", DATABASE)
    assert timedelta() <= prepared.age < SOON
    assert SECRET not in looked.model_dump_json()


async def test_a_logical_slot_is_found(postgres: Server, target: Target) -> None:
    postgres.ask("SELECT pg_create_logical_replication_slot('to_lake', 'test_decoding')", DATABASE)
    try:
        looked = await seen(target)
    finally:
        postgres.ask("SELECT pg_drop_replication_slot('to_lake')", DATABASE)
    assert [(each.name, each.database, each.active) for each in looked.slots] == [("to_lake", DATABASE, False)]


async def test_parameters_that_wait_for_a_restart_are_found(postgres: Server, target: Target) -> None:
    postgres.ask("ALTER SYSTEM SET max_connections = 50")
    postgres.ask("SELECT pg_reload_conf()")
    try:
        parameters = await until_seen(lambda: waiting_parameters(target))
    finally:
        postgres.ask("ALTER SYSTEM RESET max_connections")
        postgres.ask("SELECT pg_reload_conf()")
    assert "max_connections" in parameters  # the sandbox sets others on the command line


async def test_listening_and_held_cursors_of_others_cannot_be_seen(postgres: Server, target: Target) -> None:
    """Which is why every forecast says so; should PostgreSQL ever show them, this fails."""
    hold = "DECLARE held CURSOR WITH HOLD FOR SELECT 1"
    async with doing(postgres, "LISTEN news", "BEGIN", hold, "COMMIT") as pid:
        assert await of(pid, target) is None
        assert postgres.ask("SELECT count(*) FROM pg_listening_channels()", DATABASE) == [(0,)]
        assert postgres.ask("SELECT count(*) FROM pg_cursors WHERE is_holdable", DATABASE) == [(0,)]


async def test_a_role_without_pg_monitor_is_told_what_to_grant(postgres: Server, target: Target) -> None:
    postgres.ask("REVOKE pg_monitor FROM aurora_probe")
    try:
        async with doing(postgres, "CREATE TEMP TABLE mine (id int)", "BEGIN", "LOCK TABLE orders") as pid:
            looked = await seen(target)
    finally:
        postgres.ask("GRANT pg_monitor TO aurora_probe")
    assert not looked.sees_sessions
    assert looked.unread == ("what other sessions do; on the writer, run GRANT pg_monitor TO aurora_probe",)
    told = outlook(looked)
    assert told.dropped is None
    obstacle = told.obstacles[0]
    assert obstacle.who.startswith(f"pid {pid}")
    assert obstacle.does == ("table locks (AccessExclusiveLock)", "1 temporary table")


async def test_a_database_that_the_role_may_not_enter_is_said(postgres: Server, target: Target) -> None:
    postgres.ask("CREATE DATABASE closed")
    postgres.ask("REVOKE CONNECT ON DATABASE closed FROM public")
    try:
        async with doing(postgres, "CREATE TEMP TABLE mine (id int)", database="closed"):
            looked = await seen(target)
    finally:
        postgres.ask("DROP DATABASE closed WITH (FORCE)")
    assert looked.unread == ("temporary tables in closed, which aurora_probe may not enter",)


async def test_a_failed_question_is_said_and_the_others_are_asked(
    postgres: Server, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foresight, "_SESSIONS", "SELECT * FROM of_another_version")
    monkeypatch.setattr(foresight, "_SLOTS", "SELECT 1 AS of_another_kind")
    async with doing(postgres, "CREATE TEMP TABLE mine (id int)") as pid:
        looked = await seen(target)
    assert not looked.sees_sessions
    assert [each.pid for each in looked.sessions] == [pid]
    assert looked.unread == (
        'sessions: relation "of_another_version" does not exist (42P01)',
        "slots: an answer that is not understood",
    )


async def test_more_than_is_looked_at(postgres: Server, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "MOST", 1)
    monkeypatch.setattr(foresight, "MOST_DATABASES", 1)
    monkeypatch.setattr(foresight, "LONG", timedelta())
    async with AsyncExitStack() as stack:
        for database in (DATABASE, "postgres"):
            await stack.enter_async_context(doing(postgres, "BEGIN", "SELECT 1", database=database))
        looked = await seen(target)
    assert len(looked.sessions) == 1
    assert set(looked.unread) == {"only 1 sessions were looked at", "temporary tables in 1 more databases"}


async def test_no_way_in_is_unread(target: Target) -> None:
    looked = await look(Postgres(), replace(target, password=SECRET), OLD, SOON)
    assert looked == Unread(why='FATAL: password authentication failed for user "aurora_probe"')


async def test_a_server_that_is_silent_is_unread(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        looked = await look(Postgres(), replace(target, port=port), OLD, timedelta(seconds=0.2))
    assert looked == Unread(why="no answer within 0.2 s")


async def test_a_reader_is_not_taken_for_the_writer(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "_HERE", foresight._HERE.replace("pg_is_in_recovery()", "true"))
    looked = await look(Postgres(), target, OLD, SOON)
    assert looked == Unread(why="a reader answered at the endpoint of the writer")


async def test_what_was_seen_until_time_was_over_is_told(
    postgres: Server, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foresight, "_TEMPORARY", "SELECT pg_sleep(5)")
    async with doing(postgres, "BEGIN", "LOCK TABLE orders") as pid:
        looked = await look(Postgres(), target, OLD, timedelta(seconds=1))
    assert isinstance(looked, Looked)
    assert [each.pid for each in looked.sessions] == [pid]
    assert looked.unread == ("not all was looked at: no answer within 1 s",)
