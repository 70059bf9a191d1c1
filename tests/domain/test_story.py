"""The story is the fold of the timeline, and agrees with the record whatever happened."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Outcome
from bot.domain.expectation import expect
from bot.domain.ids import Region
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.story import Story, Watched, tell
from bot.domain.timeline import (
    ENTRY,
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
    OverBudget,
    Overdue,
    RdsSaid,
    Reached,
    Reminded,
    Reopened,
    Replanned,
    SessionsKept,
    Slower,
    WentDown,
    Withdrawn,
)
from bot.domain.upgrade import Upgrade
from bot.domain.ways import Way
from bot.domain.zero_downtime import Obstacle, Outlook
from tests.domain.making import (
    AKI,
    AP,
    DBA,
    MINA,
    MINUTE,
    NOON,
    SECOND,
    SORA,
    US,
    cluster,
    dropped_session,
    kept_session,
    member,
    outage,
    plan,
    proposed,
    rds_said,
    rule,
    unwatched,
)
from tests.domain.walking import walks

AT = NOON + 3 * MINUTE
INTENDED = Intended(at=AT, digest="d", approved_by=(MINA,))


def after(*entries: Entry) -> Story:
    return tell((proposed(), *entries))


def approved(count: int = 1, needed: int = 1) -> Approved:
    return Approved(at=AT, by=MINA, digest=plan().digest, count=count, needed=needed)


def reached(region: Region = US, use: str = "writer", version: str = "18.4.1") -> Reached:
    return Reached(at=AT, region=region, use=use, vantage=region, version=version)


def went_down(region: Region = US, use: str = "writer") -> WentDown:
    return WentDown(at=AT, region=region, use=use, outcome=Outcome.REFUSED)


def came_back(down: float, up: float, version: str | None = "18.6.1") -> CameBack:
    return CameBack(at=NOON + up * SECOND, region=US, use="writer", outage=outage(down, up, version))


def looked_away(since: float, until: float) -> LookedAway:
    stretch = unwatched(since, until)
    return LookedAway(at=stretch.until, region=US, use="writer", vantage=US, stretch=stretch)


MOVED = Moved(at=AT, region=US, use="writer", vantage=US, was=("10.0.1.5",), now=("10.0.2.7",))


def watched(*entries: Entry) -> Watched:
    (only,) = after(*entries).watched.values()
    return only


def test_a_timeline_begins_with_its_proposal() -> None:
    first = proposed()
    assert after() == Story(
        proposed=first, version=1, needed=1, approvers=(DBA,),
        plans=(first.plan,), findings=first.findings, rule=first.rule, told_until=first.at,
    )  # fmt: skip
    for wrong in ((), (approved(),), (approved(), proposed())):
        with pytest.raises(ValueError, match="begins with its proposal"):
            tell(wrong)


def test_a_proposal_that_is_told_again_is_still_the_proposal() -> None:
    assert after(proposed()) == after().model_copy(update={"version": 2})


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (approved(), Status.APPROVED),
        (approved(count=1, needed=2), Status.PROPOSED),
        (Declined(at=AT, by=MINA), Status.DECLINED),
        (Cancelled(at=AT, by=AKI), Status.CANCELLED),
        (Expired(at=AT), Status.EXPIRED),
        (Held(at=AT, reasons=("busy",)), Status.PROPOSED),
        (INTENDED, Status.ORDERING),
        (Ordered(at=AT), Status.UPGRADING),
        (NotOrdered(at=AT, code="AccessDenied", message="no"), Status.REFUSED),
        (Finished(at=AT, outcome=Status.FAILED, why="broken", versions={}, measured=()), Status.FAILED),
        (Overdue(at=AT, after=timedelta(minutes=90)), Status.PROPOSED),
        (rds_said("hello"), Status.PROPOSED),
        (reached(), Status.PROPOSED),
    ],
)
def test_each_entry_moves_the_story_where_it_moved_the_upgrade(entry: Entry, status: Status) -> None:
    story = after(entry)
    assert story.status is status
    assert story.ended_at == (AT if status.is_final else None)


def test_who_decided_is_kept() -> None:
    story = after(approved(1, 2), approved(2, 2).model_copy(update={"by": SORA}))
    assert [each.by for each in story.approved] == [MINA, SORA]
    assert after(declined := Declined(at=AT, by=MINA)).declined == declined
    cancelled = Cancelled(at=AT, by=None, why="the plan changed")
    assert after(cancelled).cancelled == cancelled


def test_who_no_longer_counts_is_asked_for_again() -> None:
    reopened = Reopened(at=AT, counting=(SORA,), needed=2, approvers=("S0NEW",))
    story = after(
        approved(1, 2), approved(2, 2).model_copy(update={"by": SORA}), Held(at=AT, reasons=("busy",)), reopened
    )
    assert (story.status, [each.by for each in story.approved], story.held_for) == (Status.PROPOSED, [SORA], ())
    assert (story.needed, story.approvers) == (2, ("S0NEW",))


def test_who_withdrew_is_no_longer_among_those_who_approved() -> None:
    story = after(approved(), Held(at=AT, reasons=("busy",)), Withdrawn(at=AT, by=MINA, count=0, needed=1))
    assert (story.status, story.approved, story.held_for) == (Status.PROPOSED, (), ())
    first = approved(1, 2).model_copy(update={"missing": (Need(approvers=("S0OWNER",)),)})
    assert after(first, Withdrawn(at=AT, by=MINA, count=0, needed=2)).asked == (Need(approvers=(DBA,), approvals=2),)


def test_whose_approvals_are_asked_for_is_what_the_last_entry_says() -> None:
    seat, other = Need(approvers=(DBA,)), Need(approvers=("S0OWNER",))
    assert after().asked == (seat,)
    assert after(approved()).asked == ()
    assert after(approved(1, 3)).asked == (Need(approvers=(DBA,), approvals=2),)
    first = approved(1, 2).model_copy(update={"missing": (other,)})
    assert after(first).asked == (other,)
    second = approved(2, 2).model_copy(update={"by": SORA})
    assert after(first, second).asked == ()
    reopened = Reopened(at=AT, counting=(), needed=2, approvers=(DBA, "S0OWNER"), missing=(seat, other))
    assert after(first, second, reopened).asked == (seat, other)


def test_a_hold_lasts_until_the_order() -> None:
    held = Held(at=AT, reasons=("busy",))
    assert after(approved(), held).held_for == ("busy",)
    assert after(approved(), held, INTENDED).held_for == ()


def test_of_each_member_the_latest_is_known() -> None:
    one = MemberSeen(at=AT, region=US, status="upgrading", version="18.4", instances=("available",))
    two = one.model_copy(update={"status": "available", "version": "18.6"})
    other = one.model_copy(update={"region": AP})
    assert after(one, other, two).members == {US: two, AP: other}


def test_what_rds_said_and_how_it_ended_is_kept() -> None:
    said, late = rds_said("hello"), Overdue(at=AT, after=timedelta(minutes=90))
    no = NotOrdered(at=AT, code="AccessDenied", message="no")
    assert (after(said, late).rds, after(said, late).overdue) == ((said,), late)
    assert after(INTENDED, Ordered(at=AT)).ordered_at == AT
    assert after(INTENDED, no).not_ordered == no


def test_an_endpoint_goes_down_and_comes_back_on_a_new_version() -> None:
    down = watched(reached(), went_down())
    assert (down.version, down.down_since, down.at_most) == ("18.4.1", AT, None)
    back = watched(reached(), went_down(), came_back(10, 12.7))
    assert (back.version, back.down_since) == ("18.6.1", None)
    assert (back.at_least, back.at_most) == (timedelta(seconds=2.6), timedelta(seconds=2.8))


def test_of_an_outage_what_came_before_the_order_is_no_cost() -> None:
    """The order is given 180 seconds after noon. An outage that was over before may be told after it."""
    across = watched(reached(), INTENDED, came_back(178, 182.7))
    assert (across.at_least, across.at_most) == (timedelta(seconds=2.65), timedelta(seconds=2.75))
    assert watched(reached(), INTENDED, came_back(170, 172.7)).outages == ()


def test_outages_add_up() -> None:
    twice = watched(reached(), went_down(), came_back(10, 12.7), went_down(), came_back(20, 21))
    assert (twice.at_least, twice.at_most) == (timedelta(seconds=3.5), timedelta(seconds=3.9))


def test_what_nobody_looked_at_may_have_been_an_outage() -> None:
    seen = watched(reached(), went_down(), came_back(10, 12.7), looked_away(20, 25))
    assert (seen.at_least, seen.at_most) == (timedelta(seconds=2.6), timedelta(seconds=7.8))
    assert watched(reached(), looked_away(20, 25), INTENDED).unobserved == ()


def test_where_its_name_led_is_known_of_each_endpoint() -> None:
    assert watched(INTENDED, reached(), MOVED).moves == (MOVED,)


def test_what_is_gone_from_the_plan_is_not_watched_any_more() -> None:
    alone = plan(cluster(member(US)))
    gone = Replanned(
        at=AT, plan=alone, findings=(), changes=("one",), count=0, needed=1, missing=(Need(approvers=(DBA,)),), rule=rule()
    )  # fmt: skip
    there, left = went_down(), went_down(AP, "reader")
    assert [*after(there, left, gone).watched] == ["us-east-1/writer"]
    assert [*after(there, gone, left).watched] == ["us-east-1/writer"], "nor is what its prober said last"
    back = gone.model_copy(update={"plan": plan()})
    assert [*after(there, gone, back, left).watched] == ["us-east-1/writer", "ap-northeast-1/reader"]


def test_an_outage_without_a_beginning_has_no_upper_bound() -> None:
    unbounded = outage().model_copy(update={"last_ok_at": None})
    back = watched(CameBack(at=AT, region=US, use="writer", outage=unbounded))
    assert back.at_most is None


def test_who_comes_back_without_a_version_runs_what_it_ran() -> None:
    assert watched(reached(), went_down(), came_back(10, 12, version=None)).version == "18.4.1"


def test_outages_before_the_order_are_no_cost_of_it() -> None:
    before = (reached(), went_down(), came_back(10, 12.7))
    assert len(watched(*before).outages) == 1
    assert watched(*before, INTENDED).outages == ()
    assert watched(*before, INTENDED, went_down()).down_since == AT


@pytest.mark.parametrize(
    ("detail", "why"), [("password authentication failed", "password authentication failed"), ("", "auth")]
)
def test_what_cannot_be_measured_says_why_until_it_can(detail: str, why: str) -> None:
    cannot = CannotMeasure(at=AT, region=US, use="writer", vantage=AP, outcome=Outcome.AUTH, detail=detail)
    assert (watched(cannot).cannot, watched(cannot).vantage) == (why, AP)
    assert watched(cannot, reached()).cannot is None


def test_the_version_of_a_region_is_what_its_endpoint_said() -> None:
    story = after(went_down(US, "reader"), reached(US, version="18.4.1"), reached(AP, "reader", "18.4.2"))
    assert story.version_of(US) == "18.4.1"
    assert story.version_of(AP) == "18.4.2"
    assert story.version_of(Region("eu-west-1")) is None


@given(walks)
def test_record_and_story_agree_after_any_moves(walked: tuple[Upgrade, tuple[Entry, ...]]) -> None:
    """What is decided on and what is told can never be two different things."""
    upgrade, told = walked
    story = tell(told)
    assert story.status == upgrade.status
    assert story.ended_at == upgrade.finished_at
    assert story.held_for == upgrade.held_for
    assert tuple(each.by for each in story.approved) == upgrade.approved_by
    assert tuple(story.members.values()) == upgrade.members
    assert (story.overdue and story.overdue.at) == upgrade.overdue_at
    assert (story.plan, story.proposed.rule.channel) == (upgrade.plan, upgrade.channel)
    assert (story.needed, story.approvers) == (upgrade.rule.approvals, upgrade.rule.approvers)


@given(walks)
def test_a_story_goes_on_where_it_was_left(walked: tuple[Upgrade, tuple[Entry, ...]]) -> None:
    _, told = walked
    for cut in range(1, len(told)):
        story = tell(told[:cut])
        for entry in told[cut:]:
            story = story.after(entry)
        assert story == tell(told)


def one_of_each() -> Sequence[Entry]:
    return (
        proposed(), approved(), Reopened(at=AT, counting=(MINA,), needed=2, approvers=(DBA,)),
        Replanned(at=AT, plan=plan(), findings=(), changes=("more",), count=0, needed=1, rule=proposed().rule),
        Withdrawn(at=AT, by=MINA, count=0, needed=1), Reminded(at=AT, missing=1, expires_at=AT),
        Declined(at=AT, by=MINA), Cancelled(at=AT, by=None, why="gone"), Expired(at=AT),
        Held(at=AT, reasons=("busy",)), INTENDED, Ordered(at=AT, observed=True),
        NotOrdered(at=AT, code="AccessDenied", message="no"),
        MemberSeen(at=AT, region=US, status="upgrading", version="18.4", instances=("available",)),
        rds_said("Database cluster is online."), reached(),
        CannotMeasure(at=AT, region=US, use="writer", vantage=AP, outcome=Outcome.TLS, detail="expired"),
        went_down(), came_back(10, 12.7), looked_away(20, 25), MOVED,
        SessionsKept(at=AT, region=US, use="writer", sessions=(kept_session(), dropped_session(2))),
        CannotUse(at=AT, region=US, use="writer", vantage=US, way=Way.WRITE, outcome=Outcome.AUTH, detail="no table"),
        Overdue(at=AT, after=timedelta(minutes=90)),
        OverBudget(at=AT, region=US, use="writer", at_least=timedelta(seconds=6), budget=timedelta(seconds=5)),
        Slower(at=AT, lasting=timedelta(minutes=9), usual=expect(()).lasting),
        Forecast(at=AT, region=US, vantage=US, asked_at=AT, outlook=Outlook(dropped=None, unread=("no pg_monitor",))),
        Finished(at=AT, outcome=Status.SUCCEEDED, why="done", versions={US: "18.6.1"}, measured=()),
    )  # fmt: skip


@pytest.mark.parametrize("entry", one_of_each(), ids=lambda each: each.kind)
def test_an_entry_survives_the_store(entry: Entry) -> None:
    assert ENTRY.validate_json(ENTRY.dump_json(entry)) == entry


def test_none_is_missing_from_the_entries_tried_here() -> None:
    kinds = {
        branch["properties"]["kind"]["const"]
        for branch in ENTRY.json_schema()["$defs"].values()
        if "kind" in branch.get("properties", {})
    }
    assert {each.kind for each in one_of_each()} == kinds


@given(st.permutations(one_of_each()[1:]))
def test_no_order_of_entries_breaks_the_story(entries: Sequence[Entry]) -> None:
    """Watcher and prober write when they can; the story has an answer for any interleaving."""
    story = after(*entries)
    assert story.proposed.plan == plan()
    assert len(story.rds) == sum(isinstance(each, RdsSaid) for each in entries)
    assert story.proposed.rule == rule()


def test_the_latest_forecast_counts_and_says_what_it_found_changed() -> None:
    def foretold(*names: str) -> Forecast:
        looked = Outlook(
            dropped=len(names), obstacles=tuple(Obstacle(who=each, does=("DDL is running",)) for each in names)
        )
        return Forecast(at=AT, region=US, vantage=US, asked_at=AT, outlook=looked)

    first, second = foretold("pid 1"), foretold("pid 2")
    assert ENTRY.validate_json(ENTRY.dump_json(first)) == first
    assert (after(first).forecast, after(first).forecast_changes) == (first, ())
    assert after(first, second).forecast == second
    assert after(first, second).forecast_changes == ("new: pid 2: DDL is running", "gone: pid 1: DDL is running")
    assert after().forecast is None, "an older timeline has none"
