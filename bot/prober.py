"""`python -m bot.prober`: measures the endpoints of its Regions, for every upgrade that is under way."""

import asyncio
import logging

from bot.adapters.docket_prober import run_prober
from bot.pace import hold_still
from bot.settings import ProberSettings, read
from bot.wiring import prober, require_redis, start_logging, stop_on_signals

log = logging.getLogger(__name__)


async def measure(settings: ProberSettings) -> None:
    stop = stop_on_signals()
    async with prober(settings) as made:
        hold_still()
        log.info("prober of %s is ready", ", ".join(settings.probe_regions))
        recovering = asyncio.create_task(made.recover_for_ever())
        await run_prober(settings.redis, settings.probe_regions, made.run, stop)
        recovering.cancel()
        await asyncio.wait({recovering})


def main() -> None:
    settings = read(ProberSettings)
    require_redis(settings)
    start_logging(settings)
    asyncio.run(measure(settings))


if __name__ == "__main__":
    main()
