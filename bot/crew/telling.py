"""What the timeline is told of an endpoint: an entry for each thing that is proven, with the key that keeps it from being told twice."""

from datetime import datetime
from typing import assert_never

from bot.domain import outage
from bot.domain.attempts import Attempt
from bot.domain.keeping import KeptSession
from bot.domain.ledger import CameBack, CanMeasure, CannotMeasure, Happening, LookedAway, WentDown
from bot.domain.timeline import CameBack as BackEntry
from bot.domain.timeline import CannotMeasure as CannotEntry
from bot.domain.timeline import CannotUse, Entry, Reached, SessionsKept
from bot.domain.timeline import LookedAway as AwayEntry
from bot.domain.timeline import WentDown as DownEntry
from bot.domain.topology import Endpoint
from bot.domain.ways import Lane


class Telling:
    """Of one endpoint, from one vantage point."""

    def __init__(self, endpoint: Endpoint, vantage: str) -> None:
        self._endpoint = endpoint
        self._vantage = vantage
        self._has_begun = False

    def entry(self, happening: Happening) -> tuple[str, Entry]:
        where = {"region": self._endpoint.region, "use": self._endpoint.use}
        match happening:
            case CanMeasure(attempt=attempt):
                entry: Entry = Reached(at=attempt.start, vantage=self._vantage, version=attempt.version, **where)
                return f"reached:{self._mark(attempt)}", entry
            case CannotMeasure(attempt=attempt):
                entry = CannotEntry(
                    at=attempt.start, vantage=self._vantage, outcome=attempt.outcome, detail=attempt.detail, **where
                )
                return f"cannot:{self._mark(attempt)}", entry
            case WentDown(attempt=attempt):
                return f"down:{attempt.start.isoformat()}", DownEntry(
                    at=attempt.start, outcome=attempt.outcome, **where
                )
            case CameBack(outage=over):
                return f"back:{over.first_failure_at.isoformat()}", BackEntry(at=_back_at(over), outage=over, **where)
            case LookedAway(stretch=stretch):
                return f"away:{stretch.since.isoformat()}", AwayEntry(
                    at=stretch.until, vantage=self._vantage, stretch=stretch, **where
                )
            case _:
                assert_never(happening)

    def kept(self, told: tuple[outage.Outage, tuple[KeptSession, ...]]) -> tuple[str, Entry]:
        """What an outage came to for the sessions that were held."""
        over, sessions = told
        stills = [each.longest.until for each in sessions if each.longest]
        gone = [each.dropped_by for each in sessions if each.dropped_by]
        at = max([_back_at(over), *stills, *gone])
        entry = SessionsKept(at=at, region=self._endpoint.region, use=self._endpoint.use, sessions=sessions)
        return f"kept:{over.first_failure_at.isoformat()}", entry

    def cannot_use(self, lane: Lane, attempt: Attempt) -> tuple[str, Entry]:
        """Of all lanes of one way the first."""
        entry = CannotUse(
            at=attempt.start,
            region=self._endpoint.region,
            use=self._endpoint.use,
            vantage=self._vantage,
            way=lane.way,
            outcome=attempt.outcome,
            detail=attempt.detail,
        )
        return f"cannot-use:{lane.way}", entry

    def _mark(self, attempt: Attempt) -> str:
        """What is said of the first attempt of all has a key that stays the same when the attempt is forgotten."""
        is_first, self._has_begun = not self._has_begun, True
        return "first" if is_first else attempt.start.isoformat()


def _back_at(over: outage.Outage) -> datetime:
    return over.ended_by or over.last_failure_at
