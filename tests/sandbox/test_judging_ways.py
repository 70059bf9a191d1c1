"""The judge says NO to what is not true of held sessions, of writes, of instances and of RDS's claims; and to nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aurora import Down, Fate
from sandbox.judging_ways import NEXT_USE
from tests.sandbox.accounts import (
    ENDED,
    READER,
    WRITER,
    Json,
    account,
    at,
    claim,
    down,
    dropped,
    endpoint,
    fate,
    outage,
    report,
    session,
    stood,
    unobserved,
)

INSTANCES = (("us-east-1", "orders-us-1"), ("ap-northeast-1", "orders-ap-1"))
Truth = list[Fate]
LATEST = ENDED - NEXT_USE.total_seconds()


def judged(
    fates: Truth, *held: Json, late: tuple[tuple[float, float], ...] = (), **of_endpoint: Any
) -> tuple[str, ...]:
    told = report(endpoint(held=held, **of_endpoint))
    return account((), told, fates=fates, late=[(at(a), at(b)) for a, b in late]).broken_expectations()


# --- Whether a session survived -----------------------------------------------------------------------------------------


def test_a_session_that_nothing_befell() -> None:
    assert judged([], session()) == ()
    assert judged([], session(fate="moved")) == ()


def test_one_that_was_dropped_is_said_to_be_dropped_then() -> None:
    truth = [fate(10, 10.2, "temporary tables")]
    assert judged(truth, dropped(9.9, 10.3)) == ()
    assert judged(truth, session(last_ok=9.9, fate="lost")) == ()
    assert judged(truth, session()) != ()
    assert judged(truth, session(last_ok=9.9)) != ()
    assert judged(truth, dropped(10.3, 10.5)) != ()
    assert judged(truth, dropped(9.5, 9.9)) != ()


def test_one_that_was_preserved_is_not_said_to_be_dropped() -> None:
    assert judged([fate(10, 10.2)], session(fate="moved")) == ()
    assert judged([fate(10, 10.2)], dropped(9.9, 10.3)) != ()


@pytest.mark.parametrize(("kind", "calls"), [("restart", True), ("restart and blackhole", False)])
def test_where_an_outage_ran_into_a_restart_nobody_knows_which_of_them_befell_a_session(kind: str, calls: bool) -> None:
    crossed = replace(down(10, 12), kind=kind)
    told = report(endpoint(outage(9.9, 12.1), held=[dropped(9.9, 12.1)]))
    assert bool(account([crossed], told, fates=[fate(11, 11.5)]).broken_expectations()) is calls


def test_a_restart_may_end_a_session_without_a_word() -> None:
    def said(gone: Json, *fates: Fate) -> tuple[str, ...]:
        told = report(endpoint(outage(9.9, 12.1), held=[gone]))
        return account([down(10, 12)], told, fates=fates).broken_expectations()

    assert said(dropped(9.9, 10.3)) == ()
    assert said(dropped(9.9, 10.3), fate(10, 10.2)) != (), "it was preserved"
    assert said(dropped(20, 20.3)) != ()


def test_what_befell_another_proves_nothing() -> None:
    others = [fate(10, 10.2, "restart", pid=12)]
    assert judged(others, dropped(9.9, 10.3)) != ()
    assert judged(others, dropped(9.9, 10.3, pid=12)) == ()


def test_a_process_of_the_same_number_before_it_was_another() -> None:
    assert judged([fate(10, 10.2, "restart")], session(since=11)) == ()


@pytest.mark.parametrize(("gone", "calls"), [(LATEST - 0.1, True), (LATEST + 0.1, False)])
def test_one_that_was_dropped_just_before_the_end_need_not_be_known(gone: float, calls: bool) -> None:
    assert bool(judged([fate(gone, gone, "refuse")], session(last_ok=gone - 0.1))) is calls


def test_nor_one_that_was_dropped_while_nobody_looked() -> None:
    truth, told = [fate(50, 50.1, "refuse")], session(last_ok=49)
    assert judged(truth, told, unobserved=[unobserved(49, None)]) == ()
    assert judged(truth, told, unobserved=[unobserved(40, 45)]) != ()


def test_no_session_comes_through_a_time_down_without_the_truth_of_it() -> None:
    restart = (down(10, 12),)
    told = endpoint(outage(9.9, 12.1), held=[session(pid=99)])
    assert len(account(restart, report(told)).broken_expectations()) == 1
    for other in (session(pid=99, since=12.5), session(pid=99, last_ok=9.5, fate="lost")):
        assert account(restart, report(told | {"held": [other]})).broken_expectations() == ()


# --- How long it stood still --------------------------------------------------------------------------------------------


def test_a_standstill_lies_in_what_is_said_of_it() -> None:
    truth = [fate(10, 12)]
    assert judged(truth, stood(9.9, 12.1, at_least=1.9)) == ()
    assert judged(truth, stood(9.9, 12.1, at_least=2.1)) != ()
    assert judged(truth, stood(10.5, 12.1)) != ()
    assert judged(truth, stood(9.9, 11.5)) != ()
    assert judged(truth, stood(30, 32.3)) == ()  # no longer than the longest
    assert judged(truth, session()) != ()


def test_it_ends_with_the_first_answer() -> None:
    """What comes before that is no client's to tell from standing still."""
    told = stood(9.9, 12.4, at_least=2.3)
    assert judged([fate(10, 12)], told) != ()
    assert judged([fate(10, 12, answered_at=fate(0, 12.35).until)], told) == ()


