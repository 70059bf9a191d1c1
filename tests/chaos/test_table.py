"""What many runs came to: whatever went wrong in one of them is in the table, and in the status to exit with."""

from pathlib import Path

import pytest

from tests.chaos import storm as storms
from tests.chaos.run import Run, Table, side_by_side

SOUND = Run(composition="seed 1", ending="succeeded", orders=1)


def told(*runs: Run) -> dict[str, str]:
    """The figures of the table by their names."""
    return {row[:46].rstrip(): row[46:].strip() for row in Table(list(runs)).rows()}


def test_runs_in_which_all_held_exit_with_0() -> None:
    assert Table([SOUND, SOUND]).status == 0
    assert told(SOUND, SOUND)["how they ended"] == "2 succeeded"
    assert Table().status == 0


@pytest.mark.parametrize(
    ("run", "row", "sentence"),
    [
        (Run(lost=("a line",)), "entries lost", "lost: a line"),
        (Run(doubled=("a line",)), "replies doubled", "told twice: a line"),
        (Run(card_differs=True), "cards that differ from their timeline", "the card is not the fold of its timeline"),
        (Run(unfinished=1), "upgrades not finished", "it is not finished, or not told to the end"),
        (Run(faults=("entry 3: gone",)), "timelines with an audit fault", "audit: entry 3: gone"),
        (Run(broken=("no card was seen",)), "runs in which a law broke", "no card was seen"),
        (Run(unjudged="no world"), "runs that could not be judged", "could not be judged: no world"),
    ],
)
def test_one_thing_wrong_in_one_run_is_counted_said_and_exits_with_1(run: Run, row: str, sentence: str) -> None:
    assert (told(SOUND, run)[row], told(SOUND)[row]) == ("1", "0")
    assert run.laws_broken == (sentence,)
    assert Table([SOUND, run, SOUND]).status == 1


def test_two_orders_are_a_law_broken() -> None:
    twice = Run(orders=2)
    assert (twice.laws_broken, Table([twice]).status) == (("2 orders were accepted",), 1)
    assert told(SOUND, twice)["orders accepted per upgrade, at most"] == "2"


def test_what_could_not_be_judged_counts_for_no_law_and_no_ending() -> None:
    rows = told(SOUND, Run(unjudged="no world"), Run(lost=("a line",), ending="succeeded"))
    assert (rows["runs"], rows["runs that could not be judged"], rows["runs in which a law broke"]) == ("3", "1", "1")
    assert rows["how they ended"] == "2 succeeded"


async def breaks(_: int) -> Run:
    raise KeyError("at_least")


async def test_a_judge_that_breaks_is_told_of_that_run_alone() -> None:
    played = [run async for _, run in side_by_side(1, breaks, iter([(1,), (2,)]))]
    assert all("KeyError: 'at_least'" in run.unjudged for run in played)
    assert Table(played).status == 1


async def test_a_storm_that_could_not_be_judged_says_which_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(storms, "storm_of", never)
    assert await storms.storm(1, 11, 1, None) == 1
    assert f"BROKEN: {storms.compose(11)}" in capsys.readouterr().out


async def never(_seed: int, _keep: Path | None) -> Run:
    raise ZeroDivisionError
