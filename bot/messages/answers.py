"""What is answered to a command or a click, for one person's eyes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from bot.domain.errors import Refused
from bot.domain.freezing import Freeze, Frost
from bot.domain.preflight import Facts, Maintenance, Unread
from bot.domain.status import Status
from bot.domain.timeline import Cancelled, Entry, Finished, NotOrdered
from bot.domain.topology import POSTGRESQL, GlobalCluster, Member
from bot.domain.upgrade import Upgrade, said
from bot.domain.version import EngineVersion
from bot.messages.downtime import downtime
from bot.messages.markup import code, cut, lasting, link, mentions, plain, section, user, when
from bot.messages.message import Message
from bot.messages.needs import needs, one_of_each

MOST_UPGRADES: Final = 20
MOST_TEXT: Final = 40_000  # characters; Slack cuts a new message's text there
INVITED: Final = ("not_in_channel", "channel_not_found")
CLOSED: Final = ("is_archived", "restricted_action", "restricted_action_read_only_channel")
DENIALS: Final = {  # who may not, in the words of AWS, Slack and Redis: waiting does not help
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthFailure"),
    *("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "OptInRequired"),
    *("ExpiredToken", "ExpiredTokenException"),
    *("missing_scope", "no_permission", "not_allowed_token_type", "invalid_auth", "not_authed", "account_inactive"),
    *("token_revoked", "token_expired"),
    *("NOAUTH", "WRONGPASS", "NOPERM", "AuthenticationError", "NoPermissionError"),
}
DAY_AND_TIME: Final = "{date_short_pretty} {time}"


class Listed(Protocol):
    """What the desk says of a global cluster among others."""

    @property
    def cluster(self) -> GlobalCluster: ...
    @property
    def targets(self) -> tuple[EngineVersion, ...] | Unread: ...
    @property
    def maintenance(self) -> tuple[Maintenance, ...] | Unread: ...


class Catalogue(Protocol):
    """A page of them, and how many are on those after it."""

    @property
    def listed(self) -> Sequence[Listed]: ...
    @property
    def page(self) -> int: ...
    @property
    def pages(self) -> int: ...
    @property
    def more(self) -> int: ...


class Shown(Protocol):
    """What the desk knows of a global cluster."""

    @property
    def cluster(self) -> GlobalCluster: ...
    @property
    def targets(self) -> tuple[EngineVersion, ...]: ...
    @property
    def targets_unread(self) -> str | None: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def open_upgrade(self) -> Upgrade | None: ...
    @property
    def link(self) -> str | None: ...
    @property
    def trouble(self) -> str | None: ...


class Standing(Protocol):
    """An upgrade, and where its card is, or Slack's word for why it could not be posted."""

    @property
    def upgrade(self) -> Upgrade: ...
    @property
    def link(self) -> str | None: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def waits(self) -> Sequence[str]: ...


class Chilled(Protocol):
    """A freeze, and what it came instead of."""

    @property
    def freeze(self) -> Freeze: ...
    @property
    def before(self) -> Frost | None: ...


class Thawed(Protocol):
    """The freeze that was ended, and what freezes the same all the same."""

    @property
    def ended(self) -> Frost: ...
    @property
    def still(self) -> Frost | None: ...


class Past(Protocol):
    """An upgrade that is over, how its timeline ends, if that can be read, and where its card is."""

    @property
    def upgrade(self) -> Upgrade: ...
    @property
    def link(self) -> str | None: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def ending(self) -> Entry | None: ...


class History(Protocol):
    """Past upgrades, newest first, how many older ones are left out, and whether those are all."""

    @property
    def past(self) -> Sequence[Past]: ...
    @property
    def more(self) -> int: ...
    @property
    def counted(self) -> bool: ...


def _message(*parts: str) -> Message:
    shown = [part for part in parts if part]
    return Message(text=cut("\n".join(shown), MOST_TEXT), blocks=tuple(map(section, shown)))


