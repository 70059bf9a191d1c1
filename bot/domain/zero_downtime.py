"""What the sessions of a writer are doing → which of them zero-downtime patching would drop, in sentences.

The conditions are those of the Aurora User Guide (minor version upgrades, zero-downtime patching). No query text gets here:
it may hold secrets. Names are other people's, so they are shown as plain text.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

from pydantic import Field

from bot.domain.base import Value
from bot.domain.version import EngineVersion

LONG: Final = timedelta(seconds=60)  # a transaction that lasts so long is not waited for; inferred, not documented
MOST: Final = 10  # obstacles that are named
NAME: Final = 63  # characters that PostgreSQL keeps of a name
SENTENCE: Final = 300
NOT_OBSERVABLE: Final = "LISTEN and cursors WITH HOLD of other sessions"  # PostgreSQL shows only a session's own
_TLS_1_3_FROM: Final = {11: 20, 12: 15, 13: 11, 14: 8, 15: 3, 16: 1}  # major → the first minor that preserves it
_NUMBERS: Final = re.compile(r"^\d+ (temporary table|session)s?")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Session(Value):
    """A client's session with something about it. `transaction` is the age of the open one, `tls` a version too old."""

    pid: int
    user: str
    application: str
    database: str
    state: str = ""
    transaction: timedelta | None = None
    is_ddl: bool = False
    locks: tuple[str, ...] = ()  # modes of strong locks on tables
    tables: int = 0  # temporary ones
    tls: str = ""


class Orphans(Value):
    """Temporary tables in a database, of a session that PostgreSQL does not tell."""

    database: str
    tables: int


class Prepared(Value):
    """A prepared transaction."""

    owner: str
    database: str
    age: timedelta


class Slot(Value):
    """A logical replication slot."""

    name: str
    database: str
    active: bool


class Looked(Value):
    """What was seen of a writer. `sees_sessions` is whether the role may see what others do."""

    sees_sessions: bool
    sessions: tuple[Session, ...] = ()  # one may be there several times, each time with more about it
    orphans: tuple[Orphans, ...] = ()
    prepared: tuple[Prepared, ...] = ()
    slots: tuple[Slot, ...] = ()
    parameters: tuple[str, ...] = ()  # that wait for a restart
    unread: tuple[str, ...] = ()  # sentences


class Obstacle(Value):
    """Who stands in the way of zero downtime, and by what. `age` is of a transaction."""

    who: str
    does: tuple[str, ...]
    age: timedelta | None = None

    @property
    def text(self) -> str:
        lasting = f" ({about(self.age)})" if self.age is not None else ""
        return f"{self.who}: {', '.join(self.does)}{lasting}"[:SENTENCE]


class Outlook(Value):
    """How many sessions would be dropped (None: nobody knows), the weightiest obstacles, and how many `more` there are."""

    dropped: int | None
    obstacles: tuple[Obstacle, ...] = ()
    more: int = Field(default=0, ge=0)
    unread: tuple[str, ...] = ()


def old_tls(version: EngineVersion) -> tuple[str, ...]:
    """The versions of TLS whose sessions are dropped: 1.3 is preserved from some minor version on, and always from 17 on."""
    always = ("TLSv1", "TLSv1.1")
    preserved = version.major > max(_TLS_1_3_FROM) or version.minor >= _TLS_1_3_FROM.get(
        version.major, version.minor + 1
    )
    return always if preserved else (*always, "TLSv1.3")


def outlook(looked: Looked) -> Outlook:
    """The obstacles, the weightiest first, and of these the oldest."""
    sessions = [each for each in _merged(looked.sessions) if _reasons(each)]
    weighed = [*_of_sessions(sessions), *_of_others(looked)]
    found = [each for _, each in sorted(weighed, key=lambda one: (-one[0], -_seconds(one[1].age), one[1].who))]
    dropped = len(sessions) if looked.sees_sessions else None
    unread = tuple(_clean(each)[:SENTENCE] for each in looked.unread[:MOST])
    return Outlook(
        dropped=dropped, obstacles=tuple(found[:MOST]), more=max(0, len(found) - MOST), unread=unread
    )  # fmt: skip


def blind(why: str) -> Outlook:
    """Nothing could be looked at."""
    return Outlook(dropped=None, unread=(f"the writer could not be looked at: {_clean(why)}"[:SENTENCE],))


