"""A freeze lasts until it is over, the one that cannot be read for ever, and the time people type is the one they mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Refused
from bot.domain.freezing import Freeze, Frost, Unreadable, frost_on, lasting, read_until, told
from tests.domain.making import MINA, MINUTE, NOON, SECOND

TOKYO, NEW_YORK = "Asia/Tokyo", "America/New_York"


def freeze(cluster: str | None = "orders", lasting: timedelta = MINUTE) -> Freeze:
    return Freeze(cluster=cluster, by=MINA, name="mina", at=NOON, until=NOON + lasting, why="month end")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_freeze_is_over_when_its_time_has_come() -> None:
    made = freeze()
    assert lasting([made], NOON + MINUTE - SECOND) == (made,)
    assert lasting([made], NOON + MINUTE) == ()


@pytest.mark.parametrize(
    ("frosts", "found"),
    [
        ([], None),
        ([freeze("stock")], None),
        ([freeze()], freeze()),
        ([freeze(None)], freeze(None)),
        ([freeze(lasting=SECOND), freeze(None)], freeze(None)),
        ([freeze(None, SECOND), freeze()], freeze()),
        ([freeze(), Unreadable(cluster=None)], Unreadable(cluster=None)),
        ([freeze(lasting=-SECOND)], None),
        ([Unreadable(cluster="stock")], None),
    ],
)
def test_what_freezes_a_cluster(frosts: list[Frost], found: Frost | None) -> None:
    assert frost_on("Orders", frosts, NOON) == found


@pytest.mark.parametrize(
    ("frost", "text"),
    [
        (freeze(), "orders is frozen until 2026-04-11 12:01 UTC by mina: month end"),
        (freeze(None), "every cluster is frozen until 2026-04-11 12:01 UTC by mina: month end"),
        (
            Unreadable(cluster="orders"),
            "orders is frozen: the record of the freeze cannot be read, so nobody knows until when; `/aurora unfreeze orders` ends it",
        ),
        (
            Unreadable(cluster=None),
            "every cluster is frozen: the record of the freeze cannot be read, so nobody knows until when; `/aurora unfreeze all` ends it",
        ),
    ],
)
def test_why_no_order_is_given(frost: Frost, text: str) -> None:
    assert told(frost) == text


@pytest.mark.parametrize(
    ("text", "zone", "until"),
    [
        ("+2h", None, "2026-04-11T14:00"),
        ("+30m", None, "2026-04-11T12:30"),
        ("+30min", None, "2026-04-11T12:30"),
        ("+1h30m", None, "2026-04-11T13:30"),
        ("+3d", None, "2026-04-14T12:00"),
        ("+1d2h3m", None, "2026-04-12T14:03"),
        ("22:00", TOKYO, "2026-04-11T13:00"),  # there it is 21:00
        ("9:30", NEW_YORK, "2026-04-11T13:30"),
        ("2026-12-01", TOKYO, "2026-11-30T15:00"),
        ("2026-12-01T18:00", TOKYO, "2026-12-01T09:00"),
        ("2026-12-01t18:00", NEW_YORK, "2026-12-01T23:00"),
        ("2026-12-01T18:00+09:00", NEW_YORK, "2026-12-01T09:00"),
        ("2026-12-01T18:00Z", None, "2026-12-01T18:00"),
        ("2026-11-01T01:30", NEW_YORK, "2026-11-01T06:30"),  # comes twice: the second
        ("2027-03-14T02:30", NEW_YORK, "2027-03-14T07:30"),  # never comes: the later that it may mean
    ],
)
def test_the_time_that_was_typed_is_meant_where_its_writer_lives(text: str, zone: str | None, until: str) -> None:
    assert read_until(text, zone, NOON) == utc(until)


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow", "18", "25:00", "18:60", "+", "+h", "+2", "2h", "-2h", "2026-02-30", "2026-13-01", "2026-12-01T",
        "2026-12-01T25:00", "20261201", "12/01", "`<!channel>`", "+2H30", "10000-01-01", "until",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Refused, match=r"Until when\? I cannot read .* Examples: `18:00`, `2026-12-01`") as refused:
        read_until(text, TOKYO, NOON)
    assert refused.value.sentence.count("`") % 2 == 0


@pytest.mark.parametrize(
    ("text", "zone", "sentence"),
    [
        ("20:59", TOKYO, "That is past: 2026-04-11 20:59 Asia/Tokyo, and now it is 2026-04-11 21:00 Asia/Tokyo."),
        ("2026-04-11", TOKYO, "That is past: 2026-04-11 00:00 Asia/Tokyo,"),
        ("+0h", None, "That is past: 2026-04-11 12:00 UTC, and now it is 2026-04-11 12:00 UTC."),
        ("2062-12-01", TOKYO, "That is more than a year from now: 2062-12-01 00:00 Asia/Tokyo."),
        ("+999d", TOKYO, "That is more than a year from now:"),
        ("18:00", None, "I do not know your time zone. Name the offset"),
        ("2026-12-01", "Asia/Edo", "I do not know your time zone."),
        ("2026-12-01T18:00", None, "I do not know your time zone."),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(text: str, zone: str | None, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        read_until(text, zone, NOON)
    assert refused.value.sentence.startswith(sentence)


@given(st.text(max_size=30), st.sampled_from([None, TOKYO, NEW_YORK]))
def test_whatever_is_typed_is_a_time_to_come_or_refused(text: str, zone: str | None) -> None:
    try:
        until = read_until(text, zone, NOON)
    except Refused as refused:
        assert refused.sentence.endswith(".")  # noqa: PT017 - either of the two must hold
    else:
        assert until > NOON
