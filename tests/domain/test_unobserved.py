"""Nobody looks all the time. What nobody looked at is known, and widens the bounds of the whole until the truth is inside."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome
from bot.domain.outage import Bounds, in_all, outages
from bot.domain.unobserved import Unobserved, resolution, unobserved
from tests.domain.making import NOON, SECOND, outage, tried, unwatched
from tests.domain.true_signal import Signal, at

MICROSECOND = timedelta(microseconds=1)
BLINK = timedelta(milliseconds=10)
LONGEST_ATTEMPT = 3_000  # microseconds


def test_an_attempt_a_second_leaves_nothing_unobserved() -> None:
    assert unobserved([tried(second) for second in range(10)]) == ()


def test_an_absence_lasts_from_the_last_attempt_before_to_the_end_of_the_first_one_after() -> None:
    assert unobserved([tried(0), tried(9.5), tried(1)]) == (unwatched(1, 9.6),)
    assert unwatched(1, 9.6).lasting == 8.6 * SECOND


def test_of_two_that_began_together_the_one_that_ended_first_ends_the_absence() -> None:
    slow, quick = tried(9, lasting=3), tried(9, lasting=0.1)
    assert unobserved([tried(0), slow, quick]) == unobserved([tried(0), quick, slow]) == (unwatched(0, 9.1),)


def test_names_that_do_not_resolve_show_nothing() -> None:
    assert unobserved([tried(0), tried(1, Outcome.DNS), tried(2, Outcome.AUTH), tried(3)]) == (unwatched(0, 3.1),)


def test_nothing_tried_is_no_stretch_either() -> None:
    assert unobserved([]) == ()
    assert unobserved([tried(0)]) == ()


def test_of_two_outages_and_a_stretch_that_overlap_no_second_counts_twice() -> None:
    """From 9.95 to 12.75 and from 12 to 15, nobody looking from 14 to 16 and from 20 to 21."""
    found = outage(10, 12.7), outage(12.05, 14.95)
    bounds = in_all(found, [unwatched(14, 16), unwatched(20, 21)])
    assert bounds == Bounds((2.6 + 2.8) * SECOND, (16 - 9.95 + 1) * SECOND)


def test_without_outages_and_stretches_there_was_no_downtime() -> None:
    assert in_all(()) == Bounds(timedelta(), timedelta())


@st.composite
def watched_now_and_then(draw: st.DrawFn) -> tuple[Signal, list[Attempt], int, int]:
    """Nothing lasts shorter than a blink and an attempt; attempts come often, and sometimes for long not at all.

    Gives also when the first and when the last attempt looked: both are successes.
    """
    lengths = draw(st.lists(st.integers(20_000, 40_000), max_size=4))
    signal = Signal(tuple(sum(lengths[: index + 1]) + 30_000 for index in range(len(lengths))))
    start, tries, looks = 0, list[Attempt](), list[int]()
    while start < sum(lengths) + 60_000:
        took = draw(st.integers(1, LONGEST_ATTEMPT))
        looked = start + draw(st.integers(0, took))
        outcome = Outcome.OK if signal.is_up(looked) else Outcome.REFUSED
        if draw(st.integers(0, 20)) == 0:
            outcome = Outcome.DNS
        tries.append(Attempt(start=at(start), end=at(start + took), outcome=outcome))
        looks += [looked] if outcome is Outcome.OK else []
        start += draw(st.one_of(st.integers(4_000, 9_000), st.integers(4_000, 9_000), st.integers(9_000, 80_000)))
    return signal, tries, min(looks, default=0), max(looks, default=0)


@given(watched_now_and_then())
@settings(max_examples=1000)
def test_the_whole_truth_is_inside_however_often_nobody_looked(
    watched: tuple[Signal, list[Attempt], int, int],
) -> None:
    signal, tries, first, last = watched
    edges = [first, *(each for each in signal.toggles if first < each < last), last]
    truth = sum(after - before for before, after in pairwise(edges) if not signal.is_up(before))
    found = [each for each in outages(tries, BLINK) if each.last_ok_at and each.ended_by]
    missed = [each for each in unobserved(tries, BLINK) if at(first) < each.until and each.since < at(last)]
    bounds = in_all(found, missed)
    assert bounds.at_least <= timedelta(microseconds=truth)
    assert bounds.at_most is not None
    assert timedelta(microseconds=truth) <= bounds.at_most


@given(watched_now_and_then())
def test_an_outage_longer_than_the_resolution_is_seen_while_somebody_looks(
    watched: tuple[Signal, list[Attempt], int, int],
) -> None:
    """The same attempts, had the endpoint always been up: one of them lies inside of every longer stretch."""
    looks = [Attempt(start=each.start, end=each.end, outcome=Outcome.OK) for each in watched[1]]
    longest, away = resolution(looks, BLINK), unobserved(looks, BLINK)
    for look in looks if longest else ():
        began = look.start + MICROSECOND  # just missed
        ended = began + (longest or timedelta()) + MICROSECOND
        is_watched = not any(each.since < ended and began < each.until for each in away)
        if is_watched and ended <= looks[-1].start:
            assert any(began <= each.start and each.end <= ended for each in looks)


def test_a_stretch_survives_the_store() -> None:
    stretch = Unobserved(since=NOON, until=NOON + SECOND)
    assert Unobserved.model_validate_json(stretch.model_dump_json()) == stretch
