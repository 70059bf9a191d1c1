"""What the thread says of each entry, word for word."""

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Outcome
from bot.domain.keeping import Fate
from bot.domain.lag import Lag
from bot.domain.measurement import Measurement, RoundTrip
from bot.domain.quorum import Need
from bot.domain.report import report
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import (
    Approved,
    CameBack,
    Cancelled,
    CannotMeasure,
    CannotUse,
    Declined,
    Entry,
    Expired,
    Finished,
    Forecast,
    Held,
    Intended,
    LookedAway,
    MemberSeen,
    Moved,
    NotOrdered,
    Ordered,
    Overdue,
    Proposed,
    Reached,
    Reminded,
    Reopened,
    Replanned,
    SessionsKept,
    WentDown,
    Withdrawn,
)
from bot.domain.ways import Way
from bot.domain.zero_downtime import Obstacle, Outlook
from bot.messages.thread import OUTCOMES, is_line, report_comment, said_of
from tests.domain.making import (
    AKI,
    AP,
    DBA,
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
from tests.domain.walking import GROWN

AT = NOON + 2 * MINUTE
CLOCK = "<!date^1775908920^{time_secs}|2026-04-11 12:02:00 UTC>"
MINOR_REFUSALS = (
    (
        "ModifyGlobalCluster doesn't support minor version upgrades for Aurora global databases. To upgrade to a newer minor "
        "version, call ModifyDBCluster for each member of your global cluster."
    ),
    (
        "ModifyGlobalCluster only supports Major Version Upgrades. To patch the members of your global cluster to a newer "
        "minor version you need to call ModifyDbCluster in each one of them."
    ),
    "Amazon RDS can't perform minor version upgrades through ModifyGlobalCluster for this database engine.",
)
ONE_BY_ONE = "Managed minor upgrades are not offered here: upgrade the members one by one with ModifyDBCluster, secondaries first."


SEATS = (Need(approvers=(DBA,)), Need(approvers=(SORA,)))


def told(entry: Entry, *before: Entry) -> str | None:
    """As the narrator does: the story up to and with this entry."""
    if isinstance(entry, Proposed):
        return said_of(entry, tell((entry,)))
    return said_of(entry, tell((proposed(under=rule([DBA, SORA])), *before, entry)))


def refused(code: str, message: str = "No.") -> str:
    return told(NotOrdered(at=AT, code=code, message=message)) or ""


def measured(region: str = US, use: str = "writer", **other: object) -> Measurement:
    made: dict[str, object] = {
        "region": region, "use": use, "vantage": region, "since": NOON, "until": AT, "attempts": 1300, "failed": 11,
        "unknown": 0, "outages": (outage(),),
    }  # fmt: skip
    return Measurement.model_validate(made | other)


def finished(
    *measurements: Measurement, outcome: Status = Status.SUCCEEDED, versions: dict[str, str] | None = None
) -> str:
    entry = Finished.model_validate(
        {
            "at": AT + 192 * SECOND, "outcome": outcome, "why": "RDS shows upgrade-failed.", "measured": measurements,
            "versions": {US: "18.6.1", AP: "18.6.1"} if versions is None else versions,
        }
    )  # fmt: skip
    return told(entry, Ordered(at=AT)) or ""


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (proposed(), "<@U0AKI> proposed this: “patch for CVE”"),
        (proposed(reason=""), "<@U0AKI> proposed this."),
        (Approved(at=AT, by=MINA, digest="d", count=1, needed=1), "<@U0MINA> approved. 1 of 1."),
        (Approved(at=AT, by=MINA, digest="d", count=1, needed=2), "<@U0MINA> approved. 1 of 2."),
        (Withdrawn(at=AT, by=MINA, count=0, needed=1), "<@U0MINA> withdrew their approval. 0 of 1."),
        (
            Reminded(at=AT, missing=1, expires_at=AT),
            (
                "<!subteam^S0DBA>, <@U0SORA>: 1 approval still needed; this expires "
                "<!date^1775908920^{date_short_pretty} {time}|2026-04-11 12:02:00 UTC>."
            ),
        ),
        (
            Reopened(at=AT, counting=(MINA,), needed=2, approvers=(DBA,)),
            (
                "The policy in force asks for 2 approvals, and 1 of those given counts under it. "
                "1 more approval needed from <!subteam^S0DBA>."
            ),
        ),
        (
            Reopened(at=AT, counting=(), needed=2, approvers=(DBA, SORA)),
            (
                "The policy in force asks for 2 approvals, and none of those given count under it. "
                "2 more approvals needed from <!subteam^S0DBA>, <@U0SORA>."
            ),
        ),
        (
            Reopened(at=AT, counting=(), needed=2, approvers=(DBA, SORA), missing=(SEATS[0], SEATS[1])),
            (
                "The policy in force asks for 2 approvals, and none of those given count under it. "
                "Still needed: one of <!subteam^S0DBA> and one of <@U0SORA>."
            ),
        ),
        (
            Reopened(at=AT, counting=(MINA,), needed=2, approvers=(DBA, SORA), missing=SEATS[1:]),
            (
                "The policy in force asks for 2 approvals, and 1 of those given counts under it. "
                "1 more approval needed from <@U0SORA>."
            ),
        ),
        (
            Replanned(
                at=AT, plan=GROWN, findings=(), changes=("instance b is new", "instance c is gone"),
                count=0, needed=1, missing=SEATS[:1], rule=rule([DBA, SORA]),
            ),
            (
                "The cluster has changed since it was planned. Look at the card: 0 of 1 approvals are for all of it.\n"
                "• instance b is new\n• instance c is gone"
            ),
        ),
        (
            Replanned(at=AT, plan=plan(), findings=(), changes=("c is gone",), count=1, needed=1, rule=rule([DBA, SORA], 2)),
            (
                "The cluster has changed since it was planned; all that is planned now was approved, so it goes on.\n"
                "• c is gone\nThe rule of aurora.toml has changed meanwhile: approvals 1 → 2."
            ),
        ),
        (Declined(at=AT, by=MINA), "<@U0MINA> declined. Nothing was changed."),
        (
            Declined(at=AT, by=MINA, why="not now\n12:00:00  us-east-1  cluster  all is <well>"),
            "<@U0MINA> declined. Nothing was changed.\n>not now\n>12:00:00  us-east-1  cluster  all is &lt;well&gt;",
        ),
        (Cancelled(at=AT, by=AKI), "<@U0AKI> cancelled. Nothing was changed."),
        (
            Cancelled(at=AT, by=None, why="the target is 18.5, not 18.6. Propose it again."),
            "Cancelled by the bot, nothing was changed: the target is 18.5, not 18.6. Propose it again.",
        ),
        (
            Expired(at=AT),
            "Expired before it was approved and ordered. Nothing was changed; propose it again when you need it.",
        ),
        (
            Held(at=AT, reasons=("orders-us is modifying", "No rule covers `orders`.")),
            "Approved, but the order waits: orders-us is modifying; No rule covers `orders`. It is given as soon as this is gone.",
        ),
        (Ordered(at=AT), "Ordered: ModifyGlobalCluster(orders, 18.6)."),
        (
            Ordered(at=AT, observed=True),
            "Ordered: ModifyGlobalCluster(orders, 18.6). The answer to the call was lost, but AWS is at work on it.",
        ),
        (
            NotOrdered(at=AT, code="", message=""),
            ("Not ordered, as far as AWS shows: the call got no answer, and there is no trace of it. "
            "The order is not given a second time; look at the global cluster, then propose again."),
        ),
        (
            rds_said(TEXTS["started"], AT),
            f"{CLOCK}  us-east-1  cluster  Database cluster engine minor version upgrade started. Cluster remains online.",
        ),
        (rds_said("DB instance restarted", AT, source="instance"), f"{CLOCK}  us-east-1  orders-us-1  DB instance restarted"),
        (
            WentDown(at=AT, region=AP, use="reader", outcome=Outcome.REFUSED),
            f"{CLOCK}  ap-northeast-1  reader  unreachable: connection refused",
        ),
        (
            CameBack(at=AT, region=AP, use="reader", outage=outage()),
            f"{CLOCK}  ap-northeast-1  reader  back after 2.6 to 2.8 s, now 18.6.1",
        ),
        (
            CameBack(at=AT, region=AP, use="reader", outage=outage(version=None)),
            f"{CLOCK}  ap-northeast-1  reader  back after 2.6 to 2.8 s",
        ),
        (
            CannotMeasure(at=AT, region=US, use="writer", vantage=US, outcome=Outcome.AUTH, detail="no such role"),
            (f"{CLOCK}  us-east-1  writer  cannot be measured: authentication failed (no such role). Please check user, password "
            "and database, and that the role may connect"),
        ),
        (
            CannotMeasure(at=AT, region=US, use="writer", vantage=US, outcome=Outcome.DNS, detail=""),
            (f"{CLOCK}  us-east-1  writer  cannot be measured: its name does not resolve. Please check the host name, and "
            "that this machine resolves it"),
        ),
        (
            SessionsKept(at=AT, region=US, use="writer", sessions=(kept_session(), kept_session(2, Fate.MOVED), kept_session(3))),
            f"{CLOCK}  us-east-1  writer  held sessions: 2 of 3 survived, 1 in another process, stood still at most 1.3 s",
        ),
        (
            SessionsKept(at=AT, region=US, use="writer", sessions=(kept_session(1, Fate.MOVED), kept_session(2, Fate.MOVED))),
            f"{CLOCK}  us-east-1  writer  held sessions: 2 of 2 survived in another process, stood still at most 1.3 s",
        ),
        (
            SessionsKept(at=AT, region=AP, use="reader", sessions=(dropped_session(), kept_session(2, Fate.LOST))),
            (f"{CLOCK}  ap-northeast-1  reader  held sessions: 0 of 2 survived, 1 dropped (57P01), "
            "of 1 nobody knows, for whoever held them is gone, stood still at most 1.3 s"),
        ),
        (
            CannotUse(at=AT, region=US, use="writer", vantage=US, way=Way.WRITE, outcome=Outcome.AUTH, detail="no relation"),
            f"{CLOCK}  us-east-1  writer  writes cannot be measured, the rest goes on: authentication failed (no relation)",
        ),
        (
            Overdue(at=AT, after=timedelta(minutes=90)),
            ("<@U0AKI>, <!subteam^S0DBA>, <@U0SORA>: this takes longer than 1 h 30 min. AWS has no cancel; the bot keeps "
            "following. Look at the RDS console, and open a case with AWS if nothing moves."),
        ),
        (
            Moved(at=AT, region=US, use="writer", vantage=US, was=("10.0.1.5",), now=("10.0.2.7",)),
            f"{CLOCK}  us-east-1  writer  now resolves to 10.0.2.7 (was 10.0.1.5)",
        ),
        (
            Moved(at=AT, region=US, use="reader", vantage=US, was=("10.0.1.5", "10.0.1.6"), now=("10.0.2.7",)),
            f"{CLOCK}  us-east-1  reader  now resolves to 10.0.2.7 too (so far 10.0.1.5, 10.0.1.6)",
        ),
        (Intended(at=AT, digest="d", approved_by=(MINA,)), None),
        (MemberSeen(at=AT, region=US, status="upgrading", version="18.4", instances=()), None),
        (Reached(at=AT, region=US, use="writer", vantage=US, version="18.4.1"), None),
    ],
)  # fmt: skip
def test_each_entry_has_its_words(entry: Entry, words: str | None) -> None:
    assert told(entry) == words


