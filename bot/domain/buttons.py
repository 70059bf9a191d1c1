"""The buttons of a card: what each means, and the token by which a click names it."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from bot.domain.base import Value
from bot.domain.ids import UpgradeId
from bot.domain.status import Status
from bot.domain.story import Story

UNKNOWN: Final = (
    "This button is not of any card I know any more, so nothing was done. "
    "`/aurora status` shows what is open, and where its card is."
)


class Button(Value):
    """To do `action` about this upgrade, asked by its card of that version, which showed the plan with this digest."""

    upgrade: UpgradeId
    version: int
    action: str
    digest: str

    def token(self, seal: str) -> str:
        """24 characters that say nothing by themselves, and that nobody makes who does not know the upgrade's seal."""
        mac = hmac.digest(seal.encode(), f"{self.version} {self.action}".encode(), hashlib.sha256)
        return urlsafe_b64encode(mac[:18]).decode()


def buttons(story: Story, seal: str) -> Mapping[str, Button]:
    """Those of the moves that are legal now, in their order, by token; the same for each card of one version."""
    proposed = story.proposed
    made = [
        Button(upgrade=proposed.upgrade, version=story.version, action=action, digest=story.plan.digest)
        for action in _offered(story)
    ]
    return {each.token(seal): each for each in made}


def _offered(story: Story) -> tuple[str, ...]:
    """Approve and Decline while decisions are asked for, Cancel until the order; what expired can be proposed again."""
    withdraw = ("withdraw",) if story.approvals else ()
    return {
        Status.PROPOSED: ("approve", "decline", *withdraw, "cancel"),
        Status.APPROVED: ("decline", *withdraw, "cancel"),
        Status.EXPIRED: ("propose_again",),
    }.get(story.status, ())