def test_one_too_short_to_be_noticed_need_not_be_told() -> None:
    assert judged([fate(10, 10.24)], session()) == ()
    assert judged([fate(10, 10.3)], session()) != ()
    assert judged([fate(10, 10.3)], session(), resolution=0.1) == ()


def test_one_that_never_was_may_be_told_only_if_nothing_of_it_is_claimed() -> None:
    assert judged([], stood(10, 10.6)) == ()
    assert judged([], stood(10, 10.6, at_least=0.01)) != ()


def test_nor_is_it_the_observers_fault_when_the_door_itself_was_late() -> None:
    assert judged([], stood(10, 10.6, at_least=0.2), late=((9.5, 10.1), (10.5, 11))) == ()
    assert judged([], stood(10, 10.6, at_least=0.21), late=((9.5, 10.1), (10.5, 11))) != ()


@pytest.mark.parametrize("told", [session(last_ok=9.5, fate="lost"), dropped(9.5, 9.9)])
def test_of_what_came_after_its_last_answer_nothing_need_be_told(told: Json) -> None:
    gone = [fate(9.6, 9.8, "refuse")] if told["fate"] == "dropped" else []
    assert judged([*gone, fate(10, 12)], told) == ()


def test_nor_of_what_came_before_the_order_or_while_nobody_looked() -> None:
    assert judged([fate(0.1, 0.9)], session()) == ()
    assert judged([fate(10, 12)], session(), unobserved=[unobserved(11, 14)]) == ()


@given(st.integers(0, 9), st.integers(20, 9_000), st.integers(0, 9), st.integers(11, 10_000), st.data())
def test_an_honest_standstill_is_believed_and_a_lie_is_not(
    before: int, lasting: int, after: int, by: int, data: st.DataObject
) -> None:
    """In milliseconds, with a truth that is always long enough to be noticed."""
    since, until = 10.0, 10.3 + lasting / 1000
    least = data.draw(st.integers(0, round(1000 * (until - since)) - 1)) / 1000
    told = stood(since - before / 1000, until + after / 1000, least)
    assert judged([fate(since, until)], told) == ()
    lie = by / 1000
    assert judged([fate(since, until)], told | {"stood_still_at_least": until - since + lie})
    assert judged([fate(since - lie - before / 1000, until)], told | {"stood_still_at_most": until - since})


# --- Writes -------------------------------------------------------------------------------------------------------------


