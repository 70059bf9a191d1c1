"""The decision of a turn: from the record and what AWS shows to the one next thing to do."""

from datetime import datetime, timedelta
from typing import Any, assert_never, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import moves
from bot.domain.driving import (
    Action,
    Alarm,
    Expire,
    Finish,
    GiveOrder,
    Lean,
    Patience,
    Remind,
    TakeAsAccepted,
    TakeAsLost,
    TellSlower,
    Wait,
    next_action,
)
from bot.domain.expectation import expect
from bot.domain.judging import Seen
from bot.domain.rds_events import Meaning, meaning_of
from bot.domain.status import Status
from bot.domain.topology import GlobalCluster, Instance, Member, Role
from bot.domain.upgrade import Upgrade
from tests.domain.making import (
    AP,
    EU,
    MINUTE,
    NOON,
    SECOND,
    TEXTS,
    US,
    approved,
    cluster,
    instance,
    member,
    ordering,
    plan,
    proposal,
    rule,
    upgrading,
)
from tests.domain.walking import in_status

INTENT = NOON + 2 * MINUTE
PATIENCE = Patience(
    quiet=90 * SECOND, settle=30 * SECOND, doubt=300 * SECOND, last_words=120 * SECOND, deadline=90 * MINUTE
)
SLOW = upgrading().model_copy(update={"expectation": expect(())})
OLD = cluster()
NEW = cluster(version="18.6")
AT_WORK = cluster(member(US), member(AP, status="upgrading"))


def ago(seconds: float) -> datetime:
    """That long after the intent."""
    return INTENT + seconds * SECOND


def look(seen: GlobalCluster | None, seconds: float = 60, *texts: str, said_at: float = 1) -> Seen:
    """All that RDS said until then has been heard."""
    said = [(meaning_of(text), ago(said_at)) for text in texts]
    return Seen(cluster=seen, at=ago(seconds), said=said, heard_until=ago(seconds))


def decide(
    upgrade: Upgrade, seen: GlobalCluster | None, seconds: float = 60, *texts: str, said_at: float = 1
) -> Action:
    return next_action(upgrade, look(seen, seconds, *texts, said_at=said_at), ago(seconds), PATIENCE)


def with_instance(version: str = "18.6", **other: Any) -> GlobalCluster:
    """Everything on that version, but one instance of the secondary."""
    odd = member(AP, version).model_copy(
        update={"instances": (instance("orders-ap-1", AP, **{"version": version} | other),)}
    )
    return cluster(member(US, version), odd, version=version)


def with_reader(status: str, version: str = "18.4") -> GlobalCluster:
    """Everything available on that version, and one more reader of the secondary that the plan does not name."""
    more = (instance("orders-ap-1", AP, version), instance("orders-ap-auto", AP, version, status=status))
    return cluster(member(US, version), member(AP, version).model_copy(update={"instances": more}), version=version)


class Following:
    """Looks at AWS second by second, as the driver does, until something other than a leaning is decided."""

    def __init__(self, upgrade: Upgrade) -> None:
        self.upgrade = upgrade

    def look(self, seen: GlobalCluster | None, seconds: float, *texts: str, said_at: float = 1) -> Action:
        action = decide(self.upgrade, seen, seconds, *texts, said_at=said_at)
        match action:
            case Lean(outcome=outcome, busy=busy):
                self.upgrade = moves.lean(self.upgrade, outcome, busy, ago(seconds))
            case Alarm():
                self.upgrade, _ = moves.overdue(self.upgrade, PATIENCE.deadline, ago(seconds))
            case _:
                pass
        return action

    def finds(self, seen: GlobalCluster | None, seconds: float, *texts: str, lasting: float = 30) -> Action:
        """Looks until it has lasted, then once more."""
        self.look(seen, seconds, *texts)
        return self.look(seen, seconds + lasting, *texts)

    def doubts(self, seen: GlobalCluster | None, seconds: float, *texts: str) -> Action:
        """As `finds`, of what AWS may still turn: the settle time is not enough for it."""
        assert not isinstance(self.finds(seen, seconds, *texts), Finish)
        return self.look(seen, seconds + 300, *texts)


