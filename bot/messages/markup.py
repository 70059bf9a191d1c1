"""Slack's mrkdwn, safely: everything that came from outside is escaped first and truncated after."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

Block = dict[str, Any]

SECTION = 3000  # characters of a section's text (docs.slack.dev, Block Kit)
TEXT = 4000  # characters of a message's text that chat.update still takes
ELLIPSIS = " …"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_IN_LINKS = str.maketrans({"<": "%3C", ">": "%3E", "|": "%7C", "&": "&amp;"})
TENTH = timedelta(milliseconds=100)


def plain(text: str, limit: int = SECTION) -> str:
    """Outside text as mrkdwn that shows it and does nothing else: no mention, no link, no control character.

    Direction overrides go too: they could make one version read as another. Longer than `limit` is cut with a mark.
    """
    return cut("".join(map(_escaped, _CONTROL.sub("", text))), limit)


def _escaped(character: str) -> str:
    return {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(character, character)


def quoted(text: str, limit: int = 1000) -> str:
    """Outside text of several lines, each of them marked as a quotation, so that none looks like the bot's own."""
    return "\n".join(f">{plain(line)}" for line in _shortened(text, limit).splitlines())


def code(text: str, limit: int = 200) -> str:
    """Outside text as inline code."""
    return f"`{plain(text.replace('`', chr(0x2CB)).replace(chr(10), ' '), limit)}`"


def cut(text: str, limit: int) -> str:
    """Shorten already escaped text to `limit` characters, never inside an entity or a `<…>` token."""
    if len(text) <= limit:
        return text
    if limit < len(ELLIPSIS):
        return ""
    kept = text[: limit - len(ELLIPSIS)]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = kept.rfind(opening)
        if start > kept.rfind(closing) and (opening == "<" or len(kept) - start < 6):
            kept = kept[:start]
    return kept + ELLIPSIS


def _shortened(text: str, limit: int) -> str:
    """Plain text, in which nothing is mark-up and so nothing is escaped."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS


def user(id: str) -> str:
    return f"<@{id}>"


def mention(id: str) -> str:
    """A user or a user group."""
    return f"<!subteam^{id}>" if id.startswith("S") else user(id)


def mentions(ids: Iterable[str]) -> str:
    return ", ".join(map(mention, ids))


def when(at: datetime, form: str = "{time_secs}") -> str:
    """An instant in the reader's own zone; the fallback is UTC and says so."""
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M:%S} UTC>"


def link(url: str, text: str) -> str:
    return f"<{_CONTROL.sub('', url).translate(_IN_LINKS)}|{plain(text)}>"


def lasting(duration: timedelta) -> str:
    """`3 min 12 s`, `42 s`, `1 h 05 min`: for people, whole seconds."""
    seconds = round(duration.total_seconds())
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"


def bounds(at_least: timedelta, at_most: timedelta | None) -> str:
    """`2.6 to 2.8 s`; rounded outwards, so that the truth stays inside."""
    low = (at_least // TENTH) / 10
    if at_most is None:
        return f"at least {low:.1f} s"
    high = -(-at_most // TENTH) / 10
    return f"{low:.1f} to {high:.1f} s"


def section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION), "verbatim": True}}


def context(*texts: str) -> Block:
    """At most ten."""
    return {
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": cut(text, SECTION), "verbatim": True} for text in texts],
    }


def header(text: str) -> Block:
    """Plain text, so nothing is escaped; 150 characters at most."""
    return {"type": "header", "text": {"type": "plain_text", "text": _shortened(text, 150), "emoji": False}}


def button(
    text: str, action: str, value: str, confirm: Mapping[str, str] | None = None, style: str | None = None
) -> Block:
    """`confirm` holds title, text, confirm and deny; every button that decides something by itself asks back."""
    made: Block = {
        "type": "button",
        "action_id": action,
        "value": value,
        "text": {"type": "plain_text", "text": text, "emoji": False},
    }
    if confirm:
        made["confirm"] = {
            "title": {"type": "plain_text", "text": _shortened(confirm["title"], 100)},
            "text": {"type": "plain_text", "text": _shortened(confirm["text"], 300)},
            "confirm": {"type": "plain_text", "text": _shortened(confirm["confirm"], 30)},
            "deny": {"type": "plain_text", "text": _shortened(confirm["deny"], 30)},
        }
    return made | ({"style": style} if style else {})
