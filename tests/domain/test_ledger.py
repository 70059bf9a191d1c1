"""What is proven while attempts come in is what is proven once all are in, told as soon as it is certain."""

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome
from bot.domain.ledger import (
    CameBack,
    CanMeasure,
    CannotMeasure,
    Happening,
    Ledger,
    LookedAway,
    Standing,
    State,
    WentDown,
)
from bot.domain.observer import amid, heard
from bot.domain.outage import outages
from bot.domain.unobserved import BLINK, Unobserved, by_start, unobserved
from tests.domain.true_signal import World, at, worlds

MS = timedelta(milliseconds=1)
THE_END = datetime.max.replace(tzinfo=UTC)
OK, REFUSED, TIMEOUT, DNS, AUTH = Outcome.OK, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.DNS, Outcome.AUTH


def tried(start: int, end: int, outcome: Outcome) -> Attempt:
    """In milliseconds."""
    return Attempt(start=at(start * 1000), end=at(end * 1000), outcome=outcome)


def told(*attempts: tuple[int, int, Outcome]) -> list[str]:
    """What is said of attempts that follow each other, none waiting for another."""
    ledger, said = Ledger(), []
    for attempt in [tried(*each) for each in attempts]:
        said += [_said(each) for each in ledger.add(attempt, settled=attempt.start)]
    return said + [_said(each) for each in ledger.settle(THE_END)]


def _said(happening: Happening) -> str:
    match happening:
        case LookedAway(stretch):
            return f"LookedAway {(stretch.since - at(0)) // MS} to {(stretch.until - at(0)) // MS}"
        case CameBack(outage):
            return f"came back after {outage.failed} failed"
        case WentDown(attempt) | CannotMeasure(attempt) | CanMeasure(attempt):
            return f"{type(happening).__name__} {(attempt.start - at(0)) // MS} {attempt.outcome}"


def test_an_outage_is_told_when_it_begins_and_when_it_ends() -> None:
    assert told((0, 5, OK), (10, 11, REFUSED), (20, 21, REFUSED), (30, 35, OK), (40, 45, OK)) == [
        "CanMeasure 0 ok",
        "WentDown 10 refused",
        "came back after 2 failed",
    ]


def test_an_endpoint_that_never_answered_is_no_outage_but_cannot_be_measured() -> None:
    assert told((0, 1, REFUSED), (10, 11, REFUSED), (20, 25, OK), (30, 31, REFUSED), (40, 45, OK)) == [
        "CannotMeasure 0 refused",
        "CanMeasure 20 ok",
        "WentDown 30 refused",
        "came back after 1 failed",
    ]


def test_failures_that_may_be_ours_are_told_once_and_are_no_outage() -> None:
    assert told((0, 5, OK), (10, 11, DNS), (20, 21, AUTH), (30, 35, OK)) == [
        "CanMeasure 0 ok",
        "CannotMeasure 10 dns",
        "CanMeasure 30 ok",
    ]


def test_an_outage_in_which_our_names_do_not_resolve_is_still_one_outage() -> None:
    assert told((0, 5, OK), (10, 11, REFUSED), (20, 21, DNS), (30, 31, REFUSED), (40, 45, OK)) == [
        "CanMeasure 0 ok",
        "WentDown 10 refused",
        "CannotMeasure 20 dns",
        "CanMeasure 40 ok",
        "came back after 2 failed",
    ]


def test_a_success_that_began_before_sight_was_lost_does_not_give_it_back() -> None:
    assert told((0, 5, OK), (10, 40, OK), (20, 21, DNS), (50, 55, OK)) == [
        "CanMeasure 0 ok",
        "CannotMeasure 20 dns",
        "CanMeasure 50 ok",
    ]


def test_nothing_is_said_while_an_earlier_attempt_may_still_change_it() -> None:
    """The attempt begun at 8 hangs. Until it ends, nobody knows which failure was the first."""
    ledger = Ledger()
    ledger.add(tried(0, 5, OK), settled=at(8_000))
    assert ledger.add(tried(10, 11, REFUSED), settled=at(8_000)) == ()
    assert ledger.add(tried(20, 25, OK), settled=at(8_000)) == ()
    assert ledger.standing.state is State.UP
    down, back = ledger.add(tried(8, 29, TIMEOUT), settled=at(29_000))
    assert down == WentDown(tried(8, 29, TIMEOUT))
    assert isinstance(back, CameBack)
    assert (back.outage.failed, back.outage.first_failure_at) == (2, at(8_000))


