"""What a person did, and everything that came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from sandbox.slack.bell import Bell
from sandbox.slack.delivery import Ack, Envelope
from sandbox.slack.errors import Json
from sandbox.slack.message import Change, Message

NEVER = Ack(0, error="dispatch_failed")


@dataclass
class Sent:
    """A command, a click or an event on its way to the app."""

    user: str
    channel: str
    id: str = field(default_factory=lambda: uuid4().hex)
    envelope: Envelope | None = None
    ack: Ack = NEVER
    answers: list[Message] = field(default_factory=list)
    _bell: Bell = field(default_factory=Bell, repr=False)

    @property
    def acked(self) -> bool:
        return self.ack.acked

    @property
    def ack_ms(self) -> float:
        return self.ack.ms

    @property
    def ack_body(self) -> Json | None:
        return self.ack.body

    @property
    def error(self) -> str | None:
        """What Slack shows the person when the app did not acknowledge."""
        return self.ack.error

    def hear(self, message: Message) -> None:
        self.answers.append(message)
        self._bell.ring()

    async def answer(self, within: float = 5.0, where: Callable[[Message], bool] = lambda _: True) -> Message:
        """The first answer (of those asked for), waiting `within` seconds for it; TimeoutError without one."""
        return await self._bell.until(lambda: next(filter(where, self.answers), None), within)


@dataclass(frozen=True)
class Confirm:
    """The dialog that stands between a click and its effect."""

    title: str
    text: str
    confirm: str
    deny: str

    @classmethod
    def of(cls, element: Json) -> "Confirm | None":
        dialog = element.get("confirm")
        return cls(**{name: dialog[name]["text"] for name in ("title", "text", "confirm", "deny")}) if dialog else None


@dataclass
class Click(Sent):
    """A click on a button, its confirm dialog answered with yes."""

    label: str = ""
    confirm: Confirm | None = None


@dataclass
class Submission(Sent):
    """A form, filled in and submitted. `said` is what took its place, and `errors` what Slack shows below its inputs."""

    said: str = ""
    errors: Json = field(default_factory=dict)


class Deeds:
    """Finds the deed that an ephemeral message answers: the person's latest in that channel."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Sent] = {}

    def begun(self, sent: Sent) -> None:
        self._latest[sent.user, sent.channel] = sent

    def hear(self, change: Change) -> None:
        message = change.message
        if change.kind == "ephemeral" and message.in_answer_to is None and message.visible_to:
            latest = self._latest.get((message.visible_to, message.channel))
            if latest:
                latest.hear(message)
