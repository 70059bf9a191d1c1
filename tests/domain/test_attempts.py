"""An attempt keeps its bounds true, and is small when stored."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import LONGEST_DETAIL, Attempt, Outcome
from bot.domain.phases import Phases

NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)
US = timedelta(microseconds=1)
moments = st.datetimes(min_value=datetime(1969, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_stamps_are_rounded_outward_to_the_millisecond() -> None:
    attempt = Attempt(start=NOON + 1_999 * US, end=NOON + 2_001 * US, outcome=Outcome.OK, version="17.5.4")
    assert (attempt.start, attempt.end) == (NOON + 1_000 * US, NOON + 3_000 * US)
    assert attempt.duration == timedelta(milliseconds=2)


@given(moments, moments)
def test_the_true_stamps_are_always_inside(one: datetime, other: datetime) -> None:
    start, end = sorted((one, other))
    attempt = Attempt(start=start, end=end, outcome=Outcome.REFUSED)
    assert start - 1_000 * US < attempt.start <= start <= end <= attempt.end < end + 1_000 * US


micros = st.none() | st.integers(0, 10**8)
phased = st.builds(Phases, micros, micros, micros, micros, micros)
places = st.lists(st.ip_addresses().map(str), max_size=3).map(tuple)


@given(
    moments, st.timedeltas(timedelta(), timedelta(hours=1)), st.sampled_from(Outcome), st.text(),
    st.sampled_from(["", "57P03"]), phased, places,
)  # fmt: skip
def test_a_stored_attempt_comes_back_as_it_was(
    start: datetime, took: timedelta, outcome: Outcome, said: str, code: str, phases: Phases, addresses: tuple[str, ...]
) -> None:
    kept = {"version": said} if outcome.proves_up else {"detail": said}
    attempt = Attempt(
        start=start, end=start + took, outcome=outcome, sqlstate=code, phases=phases, addresses=addresses, **kept
    )  # fmt: skip
    assert Attempt.from_row(json.loads(json.dumps(attempt.to_row()))) == attempt
    assert Attempt.model_validate_json(attempt.model_dump_json()) == attempt


def test_a_row_is_short() -> None:
    attempt = Attempt(start=NOON, end=NOON + 31_000 * US, outcome=Outcome.OK, version="17.5.4")
    assert attempt.to_row() == [1775908800000, 1775908800031, "ok", "17.5.4"]
    told = attempt.model_copy(update={"phases": Phases(connect=210, tls=1900), "addresses": ("10.0.1.5",)})
    assert told.to_row()[4:] == [["10.0.1.5", None, 210, 1900]]


def test_later_columns_of_a_row_are_left_alone() -> None:
    attempt = Attempt(start=NOON, end=NOON, outcome=Outcome.REFUSED, detail="Connection refused")
    assert Attempt.from_row([*attempt.to_row(), {"new": "thing"}]) == attempt
    timed = attempt.model_copy(update={"phases": Phases(connect=210)})
    assert Attempt.from_row([*timed.to_row(), {"new": "thing"}, ["newer"]]) == timed


@pytest.mark.parametrize(
    "row",
    [
        [],
        [1, 2, "ok"],
        [1, 2, "fine", ""],
        ["1", 2, "ok", ""],
        [1, 2, "ok", "", [1, 2, 3, 4, 5, 6]],
        [1, 2, "ok", "", [{}]],
        [2, 1, "ok", ""],
        [1, 10**20, "ok", ""],
    ],
)
def test_a_row_that_is_none_is_a_value_error(row: list[object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever it says
        Attempt.from_row(row)


def test_stamps_are_utc_and_a_naive_one_is_refused() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert Attempt(start=NOON.astimezone(tokyo), end=NOON, outcome=Outcome.OK).start.tzinfo is UTC
    with pytest.raises(ValueError, match="timezone"):
        Attempt(start=NOON.replace(tzinfo=None), end=NOON, outcome=Outcome.OK)


def test_a_detail_is_one_short_line() -> None:
    detail = Attempt(start=NOON, end=NOON, outcome=Outcome.OTHER, detail="one\n\ttwo \0" + "x" * 500).detail
    assert detail.startswith("one two xxx")
    assert detail.endswith("x…")
    assert len(detail) == LONGEST_DETAIL


def test_every_outcome_proves_one_thing() -> None:
    for outcome in Outcome:
        assert outcome.proves_up + outcome.proves_down + outcome.proves_nothing == 1
    nothing = {Outcome.DNS, Outcome.AUTH, Outcome.TLS, Outcome.OURS}
    assert {each for each in Outcome if each.proves_nothing} == nothing
    assert {each for each in Outcome if each.proves_up} == {Outcome.OK}
