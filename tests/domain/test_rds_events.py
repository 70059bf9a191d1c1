"""RDS speaks in texts; each is understood or kept, and none is heard twice."""

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import Region
from bot.domain.rds_events import Meaning, RdsEvent, Reading, identities, meaning_of, read

GOLDEN = Path(__file__).parents[1] / "golden" / "aurora-17.4-to-17.5" / "events.csv"
NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)


def said(message: str, at: datetime = NOON, arn: str = "arn:aws:rds:us-east-1:1:cluster:orders") -> RdsEvent:
    return RdsEvent(
        arn=arn, source_identifier="orders", source="cluster", region=Region("us-east-1"), at=at, message=message
    )


def test_every_event_of_the_recorded_upgrade_is_understood_but_one() -> None:
    with GOLDEN.open() as file:
        heard = Counter(meaning_of(row["message"]) for row in csv.DictReader(file))
    assert heard == {
        Meaning.STARTED: 2,
        Meaning.PARAMETER: 3,
        Meaning.SHUTDOWN: 1,
        Meaning.RESTARTED: 1,
        Meaning.ZDP_TRY: 2,
        Meaning.ZDP_DONE: 2,
        Meaning.FAST_STARTUP: 1,
        Meaning.ALL_INSTANCES: 1,
        Meaning.COMPLETE: 2,
        Meaning.UPGRADED: 2,
        Meaning.OTHER: 1,  # "Database cluster is online. The primary instance is ready for connections."
    }


@pytest.mark.parametrize(
    ("message", "meaning", "facts"),
    [
        (
            "Database cluster engine minor version upgrade started. Cluster remains online.",
            Meaning.STARTED,
            {"kind": "minor"},
        ),
        (
            "Database cluster engine 17.5 version upgrade started. Cluster remains online.",
            Meaning.STARTED,
            {"kind": "17.5"},
        ),
        ("Database cluster engine version upgrade started.", Meaning.STARTED, {}),
        (
            (
                "Attempt to upgrade the database instance 'database-cluster-1-instance-1' with zero downtime finished. "
                "The process took 2360 ms, 6 connections preserved, 0 connections dropped. "
                "See the database error log for details."
            ),
            Meaning.ZDP_DONE,
            {"instance": "database-cluster-1-instance-1", "ms": "2360", "preserved": "6", "dropped": "0"},
        ),
        ("Attempt to upgrade the database with zero downtime finished.", Meaning.ZDP_DONE, {}),
        (
            "Database cluster engine minor version upgrade complete. Previous version: 17.4.5. New version: 17.5.4.",
            Meaning.COMPLETE,
            {"kind": "minor", "old": "17.4.5", "new": "17.5.4"},
        ),
        ("Database cluster engine version has been upgraded", Meaning.UPGRADED, {}),
        ("Database cluster engine major version has been upgraded.", Meaning.UPGRADED, {"kind": "major"}),
        ("Database cluster has been patched", Meaning.UPGRADED, {}),
        (
            "Database cluster has been patched: source version 17.4.4 => 17.4.5.",
            Meaning.UPGRADED,
            {"old": "17.4.4", "new": "17.4.5"},
        ),
        ("DB instance shutdown.", Meaning.SHUTDOWN, {}),
        (" DB instance restarted\n", Meaning.RESTARTED, {}),
        ("Aurora fast startup completed in [1431425] microseconds.", Meaning.FAST_STARTUP, {"us": "1431425"}),
        (
            (
                "The parameter max_wal_senders was set to a value incompatible with replication. "
                "It has been adjusted from 10 to 20."
            ),
            Meaning.PARAMETER,
            {"name": "max_wal_senders", "from": "10", "to": "20"},
        ),
        (
            "Database cluster is in a state that cannot be upgraded: PreUpgrade checks failed: x.",
            Meaning.CANNOT_UPGRADE,
            {"why": "PreUpgrade checks failed: x."},
        ),
        ("Database cluster is in a state that cannot be upgraded.", Meaning.CANNOT_UPGRADE, {}),
        (
            (
                "Unable to upgrade DB cluster orders because the instance orders-1 has a status of rebooting. "
                "Resolve the issue or delete the instance and try again."
            ),
            Meaning.CANNOT_UPGRADE,
            {
                "cluster": "orders",
                "because": (
                    "the instance orders-1 has a status of rebooting. "
                    "Resolve the issue or delete the instance and try again."
                ),
            },
        ),
        (
            (
                "The minor version upgrade for DB cluster orders was canceled because a failover occurred on the "
                "associated global database. The DB cluster is now running engine version 17.4.5. "
                "Retry the upgrade when the global database is available."
            ),
            Meaning.CANCELLED,
            {"kind": "minor", "cluster": "orders", "version": "17.4.5"},
        ),
        (
            "The DB engine version upgrade failed. The engine version upgrade rollback succeeded.",
            Meaning.ROLLED_BACK,
            {},
        ),
    ],
)
def test_a_documented_text_is_understood(message: str, meaning: Meaning, facts: dict[str, str]) -> None:
    assert read(message) == Reading(meaning, facts)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Cluster topology is updated.",
        "Database cluster upgrade is in progress.",
        "The DB cluster has a DB engine minor version upgrade available.",
        "Database cluster is online. The primary instance is ready for connections.",
        "The pre-check finished for the database cluster engine version upgrade.",
        "DB instance shutdown failed, to everyone's surprise",
    ],
)
def test_a_text_that_says_something_else_stays_as_it_is(message: str) -> None:
    assert read(message) == Reading(Meaning.OTHER)