# Before the order


@pytest.mark.parametrize(
    ("upgrade", "minutes", "action"),
    [
        (proposal()[0], 29, Wait()),
        (proposal()[0], 60, Expire()),
        (approved(), 59, GiveOrder()),
        (approved(), 60, Expire()),
    ],
)
def test_before_the_order_it_waits_for_people_then_orders_or_expires(
    upgrade: Upgrade, minutes: int, action: Action
) -> None:
    assert next_action(upgrade, None, NOON + minutes * MINUTE, PATIENCE) == action


def test_those_who_are_needed_are_reminded_half_way_and_near_the_end() -> None:
    upgrade, _ = proposal()
    when = [minute for minute in range(60) if next_action(upgrade, None, NOON + minute * MINUTE, PATIENCE) == Remind()]
    assert when == [*range(30, 60)]
    once, _ = moves.remind(upgrade, NOON + 31 * MINUTE)
    assert next_action(once, None, NOON + 53 * MINUTE, PATIENCE) == Wait()
    assert next_action(once, None, NOON + 54 * MINUTE, PATIENCE) == Remind()
    twice, _ = moves.remind(once, NOON + 54 * MINUTE)
    assert next_action(twice, None, NOON + 59 * MINUTE, PATIENCE) == Wait()


def test_where_there_is_little_time_nobody_is_reminded() -> None:
    upgrade, _ = proposal(under=rule(minutes=9))
    assert next_action(upgrade, None, NOON + 8.9 * MINUTE, PATIENCE) == Wait()


@pytest.mark.parametrize("status", [each for each in Status if each.is_final])
def test_nothing_is_done_about_what_is_over(status: Status) -> None:
    assert next_action(in_status(status), look(NEW), ago(10_000), PATIENCE) == Wait()


# An intent whose answer is lost


@pytest.mark.parametrize(
    "seen",
    [
        AT_WORK,
        cluster(status="upgrading"),
        cluster(member(US), member(AP, "18.6")),
        with_instance("18.4", status="upgrading"),
        NEW,
    ],
)
def test_an_order_that_aws_is_seen_to_act_on_was_accepted(seen: GlobalCluster) -> None:
    assert decide(ordering(), seen) == TakeAsAccepted()


@pytest.mark.parametrize("text", TEXTS)
def test_an_order_that_aws_speaks_of_was_accepted(text: str) -> None:
    assert decide(ordering(), OLD, 2, TEXTS[text]) == TakeAsAccepted()


@pytest.mark.parametrize(
    "seen",
    [
        OLD,
        cluster(status="backing-up"),
        cluster(member(US), member(AP, status="backing-up")),
        with_instance("18.4", status="configuring-enhanced-monitoring"),
        with_instance("18.4", status="rebooting"),
        cluster(member(US), member(AP), member(EU, "18.6")),
        cluster(member(US), member(AP), member(EU, status="creating")),
        with_reader("creating"),
        None,
    ],
)
def test_what_comes_and_goes_without_an_order_is_no_trace_of_one(seen: GlobalCluster | None) -> None:
    """A backup, a change of monitoring, a reboot, a new member or reader that never was part of the plan; or nothing at all."""
    assert decide(ordering(), seen, 2, "DB instance restarted") == Lean(Status.REFUSED, busy=False)


def test_an_order_without_a_trace_is_lost_once_it_was_quiet_long_enough() -> None:
    follow = Following(ordering())
    assert follow.look(OLD, 5) == Lean(Status.REFUSED, busy=False)
    assert follow.look(OLD, 94) == Wait()
    assert follow.look(OLD, 95) == TakeAsLost()


