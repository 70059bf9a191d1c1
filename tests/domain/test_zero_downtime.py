"""From what sessions do to sentences: what would be dropped, the weightiest first, and nothing of other people's that misleads."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.version import EngineVersion
from bot.domain.zero_downtime import (
    LONG,
    MOST,
    Looked,
    Obstacle,
    Orphans,
    Outlook,
    Prepared,
    Session,
    Slot,
    about,
    blind,
    changes,
    old_tls,
    outlook,
    sessions_dropped,
)

MINUTE = timedelta(minutes=1)
IDLE = "idle in transaction"


def session(pid: int = 123, **other: object) -> Session:
    made: dict[str, object] = {"pid": pid, "user": "svc", "application": "billing", "database": "orders"}
    return Session.model_validate(made | other)


def seen(*sessions: Session, **other: object) -> Outlook:
    return outlook(Looked.model_validate({"sees_sessions": True, "sessions": sessions} | other))


def said(*sessions: Session, **other: object) -> list[str]:
    return [each.text for each in seen(*sessions, **other).obstacles]


def test_nothing_stands_in_the_way() -> None:
    assert seen() == Outlook(dropped=0)
    assert seen(session(state=IDLE, transaction=LONG / 2)) == Outlook(dropped=0)


@pytest.mark.parametrize(
    ("doing", "words"),
    [
        ({"state": IDLE, "transaction": 14 * MINUTE}, "idle in transaction (14 min)"),
        ({"state": "active", "transaction": LONG}, "a long transaction (1 min)"),
        ({"is_ddl": True, "transaction": MINUTE / 60}, "DDL is running (1 s)"),
        ({"locks": ("ExclusiveLock", "ShareLock")}, "table locks (ExclusiveLock, ShareLock)"),
        ({"tables": 1}, "1 temporary table"),
        ({"tables": 3}, "3 temporary tables"),
        ({"tls": "TLSv1.1", "tables": 1}, "1 temporary table, TLSv1.1, which is too old"),
    ],
)
def test_what_a_session_does(doing: dict[str, Any], words: str) -> None:
    assert said(session(**doing)) == [f"pid 123, app “billing”, user svc, database orders: {words}"]


def test_what_else_stands_in_the_way() -> None:
    assert said(
        prepared=(Prepared(owner="svc", database="orders", age=3 * 60 * MINUTE),),
        slots=(Slot(name="lake", database="orders", active=True), Slot(name="old", database="orders", active=False)),
        orphans=(Orphans(database="orders", tables=2),),
        parameters=("max_connections", "shared_buffers"),
    ) == [
        "database orders: 2 temporary tables",
        "parameters max_connections, shared_buffers: wait for a restart",
        "a prepared transaction, user svc, database orders: waits for its second phase (3 h)",
        "logical slot lake, database orders: its reader must connect again",
        "logical slot old, database orders: nobody reads it",
    ]


def test_one_session_is_named_once_with_all_that_it_does() -> None:
    open_one = session(state=IDLE, transaction=2 * MINUTE, locks=("ExclusiveLock",))
    told = seen(open_one, session(tables=2))
    assert told.dropped == 1
    assert [each.does for each in told.obstacles] == [
        ("table locks (ExclusiveLock)", IDLE, "2 temporary tables"),
    ]


def test_the_weightiest_is_first_and_of_these_the_oldest() -> None:
    told = seen(
        session(1, tables=1),
        session(2, state=IDLE, transaction=2 * MINUTE),
        session(3, state=IDLE, transaction=9 * MINUTE),
        session(4, locks=("ExclusiveLock",)),
        session(5, is_ddl=True),
        session(6, tls="TLSv1"),
    )
    assert [each.who.partition(",")[0] for each in told.obstacles] == [
        "pid 5",
        "pid 4",
        "pid 3",
        "pid 2",
        "pid 1",
        "app “billing”",
    ]
    assert told.dropped == 6


def test_a_pool_that_speaks_an_old_tls_is_one_obstacle() -> None:
    told = seen(*(session(pid, tls="TLSv1.1") for pid in range(40)), session(99, tls="TLSv1.1", application=""))
    assert told.dropped == 41
    assert [each.text for each in told.obstacles] == [
        "app “billing”, user svc, database orders: 40 sessions with TLSv1.1, which is too old",
        "user svc, database orders: 1 session with TLSv1.1, which is too old",
    ]


@given(st.integers(0, 4 * MOST))
def test_only_so_many_are_named_and_all_are_counted(count: int) -> None:
    told = seen(*(session(pid, tables=1) for pid in range(count)))
    assert told.dropped == count == len(told.obstacles) + told.more
    assert len(told.obstacles) <= MOST


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_names_are_short_and_on_one_line(application: str, user: str, database: str) -> None:
    [text] = said(session(application=application, user=user, database=database, tables=1))
    assert len(text) <= 300
    assert text.isprintable() or not {"\n", "\r", "\x1b", "\x00", "\u2028"} & set(text)


def test_without_the_right_to_see_nobody_knows_how_many() -> None:
    told = seen(session(tables=1), sees_sessions=False, unread=("what other sessions do; run\nGRANT",))
    assert (told.dropped, told.unread) == (None, ("what other sessions do; run GRANT",))
    assert blind("no answer within 3 s") == Outlook(
        dropped=None, unread=("the writer could not be looked at: no answer within 3 s",)
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, "nobody knows how many sessions would be dropped"),
        (0, "no session is seen that would be dropped"),
        (1, "1 session would be dropped"),
        (3, "3 sessions would be dropped"),
    ],
)
def test_how_many(count: int | None, words: str) -> None:
    assert sessions_dropped(count) == words


def test_what_has_changed() -> None:
    first = seen(session(1, state=IDLE, transaction=2 * MINUTE), session(2, tables=1))
    later = seen(session(1, state=IDLE, transaction=3 * MINUTE), session(2, tables=5))
    assert changes(first, later) == ()
    assert changes(first, seen(session(2, tables=1), session(3, is_ddl=True), session(4, is_ddl=True))) == (
        "3 sessions would be dropped, and it was 2",
        "new: pid 3, app “billing”, user svc, database orders: DDL is running",
        "new: pid 4, app “billing”, user svc, database orders: DDL is running",
        "gone: pid 1, app “billing”, user svc, database orders: idle in transaction (2 min)",
    )
    assert changes(first, blind("no")) == (
        "nobody knows how many sessions would be dropped, and it was 2",
        "the writer could not be looked at: no",
    )


def test_what_was_not_seen_before_is_not_new() -> None:
    assert changes(blind("no"), seen(session(tables=1))) == ("1 session would be dropped, and it was not known",)


def test_of_what_was_not_named_nobody_can_say_that_it_is_new_or_gone() -> None:
    few, many = seen(session(0, tables=1)), seen(*(session(pid, tables=1) for pid in range(2 * MOST)))
    assert all("gone" not in each for each in changes(few, many))
    assert changes(many, few)[0] == "1 session would be dropped, and it was 20"
    assert all("new" not in each for each in changes(many, few))


@pytest.mark.parametrize(
    ("version", "preserved"),
    [
        ("17.4", True),
        ("18.6", True),
        ("16.1", True),
        ("15.3", True),
        ("15.2", False),
        ("12.14", False),
        ("10.21", False),
    ],
)
def test_tls_1_3_is_preserved_from_some_version_on(version: str, *, preserved: bool) -> None:
    assert old_tls(EngineVersion.parse(version)) == ("TLSv1", "TLSv1.1", *(() if preserved else ("TLSv1.3",)))


def test_ages() -> None:
    ages = (-1, 0, 59, 60, 14 * 60 + 59, 3600, 86400 * 2)
    assert [about(timedelta(seconds=each)) for each in ages] == ["0 s", "0 s", "59 s", "1 min", "14 min", "1 h", "2 d"]


def test_an_obstacle_is_cut() -> None:
    assert len(Obstacle(who="x" * 400, does=("y",)).text) == 300
