"""A true up/down signal, and attempts that look at it: the other side of what the domain concludes."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome

EPOCH = datetime(2026, 4, 11, 12, tzinfo=UTC)
LONG = 60_000  # microseconds; short beside the milliseconds of the stamps, so that rounding has its part
FOREVER = 10**9
FAILURES = [Outcome.REFUSED, Outcome.STARTING_UP, Outcome.OTHER]


def at(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True)
class Signal:
    """Up until the first toggle, then down, then up …; a toggle at 0 or before makes it begin down."""

    toggles: tuple[int, ...]

    def is_up(self, us: int) -> bool:
        return bisect_right(self.toggles, us) % 2 == 0

    def outage_at(self, us: int) -> tuple[int, int]:
        """The true outage around an instant that is down."""
        index = bisect_right(self.toggles, us)
        assert index % 2 == 1
        return self.toggles[index - 1], self.toggles[index] if index < len(self.toggles) else FOREVER

    def without_recoveries_below(self, us: int) -> "Signal":
        """Down throughout where it was up for less."""
        kept: list[int] = []
        for index, toggle in enumerate(self.toggles):
            if index % 2 == 0 and kept and toggle - kept[-1] < us:
                kept.pop()
            else:
                kept.append(toggle)
        return Signal(tuple(kept))

    def down_between(self, since: int, until: int) -> int:
        edges = [since, *(each for each in self.toggles if since < each < until), until]
        return sum(after - before for before, after in pairwise(edges) if not self.is_up(before))


@dataclass(frozen=True)
class Look:
    """An attempt with what only the world knows: its true stamps, and the instant at which it looked."""

    start: int
    end: int
    looked: int
    attempt: Attempt

    @property
    def told_by_the_endpoint(self) -> bool:
        return self.attempt.outcome is not Outcome.TIMEOUT and not self.attempt.outcome.proves_nothing


@dataclass(frozen=True)
class World:
    signal: Signal
    looks: tuple[Look, ...]

    @property
    def attempts(self) -> list[Attempt]:
        return [look.attempt for look in self.looks]


signals = st.lists(st.integers(-1, LONG), max_size=6, unique=True).map(lambda toggles: Signal(tuple(sorted(toggles))))


@st.composite
def look_at(draw: st.DrawFn, signal: Signal, healthy: int | None, *, hampered: bool) -> Look:
    """With `healthy`, that is what an answer takes, and a time-out may have been doomed that much after its start.

    `hampered`: a time-out, after half of all the time there is, may come whether the endpoint is up or down.
    """
    start, failure = draw(st.integers(0, LONG)), draw(st.sampled_from([*FAILURES, Outcome.TIMEOUT, Outcome.DNS]))
    took = healthy or draw(st.integers(1, 15_000))
    looked = start + draw(st.integers(0, (healthy or 0) if failure is Outcome.TIMEOUT else took))
    outcome = Outcome.OK if failure is not Outcome.DNS and signal.is_up(looked) else failure
    if failure is Outcome.TIMEOUT and hampered:
        took, outcome = LONG // 2 + draw(st.integers(0, 15_000)), failure
    elif outcome is Outcome.TIMEOUT:
        took += draw(st.integers(0, 15_000))
    attempt = Attempt(start=at(start), end=at(start + took), outcome=outcome)
    return Look(start, start + took, looked, attempt)


@st.composite
def worlds(
    draw: st.DrawFn, healthy: int | None = None, *, hampered: bool = False, up_for: int = 0, most: int = 14
) -> World:
    """`up_for`: no recovery is shorter. `most`: attempts."""
    signal = draw(signals).without_recoveries_below(up_for)
    return World(signal, tuple(draw(st.lists(look_at(signal, healthy, hampered=hampered), max_size=most))))