def test_quiet_is_counted_from_the_first_look_since_nobody_may_have_looked_before() -> None:
    """All were down for an hour, and what RDS said meanwhile may not have been heard yet."""
    follow = Following(ordering())
    assert follow.look(OLD, 3600) == Lean(Status.REFUSED, busy=False)
    assert follow.look(OLD, 3610, TEXTS["started"]) == TakeAsAccepted()


def test_a_silent_aws_proves_nothing_about_a_lost_answer() -> None:
    """Its silence is not the quiet that is waited for: that begins anew."""
    doubted = moves.lean(ordering(), Status.REFUSED, busy=False, now=ago(1))
    assert next_action(doubted, None, ago(600), PATIENCE) == Lean(None, busy=False)
    forgotten = moves.lean(doubted, None, busy=False, now=ago(600))
    assert next_action(forgotten, None, ago(601), PATIENCE) == Wait()
    assert decide(forgotten, OLD, 602) == Lean(Status.REFUSED, busy=False)


# Under way


def test_success_is_every_member_every_instance_and_the_global_version_and_lasts() -> None:
    follow = Following(upgrading())
    assert follow.look(AT_WORK, 10) == Lean(None, busy=True)
    assert follow.look(AT_WORK, 20) == Wait()
    assert isinstance(follow.look(NEW, 100), Lean)
    assert follow.look(NEW, 129.9) == Wait()
    assert follow.look(NEW, 130) == Finish(Status.SUCCEEDED, "Every member and instance is available on 18.6.")


@pytest.mark.parametrize(
    "seen",
    [
        cluster(member(US, "18.6"), member(AP, "18.6", status="upgrading"), version="18.6"),
        cluster(member(US, "18.6"), member(AP, "18.6"), version="18.6", status="modifying"),
        with_instance(version="18.6", status="rebooting"),
    ],
)
def test_what_is_still_at_work_is_no_outcome(seen: GlobalCluster) -> None:
    follow = Following(upgrading())
    assert not any(isinstance(follow.look(seen, seconds), Finish) for seconds in range(100, 3000, 100))


def test_a_reader_that_the_plan_does_not_name_changes_nothing() -> None:
    """One that was added meanwhile, whatever becomes of it."""
    for status in ("creating", "incompatible-network", "available"):
        done = Following(upgrading()).finds(with_reader(status, "18.6"), 100)
        assert done == Finish(Status.SUCCEEDED, "Every member and instance is available on 18.6.")


def test_a_global_version_that_lags_behind_is_waited_for() -> None:
    follow = Following(upgrading())
    assert follow.doubts(cluster(member(US, "18.6"), member(AP, "18.6"), version="18.4"), 100) == Finish(
        Status.SUCCEEDED,
        "Every member and instance is available on 18.6; the global cluster itself still shows 18.4.",
    )


def test_an_instance_that_is_gone_is_waited_for_and_named() -> None:
    empty = member(AP, "18.6").model_copy(update={"instances": ()})
    assert Following(upgrading()).doubts(cluster(member(US, "18.6"), empty, version="18.6"), 100) == Finish(
        Status.SUCCEEDED,
        "Every member and instance is available on 18.6, but for what is no longer there: orders-ap-1 in ap-northeast-1.",
    )


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (
            cluster(member(US), member(AP, "18.6")),
            (
                "RDS has stopped half-way, and a person has to go on: "
                "orders-us in us-east-1 runs 18.4, orders-us-1 in us-east-1 runs 18.4."
            ),
        ),
        (
            cluster(member(US, "18.6"), version="18.6"),
            "No longer a member of orders: orders-ap in ap-northeast-1.",
        ),
        (
            cluster(member(US, "18.6"), member(EU, "18.6"), version="18.6"),
            "No longer a member of orders: orders-ap in ap-northeast-1.",
        ),
        (None, "orders does not exist any more: deleted, or renamed."),
    ],
)  # fmt: skip
def test_what_will_never_come_right_by_itself_fails_after_a_long_wait(seen: GlobalCluster | None, why: str) -> None:
    """A global cluster must not stay locked because AWS stopped somewhere."""
    follow = Following(upgrading())
    follow.look(AT_WORK, 10)
    assert follow.doubts(seen, 100) == Finish(Status.FAILED, why)


