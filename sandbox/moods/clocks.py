"""Moods of wall clocks: one process's is set an hour ahead or back while it runs, and put right again."""

import asyncio
import signal
from pathlib import Path
from typing import Final

from sandbox.moods.mood import Asked, mood
from sandbox.world import World

CLOCKED: Final = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent / "stepping")}
WRONG: Final = 6.0  # seconds
ONE: Final = "web|worker|prober"


@mood(
    f"the wall clock of a process is set an hour ahead, and right again after {WRONG:g} s",
    argument=ONE, usual="worker", at="proposed this", settings=CLOCKED,
)  # fmt: skip
async def clock_ahead(here: World, asked: Asked) -> None:
    await _stepped(here, asked.argument, signal.SIGUSR1, signal.SIGUSR2)


@mood(
    f"the wall clock of a process is set an hour back, and right again after {WRONG:g} s",
    argument=ONE, usual="worker", at="proposed this", settings=CLOCKED,
)  # fmt: skip
async def clock_back(here: World, asked: Asked) -> None:
    await _stepped(here, asked.argument, signal.SIGUSR2, signal.SIGUSR1)


async def _stepped(here: World, name: str, there: signal.Signals, back: signal.Signals) -> None:
    here.bot.tell(name, there)
    await asyncio.sleep(WRONG)
    here.bot.tell(name, back)
