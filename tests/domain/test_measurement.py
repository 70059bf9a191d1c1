"""One endpoint, summed up: what was tried, what failed, and between which bounds it was unreachable."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome
from bot.domain.budget import Kept, kept_at
from bot.domain.measurement import Measurement, RoundTrip, measure
from bot.domain.phases import Phases
from tests.domain.making import AP, NOON, SECOND, US, outage, tried, unwatched
from tests.domain.true_signal import Signal, at

MICROSECOND = timedelta(microseconds=1)
OK, REFUSED, DNS = Outcome.OK, Outcome.REFUSED, Outcome.DNS


def measured(*attempts: Attempt) -> Measurement:
    return measure(US, "writer", [US], attempts)


def test_an_outage_between_two_successes_has_bounds() -> None:
    made = measured(tried(0), tried(1, REFUSED), tried(2, REFUSED), tried(3, version="18.6.1"))
    assert (made.attempts, made.failed, made.unknown) == (4, 2, 0)
    assert (made.since, made.until) == (NOON, NOON + 3 * SECOND)
    assert (made.at_least, made.at_most) == (0.9 * SECOND, 3.1 * SECOND)
    assert [each.version_after for each in made.outages] == ["18.6.1"]


def test_bounds_of_several_outages_add_up() -> None:
    made = measured(tried(0), tried(1, REFUSED), tried(2), tried(3, REFUSED), tried(4))
    assert len(made.outages) == 2
    assert made.at_most == 4.1 * SECOND  # the first ended before the second began, both within the success between


def test_who_does_not_come_back_has_no_upper_bound() -> None:
    made = measured(tried(0), tried(1, REFUSED), tried(2, REFUSED))
    assert (made.at_least, made.at_most) == (0.9 * SECOND, None)


def test_an_attempt_that_was_stored_twice_counts_once() -> None:
    assert measured(tried(0), tried(1, REFUSED), tried(1, REFUSED), tried(0)) == measured(tried(0), tried(1, REFUSED))


def test_what_never_answered_was_not_measured_however_often_it_failed() -> None:
    """Not "no downtime": nobody knows whether it was up."""
    made = measured(tried(0, REFUSED), tried(1, REFUSED), tried(2, DNS))
    assert (made.since, made.attempts, made.failed, made.unknown, made.outages) == (None, 3, 0, 3, ())


def test_it_is_measured_from_its_first_answer_on() -> None:
    made = measured(tried(0, REFUSED), tried(1, DNS), tried(2), tried(3, REFUSED), tried(4))
    assert (made.since, made.failed, made.unknown, len(made.outages)) == (NOON + 2 * SECOND, 1, 2, 1)


def test_a_success_that_overlaps_the_first_failures_proves_no_order() -> None:
    made = measured(tried(0, lasting=5), tried(1, REFUSED), tried(6), tried(7, REFUSED), tried(8))
    assert (made.since, made.failed, made.unknown) == (NOON + 6 * SECOND, 1, 1)


def test_nothing_tried_is_nothing_measured() -> None:
    nothing = measure(AP, "reader", [], [])
    assert (nothing.vantage, nothing.since, nothing.until, nothing.attempts) == ("nowhere", None, None, 0)


def test_every_vantage_point_is_named() -> None:
    assert measure(US, "writer", [US, AP], [tried(0)]).vantage == "us-east-1, ap-northeast-1"


def test_an_outage_that_was_over_before_the_order_is_left_out() -> None:
    before, across, after = outage(10, 13), outage(28, 32), outage(40, 43)
    open_end = outage(50, 53).model_copy(update={"ended_by": None, "first_ok_at": None})
    made = measured(tried(0)).model_copy(update={"outages": (before, across, after, open_end)})
    order = NOON + 30 * SECOND
    assert made.since_order(order, NOON).outages == (across.from_then_on(order), after, open_end)


def test_of_an_outage_across_the_order_what_came_before_is_no_cost() -> None:
    """Down from 5 to 15 at least, and ordered at 14.4."""
    tries = [*map(tried, range(5)), *(tried(each / 2, REFUSED) for each in range(10, 31)), tried(15.5)]
    order = NOON + 14.4 * SECOND
    made = measure(US, "writer", [US], tries, order).since_order(order, NOON + 16 * SECOND)
    assert (made.at_least, made.at_most) == (0.6 * SECOND, 1.2 * SECOND)
    assert [(each.at_least, each.at_most) for each in made.outages] == [(0.6 * SECOND, 1.2 * SECOND)]
    assert (made.outages[0].last_ok_at, made.outages[0].began_by) == (NOON + 4 * SECOND, NOON + 5.1 * SECOND)


def test_of_what_nobody_knows_of_an_outage_all_is_taken_to_lie_after_the_order() -> None:
    """Proven from 1.1 to 3 and from 13.1 to 15; ordered at 2."""
    tries = [tried(0), *(tried(each, REFUSED) for each in (1, 2, 3, 13, 14, 15)), tried(16)]
    order = NOON + 2 * SECOND
    made = measure(US, "writer", [US], tries, order).since_order(order, NOON + 16 * SECOND)
    assert (made.at_least, made.at_most) == ((1.9 + 1.9 - 0.9) * SECOND, 14.1 * SECOND)


def test_a_stretch_that_nobody_looked_at_may_have_been_an_outage() -> None:
    made = measured(tried(0), tried(1), tried(8), tried(9))
    assert made.unobserved == (unwatched(1, 8.1),)
    assert (made.outages, made.at_least, made.at_most) == ((), timedelta(), 7.1 * SECOND)


def test_attempts_that_prove_nothing_are_no_look() -> None:
    made = measured(tried(0), tried(1, DNS), tried(2, DNS), tried(3))
    assert made.unobserved == (unwatched(0, 3.1),)


def test_a_stretch_inside_an_outage_proves_no_downtime_and_bounds_nothing() -> None:
    """Down from 1 to 2 and from 12 to 14 at least; it may have come back and gone again in between."""
    made = measured(
        tried(0), tried(1, REFUSED), tried(2, REFUSED), tried(12, REFUSED), tried(13, REFUSED), tried(14, REFUSED), tried(15)
    )  # fmt: skip
    assert made.at_least == (0.9 + 1.9) * SECOND
    assert made.at_most == 15.1 * SECOND
    assert made.outages[0].unobserved == (12.9 - 0.9 - 1.9) * SECOND


def test_what_may_have_gone_unseen_lies_between_two_successes_after_the_order() -> None:
    """Before it they were calmer; where nobody looked is another matter, and where one failed it was seen."""
    tries = [
        tried(0),
        tried(1.9),
        *(tried(second / 4) for second in range(8, 20)),
        tried(9),
        tried(9.5, REFUSED),
        tried(10.2),
    ]
    assert measure(US, "writer", [US], tries, NOON + 2 * SECOND).resolution == 0.35 * SECOND
    assert measured(*tries).resolution == 2 * SECOND
    assert measured(tried(0)).resolution is None


def test_from_the_order_to_the_end_nothing_unwatched_is_forgotten() -> None:
    """Late by ten seconds, away from 35 to 45, and gone 60 seconds before the end."""
    tries = [tried(20, lasting=0.5), *map(tried, range(21, 36)), *map(tried, range(45, 101))]
    order = NOON + 10 * SECOND
    assert measure(US, "writer", [US], tries, order).since_order(order, NOON + 160 * SECOND).unobserved == (
        unwatched(10, 20.5), unwatched(35, 45.1), unwatched(100, 160),
    )  # fmt: skip


def test_a_moment_after_the_order_and_one_before_the_end_may_have_been_an_outage() -> None:
    """Nothing was tried for two seconds after the order, and nothing is stored of the last three."""
    tries = [tried(each / 10, lasting=0.01) for each in range(100)]

    def unseen(order: float, end: float) -> timedelta | None:
        made = measure(US, "writer", [US], tries, NOON + order * SECOND).since_order(
            NOON + order * SECOND, NOON + end * SECOND
        )
        assert (made.unobserved, made.at_most) == ((), timedelta())
        return made.no_more_than

    assert unseen(0.05, 9.91) == 0.11 * SECOND
    assert unseen(-1.9, 9.91) == 1.91 * SECOND
    assert unseen(-0.1, 12.8) == 2.9 * SECOND


def test_between_the_order_and_the_next_attempt_an_outage_can_have_been_no_longer() -> None:
    """The calm step before it is of no interest, but for what of it came after."""
    tries = [
        tried(0, lasting=0.01),
        tried(1, lasting=0.01),
        *(tried(each / 10, lasting=0.01) for each in range(20, 30)),
    ]
    order = NOON + 1.3 * SECOND
    assert measure(US, "writer", [US], tries, order).resolution == 0.71 * SECOND


def test_a_prober_that_died_shortly_before_the_end_has_not_watched_until_then() -> None:
    """A writer that restarts right after may be up again for seconds when all is over."""
    made = measured(tried(0), tried(1), tried(2))
    assert made.since_order(NOON, NOON + 5 * SECOND).unobserved == ()
    died = made.since_order(NOON, NOON + 7 * SECOND)
    assert died.unobserved == (unwatched(2, 7),)
    assert died.at_most == 5 * SECOND


def test_what_nobody_watched_before_the_order_is_no_cost() -> None:
    made = measured(tried(0), tried(10), tried(20), *map(tried, range(21, 30)))
    assert made.since_order(NOON + 12 * SECOND, NOON + 32 * SECOND).unobserved == (unwatched(12, 20.1),)
    assert made.since_order(NOON + 25 * SECOND, NOON + 32 * SECOND).unobserved == ()


def test_the_round_trip_is_the_median_of_what_tcp_took() -> None:
    def took(second: float, micros: int | None, outcome: Outcome = OK) -> Attempt:
        return tried(second, outcome).model_copy(update={"phases": Phases(connect=micros)})

    made = measured(
        took(0, 300),
        took(1, 90_000),
        took(2, 200),
        took(3, None),
        took(4, 100, REFUSED),
        took(5, 250),
        took(5.1, 9_000),
        took(5.2, 9_000),
    )
    assert made.round_trip == RoundTrip(median=timedelta(microseconds=250), of=4)
    assert measured(tried(0)).round_trip is None


def test_an_older_measurement_has_none() -> None:
    kept = measured(tried(0)).model_dump(mode="json")
    del kept["round_trip"]
    assert Measurement.model_validate(kept).round_trip is None


def test_what_was_never_measured_has_no_stretches() -> None:
    made = measured(tried(0, REFUSED), tried(10, REFUSED))
    assert made.since_order(NOON, NOON + 100 * SECOND).unobserved == ()


seconds = st.integers(min_value=0, max_value=20)
attempts = st.lists(
    st.builds(tried, seconds, st.sampled_from(Outcome), lasting=st.sampled_from([0.1, 1.5])), max_size=15
)


@given(attempts)
def test_every_attempt_is_a_success_a_failure_or_proves_nothing(tries: list[Attempt]) -> None:
    made = measured(*tries)
    successes = {each for each in tries if each.outcome.proves_up}
    assert made.attempts == len(set(tries)) == len(successes) + made.failed + made.unknown
    assert made.failed == sum(each.failed for each in made.outages)
    if made.since is None:
        assert made.outages == ()
    else:
        assert made.since in {each.start for each in successes}
    assert made.at_most is None or timedelta() <= made.at_least <= made.at_most


@given(attempts)
def test_a_measurement_survives_the_store(tries: list[Attempt]) -> None:
    made = measured(*tries)
    assert Measurement.model_validate_json(made.model_dump_json()) == made


@st.composite
def watched_around_an_order(draw: st.DrawFn) -> tuple[Signal, Measurement, int, int]:
    """An upgrade of a minute, one outage at any time or none, and attempts from before the order to about its end.

    Times are in microseconds; the outage as it was, the measurement since the order, the order and the end.
    """
    order, end = 10_000_000, 70_000_000
    edges = st.integers(order - 2_000_000, order + 2_000_000) | st.integers(end - 4_000_000, end)
    began = draw(st.integers(0, end) | edges)
    signal = Signal((began, began + draw(st.integers(1, 4_000_000) | st.integers(1, 20_000_000))))
    at_us, last = draw(st.integers(0, order + 4_000_000)), end - draw(st.integers(0, 4_000_000))
    tries = []
    while at_us < last:
        looked = at_us + draw(st.integers(0, 400_000))
        outcome = OK if signal.is_up(looked) else REFUSED
        tries.append(Attempt(start=at(at_us), end=at(at_us + 400_000), outcome=outcome))
        at_us += draw(st.sampled_from([500_000, 1_000_000, 2_500_000]))
    made = measure(US, "writer", [US], tries, at(order)).since_order(at(order), at(end))
    return signal, made, order, end


@given(watched_around_an_order())
def test_a_budget_is_kept_or_broken_as_the_verdict_says_wherever_the_outage_was(
    found: tuple[Signal, Measurement, int, int],
) -> None:
    """One outage: what no attempt saw may have been one as well, and no more."""
    signal, made, order, end = found
    truth = timedelta(microseconds=signal.down_between(order, end))
    budgets = (truth - MICROSECOND, truth, truth + MICROSECOND, *filter(None, (made.at_least, made.no_more_than)))
    for budget in (each for each in budgets if each > timedelta()):
        verdict = kept_at(made, budget)
        assert verdict is Kept.CANNOT_TELL or (verdict is Kept.YES) == (truth <= budget), (made, truth, budget)