def test_an_order_that_aws_never_begins_with_fails_after_the_deadline() -> None:
    follow = Following(upgrading())
    assert follow.look(OLD, 5399) == Wait()
    follow.look(OLD, 5400)
    assert follow.look(OLD, 5699) == Alarm()
    assert follow.look(OLD, 5700) == Finish(Status.FAILED, "AWS took the order and has not begun with it.")


def test_the_end_waits_for_what_rds_has_to_say_but_not_for_ever() -> None:
    leans = moves.lean(upgrading(), Status.SUCCEEDED, busy=True, now=ago(100))

    def unheard(seconds: float, heard_until: datetime | None) -> Action:
        seen = Seen(cluster=NEW, at=ago(seconds), heard_until=heard_until)
        return next_action(leans, seen, ago(seconds), PATIENCE)

    for heard_until in (None, ago(99)):
        assert unheard(130, heard_until) == unheard(249, heard_until) == Wait()
        assert isinstance(unheard(250, heard_until), Finish)
    assert isinstance(unheard(130, ago(100)), Finish)


def test_a_relapse_starts_the_wait_again() -> None:
    follow = Following(upgrading())
    follow.look(NEW, 100)
    assert follow.look(AT_WORK, 110) == Lean(None, busy=True)
    follow.look(NEW, 120)
    assert follow.look(NEW, 140) == Wait()
    assert isinstance(follow.look(NEW, 150), Finish)


def test_a_look_that_is_older_than_the_wait_does_not_end_it() -> None:
    """The turn slept between looking and deciding."""
    leans = moves.lean(upgrading(), Status.SUCCEEDED, busy=True, now=ago(100))
    assert next_action(leans, look(NEW, 101), ago(500), PATIENCE) == Wait()


def test_right_after_the_order_everything_is_still_on_the_old_version_and_that_is_no_rollback() -> None:
    follow = Following(upgrading())
    assert [follow.look(OLD, seconds, TEXTS["started"]) for seconds in (1, 5, 40, 300)] == [Wait()] * 4


def test_a_backup_between_the_order_and_its_beginning_makes_no_rollback() -> None:
    follow = Following(upgrading())
    assert follow.look(cluster(member(US), member(AP, status="backing-up")), 10) == Wait()
    assert [follow.look(OLD, seconds) for seconds in (20, 60, 300)] == [Wait()] * 3


def test_all_back_on_the_old_version_after_having_worked_is_a_rollback() -> None:
    follow = Following(upgrading())
    follow.look(AT_WORK, 10)
    assert follow.doubts(OLD, 100) == Finish(Status.ROLLED_BACK, "Every member is available and back on 18.4.")


def test_a_rollback_that_rds_announces_needs_no_long_wait() -> None:
    finished = Following(upgrading()).finds(OLD, 60, TEXTS["rolled back"])
    assert finished == Finish(Status.ROLLED_BACK, "Every member is available and back on 18.4.")


def test_a_rollback_that_nobody_watched_is_known_from_the_start_that_rds_announced_long_ago() -> None:
    assert isinstance(Following(upgrading()).doubts(OLD, 601, TEXTS["started"]), Finish)
    assert Following(upgrading()).finds(OLD, 601, lasting=300) == Wait()


def test_a_reboot_right_after_the_order_is_no_work_that_could_have_been_rolled_back() -> None:
    follow = Following(upgrading())
    follow.look(with_instance("18.4", status="rebooting"), 5)
    assert [follow.look(OLD, seconds) for seconds in (10, 60, 400)] == [Wait()] * 3


