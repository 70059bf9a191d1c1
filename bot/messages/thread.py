"""What the thread says of each entry."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from bot.domain.attempts import Outcome
from bot.domain.budget import written
from bot.domain.claims import compared
from bot.domain.report import Report
from bot.domain.status import Status
from bot.domain.story import Story
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
    OverBudget,
    Overdue,
    Proposed,
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
from bot.messages.downtime import budget_kept, downtime, measured_from
from bot.messages.expected import slower
from bot.messages.keeping import WAYS, comparison, kept, ways
from bot.messages.markup import bounds, code, lasting, mentions, plain, quoted, user, when
from bot.messages.needs import one_of_each
from bot.messages.remedies import remedy
from bot.messages.rules import rule_changes

OUTCOMES = {
    "ok": "ok",
    "refused": "connection refused",
    "starting_up": "the database system is starting up",
    "shutting_down": "the database system is shutting down",
    "timeout": "no answer in time",
    "reset": "the connection was cut",
    "too_many": "it has no connection left to give",
    "read_only": "it takes no writes",
    "dns": "its name does not resolve",
    "auth": "authentication failed",
    "tls": "the certificate is not trusted",
    "ours": "the bot itself could not try",
    "other": "connection failed",
}
EXPIRY = "{date_short_pretty} {time}"
MOST_CHANGES = 10  # of a forecast that are told
WORTH_TELLING = timedelta(seconds=1)  # of a stretch that nobody watched; the report has those that are shorter
MINOR_REFUSAL = "minor version upgrades"
WRONG_STATE = ("InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault", "InvalidDBInstanceState")
TOO_MANY = ("Throttling", "ThrottlingException", "RequestLimitExceeded")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


Sighting = CannotMeasure | WentDown | CameBack | LookedAway | SessionsKept | CannotUse


def is_line(entry: Entry) -> bool:
    """A line of the ticker; several may share a message. The others stand alone."""
    return isinstance(entry, RdsSaid | Reached | Moved | Sighting)


def said_of(entry: Entry, story: Story) -> str | None:
    """The words for one entry; None for those that only the card shows. `story` is told up to and with this entry."""
    plan = story.plan
    match entry:
        case Proposed():
            return f"{user(entry.by)} proposed this" + (f": “{plain(entry.reason, 3000)}”" if entry.reason else ".")
        case Approved():
            return f"{user(entry.by)} approved. {_counted(entry, story)}{_rule_changed(story)}"
        case Withdrawn():
            return f"{user(entry.by)} withdrew their approval. {_counted(entry, story)}"
        case Reminded(missing=0):
            why = f": {_sentence(story.held_for)}" if story.held_for else "."
            return f"{user(story.proposed.by)}: the order still waits, and this expires {when(entry.expires_at, EXPIRY)}{why}"
        case Reminded():
            whom = dict.fromkeys(one for each in story.asked for one in each.approvers)
            needed = _number(entry.missing, "approval")
            return f"{mentions(whom)}: {needed} still needed; this expires {when(entry.expires_at, EXPIRY)}."
        case Reopened():
            return _reopened(entry) + _rule_changed(story)
        case Replanned():
            return _replanned(entry, story) + _rule_changed(story)
        case Declined():
            return f"{user(entry.by)} declined. Nothing was changed." + (f"\n{quoted(entry.why)}" if entry.why else "")
        case Cancelled():
            return _cancelled(entry)
        case Expired():
            return "Expired before it was approved and ordered. Nothing was changed; propose it again when you need it."
        case Held():
            return f"Approved, but the order waits: {_sentence(entry.reasons)} It is given as soon as this is gone."
        case Intended() | MemberSeen() | Reached():
            return None
        case Ordered():
            seen = " The answer to the call was lost, but AWS is at work on it." if entry.observed else ""
            return f"Ordered: ModifyGlobalCluster({plain(plan.global_cluster)}, {plan.target}).{seen}"
        case NotOrdered():
            return _not_ordered(entry)
        case Forecast():
            return _foretold(story)
        case LookedAway():
            return _line(entry) if story.ordered_at and entry.stretch.lasting >= WORTH_TELLING else None
        case RdsSaid() | CannotMeasure() | WentDown() | CameBack() | Moved() | SessionsKept() | CannotUse():
            return _line(entry)
        case OverBudget():
            return (
                f"{when(entry.at)}  {entry.region}  {entry.use}  over the downtime budget: unreachable for more than the "
                f"{written(entry.budget)} allowed"
            )
        case Slower():
            return slower(entry)
        case Overdue():
            return (
                f"{user(story.proposed.by)}, {mentions(story.proposed.rule.approvers)}: this takes longer than {lasting(entry.after)}. "
                "AWS has no cancel; the bot keeps following. Look at the RDS console, and open a case with AWS if nothing moves."
            )
        case Finished():
            return _finished(entry, story)
        case _:
            assert_never(entry)


def _counted(entry: Approved | Withdrawn, story: Story) -> str:
    """Whose are still needed, where that is of several groups; of one the card tells it."""
    still = f" Still needed: {one_of_each(entry.missing)}." if entry.missing and story.rule.needs else ""
    return f"{entry.count} of {entry.needed}.{still}"


def _line(entry: RdsSaid | Moved | Sighting) -> str:
    match entry:
        case RdsSaid(event=event):
            source = "cluster" if event.source == "cluster" else plain(event.source_identifier)
            return f"{when(event.at)}  {event.region}  {source}  {plain(event.message, 1500)}"
        case CannotMeasure():
            why = f"{OUTCOMES[entry.outcome]}" + (f" ({plain(entry.detail, 200)})" if entry.detail else "")
            what = "" if entry.outcome is Outcome.OURS else remedy(entry.outcome, entry.detail)
            please = f". Please {what}" if what else ""
            return f"{when(entry.at)}  {entry.region}  {entry.use}  cannot be measured: {why}{please}"
        case WentDown():
            fell = "unreachable or slow" if entry.outcome is Outcome.TIMEOUT else "unreachable"
            return f"{when(entry.at)}  {entry.region}  {entry.use}  {fell}: {OUTCOMES[entry.outcome]}"
        case CameBack(outage=outage):
            version = f", now {plain(outage.version_after, 100)}" if outage.version_after else ""
            return f"{when(entry.at)}  {entry.region}  {entry.use}  back after {bounds(outage.at_least, outage.at_most)}{version}"
        case SessionsKept():
            return f"{when(entry.at)}  {entry.region}  {entry.use}  held sessions: {kept(entry.sessions)}"
        case CannotUse():
            why = f"{OUTCOMES[entry.outcome]}" + (f" ({plain(entry.detail, 200)})" if entry.detail else "")
            return f"{when(entry.at)}  {entry.region}  {entry.use}  {WAYS[entry.way]} cannot be measured, the rest goes on: {why}"
        case LookedAway(stretch=stretch):
            missed = f"not watched for {stretch.lasting.total_seconds():.1f} s"
            return f"{when(entry.at)}  {entry.region}  {entry.use}  {missed}: nobody knows whether it was up"
        case Moved():
            return f"{when(entry.at)}  {entry.region}  {entry.use}  {_moved(entry)}"
        case _:
            assert_never(entry)


def _moved(entry: Moved) -> str:
    now, was = (plain(", ".join(each), 400) for each in (entry.now, entry.was))
    return (
        f"now resolves to {now} (was {was})" if entry.use == "writer" else f"now resolves to {now} too (so far {was})"
    )


def _reopened(entry: Reopened) -> str:
    count, missing = len(entry.counting), entry.needed - len(entry.counting)
    one = entry.missing[0].approvers if len(entry.missing) == 1 else entry.approvers
    more = (
        f"Still needed: {one_of_each(entry.missing)}."
        if len(entry.missing) > 1
        else f"{_number(missing, 'more approval')} needed from {mentions(one)}."
    )
    return (
        f"The policy in force asks for {_number(entry.needed, 'approval')}, and {count or 'none'} of those given "
        f"count{'s' if count == 1 else ''} under it. {more}"
    )


def _replanned(entry: Replanned, story: Story) -> str:
    """What is different, item by item, and who has to look again."""
    items = "\n".join(f"• {plain(each, 500)}" for each in entry.changes)
    if entry.count >= entry.needed:
        return f"The cluster has changed since it was planned; all that is planned now was approved, so it goes on.\n{items}"
    again = (
        f" {mentions(story.asked_again)}: what you approved still counts, the rest is new." if story.asked_again else ""
    )
    what = f"{entry.count} of {entry.needed} approvals are for all of it."
    return f"The cluster has changed since it was planned. Look at the card: {what}{again}\n{items}"


def _foretold(story: Story) -> str | None:
    """The card shows a forecast; what is told is how it has changed since."""
    if not story.forecast_changes:
        return None
    items = "\n".join(f"• {plain(each, 300)}" for each in story.forecast_changes[:MOST_CHANGES])
    more = len(story.forecast_changes) - MOST_CHANGES
    rest = f"\n• and {more} more" if more > 0 else ""
    return f"What stands in the way of zero downtime has changed; no order waits for that.\n{items}{rest}"


def _rule_changed(story: Story) -> str:
    said = rule_changes(story.rule_before, story.rule) if story.rule_before else ""
    return f"\nThe rule of aurora.toml has changed meanwhile: {said}." if said else ""


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"


def _cancelled(entry: Cancelled) -> str:
    if entry.by is None:
        return f"Cancelled by the bot, nothing was changed: {plain(entry.why)}"
    return f"{user(entry.by)} cancelled. Nothing was changed."


def _sentence(reasons: Sequence[str]) -> str:
    """Reasons are phrases or sentences; together they end with one full stop."""
    return plain("; ".join(reason.rstrip(". ") for reason in reasons)) + "."


def _not_ordered(entry: NotOrdered) -> str:
    if not entry.code:
        return (
            "Not ordered, as far as AWS shows: the call got no answer, and there is no trace of it. "
            "The order is not given a second time; look at the global cluster, then propose again."
        )
    return f"AWS refused the order, nothing was changed. {code(entry.code)}: {plain(entry.message)}\n{_what_instead(entry)}"


def _what_instead(entry: NotOrdered) -> str:
    """What to do after a refusal; the texts of RDS are in the API reference and in terraform-provider-aws #45398, #47448."""
    if MINOR_REFUSAL in entry.message or "Major Version Upgrades" in entry.message:
        return "Managed minor upgrades are not offered here: upgrade the members one by one with ModifyDBCluster, secondaries first."
    if entry.code in WRONG_STATE:
        return "Wait until the global cluster and all its members are available, then propose again."
    if entry.code in TOO_MANY:
        return "The account makes too many calls to RDS just now: propose again in a minute."
    if entry.code in DENIED:
        return "Give the bot's role rds:ModifyGlobalCluster on this global cluster, then propose again."
    return "Mend what AWS names, then propose again."


