"""The clock that stamps attempts: what it does when the time of its machine is set, or the machine sleeps."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.clock import SharedClock, SteadyClock, ticks

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
    assert abs(SteadyClock().now() - datetime.now(UTC)) < SECOND


def test_a_small_step_changes_no_duration() -> None:
    machine = Machine()
    clock = steady(machine)
    before = clock.now()
    machine.set(1.9 * SECOND)
    machine.run(SECOND)
    assert clock.now() - before == SECOND


def test_that_the_wall_clock_was_set_back_is_known() -> None:
    machine = Machine()
    clock = steady(machine)
    machine.set(-HOUR)
    machine.run(SECOND)
    clock.now()
    assert clock.set_back() == HOUR
    machine.set(HOUR + SECOND)
    assert clock.set_back() == timedelta()


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


def shared(machine: Machine) -> SharedClock:
    return SharedClock(lambda: machine.wall, lambda: machine.monotonic)


async def hear(clock: SharedClock, machine: Machine, store: Machine, *, way: timedelta = timedelta()) -> None:
    """`way` there and as long back; both machines run on meanwhile."""

    async def ask() -> int:
        for each in (machine, store):
            each.run(way)
        said = store.wall
        for each in (machine, store):
            each.run(way)
        return said

    await clock.listen(ask)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
async def test_a_machine_whose_clock_is_set_shows_the_time_of_the_store_and_how_far_it_is_from_it(
    step: timedelta,
) -> None:
    machine, store = Machine(), Machine()
    clock = shared(machine)
    await hear(clock, machine, store)
    before = clock.now()
    machine.set(step)
    machine.run(SECOND)
    store.run(SECOND)
    assert clock.now() - before == SECOND
    assert clock.disagreement() == step
    await hear(clock, machine, store)
    assert clock.now() == store.time
    assert clock.disagreement() == step


async def test_a_store_whose_clock_is_set_is_followed_and_the_doubt_is_known() -> None:
    machine, store = Machine(), Machine()
    clock = shared(machine)
    store.set(-HOUR)
    await hear(clock, machine, store)
    assert clock.now() == store.time
    assert clock.disagreement() == HOUR


async def test_what_the_way_to_the_store_may_explain_is_not_followed() -> None:
    machine, store = Machine(), Machine()
    clock = shared(machine)
    before = clock.now()
    store.set(SECOND / 2)
    await hear(clock, machine, store, way=SECOND / 2)
    assert clock.now() - before == SECOND
    await hear(clock, machine, store)
    assert clock.now() - before == 1.5 * SECOND


def test_until_the_store_is_heard_it_is_the_time_of_the_machine() -> None:
    assert abs(SharedClock().now() - datetime.now(UTC)) < SECOND
    assert ticks() <= ticks()


def test_that_a_clock_was_set_back_is_said_once_and_forward_never() -> None:
    machine = Machine()
    clock = shared(machine)
    machine.set(HOUR)
    assert not clock.was_set_back()
    machine.set(-HOUR)
    assert [clock.was_set_back(), clock.was_set_back()] == [True, False]