def changes(before: Outlook, now: Outlook) -> tuple[str, ...]:
    """What is different, one by one; ages do not count. Of what was not seen or named nobody can say that it is new or gone."""
    said = []
    if before.dropped != now.dropped:
        said.append(f"{sessions_dropped(now.dropped)}, and it was {_number(before.dropped)}")
    known, left = {_identity(each) for each in before.obstacles}, {_identity(each) for each in now.obstacles}
    if not before.more and before.dropped is not None:
        said += [f"new: {each.text}" for each in now.obstacles if _identity(each) not in known]
    if not now.more and now.dropped is not None:
        said += [f"gone: {each.text}" for each in before.obstacles if _identity(each) not in left]
    return (*said, *(each for each in now.unread if each not in before.unread))


def sessions_dropped(count: int | None) -> str:
    if count is None:
        return "nobody knows how many sessions would be dropped"
    return "no session is seen that would be dropped" if not count else f"{_count(count, 'session')} would be dropped"


def about(age: timedelta) -> str:
    """`40 s`, `14 min`, `3 h`, `2 d`: rounded down."""
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if age >= size:
            return f"{age // size} {unit}"
    return f"{max(age, timedelta()) // timedelta(seconds=1)} s"


def _merged(sessions: Iterable[Session]) -> list[Session]:
    """One of each process."""
    found: dict[int, Session] = {}
    for each in sessions:
        known = found.get(each.pid, each)
        more = {"tables": max(known.tables, each.tables), "transaction": known.transaction or each.transaction}
        found[each.pid] = known.model_copy(update=more)
    return list(found.values())


def _reasons(session: Session) -> list[tuple[int, str]]:
    """Why it would be dropped, with the weight of each reason."""
    said = [(5, "DDL is running")] if session.is_ddl else []
    if session.locks:
        said.append((4, f"table locks ({', '.join(map(_name, session.locks))})"))
    if session.transaction is not None and session.transaction >= LONG:
        idle = session.state.startswith("idle in transaction")
        said.append((3, session.state if idle else "a long transaction"))
    if session.tables:
        said.append((3, _count(session.tables, "temporary table")))
    if session.tls:
        said.append((2, f"{_name(session.tls)}, which is too old"))
    return said


def _of_sessions(sessions: Sequence[Session]) -> list[tuple[int, Obstacle]]:
    """Each by itself; but those that only speak an old TLS by their application, for that has whole pools of them."""
    alone, alike = [], []
    for each in sessions:
        reasons = _reasons(each)
        if [weight for weight, _ in reasons] == [2]:
            alike.append(each)
        else:
            does = tuple(dict.fromkeys(text for _, text in reasons))
            alone.append(
                (max(reasons)[0], Obstacle(who=f"pid {each.pid}{_whose(each)}", does=does, age=each.transaction))
            )
    pools = groupby(sorted(alike, key=_pool), key=_pool)
    return alone + [(2, _of_pool(list(members))) for _, members in pools]


def _pool(session: Session) -> tuple[str, str, str, str]:
    return session.application, session.user, session.database, session.tls


def _of_pool(members: Sequence[Session]) -> Obstacle:
    first, count = members[0], len(members)
    does = _count(count, "session") + f" with {_name(first.tls)}, which is too old"
    return Obstacle(who=_whose(first).removeprefix(", "), does=(does,))


def _of_others(looked: Looked) -> list[tuple[int, Obstacle]]:
    found = [
        (2, Obstacle(who=f"database {_name(each.database)}", does=(_count(each.tables, "temporary table"),)))
        for each in looked.orphans
    ]
    found += [
        (
            1,
            Obstacle(
                who=f"a prepared transaction, user {_name(each.owner)}, database {_name(each.database)}",
                does=("waits for its second phase",),
                age=each.age,
            ),
        )
        for each in looked.prepared
    ]
    found += [
        (
            1,
            Obstacle(
                who=f"logical slot {_name(each.name)}, database {_name(each.database)}",
                does=("its reader must connect again" if each.active else "nobody reads it",),
            ),
        )
        for each in looked.slots
    ]
    if looked.parameters:
        names = ", ".join(map(_name, looked.parameters))
        found.append((2, Obstacle(who=f"parameters {names}"[: SENTENCE // 2], does=("wait for a restart",))))
    return found


def _whose(session: Session) -> str:
    application = f", app “{_name(session.application)}”" if session.application else ""
    return f"{application}, user {_name(session.user)}, database {_name(session.database)}"


def _name(text: str) -> str:
    return _clean(text)[:NAME]


def _clean(text: str) -> str:
    """On one line, without control characters."""
    return _UNPRINTABLE.sub(" ", text).strip()


def _identity(obstacle: Obstacle) -> tuple[str, ...]:
    """How many there are of a thing does not count."""
    return obstacle.who, *(_NUMBERS.sub(r"\1", each) for each in obstacle.does)


def _seconds(age: timedelta | None) -> float:
    return age.total_seconds() if age is not None else 0.0


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _number(count: int | None) -> str:
    return "not known" if count is None else str(count)
