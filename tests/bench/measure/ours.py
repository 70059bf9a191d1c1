"""`python -m tests.bench.measure.ours DSN TIMES`: CPU seconds of the instrument's attempts, one after another."""

import asyncio
import sys
import time
from datetime import timedelta
from typing import Final

from bot.adapters.postgres import Postgres
from bot.domain.attempts import Outcome
from bot.measure.dsn import endpoint

DEADLINE: Final = timedelta(seconds=5)


async def main(dsn: str, times: int) -> float:
    postgres, target = Postgres(), endpoint(dsn).target
    began = time.process_time()
    for _ in range(times):
        tried = await postgres.attempt(target, DEADLINE)
        if tried.outcome is not Outcome.OK:
            raise SystemExit(f"{tried.outcome}: {tried.detail}")
    return time.process_time() - began


async def warmed(dsn: str, times: int) -> float:
    await main(dsn, 3)  # what is imported and set up once
    return await main(dsn, times)


if __name__ == "__main__":
    print(asyncio.run(warmed(sys.argv[1], int(sys.argv[2]))))