def help_() -> Message:
    return _message(
        "I carry the managed minor version upgrade of an Aurora global database, and measure its downtime.",
        "\n".join(
            (
                "`/aurora list`  all global clusters with their members",
                "`/aurora show orders`  its members, the versions it can go to, pending maintenance",
                '`/aurora upgrade orders 18.6 "patch for CVE"`  propose it; others approve, then AWS gets the order',
                "`/aurora upgrade orders`  which versions it can go to",
                "`/aurora status`  all open upgrades; `/aurora status orders`  the latest of one cluster",
                "`/aurora history`  past upgrades and what they cost; `/aurora history orders`  those of one cluster",
                "`/aurora cancel orders`  take a proposal back, before the order",
                "`/aurora freeze orders until 18:00 month end`  no order until then; `/aurora freeze all until …`",
                "`/aurora unfreeze orders`  end that freeze",
            )
        ),
    )


def clusters(found: Catalogue) -> Message:
    pages = found.pages
    if not pages:
        return _message("This account has no global cluster, or none that I may see.")
    if found.page > pages:
        return _message(f"There {'is only 1 page' if pages == 1 else f'are only {pages} pages'}: `/aurora list`.")
    more = f"{found.more} more: `/aurora list {found.page + 1}`" if found.more else ""
    return _message(*map(_listed, found.listed), more)


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
    return _message(_cluster(shown.cluster), instances, _targets(shown), _maintenance(shown.facts), _open(shown))


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
    return _standing(shown.open_upgrade, shown.link, shown.trouble) if shown.open_upgrade else "No upgrade is open."


def status(standings: Sequence[Standing], cluster: str | None, frosts: Sequence[Frost] = ()) -> Message:
    """The freezes and the open upgrades; when none is open, the latest that is over."""
    shown = [each for each in frosts if cluster is None or each.cluster in (None, cluster.lower())]
    more = f"{len(shown) - MOST_UPGRADES} more freezes." if len(shown) > MOST_UPGRADES else ""
    frozen = "\n".join(filter(None, [*map(_frost, shown[:MOST_UPGRADES]), more]))
    return _message(frozen, *_status(standings, cluster))


def _status(standings: Sequence[Standing], cluster: str | None) -> Iterable[str]:
    still_open = [each for each in standings if not each.upgrade.status.is_final]
    if still_open:
        more = len(still_open) - MOST_UPGRADES
        rest = f"{more} more: `/aurora status CLUSTER` shows one." if more > 0 else ""
        shown = (_standing(each.upgrade, each.link, each.trouble) for each in still_open[:MOST_UPGRADES])
        return (*shown, rest)
    of = f" for {code(cluster)}" if cluster else ""
    if not standings:
        return (f"No upgrade is open{of}." if cluster is None else f"No upgrade was ever proposed{of}.",)
    last = max(standings, key=lambda each: each.upgrade.proposed_at)
    return (f"No upgrade is open{of}. The last one:", _standing(last.upgrade, last.link, last.trouble))


def _frost(frost: Frost) -> str:
    what = code(frost.cluster) if frost.cluster else "every cluster"
    if not isinstance(frost, Freeze):
        scope = plain(frost.cluster or "all", 100)
        return f"🧊 {what} is frozen: the record of the freeze cannot be read. `/aurora unfreeze {scope}` ends it."
    since = f"since {when(frost.at, DAY_AND_TIME)} by {user(frost.by)}"
    return f"🧊 {what} is frozen until {when(frost.until, DAY_AND_TIME)}, {since}: “{plain(frost.why, 1000)}”"


def _standing(upgrade: Upgrade, card: str | None, trouble: str | None) -> str:
    head = f"{_what(upgrade)}  ·  *{said(upgrade.status)}*"
    by = f"Proposed by {user(upgrade.proposed_by)} {when(upgrade.proposed_at, DAY_AND_TIME)}"
    seen = [
        f"{code(each.region)}  {plain(each.version, 100)}  {plain(each.status, 100)}"
        for each in upgrade.members
        if upgrade.status is Status.UPGRADING
    ]
    where = _card(upgrade.channel, card, trouble)
    return "\n".join([head, *seen, f"{by}{_waits_for(upgrade)}  ·  {where}"])


def history(found: History, cluster: str | None) -> Message:
    of = f" of {code(cluster)}" if cluster else ""
    if not found.past:
        return _message(f"No upgrade{of} is over yet. `/aurora status` shows what is open.")
    older = f"{found.more}{'' if found.counted else ' or more'} older {'one is' if found.more == 1 else 'ones are'} left out."
    narrower = "" if cluster else " `/aurora history CLUSTER` shows those of one cluster."
    return _message(*map(_past, found.past), older + narrower if found.more else "")


