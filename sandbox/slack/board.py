"""Every message of the workspace, and everybody who wants to hear of a change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox.slack.bell import Bell
from sandbox.slack.errors import SlackError
from sandbox.slack.message import Change, ChangeKind, Message

Listener = Callable[[Change], None]
Now = Callable[[], float]


class Board:
    def __init__(self, now: Now) -> None:
        self._now = now
        self._last_ts = 0
        self._messages: dict[tuple[str, str], Message] = {}
        self._whispers: dict[tuple[str, str], Message] = {}
        self._listeners: list[Listener] = []
        self.bell = Bell()

    def new_ts(self) -> str:
        """Unique and increasing, in microseconds, as Slack's are."""
        self._last_ts = max(self._last_ts + 1, int(self._now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def post(self, channel: str, author: str, **content: Any) -> Message:
        """A new message for the whole channel, or for one reader when `visible_to` is given."""
        message = Message(channel=channel, author=author, ts=self.new_ts(), **content)
        self._shelf(message)[message.channel, message.ts] = message
        self._tell("ephemeral" if message.ephemeral else "posted", message)
        return message

    def edit(self, message: Message, **content: Any) -> Message:
        edited = replace(message, edits=(*message.edits, self.clock()), **content)
        self._shelf(edited)[edited.channel, edited.ts] = edited
        self._tell("edited", edited)
        return edited

    def delete(self, message: Message) -> None:
        del self._shelf(message)[message.channel, message.ts]
        self._tell("deleted", message)

    def note(self, kind: ChangeKind, message: Message) -> None:
        """Tells the listeners of a deed that leaves no message behind."""
        self._tell(kind, message)

    def find(self, channel: str, ts: str) -> Message:
        """The message as it is now, ephemeral or not."""
        message = self._messages.get((channel, ts)) or self._whispers.get((channel, ts))
        if message is None:
            raise SlackError("message_not_found")
        return message

    def find_public(self, channel: str, ts: str) -> Message:
        message = self.find(channel, ts)
        if message.ephemeral:
            raise SlackError("message_not_found")
        return message

    def everything(self, channel: str) -> list[Message]:
        return [message for message in self._messages.values() if message.channel == channel]

    def history(self, channel: str) -> list[Message]:
        """What the channel shows, oldest first: replies stay in their threads unless broadcast."""
        return [message for message in self.everything(channel) if message.broadcast or not message.is_reply]

    def replies(self, channel: str, ts: str) -> list[Message]:
        return [m for m in self.everything(channel) if m.thread_ts == ts and m.ts != ts]

    def ephemerals(self, user: str) -> list[Message]:
        return [message for message in self._whispers.values() if message.visible_to == user]

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls the listener for every change until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def changes(self) -> AsyncIterator[Change]:
        """Everything that changes from this call on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        return _drain(queue, self.subscribe(queue.put_nowait))

    def _shelf(self, message: Message) -> dict[tuple[str, str], Message]:
        return self._whispers if message.ephemeral else self._messages

    def _tell(self, kind: ChangeKind, message: Message) -> None:
        change = Change(kind, self.clock(), message)
        for listener in [*self._listeners]:
            listener(change)
        self.bell.ring()


async def _drain(queue: asyncio.Queue[Change], stop: Callable[[], None]) -> AsyncIterator[Change]:
    try:
        while True:
            yield await queue.get()
    finally:
        stop()
