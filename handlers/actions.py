"""The buttons of the card: a click goes to the desk with the plan its clicker saw."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import Refused
from bot.domain.ids import UpgradeId, UserId
from bot.messages import answers
from bot.messages.message import Message
from handlers.answering import Answering
from handlers.commands import Listener
from handlers.desk import Desk


class Clicked(BaseModel):
    """What a button of the card carries. It is as old as the card, so the desk compares it with the record."""

    model_config = ConfigDict(frozen=True, strict=True)

    upgrade: str = Field(pattern=r"^[A-Za-z0-9._-]{1,120}$")
    digest: str = Field(max_length=100)

    @classmethod
    def read(cls, value: object) -> "Clicked":
        try:
            return cls.model_validate_json(value if isinstance(value, str) else "")
        except ValidationError:
            raise Refused(
                "This button says nothing that I understand, so nothing was done. `/aurora status` shows what is open."
            ) from None


Decide = Callable[[Desk, UserId, Clicked], Awaitable[Message]]


async def approve(desk: Desk, by: UserId, clicked: Clicked) -> Message:
    upgrade = await desk.approve(by, UpgradeId(clicked.upgrade), clicked.digest)
    return answers.approved(upgrade, await desk.waits_for(upgrade))


async def decline(desk: Desk, by: UserId, clicked: Clicked) -> Message:
    return answers.declined(await desk.decline(by, UpgradeId(clicked.upgrade)))


async def cancel(desk: Desk, by: UserId, clicked: Clicked) -> Message:
    return answers.cancelled(await desk.cancel(by, UpgradeId(clicked.upgrade)))


async def withdraw(desk: Desk, by: UserId, clicked: Clicked) -> Message:
    return answers.withdrawn(await desk.withdraw(by, UpgradeId(clicked.upgrade)))


async def propose_again(desk: Desk, by: UserId, clicked: Clicked) -> Message:
    return answers.proposed(await desk.propose_again(by, UpgradeId(clicked.upgrade)))


BUTTONS: Final[Mapping[str, Decide]] = {
    "approve": approve,
    "decline": decline,
    "cancel": cancel,
    "withdraw": withdraw,
    "propose_again": propose_again,
}


def click_listener(desk: Desk, answering: Answering, decide: Decide) -> Listener:
    async def on_click(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        async def ask() -> Message:
            clicked = Clicked.read(body["actions"][0].get("value"))
            return await decide(desk, UserId(body["user"]["id"]), clicked)

        await answering.serve(ack, body, ask, changes=True)

    return on_click


def stranger_listener(answering: Answering, sentence: str) -> Listener:
    """For what Slack delivers and nobody here knows: a command or a button of another version of this bot."""

    async def on_stranger(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        async def ask() -> Message:
            raise Refused(sentence)

        await answering.serve(ack, body, ask, changes=False)

    return on_stranger
