"""PostgreSQL's moods."""

import asyncio
from datetime import timedelta
from typing import Final

import psycopg

from sandbox.aurora.outage import Kind, Outage
from sandbox.aurora.seed import SECONDARY, WRITER
from sandbox.aurora.site import certified
from sandbox.moods.mood import Asked, blinded, mood
from sandbox.world import World

AGAIN: Final = 0.2
ROOM: Final = 50  # of the probe role


@mood(
    "the servers show certificates of another authority for SECONDS",
    argument="SECONDS", usual="4", at="upgrade started", changes=blinded,
)  # fmt: skip
async def tls_changed(here: World, asked: Asked) -> None:
    doors = [here.aurora.server(region).door for region in (WRITER, SECONDARY)]
    strange, own = certified(None), here.aurora.site.tls
    for door in doors:
        door.present(strange)
    await asyncio.sleep(asked.seconds)
    for door in doors:
        door.present(own)


@mood(
    "the probe role has another password for SECONDS",
    argument="SECONDS", usual="4", at="upgrade started", changes=blinded,
)  # fmt: skip
async def password_changed(here: World, asked: Asked) -> None:
    await _order(here, "ALTER ROLE aurora_probe PASSWORD 'another'")
    await asyncio.sleep(asked.seconds)
    await _order(here, f"ALTER ROLE aurora_probe PASSWORD '{here.aurora.probe_password}'")


@mood(
    "the probe role may have no connection for SECONDS: too many connections",
    argument="SECONDS", usual="4", at="upgrade started", changes=blinded,
)  # fmt: skip
async def connections_full(here: World, asked: Asked) -> None:
    await _order(here, "ALTER ROLE aurora_probe CONNECTION LIMIT 0")
    await asyncio.sleep(asked.seconds)
    await _order(here, f"ALTER ROLE aurora_probe CONNECTION LIMIT {ROOM}")


async def _order(here: World, sql: str) -> None:
    """To the writer, from which it goes to the standby; as soon as it is up."""
    while True:
        try:
            await asyncio.to_thread(here.aurora.server(WRITER).ask, sql)
        except psycopg.OperationalError:
            await asyncio.sleep(AGAIN)
        else:
            return


@mood(
    "the writer takes connections and never answers, for SECONDS",
    argument="SECONDS", usual="1.5", at="upgrade started",
)  # fmt: skip
async def server_silent(here: World, asked: Asked) -> None:
    await _suffer(here, WRITER, Outage(Kind.HANG, timedelta(seconds=asked.seconds)))


async def _suffer(here: World, region: str, outage: Outage) -> None:
    await asyncio.to_thread(here.aurora.server(region).door.suffer, outage)


@mood(
    "the writer refuses connections for half of each second, for SECONDS",
    argument="SECONDS", usual="2", at="upgrade started",
)  # fmt: skip
async def flapping(here: World, asked: Asked) -> None:
    await _suffer(here, WRITER, Outage(Kind.FLAP, timedelta(seconds=asked.seconds)))


@mood(
    "packets to the writer vanish for SECONDS: not even a connection is made",
    argument="SECONDS", usual="2", at="upgrade started",
)  # fmt: skip
async def blackhole(here: World, asked: Asked) -> None:
    await _suffer(here, WRITER, Outage(Kind.BLACKHOLE, timedelta(seconds=asked.seconds)))


@mood(
    "the writer refuses connections for SECONDS, as if it had crashed",
    argument="SECONDS", usual="1.5", at="upgrade started",
)  # fmt: skip
async def refusing(here: World, asked: Asked) -> None:
    await _suffer(here, WRITER, Outage(Kind.REFUSE, timedelta(seconds=asked.seconds)))


@mood(
    "the writer says for SECONDS that it is starting up",
    argument="SECONDS", usual="1.5", at="upgrade started",
)  # fmt: skip
async def starting_up(here: World, asked: Asked) -> None:
    await _suffer(here, WRITER, Outage(Kind.STARTING_UP, timedelta(seconds=asked.seconds)))


@mood("the secondary goes down a second time, when the primary restarts")
async def secondary_again(here: World, _: Asked) -> None:
    here.aurora.secondary_again = True