def _past(past: Past) -> str:
    upgrade, ending = past.upgrade, past.ending
    head = [f"{_what(upgrade)}  ·  *{said(upgrade.status)}*"]
    if upgrade.finished_at:
        head.append(when(upgrade.finished_at, DAY_AND_TIME))
    if upgrade.finished_at and upgrade.intent_at:
        head.append(f"took {lasting(upgrade.finished_at - upgrade.intent_at)} from the order on")
    cost = downtime(ending.measured) if isinstance(ending, Finished) else ""
    where = f"{_people(upgrade, ending)}  ·  {_card(upgrade.channel, past.link, past.trouble)}"
    return "\n".join(filter(None, ["  ·  ".join(head), _why(ending), cost, where]))


def _why(ending: Entry | None) -> str:
    """What was said of an end that is no success, by AWS or by the bot."""
    match ending:
        case NotOrdered(code=reason, message=text):
            return plain(f"{reason}: {text}", 500) if reason else "The order left no trace in AWS."
        case Finished(outcome=outcome) if outcome is Status.SUCCEEDED:
            return ""
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


def _card(channel: str, card: str | None, trouble: str | None) -> str:
    """Where the card is, as far as that is known."""
    if card:
        return link(card, "Open the card")
    if trouble is None:
        return f"Look for its card in <#{channel}>"
    return f"Its card could not be posted in <#{channel}>: Slack says {code(trouble)}. {_what_instead(trouble)}"


def _what_instead(trouble: str) -> str:
    """What people can do about a channel that does not take the card; the names are those of chat.postMessage."""
    another = "Another channel in `aurora.toml` counts from the next proposal on."
    if trouble in INVITED:
        return f"Invite me to that channel, and the card comes by itself. {another}"
    if trouble in CLOSED:
        return f"Let me post in that channel, and the card comes by itself. {another}"
    return "Tell those who run this bot; the card comes by itself once that is mended."


def _waits_for(upgrade: Upgrade) -> str:
    if upgrade.finished_at:
        return f"  ·  over since {when(upgrade.finished_at, DAY_AND_TIME)}"
    if upgrade.status is Status.PROPOSED:
        return f"  ·  {_approvals(upgrade)}  ·  expires {when(upgrade.expires_at, DAY_AND_TIME)}"
    if upgrade.held_for and upgrade.status is Status.APPROVED:
        return f"  ·  the order waits: {plain('; '.join(upgrade.held_for), 1000)}"
    return ""


def _approvals(upgrade: Upgrade) -> str:
    return needs(upgrade.asked, more=bool(upgrade.approved_by))


def proposed(standing: Standing) -> Message:
    upgrade = standing.upgrade
    asked = f"It {_approvals(upgrade)} and expires {when(upgrade.expires_at, DAY_AND_TIME)}."
    return _message(
        f"Proposed: {_what(upgrade)}. {asked}",
        _would_wait(standing.waits),
        _card(upgrade.channel, standing.link, standing.trouble),
    )


def _would_wait(waits: Sequence[str]) -> str:
    """As things are now: reasons are plain text."""
    return f"The order would wait now, though it were approved: {plain('; '.join(waits), 2000)}." if waits else ""


def approved(upgrade: Upgrade, waits: Sequence[str] = ()) -> Message:
    needed = upgrade.rule.approvals
    count = f"{needed - sum(each.approvals for each in upgrade.asked)} of {needed}"
    if upgrade.status is Status.PROPOSED:
        return _message(
            f"Your approval of {_what(upgrade)} counts: {count}. It {_approvals(upgrade)}.", _would_wait(waits)
        )
    if waits:
        held = f"It has all its approvals, but the order waits: {plain('; '.join(waits), 2000)}."
        return _message(f"Your approval of {_what(upgrade)} counts: {count}. {held}")
    return _message(
        f"Your approval of {_what(upgrade)} counts: {count}. The order comes next; the thread tells how it goes."
    )


def withdrawn(upgrade: Upgrade) -> Message:
    return _message(f"Your approval of {_what(upgrade)} is withdrawn. It {_approvals(upgrade)}.")


def declined(upgrade: Upgrade) -> Message:
    return _message(f"You declined {_what(upgrade)}. Nothing was changed.")