def test_what_nobody_watched_is_told_from_the_order_on() -> None:
    away = LookedAway(at=AT, region=US, use="writer", vantage=US, stretch=unwatched(113.8, 120))
    assert told(away) is None
    assert told(away, Ordered(at=AT)) == (
        f"{CLOCK}  us-east-1  writer  not watched for 6.2 s: nobody knows whether it was up"
    )
    assert is_line(away)


def test_a_forecast_is_told_when_it_has_changed() -> None:
    def foretold(*names: str) -> Forecast:
        obstacles = tuple(Obstacle(who=each, does=("1 temporary table",)) for each in names)
        outlook = Outlook(dropped=len(names), obstacles=obstacles)
        return Forecast(at=AT, region=US, vantage=US, asked_at=AT, outlook=outlook)

    assert told(foretold("pid 1")) is None, "the card shows it"
    assert told(foretold("pid 1"), foretold("pid 1")) is None
    assert told(foretold("pid 1", "<!here>"), foretold("pid 1")) == (
        "What stands in the way of zero downtime has changed; no order waits for that.\n"
        "• 2 sessions would be dropped, and it was 1\n"
        "• new: &lt;!here&gt;: 1 temporary table"
    )
    assert not is_line(foretold())
    crowd = told(foretold(*("&" * 300 for _ in range(12))), foretold()) or ""
    assert len(crowd) < 4000
    assert crowd.endswith("\n• and 3 more")


