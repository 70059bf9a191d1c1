"""A session that is opened once and used again and again, for as long as the endpoint keeps it: to ask, to write, to read."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Final

from psycopg.pq.abc import PGconn

from bot.adapters.beat import READ, WRITE
from bot.adapters.connecting import Progress
from bot.adapters.postgres import Failed, Postgres, Target, ask, opened
from bot.domain.attempts import Attempt, Outcome
from bot.domain.held import PATIENCE
from bot.domain.ways import Lane, Use, Way

QUERIES: Final = {Way.HELD: b"SELECT pg_backend_pid()", Way.WRITE: WRITE, Way.ROW: READ}


class HeldSession:
    """One use at a time. While there is no session, a use is a try to open one and to use it.

    A query that gets no answer within the deadline of a use is not cancelled: the session may yet survive, so the next use
    waits for the same answer. That may have been given as soon as it was asked for, so its attempt begins then; it ends when
    the answer came. After PATIENCE the session is given up, and the next use opens another. Who writes, or reads what was
    written, does not wait like that: there the session is given up at the deadline. `sessions` are those that the lane has
    had before.
    """

    def __init__(self, postgres: Postgres, target: Target, lane: Lane, sessions: int = 0) -> None:
        self.lane = lane
        self._postgres = postgres
        self._target = target
        self._query = QUERIES[lane.way]
        self._patience = PATIENCE if lane.way is Way.HELD else timedelta()
        self._connection: PGconn | None = None
        self._number = sessions
        self._asking: asyncio.Task[str] | None = None
        self._asked_at: datetime | None = None
        self._answered_at: datetime | None = None

    async def use(self, deadline: timedelta) -> Use:
        """Whatever happens is an outcome; nothing but cancellation is raised."""
        if self._connection is None:
            tried = await self._postgres.tried(self._target, deadline, self._open)
            return Use(lane=self.lane, attempt=tried, session=self._number if tried.outcome.proves_up else 0)
        return Use(lane=self.lane, session=self._number, attempt=await self._ask(self._connection, deadline))

    async def _open(self, target: Target, password: str, progress: Progress) -> str:
        connection = await opened(target, password, progress)
        try:
            answer = await ask(connection, self._query)
            progress.finished("query")
        except BaseException:
            connection.finish()
            raise
        self._connection, self._number = connection, self._number + 1
        return answer

    async def _ask(self, connection: PGconn, deadline: timedelta) -> Attempt:
        start = self._postgres.clock.now()
        if self._asking is None:
            self._asking, self._asked_at = asyncio.create_task(ask(connection, self._query)), start
            self._asking.add_done_callback(self._note)
        try:
            answer = await self._postgres.in_time(_patiently(self._asking), deadline)
        except Failed as failed:
            if self._is_given_up() or (self._asking.done() and self._asking.exception() is not None):
                await self.close()
            return self._postgres.failed(start, failed)
        self._asking = None
        came_before = self._answered_at if self._answered_at and self._answered_at < start else None
        asked_at, end = min(self._asked_at or start, start), came_before or self._postgres.end(start)
        return Attempt(start=asked_at, end=max(asked_at, end), outcome=Outcome.OK, version=answer)

    def _note(self, _: asyncio.Task[str]) -> None:
        self._answered_at = self._postgres.clock.now()

    def _is_given_up(self) -> bool:
        return self._asked_at is not None and self._postgres.clock.now() - self._asked_at >= self._patience

    async def close(self) -> None:
        """Let go of the session, if there is one."""
        asking, connection = self._asking, self._connection
        self._asking = self._connection = None
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if connection is not None:
            connection.finish()


def _patiently(asking: asyncio.Task[str]) -> Awaitable[str]:
    """A deadline ends the wait, not what is waited for."""
    return asyncio.shield(asking)
