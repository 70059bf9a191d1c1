"""Parts of several answers."""

from typing import Final

from bot.domain.freezing import Freeze, Frost
from bot.domain.status import Status, said
from bot.domain.upgrade import Upgrade
from bot.messages.markup import code, cut, link, plain, section, user, when
from bot.messages.message import Message
from bot.messages.needs import needs

MOST_TEXT: Final = 40_000  # characters; Slack cuts a new message's text there
MOST_UPGRADES: Final = 20
INVITED: Final = ("not_in_channel", "channel_not_found")
CLOSED: Final = ("is_archived", "restricted_action", "restricted_action_read_only_channel")
DAY_AND_TIME: Final = "{date_short_pretty} {time}"


def message(*parts: str) -> Message:
    shown = [part for part in parts if part]
    return Message(text=cut("\n".join(shown), MOST_TEXT), blocks=tuple(map(section, shown)))


def what(upgrade: Upgrade) -> str:
    plan = upgrade.plan
    return f"{code(plan.global_cluster)} from {plan.from_version} to {plan.target}"


def card_link(channel: str, card: str | None, trouble: str | None) -> str:
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


def approvals(upgrade: Upgrade) -> str:
    return needs(upgrade.asked, more=bool(upgrade.approved_by))


def standing_of(upgrade: Upgrade, card: str | None, trouble: str | None) -> str:
    head = f"{what(upgrade)}  ·  *{said(upgrade.status)}*"
    by = f"Proposed by {user(upgrade.proposed_by)} {when(upgrade.proposed_at, DAY_AND_TIME)}"
    seen = [
        f"{code(each.region)}  {plain(each.version, 100)}  {plain(each.status, 100)}"
        for each in upgrade.members
        if upgrade.status is Status.UPGRADING
    ]
    where = card_link(upgrade.channel, card, trouble)
    return "\n".join([head, *seen, f"{by}{_waits_for(upgrade)}  ·  {where}"])


def _waits_for(upgrade: Upgrade) -> str:
    if upgrade.finished_at:
        return f"  ·  over since {when(upgrade.finished_at, DAY_AND_TIME)}"
    if upgrade.status is Status.PROPOSED:
        return f"  ·  {approvals(upgrade)}  ·  expires {when(upgrade.expires_at, DAY_AND_TIME)}"
    if upgrade.held_for and upgrade.status is Status.APPROVED:
        return f"  ·  the order waits: {plain('; '.join(upgrade.held_for), 1000)}"
    return ""


def frost_of(frost: Frost) -> str:
    what = code(frost.cluster) if frost.cluster else "every cluster"
    if not isinstance(frost, Freeze):
        scope = plain(frost.cluster or "all", 100)
        return f"🧊 {what} is frozen: the record of the freeze cannot be read. `/aurora unfreeze {scope}` ends it."
    since = f"since {when(frost.at, DAY_AND_TIME)} by {user(frost.by)}"
    return f"🧊 {what} is frozen until {when(frost.until, DAY_AND_TIME)}, {since}: “{plain(frost.why, 1000)}”"
