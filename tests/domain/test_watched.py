"""What a recording proves: lanes, held sessions, and an observer that stood still."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome
from bot.domain.held import Session, Standstill, sessions
from bot.domain.measurement import measure_ways
from bot.domain.observer import heard, standstills
from bot.domain.outage import Bounds, outages
from bot.domain.recording import COLUMNS, read_recording, rows_of
from bot.domain.unobserved import Unobserved
from bot.domain.watched import Watched, blink_of, watched
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.messages.measured import conclusions
from tests.domain.making import US
from tests.domain.true_signal import World, at, worlds

DB = Lane(endpoint="db", way=Way.CONNECT)
HELD = Lane(endpoint="db", way=Way.HELD, number=1)
OK, REFUSED, TIMEOUT, OURS = Outcome.OK, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.OURS
SECOND = timedelta(seconds=1)


def tried(start: float, end: float, outcome: Outcome = OK, said: str = "") -> Attempt:
    """In seconds."""
    kept = {"version" if outcome.proves_up else "detail": said}
    return Attempt(start=at(round(start * 1e6)), end=at(round(end * 1e6)), outcome=outcome, **kept)


def in_lane(lane: Lane, *attempts: Attempt, session: int = 0) -> list[Use]:
    return [Use(lane=lane, attempt=each, session=session) for each in attempts]


def stretch(since: float, until: float) -> Unobserved:
    return Unobserved(since=at(round(since * 1e6)), until=at(round(until * 1e6)))


def bounds(measured: Watched) -> tuple[float, float | None]:
    total = measured.bounds
    return total.at_least / SECOND, None if total.at_most is None else total.at_most / SECOND


def test_lanes_are_told_apart_and_ordered() -> None:
    uses = [
        *in_lane(HELD, tried(0, 0.1)),
        *in_lane(CONTROL, tried(0, 0.001)),
        *in_lane(DB, tried(0, 0.1, OK, "17.5"), tried(1, 1.1, REFUSED)),
    ]
    connect, held = watched(uses)
    assert (connect.lane, held.lane) == (DB, HELD)
    assert (connect.attempts, connect.failed, connect.unknown, connect.answered, connect.was_up) == (
        2,
        1,
        0,
        "17.5",
        True,
    )
    assert bounds(connect) == (0, None)
    assert connect.last.outcome is REFUSED


def test_a_lane_that_was_never_up() -> None:
    [never] = watched(in_lane(DB, tried(0, 1, REFUSED), tried(2, 3, Outcome.DNS)))
    assert (never.was_up, never.answered, never.unknown) == (False, "", 1)


def test_nothing_recorded_proves_nothing() -> None:
    assert watched([]) == ()
    assert watched(in_lane(CONTROL, tried(0, 1))) == ()


@given(worlds())
def test_without_a_control_it_is_what_the_attempts_prove(world: World) -> None:
    found = watched(in_lane(DB, *world.attempts))
    assert [each.outages for each in found] == ([outages(world.attempts)] if world.attempts else [])


def test_a_slow_schedule_is_not_blind_between_its_attempts() -> None:
    slow = [tried(each * 10, each * 10 + 0.1) for each in range(5)]
    assert blink_of(slow) == 30 * SECOND
    assert blink_of(slow[:1]) == 2 * SECOND
    [calm] = watched(in_lane(DB, *slow))
    assert (calm.unobserved, calm.resolution) == ((), 10.1 * SECOND)


def test_an_observer_knows_when_it_stood_still() -> None:
    control = [tried(0, 0.01), tried(1, 1.8), tried(1.4, 2), tried(3, 3.01, OURS), tried(4, 4.01)]
    assert standstills(control) == (stretch(1, 2), stretch(3, 3.01))


def test_a_time_out_while_the_observer_stood_still_proves_nothing() -> None:
    stood = [stretch(5, 8)]
    attempts = [
        tried(1, 4, TIMEOUT),
        tried(4, 6, TIMEOUT, "no answer"),
        tried(6, 7, REFUSED),
        tried(7, 9),
        tried(9, 12, TIMEOUT),
    ]
    assert [each.outcome for each in heard(attempts, stood)] == [TIMEOUT, OURS, REFUSED, OK, TIMEOUT]
    assert heard(attempts, stood)[1].detail == "stood still meanwhile: no answer"


def test_an_outage_while_the_observer_stood_still_is_proven_in_no_part_of_that() -> None:
    down = [tried(each / 10, each / 10 + 0.01, REFUSED) for each in range(10, 50)]
    uses = in_lane(DB, tried(0.5, 0.51), *down, tried(5.5, 5.51))
    [whole] = watched(uses)
    assert bounds(whole) == (3.89, 5.01)
    [partly] = watched([*uses, *in_lane(CONTROL, tried(2.05, 4.05))])
    assert partly.stood_still == (stretch(2.05, 4.05),)
    assert bounds(partly) == (0.99 + 0.79, 5.01), "1.01 to 2.0, 4.11 to 4.9"


def test_a_standstill_of_the_observer_outside_of_outages_counts_for_the_upper_bound() -> None:
    [calm] = watched([*in_lane(DB, tried(0, 0.1), tried(1, 1.1), tried(2, 2.1)), *in_lane(CONTROL, tried(1.2, 1.9))])
    assert bounds(calm) == (0, 0.7)
    assert calm.missed == (stretch(1.2, 1.9),)


def test_what_was_missed_twice_counts_once() -> None:
    uses = [
        *in_lane(DB, tried(0, 0.1), tried(0.1, 0.2), tried(0.2, 0.3), tried(5, 5.1)),
        *in_lane(CONTROL, tried(4, 6)),
    ]
    [calm] = watched(uses)
    assert calm.missed == (stretch(0.2, 6),)
    assert bounds(calm) == (0, 5.8)


def the_session(*attempts: Attempt, stood_still: tuple[Unobserved, ...] = ()) -> Session:
    [session] = sessions(in_lane(HELD, *attempts, session=1), stood_still)
    return session


def test_a_session_that_survived() -> None:
    session = the_session(tried(0, 0.1, OK, "11"), tried(1, 1.1, OK, "11"))
    assert (session.served_by, session.longest, session.dropped, session.number) == (("11",), None, None, 1)


def test_a_session_that_was_moved_to_another_process() -> None:
    assert the_session(tried(0, 0.1, OK, "11"), tried(1, 1.1, OK, "22"), tried(2, 2.1, OK, "22")).served_by == (
        "11",
        "22",
    )


def test_a_session_that_was_dropped() -> None:
    session = the_session(tried(0, 0.1, OK, "11"), tried(1, 1.1, Outcome.SHUTTING_DOWN))
    assert session.dropped == tried(1, 1.1, Outcome.SHUTTING_DOWN)
    assert session.last_ok == tried(0, 0.1, OK, "11")


@pytest.mark.parametrize("outcome", [TIMEOUT, OURS])
def test_a_session_that_is_still_waited_for_is_not_dropped(outcome: Outcome) -> None:
    assert the_session(tried(0, 0.1, OK, "11"), tried(1, 6, outcome)).dropped is None


def test_a_session_that_was_given_up_is() -> None:
    uses = [*in_lane(HELD, tried(0, 0.1), tried(1, 6, TIMEOUT), session=1), *in_lane(HELD, tried(7, 7.1), session=2)]
    first, second = sessions(uses)
    assert (first.dropped, second.dropped) == (tried(1, 6, TIMEOUT), None)


def test_tries_to_open_one_and_one_that_never_answered_are_no_sessions() -> None:
    assert sessions([*in_lane(HELD, tried(0, 1, REFUSED)), *in_lane(HELD, tried(1, 2, TIMEOUT), session=1)]) == ()


def test_a_session_that_stood_still_and_then_answered() -> None:
    session = the_session(tried(0, 0.1), tried(1, 1.1), tried(2, 4.5), tried(5, 5.1))
    assert session.longest == Standstill(since=at(1_000_000), until=at(4_500_000), at_least=1.9 * SECOND)
    assert session.longest.at_most == 3.5 * SECOND


def test_a_use_in_which_we_stood_still_ourselves_counts_for_the_upper_bound_only() -> None:
    session = the_session(tried(0, 0.1), tried(1, 1.1), tried(2, 3, TIMEOUT), tried(3, 4, OURS), tried(4, 4.6))
    assert session.longest == Standstill(since=at(1_000_000), until=at(4_600_000), at_least=1 * SECOND)


def test_opening_a_session_is_no_measure_of_a_query() -> None:
    session = the_session(tried(0, 3), tried(3, 3.1), tried(4, 5))
    assert session.longest is not None
    assert session.longest.at_least == 0.4 * SECOND


def test_a_use_that_timed_out_goes_on_waiting_in_the_next_one() -> None:
    session = the_session(tried(0, 0.1), tried(1, 2, TIMEOUT), tried(2, 3, TIMEOUT), tried(3, 3.5))
    assert session.longest == Standstill(since=at(0), until=at(3_500_000), at_least=1.9 * SECOND)


def test_an_answer_that_came_late_may_have_been_given_when_it_was_asked_for() -> None:
    """The way back is stalled: what is read at last was said before the server died, and then the reset is read."""
    waited = (tried(0, 0.01), tried(1, 6, TIMEOUT), tried(6, 11, TIMEOUT), tried(1, 11.05))
    session = the_session(*waited, tried(11.1, 11.2, Outcome.RESET))
    assert session.dropped
    assert (session.last_ok.start, session.dropped.end) == (at(1_000_000), at(11_200_000))
    assert session.longest == Standstill(since=at(0), until=at(11_050_000), at_least=9.54 * SECOND)
    assert not the_session(*waited).is_waiting


def test_an_answer_that_came_late_is_no_measure_of_a_query() -> None:
    waited = (tried(0, 0.2), tried(1, 1.01), tried(2, 7, TIMEOUT), tried(2, 7.05))
    session = the_session(*waited, tried(8, 9))
    assert [each.at_least for each in session.stills] == [4.54 * SECOND, 0.49 * SECOND]


def test_the_observer_s_own_standstill_is_not_the_session_s() -> None:
    attempts = (tried(0, 0.1), tried(1, 4))
    partly = the_session(*attempts, stood_still=(stretch(0.5, 2), stretch(3.5, 9), stretch(20, 21)))
    assert partly.longest is not None
    assert partly.longest.at_least == 0.9 * SECOND
    assert the_session(*attempts, stood_still=(stretch(0, 5),)).longest is None


@given(
    st.integers(0, 3000), st.integers(300, 5000), st.integers(1, 90), st.sampled_from([500, 5000]), st.integers(0, 500)
)
def test_the_true_standstill_is_inside(begin: int, lasting: int, healthy: int, deadline: int, late: int) -> None:
    """A query each 100 ms that takes `healthy`, but nothing goes on from `begin` on for `lasting` milliseconds.

    And the observer is `late` to hear the answer after that, by no more than it notices itself.
    """
    clock, attempts = 0, []
    while clock < begin + lasting + 1000:
        asked, answered = clock, clock + healthy
        if answered > begin and clock < begin + lasting:
            answered += lasting - max(0, clock - begin) + late
        while answered - clock > deadline:
            attempts.append(tried(clock / 1000, (clock + deadline) / 1000, TIMEOUT))
            clock += deadline
        attempts.append(tried(asked / 1000, answered / 1000))
        clock = max(clock + 100, answered)
    longest = the_session(*attempts).longest
    assert longest is None or longest.at_least <= timedelta(milliseconds=lasting + 1)
    assert longest is None or timedelta(milliseconds=lasting) <= longest.at_most


def test_who_measures_elsewhere_and_stands_still_is_no_worse_a_witness_here() -> None:
    """Each endpoint of an upgrade may have a prober of its own; what its file proves is what the report proves."""
    calm = [0.0, 1, 2, 3, *(4 + each / 10 for each in range(60)), 11, 12, 14.5, 15]
    writer, reader = (Lane(endpoint=each, way=Way.CONNECT) for each in ("us-east-1/writer", "ap-northeast-1/reader"))
    writes = in_lane(writer, *(tried(each, each + 0.01, REFUSED if 5 <= each < 5.8 else OK) for each in calm))
    reads = [*in_lane(reader, *(tried(each, each + 0.01) for each in calm)), *in_lane(CONTROL, tried(5, 6.5, OURS))]
    rows = [*rows_of(writer.endpoint, writes), *rows_of(reader.endpoint, reads)]
    text = "".join(",".join(each) + "\n" for each in (COLUMNS, *rows))
    replayed = {each.lane: each for each in watched(read_recording(text, "a.csv"))}
    for lane, uses in ((writer, writes), (reader, reads)):
        report = measure_ways(US, "writer", (US,), uses)
        assert replayed[lane].bounds == Bounds(report.at_least, report.at_most)
        assert replayed[lane].missed == report.unobserved
    assert replayed[writer].missed == (stretch(12, 14.51),)
    assert replayed[reader].missed == (stretch(5, 6.5), stretch(12, 14.51))
    said = [each for each in conclusions(tuple(replayed.values())) if "stood still" in each]
    assert len(said) == 1
    assert said[0].startswith("Whoever measured ap-northeast-1/reader stood still 1 time, 1.500 s in all")


def test_in_an_older_recording_of_an_upgrade_a_standstill_counts_for_all() -> None:
    lane = Lane(endpoint="us-east-1/writer", way=Way.CONNECT)
    [found] = watched([*in_lane(lane, tried(0, 0.1), tried(1, 1.1)), *in_lane(CONTROL, tried(0.2, 0.9))])
    assert found.stood_still == (stretch(0.2, 0.9),)
