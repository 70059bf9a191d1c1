"""The report: what the upgrade cost, for programs as JSON and for people as Markdown."""

import json
from datetime import datetime, timedelta

import pytest

from bot.domain.attempts import Outcome
from bot.domain.claims import Agreement
from bot.domain.expectation import expect
from bot.domain.keeping import Fate
from bot.domain.lag import Lag
from bot.domain.measurement import Measurement, RoundTrip
from bot.domain.preflight import Finding, Severity
from bot.domain.recorded import WHICH
from bot.domain.report import Report, report
from bot.domain.status import Status
from bot.domain.timeline import (
    Approved,
    CannotUse,
    Entry,
    Finished,
    Forecast,
    Intended,
    Moved,
    Ordered,
    Reached,
)  # fmt: skip
from bot.domain.ways import Way
from bot.domain.zero_downtime import Obstacle, Outlook
from bot.messages.markdown import report_markdown
from tests.domain.making import (
    AP,
    EU,
    MINA,
    MINUTE,
    NOON,
    SECOND,
    SORA,
    TEXTS,
    US,
    dropped_session,
    kept_session,
    outage,
    plan,
    proposed,
    rds_said,
    rule,
    unwatched,
)

ORDERED = NOON + 2 * MINUTE
OVER = ORDERED + 192 * SECOND
WARNING = Finding(check="snapshot", severity=Severity.WARNING, text="no manual snapshot | in the last 24 h")


def measured(region: str = US, use: str = "writer", **other: object) -> Measurement:
    made: dict[str, object] = {
        "region": region, "use": use, "vantage": region, "since": NOON, "until": OVER, "attempts": 1300, "failed": 11,
        "unknown": 0, "outages": (outage(150, 152.7),),
    }  # fmt: skip
    return Measurement.model_validate(made | other)


def finished(*measurements: Measurement, outcome: Status = Status.SUCCEEDED) -> Finished:
    versions = {US: "18.6.1", AP: "18.6"}
    return Finished(at=OVER, outcome=outcome, why="It is done.", versions=versions, measured=measurements)


def reached(version: str, at: datetime = NOON) -> Reached:
    return Reached(at=at, region=US, use="writer", vantage=US, version=version)


def timeline(*measurements: Measurement, reason: str = "patch for CVE") -> tuple[Entry, ...]:
    digest = plan().digest
    return (
        proposed(under=rule(approvals=2), reason=reason, findings=(WARNING,)),
        reached("18.4.1"),
        Approved(at=NOON + SECOND, by=MINA, digest=digest, count=1, needed=2),
        Approved(at=NOON + MINUTE, by=SORA, digest=digest, count=2, needed=2),
        Intended(at=ORDERED, digest=digest, approved_by=(MINA, SORA)),
        Ordered(at=ORDERED),
        reached("18.6.1"),
        reached("18.6.1").model_copy(update={"region": AP, "use": "reader"}),
        rds_said("DB instance restarted", ORDERED + MINUTE, source="instance"),
        rds_said(TEXTS["started"], ORDERED + SECOND),
        finished(*(measurements or (measured(), measured(AP, "reader", outages=())))),
    )


NEAR = RoundTrip(median=timedelta(microseconds=212), of=512)


def made(*measurements: Measurement) -> Report:
    return report(timeline(*measurements))


def test_it_names_what_was_asked_by_whom_and_who_let_it_happen() -> None:
    one = made()
    assert (one.upgrade, one.account, one.global_cluster) == ("orders-4f5e6d7c", "123456789012", "orders")
    assert (one.from_version, one.target, one.outcome, one.why) == ("18.4", "18.6", Status.SUCCEEDED, "It is done.")
    assert (one.proposed_by, one.reason, one.proposed_at) == ("U0AKI", "patch for CVE", NOON)
    assert [(each.by, each.at) for each in one.decisions] == [(MINA, NOON + SECOND), (SORA, NOON + MINUTE)]
    assert {one.digest, *(each.digest for each in one.decisions)} == {plan().digest}
    assert (one.ordered_at, one.finished_at, one.took) == (ORDERED, OVER, timedelta(minutes=3, seconds=12))
    assert one.findings == (WARNING,)