@pytest.mark.parametrize(
    "seen",
    [
        cluster(member(US), member(AP, "18.6")),
        cluster(member(US)),
        cluster().model_copy(update={"members": ()}),
        cluster(member(US), member(AP, status="upgrading")),
    ],
)
def test_who_is_not_all_back_is_not_rolled_back(seen: GlobalCluster) -> None:
    follow = Following(upgrading())
    follow.look(AT_WORK, 10)
    finished = follow.finds(seen, 100, TEXTS["rolled back"], lasting=1000)
    assert not isinstance(finished, Finish) or finished.outcome is Status.FAILED


def test_members_of_one_name_in_two_regions_are_told_apart() -> None:
    """The one in us-east-1 was ahead from the beginning, and both are where they were."""
    before = cluster(member(US, "18.5", identifier="orders"), member(AP, identifier="orders"))
    started = upgrading(what=plan(before))
    follow = Following(started)
    assert [follow.look(before, seconds) for seconds in (1, 60)] == [Wait(), Wait()]
    follow.look(cluster(*before.members, status="upgrading"), 70)
    rolled_back = follow.doubts(before, 100)
    assert isinstance(rolled_back, Finish)
    assert rolled_back.outcome is Status.ROLLED_BACK


def test_one_of_two_members_of_the_same_name_is_not_both() -> None:
    started = upgrading(what=plan(cluster(member(US, identifier="orders"), member(AP, identifier="orders"))))
    one_back = cluster(member(US, identifier="orders"), member(AP, "18.6", identifier="orders"))
    stopped = Following(started).doubts(one_back, 100, TEXTS["rolled back"])
    assert isinstance(stopped, Finish)
    assert stopped.outcome is Status.FAILED


@pytest.mark.parametrize(
    "status",
    [
        "upgrade-failed",
        "failed",
        "incompatible-parameters",
        "incompatible-network",
        "storage-full",
        "inaccessible-encryption-credentials",
    ],
)
def test_a_broken_member_or_instance_is_a_failure(status: str) -> None:
    for seen, name in (
        (cluster(status=status), "orders"),
        (cluster(member(US, status=status), member(AP)), "orders-us in us-east-1"),
        (with_instance(status=status), "orders-ap-1 in ap-northeast-1"),
    ):
        assert Following(upgrading()).doubts(seen, 100) == Finish(Status.FAILED, f"RDS shows {status} of {name}.")


def test_what_breaks_while_aws_is_at_work_may_yet_be_rolled_back() -> None:
    """One member has failed, and the automatic rollback has just begun."""
    follow = Following(upgrading())
    broken = cluster(member(US, status="upgrading"), member(AP, status="upgrade-failed"))
    assert not any(isinstance(follow.look(broken, seconds), Finish) for seconds in range(100, 3000, 100))
    assert isinstance(follow.doubts(OLD, 3000), Finish)


@pytest.mark.parametrize("text", ["cancelled", "unable", "cannot"])
def test_what_rds_could_not_do_is_a_failure_once_all_is_quiet(text: str) -> None:
    follow = Following(upgrading())
    assert follow.look(AT_WORK, 10, TEXTS[text]) == Lean(None, busy=True)
    said = Finish(Status.FAILED, "RDS says that it cancelled the upgrade or could not do it.")
    assert follow.finds(OLD, 100, TEXTS[text]) == said


def test_a_rollback_that_rds_announces_is_one_whatever_it_said_before() -> None:
    finished = Following(upgrading()).finds(OLD, 100, TEXTS["cannot"], TEXTS["rolled back"])
    assert finished == Finish(Status.ROLLED_BACK, "Every member is available and back on 18.4.")


def test_a_member_that_did_not_come_along_is_a_failure_whatever_rds_calls_it() -> None:
    mixed = cluster(member(US), member(AP, "18.6"))
    finished = Following(upgrading()).finds(mixed, 100, TEXTS["cannot"], TEXTS["rolled back"])
    assert isinstance(finished, Finish)
    assert finished.outcome is Status.FAILED


