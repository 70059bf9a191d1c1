"""What is to be expected, and when that is surpassed."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median_high

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import moves, recorded
from bot.domain.expectation import ENOUGH, Past, Usual, expect
from bot.domain.limits import surpassed
from bot.domain.outage import Outage
from bot.domain.story import tell
from bot.domain.timeline import Entry, OverBudget, Slower
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade
from tests.domain.making import AP, MINUTE, NOON, SECOND, US, approved, outage, proposed, upgrading
from tests.domain.test_budget import measured

EVENTS = Path(__file__).parents[1] / "golden" / "aurora-17.4-to-17.5" / "events.csv"
ORDERED = NOON + 2 * MINUTE
WRITER = Endpoint(region=US, use="writer", host="here", port=5432)
NEVER = expect(())
lasting = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=1))


def past(*seconds: float) -> list[Past]:
    """The writer was out for no more than that, and it took as many minutes."""
    return [(each * MINUTE, (measured(outages=(outage(10, 9.9 + each),)),)) for each in seconds]


def test_the_recorded_upgrade_took_what_its_events_say() -> None:
    """Its downtimes are those of test_outage.py."""
    with EVENTS.open() as lines:
        minutes = [datetime.fromisoformat(row["minute_jst"]) for row in csv.DictReader(lines)]
    assert max(minutes) + MINUTE - min(minutes) == recorded.LASTING


def test_without_past_ones_the_recorded_one_is_all_there_is() -> None:
    only = Usual(median=recorded.WRITER, worst=recorded.WRITER, of=1, with_recorded=True)
    assert (NEVER.writer, NEVER.writer.is_recorded_only) == (only, True)
    assert (NEVER.of("writer"), NEVER.of("reader"), NEVER.of("proxy")) == (only, NEVER.secondary, None)
    assert (NEVER.secondary.worst, NEVER.lasting.worst) == (recorded.SECONDARY, recorded.LASTING)


def test_a_few_past_ones_stand_beside_it() -> None:
    made = expect(past(1, 2, 9))
    assert made.writer == Usual(median=recorded.WRITER, worst=9 * SECOND, of=4, with_recorded=True)
    assert made.secondary == NEVER.secondary


def test_enough_of_them_do_without_it() -> None:
    made = expect(past(1, 2, 3, 4, 9))
    assert made.writer == Usual(median=3 * SECOND, worst=9 * SECOND, of=ENOUGH)
    assert made.lasting == Usual(median=3 * MINUTE, worst=9 * MINUTE, of=ENOUGH)


def test_what_has_no_upper_bound_counts_nowhere() -> None:
    open_end = measured(outages=(outage().model_copy(update={"ended_by": None}),))
    unmeasured = measured(since=None, outages=())
    assert expect([*past(1, 2, 3, 4, 9), (None, (open_end, unmeasured))]) == expect(past(1, 2, 3, 4, 9))


def test_an_upgrade_in_which_nothing_was_seen_counts_with_what_may_have_gone_unseen() -> None:
    unseen: list[Past] = [(MINUTE, (measured(outages=()),))] * 5
    assert expect(unseen).writer.worst == SECOND / 2


@given(st.lists(lasting, min_size=1, max_size=12), lasting)
def test_slower_than_ever_seen_is_slower_than_every_one(seen: list[timedelta], now: timedelta) -> None:
    usual = expect([(each, ()) for each in seen]).lasting
    if len(seen) >= ENOUGH:
        assert (usual.of, usual.median) == (len(seen), median_high(seen))
        assert usual.is_surpassed_by(now) == all(now > each for each in seen)
    elif usual.is_surpassed_by(now):
        assert all(now > 2 * each for each in (*seen, recorded.LASTING))


# --- while it runs ---


def running(budget: float | None = None, **other: object) -> Upgrade:
    return upgrading().model_copy(update={"own_budget": None if budget is None else budget * SECOND, **other})


def told(upgrade: Upgrade, *found: Outage) -> list[Entry]:
    return [*surpassed(upgrade, WRITER, found)]


def down(since: float, to: float) -> Outage:
    """Under way, in seconds after the order, less the fractions of making.py."""
    return outage(120 + since, 120 + to).model_copy(update={"ended_by": None, "first_ok_at": None})


def test_it_is_over_budget_as_soon_as_that_is_proven() -> None:
    late = down(10, 15.2)
    assert told(running(5.1), late) == []
    entry = OverBudget(at=late.last_failure_at, region=US, use="writer", at_least=5.1 * SECOND, budget=5 * SECOND)
    assert told(running(5), late) == [entry]


def test_all_outages_since_the_order_count_together_and_no_others() -> None:
    before, early, late = outage(10, 70), outage(130, 132), down(20, 22)
    assert told(running(4), before, early, late) == []
    assert [each.kind for each in told(running(3.7), before, early, late)] == ["over_budget"]
    blind = down(10, 60).model_copy(update={"last_ok_at": None})
    assert told(running(4), blind) == []
    across = outage(115, 121.5)
    assert told(running(1.5), across) == []
    assert [each.kind for each in told(running(1.4), across)] == ["over_budget"]
    assert told(approved().model_copy(update={"own_budget": SECOND}), down(10, 60)) == []


@pytest.mark.parametrize(("seconds", "kinds"), [(9.0, []), (9.2, ["slower"])])
def test_an_outage_is_slower_than_ever_seen(seconds: float, kinds: list[str]) -> None:
    entries = told(running(expectation=expect(past(1, 2, 3, 4, 9))), down(10, 10.1 + seconds))
    assert [each.kind for each in entries] == kinds


def test_little_that_was_seen_has_to_be_surpassed_clearly() -> None:
    assert told(running(expectation=NEVER), down(10, 15.4)) == []
    (entry,) = told(running(expectation=NEVER), down(10, 15.6))
    assert isinstance(entry, Slower)
    assert (entry.region, entry.use, entry.usual) == (US, "writer", NEVER.writer)


def test_an_endpoint_of_which_nothing_is_known_is_never_slow() -> None:
    proxy = WRITER.model_copy(update={"use": "proxy", "region": AP})
    assert [*surpassed(running(expectation=NEVER), proxy, [down(10, 600)])] == []


def test_an_upgrade_that_takes_longer_than_ever_says_so_once() -> None:
    upgrade = running(expectation=NEVER)
    assert moves.slower(upgrade, ORDERED + 8 * MINUTE) == (upgrade, ())
    slow, (entry,) = moves.slower(upgrade, ORDERED + 8 * MINUTE + SECOND)
    assert entry == Slower(at=slow.slower_at, lasting=8 * MINUTE + SECOND, usual=NEVER.lasting)
    assert moves.slower(slow, ORDERED + 60 * MINUTE) == (slow, ())
    assert moves.slower(running(), ORDERED + 60 * MINUTE) == (running(), ())


def test_the_story_knows_who_is_over_budget() -> None:
    entry = OverBudget(at=ORDERED, region=US, use="writer", at_least=6 * SECOND, budget=5 * SECOND)
    assert tell((proposed(), entry)).over_budget == (entry,)
