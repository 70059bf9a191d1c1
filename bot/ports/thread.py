"""Where upgrades are told."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.ids import ChannelId
from bot.messages.message import File, Message
from bot.messages.strip import Strip


class Busy(Exception):
    """The lane of this channel is suspended for `wait`."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait.total_seconds():.1f} s")
        self.wait = wait


Timely = Callable[[], bool]


def at_any_time() -> bool:
    return True


class Thread(Protocol):
    """Where an upgrade is told. Raises Busy when a lane has to wait, Unavailable when Slack does not take it.

    `timely` is asked right before something is sent: whoever stood still for so long that others may have sent it by now
    does not send it any more, which is Busy too.
    """

    async def clear(self, channel: ChannelId) -> None:
        """Wait until a message would be sent at once, so that it can hold all that is new by then."""
        ...

    async def post(
        self, channel: ChannelId, message: Message, *, key: str, thread: str | None = None, timely: Timely = at_any_time
    ) -> str:
        """A new message, never sent twice by us; `key` marks it so that `find` can. Gives its `ts`."""
        ...

    async def find(self, channel: ChannelId, key: str, *, thread: str | None, since: datetime) -> str | None:
        """The `ts` of our message with that mark; None when there is none, or when the scope to look is not granted."""
        ...

    async def edit(self, channel: ChannelId, ts: str, message: Message) -> None: ...

    async def upload(
        self,
        channel: ChannelId,
        thread: str,
        files: Sequence[File],
        comment: Message,
        *,
        timely: Timely = at_any_time,
    ) -> None:
        """Files, in this order, into the thread as one message under one comment."""
        ...

    async def permalink(self, channel: ChannelId, ts: str) -> str | None: ...


class Artist(Protocol):
    async def png(self, strip: Strip) -> bytes:
        """The picture; Unavailable when it cannot be drawn, or not in time."""
        ...
