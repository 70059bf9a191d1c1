"""Adding turns to Docket, and choosing where an endpoint is measured from.

`add` leaves a key alone that is scheduled or running, and nothing here replaces a key that may be running: Docket would
start it a second time beside the first.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final, Self, cast

from docket import Docket, ExecutionState

from bot.adapters.docket import VANTAGES, asking, drive, narrate, probe_docket, probe_key, turns_docket, watch
from bot.adapters.docket_prober import probe
from bot.domain.ids import UpgradeId
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade

LIVE: Final = {
    each.value.encode() for each in (ExecutionState.SCHEDULED, ExecutionState.QUEUED, ExecutionState.RUNNING)
}


class DocketCrew:
    """Adds turns. An endpoint is measured from its own Region when a prober serves that, else from another that is
    served, else it waits for one. It moves home when its own Region is served again; while nobody is, it stays put.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._turns = turns_docket(url)
        self._probes: dict[str, Docket] = {}
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._turns)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def set_going(self, upgrade: Upgrade) -> None:
        """An upgrade that is over still needs its narrator. Unavailable when it is not certain that all is scheduled."""
        async with asking(self._url):
            call = self._turns.call
            turns = [call(narrate, key=f"narrate:{upgrade.id}")(upgrade.id)]
            if not upgrade.status.is_final:
                account = upgrade.plan.account
                turns += [call(drive, key=f"drive:{upgrade.id}")(upgrade.id)]
                turns += [call(watch, key=f"watch:{account}:{each}")(account, each) for each in upgrade.plan.regions]
            for added in await self._turns.add_many(turns):
                if added.schedule_exception:
                    raise added.schedule_exception
            if not upgrade.status.is_final:
                await self._measure(upgrade)

    async def wake(self, id: UpgradeId) -> None:
        """Take the next turns of this upgrade now. One that is running goes on undisturbed, and keeps its next time."""
        async with asking(self._url), self._turns.redis() as redis:
            now = datetime.now(UTC).timestamp()
            for key in (f"drive:{id}", f"narrate:{id}"):
                await redis.zadd(self._turns.queue_key, {key: now}, xx=True, lt=True)

    async def wake_all(self) -> None:
        """Take all turns now that would be taken later. Early does no harm: each looks at what there is to do."""
        async with asking(self._url), self._turns.redis() as redis:
            now = datetime.now(UTC).timestamp()
            if waiting := await redis.zrange(self._turns.queue_key, 0, -1):
                await redis.zadd(self._turns.queue_key, dict.fromkeys(waiting, now), xx=True, lt=True)

    async def _measure(self, upgrade: Upgrade) -> None:
        async with self._turns.redis() as redis:
            members = cast("Iterable[bytes]", await redis.smembers(VANTAGES))
        known = sorted(each.decode() for each in members)
        served = [vantage for vantage in known if await (await self._probe_docket(vantage)).workers()]
        places = sorted({*known, *upgrade.plan.regions})
        for endpoint in upgrade.plan.endpoints:
            await self._measure_one(upgrade.id, endpoint, served, places)

    async def _measure_one(self, id: UpgradeId, endpoint: Endpoint, served: list[str], places: list[str]) -> None:
        """Added at the new place before it is cancelled at the old one: of two that measure, the newer one wins."""
        key = probe_key(id, endpoint.key)
        at = [place for place in places if await self._is_live(place, key)]
        if at and not served:
            return
        home = endpoint.region
        chosen = home if home in served or not served else next((each for each in at if each in served), served[0])
        if chosen not in at:
            await (await self._probe_docket(chosen)).add(probe, key=key)(id, endpoint.key)
        for elsewhere in at:
            if elsewhere != chosen:
                await (await self._probe_docket(elsewhere)).cancel(key)

    async def _is_live(self, vantage: str, key: str) -> bool:
        docket = await self._probe_docket(vantage)
        async with docket.redis() as redis:
            return await redis.hget(docket.runs_key(key), "state") in LIVE

    async def _probe_docket(self, vantage: str) -> Docket:
        async with self._opening:
            if vantage not in self._probes:
                self._probes[vantage] = await self._stack.enter_async_context(probe_docket(self._url, vantage))
            return self._probes[vantage]
