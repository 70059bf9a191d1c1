"""What is answered to those who look."""

from collections.abc import Iterable, Sequence

from bot.domain.answered import Catalogue, History, Listed, Past, Shown, Standing
from bot.domain.freezing import Frost
from bot.domain.preflight import Facts, Maintenance, Unread
from bot.domain.status import Status, said
from bot.domain.timeline import Cancelled, Declined, Entry, Finished, NotOrdered
from bot.domain.topology import POSTGRESQL, GlobalCluster, Member
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion
from bot.messages.answers.wording import DAY_AND_TIME, MOST_UPGRADES, card_link, frost_of, message, standing_of, what
from bot.messages.downtime import budget_kept, downtime
from bot.messages.markup import code, cut, lasting, mentions, plain, quoted, user, when
from bot.messages.message import Message


def help_() -> Message:
    return message(
        "I carry the managed minor version upgrade of an Aurora global database, and measure its downtime.",
        "\n".join(
            (
                "`/aurora list`  all global clusters with their members",
                "`/aurora show orders`  its members, the versions it can go to, pending maintenance",
                '`/aurora upgrade orders 18.6 "patch for CVE"`  propose it; others approve, then AWS gets the order',
                "`/aurora upgrade orders 18.6 budget 5s why`  the same, with no more than 5 s of downtime for each endpoint",
                "`/aurora upgrade orders`  which versions it can go to",
                "`/aurora status`  all open upgrades; `/aurora status orders`  the latest of one cluster",
                "`/aurora history`  past upgrades and what they cost; `/aurora history orders`  those of one cluster",
                '`/aurora decline orders "not this week"`  say no as an approver, as the button does',
                "`/aurora cancel orders`  take a proposal back, before the order",
                "`/aurora freeze orders until 18:00 month end`  no order until then; `/aurora freeze all until …`",
                "`/aurora unfreeze orders`  end that freeze",
            )
        ),
    )


def clusters(found: Catalogue) -> Message:
    pages = found.pages
    if not pages:
        return message("This account has no global cluster, or none that I may see.")
    if found.page > pages:
        return message(f"There {'is only 1 page' if pages == 1 else f'are only {pages} pages'}: `/aurora list`.")
    more = f"{found.more} more: `/aurora list {found.page + 1}`" if found.more else ""
    return message(*map(_listed, found.listed), more)


def _listed(listed: Listed) -> str:
    outlook = [_can_go_to(listed), _pending(listed.maintenance)]
    return "\n".join([_cluster(listed.cluster), "  ·  ".join(filter(None, outlook))])


def _can_go_to(listed: Listed) -> str:
    if listed.cluster.engine != POSTGRESQL:
        return "cannot be upgraded here"
    if isinstance(listed.targets, Unread):
        return f"can go to: not known: {plain(listed.targets.why, 100)}"
    return f"can go to {_versions(listed.targets)}" if listed.targets else "no newer minor version in all its Regions"


def _pending(maintenance: Sequence[Maintenance] | Unread) -> str:
    if isinstance(maintenance, Unread):
        return f"pending maintenance: not known: {plain(maintenance.why, 100)}"
    return f"{_count(len(maintenance), 'maintenance action')} pending" if maintenance else ""


def _versions(versions: Sequence[EngineVersion]) -> str:
    return ", ".join(f"`{version}`" for version in sorted(versions))


def _cluster(cluster: GlobalCluster) -> str:
    failover = f"  ·  {plain(cluster.failover, 100)}" if cluster.failover else ""
    head = f"{code(cluster.identifier)}  {plain(cluster.engine, 100)} {plain(cluster.runs, 100)}"
    members = [*map(_member, cluster.members)] or ["no members"]
    return "\n".join([f"{head}  ·  {plain(cluster.status, 100)}{failover}", *members])