def test_a_prober_that_takes_over_tells_how_long_nobody_looked() -> None:
    assert told((0, 5, OK), (500, 505, REFUSED), (9_000, 9_005, REFUSED), (9_500, 9_505, OK), (10_000, 10_005, OK)) == [
        "CanMeasure 0 ok",
        "WentDown 500 refused",
        "LookedAway 500 to 9005",
        "came back after 2 failed",
    ]


def test_a_slow_attempt_that_ends_late_is_no_absence() -> None:
    """All answers take three seconds; a refusal at 3,000 is judged before the answers to what began before it."""
    slow = [(start, start + 3_000, OK) for start in range(0, 3_000, 250)]
    assert told(*slow, (3_000, 3_001, REFUSED), (3_250, 3_255, OK), (3_500, 3_505, OK)) == [
        "CanMeasure 0 ok",
        "WentDown 3000 refused",
        "came back after 1 failed",
    ]


def test_one_can_ask_at_any_time_how_things_stand() -> None:
    ledger = Ledger()
    stands = [ledger.standing]
    for start, outcome in [(0, REFUSED), (10, OK), (20, OK), (30, REFUSED), (40, DNS), (50, OK), (60, DNS), (70, OK)]:
        ledger.add(tried(start, start + 2, outcome), settled=at(start * 1000 + 3_000))
        stands.append(ledger.standing)
    assert stands == [
        Standing(State.UNKNOWN, None),
        Standing(State.UNKNOWN, at(0)),
        Standing(State.UP, at(10_000)),
        Standing(State.UP, at(10_000)),
        Standing(State.DOWN, at(30_000)),
        Standing(State.DOWN, at(30_000)),
        Standing(State.UP, at(50_000)),
        Standing(State.UNKNOWN, at(60_000)),
        Standing(State.UP, at(70_000)),
    ]


def test_who_is_silent_is_down_only_once_an_answer_says_so() -> None:
    """It is told at once all the same, and a success may still show that it was slow."""
    ledger = Ledger()
    ledger.add(tried(0, 5, OK), settled=at(6_000))
    assert ledger.add(tried(10, 510, TIMEOUT), settled=at(11_000)) == (WentDown(tried(10, 510, TIMEOUT)),)
    assert ledger.standing == Standing(State.SILENT, at(10_000))
    ledger.add(tried(20, 21, REFUSED), settled=at(22_000))
    assert ledger.standing == Standing(State.DOWN, at(10_000))
    ledger.add(tried(30, 35, OK), settled=at(36_000))
    ledger.add(tried(520, 530, OK), settled=at(540_000))
    assert ledger.standing.state is State.UP


def test_an_outage_under_way_is_among_the_outages() -> None:
    ledger = Ledger()
    ledger.add(tried(0, 5, OK), settled=at(6_000))
    ledger.add(tried(10, 11, REFUSED), settled=at(12_000))
    ledger.add(tried(20, 21, REFUSED), settled=at(22_000))
    [under_way] = ledger.outages
    assert (under_way.failed, under_way.at_least.microseconds, under_way.at_most) == (2, 9_000, None)


@given(worlds(), st.sampled_from([BLINK, 10 * MS]))
@settings(max_examples=500)
def test_the_stream_agrees_with_the_whole(world: World, blink: timedelta) -> None:
    """Attempts are added when they end; what is settled is what a prober knows: its own attempts in flight."""
    ledger, happenings = Ledger(blink), list[Happening]()
    by_end = sorted(world.looks, key=lambda look: look.end)
    for index, look in enumerate(by_end):
        in_flight = [other.start for other in by_end[index + 1 :] if other.start <= look.end]
        happenings += ledger.add(look.attempt, settled=at(min(in_flight, default=look.end)))
    happenings += ledger.settle(THE_END)
    whole = outages(world.attempts, blink)
    assert ledger.outages == whole
    assert [each.stretch for each in happenings if isinstance(each, LookedAway)] == [*unobserved(world.attempts, blink)]
    assert [each.outage for each in happenings if isinstance(each, CameBack)] == [
        each for each in whole if each.last_ok_at and each.first_ok_at
    ]
    assert [each.attempt.start for each in happenings if isinstance(each, WentDown)] == [
        each.first_failure_at for each in whole if each.last_ok_at
    ]


