"""What endpoints are measured with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import Attempt
from bot.domain.ids import UpgradeId
from bot.domain.preflight import Unread
from bot.domain.topology import Endpoint
from bot.domain.version import EngineVersion
from bot.domain.ways import Lane, Use
from bot.domain.zero_downtime import Looked


class Probe(Protocol):
    async def attempt(self, endpoint: Endpoint, deadline: timedelta) -> Attempt:
        """A new connection and one query. Never raises."""
        ...


class Knock(Protocol):
    async def attempt(self, due: datetime, deadline: timedelta) -> Attempt:
        """At a door of this process's own. It starts when it was due. Never raises."""
        ...


class Using(Protocol):
    """One lane of one endpoint, with what it holds for that."""

    async def use(self, deadline: timedelta) -> Use:
        """Never raises."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Ways(Protocol):
    def using(self, endpoint: Endpoint, lane: Lane, sessions: int) -> Using:
        """`sessions`: how many the lane has had before."""
        ...


class Foresight(Protocol):
    async def look(self, writer: Endpoint, version: EngineVersion, within: timedelta) -> Looked | Unread:
        """What stands in the way of zero downtime just now, or why nobody can say. Never raises."""
        ...


@dataclass(frozen=True)
class Leftover:
    """Attempts, and `others` in other ways, that a prober which is no more could not store; `is_old`: long ago."""

    upgrade: UpgradeId
    endpoint: str
    vantage: str
    attempts: tuple[Attempt, ...]
    is_old: bool
    throw_away: Callable[[], None]
    others: tuple[Use, ...] = ()


class Spill(Protocol):
    """Keeps attempts beside the store, on this machine, until that takes them. Never raises; it may block for a moment."""

    def keep(
        self, upgrade: UpgradeId, endpoint: str, vantage: str, attempts: Sequence[Attempt], others: Sequence[Use] = ()
    ) -> None:
        """These too. An endpoint is `Endpoint.key`."""
        ...

    def drop(self, upgrade: UpgradeId, endpoint: str) -> None:
        """All that was kept of it is stored."""
        ...

    def release(self, upgrade: UpgradeId, endpoint: str) -> None:
        """All that was kept of it is left to others."""
        ...

    def left_behind(self) -> Iterator[Leftover]:
        """What nobody who lives has kept."""
        ...
