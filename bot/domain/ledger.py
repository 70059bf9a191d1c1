"""What is proven about an endpoint while attempts are still coming in, in step with `outage.outages` on all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush

from bot.domain.attempts import Attempt, to_ms_before
from bot.domain.observer import heard
from bot.domain.outage import Moment, Outage, Sweep, met_at
from bot.domain.unobserved import BLINK, Lookout, Unobserved, by_start


class State(StrEnum):
    """SILENT: nothing but time-outs since it was up, so it is down, or up and slow."""

    UP = "up"
    DOWN = "down"
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Standing:
    """What is known now, and since the start of which attempt. UNKNOWN since None: nothing was tried.

    DOWN: it has not come back, as far as anybody saw, since an answer proved it down; `since` is the first failure's, which
    may have been a time-out.
    """

    state: State
    since: datetime | None


@dataclass(frozen=True)
class WentDown:
    """The first failure after a success. One that timed out says no more than that nobody answered it."""

    attempt: Attempt


@dataclass(frozen=True)
class CameBack:
    """A success after that, and what is proven of the time between."""

    outage: Outage


@dataclass(frozen=True)
class CannotMeasure:
    """An attempt that proves nothing, or a failure where nothing ever succeeded. Said once, until CanMeasure."""

    attempt: Attempt


@dataclass(frozen=True)
class CanMeasure:
    """The first success of all, and the first one since CannotMeasure."""

    attempt: Attempt


@dataclass(frozen=True)
class LookedAway:
    """Nobody looked for a while, and now somebody does again."""

    stretch: Unobserved


Happening = WentDown | CameBack | CannotMeasure | CanMeasure | LookedAway


class Ledger:
    """Attempts come in as they end, in any order; what they prove comes out as soon as it cannot change any more.

    `settled` is a promise: every attempt that began before it has been added, or never will be. A prober gives the
    earliest start among its attempts in flight, or the present time when none is. A broken promise raises nothing,
    but then `outages` on the same attempts may say something else, and is right.
    """

    def __init__(self, blink: timedelta = BLINK) -> None:
        self._sweep = Sweep(blink)
        self._lookout = Lookout(blink)
        self._stood_still: list[Unobserved] = []
        self._untold: list[Unobserved] = []  # of these, for they may lie in a longer stretch that nobody watched
        self._unseen: list[tuple[tuple[datetime, datetime], int, Attempt]] = []
        self._waiting: list[tuple[Moment, int, Attempt]] = []
        self._added = 0
        self._seen: Attempt | None = None
        self._blind_since: datetime | None = None

    def add(self, attempt: Attempt, *, settled: datetime) -> tuple[Happening, ...]:
        """Take an attempt that has ended, and judge all that is settled."""
        heappush(self._unseen, (by_start(attempt), self._added, attempt))
        heappush(self._waiting, (met_at(attempt), self._added, attempt))
        self._added += 1
        return self.settle(settled)

    def settle(self, until: datetime) -> tuple[Happening, ...]:
        """Judge all that is settled, without an attempt to add."""
        horizon = to_ms_before(until)  # attempts are stamped so, and one may yet begin in this millisecond
        happenings: list[Happening] = [LookedAway(stretch) for stretch in self._missed(horizon)]
        while self._waiting and self._waiting[0][0][0] < horizon:
            happenings += self._judge(heappop(self._waiting)[-1])
        return tuple(happenings)

    def stand_still(self, stretch: Unobserved) -> None:
        """Whoever looks stood still. Has to be said before anything that began after `stretch.since` is settled."""
        self._stood_still.append(stretch)
        self._untold.append(stretch)
        self._sweep.miss(stretch)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """All that is proven so far; the last one may be open."""
        return self._sweep.outages

    @property
    def standing(self) -> Standing:
        """DOWN and SILENT only after a success: what never answered is UNKNOWN."""
        fall = self._sweep.fall
        if fall and fall.before:
            return Standing(State.DOWN if fall.began_by else State.SILENT, fall.first.start)
        if self._seen and self._blind_since is None:
            return Standing(State.UP, self._seen.start)
        return Standing(State.UNKNOWN, self._blind_since)

    def _missed(self, horizon: datetime) -> Iterator[Unobserved]:
        """By starts, and before anything is judged that lies behind: no attempt that began before is still to come."""
        while self._unseen and self._unseen[0][0][0] < horizon:
            attempt = self._heard(heappop(self._unseen)[-1])
            self._sweep.expect(attempt)
            for stretch in self._untold:  # those that are not over before this attempt
                if stretch.since < attempt.start < stretch.until:
                    self._sweep.miss(Unobserved(since=attempt.start, until=stretch.until))
            if missed := self._lookout.see(attempt):
                self._sweep.miss(missed)
                yield missed
            yield from self._own_standstills(attempt, missed)

    def _heard(self, attempt: Attempt) -> Attempt:
        return heard([attempt], self._stood_still)[0] if self._stood_still else attempt

    def _own_standstills(self, attempt: Attempt, missed: Unobserved | None) -> Iterator[Unobserved]:
        """Those that are over with this attempt, but for what lies in a stretch that is told anyway."""
        over = [each for each in self._untold if each.until <= attempt.start]
        self._untold = [each for each in self._untold if each.until > attempt.start]
        yield from (each for each in over if missed is None or each.until <= missed.since or missed.until <= each.since)

    def _judge(self, attempt: Attempt) -> list[Happening]:
        attempt = self._heard(attempt)
        ended = self._sweep.meet(attempt)
        if attempt.outcome.proves_up:
            back = [CameBack(ended)] if ended and ended.last_ok_at else []
            return [*self._gain_sight(attempt, ended), *back]
        fall = self._sweep.fall
        if attempt.outcome.proves_nothing or fall is None or fall.before is None:
            return self._lose_sight(attempt)
        return [WentDown(attempt)] if fall.failed == 1 else []

    def _lose_sight(self, attempt: Attempt) -> list[Happening]:
        said, self._blind_since = self._blind_since is not None, attempt.start
        return [] if said else [CannotMeasure(attempt)]

    def _gain_sight(self, ok: Attempt, ended: Outage | None) -> list[Happening]:
        """A success that began before sight was lost gives none back."""
        if self._blind_since and ok.start < self._blind_since:
            return []
        is_news = self._seen is None or self._blind_since is not None
        self._blind_since = None
        if is_news or ended:
            self._seen = ok
        return [CanMeasure(ok)] if is_news else []