@given(worlds(), st.lists(st.integers(0, 80), min_size=1, max_size=4, unique=True), st.sampled_from([BLINK, 10 * MS]))
@settings(max_examples=500)
def test_the_stream_agrees_with_the_whole_though_whoever_looks_stands_still(
    world: World, edges: list[int], blink: timedelta
) -> None:
    """A standstill is said when it is over, and nothing that began after it did is settled before."""
    pairs = list(batched_pairs(sorted(edges)))
    stood_still = [Unobserved(since=at(since * 1000), until=at(until * 1000)) for since, until in pairs]
    ledger, happenings, unsaid = Ledger(blink), list[Happening](), list(stood_still)
    by_end = sorted(world.looks, key=lambda look: look.end)
    for index, look in enumerate(by_end):
        while unsaid and unsaid[0].until <= at(look.end):
            ledger.stand_still(unsaid.pop(0))
        in_flight = [other.start for other in by_end[index + 1 :] if other.start <= look.end]
        unheard = [other.start for other in by_end[: index + 1] if unsaid and at(other.end) >= unsaid[0].since - MS]
        settled = at(min([*in_flight, *unheard, look.end]))
        happenings += ledger.add(look.attempt, settled=min([settled, *(each.since for each in unsaid)]))
    for each in unsaid:
        ledger.stand_still(each)
    happenings += ledger.settle(THE_END)
    attempts = sorted(world.attempts, key=by_start)
    tried_then = heard(attempts, stood_still)
    whole = outages(tried_then, blink, amid(tried_then, stood_still))
    assert ledger.outages == whole
    assert [each.outage for each in happenings if isinstance(each, CameBack)] == [
        each for each in whole if each.last_ok_at and each.first_ok_at
    ]
    away = [each.stretch for each in happenings if isinstance(each, LookedAway)]
    assert set(unobserved(tried_then, blink)) <= set(away) <= {*unobserved(tried_then, blink), *stood_still}


def batched_pairs(edges: list[int]) -> Iterator[tuple[int, int]]:
    yield from zip(edges[::2], edges[1::2], strict=False)


def test_a_standstill_is_told_once_and_not_beside_a_longer_stretch_that_nobody_watched() -> None:
    def told_with(*stood_still: tuple[int, int]) -> list[str]:
        ledger = Ledger()
        for since, until in stood_still:
            ledger.stand_still(Unobserved(since=at(since * 1000), until=at(until * 1000)))
        said = []
        for each in (0, 250, 2_000, 2_250, 5_000, 5_250):
            said += [_said(one) for one in ledger.add(tried(each, each + 5, OK), settled=at(each * 1000))]
        return [each for each in [*said, *map(_said, ledger.settle(THE_END))] if "Looked" in each]

    assert told_with((600, 1_400)) == ["LookedAway 600 to 1400", "LookedAway 2250 to 5005"]
    assert told_with((2_600, 4_400)) == ["LookedAway 2250 to 5005"]
    assert told_with((5_100, 9_000)) == ["LookedAway 2250 to 5005"], "nobody looked again"


@given(worlds())
def test_sight_is_lost_and_gained_by_turns(world: World) -> None:
    ledger = Ledger()
    for attempt in world.attempts:
        ledger.add(attempt, settled=at(0))
    turns = [type(each) for each in ledger.settle(THE_END) if isinstance(each, CannotMeasure | CanMeasure)]
    assert all(one is not other for one, other in pairwise(turns))


def test_a_standstill_that_is_over_makes_no_attempt_cost_anything() -> None:
    """A proposal may wait for days, and be tried all the time."""
    ledger, sizes = Ledger(), list[int]()
    ledger.stand_still(Unobserved(since=at(0), until=at(5_000_000)))
    for each in range(1, 1001):
        ledger.add(tried(each * 100, each * 100 + 10, OK), settled=at(each * 100_000))
        if each % 500 == 0:
            sizes.append(len(pickle.dumps(ledger)))
    assert sizes[1] < 1.1 * sizes[0]
