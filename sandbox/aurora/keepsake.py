"""What a session has of its own, asked of the session itself; and whether it can be had again on another server.

`pg_listening_channels()`, `pg_cursors` and `pg_prepared_statements` show a session its own only. So the door asks, in
the session's name, while nothing of the client's is under way.

What would be lost without a word: `currval`, the unnamed prepared statement, and a setting of an application's own
(`app.tenant`) whose name came as a parameter. Which of these Aurora keeps is not documented.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from . import packets

OWN_SETTING: Final = re.compile(
    r"""(?:\bset\s+(?:session\s+)?|\bset_config\s*\(\s*')("?[a-z_]\w*"?(?:\."?[a-z_][\w$]*"?)+)""", re.IGNORECASE
)
FIRST: Final = "client_encoding"  # the others are spelt in it
SET: Final = "SELECT pg_catalog.set_config($1, $2, false)"
ASK: Final = """
SELECT pg_catalog.json_build_object(
  'listening', (SELECT count(*) FROM pg_catalog.pg_listening_channels()),
  'temporary', (SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()),
  'cursors', (SELECT count(*) FROM pg_catalog.pg_cursors WHERE is_holdable),
  'locks', (SELECT count(*) FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory'),
  'disguised', session_user <> {user},
  'role', pg_catalog.current_setting('role'),
  'settings', (SELECT pg_catalog.json_object_agg(name, setting) FROM pg_catalog.pg_settings WHERE source = 'session'),
  'own', (SELECT pg_catalog.json_object_agg(name, pg_catalog.current_setting(name, true)) FROM pg_catalog.unnest({own}) name),
  'statements', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
      name, statement, from_sql, parameter_types::pg_catalog.oid[]::pg_catalog.int8[])) FROM pg_catalog.pg_prepared_statements)
)"""


@dataclass(frozen=True)
class Statement:
    """A prepared one: by PREPARE, or by a driver's message."""

    name: str
    sql: str
    by_prepare: bool
    types: tuple[int, ...]


@dataclass(frozen=True)
class Keepsake:
    """All of a session that can be taken over; `hindrance` is what cannot, or nothing."""

    hindrance: str
    settings: Mapping[str, str]
    statements: tuple[Statement, ...]

    def restoring(self) -> Iterator[bytes]:
        """What to say to a new session so that it has all this; each packet is answered with ReadyForQuery."""
        if self.settings:
            first = sorted(self.settings, key=lambda name: (name != FIRST, name == "role", name))
            yield packets.synced(
                packets.parse("", SET), *(packets.call("", name, self.settings[name]) for name in first)
            )
        for each in self.statements:
            yield (
                packets.query(each.sql)
                if each.by_prepare
                else packets.synced(packets.parse(each.name, each.sql, each.types))
            )


def question(user: str, own: Collection[str] = ()) -> str:
    """`own`: names of the application's settings. A session's user may have changed since it logged in as `user`."""
    names = f"ARRAY[{', '.join(map(_quoted, sorted(own)))}]::pg_catalog.text[]"
    return ASK.format(own=names, user=_quoted(user))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def own_settings(sql: str) -> set[str]:
    """The settings with a dot in their names that this text sets."""
    return {name.replace('"', "") for name in OWN_SETTING.findall(sql)} if "." in sql else set()


def read(answer: str) -> Keepsake:
    """ValueError when it is no answer to the question."""
    said = json.loads(answer)
    hindrance = next((words for name, words in HINDRANCES.items() if said[name]), "")
    settings = {**(said["settings"] or {}), **{name: value for name, value in (said["own"] or {}).items() if value}}
    if said["role"] != "none":
        settings["role"] = said["role"]
    statements = tuple(Statement(n, sql, by, tuple(types)) for n, sql, by, types in said["statements"] or ())
    return Keepsake(hindrance, settings, statements)


HINDRANCES: Final[Mapping[str, str]] = {
    "listening": "listening",
    "temporary": "temporary tables",
    "cursors": "a cursor WITH HOLD",
    "locks": "advisory locks",
    "disguised": "another user than it logged in as",
}
