"""The strip of an upgrade says what its report says: lanes, bounds, marks, and all of it in words."""

from datetime import timedelta

import pytest

from bot.domain.keeping import Fate, KeptSession
from bot.domain.measurement import Measurement
from bot.domain.report import report
from bot.domain.status import Status
from bot.domain.timeline import Entry
from bot.domain.unobserved import Unobserved
from bot.messages.report_strip import ALT, MOST_MARKS, report_strip
from bot.messages.strip import MOST_ROWS, Row, Shade, Strip
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

ZDP_DONE = (
    "Attempt to upgrade the database instance 'orders-us-1' with zero downtime finished. The process took 800 ms, 3 connections "
    "preserved, 0 connections dropped. See the database error log for details."
)
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


def to_the_end(session: KeptSession) -> KeptSession:
    return session.model_copy(update={"last_ok_at": OVER})


def anew(session: KeptSession, since: float) -> KeptSession:
    """The next one of its lane, opened so many seconds after noon."""
    opened = {"since": NOON + since * SECOND, "fate": Fate.SURVIVED, "last_ok_at": OVER, "dropped_by": None}
    return session.model_copy(update=opened)


def test_each_way_has_a_lane_of_its_own() -> None:
    held = (to_the_end(kept_session()), to_the_end(kept_session(2, Fate.MOVED)))
    writer = measured(held=held, writes=measured())
    dropped = (dropped_session(), anew(dropped_session(), 33))
    reader = measured(AP, "reader", held=dropped, writes=measured(outages=()))
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
    gone = dropped_session()
    assert [(each.shade, each.since, each.until) for each in rows[4].stretches[1:]] == [
        (Shade.PERHAPS, gone.last_ok_at, NOON + 33 * SECOND),
        (Shade.DOWN, gone.dropped_by, gone.dropped_by),
    ]
    assert (rows[-1].stretches, rows[-2].stretches) == ((), ())


def unseen(row: Row) -> list[tuple[float, float]]:
    """In seconds after noon."""
    away = [each for each in row.stretches if each.shade is Shade.UNOBSERVED]
    return [((each.since - NOON) / SECOND, (each.until - NOON) / SECOND) for each in away]


def test_no_lane_is_up_where_nobody_watched_it() -> None:
    """Of the writes nobody knows for a minute; of the first session since its holder died, and the second was given up."""
    lost = kept_session(1, Fate.LOST)
    held = (
        lost,
        anew(lost, 75),
        to_the_end(kept_session(2)).model_copy(update={"unobserved": (unwatched(20, 25),)}),
        kept_session(3),
    )
    writes = measured(since=ORDERED + SECOND, unobserved=(unwatched(200, 260),))
    _, sessions, written = drawn(measured(outages=(), held=held, writes=writes)).rows
    assert unseen(sessions) == [(60, 75), (20, 25), (60, (OVER - NOON) / SECOND)]
    assert sessions.verdict.endswith("1 lost sight of, stood still at most 1.3 s, not watched for 257.0 s")
    assert unseen(written)[1:] == [(200, 260)]
    assert unseen(written)[0][1] == (ORDERED + SECOND - NOON) / SECOND
    assert written.verdict == "not taken for 2.6 to 62.8 s, not watched for 60.0 s"


def test_a_session_that_was_opened_late_was_not_watched_before() -> None:
    opened = to_the_end(kept_session()).model_copy(update={"since": ORDERED + SECOND, "longest": None})
    _, sessions = drawn(measured(held=(opened,))).rows
    assert unseen(sessions)[0][1] == (ORDERED + SECOND - NOON) / SECOND


def test_of_an_outage_that_is_proven_in_part_only_its_ends_are_drawn_as_down() -> None:
    """Refused, then only time-outs, then refused."""
    in_part = outage(150, 152.7).model_copy(update={"unobserved": 1.5 * SECOND})
    strip = drawn(measured(outages=(in_part,)))
    assert [(each.since, each.until) for each in strip.rows[0].stretches if each.shade is Shade.DOWN] == [
        (in_part.began_by, in_part.began_by),
        (in_part.last_failure_at, in_part.last_failure_at),
    ]
    (near,) = strip.closeups
    assert near.row.spans[-1].text == "down at least 1.1 s of this"


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
        *(said(ZDP_DONE, 60 + each, US, source) for each, source in enumerate(("cluster", "instance"))),
    )
    assert [(each.at - ORDERED, each.text) for each in drawn(measured(), events=events).marks] == [
        (0 * SECOND, "ordered"),
        (2 * SECOND, "ap-northeast-1: upgrade started"),
        (33 * SECOND, "ap-northeast-1 instance of ap-northeast-1: restarted"),
        (60 * SECOND, "us-east-1: zero-downtime patching finished"),
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
