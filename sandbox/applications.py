"""What else uses the sandbox's database: applications whose sessions at the writer are open all the time, and rest."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Final, LiteralString

import psycopg

SESSIONS: Final[tuple[tuple[str, LiteralString], ...]] = (
    *[("shop", "SELECT 1")] * 4,
    ("billing", "CREATE TEMPORARY TABLE month_end AS SELECT 1 AS n"),  # zero-downtime patching cannot keep that
)


@contextmanager
def applications(dsn: str) -> Iterator[None]:
    """They are connected while the block lasts, or until somebody drops them."""
    with ExitStack() as connected:
        for name, statement in SESSIONS:
            session = connected.enter_context(closing(psycopg.connect(dsn, application_name=name, autocommit=True)))
            session.execute(statement)
        yield
