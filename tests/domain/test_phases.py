"""Of which attempts the phases and addresses are kept."""

import json
from datetime import timedelta

import pytest

from bot.domain.attempts import Attempt, Outcome
from bot.domain.phases import NO_PHASES, Phases, Sample
from tests.domain.making import NOON, SECOND

MS = timedelta(milliseconds=1)
FAILED = Outcome.REFUSED
PHASES = Phases(800, 212, 1904, 2410, 187)
HERE, THERE = ("10.0.1.5",), ("10.0.2.7",)


def tried(
    at: float, outcome: Outcome = Outcome.OK, lasting: timedelta = 5 * MS, addresses: tuple[str, ...] = HERE
) -> Attempt:
    start, version = NOON + at * SECOND, "18.6.1" if outcome.proves_up else ""
    return Attempt(
        start=start, end=start + lasting, outcome=outcome, phases=PHASES, addresses=addresses, version=version
    )  # fmt: skip


def kept(*attempts: Attempt) -> list[bool]:
    sample = Sample()
    return [sample.of(each) == each for each in attempts]


def test_of_quick_successes_one_a_second_keeps_its_phases() -> None:
    assert kept(tried(0), tried(0.1), tried(0.9), tried(1), tried(0.95), tried(1.1)) == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "telling",
    [tried(0.1, FAILED), tried(0.1, lasting=100 * MS), tried(0.1, addresses=THERE)],
    ids=["failed", "slow", "moved"],
)
def test_what_somebody_will_look_at_keeps_them_always(telling: Attempt) -> None:
    assert kept(tried(0), telling) == [True, True]


def test_a_name_that_leads_to_several_places_in_turn_keeps_each_once_a_second() -> None:
    turns = [tried(each / 10, addresses=THERE if each % 2 else HERE) for each in range(20)]
    assert [each for each, is_kept in enumerate(kept(*turns)) if is_kept] == [0, 1, 10, 11]


def test_what_is_thinned_is_the_same_but_for_that() -> None:
    sample = Sample()
    sample.of(tried(0))
    assert sample.of(tried(0.1)) == tried(0.1).model_copy(update={"phases": NO_PHASES, "addresses": ()})


def test_ten_minutes_of_eight_endpoints_at_ten_a_second_stay_small() -> None:
    """In bytes of JSON, as rows are stored."""
    sample = Sample()
    rows = [sample.of(tried(each / 10)).to_row() for each in range(6000)]
    size = 8 * len(json.dumps(rows, separators=(",", ":")))
    assert size < 2_600_000