def test_the_end_tells_what_the_other_ways_saw_and_whether_rds_agrees() -> None:
    claim = (
        "Attempt to upgrade the database instance 'orders-us-1' with zero downtime finished. The process took 500 ms, "
        "65 connections preserved, 0 connections dropped. See the database error log for details."
    )
    restart = (outage(30, 31.2),)
    writer = measured(held=(kept_session(), kept_session(2, Fate.MOVED)), writes=measured(), outages=restart)
    lag = Lag(at_least=timedelta(seconds=0.25), at=AT, reads=9)
    reader = measured(AP, "reader", held=(dropped_session(), kept_session()), writes=measured(since=None), lag=lag)
    never = Lag(at_least=timedelta(), at=None, reads=9)
    other = measured(EU, "reader", held=(kept_session(),), writes=measured(outages=()), lag=never)

    def said(*measurements: Measurement) -> list[str]:
        end = Finished(at=AT, outcome=Status.SUCCEEDED, why="", versions={}, measured=measurements)
        return (told(end, rds_said(claim, NOON + 31 * SECOND)) or "").splitlines()[2:]

    rds = "Zero downtime in us-east-1: RDS says 0.5 s, 65 connections preserved, 0 dropped; "
    assert said(writer, reader, other) == [
        (
            "Held sessions: us-east-1 writer 1 of 2 survived, 1 in another process, stood still at most 1.3 s · "
            "ap-northeast-1 reader 0 of 1 survived, 1 dropped (57P01) · eu-west-1 reader 1 of 1 survived, stood still at most 1.3 s"
        ),
        (
            "Writes: us-east-1 writer not taken for 2.6 to 2.8 s · ap-northeast-1 reader were never taken · "
            "eu-west-1 reader no outage seen in 1300 attempts"
        ),
        "What was written: ap-northeast-1 reader behind by at least 0.250 s once · eu-west-1 reader never seen behind in 9 reads",
        f"{rds}of 2 sessions held here 2 preserved, 1 of them in another process, stood still at most 1.3 s: agrees.",
    ]
    assert said(measured(held=(dropped_session(),), outages=restart))[-1] == (
        f"{rds}of 1 session held here 1 dropped. That does not agree: RDS counts 0 dropped connections, "
        "and here 1 session was dropped."
    )
    assert said(measured()) == [f"{rds}no session was held here meanwhile, so that cannot be compared."]


