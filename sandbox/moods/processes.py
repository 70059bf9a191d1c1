"""Moods of the bot's own processes."""

import asyncio
from typing import Final

from sandbox.moods.mood import Asked, blinded, mood
from sandbox.world import World

SUSPENDED: Final = 8.0  # seconds: longer than any lease, after which a turn is given to another process
ONE: Final = "web|worker|prober"


@mood(
    "kill -9 of a process, which its supervisor starts again",
    argument=ONE, usual="worker", at="upgrade started", changes=blinded,
)  # fmt: skip
async def killed(here: World, asked: Asked) -> None:
    here.bot.kill(asked.argument)
    await here.bot.restart(asked.argument)


@mood(
    "SIGTERM to a process, which is to end within 10 s; its supervisor starts it again",
    argument=ONE, usual="worker", at="upgrade started", changes=blinded,
)  # fmt: skip
async def terminated(here: World, asked: Asked) -> None:
    await here.bot.terminate(asked.argument)
    await here.bot.restart(asked.argument)


async def _with_another(here: World, asked: Asked) -> None:
    """So that there is one to take over."""
    another = f"{asked.argument}.2"
    if asked.argument != "web":  # its port is one
        here.bot.begin(another)
        await here.bot.ready(another)


@mood(
    f"a process of two stands still for {SUSPENDED:g} s, longer than its lease, and wakes up",
    argument=ONE, usual="worker", at="upgrade started", changes=blinded, prepare=_with_another,
)  # fmt: skip
async def suspended(here: World, asked: Asked) -> None:
    here.bot.freeze(asked.argument)
    await asyncio.sleep(SUSPENDED)
    here.bot.thaw(asked.argument)
