"""Redis's moods."""

import asyncio
from typing import Final

from sandbox.aurora.seed import SECONDARY
from sandbox.moods.mood import Asked, blinded, mood
from sandbox.valkey import HOST, free_port
from sandbox.world import World

AWAY: Final = "upgrade started"
STALL: Final = 0.8  # seconds
LOOK: Final = 0.1
LONGEST: Final = 60.0


@mood("killed, and up again on its append-only file after SECONDS", argument="SECONDS", usual="3", at=AWAY)
async def redis_killed(here: World, asked: Asked) -> None:
    await here.valkey.kill()
    await asyncio.sleep(asked.seconds)
    await here.valkey.restart()


@mood("it takes connections and does not answer for SECONDS", argument="SECONDS", usual="6", at=AWAY)
async def redis_frozen(here: World, asked: Asked) -> None:
    here.valkey.freeze()
    await asyncio.sleep(asked.seconds)
    here.valkey.thaw()


@mood("it is a read-only replica for SECONDS", argument="SECONDS", usual="5", at=AWAY)
async def redis_readonly(here: World, asked: Asked) -> None:
    await here.valkey.tell("REPLICAOF", HOST, str(free_port()))  # of nobody, so it keeps what it has
    await asyncio.sleep(asked.seconds)
    await here.valkey.tell("REPLICAOF", "NO", "ONE")


@mood(
    f"it stands still for {STALL:g} s of every second, for SECONDS, as when each sync of its append-only file waits for the disk",
    argument="SECONDS", usual="8", at=AWAY,
)  # fmt: skip
async def redis_slow_disk(here: World, asked: Asked) -> None:
    """No disk here is slow: a server that is stopped and let go looks the same from outside, and syncs each write as well."""
    await here.valkey.tell("CONFIG", "SET", "appendfsync", "always")
    until = asyncio.get_running_loop().time() + asked.seconds
    while asyncio.get_running_loop().time() < until:
        here.valkey.freeze()
        await asyncio.sleep(STALL)
        here.valkey.thaw()
        await asyncio.sleep(1 - STALL)
    await here.valkey.tell("CONFIG", "SET", "appendfsync", "everysec")


@mood("it has no room for SECONDS: OOM command not allowed", argument="SECONDS", usual="5", at=AWAY)
async def redis_full(here: World, asked: Asked) -> None:
    await here.valkey.tell("CONFIG", "SET", "maxmemory", "1")
    await asyncio.sleep(asked.seconds)
    await here.valkey.tell("CONFIG", "SET", "maxmemory", "0")


@mood(
    "it freezes while the reader goes down and comes back; SECONDS later the prober is killed with what it has not stored, "
    "and both come back",
    argument="SECONDS", usual="2", at=AWAY, changes=blinded,
)  # fmt: skip
async def redis_frozen_prober_killed(here: World, asked: Asked) -> None:
    here.valkey.freeze()
    try:
        async with asyncio.timeout(LONGEST):
            while not any(down.region == SECONDARY for down in await asyncio.to_thread(here.aurora.truth)):  # noqa: ASYNC110
                await asyncio.sleep(LOOK)
        await asyncio.sleep(asked.seconds)
        here.bot.kill("prober")
    finally:
        here.valkey.thaw()
    await here.bot.restart("prober")
