"""How long each phase of an attempt took, and of which attempts that is kept."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from bot.domain.attempts import Attempt

SLOW: Final = timedelta(milliseconds=100)


class Phases(NamedTuple):
    """Microseconds of each phase that was finished, by the clock of whoever tried; None for one that was not, or not needed.

    `resolve` comes before the start of the attempt. The others are of one address, the one tried last: `connect` is TCP,
    one round trip; `tls` from the request for it to the end of its handshake; `authenticate` until the server takes queries.
    """

    resolve: int | None = None
    connect: int | None = None
    tls: int | None = None
    authenticate: int | None = None
    query: int | None = None


NO_PHASES: Final = Phases()


@dataclass
class Sample:
    """Which attempts of one lane are kept with their phases and addresses: those that somebody will look at.

    Every failure, every slow success, and the first success of each second at each place that a name leads to. With the
    rest an attempt would take 87 bytes of Redis instead of 55, and a median of one a second is as good as a median of all.
    """

    _second: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    _places: set[frozenset[str]] = field(default_factory=set)

    def of(self, attempt: "Attempt") -> "Attempt":
        if not attempt.outcome.proves_up:
            return attempt
        second, places = attempt.start.replace(microsecond=0), frozenset(attempt.addresses)
        if second > self._second:
            self._second, self._places = second, set()
        is_first = places not in self._places
        self._places.add(places)
        if is_first or attempt.duration >= SLOW:
            return attempt
        return attempt.model_copy(update={"phases": NO_PHASES, "addresses": ()})
