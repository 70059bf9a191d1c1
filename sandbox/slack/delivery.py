"""What Slack sends to the app, and what it makes of the app's acknowledgement."""

import json
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from uuid import uuid4

from sandbox.slack.errors import Json

ACK_WINDOW_S: Final = 3.0

Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True)
class Envelope:
    kind: Kind
    payload: Json
    envelope_id: str = field(default_factory=lambda: str(uuid4()))

    def on_the_wire(self) -> str:
        wire: Json = {
            "envelope_id": self.envelope_id,
            "type": self.kind,
            "payload": self.payload,
            "accepts_response_payload": self.kind != "events_api",
        }
        if self.kind == "events_api":
            wire |= {"retry_attempt": 0, "retry_reason": ""}
        return json.dumps(wire)


@dataclass(frozen=True)
class Ack:
    """The app's answer within the window, or the error that the person is shown instead."""

    ms: float
    body: Json | None = None
    error: Literal["dispatch_failed", "operation_timeout"] | None = None
    status: int = 200

    @property
    def acked(self) -> bool:
        return self.error is None


class Transport(Protocol):
    async def deliver(self, envelope: Envelope) -> Ack:
        """Sends to exactly one receiver and waits no longer than the window; raises nothing."""
        ...