def _member(member: Member) -> str:
    """Which it is, how it does, and what it runs."""
    where = f"{code(member.region)}  {member.role}  {code(member.identifier)}"
    if member.unread:
        return f"{where}  not known: {plain(member.unread, 100)}"
    return (
        f"{where}  {plain(member.runs, 100)}  {plain(member.status, 100)}  {_count(len(member.instances), 'instance')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def cluster(shown: Shown) -> Message:
    instances = "\n".join(_instances(member) for member in shown.cluster.members if member.instances)
    return message(_cluster(shown.cluster), instances, _targets(shown), _maintenance(shown.facts), _open(shown))


def _instances(member: Member) -> str:
    each = ", ".join(f"{code(one.identifier)} {plain(one.status, 100)}" for one in member.instances)
    synchronization = f"  ·  replication {plain(member.synchronization, 100)}" if member.synchronization else ""
    return f"{code(member.region)}  {cut(each, 600)}{synchronization}"


def _targets(shown: Shown) -> str:
    engine = shown.cluster.engine
    if engine != POSTGRESQL:
        return (
            f"It cannot be upgraded here: RDS upgrades the minor version of a whole global cluster for Aurora PostgreSQL "
            f"only, and this is {plain(engine, 100)}. Upgrade its members one by one, secondaries first."
        )
    if shown.targets_unread:
        return f"Which versions it can go to is not known: {plain(shown.targets_unread, 500)}"
    if not shown.targets:
        return "No newer minor version is offered in all its Regions."
    example = f"`/aurora upgrade {plain(shown.cluster.identifier, 100)} {max(shown.targets)}`"
    return f"Can go to {_versions(shown.targets)}. To propose it: {example}"


def _maintenance(facts: Facts) -> str:
    pending = facts.maintenance
    if isinstance(pending, Unread):
        return f"Pending maintenance is not known: {plain(pending.why, 500)}"
    if not pending:
        return "No maintenance is pending."
    lines = [
        f"{plain(each.action, 100)} of {code(each.resource)} in {code(each.region)}"
        + (f", {when(each.applies_at, DAY_AND_TIME)}" if each.applies_at else ", no date set")
        for each in pending[:MOST_UPGRADES]
    ]
    more = f"\nand {len(pending) - MOST_UPGRADES} more" if len(pending) > MOST_UPGRADES else ""
    return "Pending maintenance:\n" + "\n".join(lines) + more


def _open(shown: Shown) -> str:
    return standing_of(shown.open_upgrade, shown.link, shown.trouble) if shown.open_upgrade else "No upgrade is open."


def status(standings: Sequence[Standing], cluster: str | None, frosts: Sequence[Frost] = ()) -> Message:
    """The freezes and the open upgrades; when none is open, the latest that is over."""
    shown = [each for each in frosts if cluster is None or each.cluster in (None, cluster.lower())]
    more = f"{len(shown) - MOST_UPGRADES} more freezes." if len(shown) > MOST_UPGRADES else ""
    frozen = "\n".join(filter(None, [*map(frost_of, shown[:MOST_UPGRADES]), more]))
    return message(frozen, *_status(standings, cluster))


def _status(standings: Sequence[Standing], cluster: str | None) -> Iterable[str]:
    still_open = [each for each in standings if not each.upgrade.status.is_final]
    if still_open:
        more = len(still_open) - MOST_UPGRADES
        rest = f"{more} more: `/aurora status CLUSTER` shows one." if more > 0 else ""
        shown = (standing_of(each.upgrade, each.link, each.trouble) for each in still_open[:MOST_UPGRADES])
        return (*shown, rest)
    of = f" for {code(cluster)}" if cluster else ""
    if not standings:
        return (f"No upgrade is open{of}." if cluster is None else f"No upgrade was ever proposed{of}.",)
    last = max(standings, key=lambda each: each.upgrade.proposed_at)
    return (f"No upgrade is open{of}. The last one:", standing_of(last.upgrade, last.link, last.trouble))


def history(found: History, cluster: str | None) -> Message:
    of = f" of {code(cluster)}" if cluster else ""
    if not found.past:
        return message(f"No upgrade{of} is over yet. `/aurora status` shows what is open.")
    older = f"{found.more}{'' if found.counted else ' or more'} older {'one is' if found.more == 1 else 'ones are'} left out."
    narrower = "" if cluster else " `/aurora history CLUSTER` shows those of one cluster."
    return message(*map(_past, found.past), older + narrower if found.more else "")


def _past(past: Past) -> str:
    upgrade, ending = past.upgrade, past.ending
    head = [f"{what(upgrade)}  ·  *{said(upgrade.status)}*"]
    if upgrade.finished_at:
        head.append(when(upgrade.finished_at, DAY_AND_TIME))
    if upgrade.finished_at and upgrade.intent_at:
        head.append(f"took {lasting(upgrade.finished_at - upgrade.intent_at)} from the order on")
    cost = downtime(ending.measured) if isinstance(ending, Finished) else ""
    if isinstance(ending, Finished) and upgrade.budget:
        cost += f"\n{budget_kept(ending.measured, upgrade.budget)}"
    where = f"{_people(upgrade, ending)}  ·  {card_link(upgrade.channel, past.link, past.trouble)}"
    return "\n".join(filter(None, ["  ·  ".join(head), _why(ending), cost, where]))


def _why(ending: Entry | None) -> str:
    """What was said of an end that is no success, by AWS or by the bot."""
    match ending:
        case NotOrdered(code=reason, message=text):
            return plain(f"{reason}: {text}", 500) if reason else "The order left no trace in AWS."
        case Finished(outcome=outcome) if outcome is Status.SUCCEEDED:
            return ""
        case Declined(why=why):
            return quoted(why, 500) if why else ""
        case Finished(why=why) | Cancelled(why=why):
            return plain(why, 500)
        case _:
            return ""


def _people(upgrade: Upgrade, ending: Entry | None) -> str:
    said_no = [each.by for each in upgrade.decisions if each.verdict == "decline"]
    cancelled_by = [ending.by] if isinstance(ending, Cancelled) and ending.by else []
    deeds = {"approved": upgrade.approved_by, "declined": said_no, "cancelled": cancelled_by}
    parts = [f"{deed} by {mentions(people)}" for deed, people in deeds.items() if people]
    return ", ".join([f"Proposed by {user(upgrade.proposed_by)}", *parts])
