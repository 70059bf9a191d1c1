"""A way of using an endpoint that opens a new connection for each use."""

from dataclasses import dataclass
from datetime import timedelta

from bot.adapters.postgres import Postgres, Target
from bot.domain.ways import Lane, Use


@dataclass(frozen=True)
class Anew:
    """What it asks is the query of `postgres`."""

    postgres: Postgres
    target: Target
    lane: Lane

    async def use(self, deadline: timedelta) -> Use:
        """Whatever happens is an outcome; nothing but cancellation is raised."""
        return Use(lane=self.lane, attempt=await self.postgres.attempt(self.target, deadline))

    async def close(self) -> None:
        """Nothing is held."""
