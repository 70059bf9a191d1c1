"""Forms: what a person is asked in a modal, and what takes its place afterwards."""

from collections.abc import Mapping
from typing import Any, Final

from bot.domain.upgrade import Upgrade
from bot.messages.answers.wording import what
from bot.messages.markup import section
from bot.messages.message import Message

DECLINE: Final = "decline"
WHY: Final = "why"
LONGEST_WHY: Final = 500  # characters
Form = Mapping[str, Any]


def decline_form(upgrade: Upgrade, token: str) -> Form:
    """It carries the token of the button that opened it, and nothing else."""
    typed = {"type": "plain_text_input", "action_id": WHY, "multiline": True, "max_length": LONGEST_WHY}
    reason = {
        "type": "input",
        "block_id": WHY,
        "optional": True,
        "label": _plain("Why not?"),
        "hint": _plain("The card and its thread show it as you type it."),
        "element": typed,
    }
    return {
        "type": "modal",
        "callback_id": DECLINE,
        "private_metadata": token,
        "title": _plain("Decline an upgrade"),
        "submit": _plain("Decline"),
        "close": _plain("Back"),
        "blocks": [section(f"{what(upgrade)} will not be done."), reason],
    }


def instead(message: Message) -> Form:
    """An answer in the place of the form it answers."""
    blocks = [*message.blocks] or [section(message.text)]
    return {"type": "modal", "title": _plain("Aurora"), "close": _plain("Close"), "blocks": blocks}


def _plain(text: str) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