def test_versions_are_as_exact_as_somebody_said_before_the_order_and_after() -> None:
    """The secondary's endpoint was reached after the order only: that says nothing of what it ran before."""
    assert [(each.region, each.cluster, each.role, each.before, each.after) for each in made().members] == [
        ("us-east-1", "orders-us", "writer", "18.4.1", "18.6.1"),
        ("ap-northeast-1", "orders-ap", "secondary", "18.4", "18.6"),
    ]


def test_downtime_is_given_in_seconds_between_bounds() -> None:
    writer, reader = made().endpoints
    assert (writer.at_least, writer.at_most, writer.failed) == (2.6, 2.8, 11)
    (only,) = writer.outages
    assert (only.at_least, only.at_most, only.version_after) == (2.6, 2.8, "18.6.1")
    assert only.outcomes == (Outcome.REFUSED, Outcome.STARTING_UP)
    assert (reader.at_least, reader.at_most, reader.outages) == (0, 0, ())


def test_what_nobody_watched_may_have_been_downtime() -> None:
    away = unwatched(140, 147)
    (one,) = made(measured(unobserved=(away,))).endpoints
    assert (one.at_least, one.at_most, one.unobserved) == (2.6, 9.8, (away,))


def test_who_did_not_come_back_has_no_upper_bound() -> None:
    still_down = outage(150, 152.7).model_copy(update={"ended_by": None, "first_ok_at": None})
    (one,) = made(measured(outages=(still_down,))).endpoints
    assert (one.at_least, one.at_most, one.outages[0].at_most, one.outages[0].ended_by) == (2.6, None, None, None)


@pytest.mark.parametrize("attempts", [0, 500])
def test_what_never_answered_has_no_bounds_at_all(attempts: int) -> None:
    (one,) = made(measured(since=None, attempts=attempts, unknown=attempts, failed=0, outages=())).endpoints
    assert (one.at_least, one.at_most, one.since) == (None, None, None)


def test_what_rds_said_is_in_the_order_in_which_it_happened() -> None:
    assert [(each.message, each.meaning) for each in made().rds_events] == [
        (TEXTS["started"], "started"),
        ("DB instance restarted", "restarted"),
    ]


@pytest.mark.parametrize("length", [1, 5, 9])
def test_there_is_no_report_of_what_is_not_over(length: int) -> None:
    with pytest.raises(ValueError, match="has not finished"):
        report(timeline()[:length])


def test_a_timeline_that_lacks_its_order_still_has_a_report() -> None:
    one = report((proposed(), finished()))
    assert (one.ordered_at, one.took, one.digest, one.decisions) == (None, None, "", ())
    assert [each.before for each in one.members] == ["18.4", "18.4"]


def test_json_holds_all_of_it_with_seconds_as_numbers_and_times_in_utc() -> None:
    one = made(measured(since=None, outages=()), measured(AP, "reader"))
    text = one.model_dump_json()
    assert Report.model_validate_json(text) == one
    read = json.loads(text)
    assert (read["schema_version"], read["took"], read["outcome"]) == (1, 192.0, "succeeded")
    assert (read["endpoints"][0]["at_least"], read["endpoints"][1]["at_most"]) == (None, 2.8)
    assert read["ordered_at"] == "2026-04-11T12:02:00Z"


