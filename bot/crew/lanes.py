"""The ways of using an endpoint beside new connections: each in a session of its own, and none at the cost of anything else."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt
from bot.domain.phases import Sample
from bot.domain.ways import Lane, Use
from bot.pace import Pace, stop
from bot.ports.clock import Clock
from bot.ports.probing import Using

log = logging.getLogger(__name__)

NOT_ALLOWED = "42"  # SQLSTATEs of what is not there or not granted


@dataclass(frozen=True)
class Aside:
    """One lane. What goes wrong with it ends it, and nothing more."""

    lane: Lane
    using: Using
    rate: Callable[[], float]
    clock: Clock
    deadline: timedelta
    add: Callable[[Use], None]
    give_up: Callable[[Lane, Attempt], None]
    offset: float = 0.0  # seconds until the first use
    sample: Sample = field(default_factory=Sample)

    async def keep(self) -> None:
        pace = Pace(self._use, self.rate, self.clock.now, at_once=1)
        try:
            await pace.keep(self.offset)
        except _Hopeless as hopeless:
            self.give_up(self.lane, hopeless.attempt)
        except Exception:
            log.exception("%s: %s is measured no longer", self.lane.endpoint, self.lane.name)
        finally:
            await stop(*pace.flying)
            await self.using.close()

    async def _use(self, _: datetime) -> None:
        use = await self.using.use(self.deadline)
        if use.attempt.sqlstate.startswith(NOT_ALLOWED):
            raise _Hopeless(use.attempt)
        self.add(use.model_copy(update={"attempt": self.sample.of(use.attempt)}))


class _Hopeless(Exception):
    """It cannot work here, today or tomorrow."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.detail)
        self.attempt = attempt