def written(*outages: Json, **other: Any) -> Json:
    return {name: each for name, each in endpoint(*outages, **other).items() if name not in ("region", "endpoint")}


def writes_judged(truth: Down, writes: Json | None) -> tuple[str, ...]:
    return account((), report(endpoint(writes=writes)), unwritable=[truth]).broken_expectations()


def test_the_time_without_writes_lies_in_what_was_reported_of_writes() -> None:
    truth = down(10, 12, doubt=0.5)
    assert writes_judged(truth, written(outage(9.9, 12.2, at_least=2.5))) == ()
    assert writes_judged(truth, written(outage(9.9, 12.2, at_least=2.6))) != ()
    assert writes_judged(truth, written(outage(10.5, 12.2))) != ()
    assert writes_judged(truth, written()) != ()
    assert writes_judged(truth, written(resolution=2.1)) == ()
    assert writes_judged(truth, written(unobserved=[unobserved(9, 13)], at_most=4)) == ()
    assert writes_judged(truth, None) == ("the report says nothing of writes",)


def test_an_outage_of_connections_holds_none_of_writes() -> None:
    told = endpoint(outage(9.9, 12.1, at_least=1), writes=written())
    assert account([down(10, 12)], report(told), unwritable=[down(10, 12)]).broken_expectations() != ()


@pytest.mark.parametrize(
    ("lag", "calls"),
    [
        ({"at_least": 0, "at": None, "reads": 5}, False),
        ({"at_least": 0.5, "at": "2026-04-11T10:00:10Z", "reads": 5}, False),
        ({"at_least": -0.5, "at": "2026-04-11T10:00:10Z", "reads": 5}, True),
        ({"at_least": 0.5, "at": None, "reads": 5}, True),
        ({"at_least": 0, "at": None, "reads": 0}, True),
        ({"at_least": 0.5, "at": "2026-04-11T11:00:10Z", "reads": 5}, True),
    ],
)
def test_a_lag_that_cannot_be_is_called(lag: Json, calls: bool) -> None:
    assert bool(account((), report(endpoint(where=READER, lag=lag))).broken_expectations()) is calls


# --- Instances ----------------------------------------------------------------------------------------------------------


def test_the_endpoint_of_an_instance_is_judged_by_what_its_region_was_like() -> None:
    fell, well = outage(9.9, 12.1, at_least=1.9), [endpoint(where=READER), endpoint(where=INSTANCES[1])]
    honest = [endpoint(fell), endpoint(fell, where=INSTANCES[0]), *well]
    truth = [down(10, 12, where=WRITER)]
    assert account(truth, report(*honest), instances=INSTANCES).broken_expectations() == ()
    silent = [endpoint(fell), endpoint(where=INSTANCES[0]), *well]
    assert len(account(truth, report(*silent), instances=INSTANCES).broken_expectations()) > 0
    lying = [*honest[:3], endpoint(fell, where=INSTANCES[1])]
    assert account(truth, report(*lying), instances=INSTANCES).broken_expectations() != ()
    missing = account(truth, report(*honest[:3]), instances=INSTANCES).broken_expectations()
    assert missing == ("the endpoint of the instance orders-ap-1 in ap-northeast-1 is not in the report",)


# --- What RDS claims ----------------------------------------------------------------------------------------------------


def test_rds_counts_right_so_the_report_agrees_with_it() -> None:
    truth = [fate(10, 10.2, pid=pid) for pid in (1, 2)] + [fate(10, 10.1, "listening", pid=3)]
    other = fate(5, 5.1, "restart", pid=4, kind="restart")

    def judged_claim(told: Json) -> tuple[str, ...]:
        return account((), report(endpoint(), claims=[told]), fates=[*truth, other]).broken_expectations()

    assert judged_claim(claim(2, 1)) == ()
    assert judged_claim(claim(3, 1)) != ()
    assert judged_claim(claim(2, 0)) != ()
    assert judged_claim(claim(2, 1, "2 more were dropped here")) != ()
