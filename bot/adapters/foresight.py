"""Looking at the sessions of a writer: a few short questions to the catalogue, each answered as JSON, none with a query text.

What one question cannot be asked is said, and the others are asked all the same. The text of running queries is looked at
by the server only. Needs pg_monitor to see the sessions of other roles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg.pq.abc import PGconn
from pydantic import TypeAdapter

from bot.adapters.connecting import Progress
from bot.adapters.postgres import APPLICATION, Failed, Postgres, Target, ask, failure_of, opened
from bot.domain.attempts import Outcome
from bot.domain.base import Value
from bot.domain.preflight import Unread
from bot.domain.zero_downtime import LONG, Looked, Orphans, Prepared, Session, Slot

MOST: Final = 500  # rows of one answer
MOST_DATABASES: Final = 20
DATA_EXCEPTION: Final = "22000"
T = TypeVar("T")


class Here(Value):
    """Whom the server takes us for, and where there are sessions whose temporary tables can be looked at."""

    role: str  # quoted, where that is needed
    sees_sessions: bool
    is_reader: bool
    databases: tuple[str, ...]
    closed: tuple[str, ...]  # those that the role may not enter


class Temporary(Value):
    """A session with temporary tables; without one these are of nobody that can be told."""

    session: Session | None
    tables: int


_BE_BRIEF: Final = (
    b"SELECT set_config('statement_timeout', '2000', false), set_config('client_encoding', 'UTF8', false)"
)
_OTHERS: Final = f"""
    a.pid <> pg_backend_pid() AND a.usename IS DISTINCT FROM 'rdsadmin'
    AND NOT (a.usename = current_user AND a.application_name = '{APPLICATION}')
"""  # rdsadmin is RDS itself, whose sessions are nobody's loss
_HERE: Final = f"""
    WITH used AS (
        SELECT d.datname::text AS name, has_database_privilege(d.oid, 'CONNECT') AS open FROM pg_database d
        WHERE d.datallowconn AND d.datconnlimit <> -2 AND d.datname <> 'rdsadmin'
        AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid AND {_OTHERS}) ORDER BY 1
    )
    SELECT json_build_object(
        'role', quote_ident(current_user), 'is_reader', pg_is_in_recovery(),
        'sees_sessions', pg_has_role('pg_read_all_stats', 'USAGE'),
        'databases', (SELECT coalesce(json_agg(name), '[]') FROM used WHERE open),
        'closed', (SELECT coalesce(json_agg(name), '[]') FROM used WHERE NOT open))
"""  # noqa: S608 - of constants
_SESSION: Final = """
    a.pid, coalesce(a.usename, '') AS "user", coalesce(a.application_name, '') AS application,
    coalesce(a.datname, '') AS database, coalesce(a.state, '') AS state,
    extract(epoch FROM greatest(clock_timestamp() - a.xact_start, '0'))::float8 AS transaction
"""
_DDL: Final = r"""
    (a.state = 'active' AND a.query ~* '^(\s|/\*.*?\*/|--[^\n]*\n)*(create|alter|drop|truncate|reindex|cluster|vacuum\s*\(?\s*full)\M')
"""
_SESSIONS: Final = """
    WITH strong AS (
        SELECT pid, array_agg(DISTINCT mode) AS modes FROM pg_locks
        WHERE locktype = 'relation' AND granted AND pid IS NOT NULL
        AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') GROUP BY pid
    ), old AS (SELECT pid, version FROM pg_stat_ssl WHERE version IN ({old}))
    SELECT {session}, {ddl} IS TRUE AS is_ddl, coalesce(strong.modes, '{{}}') AS locks, coalesce(old.version, '') AS tls
    FROM pg_stat_activity a LEFT JOIN strong USING (pid) LEFT JOIN old USING (pid)
    WHERE coalesce(a.backend_type, 'client backend') = 'client backend' AND {others}
    AND (a.xact_start < now() - interval '{long} s' OR {ddl} OR strong.pid IS NOT NULL OR old.pid IS NOT NULL)
    ORDER BY a.xact_start NULLS LAST LIMIT {most}
"""
_TEMPORARY: Final = f"""
    WITH tables AS (
        SELECT n.nspname, count(*) AS tables,
            CASE WHEN current_setting('server_version_num')::int >= 160000
            THEN pg_stat_get_backend_pid(substring(n.nspname FROM '^pg_temp_(\\d+)$')::int) END AS pid
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relpersistence = 't' AND c.relkind IN ('r', 'p') AND n.nspname ~ '^pg_temp_' GROUP BY n.nspname
    )
    SELECT tables.tables, CASE WHEN a.pid IS NULL THEN NULL ELSE (SELECT row_to_json(s) FROM (SELECT {_SESSION}) s) END AS session
    FROM tables LEFT JOIN pg_stat_activity a ON a.pid = tables.pid AND a.datname = current_database() LIMIT {MOST}
"""  # noqa: S608 - of constants; from PostgreSQL 16 on the number in pg_temp_N is that of its session
_PREPARED: Final = f"""
    SELECT owner::text, database::text, extract(epoch FROM greatest(clock_timestamp() - prepared, '0'))::float8 AS age
    FROM pg_prepared_xacts ORDER BY prepared LIMIT {MOST}
"""  # noqa: S608 - of constants; the name of one is its application's own, and not looked at
_SLOTS: Final = f"""
    SELECT slot_name::text AS name, coalesce(database::text, '') AS database, active
    FROM pg_replication_slots WHERE slot_type = 'logical' ORDER BY 1 LIMIT {MOST}