def test_markdown_says_it_to_people() -> None:
    still_down = outage(150, 152.7).model_copy(update={"ended_by": None, "first_ok_at": None})
    never = measured(AP, "reader", vantage="us-east-1", since=None, attempts=5, failed=0, unknown=5, outages=())
    away = unwatched(140, 147)
    missed = measured(EU, "reader", vantage=EU, outages=(), unobserved=(away,), resolution=0.3117 * SECOND)
    text = report_markdown(made(measured(), measured(outages=(still_down,), round_trip=NEAR), never, missed))
    assert text.startswith("# Upgrade of orders from 18.4 to 18.6: succeeded\n\n- It is done.\n")
    for line in (
        "- Proposed by U0AKI at 2026-04-11 12:00:00.000: patch for CVE",
        f"- Approved by U0MINA at 2026-04-11 12:00:01.000; U0SORA at 2026-04-11 12:01:00.000 (plan {plan().digest})",
        "- Ordered at 2026-04-11 12:02:00.000, over at 2026-04-11 12:05:12.000, took 3 min 12 s",
        "- Account 123456789012, upgrade orders-4f5e6d7c; all times are UTC",
        "| us-east-1 | orders-us | writer | 18.4.1 | 18.6.1 |",
        "| us-east-1 | writer | 2.600 s | 2.800 s | 1 | 1300 | 11 | 0 | never | unknown | us-east-1 | unknown |",
        "| us-east-1 | writer | 2.600 s | unknown | 1 | 1300 | 11 | 0 | never | unknown | us-east-1 | 0.2 ms (median of 512) |",
        "| ap-northeast-1 | reader | not measured | unknown | 0 | 5 | 0 | 5 | never | unknown | us-east-1 | unknown |",
        (
            "| eu-west-1 | reader | 0.000 s | 7.000 s | 0 | 1300 | 11 | 0 "
            "| 2026-04-11 12:02:20.000 to 2026-04-11 12:02:27.000 | up to 0.312 s | eu-west-1 | unknown |"
        ),
        (
            "- us-east-1 writer: began between 2026-04-11 12:02:29.950 and 2026-04-11 12:02:30.050, "
            "ended between 2026-04-11 12:02:32.650 and 2026-04-11 12:02:32.750 (refused, starting_up)"
        ),
        "| warning | snapshot | no manual snapshot \\| in the last 24 h |",
        "| 2026-04-11 12:03:00.000 | us-east-1 | orders-us-1 | DB instance restarted |",
    ):
        assert line in text.splitlines()


def test_it_says_from_where_and_how_far_away_it_was_measured() -> None:
    near, older = made(measured(round_trip=NEAR), measured(AP, "reader")).endpoints
    assert json.loads(near.model_dump_json())["round_trip"] == {"median": 0.000212, "of": 512}
    assert (near.vantage, older.round_trip) == (US, None)


def test_where_a_name_led_is_told_per_endpoint() -> None:
    moved = Moved(
        at=ORDERED + MINUTE, region=US, use="writer", vantage=US, was=("10.0.1.5",), now=("10.0.2.7", "10.0.2.8")
    )
    *told, end = timeline(measured(), measured(AP, "reader"))
    one = report((*told, moved, end))
    writer, reader = one.endpoints
    assert [(each.at, each.before, each.after) for each in writer.moves] == [(moved.at, moved.was, moved.now)]
    assert reader.moves == ()
    assert (
        "- us-east-1 writer: at 2026-04-11 12:03:00.000 its name led to 10.0.2.7, 10.0.2.8, before that to 10.0.1.5"
    ) in report_markdown(one).splitlines()


def test_what_was_expected_and_forecast_is_beside_what_came_of_it() -> None:
    seen = Obstacle(who="pid 7", does=("1 temporary table",))
    outlook = Outlook(dropped=1, obstacles=(seen,), more=2, unread=("what other sessions do",))
    forecast = Forecast(at=NOON + SECOND, region=US, vantage=US, asked_at=NOON, outlook=outlook)
    first, *rest = timeline()
    one = report((first.model_copy(update={"expectation": expect(())}), forecast, *rest))
    assert one.expectation is not None
    assert (one.expectation.writer.worst, one.expectation.lasting.of) == (timedelta(seconds=2.701), 1)
    assert one.expectation.recorded == WHICH
    assert one.forecast is not None
    assert (one.forecast.at, one.forecast.dropped, one.forecast.more) == (forecast.at, 1, 2)
    assert (one.forecast.findings, one.forecast.unread) == (("pid 7: 1 temporary table",), ("what other sessions do",))
    assert Report.model_validate_json(one.model_dump_json()) == one
    assert (made().expectation, made().forecast) == (None, None), "nothing of that is in older timelines"


