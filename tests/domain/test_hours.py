"""When orders are allowed is decided on the instant, though clocks jump."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.hours import Hours, zone_of

NEW_YORK = "America/New_York"


def hours(*allowed: str, zone: str = "Asia/Tokyo") -> Hours:
    return Hours(zone=zone, allowed=allowed)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("allowed", "now", "opens_at"),
    [
        ("Mon-Fri 09:00-17:00", "2026-04-13T00:00", None),
        ("Mon-Fri 09:00-17:00", "2026-04-13T07:59:59", None),
        ("Mon-Fri 09:00-17:00", "2026-04-13T08:00", "2026-04-14T00:00"),
        ("Mon-Fri 09:00-17:00", "2026-04-17T08:00", "2026-04-20T00:00"),
        ("mon , wed 09:00-17:00".replace(" , ", ","), "2026-04-13T08:00", "2026-04-15T00:00"),
        ("09:00-17:00", "2026-04-12T03:00", None),
        ("Sat-Mon 00:00-24:00", "2026-04-12T15:00", None),
        ("Sat-Mon 00:00-24:00", "2026-04-13T15:00", "2026-04-17T15:00"),
        ("Fri 22:00-02:00", "2026-04-17T16:59", None),
        ("Fri 22:00-02:00", "2026-04-17T17:00", "2026-04-24T13:00"),
    ],
)
def test_windows_are_of_the_zone(allowed: str, now: str, opens_at: str | None) -> None:
    assert hours(allowed).opens_at(utc(now)) == (opens_at and utc(opens_at))


def test_of_several_windows_the_next_one_counts() -> None:
    made = hours("Mon 09:00-10:00", "Mon 12:00-13:00")
    assert made.opens_at(utc("2026-04-13T01:30")) == utc("2026-04-13T03:00")
    assert str(made) == "Mon 09:00-10:00, Mon 12:00-13:00 Asia/Tokyo"


@pytest.mark.parametrize(
    ("allowed", "now", "opens_at"),
    [
        # On 8 March 2026 the clocks of New York go from 01:59 EST (UTC-5) to 03:00 EDT (UTC-4).
        ("Sun 02:15-02:45", "2026-03-08T07:14:59", "2026-03-08T07:15"),
        ("Sun 02:15-02:45", "2026-03-08T07:15", None),
        ("Sun 02:15-02:45", "2026-03-08T07:45", "2026-03-15T06:15"),
        ("Sun 01:30-03:30", "2026-03-08T06:30", None),
        ("Sun 01:30-03:30", "2026-03-08T07:29:59", None),
        ("Sun 01:30-03:30", "2026-03-08T07:30", "2026-03-15T05:30"),
        ("Sun 02:30-03:15", "2026-03-08T07:20", "2026-03-15T06:30"),  # turned around: there is none on that day
        # On 1 November 2026 they go from 01:59 EDT (UTC-4) to 01:00 EST (UTC-5).
        ("Sun 01:15-01:45", "2026-11-01T05:15", None),
        ("Sun 01:15-01:45", "2026-11-01T05:45", "2026-11-08T06:15"),
        ("Sun 01:15-01:45", "2026-11-01T06:20", "2026-11-08T06:15"),  # 01:20 for the second time
        ("Sun 01:30-02:30", "2026-11-01T06:10", None),  # a clock shows 01:10, but 01:30 was, and 02:30 is to come
        ("Sun 00:30-01:30", "2026-11-01T05:29", None),
        ("Sun 00:30-01:30", "2026-11-01T06:10", "2026-11-08T05:30"),
    ],
)
def test_gaps_and_folds_are_decided_on_the_instant(allowed: str, now: str, opens_at: str | None) -> None:
    assert hours(allowed, zone=NEW_YORK).opens_at(utc(now)) == (opens_at and utc(opens_at))


@given(
    st.integers(0, 366 * 24 * 60).map(lambda minutes: utc("2026-01-01") + timedelta(minutes=minutes)),
    st.sampled_from(["Mon-Fri 09:00-17:00", "Sun 01:30-02:30"]),
)
def test_when_they_are_said_to_open_they_are_open_and_not_before(now: datetime, allowed: str) -> None:
    made = hours(allowed, zone=NEW_YORK)
    if opens_at := made.opens_at(now):
        assert opens_at > now
        assert made.opens_at(opens_at) is None
        assert made.opens_at(opens_at - timedelta(seconds=1)) == opens_at


@pytest.mark.parametrize(
    "wrong",
    [
        "", "always", "Mon-Fri", "9:00-17:00", "Mon 09:00", "Mon 09:60-17:00", "Mon 09:00-25:00", "Mon 09:00-09:00",
        "Mon 24:00-02:00", "Foo 09:00-17:00", "Mon-Foo 09:00-17:00", "Mon-Wed-Fri 09:00-17:00", "Mon, 09:00-17:00",
    ],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no window, as `Mon-Fri 09:00-17:00` is"):
        hours(wrong)


@pytest.mark.parametrize("wrong", ["Asia/Edo", "", "../etc/passwd", "America", "+09:00"])
def test_a_zone_that_nobody_knows_is_refused(wrong: str) -> None:
    assert zone_of(wrong) is None
    with pytest.raises(ValidationError, match="no time zone that is known here"):
        hours("09:00-17:00", zone=wrong)


def test_no_window_at_all_is_refused() -> None:
    with pytest.raises(ValidationError):
        hours()
