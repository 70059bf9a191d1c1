"""The strip of an upgrade says what its report says: lanes, bounds, marks, and all of it in words."""

from datetime import timedelta

import pytest

from bot.domain.keeping import Fate
from bot.domain.measurement import Measurement
from bot.domain.report import report
from bot.domain.status import Status
from bot.domain.timeline import Entry
from bot.domain.unobserved import Unobserved
from bot.messages.report_strip import ALT, MOST_MARKS, report_strip
from bot.messages.strip import MOST_ROWS, Shade, Strip
from tests.domain.making import (
    AP,
    EU,
    NOON,
    SECOND,
    TEXTS,
    US,
    dropped_session,
    kept_session,
    outage,
    rds_said,
    unwatched,
)
from tests.domain.test_report import ORDERED, OVER, finished, measured, timeline

UPGRADED = "Database cluster engine version has been upgraded"


def said(text: str, at: float, region: str = US, source: str = "cluster") -> Entry:
    entry = rds_said(text, ORDERED + at * SECOND, source=source)
    event = entry.event.model_copy(update={"region": region, "source_identifier": f"{source} of {region}"})
    return entry.model_copy(update={"event": event})


def drawn(*measurements: Measurement, events: tuple[Entry, ...] = ()) -> Strip:
    *before, _ = timeline()
    ordered = [each for each in before if each.kind != "rds_said"]
    return report_strip(report((*ordered, *events, finished(*measurements))))


def test_lanes_show_what_the_report_proves_from_a_little_before_the_order_to_a_little_after_the_end() -> None:
    away = unwatched(200, 212)
    strip = drawn(measured(), measured(AP, "reader", outages=(), unobserved=(away,)))
    assert timedelta() < ORDERED - strip.since < 10 * SECOND
    assert timedelta() < strip.until - OVER < 10 * SECOND
    writer, reader = strip.rows
    (one,) = measured().outages
    assert [(each.shade, each.since, each.until) for each in writer.stretches] == [
        (Shade.UP, NOON, OVER),
        (Shade.PERHAPS, one.last_ok_at, one.ended_by),
        (Shade.DOWN, one.began_by, one.ended_between[0]),
    ]
    assert [(each.shade, each.since, each.until) for each in reader.stretches] == [
        (Shade.UP, NOON, OVER),
        (Shade.UNOBSERVED, away.since, away.until),
    ]
    assert (writer.label, writer.verdict) == ("us-east-1 writer, new connections", "down 2.6 to 2.8 s")
    assert reader.verdict == "no outage seen, not watched for 12.0 s"


def test_each_way_has_a_lane_of_its_own() -> None:
    writer = measured(held=(kept_session(), kept_session(2, Fate.MOVED)), writes=measured())
    reader = measured(AP, "reader", held=(dropped_session(),), writes=measured(outages=()))
    never = measured(EU, "reader", since=None, until=None, held=(dropped_session(),), writes=measured(since=None))
    rows = drawn(writer, reader, never).rows
    assert [(row.label, row.verdict) for row in rows if "new connections" not in row.label] == [
        ("us-east-1 writer, held sessions", "1 survived, 1 survived in another process, stood still at most 1.3 s"),
        ("us-east-1 writer, writes", "not taken for 2.6 to 2.8 s"),
        ("ap-northeast-1 reader, held sessions", "1 dropped"),
        ("ap-northeast-1 reader, writes", "no outage seen"),
        ("eu-west-1 reader, held sessions", "1 dropped"),
        ("eu-west-1 reader, writes", "were never taken"),
    ]
    assert [[each.shade for each in row.stretches] for row in rows[1:3]] == [
        [Shade.UP, Shade.PERHAPS, Shade.PERHAPS],
        [Shade.UP, Shade.PERHAPS, Shade.DOWN],
    ]
    assert [each.shade for each in rows[4].stretches] == [Shade.UP, Shade.DOWN]
    assert (rows[-1].stretches, rows[-2].stretches) == ((), ())


def test_a_lane_that_was_watched_late_or_never() -> None:
    late, never = drawn(measured(since=ORDERED + SECOND), measured(AP, "reader", since=None, until=None)).rows
    assert late.stretches[0].shade is Shade.UNOBSERVED
    assert (never.stretches, never.verdict) == ((), "could not be measured")


