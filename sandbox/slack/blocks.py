"""Block Kit's limits, checked as Slack checks them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.slack.errors import Json, SlackError
from sandbox.slack.objects import (
    PLAIN,
    Findings,
    check_element,
    check_elements,
    check_image,
    check_text,
    check_text_object,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
STATUSES = ("pending", "in_progress", "complete", "error")


def check_blocks(blocks: Any, most: int = MESSAGE_BLOCKS) -> list[Json]:
    """The blocks, each with the `block_id` Slack gives it, or SlackError with Slack's reasons."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    found = Findings()
    if len(blocks) > most:
        found.add(f"no more than {most} items allowed", "/blocks")
    _check_all(found, blocks, "/blocks")
    if found.reasons:
        raise SlackError("invalid_blocks", *found.reasons)
    if found.tables > 1:
        raise SlackError("invalid_attachments", "only_one_table_allowed")
    return with_block_ids(blocks)


def with_block_ids(blocks: Sequence[Json], prefix: str = "b") -> list[Json]:
    return [_with_block_id(block, f"{prefix}{number}") for number, block in enumerate(blocks)]


def _with_block_id(block: Json, block_id: str) -> Json:
    named = {"block_id": block_id, **block}
    if "child_blocks" in named:
        named["child_blocks"] = with_block_ids(named["child_blocks"], f"{block_id}-")
    return named


def _check_all(found: Findings, blocks: Sequence[Any], at: str) -> None:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        _check_block(found, block, f"{at}/{number}")
        block_id = block.get("block_id") if isinstance(block, dict) else None
        if block_id in seen:
            found.add(f"`block_id` {block_id!r} already exists", f"{at}/{number}/block_id")
        seen |= {block_id} if block_id else set()


def _check_block(found: Findings, block: Any, at: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    check = _BLOCKS.get(str(kind))
    if check is None:
        found.add(f"unsupported type: {kind}", f"{at}/type")
        return
    found.optional(block, at, {"block_id": 255})
    check(found, block, at)


def _section(found: Findings, block: Json, at: str) -> None:
    if "text" in block or "fields" not in block:
        check_text(found, block, "text", at, 3000)
    if "fields" in block:
        for number, text in enumerate(found.items(block, "fields", at, 10)):
            check_text_object(found, text, f"{at}/fields/{number}", 2000)
    if "accessory" in block:
        check_element(found, block["accessory"], f"{at}/accessory")


def _header(found: Findings, block: Json, at: str) -> None:
    check_text(found, block, "text", at, 150, PLAIN)


def _actions(found: Findings, block: Json, at: str) -> None:
    check_elements(found, found.items(block, "elements", at, 25), f"{at}/elements")


def _context(found: Findings, block: Json, at: str) -> None:
    for number, element in enumerate(found.items(block, "elements", at, 10)):
        here = f"{at}/elements/{number}"
        if isinstance(element, dict) and element.get("type") == "image":
            check_image(found, element, here)
        else:
            check_text_object(found, element, here, 3000)


def _input(found: Findings, block: Json, at: str) -> None:
    check_text(found, block, "label", at, 2000, PLAIN)
    check_element(found, block.get("element"), f"{at}/element")


def _markdown(found: Findings, block: Json, at: str) -> None:
    if found.length(block.get("text"), f"{at}/text", 12_000, least=1):
        found.markdown_length += len(block["text"])
    if found.markdown_length > 12_000:
        found.add("markdown blocks must be less than 12001 characters together", f"{at}/text")


def _table(found: Findings, block: Json, at: str) -> None:
    found.tables += 1
    for number, row in enumerate(found.items(block, "rows", at, 100)):
        if not isinstance(row, list) or not 1 <= len(row) <= 20:
            found.add("no more than 20 items allowed", f"{at}/rows/{number}")


def _plan(found: Findings, block: Json, at: str) -> None:
    _title(found, block, at)
    for number, task in enumerate(found.items(block, "tasks", at, MESSAGE_BLOCKS, least=0) if "tasks" in block else []):
        _task_card(found, task, f"{at}/tasks/{number}")


def _task_card(found: Findings, block: Json, at: str) -> None:
    found.length(block.get("task_id"), f"{at}/task_id", 255, least=1)
    _title(found, block, at)
    found.one_of(block, "status", at, STATUSES)


def _title(found: Findings, block: Json, at: str) -> None:
    title = block.get("title")
    if isinstance(title, dict):
        check_text_object(found, title, f"{at}/title", 256)
    else:
        found.length(title, f"{at}/title", 256, least=1)


def _container(found: Findings, block: Json, at: str) -> None:
    _check_all(found, found.items(block, "child_blocks", at, 10), f"{at}/child_blocks")


def _rich_text(found: Findings, block: Json, at: str) -> None:
    found.items(block, "elements", at, 10_000, least=0)


def _unchecked(_found: Findings, _block: Json, _at: str) -> None:
    """Known to Slack; its insides are not checked here."""


_BLOCKS: Mapping[str, Callable[[Findings, Json, str], None]] = {
    "section": _section,
    "header": _header,
    "actions": _actions,
    "context": _context,
    "input": _input,
    "image": check_image,
    "markdown": _markdown,
    "table": _table,
    "plan": _plan,
    "task_card": _task_card,
    "container": _container,
    "rich_text": _rich_text,
    **dict.fromkeys(("divider", "video", "file", "context_actions", "card", "carousel"), _unchecked),
    **dict.fromkeys(("data_table", "data_visualization"), _unchecked),
}
