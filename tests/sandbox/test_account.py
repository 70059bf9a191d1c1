"""The judge still says NO to a thread that tells too little or too much, and to an outcome that is not the scenario's."""

from dataclasses import replace

import pytest

from sandbox.account import Account, not_up, summary
from sandbox.aurora import RdsEvent
from sandbox.world import Wish
from tests.sandbox.accounts import (
    BEFORE,
    CARD,
    HAPPY,
    READER,
    WRITER,
    Json,
    account,
    card,
    down,
    endpoint,
    event,
    outage,
    report,
    said,
)

SHUTDOWN = "10:00:05  us-east-1  orders-1  DB instance shutdown"
FELL = "10:00:10  us-east-1  writer  unreachable: connection refused"
LATE = " _(told late)_"
TWO_SHUTDOWNS = (event(5, "DB instance shutdown"), event(5.5, "DB instance shutdown"))


def told(*lines: str, events: tuple[RdsEvent, ...] = (), endpoints: tuple[Json, ...] = ()) -> Account:
    return account(thread=[said(line) for line in lines], events=events, told=report(*endpoints))


def counts(of: Account) -> tuple[int, int]:
    """How many things it says are lost, and how many doubled."""
    assert len(of.broken_expectations()) == len(of.lost()) + len(of.doubled()) + len(of.broken_laws())
    return len(of.lost()), len(of.doubled())


# --- What RDS said ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "calls"), [(0, (1, 0)), (1, (1, 0)), (2, (0, 0)), (3, (0, 1))])
def test_what_rds_said_twice_is_told_twice(times: int, calls: tuple[int, int]) -> None:
    assert counts(told(*[SHUTDOWN] * times, events=TWO_SHUTDOWNS)) == calls


def test_told_late_is_told_and_told_late_as_well_is_told_twice() -> None:
    assert counts(told(SHUTDOWN, SHUTDOWN + LATE, events=TWO_SHUTDOWNS)) == (0, 0)
    assert counts(told(SHUTDOWN, SHUTDOWN + LATE, events=TWO_SHUTDOWNS[:1])) == (0, 1)


def test_words_that_begin_alike_do_not_stand_for_one_another() -> None:
    longer = event(5, "DB instance shutdown has finished")
    assert counts(told(f"{SHUTDOWN} has finished", events=(longer, TWO_SHUTDOWNS[0]))) == (1, 0)
    assert counts(told(f"{SHUTDOWN} has finished", SHUTDOWN, events=(longer, TWO_SHUTDOWNS[0]))) == (0, 0)


def test_what_rds_said_at_two_times_is_not_told_of_one_of_them_twice() -> None:
    assert counts(told(SHUTDOWN, SHUTDOWN, events=(TWO_SHUTDOWNS[0], event(25, "DB instance shutdown")))) == (1, 1)


def test_what_rds_said_of_a_cluster_is_told_of_the_cluster() -> None:
    of_cluster = replace(event(5, "Upgrade started."), source_type="db-cluster")
    assert counts(told("10:00:05  us-east-1  cluster  Upgrade started.", events=(of_cluster,))) == (0, 0)
    assert counts(told("10:00:05  us-east-1  orders-1  Upgrade started.", events=(of_cluster,))) == (1, 0)


# --- What the bot says itself -------------------------------------------------------------------------------------------


def test_its_own_line_is_told_once() -> None:
    line = "@mina approved. 1 of 1."
    assert counts(told(line)) == (0, 0)
    assert counts(told(line, line)) == (0, 1)
    assert counts(told(line, line + LATE)) == (0, 1)


def test_its_own_line_is_told_once_where_nothing_was_to_be_ordered() -> None:
    declined = replace(HAPPY, orders=0)
    assert len(account(thread=[said("Expired."), said("Expired.")], scenario=declined, orders=0).doubled()) == 1


def test_an_endpoint_falls_as_often_in_a_second_as_it_did_and_no_oftener() -> None:
    fell_twice = endpoint(outage(10.1, 10.4), outage(10.5, 10.8), outage(30, 32))
    assert counts(told(FELL, FELL, endpoints=(fell_twice,))) == (0, 0)
    assert counts(told(FELL, FELL, FELL, endpoints=(fell_twice,))) == (0, 1)


@pytest.mark.parametrize(
    "fell",
    [
        endpoint(outage(10.1, 10.4)),
        endpoint(outage(10.1, 10.4), outage(11, 13)),
        endpoint(outage(8, 9.9), outage(10.1, 10.4)),
        endpoint(outage(10.1, None), outage(11, None)),
        endpoint(outage(10.1, 10.4), outage(10.5, 10.8), where=READER),
        endpoint(outage(10.1, 10.4), outage(10.5, 10.8), where=("us-east-1", "reader")),
    ],
)
def test_nor_because_it_fell_at_another_time_or_another_endpoint_did(fell: Json) -> None:
    assert counts(told(FELL, FELL, endpoints=(fell,))) == (0, 1)


def test_a_fall_around_midnight_is_of_the_next_day() -> None:
    midnight = 14 * 3600.0
    fell = endpoint(outage(midnight - 1, midnight + 2), outage(midnight - 0.5, midnight + 2))
    line = FELL.replace("10:00:10", "00:00:01")
    assert counts(told(line, line, endpoints=(fell,))) == (0, 0)
    assert counts(told(*[line.replace(":01", ":04")] * 2, endpoints=(fell,))) == (0, 1)


# --- The outcome --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"card": None}, "no card was seen"),
        ({"card": card("Upgrade `orders` · rolled back")}, "the card does not say “succeeded”"),
        ({"card": card(CARD, "approve")}, "the card shows the buttons approve in the end"),
        ({"scenario": replace(HAPPY, buttons=("approve",))}, "the card shows the buttons none in the end"),
        ({"orders": 2}, "2 orders were accepted, not 1"),
        ({"orders": 0}, "0 orders were accepted, not 1"),
        ({"after": BEFORE}, f"the servers went from {BEFORE} to {BEFORE}"),
        ({"scenario": replace(HAPPY, changes_version=False)}, "the servers went from"),
        ({"told": None}, "report.json is missing"),
        ({"scenario": replace(HAPPY, has_report=False)}, "there is a report of an upgrade that never began"),
        ({"scenario": replace(HAPPY, words=("Done", "Done"))}, "the thread does not say “Done” where it should"),
        ({"refused_calls": 3}, "Slack refused 3 calls as too many"),
        ({"troubles": ("Aki waited in vain.",)}, "Aki waited in vain."),
    ],
)
def test_an_outcome_that_is_not_the_scenarios_is_called(other: Json, sentence: str) -> None:
    assert account().broken_expectations() == ()
    assert any(each.startswith(sentence) for each in account(**other).broken_expectations())


def test_what_is_false_in_the_report_breaks_a_law_whatever_the_thread_says() -> None:
    lie = account([down(10, 12)], report(endpoint(where=WRITER)))
    assert any("no reported outage holds" in each for each in lie.broken_laws())


# --- The last words -----------------------------------------------------------------------------------------------------


def test_the_last_words_say_what_became_of_each_applications_sessions() -> None:
    dropped = [{"application": "billing", "dropped_because": "temporary tables"}]
    preserved = [{"application": "shop", "dropped_because": ""}] * 2
    said = summary(not_up(Wish(), "") | {"sessions": [*preserved, *dropped]})
    assert "sessions at the writer, in truth: billing 1 dropped (temporary tables) · shop 2 preserved" in said