def test_the_end_is_told_with_its_duration_versions_and_downtime() -> None:
    reader = measured(AP, "reader", outages=(outage(20, 21.3), outage(30, 31.4)))
    assert finished(measured(), reader) == (
        "Done in 3 min 12 s. us-east-1 18.6.1, ap-northeast-1 18.6.1.\n"
        "Downtime (new connections): us-east-1 writer 2.6 to 2.8 s · ap-northeast-1 reader 2.5 to 2.9 s"
    )


def test_a_rollback_and_a_failure_say_what_they_are() -> None:
    assert finished(outcome=Status.ROLLED_BACK, versions={US: "18.4.1"}) == (
        "Rolled back in 3 min 12 s: Aurora went back to 18.4 by itself. us-east-1 18.4.1.\n"
        "Downtime (new connections): nothing was measured"
    )
    assert finished(outcome=Status.FAILED, versions={}) == (
        "Failed in 3 min 12 s: <@U0AKI>, this needs a human. RDS shows upgrade-failed.\n"
        "Downtime (new connections): nothing was measured"
    )


def test_an_end_without_an_order_has_no_duration() -> None:
    entry = Finished(at=AT, outcome=Status.SUCCEEDED, why="", versions={US: "18.6.1"}, measured=())
    assert (told(entry) or "").startswith("Done. us-east-1 18.6.1.\n")


