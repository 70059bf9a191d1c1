"""The decision of a turn: from the upgrade as recorded and Aurora as it is now to the one next thing to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.judging import Seen, is_at_work, judge, shows_traces
from bot.domain.status import Status
from bot.domain.upgrade import Upgrade

WORTH_REMINDING = timedelta(minutes=10)  # a proposal that waits no longer than this reminds nobody


@dataclass(frozen=True)
class Patience:
    """How long to wait before believing what AWS shows.

    `quiet` with no trace of an order whose answer is lost; `settle` until an outcome is final, `doubt` until one is that
    AWS may still turn; `last_words` more for RDS events that could not be asked for; `deadline` until people are alarmed.
    """

    quiet: timedelta = timedelta(seconds=90)
    settle: timedelta = timedelta(seconds=60)  # the primary may take a secondary down once more
    doubt: timedelta = timedelta(minutes=5)
    last_words: timedelta = timedelta(minutes=2)
    deadline: timedelta = timedelta(minutes=90)


@dataclass(frozen=True)
class Wait:
    """Nothing to decide yet."""


@dataclass(frozen=True)
class Expire:
    """Nobody decided, or the hold was not lifted, in time."""


@dataclass(frozen=True)
class Remind:
    """Approvals are still missing, and time runs out. Of an order that is held the driver itself tells it."""


@dataclass(frozen=True)
class GiveOrder:
    """All approvals are in; make the plan again, compare, and order."""


@dataclass(frozen=True)
class TakeAsAccepted:
    """The answer was lost, and AWS is seen to act."""


@dataclass(frozen=True)
class TakeAsLost:
    """The answer was lost, and AWS shows no trace: the order did not get there. It is not given again."""


@dataclass(frozen=True)
class Lean:
    """What AWS shows points to `outcome` (None: to nothing yet), but must last first."""

    outcome: Status | None
    busy: bool


@dataclass(frozen=True)
class Alarm:
    """The deadline is over and AWS is still at it."""


@dataclass(frozen=True)
class TellSlower:
    """It takes longer than ever seen."""


@dataclass(frozen=True)
class Finish:
    outcome: Status
    why: str


Action = Wait | Expire | Remind | GiveOrder | TakeAsAccepted | TakeAsLost | Lean | Alarm | TellSlower | Finish


def next_action(upgrade: Upgrade, seen: Seen | None, now: datetime, patience: Patience) -> Action:
    """The one next thing to do. `seen` is None where nothing needs to be looked at, and while AWS does not answer."""
    if upgrade.status.is_final:
        return Wait()
    if upgrade.status.is_before_order:
        if now >= upgrade.expires_at:
            return Expire()
        if upgrade.status is Status.APPROVED:
            return GiveOrder()
        return Remind() if is_time_to_remind(upgrade, now) else Wait()
    if seen is None:
        return _unseen(upgrade, now, patience)
    if upgrade.status is Status.ORDERING:
        return _unanswered(upgrade, seen, patience)
    return _under_way(upgrade, seen, patience) or _alarm_or_wait(upgrade, now, patience)


def is_time_to_remind(upgrade: Upgrade, now: datetime) -> bool:
    """Half-way to the end, and near it; where there is so little time, a reminder would only be noise."""
    lasting = upgrade.expires_at - upgrade.proposed_at
    if lasting < WORTH_REMINDING:
        return False
    due = [at for at in (upgrade.expires_at - lasting / 2, upgrade.expires_at - lasting / 10) if at <= now]
    return bool(due) and (upgrade.reminded_at is None or upgrade.reminded_at < max(due))


def _unseen(upgrade: Upgrade, now: datetime, patience: Patience) -> Action:
    """A silent AWS does not keep people from being alarmed, and its silence is not the quiet that a lost order shows."""
    action = _alarm_or_wait(upgrade, now, patience)
    counting = upgrade.status is Status.ORDERING and upgrade.leaning is not None
    return Lean(None, busy=False) if counting and isinstance(action, Wait) else action


def _unanswered(upgrade: Upgrade, seen: Seen, patience: Patience) -> Action:
    """An intent without an answer only observes (law 1). Quiet counts from the first look: nobody may have looked before."""
    if shows_traces(upgrade, seen):
        return TakeAsAccepted()
    if upgrade.leaning is None:
        return Lean(Status.REFUSED, busy=False)
    return TakeAsLost() if seen.at - upgrade.leaning.since >= patience.quiet else Wait()


def _under_way(upgrade: Upgrade, seen: Seen, patience: Patience) -> Finish | Lean | None:
    verdict = judge(upgrade, seen, patience.deadline)
    outcome, leaning = verdict.outcome if verdict else None, upgrade.leaning
    if verdict and leaning and leaning.outcome is outcome:
        lasted, needed = seen.at - leaning.since, patience.settle if verdict.sure else patience.doubt
        heard = seen.heard_until is not None and seen.heard_until >= leaning.since
        if lasted >= needed and (heard or lasted >= needed + patience.last_words):
            return Finish(verdict.outcome, verdict.why)
    busy = seen.cluster is not None and is_at_work(upgrade, seen.cluster)
    if (leaning.outcome if leaning else None) is not outcome or (busy and upgrade.busy_at is None):
        return Lean(outcome, busy)
    return None


def _alarm_or_wait(upgrade: Upgrade, now: datetime, patience: Patience) -> Alarm | TellSlower | Wait:
    late = upgrade.intent_at is not None and now - upgrade.intent_at >= patience.deadline
    if late and upgrade.overdue_at is None:
        return Alarm()
    return TellSlower() if upgrade.is_slower(now) else Wait()
