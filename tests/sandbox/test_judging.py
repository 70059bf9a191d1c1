"""The judge still says NO to a report that is not true: each thing it forgives, and the nearest thing that it must not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aurora import Down
from tests.sandbox.accounts import (
    ENDED,
    ORDERED,
    READER,
    Json,
    account,
    at,
    down,
    endpoint,
    outage,
    report,
    unobserved,
)

NOT_HELD = "no reported outage holds the"
HAIR = 0.000_001


def judged(truth: list[Down], *endpoints: Json, finished: float = ENDED) -> tuple[str, ...]:
    return account(truth, report(*endpoints, finished=finished)).broken_expectations()


def not_held(truth: list[Down], *endpoints: Json, finished: float = ENDED) -> int:
    """How many times down it says are in nothing that was reported."""
    return sum(said.startswith(NOT_HELD) for said in judged(truth, *endpoints, finished=finished))


def test_a_rehearsal_in_which_all_came_as_it_should() -> None:
    assert account().broken_expectations() == ()
    assert judged([down(10, 12)], endpoint(outage(9.9, 12.2, at_least=1.8))) == ()


# --- A time down lies in what was reported ------------------------------------------------------------------------------


def test_a_time_down_of_which_nothing_is_reported_is_called() -> None:
    assert not_held([down(10, 12)]) == 1
    assert not_held([down(10, 12)], endpoint()) == 1


@pytest.mark.parametrize("where", [READER, ("us-east-1", "reader"), ("ap-northeast-1", "writer")])
def test_an_outage_reported_elsewhere_holds_nothing(where: tuple[str, str]) -> None:
    assert not_held([down(10, 12)], endpoint(outage(9.9, 12.2), where=where), endpoint()) == 1


@pytest.mark.parametrize(
    ("since", "until", "calls"), [(10, 12, 0), (9.999, 12.001, 0), (9.995, 12, 1), (10, 12.005, 1)]
)
def test_it_may_stand_out_by_the_millisecond_to_which_stamps_are_cut(since: float, until: float, calls: int) -> None:
    assert not_held([down(since, until)], endpoint(outage(10, 12))) == calls
    assert not_held([down(since, until)], endpoint(unobserved=[unobserved(10, 12)], at_most=2.1)) == calls


def test_an_outage_without_an_end_holds_what_begins_in_it() -> None:
    open_end = endpoint(outage(10, None))
    assert judged([down(10.1, 12), down(20, 40)], open_end) == ()
    assert not_held([down(9.995, 12)], open_end) == 1
    assert not_held([down(9.995, 12)], endpoint(unobserved=[unobserved(10, None)], at_most=9)) == 1


def test_an_outage_without_a_beginning_holds_nothing() -> None:
    assert not_held([down(10, 12)], endpoint(outage(None, 13))) == 1


# --- What came after the end --------------------------------------------------------------------------------------------


def test_what_began_after_the_end_is_forgiven_and_what_lasted_beyond_it_counts_up_to_it() -> None:
    assert judged([down(90, 100)], endpoint()) == ()
    assert not_held([down(88, 100)], endpoint()) == 1
    assert judged([down(88, 100)], endpoint(unobserved=[unobserved(87.8, 90)], at_most=2.2)) == ()
    assert not_held([down(88, 100)], endpoint(outage(87.8, 89.5))) == 1
    assert judged([down(88, 100)], endpoint(outage(87.8, None, at_least=2 + HAIR))) != ()


# --- One so short that it may have been overlooked ----------------------------------------------------------------------


def test_one_as_short_as_the_resolution_is_forgiven_and_none_that_is_a_hair_longer() -> None:
    assert judged([down(10, 10.3)], endpoint(resolution=0.3)) == ()
    assert not_held([down(10, 10.3 + HAIR)], endpoint(resolution=0.3)) == 1
    assert not_held([down(10, 10.3)], endpoint(resolution=None)) == 1


def test_of_what_was_not_seen_nothing_may_be_claimed() -> None:
    claims = outage(30, 30.3, at_least=0.1)
    assert judged([down(10, 10.3)], endpoint(claims, resolution=0.3)) != ()


def test_a_short_one_beside_an_outage_is_forgiven_and_none_that_reaches_into_what_the_outage_proves() -> None:
    """The success before an outage, or the one after, would have been while the server was down."""
    seen = endpoint(outage(10, 13, at_least=2), resolution=5)
    assert judged([down(9.9, 10.1), down(10.2, 12.7), down(12.9, 13.1)], seen) == ()
    assert not_held([down(9.995, 12.7)], seen) == 1
    assert not_held([down(10.2, 13.005)], seen) == 1


# --- The bounds ---------------------------------------------------------------------------------------------------------


def test_more_than_the_truth_and_its_doubt_is_called() -> None:
    truth = [down(10, 12, doubt=0.02)]
    assert judged(truth, endpoint(outage(9.9, 12.2, at_least=2.02))) == ()
    assert judged(truth, endpoint(outage(9.9, 12.2, at_least=2.02 + HAIR))) != ()
    assert judged(truth, endpoint(outage(9.9, 12.2, at_least=2), at_least=2.02 + HAIR)) != ()


def test_less_than_the_truth_is_called() -> None:
    held = outage(9.9, 12.2)
    assert judged([down(10, 12)], endpoint(held, at_most=2)) == ()
    assert judged([down(10, 12)], endpoint(held, at_most=2 - HAIR)) != ()
    assert judged([down(10, 12)], endpoint(held | {"at_most": 1.99}, at_most=2)) != ()


def test_of_one_across_the_order_what_came_before_is_no_cost() -> None:
    """Down from 5 to 15, and ordered at 14."""

    def said(at_least: float, at_most: float) -> tuple[str, ...]:
        told = report(
            endpoint(outage(4.9, 15.2, at_least=at_least, at_most=at_most), at_least=at_least, at_most=at_most)
        )
        return account([down(5, 15)], told | {"ordered_at": at(14).isoformat()}).broken_expectations()

    assert said(0.9, 1.2) == ()
    assert len(said(0.5, 0.8)) == 2
    assert len(said(10.2, 10.3)) == 2


def test_no_upper_bound_excuses_no_lower_one() -> None:
    assert judged([down(10, 12)], endpoint(outage(9.9, None, at_least=2))) == ()
    assert judged([down(10, 12)], endpoint(outage(9.9, None, at_least=2 + HAIR))) != ()


def test_an_outage_of_a_server_that_never_was_down_is_called_unless_it_proves_nothing() -> None:
    assert judged([], endpoint(outage(10, 12, at_least=HAIR))) != ()
    assert judged([], endpoint(at_least=HAIR)) != ()
    assert judged([], endpoint(outage(10, 12))) == ()


def test_one_outage_too_long_is_not_made_good_by_another_too_short() -> None:
    truth = [down(10, 13), down(20, 23)]
    assert judged(truth, endpoint(outage(9.9, 13.1, at_least=3), outage(19.9, 23.1, at_least=3))) == ()
    assert judged(truth, endpoint(outage(9.9, 13.1, at_least=5), outage(19.9, 23.1, at_least=1))) != ()


def test_what_nobody_looked_at_counts_for_the_upper_bound_alone() -> None:
    away = [unobserved(19, 24)]
    truth = [down(10, 12), down(20, 23)]
    assert judged(truth, endpoint(outage(9.9, 12.1, at_least=2), unobserved=away, at_most=7.2)) == ()
    assert judged(truth, endpoint(outage(9.9, 12.1, at_least=2), unobserved=away, at_most=4.9)) != ()
    assert judged(truth, endpoint(outage(9.9, 12.1, at_least=2), unobserved=away, at_most=7.2, at_least=2.1)) != ()


def test_of_an_endpoint_that_never_answered_nothing_is_claimed_and_of_another_all_must_hold() -> None:
    never = endpoint(at_least=None, at_most=None)
    assert judged([], never) == judged([down(10, 12)], never) == ()
    assert not_held([down(10, 12, where=READER)], never) == 1
    assert not_held([down(10, 12)], endpoint(at_least=None, at_most=0)) == 1


# --- Flapping -----------------------------------------------------------------------------------------------------------


def test_recoveries_inside_an_outage_count_as_down_and_none_between_two() -> None:
    truth = [down(10, 10.5), down(11, 11.5), down(12, 12.5)]
    assert judged(truth, endpoint(outage(9.9, 12.6, at_least=2.5))) == ()
    assert judged(truth, endpoint(outage(9.9, 12.6, at_least=2.5 + HAIR))) != ()
    in_two = [outage(9.9, 11.6, at_least=1.5), outage(11.9, 12.6, at_least=0.5)]
    assert judged(truth, endpoint(*in_two)) == ()
    assert judged(truth, endpoint(*in_two, at_least=2.1)) != ()


def test_of_two_times_down_one_reported_is_not_enough() -> None:
    assert not_held([down(10, 12), down(20, 22)], endpoint(outage(9.9, 12.1))) == 1


# --- Any honest report, and any lie -------------------------------------------------------------------------------------


@st.composite
def honest(draw: st.DrawFn) -> tuple[list[Down], list[Json]]:
    """Times down, one after the other, and around each an outage that claims no more than it was. Drawn in milliseconds."""
    truth, outages, now = list[Down](), list[Json](), round(ORDERED * 1000)
    for _ in range(draw(st.integers(1, 5))):
        since = now + draw(st.integers(20, 9_000))
        until = now = since + draw(st.integers(20, 5_000))
        before, after = since - draw(st.integers(0, 9)), until + draw(st.integers(0, 9))
        doubt = draw(st.integers(0, 30))
        least = draw(st.integers(0, until - since + doubt))
        truth.append(down(since / 1000, until / 1000, doubt=doubt / 1000))
        outages.append(outage(before / 1000, after / 1000, least / 1000, at_most=(after - before) / 1000))
    return truth, outages


def lies(truth: Down, told: Json, by: timedelta) -> Iterator[Json]:
    seconds = by.total_seconds()
    yield told | {"at_least": truth.seconds + truth.doubt.total_seconds() + seconds}
    yield told | {"at_most": max(0, truth.seconds - seconds)}
    yield told | {"last_ok_at": (truth.down_from + by).isoformat()}
    yield told | {"ended_by": (truth.down_until - by).isoformat()}


@given(honest(), st.data())
def test_an_honest_report_is_believed_and_one_figure_that_lies_is_not(
    told: tuple[list[Down], list[Json]], data: st.DataObject
) -> None:
    truth, outages = told
    assert judged(truth, endpoint(*outages)) == ()

    which = data.draw(st.integers(0, len(truth) - 1))
    by = timedelta(milliseconds=data.draw(st.integers(3, 10_000)))  # more than stamps are cut by
    others = [*outages[:which], *outages[which + 1 :]]
    for lie in lies(truth[which], outages[which], by):  # and of the whole nothing is claimed
        assert judged(truth, endpoint(lie, *others, at_least=0, at_most=None))
    assert judged(truth, endpoint(*others, at_most=None))
    seconds, doubt = sum(each.seconds for each in truth), sum(each.doubt.total_seconds() for each in truth)
    assert judged(truth, endpoint(*outages, at_least=seconds + doubt + by.total_seconds()))
    assert judged(truth, endpoint(*outages, at_most=max(0, seconds - by.total_seconds())))
