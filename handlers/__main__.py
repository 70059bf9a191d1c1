"""`python -m handlers`: listens to Slack until it is told to stop."""

import asyncio

from bot.pace import hold_still
from bot.settings import EarsSettings, read
from bot.wiring import office, require_redis, start_logging, stop_on_signals, warn_of_hazards
from handlers.serving import serve


async def listen(settings: EarsSettings) -> None:
    stop = stop_on_signals()
    async with office(settings) as made:
        await warn_of_hazards(made.store.server)
        await made.aurora.prepare()
        hold_still()
        await serve(settings, made.slack, made.desk, made.store.cache.seen_before, made.store.server.ping, stop)


def main() -> None:
    settings = read(EarsSettings)
    require_redis(settings)
    start_logging(settings)
    asyncio.run(listen(settings))


if __name__ == "__main__":
    main()
