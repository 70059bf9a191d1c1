"""Measuring on Docket: one task per endpoint, as long as its upgrade, on a docket per vantage.

Docket's worker ends its loop when Redis fails it, and waits for all its tasks before it starts again. A task as long as
an upgrade would keep it deaf for that long, and measuring must not stop for Redis. So what measures is ours and goes on
by itself; the task on the docket only holds it, lets go of it when the worker is deaf, and takes it up again when it is
redelivered. Should two measure the same endpoint (a worker that was believed dead, a move to another vantage), the
newer one has written its name in Redis, and the older one, which looks every second, ends. What it would tell until then
is refused by the store, which looks at that name too.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from docket import Docket, Worker

from bot.adapters.docket import (
    VANTAGES,
    asking,
    new_worker,
    probe_docket,
    probe_key,
    running_here,
    work_until,
)
from bot.adapters.redis import claimed
from bot.domain.errors import Unavailable
from bot.domain.ids import UpgradeId

LOOK_EVERY: Final = timedelta(seconds=1)
DEAF_AFTER: Final = timedelta(seconds=3)
CLAIM_KEPT: Final = timedelta(days=1)
HAND_OVER: Final = timedelta(seconds=3)

logger: Final = logging.getLogger(__name__)


class Measure(Protocol):
    """Measure one endpoint (`Endpoint.key`) from a vantage until its upgrade is over; cancelled when it is to stop.

    `holder` is the name under which it is claimed.
    """

    async def __call__(self, upgrade: UpgradeId, endpoint: str, vantage: str, holder: str) -> None: ...


async def run_prober(
    url: str, vantages: Sequence[str], measure: Measure, stop: asyncio.Event, concurrency: int = 200
) -> None:
    """Serve these vantages (Regions, as a rule) until told to stop; then hand over what is being measured."""
    async with asyncio.TaskGroup() as probers:
        for vantage in vantages:
            probers.create_task(_Prober(url, vantage, measure).serve(stop, concurrency))


async def probe(upgrade: str, endpoint: str) -> None:
    try:
        await _prober.get().hold(upgrade, endpoint)
    except Unavailable as trouble:
        logger.warning("%s is begun later: %s", probe_key(upgrade, endpoint), trouble)


class _Prober:
    _docket: Docket
    _worker: Worker

    def __init__(self, url: str, vantage: str, measure: Measure) -> None:
        self._url = url
        self._vantage = vantage
        self._measure = measure
        self._measuring: dict[str, asyncio.Task[None]] = {}
        self._times_deaf = 0
        self._stopping = False

    async def serve(self, stop: asyncio.Event, concurrency: int) -> None:
        _prober.set(self)
        async with (
            probe_docket(self._url, self._vantage, concurrency) as self._docket,
            new_worker(self._docket, concurrency) as self._worker,
            asyncio.TaskGroup() as helpers,
        ):
            self._docket.register(probe)
            listening = helpers.create_task(self._listen())
            helpers.create_task(self._end_at(stop))
            try:
                await work_until(stop, self._worker, HAND_OVER)
            finally:
                listening.cancel()
                await self._end()

    async def _end_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        await self._end()

    async def _end(self) -> None:
        measuring = set(self._measuring.values())
        for each in measuring:
            each.cancel()
        if measuring:
            await asyncio.wait(measuring, timeout=HAND_OVER.total_seconds())

    async def hold(self, upgrade: str, endpoint: str) -> None:
        """Ends as what it holds ends. Cancelled while the worker is deaf or stops, the task stays pending on its docket."""
        running_here()
        name = probe_key(upgrade, endpoint)
        async with asking(self._url):
            await self._claim(upgrade, endpoint)
        if name not in self._measuring:
            self._measuring[name] = asyncio.create_task(self._guarded(upgrade, endpoint))
        measuring = self._measuring[name]
        times_deaf = self._times_deaf
        try:
            while not measuring.done() and self._times_deaf == times_deaf:
                await asyncio.wait({measuring}, timeout=LOOK_EVERY.total_seconds())
        except asyncio.CancelledError:
            measuring.cancel()
            raise
        if self._stopping:
            await self._hand_over(upgrade, endpoint)
        if self._stopping or not measuring.done():
            raise asyncio.CancelledError

    async def _hand_over(self, upgrade: str, endpoint: str) -> None:
        """To whoever is there at once. Should that fail, the pending task is redelivered after REDELIVERY."""
        with suppress(Unavailable):
            async with asking(self._url):
                name = probe_key(upgrade, endpoint)
                await self._docket.replace(probe, when=datetime.now(UTC), key=name)(upgrade, endpoint)

    async def _guarded(self, upgrade: str, endpoint: str) -> None:
        name = probe_key(upgrade, endpoint)
        measuring = asyncio.create_task(self._measure(UpgradeId(upgrade), endpoint, self._vantage, self._worker.name))
        try:
            while not measuring.done() and not await self._is_taken(upgrade, endpoint):
                await asyncio.wait({measuring}, timeout=LOOK_EVERY.total_seconds())
        finally:
            measuring.cancel()
            await asyncio.wait({measuring})
            del self._measuring[name]
        if not measuring.cancelled() and (error := measuring.exception()):
            logger.error("%s from %s failed and is begun anew", name, self._vantage, exc_info=error)

    async def _claim(self, upgrade: str, endpoint: str) -> None:
        async with self._docket.redis() as redis:
            await redis.set(claimed(upgrade, endpoint), self._worker.name, ex=CLAIM_KEPT)

    async def _is_taken(self, upgrade: str, endpoint: str) -> bool:
        """Whether somebody claimed it after us. While Redis does not answer, nobody did."""
        try:
            async with asking(self._url), self._docket.redis() as redis:
                holder = await redis.get(claimed(upgrade, endpoint))
                if holder is None:
                    await self._claim(upgrade, endpoint)
        except Unavailable:
            return False
        return holder not in (None, self._worker.name.encode())

    async def _listen(self) -> None:
        """Make the vantage known, and find out when our worker is deaf: Redis answers, but its heartbeat is missing."""
        heard, deaf = datetime.now(UTC), False
        while True:
            try:
                async with asking(self._url):
                    await self._make_known()
                    workers = await self._docket.workers()
                heard = max([heard, *(each.last_seen for each in workers if each.name == self._worker.name)])
            except Unavailable:
                heard = datetime.now(UTC)
            was_deaf, deaf = deaf, datetime.now(UTC) - heard > DEAF_AFTER
            self._times_deaf += deaf and not was_deaf
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def _make_known(self) -> None:
        async with self._docket.redis() as redis:
            await redis.sadd(VANTAGES, self._vantage)


_prober: ContextVar[_Prober] = ContextVar("prober")
