"""What each outage comes to for the sessions that are held, as soon as every one of them has answered or is gone."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.keeping import KeptSession, kept_through
from bot.domain.ledger import CameBack, Happening
from bot.domain.outage import Outage
from bot.domain.unobserved import Unobserved
from bot.domain.ways import Lane, Use

REMEMBERED = 1000  # uses of each lane: a minute and more, hot


@dataclass
class Restarts:
    """Of one endpoint. `sessions`: how many each lane has had."""

    sessions: dict[Lane, int] = field(default_factory=dict)
    _uses: dict[Lane, deque[Use]] = field(default_factory=dict)
    _ended: list[Outage] = field(default_factory=list)
    _stood_still: deque[Unobserved] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def take(self, use: Use) -> None:
        """A use without a session tells nothing of one."""
        if use.session:
            self.sessions[use.lane] = max(self.sessions.get(use.lane, 0), use.session)
            self._uses.setdefault(use.lane, deque(maxlen=REMEMBERED)).append(use)

    def stand_still(self, stretch: Unobserved) -> None:
        """Whoever holds them stood still, which is no standstill of theirs."""
        self._stood_still.append(stretch)

    def come_back(self, happenings: Iterable[Happening]) -> None:
        self._ended += [each.outage for each in happenings if isinstance(each, CameBack)]

    def over(self, ordered_at: datetime) -> Iterator[tuple[Outage, tuple[KeptSession, ...]]]:
        """Each outage once; those that were over before the order are left out."""
        ended, self._ended = self._ended, []
        for each in ended:
            if each.ended_by is None or each.ended_by < ordered_at:
                continue
            kept = kept_through((use for uses in self._uses.values() for use in uses), each, self._stood_still)
            if kept is None:
                self._ended.append(each)
            elif kept:
                yield each, kept
