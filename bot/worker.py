"""`python -m bot.worker`: takes turns of drivers, watchers and narrators until it is told to stop."""

import asyncio
import logging

from bot.adapters.docket import run_worker
from bot.pace import hold_still
from bot.settings import WorkerSettings, read
from bot.wiring import (
    keep_turning,
    office,
    require_redis,
    start_logging,
    stop_on_signals,
    turns,
    warn_of_hazards,
)

log = logging.getLogger(__name__)


async def work(settings: WorkerSettings) -> None:
    stop = stop_on_signals()
    async with office(settings) as made:
        await warn_of_hazards(made.store.server)
        hold_still()
        log.info("worker ready")
        turning = asyncio.create_task(keep_turning(made))
        await run_worker(settings.redis, turns(settings, made), stop)
        turning.cancel()
        await asyncio.wait({turning})


def main() -> None:
    settings = read(WorkerSettings)
    require_redis(settings)
    start_logging(settings)
    asyncio.run(work(settings))


if __name__ == "__main__":
    main()
