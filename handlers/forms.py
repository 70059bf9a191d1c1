"""Decline asks why, in a form: the click opens it, and what is submitted goes to the desk."""

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import Refused, Unavailable
from bot.messages import answers
from bot.messages.forms import DECLINE, WHY, Form, decline_form
from bot.messages.message import Message
from handlers.actions import token_of
from handlers.answering import Answering, Asker
from handlers.commands import Listener
from handlers.desk import Desk
from handlers.parse import why_of


class Typed(BaseModel):
    model_config = ConfigDict(strict=True)
    value: str | None = None


class State(BaseModel):
    values: dict[str, dict[str, Typed]]


class Submitted(BaseModel):
    """The token of the button that opened the form, and what was typed into it."""

    private_metadata: str
    state: State

    @property
    def why(self) -> str:
        typed = self.state.values.get(WHY, {}).get(WHY)
        return why_of(typed.value or "") if typed else ""

    @classmethod
    def read(cls, view: object) -> "Submitted":
        try:
            return cls.model_validate(view)
        except ValidationError:
            raise Refused(
                "I cannot read this form, so nothing was done. `/aurora status` shows what is open."
            ) from None


class Forms(Protocol):
    async def open(self, trigger: str, form: Form) -> None:
        """Unavailable when Slack does not open it: a trigger is good for three seconds."""
        ...


def ask_why_listener(desk: Desk, answering: Answering, forms: Forms) -> Listener:
    """Slack takes a form for three seconds after the click, so nothing but the store is asked before."""

    async def on_click(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        async def ask() -> Message | None:
            token = token_of(body["actions"][0].get("value"))
            upgrade = await desk.may_decline(Asker.of(body).user, token)
            try:
                await forms.open(body.get("trigger_id") or "", decline_form(upgrade, token))
            except Unavailable as trouble:
                return answers.no_form(upgrade, trouble.code)
            return None

        await answering.serve(ack, body, ask, changes=False)

    return on_click


def decline_listener(desk: Desk, answering: Answering) -> Listener:
    async def on_submission(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        asker = Asker.of(body)

        async def ask() -> Message:
            submitted = Submitted.read(body["view"])
            pressed = await desk.pressed(token_of(submitted.private_metadata), DECLINE)
            asker.channel = pressed.upgrade.channel
            return answers.declined(await desk.decline(asker.user, pressed.upgrade.id, submitted.why, pressed.card))

        await answering.serve_form(ack, asker, ask)

    return on_submission
