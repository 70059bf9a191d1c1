"""Slack's mark-up: whom a text pings, and how a person sees it."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.slack.errors import Json
from sandbox.slack.message import Message
from sandbox.slack.workspace import Workspace

_PING = re.compile(r"<(!channel|!here|!everyone|@[UW]\w+|!subteam\^S\w+)(?:\|[^>]*)?>")
_MARK = re.compile(r"<([^<>]+)>")


def mentions(text: str) -> list[str]:
    """Everybody a text would ping: `<!channel>`, `<@U…>`, `<!subteam^S…>`."""
    return [f"<{found}>" for found in _PING.findall(text)]


def pings(message: Message) -> list[str]:
    """Everybody a message would ping, through its text or any mark-up in its blocks."""
    texts = [message.text, *_marked_up(message.blocks)]
    return [mention for text in texts for mention in mentions(text)]


def _marked_up(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from _marked_up_object(part)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for each in part:
            yield from _marked_up(each)


def _marked_up_object(part: Json) -> Iterator[str]:
    if part.get("type") in ("mrkdwn", "markdown") and isinstance(part.get("text"), str):
        yield part["text"]
    elif part.get("type") == "user":
        yield f"<@{part['user_id']}>"
    elif part.get("type") == "usergroup":
        yield f"<!subteam^{part['usergroup_id']}>"
    elif part.get("type") == "broadcast":
        yield f"<!{part['range']}>"
    else:
        for value in part.values():
            yield from _marked_up(value)


def as_seen(text: str, workspace: Workspace) -> str:
    """The text as a person in UTC reads it: names for ids, times for dates, labels for links."""
    shown = _MARK.sub(lambda mark: _mark(mark[1], workspace), text)
    return unescape(shown)


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def time_of_day(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%H:%M:%S")


def _mark(mark: str, workspace: Workspace) -> str:
    target, _, label = mark.partition("|")
    if target.startswith("!date^"):
        return time_of_day(int(target.split("^")[1]))
    if target.startswith("!subteam^"):
        group = workspace.groups.get(target.split("^")[1])
        return f"@{group.handle}" if group else label or "@unknown-group"
    if target.startswith("!"):
        return f"@{target[1:]}"
    if target.startswith("@"):
        user = workspace.users.get(target[1:])
        return f"@{user.name}" if user else "@unknown-user"
    if target.startswith("#"):
        channel = workspace.channels.get(target[1:])
        return f"#{channel.name}" if channel else "#unknown-channel"
    return label or target