STILL_DOWN = outage().model_copy(update={"ended_by": None, "first_ok_at": None})


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (measured(outages=()), "us-east-1 writer none seen in 1300 attempts"),
        (
            measured(outages=(), resolution=0.251 * SECOND),
            "us-east-1 writer none seen in 1300 attempts, so none above 0.3 s",
        ),
        (measured(since=None, unknown=1300, outages=()), "us-east-1 writer could not be measured"),
        (measured(since=None, attempts=0, vantage="nowhere", outages=()), "us-east-1 writer could not be measured"),
        (measured(vantage=AP), "us-east-1 writer 2.6 to 2.8 s (measured from ap-northeast-1)"),
        (measured(outages=(STILL_DOWN,)), "us-east-1 writer at least 2.6 s and not back when the watch ended"),
        (measured(unobserved=(unwatched(20, 26.2),)), "us-east-1 writer 2.6 to 9.0 s (not watched for 6.2 s)"),
        (
            measured(outages=(), vantage=AP, unobserved=(unwatched(20, 26.2), unwatched(30, 33))),
            "us-east-1 writer none seen in 1300 attempts (measured from ap-northeast-1) (not watched for 9.2 s)",
        ),
    ],
)
def test_downtime_says_how_much_is_known(one: Measurement, words: str) -> None:
    assert finished(one).partition("\n")[2] == f"Downtime (new connections): {words}"


@pytest.mark.parametrize("message", MINOR_REFUSALS)
def test_where_there_is_no_managed_minor_upgrade_the_way_by_hand_is_named(message: str) -> None:
    assert refused("InvalidParameterCombination", message) == (
        f"AWS refused the order, nothing was changed. `InvalidParameterCombination`: {message}\n{ONE_BY_ONE}"
    )


@pytest.mark.parametrize(
    ("code", "instead"),
    [
        ("InvalidGlobalClusterStateFault", "Wait until the global cluster and all its members are available"),
        ("InvalidDBClusterStateFault", "Wait until the global cluster and all its members are available"),
        ("AccessDenied", "Give the bot's role rds:ModifyGlobalCluster on this global cluster"),
        ("Throttling", "The account makes too many calls to RDS just now"),
        ("InvalidParameterValue", "Mend what AWS names"),
    ],
)
def test_a_refusal_says_what_to_do_instead(code: str, instead: str) -> None:
    said = refused(code)
    assert said.startswith(f"AWS refused the order, nothing was changed. `{code}`: No.\n{instead}")


def test_every_outcome_of_an_attempt_has_its_words() -> None:
    assert set(OUTCOMES) == set(Outcome)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Outcome.REFUSED, "unreachable: connection refused"), (Outcome.TIMEOUT, "unreachable or slow: no answer in time")],
)
def test_of_silence_no_more_is_said_than_is_known(outcome: Outcome, words: str) -> None:
    fell = WentDown(at=AT, region=US, use="writer", outcome=outcome)
    story = tell((proposed(), fell))
    assert str(said_of(fell, story)).endswith(f"us-east-1  writer  {words}")


def test_lines_of_the_ticker_share_a_message_and_what_people_wait_for_stands_alone() -> None:
    line: Sequence[Entry] = (
        rds_said("hello"),
        Reached(at=AT, region=US, use="writer", vantage=US, version="18.4.1"),
        CannotMeasure(at=AT, region=US, use="writer", vantage=US, outcome=Outcome.DNS, detail=""),
        WentDown(at=AT, region=US, use="writer", outcome=Outcome.TIMEOUT),
        CameBack(at=AT, region=US, use="writer", outage=outage()),
    )
    assert all(map(is_line, line))
    alone: Sequence[Entry] = (
        proposed(),
        Declined(at=AT, by=MINA),
        Ordered(at=AT),
        Overdue(at=AT, after=MINUTE),
        Expired(at=AT),
    )
    assert not any(map(is_line, alone))