# The deadline


def test_the_deadline_alarms_once_and_the_following_goes_on() -> None:
    follow = Following(upgrading())
    follow.look(AT_WORK, 10)
    assert follow.look(AT_WORK, 5399) == Wait()
    assert follow.look(AT_WORK, 5400) == Alarm()
    assert follow.look(AT_WORK, 5401) == Wait()
    assert isinstance(follow.finds(NEW, 6000), Finish)


def test_slower_than_ever_is_said_once_and_no_alarm_waits_for_it() -> None:
    assert next_action(SLOW, None, ago(480), PATIENCE) == Wait()
    assert next_action(SLOW, None, ago(481), PATIENCE) == TellSlower()
    told, _ = moves.slower(SLOW, ago(481))
    assert next_action(told, None, ago(5399), PATIENCE) == Wait()
    assert next_action(SLOW, None, ago(5400), PATIENCE) == Alarm()


@pytest.mark.parametrize("upgrade", [ordering(), upgrading()])
def test_a_silent_aws_does_not_keep_people_from_being_alarmed(upgrade: Upgrade) -> None:
    assert next_action(upgrade, None, ago(5399), PATIENCE) == Wait()
    assert next_action(upgrade, None, ago(5400), PATIENCE) == Alarm()
    late, _ = moves.overdue(upgrade, PATIENCE.deadline, ago(5400))
    assert next_action(late, None, ago(5401), PATIENCE) == Wait()


# Whatever AWS shows

STATUSES = st.sampled_from(["available", "available", "upgrading", "backing-up", "upgrade-failed"])
VERSIONS = st.sampled_from(["18.4", "18.4", "18.6"])


def _member(region: str, status: str, version: str, instances: list[Instance]) -> Member:
    made = member(US if region == "us" else AP, version, status=status, role=Role.WRITER)
    return made.model_copy(update={"instances": tuple(instances)})


members = st.builds(
    _member,
    st.sampled_from(["us", "ap"]),
    STATUSES,
    VERSIONS,
    st.lists(
        st.builds(lambda status, version: instance("i", status=status, version=version), STATUSES, VERSIONS), max_size=2
    ),
)
clusters = st.builds(
    lambda seen, status, version: cluster(status=status, version=version).model_copy(update={"members": tuple(seen)}),
    st.lists(members, max_size=3), STATUSES, VERSIONS,
)  # fmt: skip
looks = st.one_of(
    st.none(),
    st.builds(
        lambda seen, seconds, said: Seen(cluster=seen, at=ago(seconds), said=[(each, ago(1)) for each in said]),
        clusters, st.integers(0, 6000), st.lists(st.sampled_from(Meaning), max_size=3),
    ),
)  # fmt: skip
leanings = st.one_of(st.none(), st.sampled_from([Status.REFUSED, Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED]))
ALLOWED: dict[Status, tuple[type[Action], ...]] = {
    Status.PROPOSED: (Wait, Expire, Remind),
    Status.APPROVED: (GiveOrder, Expire),
    Status.ORDERING: (Wait, Lean, TakeAsAccepted, TakeAsLost, Alarm),
    Status.UPGRADING: (Wait, Lean, Finish, Alarm),
}


@given(st.sampled_from(Status), looks, leanings, st.integers(0, 10_000))
def test_each_status_has_its_actions_and_only_an_approved_upgrade_is_ordered(
    status: Status, seen: Seen | None, leaning: Status | None, seconds: int
) -> None:
    """An intent without an answer only observes, whatever AWS shows: the order is never given again."""
    upgrade = in_status(status)
    if status in (Status.ORDERING, Status.UPGRADING):
        upgrade = moves.lean(upgrade, leaning, busy=leaning is not None, now=ago(0))
    assert isinstance(next_action(upgrade, seen, ago(seconds), PATIENCE), ALLOWED.get(status, (Wait,)))


