"""Where an endpoint's name leads: attempts → that it leads elsewhere now.

The cluster endpoint of Aurora names its writer and is pointed at another instance when that fails over. The reader endpoint
gives another one of the readers each time (TTL 1 s), so of it only an address that was never seen before is news.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.domain.attempts import Attempt
from bot.domain.timeline import Moved
from bot.domain.topology import Endpoint

MOST: Final = 5  # that are told of one endpoint: resolvers that disagree would go on for ever
NAMED: Final = 8  # addresses of one entry


@dataclass
class Addresses:
    """What is known of the addresses of one endpoint. Attempts come in as they end, and the same ones give the same news."""

    _known: frozenset[str] = frozenset()
    _latest: datetime | None = field(default=None)
    _told: int = 0

    def moves(
        self, endpoint: Endpoint, vantage: str, attempt: Attempt, ordered_at: datetime | None
    ) -> Iterator[tuple[str, Moved]]:
        """What this attempt shows to be new, with a key of its own; before the order it is learnt and not told.

        An attempt that began before another one that was taken already, as one that hung, is old news.
        """
        found = frozenset(attempt.addresses)
        if not found or (self._latest and attempt.start <= self._latest):
            return
        before, self._latest = self._known, attempt.start
        fresh = found - before if endpoint.use != "writer" else found
        self._known = before | found if endpoint.use != "writer" else found
        is_news = before and fresh and fresh != before and ordered_at and attempt.start >= ordered_at
        if is_news and self._told < MOST:
            self._told += 1
            yield (
                f"moved:{attempt.start.isoformat()}",
                Moved(
                    at=attempt.start, region=endpoint.region, use=endpoint.use, vantage=vantage, was=_named(before),
                    now=_named(fresh),
                ),
            )  # fmt: skip


def _named(addresses: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(addresses)[:NAMED])
