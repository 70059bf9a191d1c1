"""The buttons of the card: a click goes to the desk with the card its clicker saw."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.answered import Pressed
from bot.domain.buttons import UNKNOWN
from bot.domain.errors import Refused
from bot.domain.ids import UserId
from bot.messages import answers
from bot.messages.message import Message
from handlers.answering import Answering
from handlers.commands import Listener
from handlers.desk import Desk

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{24}")


def token_of(value: object) -> str:
    """The token that a button or a form carries: what it means, and whether it still does, the desk knows."""
    if not isinstance(value, str) or not TOKEN.fullmatch(value):
        raise Refused(UNKNOWN)
    return value


Decide = Callable[[Desk, UserId, Pressed], Awaitable[Message]]


async def approve(desk: Desk, by: UserId, pressed: Pressed) -> Message:
    upgrade = await desk.approve(by, pressed.upgrade.id, pressed.digest, pressed.card)
    return answers.approved(upgrade, await desk.waits_for(upgrade))


async def cancel(desk: Desk, by: UserId, pressed: Pressed) -> Message:
    return answers.cancelled(await desk.cancel(by, pressed.upgrade.id, pressed.card))


async def withdraw(desk: Desk, by: UserId, pressed: Pressed) -> Message:
    return answers.withdrawn(await desk.withdraw(by, pressed.upgrade.id, pressed.card))


async def propose_again(desk: Desk, by: UserId, pressed: Pressed) -> Message:
    return answers.proposed(await desk.propose_again(by, pressed.upgrade.id))


BUTTONS: Final[Mapping[str, Decide]] = {
    "approve": approve,
    "cancel": cancel,
    "withdraw": withdraw,
    "propose_again": propose_again,
}


def click_listener(desk: Desk, answering: Answering, action: str) -> Listener:
    async def on_click(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        async def ask() -> Message:
            pressed = await desk.pressed(token_of(body["actions"][0].get("value")), action)
            return await BUTTONS[action](desk, UserId(body["user"]["id"]), pressed)

        await answering.serve(ack, body, ask, changes=True)

    return on_click


def stranger_listener(answering: Answering, sentence: str) -> Listener:
    """For what Slack delivers and nobody here knows: a command or a button of another version of this bot."""

    async def on_stranger(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        async def ask() -> Message:
            raise Refused(sentence)

        await answering.serve(ack, body, ask, changes=False)

    return on_stranger