@given(clusters, st.lists(st.sampled_from(Meaning), max_size=3), st.booleans())
def test_nothing_is_over_at_first_sight(seen: GlobalCluster, said: list[Meaning], busy: bool) -> None:
    upgrade = moves.lean(upgrading(), None, busy=busy, now=ago(0))
    looked = Seen(cluster=seen, at=ago(1000), said=[(each, ago(1)) for each in said], heard_until=ago(1000))
    action = next_action(upgrade, looked, ago(1000), PATIENCE)
    assert not isinstance(action, Finish)
    planned = [each for each in seen.members if each.identifier in ("orders-us", "orders-ap")]
    shown = {(each.region, each.status, str(each.engine_version)) for each in planned}
    if isinstance(action, Lean) and action.outcome is Status.SUCCEEDED:
        assert shown == {(US, "available", "18.6"), (AP, "available", "18.6")}
    if isinstance(action, Lean) and action.outcome is Status.ROLLED_BACK:
        assert shown == {(US, "available", "18.4"), (AP, "available", "18.4")}
        assert busy or Meaning.ROLLED_BACK in said or Meaning.STARTED in said


def test_every_action_is_reached_somewhere_in_this_file() -> None:
    """And what comes of each is a legal move."""
    starts: dict[type[Action], tuple[Upgrade, Action]] = {
        Wait: (proposal()[0], next_action(proposal()[0], None, NOON, PATIENCE)),
        Expire: (proposal()[0], next_action(proposal()[0], None, NOON + 60 * MINUTE, PATIENCE)),
        Remind: (proposal()[0], next_action(proposal()[0], None, NOON + 30 * MINUTE, PATIENCE)),
        GiveOrder: (approved(), next_action(approved(), None, NOON, PATIENCE)),
        TakeAsAccepted: (ordering(), decide(ordering(), AT_WORK)),
        TakeAsLost: (
            ordering(),
            Following(moves.lean(ordering(), Status.REFUSED, busy=False, now=ago(0))).look(OLD, 90),
        ),
        Lean: (upgrading(), decide(upgrading(), AT_WORK)),
        Alarm: (upgrading(), next_action(upgrading(), None, ago(5400), PATIENCE)),
        TellSlower: (SLOW, next_action(SLOW, None, ago(600), PATIENCE)),
        Finish: (upgrading(), Following(upgrading()).finds(NEW, 100)),
    }
    assert set(starts) == set(get_args(Action))
    for kind, (upgrade, action) in starts.items():
        assert type(action) is kind
        assert carried_out(upgrade, action).status in {
            Status.PROPOSED, Status.EXPIRED, Status.ORDERING, Status.UPGRADING, Status.REFUSED, Status.SUCCEEDED,
        }  # fmt: skip


def carried_out(upgrade: Upgrade, action: Action) -> Upgrade:
    at = ago(6000)
    match action:
        case Wait():
            return upgrade
        case Expire():
            return moves.expire(upgrade, at)[0]
        case Remind():
            return moves.remind(upgrade, at)[0]
        case GiveOrder():
            return moves.intend(upgrade, upgrade.approved_by, NOON)[0]
        case TellSlower():
            return moves.slower(upgrade, ago(600))[0]
        case TakeAsAccepted():
            return moves.accepted(upgrade, at, observed=True)[0]
        case TakeAsLost():
            return moves.not_ordered(upgrade, "", "", at)[0]
        case Lean(outcome=outcome, busy=busy):
            return moves.lean(upgrade, outcome, busy, at)
        case Alarm():
            return moves.overdue(upgrade, timedelta(minutes=90), at)[0]
        case Finish(outcome=outcome, why=why):
            return moves.finish(upgrade, outcome, why, {}, (), at)[0]
        case _:
            assert_never(action)
