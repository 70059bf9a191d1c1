"""Sessions that stay open, on a real PostgreSQL: to ask, to write, and to read what was written."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from bot.adapters.beat import TABLE
from bot.adapters.held import HeldSession
from bot.adapters.postgres import Postgres
from bot.domain.attempts import Outcome
from bot.domain.unobserved import by_start
from bot.domain.ways import Lane, Way
from bot.measure.dsn import endpoint
from sandbox.aurora.postgres import DATABASE, Server

pytest_plugins = ["tests.adapters.postgres_fixtures"]

SOON = timedelta(seconds=10)
SHORTLY = timedelta(seconds=0.5)
NOT_WAITING = {Outcome.TIMEOUT, Outcome.OURS}  # the latter on a machine that stands still meanwhile


@asynccontextmanager
async def using(postgres: Server, way: Way) -> AsyncIterator[HeldSession]:
    session = HeldSession(Postgres(), endpoint(postgres.dsn()).target, Lane(endpoint="e", way=way))
    try:
        yield session
    finally:
        await session.close()


@contextmanager
def locked(postgres: Server) -> Iterator[None]:
    """Meanwhile nobody can write to the table, nor read it."""
    with psycopg.connect(postgres.dsn_past_door("postgres"), dbname=DATABASE) as holder:
        holder.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def clients(postgres: Server) -> set[int]:
    return {pid for (pid,) in postgres.ask("SELECT pid FROM pg_stat_activity WHERE usename = 'aurora_probe'")}


async def test_writes_and_reads_of_them_each_keep_their_session(postgres: Server) -> None:
    async with using(postgres, Way.WRITE) as writing, using(postgres, Way.ROW) as reading:
        first = await writing.use(SOON)
        both = (await reading.use(SOON), clients(postgres))
        second = await writing.use(SOON)
        third = await reading.use(SOON)
        assert clients(postgres) == both[1]
    assert [each.session for each in (first, both[0], second, third)] == [1, 1, 1, 1]
    assert float(both[0].attempt.version) == float(first.attempt.version)
    assert float(third.attempt.version) == float(second.attempt.version) > float(first.attempt.version)


@pytest.mark.parametrize("way", [Way.WRITE, Way.ROW])
async def test_what_has_no_answer_by_its_deadline_gives_its_session_up(postgres: Server, way: Way) -> None:
    async with using(postgres, way) as session:
        await session.use(SOON)
        with locked(postgres):
            late = await session.use(SHORTLY)
        again = await session.use(SOON)
    assert late.attempt.outcome in NOT_WAITING
    assert (late.session, again.session, again.attempt.outcome) == (1, 2, Outcome.OK)


async def test_a_session_that_stands_still_is_waited_for(postgres: Server) -> None:
    async with using(postgres, Way.HELD) as session:
        first = await session.use(SOON)
        with stopped(int(first.attempt.version)):
            late = await session.use(SHORTLY)
        again = await session.use(SOON)
    assert late.attempt.outcome in NOT_WAITING
    assert [each.session for each in (first, late, again)] == [1, 1, 1]
    assert again.attempt.version == first.attempt.version
    assert again.attempt.start == late.attempt.start, "it may have been answered as soon as it was asked"
    assert again.attempt.end >= late.attempt.end


async def test_an_answer_that_is_read_late_because_this_process_stood_still_is_not_dated_late(postgres: Server) -> None:
    async with using(postgres, Way.HELD) as session:
        first = await session.use(SOON)
        with stopped(int(first.attempt.version)):
            asking = asyncio.create_task(session.use(SHORTLY))
            await asyncio.sleep(SHORTLY.total_seconds() / 2)
        answered = datetime.now(UTC)
        time.sleep(2 * SHORTLY.total_seconds())  # noqa: ASYNC251 - nothing goes on here, as when the machine stands still
        uses = [await asking, await session.use(SOON)]
    read = next(each.attempt for each in uses if each.attempt.outcome.proves_up)
    assert read.start <= answered
    assert sorted(uses, key=lambda each: by_start(each.attempt)) == uses


async def test_a_write_that_finds_its_session_gone_fails_and_the_next_one_opens_another(postgres: Server) -> None:
    async with using(postgres, Way.WRITE) as session:
        await session.use(SOON)
        for pid in clients(postgres):
            postgres.ask(f"SELECT pg_terminate_backend({pid}, 5000)")
        gone, again = await session.use(SOON), await session.use(SOON)
    assert gone.attempt.outcome in (Outcome.SHUTTING_DOWN, Outcome.RESET)
    assert (gone.session, again.session, again.attempt.outcome) == (1, 2, Outcome.OK)
