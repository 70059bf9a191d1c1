"""The clock that stamps attempts: what it does when the time of its machine is set, or the machine sleeps."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.adapters.clock import SteadyClock, WallClock

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@dataclass
class Machine:
    """Its two clocks, in nanoseconds."""

    wall: int = 1_775_908_800 * 10**9
    monotonic: int = 7

    def run(self, lasting: timedelta) -> None:
        self.wall += ns(lasting)
        self.monotonic += ns(lasting)

    def set(self, by: timedelta) -> None:
        """So does a sleep: the wall clock goes on alone."""
        self.wall += ns(by)

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.wall // 10**9, UTC)


def ns(lasting: timedelta) -> int:
    return lasting // timedelta(microseconds=1) * 1000


def steady(machine: Machine) -> SteadyClock:
    return SteadyClock(lambda: machine.wall, lambda: machine.monotonic)


def test_it_shows_the_wall_clock_s_time() -> None:
    assert abs(SteadyClock().now() - WallClock().now()) < SECOND


def test_a_small_step_changes_no_duration() -> None:
    machine = Machine()
    clock = steady(machine)
    before = clock.now()
    machine.set(1.9 * SECOND)
    machine.run(SECOND)
    assert clock.now() - before == SECOND


def test_after_a_sleep_it_shows_the_time_again() -> None:
    machine = Machine()
    clock = steady(machine)
    machine.set(HOUR)
    assert clock.now() == machine.time


def test_it_never_goes_back_while_somebody_asks() -> None:
    machine = Machine()
    clock = steady(machine)
    before = clock.now()
    machine.set(-HOUR)
    for second in range(1, 100):
        machine.run(SECOND)
        assert clock.now() - before == second * SECOND


def test_when_nobody_measures_it_follows_back_as_well() -> None:
    machine = Machine()
    clock = steady(machine)
    machine.set(-HOUR)
    machine.run(11 * SECOND)
    assert clock.now() == machine.time
