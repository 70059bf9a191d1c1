"""The row that is written to see whether an endpoint takes writes, and read elsewhere to see how far behind that is.

The table is of the bot's own, and made by whoever wants it: deploy/sql/writes.sql.
"""

from typing import Final

TABLE: Final = "aurora_upgrade_bot_beat"
CREATE: Final = f"CREATE TABLE {TABLE} (slot int PRIMARY KEY, at timestamptz NOT NULL)"
WRITE: Final = (  # 64 rows, so that whoever writes from elsewhere, or a write given up, seldom holds the lock that is needed
    b"INSERT INTO aurora_upgrade_bot_beat VALUES (pg_backend_pid() % 64, clock_timestamp()) "
    b"ON CONFLICT (slot) DO UPDATE SET at = excluded.at RETURNING extract(epoch FROM at)"
)
READ: Final = b"SELECT extract(epoch FROM max(at)) FROM aurora_upgrade_bot_beat"
