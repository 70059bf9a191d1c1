"""`python -m tests.bench.measure.closed FILE DSN…`: what a loop of psql measures, which waits for each answer and then sleeps.

By the same clock, client and deadline as the open loop, so that nothing differs but the schedule; until it is terminated.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.adapters.postgres import Postgres
from bot.domain.ways import Lane, Use, Way
from bot.measure.dsn import Endpoint, endpoint
from bot.measure.files import recording

SLEEP: Final = 0.5
DEADLINE: Final = timedelta(seconds=5)


async def main(dsns: list[str], record: Callable[[Use], None]) -> None:
    postgres = Postgres()
    looping = [asyncio.ensure_future(_loop(postgres, endpoint(dsn), record)) for dsn in dsns]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    for each in looping:
        each.cancel()
    await asyncio.wait(looping)


async def _loop(postgres: Postgres, watched: Endpoint, record: Callable[[Use], None]) -> None:
    lane = Lane(endpoint=watched.name, way=Way.CONNECT)
    while True:
        record(Use(lane=lane, attempt=await postgres.attempt(watched.target, DEADLINE)))
        await asyncio.sleep(SLEEP)


if __name__ == "__main__":
    with recording(Path(sys.argv[1]), print) as record:
        asyncio.run(main(sys.argv[2:], record))
