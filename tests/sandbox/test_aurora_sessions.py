"""A restart with zero downtime, on a real server: whose session goes on, whose does not, and whether that is told truly."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from sandbox.aurora.postgres import Server
from sandbox.aurora.site import site
from sandbox.aurora.truth import Fate

Session = psycopg.Connection[tuple[object, ...]]


@dataclass
class Restarted:
    """A server that was 18.4 and is 18.6, and the sessions that were open meanwhile, by application name."""

    server: Server
    sessions: dict[str, Session]
    fates: dict[str, Fate]
    pids: dict[str, int]
    log: str

    def ask(self, name: str, sql: str) -> object:
        row = self.sessions[name].execute(sql.encode()).fetchone()
        return row and row[0]


def transaction(session: Session) -> None:
    session.execute("BEGIN")


def failed_transaction(session: Session) -> None:
    session.execute("BEGIN")
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("SELECT 1 / 0")


def temporary(session: Session) -> None:
    session.execute("CREATE TEMPORARY TABLE mine AS SELECT 1 AS n")


def listening(session: Session) -> None:
    session.execute("LISTEN news")


def cursor(session: Session) -> None:
    session.execute("DECLARE mine CURSOR WITH HOLD FOR SELECT 1")


def lock(session: Session) -> None:
    session.execute("SELECT pg_advisory_lock(7)")


def disguised(session: Session) -> None:
    session.execute("SET SESSION AUTHORIZATION aurora_probe")


def sleeping(session: Session) -> None:
    def sleep() -> None:
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT pg_sleep(60)")

    threading.Thread(target=sleep, daemon=True).start()
    time.sleep(0.1)


def idle(session: Session) -> None:
    session.execute("SELECT 1")


def no_longer(session: Session) -> None:
    """All that would stand in the way, and was given back."""
    for each in (temporary, listening, cursor, lock):
        each(session)
    for sql in ("DROP TABLE mine", "UNLISTEN *", "CLOSE mine", "SELECT pg_advisory_unlock(7)", "BEGIN", "ROLLBACK"):
        session.execute(sql.encode())


def settled(session: Session) -> None:
    """Settings of all sorts, and statements prepared both ways."""
    session.execute("SET client_encoding TO 'LATIN1'")
    session.execute("SET search_path TO pg_temp, \"$user\", 'Straße'")
    session.execute("SET work_mem TO '5MB'")
    session.execute("SET app.tenant TO 'a''b'")
    session.execute("SELECT set_config('app.Shop', 'here', false)")
    session.execute("PREPARE double (int) AS SELECT $1 * 2")
    session.execute("SET ROLE aurora_probe")
    session.prepare_threshold = 0
    assert session.execute("SELECT %s::int + 1", (1,)).fetchone() == (2,)


KEPT = (idle, no_longer, settled)
DROPPED = {
    transaction: "in a transaction",
    failed_transaction: "in a transaction",
    temporary: "temporary tables",
    listening: "listening",
    cursor: "a cursor WITH HOLD",
    lock: "advisory locks",
    disguised: "another user than it logged in as",
    sleeping: "a query under way",
}


@contextmanager
def running(directory: Path, version: str) -> Iterator[Server]:
    with site(directory) as ground:
        server = Server(ground, "us-east-1")
        try:
            server.initialise(version)
            yield server
        finally:
            server.remove()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("aurora"), "18.6") as server:
        yield server


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    with ExitStack() as opened:
        server = opened.enter_context(running(tmp_path_factory.mktemp("aurora"), "18.4"))
        sessions: dict[str, Session] = {}
        for each in (*KEPT, *DROPPED):
            dsn, name = server.dsn("postgres"), each.__name__
            sessions[name] = opened.enter_context(psycopg.connect(dsn, autocommit=True, application_name=name))
            each(sessions[name])
        pids = {name: each.info.backend_pid for name, each in sessions.items()}
        time.sleep(0.5)  # the door would wait for those who have just come
        server.stop(quiet_seconds=0.3)
        log = server._log.read_text()
        fates = {each.application: each for each in server.start("18.6")}
        yield Restarted(server, sessions, fates, pids, log)


@pytest.mark.parametrize("name", [each.__name__ for each in KEPT])
def test_an_idle_session_stands_still_and_goes_on_with_the_new_version(restarted: Restarted, name: str) -> None:
    assert restarted.fates[name].is_preserved
    assert restarted.ask(name, "SELECT split_part(current_setting('server_version'), ' ', 1)") == "18.6"
    assert restarted.ask(name, "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()") == name
    session = restarted.sessions[name]
    assert session.info.parameter_status("server_version") == "18.6"
    assert session.info.backend_pid == restarted.pids[name] == restarted.fates[name].pid
    (down,) = restarted.server.downs()
    assert restarted.fates[name].stood_still_from < down.down_until < restarted.fates[name].until


@pytest.mark.parametrize(("name", "why"), [(each.__name__, why) for each, why in DROPPED.items()])
def test_whoever_would_lose_something_is_dropped_in_postgresqls_own_words(
    restarted: Restarted, name: str, why: str
) -> None:
    assert restarted.fates[name].dropped_because == why
    with pytest.raises(psycopg.OperationalError) as dropped:
        restarted.sessions[name].execute("SELECT 1")
    if not isinstance(dropped.value, psycopg.errors.AdminShutdown):  # `sleeping` has had its answer already
        assert name == "sleeping"
    assert restarted.sessions[name].broken


def test_the_fates_are_those_that_the_servers_log_has(restarted: Restarted) -> None:
    assert set(restarted.fates) == set(restarted.sessions)
    ended = restarted.log.count("FATAL:  terminating connection due to administrator command")
    assert ended == len(restarted.fates)  # behind the door those who were held lose their old backends as well


def test_settings_and_prepared_statements_come_along(restarted: Restarted) -> None:
    def shows(name: str) -> object:
        return restarted.ask("settled", f"SELECT current_setting('{name}')")

    assert shows("role") == "aurora_probe"
    assert shows("work_mem") == "5MB"
    assert shows("client_encoding") == "LATIN1"
    assert shows("search_path") == 'pg_temp, "$user", "Straße"'
    assert (shows("app.tenant"), shows("app.Shop")) == ("a'b", "here")
    assert restarted.ask("settled", "EXECUTE double(21)") == 42
    assert restarted.sessions["settled"].execute("SELECT %s::int + 1", (41,)).fetchone() == (42,)


def test_a_preserved_session_can_still_be_cancelled(restarted: Restarted) -> None:
    session = restarted.sessions["idle"]
    threading.Timer(0.2, session.cancel_safe).start()  # not `cancel`, which keeps the door from running in this process
    with pytest.raises(psycopg.errors.QueryCanceled):
        session.execute("SELECT pg_sleep(30)")


def test_who_comes_to_rest_in_time_is_held_as_well(server: Server) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as session:
        began = time.monotonic()
        asking = threading.Thread(target=session.execute, args=("SELECT pg_sleep(1.2)",))
        asking.start()
        time.sleep(0.2)
        server.stop(quiet_seconds=10)
        asking.join()
        assert time.monotonic() - began < 5
        (fate,) = [each for each in server.start(server.ran) if each.pid == session.info.backend_pid]
        assert fate.is_preserved
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_a_session_whose_role_may_not_log_in_again_is_dropped_and_counted(server: Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        server.ask("ALTER ROLE aurora_probe PASSWORD 'another'")
        try:
            server.stop(quiet_seconds=0.1)
            (fate,) = [each for each in server.start(server.ran) if each.pid == session.info.backend_pid]
        finally:
            server.ask(f"ALTER ROLE aurora_probe PASSWORD '{server._site.passwords['aurora_probe']}'")
        assert fate.dropped_because == "the role has another password now"
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT 1")


def test_without_a_pause_everybody_is_dropped(server: Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        server.stop()
        [fate] = server.start(server.ran)
        assert (fate.pid, fate.kind, fate.is_preserved) == (session.info.backend_pid, "restart", False)
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT 1")
