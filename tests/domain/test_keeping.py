"""What became of held sessions, what RDS claims of them, and how far a reader was behind."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.crew.restarts import Restarts
from bot.domain.attempts import Attempt, Outcome
from bot.domain.claims import Agreement, Claim, claims, compared
from bot.domain.keeping import Fate, KeptSession, first_of_each, in_all, kept_since, kept_through
from bot.domain.lag import Lag, row_lag
from bot.domain.ledger import CameBack
from bot.domain.measurement import Measurement, measure, measure_ways
from bot.domain.outage import Outage
from bot.domain.unobserved import Unobserved
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.messages.keeping import written
from tests.domain.making import AP, NOON, SECOND, US, rds_said

OK, REFUSED, TIMEOUT, RESET = Outcome.OK, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.RESET
ZDP = (
    "Attempt to upgrade the database instance 'orders-us-1' with zero downtime finished. The process took {ms} ms, "
    "{preserved} connections preserved, {dropped} connections dropped. See the database error log for details."
)
TRY = "Attempting to upgrade the database with zero downtime."


def at(seconds: float) -> timedelta:
    return seconds * SECOND


def tried(start: float, end: float, outcome: Outcome = OK, said: str = "4711", sqlstate: str = "") -> Attempt:
    text = {"version" if outcome is OK else "detail": said}
    return Attempt(start=NOON + at(start), end=NOON + at(end), outcome=outcome, sqlstate=sqlstate, **text)


def used(attempt: Attempt, lane: int = 1, session: int = 1) -> Use:
    return Use(lane=Lane(endpoint="e", way=Way.HELD, number=lane), attempt=attempt, session=session)


def calm(since: float, until: float, lane: int = 1, session: int = 1, pid: str = "4711") -> list[Use]:
    """Ten uses a second."""
    steps = range(round(since * 10), round(until * 10))
    return [used(tried(each / 10, each / 10 + 0.01, said=pid), lane, session) for each in steps]


def fell(since: float = 10, until: float = 12) -> Outage:
    (outage,) = measure(
        US, "writer", (US,),
        [tried(since, since + 0.01), tried(since + 0.1, since + 0.11, REFUSED), tried(until, until + 0.01)],
    ).outages  # fmt: skip
    return outage


SURVIVED = [*calm(0, 10), used(tried(10, 11.5)), *calm(11.6, 14)]
MOVED = [*calm(0, 10, 2), used(tried(10, 11.8, said="4712"), 2), *calm(11.9, 14, 2, pid="4712")]
DROPPED = [*calm(0, 10, 3), used(tried(10, 10.1, RESET, "cut", "57P01"), 3), *calm(12, 14, 3, 2, "4713")]


def test_sessions_that_survive_move_and_are_dropped_in_an_outage() -> None:
    kept = kept_through([*SURVIVED, *MOVED, *DROPPED], fell())
    assert kept is not None
    assert [each.fate for each in kept] == [Fate.SURVIVED, Fate.MOVED, Fate.DROPPED]
    survived, _, dropped = kept
    assert survived.longest is not None
    assert at(0.9) < survived.longest.at_least <= survived.longest.at_most == at(1.6)
    assert (dropped.dropped_by, dropped.outcome, dropped.sqlstate) == (NOON + at(10.1), RESET, "57P01")
    together = in_all(kept)
    assert (together.held, together.survived, together.moved, together.dropped, together.lost) == (3, 1, 1, 1, 0)
    assert together.preserved == 2
    assert together.at_most == at(1.9)


def test_of_a_standstill_of_the_observer_an_outage_makes_none_of_a_session() -> None:
    restarts = Restarts()
    for each in SURVIVED:
        restarts.take(each)
    restarts.stand_still(Unobserved(since=NOON + at(10.1), until=NOON + at(10.7)))
    restarts.come_back([CameBack(fell())])
    [(_, (kept,))] = restarts.over(NOON)
    assert kept.longest is not None
    assert at(0.3) < kept.longest.at_least < at(0.4)
    assert kept.longest.at_most == at(1.6)


def test_a_standstill_counts_for_the_outage_in_which_it_was_and_not_before_the_order() -> None:
    later = [*SURVIVED, *calm(14, 20), used(tried(20, 20.8)), *calm(21, 24)]
    for over, at_most in ((fell(), 1.6), (fell(20, 22), 0.9)):
        kept = kept_through(later, over)
        assert kept is not None
        assert kept[0].longest is not None
        assert kept[0].longest.at_most == at(at_most)
    for ordered_at, found in ((11, 1.6), (12, 0.9), (22, None)):
        [since] = kept_since(later, NOON + at(ordered_at))
        assert (since.longest and since.longest.at_most) == (found and at(found))


def test_nothing_is_told_while_a_session_may_yet_answer() -> None:
    silent = [*calm(0, 10), used(tried(10, 13, TIMEOUT, "no answer"))]
    assert kept_through(silent, fell()) is None
    answered = kept_through([*silent, used(tried(13, 13.5))], fell())
    assert answered is not None
    assert answered[0].fate is Fate.SURVIVED


def test_what_was_opened_after_an_outage_or_gone_before_it_was_not_held_in_it() -> None:
    before = [*calm(0, 3), used(tried(3, 3.1, RESET, "cut"))]
    assert kept_through([*before, *calm(12, 14, session=2)], fell()) == ()


def test_of_a_session_whose_holder_is_gone_nobody_knows() -> None:
    silent = [*calm(0, 10), used(tried(10, 12, TIMEOUT, "no answer"))]
    taken_over = [*silent, *calm(13, 14, session=2, pid="4713")]
    kept = kept_through(taken_over, fell())
    assert kept is not None
    assert [each.fate for each in kept] == [Fate.LOST]
    given_up = [*silent, used(tried(69, 72, TIMEOUT, "no answer")), *calm(73, 74, session=2)]
    assert [each.fate for each in kept_since(given_up, NOON)] == [Fate.DROPPED, Fate.SURVIVED]


def test_of_a_session_that_its_holder_let_go_nobody_knows_what_came_later() -> None:
    handed_over = [*calm(0, 5), *calm(6, 14, session=2, pid="4713")]
    assert [each.fate for each in kept_since(handed_over, NOON)] == [Fate.LOST, Fate.SURVIVED]
    amid = [*calm(0, 10), *calm(13, 14, session=2, pid="4713")]
    kept = kept_through(amid, fell())
    assert kept is not None
    assert [each.fate for each in kept] == [Fate.LOST]


def test_what_came_after_an_outage_says_nothing_of_how_a_session_came_through_it() -> None:
    for later in ([], [used(tried(14, 14.1, RESET, "cut"))], calm(15, 16, session=2, pid="4713")):
        kept = kept_through([*SURVIVED, *later], fell())
        assert kept is not None
        assert [each.fate for each in kept] == [Fate.SURVIVED]


def test_of_a_session_that_has_not_answered_yet_nobody_knows() -> None:
    silent = [*calm(0, 10), used(tried(10, 13, TIMEOUT, "no answer"))]
    assert [each.fate for each in kept_since(silent, NOON)] == [Fate.LOST]


def test_where_nobody_used_a_session_that_is_said_and_waiting_for_it_is_a_use() -> None:
    gap = [*calm(0, 5), *calm(8, 10), used(tried(10, 14)), *calm(14.1, 15)]
    still = Unobserved(since=NOON + at(1), until=NOON + at(2))
    [kept] = kept_since(gap, NOON, [still, Unobserved(since=NOON + at(16), until=NOON + at(17))])
    assert kept.unobserved == (still, Unobserved(since=NOON + at(4.9), until=NOON + at(8.01)))


def test_since_the_order_each_session_counts_that_was_held_then_or_later() -> None:
    uses = [*calm(0, 3), used(tried(3, 3.1, RESET, "cut")), *calm(4, 10, session=2), used(tried(10, 10.1, RESET, "cut"), session=2),
            *calm(12, 14, session=3)]  # fmt: skip
    kept = kept_since(uses, NOON + at(5))
    assert [(each.lane, each.fate) for each in kept] == [(1, Fate.DROPPED), (1, Fate.SURVIVED)]
    assert [each.since for each in first_of_each(kept)] == [NOON + at(4)]
    assert kept_since([], NOON) == ()


def test_a_measurement_of_all_ways_and_an_older_one_that_has_none() -> None:
    connect = [Use(lane=Lane(endpoint="e", way=Way.CONNECT), attempt=tried(each, each + 0.1)) for each in range(14)]
    writes = [Use(lane=Lane(endpoint="e", way=Way.WRITE), attempt=each) for each in
              (tried(9, 9.1), tried(10, 10.1, REFUSED), tried(11, 11.1))]  # fmt: skip
    still = [Use(lane=CONTROL, attempt=tried(5.2, 6.1, Outcome.OURS, "stood still"))]
    whole = measure_ways(US, "writer", (US,), [*connect, *writes, *SURVIVED, *still], NOON)
    assert (whole.attempts, len(whole.held)) == (14, 1)
    assert whole.writes is not None
    assert [each.at_most for each in whole.writes.outages] == [at(2.1)]
    assert whole.unobserved == (Unobserved(since=NOON + at(5.2), until=NOON + at(6.1)),)
    cost = whole.since_order(NOON + at(12), NOON + at(14))
    assert cost.writes is not None
    assert cost.writes.outages == ()
    old = whole.model_dump(mode="json", exclude={"held", "writes", "lag"})
    assert Measurement.model_validate(old).held == ()
    assert Measurement.model_validate_json(whole.model_dump_json()) == whole


def test_of_writes_that_were_not_tried_all_the_time_that_is_said() -> None:
    """As when the table is dropped in the middle: then the way is given up."""
    early = measure(US, "writer", (US,), [tried(each / 10, each / 10 + 0.01) for each in range(50)])
    assert written(early) == "no outage seen in 50 attempts"
    assert written(early.since_order(NOON, NOON + at(64.9))) == "no outage seen in 50 attempts (not watched for 60.0 s)"


def stand(at_least: float, at_most: float, fate: Fate = Fate.SURVIVED, lane: int = 1) -> KeptSession:
    """In an outage of two seconds from NOON on."""
    still = {"since": NOON, "until": NOON + at(at_most), "at_least": at(at_least)}
    made = {"lane": lane, "fate": fate, "since": NOON - SECOND, "last_ok_at": NOON + at(9), "longest": still}
    gone = {"last_ok_at": NOON, "dropped_by": NOON + SECOND if fate is Fate.DROPPED else None}
    return KeptSession.model_validate(made | (gone if fate in (Fate.DROPPED, Fate.LOST) else {}))


def held_by(*sessions: KeptSession) -> Measurement:
    return measure(US, "writer", (US,), []).model_copy(update={"held": sessions, "outages": (fell(0, 2),)})


def zdp(ms: int = 800, preserved: int = 3, dropped: int = 0) -> str:
    return ZDP.format(ms=ms, preserved=preserved, dropped=dropped)


def test_what_the_cluster_and_its_instance_say_is_one_claim() -> None:
    said = [rds_said(zdp(), NOON + at(each)).event for each in (0, 1, 600)]
    failed = rds_said("Attempt to upgrade the database instance 'orders-us-1' with zero downtime finished.", NOON).event
    found = claims([*said, failed, rds_said("DB instance restarted", NOON).event])
    assert [each.at for each in found] == [NOON, NOON + at(600)]
    assert found[0] == Claim(at=NOON, region=US, took=at(0.8), preserved=3, dropped=0)


@pytest.mark.parametrize(
    ("message", "sessions", "agreement"),
    [
        (zdp(), [stand(0.5, 1.3)], Agreement.YES),
        (zdp(dropped=1), [stand(0, 0.1, Fate.DROPPED)], Agreement.YES),
        (zdp(), [stand(0, 0.1, Fate.DROPPED)], Agreement.NO),
        (zdp(preserved=0), [stand(0.5, 1.3)], Agreement.NO),
        (zdp(ms=100), [stand(1.2, 1.3)], Agreement.NO),
        (zdp(), [stand(1.2, 1.3, Fate.LOST)], Agreement.CANNOT_TELL),
        (zdp(), [], Agreement.CANNOT_TELL),
    ],
)
def test_a_claim_agrees_with_what_sessions_saw_or_not(
    message: str, sessions: list[KeptSession], agreement: Agreement
) -> None:
    (found,) = compared([rds_said(message, NOON).event], [held_by(*sessions)])
    assert found.agreement is agreement
    assert bool(found.why) is (agreement is not Agreement.YES)


def connected(since: float, until: float, *refused: tuple[float, float]) -> list[Use]:
    """New connections, ten a second, refused in these times."""
    steps = [each / 10 for each in range(round(since * 10), round(until * 10))]
    lane = Lane(endpoint="e", way=Way.CONNECT)
    outcomes = [REFUSED if any(a <= each < b for a, b in refused) else OK for each in steps]
    return [Use(lane=lane, attempt=tried(step, step + 0.01, each)) for step, each in zip(steps, outcomes, strict=True)]


def claimed(seconds: float, uses: list[Use], **figures: int) -> tuple[Agreement, int, int, tuple[str, ...]]:
    """Of one that RDS said that long after NOON, with how many were preserved and dropped around then."""
    measured = measure_ways(US, "writer", (US,), uses, NOON)
    (found,) = compared([rds_said(zdp(**figures), NOON + at(seconds)).event], [measured])
    return found.agreement, found.held.preserved, found.held.dropped, found.why


def test_what_came_long_after_a_claim_is_none_of_its_business() -> None:
    """An administrator ends the session two minutes after the restart that preserved it."""
    ended = [*SURVIVED, *calm(14, 130), used(tried(130, 130.1, RESET, "cut", "57P01")), *calm(131, 140, session=2)]
    uses = [*connected(0, 140, (10.1, 11.4)), *ended]
    assert claimed(11.5, uses) == (Agreement.YES, 1, 0, ())
    assert claimed(131, uses)[:3] == (Agreement.CANNOT_TELL, 0, 1), "and where none was seen down it may be no restart"
    assert claimed(60, uses) == (Agreement.YES, 1, 0, ())


def test_a_black_hole_elsewhere_does_not_make_a_claim_wrong() -> None:
    """Which lasts longer than the restart that is claimed, so it is the one that is remembered of the session."""
    swallowed = [*calm(11.6, 40), used(tried(40, 44)), *calm(44.1, 60)]
    uses = [*connected(0, 60, (10.1, 11.4), (40, 43.9)), *SURVIVED[:101], *swallowed]
    assert claimed(11.5, uses, ms=900) == (Agreement.YES, 1, 0, ())
    agreement, _, _, why = claimed(43, uses, ms=900)
    assert agreement is Agreement.NO
    assert "stood still for at least 3.4 s" in why[0]


def test_who_was_dropped_before_rds_began_is_none_of_its_business() -> None:
    """The server says that it is starting up, and ends its session; then RDS restarts it, and that is one outage."""
    ended = [*calm(0, 10.2), used(tried(10.2, 10.3, RESET, "cut")), *calm(14, 30, session=2)]
    uses = [*connected(0, 30, (10.1, 12.4)), *ended]
    measured = measure_ways(US, "writer", (US,), uses, NOON)

    def found(began: float) -> tuple[Agreement, int, int]:
        said = [rds_said(TRY, NOON + at(began)).event, rds_said(zdp(preserved=0), NOON + at(12.4)).event]
        (one,) = compared(said, [measured])
        return one.agreement, one.held.dropped, one.held.lost

    assert found(11.7) == (Agreement.CANNOT_TELL, 0, 0)
    assert found(10.25) == (Agreement.CANNOT_TELL, 0, 1), "before it or after it"
    assert found(9) == (Agreement.NO, 1, 0)


def test_of_two_outages_at_once_nobody_knows_which_one_a_claim_speaks_of() -> None:
    dropped = [*SURVIVED[:101], *calm(11.6, 13), used(tried(13, 13.1, RESET, "cut")), *calm(15, 30, session=2)]
    uses = [*connected(0, 30, (10.1, 11.4), (13, 14)), *dropped]
    agreement, _, _, why = claimed(12, uses)
    assert agreement is Agreement.CANNOT_TELL
    assert "several outages" in why[0]


def test_a_claim_of_a_place_that_nobody_measured_cannot_be_compared() -> None:
    elsewhere = held_by(stand(0.5, 1.3)).model_copy(update={"region": AP})
    (found,) = compared([rds_said(zdp(), NOON).event], [elsewhere])
    assert found.agreement is Agreement.CANNOT_TELL


def row(start: float, end: float, written: float) -> Attempt:
    return tried(start, end, said=f"{written:.6f}")


def test_a_reader_is_behind_by_what_was_written_before_it_read() -> None:
    writes = [row(0, 0.1, 100), row(1, 1.1, 101), row(2, 2.1, 102)]
    assert row_lag(writes, [row(2.5, 2.6, 102)]) == Lag(at_least=timedelta(), at=None, reads=1)
    lag = row_lag(writes, [row(2.5, 2.6, 102), row(3, 3.1, 100), row(3.05, 3.2, 101)])
    assert lag == Lag(at_least=at(1.9), at=NOON + at(3), reads=3)
    assert row_lag(writes, [tried(5, 5.1, said="")]) == Lag(at_least=at(4.9), at=NOON + at(5), reads=1)
    assert row_lag([], [row(1, 2, 3)]) is None
    assert row_lag(writes, [tried(1, 2, REFUSED)]) is None


def test_a_clock_of_the_server_that_is_set_back_makes_no_lag() -> None:
    """Each is read at once, so nothing is behind; and 100 stands there no more when 97 is read."""
    told = [(1, 100), (2, 95), (3, 96), (4, 97)]
    writes = [row(each, each + 0.01, shown) for each, shown in told]
    assert row_lag(writes, [row(each + 0.5, each + 0.6, shown) for each, shown in told]) == Lag(
        at_least=timedelta(), at=None, reads=4
    )
    lag = row_lag([*writes, row(10, 10.01, 103)], [row(12, 12.1, 97)])
    assert lag is not None
    assert lag.at_least == at(1.99), "after that it is newer whatever came"


def test_a_write_without_an_answer_may_have_written_anything() -> None:
    writes = [row(1, 1.01, 100), row(2, 2.01, 101), tried(3, 8, TIMEOUT), row(9, 9.01, 108)]
    read = row(10, 10.1, 100)
    assert row_lag(writes, [read]) == Lag(at_least=at(0.99), at=NOON + at(10), reads=1)
    assert row_lag(writes, [row(2.5, 2.6, 100)]) == Lag(at_least=at(0.49), at=NOON + at(2.5), reads=1)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(-60, 60), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 60)), min_size=1, max_size=6),
)  # fmt: skip
def test_no_reader_is_called_further_behind_than_it_was(
    made: list[tuple[int, int, bool, int]], looks: list[tuple[int, int]]
) -> None:
    """Each write takes the slot of its session, by a clock that is set at will, and may get no answer though it was done."""
    now, slots, history, writes = 1, dict[int, int](), [(-1000, 0)], list[Attempt]()
    for pause, clock, answered, slot in made:
        now += pause + 2
        slots[slot] = 1000 + now + clock
        history.append((now + 1, max(slots.values())))
        writes.append(row(now, now + 2, slots[slot]) if answered else tried(now, now + 2, TIMEOUT))
    for start, behind in looks:
        shown = [value for done, value in history if done <= start - behind][-1]
        lag = row_lag(writes, [row(start, start + 1, shown) if shown else tried(start, start + 1, said="")])
        assert lag is None or lag.at_least <= at(behind)
