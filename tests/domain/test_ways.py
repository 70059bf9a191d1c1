"""The ways of using an endpoint: which ones there are where, and how they are written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome
from bot.domain.topology import Endpoint
from bot.domain.ways import CONTROL, Lane, Use, Way, beside
from tests.domain.making import NOON, SECOND, US


def endpoint(use: str) -> Endpoint:
    return Endpoint(region=US, use=use, host="h", port=5432)


@pytest.mark.parametrize(
    ("use", "held", "writes", "lanes"),
    [
        ("writer", 3, False, ["held-1", "held-2", "held-3"]),
        ("writer", 0, True, ["write"]),
        ("reader", 3, True, ["held-1", "row"]),
        ("reader", 0, False, []),
        ("orders-us-1", 3, True, ["held-1"]),
    ],
)
def test_each_endpoint_has_its_ways(use: str, held: int, writes: bool, lanes: list[str]) -> None:
    found = beside(endpoint(use), held, writes=writes)
    assert [each.name for each in found] == lanes
    assert {each.endpoint for each in found} <= {f"us-east-1/{use}"}


@given(st.sampled_from(Way), st.integers(0, 99), st.integers(0, 9), st.sampled_from([Outcome.OK, Outcome.RESET]))
def test_a_use_comes_back_as_it_was_written_down(way: Way, number: int, session: int, outcome: Outcome) -> None:
    lane = CONTROL if way is Way.CONTROL else Lane(endpoint="e", way=way, number=number)
    use = Use(lane=lane, attempt=Attempt(start=NOON, end=NOON + SECOND, outcome=outcome), session=session)
    assert Use.from_row("e", use.to_row()) == use


@pytest.mark.parametrize("row", [[], ["held-1", 1], ["mars", 1, [0, 0, "ok", ""]], [None, 1, []], ["held-1", 1, 7]])
def test_what_is_no_use_is_not_read(row: list[object]) -> None:
    with pytest.raises(ValueError, match=r"is not|is no"):
        Use.from_row("e", row)