def frozen(made: Chilled) -> Message:
    freeze = made.freeze
    what = code(freeze.cluster) if freeze.cluster else "Every cluster"
    until = when(freeze.until, DAY_AND_TIME)
    return _message(
        f"🧊 {what} is frozen until {until}: no order is given before, whatever is approved. “{plain(freeze.why, 1000)}”",
        f"This came instead of: {_frost(made.before)}" if made.before else "",
        "An order that was given already goes on. "
        f"`/aurora unfreeze {plain(freeze.cluster or 'all', 100)}` ends the freeze.",
    )


def thawed(made: Thawed) -> Message:
    what = f"The freeze of {code(made.ended.cluster)}" if made.ended.cluster else "The freeze of all clusters"
    still = f"Orders of it wait all the same: {_frost(made.still)}" if made.still else ""
    rest = "" if made.still else " Orders that are approved and waited for it are given now."
    return _message(f"{what} is over.{rest}", still)


def cancelled(upgrade: Upgrade) -> Message:
    return _message(f"You cancelled {_what(upgrade)}. Nothing was changed.")


def _what(upgrade: Upgrade) -> str:
    plan = upgrade.plan
    return f"{code(plan.global_cluster)} from {plan.from_version} to {plan.target}"


def refused(no: Refused) -> Message:
    return _message(
        plain(no.sentence),
        f"Approvers: {mentions(no.approvers)}" if no.approvers else "",
        f"Needed: {one_of_each(no.needs)}." if no.needs else "",
        _in_the_way(no),
    )


def _in_the_way(no: Refused) -> str:
    if no.link:
        return link(no.link, "Open it")
    return _card(no.channel, None, no.trouble) if no.channel else ""


def unavailable(what: str, reason: str, detail: str = "") -> Message:
    """`reason` is the outside system's own word for its trouble. A store that fell silent may have saved all the same."""
    said_so = f" It says: {plain(detail, 500)}" if detail else ""
    if reason in DENIALS:
        return _message(f"{plain(what, 100)} refused ({code(reason)}).{said_so}", _to_mend(what))
    sure = "Nothing was saved half, and asking twice is safe." if what == "Redis" else "Nothing was changed."
    return _message(
        f"{plain(what, 100)} did not answer ({code(reason)}).{said_so}",
        f"{sure} Try again in a minute; if it stays so, tell those who run this bot.",
    )


def _to_mend(what: str) -> str:
    rights = {
        "Slack": "what it may do in Slack is in deploy/slack-manifest.yaml",
        "Redis": "its name and password are in REDIS_URL",
    }.get(what, "what it may do in AWS is in deploy/iam")
    return f"Nothing was changed. Those who run this bot have to mend it: {rights}."


def overtaken() -> Message:
    return _message(
        "Somebody else was faster, so yours was not done. Look at the card, and ask again if it is needed still."
    )


def too_slow(seconds: float, *, changes: bool) -> Message:
    """`changes`: what was asked for may change something."""
    sure = (
        "It may have been done or not: look at `/aurora status` before you ask again."
        if changes
        else "Nothing was changed. Ask again in a minute; if it stays so, tell those who run this bot."
    )
    return _message(f"This took longer than {seconds:g} s, so I stopped waiting. {sure}")


def still_asking(*, changes: bool) -> Message:
    """Goes before an answer that takes long; whom it waits for is not known here, but it hardly ever is anyone else."""
    if changes:
        return _message(
            "Still waiting, most likely for AWS, and not settled yet. The answer follows here; no need to ask again."
        )
    return _message("Still waiting, most likely for AWS. The answer follows here.")


def interrupted() -> Message:
    return _message(
        "I am being restarted and could not finish this. Look at `/aurora status`, then ask again in a moment."
    )


def broken(reference: str) -> Message:
    """The log has the details under the same reference."""
    return _message(
        f"Something broke (ref `{reference}`). Nothing was saved half. Try again, or show the reference to those who run this bot."
    )


def unknown_form() -> Mapping[str, Any]:
    """Takes the place of a form that nobody here knows (a view_submission's `response_action`)."""
    sentence = "I do not know this form, so nothing was done. `/aurora status` shows what is open."
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Aurora"}, "blocks": [section(sentence)]}
    return {"response_action": "update", "view": view}
