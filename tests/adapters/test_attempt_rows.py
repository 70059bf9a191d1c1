"""Rows of attempts as text, and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.adapters.attempt_rows import packed, unpacked

STEADY: list[list[Any]] = [[1_775_000_000_000 + 250 * n, 1_775_000_000_006 + 250 * n, "ok", "17.5.4"] for n in range(3)]


def test_little_is_left_of_attempts_that_follow_each_other_at_a_steady_pace() -> None:
    assert packed(STEADY) == 'd[[[1775000000000,1775000000006,"ok","17.5.4"]],[250,250],[250,250]]'


def test_what_differs_is_written_and_what_has_another_shape_stands_whole() -> None:
    start = STEADY[-1][0]
    rows = [
        *STEADY,
        [start + 250, start + 254, "refused", "Connection refused"],
        [start + 500, start + 504, "refused", "Connection refused"],
        [start + 750, start + 760, "starting_up", "the database system is starting up", "57P03", ["10.0.0.1", 800]],
        [start + 990, start + 999, "ok", "18.6.1"],
    ]
    assert packed(rows).endswith(
        '[250,248,"refused","Connection refused"],[250,250],'
        '[[1775000001250,1775000001260,"starting_up","the database system is starting up","57P03",["10.0.0.1",800]]],'
        '[[1775000001490,1775000001499,"ok","18.6.1"]]]'
    )
    assert unpacked(packed(rows)) == rows


COLUMN = some.integers() | some.text(max_size=3)
ROW = some.builds(
    lambda first, more: [first, *more], COLUMN, some.lists(COLUMN | some.lists(COLUMN, max_size=2), max_size=4)
)


@given(some.lists(ROW, max_size=6))
def test_whatever_is_packed_comes_back(rows: list[list[Any]]) -> None:
    assert unpacked(packed(rows)) == rows


def test_plain_rows_of_earlier_versions_are_read() -> None:
    assert unpacked(json.dumps(STEADY)) == STEADY


@pytest.mark.parametrize("text", ["", "d", "d[[1]]", "d[[[1]],[1,2]]", "d{", "dd", "d1", "d[1]"])
def test_what_is_none_is_an_error_that_readers_expect(text: str) -> None:
    with pytest.raises((TypeError, ValueError, LookupError)):
        unpacked(text)
