"""All that the Web API answers from, in one place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sandbox.slack.board import Board
from sandbox.slack.errors import Json, SlackError
from sandbox.slack.limits import RateLimits
from sandbox.slack.message import File
from sandbox.slack.sockets import SocketMode
from sandbox.slack.triggers import Triggers
from sandbox.slack.workspace import Workspace

APP_ID: Final = "A0AURORA"
BOT_ID: Final = "B0AURORA"
SCOPES: Final = frozenset(  # as in deploy/slack-manifest.yaml
    {
        "commands",
        "chat:write",
        "files:write",
        "users:read",
        "usergroups:read",
        "channels:history",
        "groups:history",
    }
)


@dataclass
class Upload:
    """A file on its way: announced, then sent, then shared."""

    id: str
    name: str
    length: int
    alt_text: str = ""
    content: bytes | None = None
    shared: File | None = None
    shares: dict[str, list[str]] = field(default_factory=dict)  # channel → message ts


@dataclass(kw_only=True)
class World:
    workspace: Workspace
    board: Board
    sockets: SocketMode
    triggers: Triggers
    now: Callable[[], float]
    limits: RateLimits | None
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    uploads: dict[str, Upload] = field(default_factory=dict)
    views: dict[str, Json] = field(default_factory=dict)
    modals: dict[str, Json] = field(default_factory=dict)  # user → the view in front of them
    home_tabs: dict[str, Json] = field(default_factory=dict)
    port: int = 0

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    def thread(self, channel: str, ts: str | None) -> str | None:
        """The ts of the thread to reply in; Slack refuses what is not the first message of one."""
        if ts is None:
            return None
        if not ts.replace(".", "", 1).isdecimal() or "." not in ts:
            raise SlackError("invalid_thread_ts", f"{ts} is not a valid thread_ts")
        parent = next((m for m in self.board.everything(channel) if m.ts == ts), None)
        if parent is None:
            raise SlackError("thread_not_found")
        if parent.is_reply:
            raise SlackError("cannot_reply_to_message")
        return ts
