"""What comes with the last word on an upgrade: the report, the strip of it, and every attempt behind it."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from bot.crew import carefully
from bot.domain.errors import Unavailable
from bot.domain.recording import COLUMNS, packed, rows_of
from bot.domain.report import Report
from bot.domain.upgrade import Upgrade
from bot.messages.message import File
from bot.messages.report_strip import report_strip
from bot.messages.strip import Strip
from bot.ports.thread import Artist
from bot.ports.upgrades import Upgrades

log = logging.getLogger(__name__)

STRIP: Final = "strip.png"
ATTEMPTS: Final = "attempts.csv.gz"
NO_STRIP: Final = "The strip could not be drawn"
NO_ATTEMPTS: Final = "The attempts could not be read"


class NoArtist:
    """Where nobody draws."""

    async def png(self, strip: Strip) -> bytes:  # noqa: ARG002 - none is drawn
        raise Unavailable("the strip", "nobody draws here")


@dataclass(frozen=True)
class Enclosures:
    """`missing`: what is not there, in phrases."""

    files: tuple[File, ...]
    missing: tuple[str, ...]


async def enclosures(upgrade: Upgrade, made: Report, upgrades: Upgrades, artist: Artist) -> Enclosures:
    """Unavailable only when the store does not answer: that passes."""
    drawn, attempts = await _strip(made, artist), await _attempts(upgrade, upgrades)
    there = tuple(each for each in (drawn, attempts) if isinstance(each, File))
    return Enclosures(there, tuple(each for each in (drawn, attempts) if isinstance(each, str)))


async def _strip(made: Report, artist: Artist) -> File | str | None:
    if not made.endpoints:
        return None
    described = carefully.made(lambda: report_strip(made), None)
    if described is None:
        return NO_STRIP
    try:
        return File(STRIP, await artist.png(described), described.alt)
    except (ValueError, Unavailable) as trouble:
        log.warning("%s: %s: %s", made.upgrade, NO_STRIP, trouble)
        return NO_STRIP


async def _attempts(upgrade: Upgrade, upgrades: Upgrades) -> File | str:
    """Packed endpoint by endpoint, so that those of one are in memory at a time; in a thread, for there may be many."""
    parts = [packed([COLUMNS])]
    try:
        for endpoint in upgrade.plan.endpoints:
            _, uses = await upgrades.uses(upgrade.id, endpoint.key)
            parts.append(await asyncio.to_thread(lambda key, rows: packed(rows_of(key, rows)), endpoint.key, uses))
    except Unavailable as trouble:
        if trouble.code != "unreadable":
            raise
        log.warning("%s: %s: %s", upgrade.id, NO_ATTEMPTS, trouble)
        return NO_ATTEMPTS
    return File(ATTEMPTS, b"".join(parts))
