"""Outages to order: what a plain client sees of each kind, and that the door notes when each really was."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from sandbox.aurora.outage import Kind, Outage
from sandbox.aurora.postgres import Server
from sandbox.aurora.site import site
from sandbox.aurora.truth import Down, Fate, merged, unwritable


def seconds(length: float) -> timedelta:
    return timedelta(seconds=length)


def test_one_that_flaps_is_down_in_the_first_half_of_each_period_and_up_in_the_second() -> None:
    flapping = Outage(Kind.FLAP, lasts=seconds(2.5), begins=seconds(3), period=seconds(1))
    spells = list(flapping.spells())
    assert [(each.begins, each.ends) for each in spells] == [(seconds(at), seconds(at + 0.5)) for at in (3, 4, 5)]
    assert {each.kind for each in spells} == {Kind.REFUSE}


@pytest.mark.parametrize("kind", [each for each in Kind if each is not Kind.FLAP])
def test_all_others_are_one_spell(kind: Kind) -> None:
    (spell,) = Outage(kind, lasts=seconds(2), begins=seconds(1)).spells()
    assert (spell.kind, spell.begins, spell.ends) == (kind, seconds(1), seconds(3))


@pytest.mark.parametrize("wrong", [{"lasts": seconds(0)}, {"period": seconds(0)}, {"begins": seconds(-1)}])
def test_lengths_that_cannot_be_are_refused(wrong: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Outage(Kind.FLAP, **({"lasts": seconds(1)} | wrong))


def test_downs_that_overlap_are_one() -> None:
    def down(began: int, ended: int, kind: str) -> Down:
        from_, until = (datetime(2026, 4, 11, 6, 21, each, tzinfo=UTC) for each in (began, ended))
        return Down("us-east-1", "127.0.0.1:5432", from_, until, kind=kind)

    assert merged([down(5, 7, "hang"), down(1, 3, "restart"), down(6, 9, "refuse")]) == [
        down(1, 3, "restart"),
        down(5, 9, "hang and refuse"),
    ]


def at(second: float) -> datetime:
    return datetime(2026, 4, 11, 6, 21, tzinfo=UTC) + seconds(second)


def fate(since: float, until: float, why: str = "") -> Fate:
    return Fate(11, "aurora_probe", "", at(since), at(until), why)


@pytest.mark.parametrize(
    ("fates", "since", "until", "doubt"),
    [
        ([], 10, 12, 0.1),
        ([fate(10.2, 12.3)], 10.2, 12, 0.6),  # who was held last could write until then, and who goes on late waits
        ([fate(10.2, 12.3), fate(10.4, 11.9)], 10.4, 11.9, 0.9),
        ([fate(10.2, 10.3, "listening"), fate(10.1, 12)], 10.3, 12, 0.4),
        ([fate(10, 12.5, "restart")], 12.5, 12.5, 2.6),  # nobody knows until when it could
        ([fate(5, 9.9), fate(12.1, 13)], 10, 12, 0.1),  # of other times
    ],
)
def test_nothing_is_written_once_every_session_rests_until_one_goes_on(
    fates: list[Fate], since: float, until: float, doubt: float
) -> None:
    down = Down("us-east-1", "127.0.0.1:5432", at(10), at(12), seconds(0.1))
    (found,) = unwritable([down], fates)
    assert (found.down_from, found.down_until, found.doubt) == (at(since), at(until), seconds(doubt))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with site(tmp_path_factory.mktemp("aurora")) as ground:
        server = Server(ground, "us-east-1")
        try:
            server.initialise("18.6")
            yield server
        finally:
            server.remove()


@contextmanager
def suffering(server: Server, outage: Outage) -> Iterator[None]:
    """The block begins in the middle of it; afterwards it is over."""
    thread = threading.Thread(target=server.door.suffer, args=(outage,))
    thread.start()
    time.sleep(outage.begins.total_seconds() + 0.1)
    try:
        yield
    finally:
        thread.join()


def connect(server: Server, patience: int = 2) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.dsn(), autocommit=True, connect_timeout=patience)


SEEN: dict[Kind, tuple[type[Exception], str]] = {
    Kind.REFUSE: (psycopg.OperationalError, "Connection refused"),
    Kind.STARTING_UP: (psycopg.OperationalError, "FATAL:  the database system is starting up"),
    Kind.HANG: (psycopg.errors.ConnectionTimeout, "timeout expired"),
    Kind.BLACKHOLE: (psycopg.errors.ConnectionTimeout, "timeout expired"),
}


@pytest.mark.parametrize("kind", SEEN)
def test_each_kind_is_seen_as_what_it_is_and_is_over_when_it_is_over(server: Server, kind: Kind) -> None:
    patient = kind in (Kind.HANG, Kind.BLACKHOLE)
    length, known = 3.0 if patient else 0.6, len(server.downs())
    connect(server).close()
    before = datetime.now(UTC)
    error, words = SEEN[kind]
    with suffering(server, Outage(kind, lasts=seconds(length))), pytest.raises(error, match=words):
        connect(server)
    after = datetime.now(UTC)
    connect(server).close()
    (down,) = server.downs()[known:]
    assert (down.kind, down.endpoint) == (kind.value, f"127.0.0.1:{server.port}")
    assert before < down.down_from < down.down_until < after
    assert length - 0.05 <= down.seconds <= length + 1.5


def test_starting_up_is_said_with_its_sqlstate_and_without_tls_too(server: Server) -> None:
    with suffering(server, Outage(Kind.STARTING_UP, lasts=seconds(0.8))):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"\x00\x00\x00\x14\x00\x03\x00\x00user\x00nobody\x00")
            assert b"C57P03\0" in client.recv(1000)
        with pytest.raises(psycopg.OperationalError, match="starting up"):
            psycopg.connect(server.dsn(), sslmode="disable")


def test_in_a_black_hole_not_even_the_connection_is_made_and_a_hanging_server_makes_it(server: Server) -> None:
    with suffering(server, Outage(Kind.HANG, lasts=seconds(0.5))):
        socket.create_connection(("127.0.0.1", server.port), timeout=0.2).close()
    with suffering(server, Outage(Kind.BLACKHOLE, lasts=seconds(0.7))), pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", server.port), timeout=0.3)


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.BLACKHOLE])
def test_sessions_stand_still_while_packets_or_answers_do(server: Server, kind: Kind) -> None:
    with connect(server) as session:
        time.sleep(0.6)  # whoever has just come is let go on
        began = time.monotonic()
        with suffering(server, Outage(kind, lasts=seconds(1.0))):
            assert session.execute("SELECT 1").fetchone() == (1,)
            assert time.monotonic() - began > 0.9
        down, fate = server.downs()[-1], answered_fate_of(server, session.info.backend_pid)
        assert (fate.kind, fate.is_preserved, fate.stood_still_from) == (kind.value, True, down.down_from)
        assert fate.answered_at is not None
        assert down.down_until - seconds(0.1) < fate.until < fate.answered_at < datetime.now(UTC)
        (unwritten,) = unwritable([down], [fate])
        assert down.down_from <= unwritten.down_from < unwritten.down_until <= down.down_until


def answered_fate_of(server: Server, pid: int) -> Fate:
    """The door notes an answer when it has passed, and its client may have it a little sooner."""
    deadline = time.monotonic() + 5
    while fate_of(server, pid).answered_at is None and time.monotonic() < deadline:
        time.sleep(0.001)
    return fate_of(server, pid)


def fate_of(server: Server, pid: int) -> Fate:
    (found,) = [each for each in server.door.fates if each.pid == pid]
    return found


@pytest.mark.parametrize("kind", [Kind.REFUSE, Kind.STARTING_UP])
def test_sessions_end_when_the_server_is_gone(server: Server, kind: Kind) -> None:
    with connect(server) as session:
        time.sleep(0.6)
        pid = session.info.backend_pid
        with suffering(server, Outage(kind, lasts=seconds(0.3))), pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT 1")
        fate, down = fate_of(server, pid), server.downs()[-1]
        assert (fate.kind, fate.dropped_because) == (kind.value, kind.value)
        assert down.down_from < fate.stood_still_from <= fate.until < down.down_until


def test_who_waits_through_a_hang_is_served_after_all(server: Server) -> None:
    with suffering(server, Outage(Kind.HANG, lasts=seconds(0.5))), connect(server, patience=10) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_flapping_is_seen_as_failures_and_successes_in_turn(server: Server) -> None:
    known, seen = len(server.downs()), []
    with suffering(server, Outage(Kind.FLAP, lasts=seconds(4), period=seconds(2))):
        until = time.monotonic() + 3.8
        while time.monotonic() < until:
            try:
                connect(server).close()
                seen.append(True)
            except psycopg.OperationalError:
                seen.append(False)
            time.sleep(0.02)
    downs = server.downs()[known:]
    assert [each.kind for each in downs] == ["flap"] * 2
    assert all(0.95 <= each.seconds < 2 for each in downs)
    assert sum(a != b for a, b in pairwise(seen)) >= 3


def test_an_outage_and_a_restart_inside_it_are_one_time_down(server: Server) -> None:
    known = len(server.downs())
    with suffering(server, Outage(Kind.REFUSE, lasts=seconds(3))):
        server.stop()
        server.start("18.6")
        with pytest.raises(psycopg.OperationalError, match="refused"):
            connect(server)
    connect(server).close()
    (down,) = server.downs()[known:]
    assert (down.kind, down.seconds >= 2.9) == ("refuse and restart", True)


def test_a_door_that_is_removed_ends_its_outage(tmp_path_factory: pytest.TempPathFactory) -> None:
    with site(tmp_path_factory.mktemp("aurora")) as ground:
        server = Server(ground, "us-east-1")
        thread = threading.Thread(target=server.door.suffer, args=(Outage(Kind.HANG, lasts=seconds(60)),))
        thread.start()
        server.remove()
        thread.join(5)
        assert not thread.is_alive()
