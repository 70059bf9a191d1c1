"""Redis's moods."""

import asyncio
from typing import Final

from sandbox.moods.mood import Asked, mood
from sandbox.valkey import HOST, free_port
from sandbox.world import World

AWAY: Final = "upgrade started"


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


@mood("it has no room for SECONDS: OOM command not allowed", argument="SECONDS", usual="5", at=AWAY)
async def redis_full(here: World, asked: Asked) -> None:
    await here.valkey.tell("CONFIG", "SET", "maxmemory", "1")
    await asyncio.sleep(asked.seconds)
    await here.valkey.tell("CONFIG", "SET", "maxmemory", "0")