def test_enough_past_upgrades_need_no_recorded_one() -> None:
    past = [(MINUTE, (measured(), measured(AP, "reader")))] * 5
    first, *rest = timeline()
    one = report((first.model_copy(update={"expectation": expect(past)}), *rest))
    assert one.expectation is not None
    assert (one.expectation.recorded, one.expectation.writer.of) == (None, 5)


def test_markdown_leaves_out_what_there_is_not() -> None:
    bare = report((proposed(reason=""), finished(measured(outages=()))))
    lines = report_markdown(bare).splitlines()
    assert "- Proposed by U0AKI at 2026-04-11 12:00:00.000" in lines
    assert "- Ordered at never, over at 2026-04-11 12:05:12.000" in lines
    assert not any("began between" in line for line in lines)
    member_unknown = report((proposed(), finished().model_copy(update={"versions": {}})))
    assert "| us-east-1 | orders-us | writer | 18.4 | unknown |" in report_markdown(member_unknown)


def test_a_reason_of_many_lines_stays_one_line() -> None:
    text = report_markdown(report(timeline(reason="first\n# not a title\nlast")))
    assert "- Proposed by U0AKI at 2026-04-11 12:00:00.000: first # not a title last" in text.splitlines()


def test_the_other_ways_have_their_sections_and_fields() -> None:
    lag, never = Lag(at_least=SECOND / 4, at=ORDERED, reads=9), Lag(at_least=0 * SECOND, at=None, reads=7)
    writer = measured(held=(kept_session(), dropped_session(2)), writes=measured(), outages=(outage(30, 31.2),))
    unseen = measured(since=None, resolution=None, outages=())
    reader = measured(AP, "reader", lag=lag, writes=unseen)
    other = measured(EU, "reader", lag=never, writes=measured(resolution=SECOND, outages=()))
    cannot = CannotUse(
        at=NOON, region=EU, use="reader", vantage=EU, way=Way.ROW, outcome=Outcome.AUTH, detail="no\nrelation"
    )
    claim = (
        "Attempt to upgrade the database instance 'orders-us-1' with zero downtime finished. The process took 500 ms, "
        "65 connections preserved, 0 connections dropped."
    )
    *before, end = timeline(writer, reader, other)
    one = report((*before, cannot, rds_said(claim, NOON + 31 * SECOND), end))
    assert [each.fate for each in one.endpoints[0].held] == [Fate.SURVIVED, Fate.DROPPED]
    assert one.endpoints[0].held[0].stood_still_at_most == 1.3
    assert one.endpoints[1].lag is not None
    (compared,) = one.zero_downtime
    assert (compared.agreement, compared.held_survived, compared.held_dropped) == (Agreement.NO, 1, 1)
    text = report_markdown(one)
    for line in (
        "| us-east-1 | writer | 1 | survived | 1.100 s | 1.300 s | 2026-04-11 12:00:00.000 | never |  |",
        (
            "| us-east-1 | writer | 2 | dropped | not noticeably | not noticeably | 2026-04-11 12:00:00.000 | "
            "between 2026-04-11 12:00:30.000 and 2026-04-11 12:00:31.000 | 57P01 terminating connection \\| due to administrator command |"
        ),
        (
            "- us-east-1, 2026-04-11 12:00:31.000: RDS says 0.500 s, 65 connections preserved, 0 dropped; of the sessions held here "
            "1 preserved and 1 dropped, standing still at most 1.300 s: disagrees; RDS counts 0 dropped connections, "
            "and here 1 session was dropped"
        ),
        "| us-east-1 | writer | 2.600 s | 2.800 s | 1 | 1300 | 11 | 0 | unknown |",
        "| ap-northeast-1 | reader | not measured | unknown | 0 | 1300 | 11 | 0 | unknown |",
        "- ap-northeast-1 reader: behind what was written by at least 0.250 s at 2026-04-11 12:02:00.000, the most in 9 reads",
        "- eu-west-1 reader: never seen behind what was written, in 7 reads",
        "- eu-west-1 reader: row since 2026-04-11 12:00:00.000: auth no relation",
    ):
        assert line in text
