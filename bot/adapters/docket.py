"""The door to Docket: how dockets are opened, how a turn is taken, and how a worker stops.

A turn is a Perpetual task with a key of its own, so it is scheduled once and runs once at a time.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from docket import Docket, Perpetual, Worker

from bot.adapters.redis import key, speaking
from bot.domain.errors import Unavailable
from bot.domain.ids import Account, Region, UpgradeId

REDELIVERY: Final = timedelta(seconds=5)  # how long after the death of its worker a turn is given to another one
GRACE: Final = timedelta(seconds=3)  # for running turns at a stop; less than REDELIVERY: leases end with the stop
HEARTBEAT: Final = timedelta(seconds=1)
PUNCTUAL: Final = timedelta(seconds=0.1)  # by so much a turn may come late
MISSED_HEARTBEATS: Final = 6
SWEEP: Final = timedelta(seconds=5)
AFTER_TROUBLE: Final = timedelta(seconds=3)
LONGEST_TURN: Final = timedelta(minutes=2)
ANSWER_SECONDS: Final = 5.0
VANTAGES: Final = key("vantages")  # those that ever had a prober
REMEMBERED: Final = timedelta(minutes=5)  # how long Docket shows what became of a task
AGAIN: Final = Perpetual()
SWEEPING: Final = Perpetual(every=SWEEP, automatic=True)

logger: Final = logging.getLogger(__name__)
logging.getLogger("docket").setLevel(logging.WARNING)  # below that it tells of every turn


class Turns(Protocol):
    """What there is to do. Each takes one turn and gives how long until the next; None when there is no next."""

    async def drive(self, upgrade: UpgradeId) -> timedelta | None: ...

    async def narrate(self, upgrade: UpgradeId) -> timedelta | None: ...

    async def watch(self, account: Account, region: Region) -> timedelta | None: ...

    async def sweep(self) -> timedelta | None:
        """Set going every upgrade that is not finished. None means the usual pace: the sweep never ends."""
        ...


_turns: ContextVar[Turns] = ContextVar("turns")
_running: ContextVar[set[asyncio.Task[Any]]] = ContextVar("running")


async def drive(upgrade: str, again: Perpetual = AGAIN) -> None:
    await take(again, f"drive:{upgrade}", _turns.get().drive(UpgradeId(upgrade)))


async def narrate(upgrade: str, again: Perpetual = AGAIN) -> None:
    await take(again, f"narrate:{upgrade}", _turns.get().narrate(UpgradeId(upgrade)))


async def watch(account: str, region: str, again: Perpetual = AGAIN) -> None:
    await take(again, f"watch:{account}:{region}", _turns.get().watch(Account(account), Region(region)))


async def sweep(again: Perpetual = SWEEPING) -> None:
    await take(again, "sweep", _sweep())


async def _sweep() -> timedelta:
    return await _turns.get().sweep() or SWEEP


async def take(again: Perpetual, key: str, turn: Coroutine[Any, Any, timedelta | None]) -> None:
    """Whatever goes wrong in a turn ends here: Docket would try to pickle the exception, and fall over some of them."""
    running_here()
    try:
        async with asyncio.timeout(LONGEST_TURN.total_seconds()):
            delay = await turn
    except Unavailable as trouble:
        logger.warning("%s: %s", key, trouble)
        delay = AFTER_TROUBLE
    except Exception:
        logger.exception("%s: this turn failed, the next one is in %s", key, AFTER_TROUBLE)
        delay = AFTER_TROUBLE
    if delay is None:
        again.cancel()
    else:
        again.after(delay)


def running_here() -> None:
    """Let the stop of this worker know of the current task."""
    if (task := asyncio.current_task()) is not None:
        _running.get().add(task)
        task.add_done_callback(_running.get().discard)


def open_docket(url: str, name: str, concurrency: int = 0) -> Docket:
    return Docket(
        name=name,
        url=_with_room(url, concurrency),
        heartbeat_interval=HEARTBEAT,
        missed_heartbeats=MISSED_HEARTBEATS,
        execution_ttl=REMEMBERED,
    )


def turns_docket(url: str, concurrency: int = 0) -> Docket:
    return open_docket(url, "aurora", concurrency)


def probe_docket(url: str, vantage: str, concurrency: int = 0) -> Docket:
    return open_docket(url, f"aurora-probe-{vantage}", concurrency)


def new_worker(docket: Docket, concurrency: int) -> Worker:
    return Worker(
        docket,
        name=f"{socket.gethostname()}#{os.getpid()}#{uuid4().hex[:8]}",
        concurrency=concurrency,
        redelivery_timeout=REDELIVERY,
        scheduling_resolution=PUNCTUAL,
        reconnection_delay=timedelta(seconds=1),
    )


def _with_room(url: str, concurrency: int) -> str:
    """Docket's pool raises when it is full, so it has to be larger than all that may ask at once.

    Its connections are tried once only, unless told otherwise; then, after a restart of Redis, every idle one would
    cost a worker an error and a pause. Docket's commands bear to be sent twice: their scripts know the generation.
    """
    parts = urlsplit(url)
    room = {"max_connections": str(2 * concurrency + 50), "socket_connect_timeout": "2", "retry_on_timeout": "true"}
    return urlunsplit(parts._replace(query=urlencode(room | dict(parse_qsl(parts.query)))))


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[None]:
    """Docket waits for ever for an answer of Redis; we do not."""
    with speaking(url):
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                yield
        except TimeoutError:
            raise Unavailable("Redis", "TimeoutError", f"no answer within {ANSWER_SECONDS:.0f} s") from None


def probe_key(upgrade: str, endpoint: str) -> str:
    return f"probe:{upgrade}:{endpoint}"


async def run_worker(url: str, turns: Turns, stop: asyncio.Event, concurrency: int = 50) -> None:
    """Take turns until told to stop; then finish those that run, or leave them to others after GRACE."""
    _turns.set(turns)
    async with turns_docket(url, concurrency) as docket:
        for task in (drive, narrate, watch, sweep):
            docket.register(task)
        async with new_worker(docket, concurrency) as worker:
            await work_until(stop, worker, GRACE)


async def work_until(stop: asyncio.Event, worker: Worker, grace: timedelta) -> None:
    """A task that Docket finds cancelled during a stop stays pending, and is redelivered to another worker."""
    running: set[asyncio.Task[Any]] = set()
    _running.set(running)
    working = asyncio.create_task(worker.run_forever())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({working}, timeout=grace.total_seconds())
        while not working.done():  # a Redis error on its way out makes Docket's loop forget that it was cancelled
            for task in (*running, working):
                task.cancel()
            await asyncio.wait({working}, timeout=1)
    if not working.cancelled():
        working.result()
