"""Freezes in Redis: one field of one hash for each, so that to freeze, to thaw and to look are atomic each."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from bot.adapters import redis_scripts as scripts
from bot.adapters.redis import RedisServer, key
from bot.domain.freezing import Freeze, Frost, Unreadable

FREEZES: Final = key("freezes")  # scope → milliseconds since the epoch until when, and the freeze as JSON
EVERYTHING: Final = "*"  # no name of a cluster
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

log: Final = logging.getLogger(__name__)


class RedisFreezes:
    """Plays ports.Freezes. The commit of an intent looks at the same hash (redis_scripts.INTEND)."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def frosts(self) -> tuple[Frost, ...]:
        found = await self._server.read(self._server.reads.hgetall(FREEZES))
        return tuple(_frost(scope, text) for scope, text in sorted(found.items()))

    async def freeze(self, freeze: Freeze) -> Frost | None:
        scope, until = scope_of(freeze.cluster), milliseconds(freeze.until)
        before = await self._server.run(scripts.FREEZE, [FREEZES], scope, f"{until} {freeze.model_dump_json()}")
        return None if before is None else _frost(scope, before)

    async def unfreeze(self, cluster: str | None) -> Frost | None:
        scope = scope_of(cluster)
        before = await self._server.run(scripts.UNFREEZE, [FREEZES], scope)
        return None if before is None else _frost(scope, before)


def scope_of(cluster: str | None) -> str:
    """RDS identifiers are not case-sensitive."""
    return EVERYTHING if cluster is None else cluster.lower()


def milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MS


def _frost(scope: str, text: str) -> Frost:
    """What is damaged, or of another version of the bot, freezes all the same."""
    until, _, written = text.partition(" ")
    try:
        freeze = Freeze.model_validate_json(written, extra="ignore")
    except ValidationError as error:
        log.error("The freeze of %s cannot be read: %s", scope, error.errors()[0]["msg"])
    else:
        if (scope_of(freeze.cluster), str(milliseconds(freeze.until))) == (scope, until):
            return freeze
        log.error("The freeze of %s says two things", scope)
    return Unreadable(cluster=None if scope == EVERYTHING else scope)
