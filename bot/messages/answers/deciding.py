"""What is answered to those who decide."""

from collections.abc import Sequence

from bot.domain.answered import Standing
from bot.domain.budget import written
from bot.domain.status import Status
from bot.domain.upgrade import Upgrade
from bot.messages.answers.wording import DAY_AND_TIME, approvals, card_link, message, what
from bot.messages.markup import plain, when
from bot.messages.message import Message


def proposed(standing: Standing) -> Message:
    upgrade = standing.upgrade
    asked = f"It {approvals(upgrade)} and expires {when(upgrade.expires_at, DAY_AND_TIME)}."
    budget = f"Its downtime budget is {written(upgrade.budget)} for each endpoint." if upgrade.budget else ""
    return message(
        f"Proposed: {what(upgrade)}. {asked}",
        budget,
        _would_wait(standing.waits),
        card_link(upgrade.channel, standing.link, standing.trouble),
    )


def _would_wait(waits: Sequence[str]) -> str:
    """As things are now: reasons are plain text."""
    return f"The order would wait now, though it were approved: {plain('; '.join(waits), 2000)}." if waits else ""


def approved(upgrade: Upgrade, waits: Sequence[str] = ()) -> Message:
    needed = upgrade.rule.approvals
    count = f"{needed - sum(each.approvals for each in upgrade.asked)} of {needed}"
    if upgrade.status is Status.PROPOSED:
        return message(
            f"Your approval of {what(upgrade)} counts: {count}. It {approvals(upgrade)}.", _would_wait(waits)
        )
    if waits:
        held = f"It has all its approvals, but the order waits: {plain('; '.join(waits), 2000)}."
        return message(f"Your approval of {what(upgrade)} counts: {count}. {held}")
    return message(
        f"Your approval of {what(upgrade)} counts: {count}. The order comes next; the thread tells how it goes."
    )


def withdrawn(upgrade: Upgrade) -> Message:
    return message(f"Your approval of {what(upgrade)} is withdrawn. It {approvals(upgrade)}.")


def declined(upgrade: Upgrade) -> Message:
    return message(f"You declined {what(upgrade)}. Nothing was changed.")


def cancelled(upgrade: Upgrade) -> Message:
    return message(f"You cancelled {what(upgrade)}. Nothing was changed.")
