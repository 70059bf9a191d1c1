"""The downtime budget: what is certain of it, and how it is written."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bot.domain.budget import Budget, Kept, kept, kept_at, kept_by_all, read, stricter, written
from bot.domain.errors import Refused
from bot.domain.measurement import Measurement
from bot.domain.policy import Rule, check_budget
from bot.domain.story import tell
from bot.domain.timeline import Approved
from bot.domain.upgrade import Upgrade
from bot.messages.rules import rule_changes
from tests.domain.making import MINA, NOON, SECOND, US, outage, proposal, proposed, rule, unwatched

times = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=1))
budgets = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(hours=1))


def measured(**other: object) -> Measurement:
    made: dict[str, object] = {
        "region": US, "use": "writer", "vantage": US, "since": NOON, "until": NOON, "attempts": 9, "failed": 3,
        "unknown": 0, "outages": (outage(10, 12.7),), "resolution": SECOND / 2,
    }  # fmt: skip
    return Measurement.model_validate(made | other)


def under(budget: float | None) -> Rule:
    return rule().model_copy(update={"budget": None if budget is None else budget * SECOND})


@given(times, times, times, budgets)
def test_a_verdict_holds_wherever_within_the_bounds_the_truth_is(
    one: timedelta, other: timedelta, truth: timedelta, budget: timedelta
) -> None:
    at_least, at_most = sorted((one, other))
    assume(at_least <= truth <= at_most)
    assert kept(at_least, at_most, budget) in {Kept.CANNOT_TELL, Kept.YES if truth <= budget else Kept.NO}


@given(times, times | st.none(), budgets)
def test_it_cannot_tell_only_where_both_may_be_true(
    at_least: timedelta, at_most: timedelta | None, budget: timedelta
) -> None:
    assume(at_most is None or at_least <= at_most)
    both = at_least <= budget and (at_most is None or at_most > budget)
    assert (kept(at_least, at_most, budget) is Kept.CANNOT_TELL) == both


@given(times, budgets)
def test_what_never_came_back_breaks_it_or_cannot_be_told(at_least: timedelta, budget: timedelta) -> None:
    assert kept(at_least, None, budget) is (Kept.NO if at_least > budget else Kept.CANNOT_TELL)


STILL_DOWN = outage(10, 12.7).model_copy(update={"ended_by": None, "first_ok_at": None})


@pytest.mark.parametrize(
    ("one", "seconds", "verdict"),
    [
        (measured(), 2.8, Kept.YES),
        (measured(), 2.79, Kept.CANNOT_TELL),
        (measured(), 2.6, Kept.CANNOT_TELL),
        (measured(), 2.59, Kept.NO),
        (measured(outages=(STILL_DOWN,)), 2.5, Kept.NO),
        (measured(outages=(STILL_DOWN,)), 60, Kept.CANNOT_TELL),
        (measured(outages=()), 0.5, Kept.YES),
        (measured(outages=()), 0.4, Kept.CANNOT_TELL),  # one that long may have gone unseen
        (measured(outages=(), resolution=None), 60, Kept.CANNOT_TELL),
        (measured(outages=(), unobserved=(unwatched(20, 30),)), 9, Kept.CANNOT_TELL),
        (measured(outages=(), since=None), 60, Kept.CANNOT_TELL),
    ],
)  # fmt: skip
def test_an_endpoint_keeps_it_breaks_it_or_nobody_can_tell(one: Measurement, seconds: float, verdict: Kept) -> None:
    assert kept_at(one, seconds * SECOND) is verdict


@given(st.lists(st.sampled_from(Kept)))
def test_it_is_kept_by_all_or_it_is_not_kept(verdicts: list[Kept]) -> None:
    overall = kept_by_all(verdicts)
    assert (overall is Kept.NO) == (Kept.NO in verdicts)
    assert (overall is Kept.YES) == (bool(verdicts) and all(each is Kept.YES for each in verdicts))


@given(st.integers(min_value=1, max_value=86_400_000))
def test_what_is_written_can_be_read_again(milliseconds: int) -> None:
    budget = timedelta(milliseconds=milliseconds)
    assert read(written(budget)) == budget


@pytest.mark.parametrize(
    ("text", "shown"),
    [("5 s", "5 s"), (" 5s ", "5 s"), ("800ms", "800 ms"), ("2.50 S", "2.5 s"), ("60 s", "1 min"), ("0.5 min", "30 s")],
)
def test_how_it_may_be_written(text: str, shown: str) -> None:
    assert written(read(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5 s", "5 h", "five seconds", "1e3 s", "9999999 s", "1441 min", "5 s x", "٥ h"]
)
def test_anything_else_is_no_budget(text: str) -> None:
    with pytest.raises(
        ValueError, match="a downtime budget is a time of at most 1 day with its unit, for instance 5 s"
    ):
        read(text)


@pytest.mark.parametrize("text", ["0 s", "0.0 min", "0.000001 ms"])
def test_none_at_all_can_never_be_kept(text: str) -> None:
    with pytest.raises(ValueError, match="could never be kept"):
        read(text)


def test_in_a_record_it_is_a_number_and_in_a_rule_it_has_its_unit() -> None:
    adapter = TypeAdapter[timedelta](Budget)
    assert adapter.validate_json("5.0") == adapter.validate_python("5 s") == 5 * SECOND
    with pytest.raises(ValueError, match="has a unit"):
        adapter.validate_python(5)


def test_a_rule_of_before_there_were_budgets_reads_as_it_was() -> None:
    old = rule()
    assert (old.version, under(5).version != old.version) == ("9e0a98a", True)
    assert "budget" not in (text := old.model_dump_json(exclude={"budget"}))
    assert Rule.model_validate_json(text) == old
    assert Rule.model_validate_json(under(5).model_dump_json()) == under(5)
    assert rule_changes(under(None), under(5)) == "downtime budget none → 5 s"


@pytest.mark.parametrize("asked", [None, 4 * SECOND, 5 * SECOND])
def test_a_proposal_may_ask_for_less(asked: timedelta | None) -> None:
    check_budget(under(5), asked)
    check_budget(under(None), asked)


def test_a_proposal_may_not_allow_itself_more() -> None:
    with pytest.raises(
        Refused, match=r"for `orders` has a downtime budget of 5 s, so a proposal can ask for less, and not for 6 s"
    ):
        check_budget(under(5), 6 * SECOND)


@given(st.lists(budgets | st.none()))
def test_the_stricter_one_holds(several: list[timedelta | None]) -> None:
    there = [each for each in several if each]
    assert stricter(*several) == (min(there) if there else None)


def test_a_rule_that_changes_before_the_order_changes_the_budget() -> None:
    first = proposed(under=under(5)).model_copy(update={"own_budget": 4 * SECOND})
    again = Approved(at=NOON, by=MINA, digest=first.plan.digest, count=1, needed=1, rule=under(3))
    assert (tell((first,)).budget, tell((first, again)).budget) == (4 * SECOND, 3 * SECOND)


def test_records_of_before_there_were_budgets_are_read() -> None:
    upgrade, (entry,) = proposal()
    new = {"own_budget", "expectation", "slower_at"}
    assert Upgrade.model_validate_json(upgrade.model_dump_json(exclude=new)) == upgrade
    assert type(entry).model_validate_json(entry.model_dump_json(exclude=new)) == entry