def test_the_report_comes_with_its_name() -> None:
    end = Finished(at=AT, outcome=Status.SUCCEEDED, why="", versions={}, measured=())
    assert report_comment(report((proposed(), end))) == "The report of `orders`, 18.4 to 18.6."


def test_the_report_says_from_where_it_was_measured() -> None:
    near = RoundTrip(median=timedelta(microseconds=249), of=512)
    found = measured(vantage=AP).model_copy(update={"round_trip": near})
    end = Finished(at=AT, outcome=Status.SUCCEEDED, why="", versions={}, measured=(found,))
    assert report_comment(report((proposed(), end))).splitlines()[1] == (
        "Measured: us-east-1 writer from ap-northeast-1, round trip 0.2 ms (median of 512)."
    )


NASTY = ["<!channel>", "<@U1>", "<!subteam^S1>", "<#C1>", "<http://evil|here>", "&", "\x00", "\u202e", "`", "*", "x"]
outside = st.lists(st.sampled_from(NASTY), max_size=8).map("".join)
TOKENS = re.compile(r"<[^>]*>")


def spoken(text: str) -> Sequence[Entry]:
    """Every entry that carries words from outside."""
    return (
        proposed(reason=text),
        Cancelled(at=AT, by=None, why=text),
        Held(at=AT, reasons=(text, text)),
        NotOrdered(at=AT, code="AccessDenied", message=text),
        NotOrdered(at=AT, code=text or "x", message=text),
        rds_said(text, AT),
        rds_said(text, AT, source="instance"),
        CannotMeasure(at=AT, region=US, use="writer", vantage=US, outcome=Outcome.OTHER, detail=text),
        CameBack(at=AT, region=US, use="writer", outage=outage(version=text)),
        Finished(at=AT, outcome=Status.FAILED, why=text, versions={US: text}, measured=()),
    )


@given(outside)
def test_nothing_from_outside_can_mention_link_or_format_a_date(text: str) -> None:
    for entry in spoken(text):
        said = told(entry) or ""
        meant = [token for token in TOKENS.findall(said) if not token.startswith("<!date^")]
        assert meant in ([], ["<@U0AKI>"])
        assert "\x00" not in said


@pytest.mark.parametrize("entry", spoken("é" * 5000), ids=lambda each: each.kind)
def test_however_long_it_is_slack_takes_it(entry: Entry) -> None:
    assert len(told(entry) or "") < 4000


def test_where_several_groups_are_asked_each_approval_says_who_is_still_needed() -> None:
    under = rule([DBA, SORA], approvals=2).model_copy(update={"needs": SEATS})
    first = Approved(at=AT, by=MINA, digest="d", count=1, needed=2, missing=SEATS[1:])
    last = first.model_copy(update={"count": 2, "missing": ()})
    assert said_of(first, tell([proposed(under=under), first])) == (
        "<@U0MINA> approved. 1 of 2. Still needed: one of <@U0SORA>."
    )
    assert said_of(last, tell([proposed(under=under), last])) == "<@U0MINA> approved. 2 of 2."
    back = Withdrawn(at=AT, by=MINA, count=1, needed=2, missing=SEATS[:1])
    assert said_of(back, tell([proposed(under=under), first, last, back])) == (
        "<@U0MINA> withdrew their approval. 1 of 2. Still needed: one of <!subteam^S0DBA>."
    )


def test_of_an_order_that_waits_whoever_proposed_it_hears_that_it_will_expire() -> None:
    held, due = Held(at=AT, reasons=("orders is frozen: month end",)), Reminded(at=AT, missing=0, expires_at=AT)
    expires = "<!date^1775908920^{date_short_pretty} {time}|2026-04-11 12:02:00 UTC>"
    said = said_of(due, tell([proposed(), Approved(at=AT, by=MINA, digest="d", count=1, needed=1), held, due]))
    assert said == f"<@U0AKI>: the order still waits, and this expires {expires}: orders is frozen: month end."