@given(st.text())
def test_no_text_is_too_strange(message: str) -> None:
    assert meaning_of(message) in Meaning


def test_the_same_text_twice_in_one_millisecond_is_two_events() -> None:
    twice = [said("DB instance shutdown"), said("DB instance shutdown")]
    (first, _), (second, _) = identities(twice)
    assert first != second


def test_cluster_and_instance_may_say_the_same() -> None:
    both = [said("Attempting…"), said("Attempting…", arn="arn:aws:rds:us-east-1:1:db:orders-1")]
    assert len(dict(identities(both))) == 2


def test_a_key_is_short_and_stable() -> None:
    [(key, _)] = identities([said("DB instance shutdown")])
    assert key == "1775908800000-67af1a1b7a8cefad9f34-0"


def test_the_time_zone_of_a_date_makes_no_other_event() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert [key for key, _ in identities([said("x", at=NOON.astimezone(tokyo))])] == [
        key for key, _ in identities([said("x", at=NOON)])
    ]


events = st.builds(
    said,
    st.sampled_from(["DB instance shutdown", "DB instance restarted", "something new"]),
    st.integers(0, 12).map(lambda ms: NOON + timedelta(milliseconds=ms)),
    st.sampled_from(["arn:one", "arn:two"]),
)


@given(st.lists(events, max_size=30), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))), st.randoms())
def test_overlapping_windows_lose_nothing_and_double_nothing(
    happened: list[RdsEvent], windows: list[tuple[int, int]], dice: Random
) -> None:
    """Any windows that together cover the time, each whole but in any order, paged in any way."""
    heard: dict[str, RdsEvent] = {}
    for start, end in [*windows, (0, 7), (5, 12)]:
        window = [each for each in happened if start <= (each.at - NOON) // timedelta(milliseconds=1) <= end]
        dice.shuffle(window)
        heard.update(identities(window))
    assert Counter(heard.values()) == Counter(happened)
    assert sorted(heard.items()) == sorted(identities(happened), key=lambda keyed: keyed[0])


@given(st.lists(events, max_size=30))
def test_events_come_out_by_date(happened: list[RdsEvent]) -> None:
    dates = [event.at for _, event in identities(happened)]
    assert dates == sorted(dates)
