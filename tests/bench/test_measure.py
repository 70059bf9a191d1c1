"""What the figures of the instrument are made of: a table, a plan, a judgement, a slip."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from bot.domain.attempts import Attempt, Outcome
from bot.domain.watched import Watched, watched
from bot.domain.ways import Lane, Use, Way
from sandbox.aurora.outage import Kind
from tests.bench.measure.figure import Figure, all_met, table
from tests.bench.measure.judging import Spell, judge
from tests.bench.measure.plan import LONGEST, SHORTEST, plan
from tests.bench.measure.slip import slips

NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)
LANE = Lane(endpoint="db", way=Way.CONNECT)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_table_says_which_goals_are_missed_and_what_one_must_know() -> None:
    figures = [
        Figure("width", "≤ 0.25 s", "0.223 s", is_met=True),
        Figure("slip", "≤ 50 ms", "70 ms", is_met=False, notes=("reached with 20 endpoints",)),
        Figure("silence", "reported", "2 s"),
    ]
    assert list(table(figures)) == [
        "| figure  | goal     | came to |         |",
        "|---------|----------|---------|---------|",
        "| width   | ≤ 0.25 s | 0.223 s | met     |",
        "| slip    | ≤ 50 ms  | 70 ms   | NOT met |",
        "| silence | reported | 2 s     |         |",
        "slip: reached with 20 endpoints",
    ]
    assert not all_met(figures)
    assert all_met([figures[0], figures[2]])


def test_a_seed_orders_the_same_outages_and_all_doors_are_done_at_about_the_same_time() -> None:
    queues = plan(200, 7, 6)
    assert queues == plan(200, 7, 6)
    ordered = sorted(chain.from_iterable(queues), key=lambda each: each.number)
    assert [each.number for each in ordered] == list(range(200))
    assert [each.outage.kind for each in ordered[:5]] == list(Kind)
    assert all(SHORTEST <= each.seconds <= LONGEST for each in ordered)
    lasting = [sum(each.calm + each.seconds for each in queue) for queue in queues]
    assert max(lasting) - min(lasting) < LONGEST + 5


def test_fewer_outages_of_a_seed_are_the_first_of_more() -> None:
    fewer, more = (sorted(chain.from_iterable(plan(n, 7, 3)), key=lambda each: each.number) for n in (10, 50))
    assert fewer == more[:10]


def seen(down: Sequence[Spell], rate: float = 10, until: float = 10) -> Watched:
    """Attempts that are answered at once, by an endpoint that refuses in these times."""
    starts = [at(number / rate) for number in range(round(until * rate))]
    uses = [Use(lane=LANE, attempt=_attempt(start, down)) for start in starts]
    return watched(uses)[0]


def _attempt(start: datetime, down: Sequence[Spell]) -> Attempt:
    is_down = any(since <= start < until for since, until in down)
    outcome = Outcome.REFUSED if is_down else Outcome.OK
    return Attempt(start=start, end=start + timedelta(milliseconds=5), outcome=outcome)


def test_the_truth_is_inside_bounds_that_leave_open_two_steps_of_the_schedule() -> None:
    spell = (at(3.03), at(5.08))
    verdict = judge([spell], seen([spell]))
    assert verdict.wrong == ()
    assert verdict.width == timedelta(seconds=0.21)


def test_what_fell_between_two_attempts_may_be_as_long_as_what_goes_unseen() -> None:
    spell = (at(3.03), at(3.08))
    assert judge([spell], seen([spell])) == judge([spell], seen([]))
    assert judge([spell], seen([])).wrong == ()
    assert judge([spell], seen([])).width == timedelta(seconds=0.105)


def test_the_width_of_one_that_flaps_is_shared_among_its_spells() -> None:
    spells = [(at(2.03), at(2.53)), (at(3.03), at(3.53))]
    verdict = judge(spells, seen(spells))
    assert (verdict.wrong, verdict.width) == ((), timedelta(seconds=0.21))


@pytest.mark.parametrize(
    ("truth", "measured", "wrong"),
    [
        ((3.03, 5.08), [], "nothing reported holds the 2.050 s"),
        ((8.01, 8.02), [(3.03, 5.08)], "an outage of at least 1.895 s"),
        ((3.03, 4.5), [(3.03, 5.08)], "1.470 s are not 1.895 s to"),
        ((3.5, 5.08), [(3.03, 5.08)], "it began at 2026-04-11T12:00:03.500000+00:00, not by"),
        ((2.5, 5.08), [(3.03, 5.08)], "nothing reported holds the 2.580 s"),
    ],
)
def test_a_truth_outside_the_bounds_is_told(
    truth: tuple[float, float], measured: list[tuple[float, float]], wrong: str
) -> None:
    verdict = judge([(at(truth[0]), at(truth[1]))], seen([(at(began), at(ended)) for began, ended in measured]))
    assert any(each.startswith(wrong) for each in verdict.wrong), verdict.wrong


def test_one_whose_beginning_nobody_saw_has_no_bound_there() -> None:
    spell = (at(-1), at(2.03))
    assert judge([spell], seen([spell])).wrong == ()


STEP = timedelta(seconds=0.1)


@pytest.mark.parametrize(
    ("starts", "late"),
    [
        ([0.0, 0.1, 0.2], [0.0, 0.0, 0.0]),
        ([0.0, 0.13, 0.2], [0.0, 0.03, 0.0]),  # the one after is on time again
        ([0.0, 0.35, 0.45], [0.0, 0.25, 0.0]),  # two were skipped
        ([0.02, 0.1, 0.2], [0.0, 0.0, 0.0]),  # the first was late: the second shows it
    ],
)
def test_an_attempt_is_late_by_the_schedule_of_those_before_it(starts: list[float], late: list[float]) -> None:
    assert [each.total_seconds() for each in slips([at(each) for each in starts], STEP)] == late