def test_what_is_too_short_to_be_seen_is_shown_from_nearer_with_its_bounds() -> None:
    strip = drawn(measured(outages=(outage(150, 152.7), outage(160, 160.5))), measured(AP, "reader", outages=()))
    assert strip.rows[0].verdict == "down 3.0 to 3.4 s in 2 outages"
    (near,) = strip.closeups
    (one, _) = measured(outages=(outage(150, 152.7), outage(160, 160.5))).outages
    assert one.last_ok_at
    assert one.ended_by
    assert near.since < one.last_ok_at < one.ended_by < near.until
    assert [(each.since, each.until, each.text) for each in near.row.spans] == [
        (one.last_ok_at, one.ended_by, "down at most 2.8 s"),
        (one.began_by, one.ended_between[0], "down at least 2.6 s"),
    ]
    assert near.row.label == "us-east-1 writer: its longest outage, from nearer"
    assert near.row.verdict == "connection refused, then the database system is starting up"


def test_who_did_not_come_back_and_what_is_long_enough() -> None:
    open_end = outage(150, 152.7).model_copy(update={"ended_by": None, "first_ok_at": None})
    strip = drawn(measured(outages=(open_end,)), measured(AP, "reader", until=NOON + 153 * SECOND, outages=(open_end,)))
    assert strip.rows[0].verdict == "down at least 2.6 s"
    assert [each.row.spans[0].text for each in strip.closeups] == ["not seen to end"]  # the other lasts to the end


def test_marks_are_the_order_the_end_and_what_matters_most() -> None:
    events = (
        said(TEXTS["started"], 2, AP),
        said("DB instance restarted", 33, AP, "instance"),
        said("DB instance restarted", 35, AP, "instance"),
        said(UPGRADED, 80, AP),
        said("Database cluster engine version upgrade finished on all instances.", 85, AP),
        said("something nobody knows", 90),
    )
    assert [(each.at - ORDERED, each.text) for each in drawn(measured(), events=events).marks] == [
        (0 * SECOND, "ordered"),
        (2 * SECOND, "ap-northeast-1: upgrade started"),
        (33 * SECOND, "ap-northeast-1 instance of ap-northeast-1: restarted"),
        (85 * SECOND, "ap-northeast-1: upgrade finished"),
        (192 * SECOND, "over: succeeded"),
    ]
    many = tuple(said("DB instance restarted", each, AP, f"instance-{each}") for each in range(1, 30))
    assert len(drawn(measured(), events=many).marks) == MOST_MARKS


def test_the_alt_text_says_it_all_in_as_many_whole_sentences_as_slack_takes() -> None:
    strip = drawn(measured(), events=(said(TEXTS["started"], 2),))
    assert strip.alt == (
        "orders: 18.4 to 18.6, succeeded. 2026-04-11, all times UTC, took 3 min 12 s. us-east-1 writer, new connections: down 2.6 to "
        "2.8 s. 12:02:00 ordered. 12:02:02 us-east-1: upgrade started. 12:05:12 over: succeeded."
    )
    many = drawn(*(measured(f"region-{each}", "reader") for each in range(MOST_ROWS + 2)))
    assert len(many.alt) <= ALT
    assert many.alt.endswith(" s.")
    assert "2 more lanes not shown" in many.note
    assert len(many.rows) == MOST_ROWS


def test_where_nothing_was_measured_there_is_nothing_to_draw() -> None:
    *before, _ = timeline()
    over = finished(outcome=Status.FAILED).model_copy(update={"measured": ()})
    with pytest.raises(ValueError, match="nothing was measured"):
        report_strip(report((*before, over)))


def test_what_nobody_looked_at_is_not_drawn_as_down() -> None:
    (one,) = measured().outages
    since, until = one.began_by + SECOND / 10, one.began_by + SECOND / 5
    away = Unobserved(since=since, until=until)
    (row,) = drawn(measured(unobserved=(away,))).rows
    assert [(each.since, each.until) for each in row.stretches if each.shade is Shade.DOWN] == [
        (one.began_by, since),
        (until, one.ended_between[0]),
    ]
