"""The truth lies inside the bounds: for a recorded upgrade to the millisecond, and for any signal and any schedule."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from bot.domain.attempts import RESOLUTION, Attempt, Outcome
from bot.domain.outage import Outage, in_all, outages
from tests.domain.true_signal import Look, Signal, World, at, worlds

GOLDEN = Path(__file__).parents[1] / "golden" / "aurora-17.4-to-17.5"
SLEEP = timedelta(seconds=0.5)
MS = timedelta(milliseconds=1)
OK, REFUSED, STARTING_UP, TIMEOUT, DNS = Outcome.OK, Outcome.REFUSED, Outcome.STARTING_UP, Outcome.TIMEOUT, Outcome.DNS


def recorded(*names: str) -> list[Attempt]:
    """The log of a loop that sleeps 0.5 s after each attempt: an attempt ended at most that long before the next began.

    Nothing follows the last one: it is given the length of the one before it.
    """
    rows = [row for name in names for row in csv.DictReader((GOLDEN / f"{name}.csv").read_text().splitlines())]
    starts = [datetime.fromisoformat(row["attempt_started_at"]) for row in rows]
    ends = [after - SLEEP for _, after in pairwise(starts)]
    ends.append(starts[-1] + (ends[-1] - starts[-2]))
    return [
        Attempt(start=start, end=end, outcome=Outcome(row["outcome"]), version=row["version"])
        for row, start, end in zip(rows, starts, ends, strict=True)
    ]


def clock(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-04-11T{text}+00:00")


def seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(round(value * 1000) * MS for value in values)


@pytest.mark.parametrize("logs", [["ap-northeast-1-outage"], ["ap-northeast-1-before", "ap-northeast-1-outage"]])
def test_the_recorded_outage_of_the_secondary(logs: list[str]) -> None:
    [outage] = outages(recorded(*logs))
    assert outage.last_ok_at == clock("06:21:34.608")
    assert outage.first_failure_at == clock("06:21:35.200")
    assert outage.last_failure_at == clock("06:21:50.532")
    assert outage.first_ok_at == clock("06:21:56.481")
    assert outage.failed == 31
    assert outage.outcomes == (REFUSED, STARTING_UP)
    assert outage.version_after == "17.5.4"
    assert not outage.flapping
    assert (outage.by_start_stamps.at_least, outage.by_start_stamps.at_most) == seconds(15.332, 21.873)
    assert (outage.at_least, outage.at_most) == seconds(15.318, 22.068)


@pytest.mark.parametrize("logs", [["us-east-1-outage"], ["us-east-1-before", "us-east-1-outage"]])
def test_the_recorded_outage_of_the_primary(logs: list[str]) -> None:
    [outage] = outages(recorded(*logs))
    assert outage.last_ok_at == clock("06:22:39.481")
    assert outage.first_failure_at == clock("06:22:40.026")
    assert outage.last_failure_at == clock("06:22:40.535")
    assert outage.first_ok_at == clock("06:22:41.962")
    assert outage.failed == 2
    assert (outage.by_start_stamps.at_least, outage.by_start_stamps.at_most) == seconds(0.509, 2.481)
    assert (outage.at_least, outage.at_most) == seconds(0.5, 2.701)
    assert (outage.last_ok_at, outage.began_by) == (clock("06:22:39.481"), clock("06:22:40.035"))
    assert outage.ended_between == (clock("06:22:40.535"), clock("06:22:42.182"))


def tried(*told: tuple[float, float, Outcome]) -> list[Attempt]:
    """Attempts from `(start ms, end ms, outcome)`."""
    return [
        Attempt(start=at(round(start * 1000)), end=at(round(end * 1000)), outcome=outcome)
        for start, end, outcome in told
    ]


def bounds(outage: Outage) -> tuple[float | None, float | None]:
    return outage.at_least / MS, None if outage.at_most is None else outage.at_most / MS


def test_no_attempts_prove_nothing() -> None:
    assert outages([]) == ()


def test_an_endpoint_that_always_answered_had_no_outage() -> None:
    assert outages(tried((0, 5, OK), (10, 15, OK))) == ()


def test_one_failure_proves_an_instant_and_no_length() -> None:
    [outage] = outages(tried((0, 5, OK), (10, 11, REFUSED), (20, 25, OK)))
    assert bounds(outage) == (0, 25)


def test_an_endpoint_still_down_has_no_upper_bound() -> None:
    [outage] = outages(tried((0, 5, OK), (10, 11, REFUSED), (20, 21, REFUSED)))
    assert bounds(outage) == (9, None)
    assert (outage.first_ok_at, outage.version_after, outage.by_start_stamps.at_most) == (None, None, None)


def test_an_endpoint_down_from_the_beginning_has_no_upper_bound_either() -> None:
    [outage] = outages(tried((0, 1, REFUSED), (20, 21, REFUSED), (30, 35, OK)))
    assert bounds(outage) == (19, None)
    assert (outage.last_ok_at, outage.by_start_stamps.at_most) == (None, None)
    assert outage.ended_between == (at(20_000), at(35_000))


def test_a_success_under_way_when_the_first_failure_began_proves_nothing_about_before() -> None:
    [outage] = outages(
        tried((0, 5, OK), (8, 18, OK), (10, 11, REFUSED), (20, 21, REFUSED), (30, 31, REFUSED), (40, 45, OK))
    )
    assert outage.last_ok_at == at(0)
    assert bounds(outage) == (30 - 21, 45)


def test_a_success_under_way_when_the_last_failure_ended_proves_nothing_about_after() -> None:
    [outage] = outages(
        tried((0, 5, OK), (10, 11, REFUSED), (18, 19, REFUSED), (20, 26, REFUSED), (25, 28, OK), (30, 35, OK))
    )
    assert outage.first_ok_at == at(30_000)
    assert bounds(outage) == (18 - 11, 35)


def test_the_success_that_ends_first_is_the_upper_bound_though_another_began_earlier() -> None:
    [outage] = outages(tried((0, 5, OK), (10, 11, REFUSED), (20, 90, OK), (30, 35, OK)))
    assert bounds(outage) == (0, 35)


def test_the_success_that_began_last_is_the_bound_before_though_another_ended_later() -> None:
    [outage] = outages(tried((0, 9, OK), (5, 8, OK), (10, 11, REFUSED), (30, 35, OK)))
    assert outage.last_ok_at == at(5_000)


def test_a_hanging_attempt_does_not_prove_that_the_endpoint_was_down_while_it_hung() -> None:
    hung = tried((0, 5, OK), (10, 510, TIMEOUT), (20, 25, OK))
    assert bounds(*outages(hung)) == (0, 25)


def test_a_short_silence_proves_no_length_since_whoever_is_slow_is_silent_too() -> None:
    hung = tried((0, 5, OK), (10, 510, TIMEOUT), (20, 520, TIMEOUT), (900, 1400, TIMEOUT), (910, 915, OK))
    assert bounds(*outages(hung)) == (0, 915)


def test_a_long_silence_is_proven_but_for_a_deadline_at_its_beginning_and_two_at_its_end() -> None:
    hung = tried((0, 5, OK), *((start, start + 500, TIMEOUT) for start in range(10, 3011, 100)), (3110, 3115, OK))
    [outage] = outages(hung)
    assert bounds(outage) == (2610 - 500 - 510, 3115)
    assert (outage.last_ok_at, outage.began_by) == (at(0), at(510_000))
    assert outage.ended_between == (at(2_510_000), at(3_115_000))


def test_a_silence_in_which_we_stood_still_ourselves_proves_nothing_there() -> None:
    hung = tried(
        (0, 5, OK), *((start, start + 500, TIMEOUT) for start in range(10, 3011, 100)),
        *((start, start + 500, Outcome.OURS) for start in (600, 1100, 1600, 2100)), (3110, 3115, OK),
    )  # fmt: skip
    assert bounds(*outages(hung)) == (0, 3115)


def test_refusals_and_a_silence_after_them_add_up() -> None:
    [outage] = outages(
        tried(
            (0, 5, OK), *((start, start + 10, REFUSED) for start in range(100, 901, 100)),
            *((start, start + 500, TIMEOUT) for start in range(200, 4001, 100)), (4600, 4605, OK),
        )
    )  # fmt: skip
    assert bounds(outage) == (4000 - 500 - 110, 4605)


def test_time_outs_of_a_machine_that_is_slow_after_the_outage_do_not_make_it_longer() -> None:
    [outage] = outages(
        tried((0, 5, OK), (10, 12, REFUSED), (800, 802, REFUSED), (1200, 2200, TIMEOUT), (2300, 2500, OK))
    )
    assert bounds(outage) == (800 - 12, 2500)


def test_time_outs_of_a_machine_that_is_slow_before_the_outage_do_not_make_it_longer() -> None:
    [outage] = outages(
        tried((0, 5, OK), (10, 1010, TIMEOUT), (700, 702, REFUSED), (1500, 1502, REFUSED), (1600, 1900, OK))
    )
    assert bounds(outage) == (1500 - 702, 1900)


def test_a_time_out_long_before_an_outage_that_no_success_parts_from_it_is_no_beginning_of_it() -> None:
    """As it was seen on a machine where a healthy answer took 0.7 to 1.7 s."""
    [outage] = outages(
        tried(
            (0, 1700, OK), (1000, 2670, TIMEOUT), (2600, 4300, OK), (4000, 5500, OK),
            (5400, 6000, STARTING_UP), (6100, 6102, REFUSED), (6200, 6202, REFUSED), (7000, 7400, OK),
        )
    )  # fmt: skip
    assert bounds(outage)[0] == 6200 - 6102


def test_what_an_earlier_version_wrote_of_an_outage_is_read_as_it_was_meant() -> None:
    [outage] = outages(tried((0, 5, OK), (10, 11, REFUSED), (20, 21, REFUSED), (30, 35, OK)))
    written = outage.model_dump(mode="json") | {"lasted_to": None}
    assert Outage.model_validate(written).ended_between == outage.ended_between


def test_a_success_so_soon_after_a_time_out_began_may_have_come_before_the_fall() -> None:
    hung = tried((0, 5, OK), (10, 510, TIMEOUT), (12, 17, OK), (20, 25, OK))
    assert bounds(*outages(hung)) == (0, 25)


def test_without_a_success_before_nobody_knows_how_soon_a_time_out_was_doomed() -> None:
    [outage] = outages(tried((10, 510, TIMEOUT), (200, 700, TIMEOUT)))
    assert outage.began_by == at(510_000)
    assert bounds(outage) == (0, None)


def test_two_outages_are_told_apart_by_a_success_between() -> None:
    first, second = outages(
        tried((0, 5, OK), (10, 11, REFUSED), (20, 25, OK), (30, 31, REFUSED), (40, 41, REFUSED), (50, 55, OK))
    )
    assert (first.first_ok_at, second.last_ok_at) == (at(20_000), at(20_000))
    assert (bounds(first), bounds(second)) == ((0, 25), (9, 35))


def test_a_success_that_overlaps_a_failure_tells_nothing_apart() -> None:
    [outage] = outages(tried((0, 5, OK), (10, 19, REFUSED), (18, 25, OK), (30, 31, REFUSED), (50, 55, OK)))
    assert not outage.flapping
    assert outage.failed == 2


def test_an_outage_that_provably_holds_a_recovery_is_called_flapping() -> None:
    """The long failure spans the success, so where it belongs is unknown; the other two lie on either side."""
    [outage] = outages(
        tried((0, 5, OK), (10, 11, REFUSED), (15, 40, STARTING_UP), (20, 25, OK), (30, 31, REFUSED), (50, 55, OK))
    )
    assert outage.flapping
    assert outage.outcomes == (REFUSED, STARTING_UP)
    assert bounds(outage) == (0, 55)


def test_time_in_which_a_success_may_lie_counts_for_nothing() -> None:
    """Two short outages, and a success so slow that nobody knows that it was between them."""
    [outage] = outages(
        tried(
            (0, 5, OK), (10, 11, REFUSED), (20, 21, REFUSED), (12, 90, OK), (60, 61, REFUSED), (80, 81, REFUSED),
            (95, 99, OK),
        )
    )  # fmt: skip
    assert bounds(outage) == (0, 99)


@pytest.mark.parametrize(
    ("between", "at_least"),
    [(Outcome.AUTH, 18), (Outcome.TLS, 18), (DNS, 18), (OK, 18), (Outcome.OURS, 39), (REFUSED, 39)],
)
def test_between_two_failures_only_trouble_of_our_own_hides_no_recovery(between: Outcome, at_least: float) -> None:
    """A server that refuses our password is up; it may go down again before anybody gets in."""
    found = outages(
        tried(
            (0, 5, OK), (10, 11, REFUSED), (20, 21, REFUSED), (30, 31, between), (40, 41, REFUSED), (50, 51, REFUSED),
            (60, 65, OK),
        )
    )  # fmt: skip
    assert in_all(found).at_least / MS == at_least


def test_attempts_that_prove_nothing_make_no_outage_and_part_of_none() -> None:
    assert outages(tried((0, 5, OK), (10, 11, DNS), (20, 21, Outcome.AUTH), (30, 31, Outcome.TLS), (40, 45, OK))) == ()
    [outage] = outages(tried((0, 5, OK), (10, 11, REFUSED), (20, 21, DNS), (30, 35, OK)))
    assert (outage.failed, outage.outcomes) == (1, (REFUSED,))


def test_an_outage_travels_through_json() -> None:
    for outage in outages(recorded("us-east-1-outage")) + outages(tried((0, 1, REFUSED))):
        assert Outage.model_validate_json(outage.model_dump_json()) == outage


def groups(world: World, reported: tuple[Outage, ...]) -> Iterator[tuple[Outage, list[tuple[int, int]]]]:
    """Each reported outage with the true ones that its failures saw."""
    failures = [look for look in world.looks if look.attempt.outcome.proves_down]
    for outage in reported:
        inside = [each for each in failures if outage.first_failure_at <= each.attempt.start <= outage.last_failure_at]
        assert len(inside) == outage.failed
        yield outage, [world.signal.outage_at(each.looked) for each in inside]
    assert sum(outage.failed for outage in reported) == len(failures)


def the_truth_is_inside(world: World) -> None:
    for outage, true in groups(world, outages(world.attempts)):
        began, ended = min(each[0] for each in true), max(each[1] for each in true)
        assert outage.last_ok_at is None or outage.last_ok_at <= at(began)
        assert at(began) <= outage.began_by
        assert outage.ended_between[0] <= at(ended)
        assert outage.ended_by is None or at(ended) <= outage.ended_by
        length = timedelta(microseconds=ended - began)
        assert outage.at_least <= length
        assert outage.at_most is None or length <= outage.at_most
        assert not outage.flapping or len(set(true)) > 1


def world(signal: Signal, *looks: tuple[int, int, int, Outcome]) -> World:
    """From `(start, end, when it looked, outcome)`, in microseconds."""
    return World(
        signal,
        tuple(
            Look(start, end, looked, Attempt(start=at(start), end=at(end), outcome=outcome))
            for start, end, looked, outcome in looks
        ),
    )


LONG_FAILURE_SAW_A_SECOND_OUTAGE = world(
    Signal((5_000, 6_000, 9_000, 11_000)),
    (0, 4_000, 3_000, OK),
    (4_500, 10_500, 10_000, REFUSED),
    (5_100, 5_900, 5_500, REFUSED),
    (7_000, 8_000, 7_500, OK),
    (12_000, 13_000, 12_500, OK),
)
HUNG_FROM_BEFORE_THE_FALL = world(
    Signal((5_000, 9_000)),
    (0, 3_000, 1_000, OK),
    (3_100, 30_000, 5_000, TIMEOUT),
    (8_900, 30_000, 8_900, TIMEOUT),
    (10_000, 13_000, 10_000, OK),
)


@given(worlds())
@example(LONG_FAILURE_SAW_A_SECOND_OUTAGE)
@settings(max_examples=1000)
def test_the_truth_is_inside_for_any_signal_and_any_schedule(world: World) -> None:
    the_truth_is_inside(world)


@given(worlds(healthy=8_000))
@example(HUNG_FROM_BEFORE_THE_FALL)
@settings(max_examples=1000)
def test_the_truth_is_inside_though_attempts_hang_that_began_before_the_fall(world: World) -> None:
    the_truth_is_inside(world)


BLINK = 10_000  # microseconds


def was_down(world: World, outage: Outage) -> timedelta:
    """In all, and not from the first fall to the last recovery: between its answers, by the instants at which they looked."""
    looked = [
        each.looked
        for each in world.looks
        if each.told_by_the_endpoint
        and each.attempt.outcome.proves_down
        and outage.first_failure_at <= each.attempt.start <= outage.last_failure_at
    ]
    return timedelta(microseconds=world.signal.down_between(min(looked), max(looked)) if looked else 0)


def waits_alone(late: Attempt, tried: list[Attempt]) -> bool:
    return late.duration > timedelta(microseconds=BLINK) / 2 and not any(
        late.start <= each.start < late.end for each in tried if each is not late
    )


HAMPERED_BEFORE = world(
    Signal((9_000, 9_800)),
    (0, 2_000, 1_000, OK),
    (2_100, 33_000, 0, TIMEOUT),
    (3_000, 8_500, 5_000, OK),
    (9_200, 9_300, 9_250, REFUSED),
    (9_700, 9_750, 9_720, REFUSED),
    (34_000, 35_000, 34_500, OK),
)
HAMPERED_AFTER = world(
    Signal((5_000, 6_000)),
    (0, 3_000, 1_000, OK),
    (5_100, 5_200, 5_150, REFUSED),
    (5_900, 6_100, 5_950, REFUSED),
    (9_000, 39_500, 0, TIMEOUT),
    (40_000, 41_000, 40_500, OK),
)


TIME_OUTS_BETWEEN = [(start, start + 40_000, 0, TIMEOUT) for start in range(2_000, 21_000, 1_000)]
UP_AND_SLOW_BETWEEN_TWO_RESTARTS = world(
    Signal((1_000, 1_500, 21_000, 21_500)),
    (0, 900, 500, OK),
    (1_100, 1_200, 1_150, REFUSED),
    *TIME_OUTS_BETWEEN,
    (21_100, 21_200, 21_150, REFUSED),
    (62_000, 62_900, 62_500, OK),
)
CUT_OFF_BY_THE_SECOND_RESTART = world(
    Signal((1_000, 1_500, 21_000, 21_500)),
    (0, 900, 500, OK),
    (1_100, 1_200, 1_150, REFUSED),
    *((start, 21_300, 21_050, REFUSED) for start in range(2_000, 21_000, 1_000)),
    (21_100, 21_200, 21_150, REFUSED),
    (22_000, 22_900, 22_500, OK),
)


@given(worlds(hampered=True, up_for=BLINK) | worlds(hampered=True, up_for=BLINK, most=30))
@example(HAMPERED_BEFORE)
@example(HAMPERED_AFTER)
@example(UP_AND_SLOW_BETWEEN_TWO_RESTARTS)
@example(CUT_OFF_BY_THE_SECOND_RESTART)
@settings(max_examples=1000)
def test_it_was_down_for_at_least_that_long_in_all_whatever_timed_out_where_no_recovery_is_shorter_than_a_blink(
    world: World,
) -> None:
    """But for a loop that waits for its own attempts: see the next one."""
    if any(waits_alone(each, world.attempts) for each in world.attempts if each.outcome is not TIMEOUT):
        return
    for outage in outages(world.attempts, timedelta(microseconds=BLINK)):
        assert outage.at_least <= was_down(world, outage)


def test_a_late_answer_counts_from_its_start_where_nothing_else_was_tried_meanwhile() -> None:
    """So it is read in a published log, and nothing else there tells for how long it was down."""
    refused = [(each, each + 10, REFUSED) for each in range(500, 5_000, 500)]
    alone = tried((0, 5, OK), *refused, (5_000, 9_000, STARTING_UP), (9_500, 9_505, OK))
    beside = tried((0, 5, OK), *refused, (5_000, 9_000, STARTING_UP), (5_100, 9_000, TIMEOUT), (9_500, 9_505, OK))
    assert bounds(*outages(alone)) == (5_000 - 510, 9_505)
    assert bounds(*outages(beside)) == (4_500 - 510, 9_505)


def test_what_is_proven_does_not_shrink_while_more_is_tried() -> None:
    """The late answer is alone only as long as nobody knows what else was under way."""
    refused = [(each, each + 10, REFUSED) for each in range(500, 5_000, 500)]
    seen = tried((0, 5, OK), *refused, (5_000, 9_000, STARTING_UP), (5_100, 9_100, TIMEOUT), (9_200, 9_210, REFUSED))
    lengths = [in_all(outages(seen[:number])).at_least for number in range(len(seen) + 1)]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(
    ("other", "at_least"), [((2_400, 2_410), 1_900), ((2_490, 2_500), 1_990), ((2_491, 2_501), 0), ((5_000, 5_010), 0)]
)
def test_two_answers_prove_the_time_between_them_within_a_blink(other: tuple[float, float], at_least: float) -> None:
    """Whatever timed out meanwhile: an endpoint that is up and slow is silent too."""
    silent = [(start, start + 5_000, TIMEOUT) for start in range(600, int(other[0]), 100)]
    [outage] = outages(tried((0, 5, OK), (500, 500, REFUSED), *silent, (*other, REFUSED), (12_000, 12_005, OK)))
    assert bounds(outage) == (at_least, 12_005)


def test_answers_that_come_often_prove_all_the_time_between_them_though_one_of_them_is_late() -> None:
    dense = [(start, start + 2, REFUSED) for start in range(100, 8_000, 100)]
    [outage] = outages(tried((0, 5, OK), *dense, (3_050, 6_100, REFUSED), (8_000, 8_005, OK)))
    assert bounds(outage) == (7_900 - 102, 8_005)


def down_by(failure: Attempt, successes: list[Attempt]) -> datetime:
    before = sorted((ok.end, ok.start) for ok in successes if ok.end <= failure.start)[-20:]
    if failure.outcome is not TIMEOUT or not before:
        return failure.end
    return min(failure.end, failure.start + RESOLUTION + max(end - start for end, start in before))


def by_definition(attempts: list[Attempt]) -> list[tuple[object, ...]]:
    """The rules of the module, word for word, and slowly."""
    oks = [each for each in attempts if each.outcome.proves_up]
    fails = sorted((each for each in attempts if each.outcome.proves_down), key=lambda each: each.start)
    by = [down_by(each, oks) for each in fails]
    cuts = [
        cut
        for cut in range(1, len(fails))
        if any(ok.start >= max(by[:cut]) and ok.end <= fails[cut].start for ok in oks)
    ]
    told: list[tuple[object, ...]] = []
    for low, high in pairwise([0, *cuts, len(fails)] if fails else []):
        first, last, over = fails[low].start, fails[high - 1].start, max(by[low:high])
        told_by = [each for each in fails[low:high] if each.outcome is not TIMEOUT]
        recovered = any(
            ok.start >= min(each.end for each in told_by) and ok.end <= max(each.start for each in told_by)
            for ok in oks
            if told_by
        )
        before = max((ok.start for ok in oks if ok.end <= first), default=None)
        after = min((ok.end for ok in oks if ok.start >= over), default=None)
        told.append((before, first, last, after, high - low, recovered))
    return told


@given(worlds())
@settings(max_examples=500)
def test_the_bounds_are_the_best_that_the_rules_allow(world: World) -> None:
    assert [
        (
            each.last_ok_at,
            each.first_failure_at,
            each.last_failure_at,
            each.ended_by,
            each.failed,
            each.flapping,
        )
        for each in outages(world.attempts)
    ] == by_definition(world.attempts)


@given(worlds())
def test_the_order_in_which_attempts_are_told_does_not_matter(world: World) -> None:
    assert outages(world.attempts) == outages(world.attempts[::-1])


def test_many_attempts_are_no_trouble() -> None:
    [outage] = outages(
        tried(*((tick * 100, tick * 100 + 5, REFUSED if 9_000 <= tick < 18_000 else OK) for tick in range(20_000)))
    )
    assert bounds(outage) == (899_895, 900_105)
