"""A message as Slack keeps it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sandbox.slack.errors import Json


@dataclass(frozen=True, kw_only=True)
class File:
    id: str
    name: str
    title: str
    content: bytes
    alt_text: str = ""
    mimetype: str = "application/octet-stream"
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One version of a message; an edit makes another with the same channel and ts."""

    channel: str
    ts: str
    author: str
    text: str = ""
    blocks: Sequence[Json] = ()
    metadata: Json | None = None
    thread_ts: str | None = None
    files: tuple[File, ...] = ()
    edits: tuple[datetime, ...] = ()
    visible_to: str | None = None  # an ephemeral message has one reader
    in_answer_to: str | None = None  # the command or click whose answer it is
    broadcast: bool = False

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(float(self.ts), UTC)

    @property
    def edited(self) -> bool:
        return bool(self.edits)

    @property
    def edit_count(self) -> int:
        return len(self.edits)

    @property
    def ephemeral(self) -> bool:
        return self.visible_to is not None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def elements(self) -> Iterator[tuple[Json, Json]]:
        """Every element a person can act on, with the block it stands in."""
        for block in flat(self.blocks):
            held = [*block.get("elements", []), block.get("accessory"), block.get("element")]
            yield from ((block, element) for element in held if isinstance(element, dict) and "action_id" in element)

    @property
    def buttons(self) -> list[str]:
        """The action ids that can be clicked, in their order on the card."""
        return [element["action_id"] for _, element in self.elements()]


ChangeKind = Literal["posted", "edited", "deleted", "ephemeral", "command", "click"]


@dataclass(frozen=True)
class Change:
    """Something that happened in the workspace: a message moved, or a person acted (then `message.text` says how)."""

    kind: ChangeKind
    at: datetime
    message: Message


def flat(blocks: Sequence[Json]) -> Iterator[Json]:
    """All blocks, those inside containers too."""
    for block in blocks:
        yield block
        yield from flat(block.get("child_blocks", []))