"""  # noqa: S608 - of constants
_PARAMETERS: Final = b"SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE pending_restart"

_AS_HERE: Final = TypeAdapter(Here)
_AS_SESSIONS: Final = TypeAdapter(tuple[Session, ...])
_AS_TEMPORARY: Final = TypeAdapter(tuple[Temporary, ...])
_AS_PREPARED: Final = TypeAdapter(tuple[Prepared, ...])
_AS_SLOTS: Final = TypeAdapter(tuple[Slot, ...])
_AS_NAMES: Final = TypeAdapter(tuple[str, ...])


async def look(postgres: Postgres, target: Target, old_tls: Sequence[str], within: timedelta) -> Looked | Unread:
    """What is seen in that time; so much of it as was seen by then. Nothing but cancellation is raised."""
    looking = _Looking(tuple(old_tls))
    tried = await postgres.tried(target, within, looking.through)
    if looking.here is None:
        return Unread(why=tried.detail or str(tried.outcome))
    if looking.here.is_reader:
        return Unread(why="a reader answered at the endpoint of the writer")
    if not tried.outcome.proves_up:
        looking.unread.append(f"not all was looked at: {tried.detail or tried.outcome}")
    sees, sessions = looking.here.sees_sessions and "sessions" in looking.found, looking.found.pop("sessions", ())
    return Looked(
        sees_sessions=sees,
        sessions=(*sessions, *looking.with_tables),
        orphans=tuple(looking.orphans),
        unread=tuple(looking.unread),
        **looking.found,
    )


@dataclass
class _Looking:
    """One look, and what is seen by now."""

    old_tls: tuple[str, ...]
    here: Here | None = None
    found: dict[str, Any] = field(default_factory=dict)
    with_tables: list[Session] = field(default_factory=list)
    orphans: list[Orphans] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    async def through(self, target: Target, password: str, progress: Progress) -> str:
        connection = await opened(target, password, progress)
        try:
            await self._through(connection)
        finally:
            connection.finish()
        for database in self.here.databases[:MOST_DATABASES] if self.here and not self.here.is_reader else ():
            await self._temporary(replace(target, dbname=database), password, progress)
        return ""

    async def _through(self, pgconn: PGconn) -> None:
        await ask(pgconn, _BE_BRIEF)
        self.here = here = await _understood(pgconn, _HERE.encode(), _AS_HERE)
        if here.is_reader:
            return
        self._say_what_is_hidden(here)
        old = ", ".join(f"'{each}'" for each in self.old_tls)
        sessions = _SESSIONS.format(
            old=old, session=_SESSION, ddl=_DDL, others=_OTHERS, long=LONG // timedelta(seconds=1), most=MOST
        )
        for name, query, kind in (
            ("sessions", _rows(sessions), _AS_SESSIONS),
            ("prepared", _rows(_PREPARED), _AS_PREPARED),
            ("slots", _rows(_SLOTS), _AS_SLOTS),
            ("parameters", _PARAMETERS, _AS_NAMES),
        ):
            answer: Any = await self._asked(name, pgconn, query, cast("TypeAdapter[Any]", kind))
            if answer is not None:
                self.found[name] = answer
        if len(self.found.get("sessions", ())) == MOST:
            self.unread.append(f"only {MOST} sessions were looked at")

    def _say_what_is_hidden(self, here: Here) -> None:
        if not here.sees_sessions:
            self.unread.append(f"what other sessions do; on the writer, run GRANT pg_monitor TO {here.role}")
        if here.closed:
            self.unread.append(f"temporary tables in {', '.join(here.closed)}, which {here.role} may not enter")
        if over := here.databases[MOST_DATABASES:]:
            self.unread.append(f"temporary tables in {len(over)} more databases")

    async def _temporary(self, target: Target, password: str, progress: Progress) -> None:
        """They are seen from within their database only."""
        what = f"temporary tables in {target.dbname}"
        try:
            connection = await opened(target, password, progress)
        except psycopg.Error as error:
            self.unread.append(f"{what}: {failure_of(str(error)).detail}")
            return
        try:
            await ask(connection, _BE_BRIEF)
            rows = await self._asked(what, connection, _rows(_TEMPORARY), _AS_TEMPORARY) or ()
        finally:
            connection.finish()
        for each in rows:
            if each.session:
                self.with_tables.append(each.session.model_copy(update={"tables": each.tables}))
            else:
                self.orphans.append(Orphans(database=target.dbname, tables=each.tables))

    async def _asked(self, what: str, pgconn: PGconn, query: bytes, kind: TypeAdapter[T]) -> T | None:
        """None when the server refuses this question; a connection that is gone ends the look."""
        try:
            return await _understood(pgconn, query, kind)
        except Failed as failed:
            if not failed.sqlstate or failed.sqlstate.startswith("57P"):
                raise
            code = f" ({failed.sqlstate})" if "\n" in failed.detail else ""  # after a line that quotes the question
            self.unread.append(f"{what}: {failed.detail.splitlines()[0]}{code}")
            return None


async def _understood(pgconn: PGconn, query: bytes, kind: TypeAdapter[T]) -> T:
    try:
        return kind.validate_json(await ask(pgconn, query))
    except ValueError as error:
        raise Failed(Outcome.OTHER, "an answer that is not understood", DATA_EXCEPTION) from error


def _rows(query: str) -> bytes:
    return f"SELECT coalesce(json_agg(row_to_json(found)), '[]') FROM ({query}) found".encode()  # noqa: S608 - of constants