def _finished(entry: Finished, story: Story) -> str:
    """The closing words: outcome, duration, versions and downtime."""
    took = f" in {lasting(entry.at - story.ordered_at)}" if story.ordered_at else ""
    heads = {
        Status.SUCCEEDED: f"Done{took}.",
        Status.ROLLED_BACK: f"Rolled back{took}: Aurora went back to {story.plan.from_version} by itself.",
        Status.FAILED: f"Failed{took}: {mentions((story.proposed.by,))}, this needs a human. {plain(entry.why)}",
    }
    versions = ", ".join(f"{region} {plain(version, 100)}" for region, version in entry.versions.items())
    now_on = f" {versions}." if versions else ""
    budget = f"\n{budget_kept(entry.measured, story.budget)}" if story.budget else ""
    claims = [comparison(each) for each in compared((each.event for each in story.rds), entry.measured)]
    measured = "\n".join([downtime(entry.measured), *ways(entry.measured), *claims])
    return f"{heads[entry.outcome]}{now_on}\n{measured}{budget}"


def report_comment(made: Report, missing: Sequence[str] = ()) -> str:
    """`missing`: phrases for what should be beside it."""
    unsaid = "".join(f" {each}; the bot's log says why." for each in missing)
    said = f"The report of {code(made.global_cluster)}, {made.from_version} to {made.target}.{unsaid}"
    return "\n".join(filter(None, (said, plain(measured_from(made.endpoints)))))
