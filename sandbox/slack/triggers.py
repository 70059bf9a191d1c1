"""A trigger_id opens one view, within three seconds."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

from sandbox.slack.errors import SlackError

TRIGGER_LIFE_S: Final = 3.0


class Triggers:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._issued: dict[str, tuple[float, str]] = {}
        self._exchanged: set[str] = set()

    def issue(self, user: str = "") -> str:
        """For what that person just did."""
        trigger = f"{len(self._issued) + 1}.{uuid4().hex}"
        self._issued[trigger] = self._now(), user
        return trigger

    def exchange(self, trigger: str) -> str:
        """Gives whose it is."""
        if trigger not in self._issued:
            raise SlackError("invalid_trigger_id")
        if trigger in self._exchanged:
            raise SlackError("exchanged_trigger_id")
        at, user = self._issued[trigger]
        if self._now() - at > TRIGGER_LIFE_S:
            raise SlackError("expired_trigger_id")
        self._exchanged.add(trigger)
        return user
