"""Where a name leads: told when it leads elsewhere, and never so often that nobody reads it."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.addresses import MOST, Addresses
from bot.domain.attempts import Attempt, Outcome
from bot.domain.timeline import Moved
from bot.domain.topology import Endpoint
from tests.domain.making import NOON, SECOND, US, tried

WRITER = Endpoint(region=US, use="writer", host="orders.cluster-x", port=5432)
READER = Endpoint(region=US, use="reader", host="orders.cluster-ro-x", port=5432)
A, B, C = "10.0.1.5", "10.0.2.7", "10.0.3.9"


def at(second: float, *addresses: str, outcome: Outcome = Outcome.OK) -> Attempt:
    return tried(second, outcome).model_copy(update={"addresses": addresses})


def moves(endpoint: Endpoint, attempts: Iterable[Attempt], ordered: float | None = 0) -> list[Moved]:
    known, ordered_at = Addresses(), None if ordered is None else NOON + ordered * SECOND
    return [move for each in attempts for _, move in known.moves(endpoint, US, each, ordered_at)]


def told(endpoint: Endpoint, *attempts: Attempt, ordered: float | None = 0) -> list[tuple[float, str, str]]:
    found = moves(endpoint, attempts, ordered)
    return [((each.at - NOON) / SECOND, "+".join(each.was), "+".join(each.now)) for each in found]


def test_a_writer_that_fails_over_and_back_is_told_both_times() -> None:
    assert told(WRITER, at(0, A), at(1, A), at(2, B), at(3, B), at(4, A)) == [(2, A, B), (4, B, A)]


def test_a_failure_shows_where_a_name_leads_as_well() -> None:
    assert told(WRITER, at(0, A), at(1, B, outcome=Outcome.REFUSED)) == [(1, A, B)]


def test_what_an_attempt_does_not_know_is_no_move() -> None:
    assert told(WRITER, at(0, A), at(1, outcome=Outcome.DNS), at(2), at(3, A)) == []


def test_several_addresses_are_a_set() -> None:
    assert told(WRITER, at(0, A, B), at(1, B, A), at(2, B, C)) == [(2, f"{A}+{B}", f"{B}+{C}")]


@given(st.randoms(use_true_random=False))
def test_a_reader_endpoint_that_names_its_readers_in_turn_tells_each_once(random: Random) -> None:
    """TTL 1 s: hundreds of answers, and at most two of them are new."""
    answers = [at(each / 10, random.choice([A, B, C])) for each in range(600)]
    found = moves(READER, answers)
    assert len(found) == len({one for each in answers for one in each.addresses}) - 1
    assert all(set(each.was).isdisjoint(each.now) for each in found)


@pytest.mark.parametrize("endpoint", [WRITER, READER])
def test_no_resolver_floods_a_thread(endpoint: Endpoint) -> None:
    assert len(moves(endpoint, (at(each, f"10.0.0.{each % 200}") for each in range(500)))) == MOST


def test_before_the_order_it_is_learnt_and_not_told() -> None:
    before = (at(0, A), at(1, B))
    assert told(WRITER, *before, ordered=None) == []
    assert told(WRITER, *before, at(5, C), ordered=2) == [(5, B, C)]
    assert told(READER, at(0, A), at(1, B), at(5, A), at(6, B), at(7, C), ordered=2) == [(7, f"{A}+{B}", C)]


def test_an_attempt_that_hung_meanwhile_is_old_news() -> None:
    assert told(WRITER, at(0, A), at(2, B), at(1, A, outcome=Outcome.TIMEOUT), at(3, B)) == [(2, A, B)]


@given(st.lists(st.sampled_from([(A,), (B,), (A, B), ()]), max_size=40))
def test_whoever_takes_over_finds_the_same_with_the_same_keys(answers: list[tuple[str, ...]]) -> None:
    attempts = [at(number, *each) for number, each in enumerate(answers)]

    def keys() -> list[str]:
        known = Addresses()
        return [key for each in attempts for key, _ in known.moves(WRITER, US, each, NOON)]

    assert keys() == keys()
    assert len({*keys()}) == len(keys())
