"""A channel and its threads as the lines a person reads."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sandbox.slack.errors import Json
from sandbox.slack.message import Message
from sandbox.slack.mrkdwn import as_seen, time_of_day, unescape
from sandbox.slack.workspace import Workspace

NAME_WIDTH = 8


def transcript(messages: Sequence[Message], workspace: Workspace) -> list[str]:
    """The lines of a channel, oldest first, each thread below its first message."""
    lines: list[str] = []
    for message in (m for m in messages if not m.is_reply):
        lines += message_lines(message, workspace)
        for reply in (m for m in messages if m.is_reply and m.thread_ts == message.ts):
            lines += [f"  {line}" for line in message_lines(reply, workspace)]
    return lines


def message_lines(message: Message, workspace: Workspace) -> list[str]:
    """`Name     first line`, and the other lines below the first."""
    user = workspace.users.get(message.author)
    name = user.real_name if user else message.author
    body = content_lines(message, workspace) or [""]
    shown = [f"{name:<{NAME_WIDTH}} {body[0]}", *(f"{'':<{NAME_WIDTH}} {line}" for line in body[1:])]
    return [line.rstrip() for line in shown]


def content_lines(message: Message, workspace: Workspace) -> list[str]:
    """What a message shows, without its author: blocks, or else its text; then its files."""
    if message.blocks:
        lines = block_lines(message.blocks, workspace)
    else:
        edited = " (edited)" if message.edited else ""
        lines = (as_seen(message.text, workspace) + edited).splitlines()
    return [*lines, *([f"[{'] ['.join(file.name for file in message.files)}]"] if message.files else [])]


def block_lines(blocks: Sequence[Json], workspace: Workspace) -> list[str]:
    return [line for block in blocks for line in _block(block, workspace)]


def _block(block: Json, workspace: Workspace) -> list[str]:
    show = _BLOCKS.get(block["type"])
    return list(show(block, workspace)) if show else [f"({block['type']})"]


def _text(text: Any, workspace: Workspace) -> str:
    if isinstance(text, str):
        return as_seen(text, workspace)
    return unescape(text["text"]) if text["type"] == "plain_text" else as_seen(text["text"], workspace)


def _lines(texts: Iterable[Any], workspace: Workspace) -> Iterator[str]:
    for text in texts:
        yield from _text(text, workspace).splitlines()


def _section(block: Json, workspace: Workspace) -> Iterator[str]:
    yield from _lines([block["text"]] if "text" in block else [], workspace)
    yield from _lines(block.get("fields", []), workspace)
    if "accessory" in block:
        yield _element(block["accessory"], workspace)


def _context(block: Json, workspace: Workspace) -> Iterator[str]:
    shown = [_element(e, workspace) if e["type"] == "image" else _text(e, workspace) for e in block["elements"]]
    yield from "  ".join(shown).splitlines()


def _actions(block: Json, workspace: Workspace) -> Iterator[str]:
    yield " ".join(_element(element, workspace) for element in block["elements"])


def _element(element: Json, workspace: Workspace) -> str:
    label = element.get("text") or element.get("placeholder") or element.get("alt_text") or element["type"]
    return f"[{_text(label, workspace)}]"


def _table(block: Json, workspace: Workspace) -> Iterator[str]:
    for row in block["rows"]:
        yield "  ".join(_cell(cell, workspace) for cell in row)


def _cell(cell: Json, workspace: Workspace) -> str:
    return (
        "".join(_rich(cell, workspace)) if cell["type"] == "rich_text" else str(cell.get("text", cell.get("value", "")))
    )


def _plan(block: Json, workspace: Workspace) -> Iterator[str]:
    yield from _lines([block["title"]] if "title" in block else [], workspace)
    for task in block.get("tasks", []):
        yield from _task(task, workspace)


def _task(task: Json, workspace: Workspace) -> Iterator[str]:
    yield f"{task.get('status', 'pending')}: {_text(task['title'], workspace)}"
    for part in ("details", "output"):
        if part in task:
            yield from "".join(_rich(task[part], workspace)).splitlines()


def _container(block: Json, workspace: Workspace) -> Iterator[str]:
    yield from _lines([block["title"]] if "title" in block else [], workspace)
    for child in block.get("child_blocks", []):
        yield from _block(child, workspace)


def _rich(part: Json, workspace: Workspace) -> Iterator[str]:
    marks = {
        "user": "@{user_id}",
        "usergroup": "!subteam^{usergroup_id}",
        "broadcast": "!{range}",
        "channel": "#{channel_id}",
    }
    kind = part.get("type", "")
    if kind in marks:
        yield as_seen(f"<{marks[kind].format_map(part)}>", workspace)
    elif kind == "date":
        yield time_of_day(part["timestamp"])
    elif kind in ("text", "link"):
        yield part.get("text") or part["url"]
    else:
        for child in part.get("elements", []):
            yield from _rich(child, workspace)
        yield "\n" if kind.startswith("rich_text_") else ""


_RICH_MARKS = {
    "user": "<@{user_id}>",
    "usergroup": "<!subteam^{usergroup_id}>",
    "broadcast": "<!{range}>",
    "channel": "<#{channel_id}>",
}
_BLOCKS: Mapping[str, Callable[[Json, Workspace], Iterable[str]]] = {
    "header": lambda block, workspace: _lines([block["text"]], workspace),
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": lambda _block, _workspace: ["---"],
    "image": lambda block, _workspace: [f"[image: {block['alt_text']}]"],
    "markdown": lambda block, _workspace: block["text"].splitlines(),
    "table": _table,
    "plan": _plan,
    "task_card": _task,
    "container": _container,
    "rich_text": lambda block, workspace: "".join(_rich(block, workspace)).splitlines(),
}
