"""What is answered to those who freeze."""

from bot.domain.answered import Chilled, Thawed
from bot.messages.answers.wording import DAY_AND_TIME, frost_of, message
from bot.messages.markup import code, plain, when
from bot.messages.message import Message


def frozen(made: Chilled) -> Message:
    freeze = made.freeze
    what = code(freeze.cluster) if freeze.cluster else "Every cluster"
    until = when(freeze.until, DAY_AND_TIME)
    return message(
        f"🧊 {what} is frozen until {until}: no order is given before, whatever is approved. “{plain(freeze.why, 1000)}”",
        f"This came instead of: {frost_of(made.before)}" if made.before else "",
        "An order that was given already goes on. "
        f"`/aurora unfreeze {plain(freeze.cluster or 'all', 100)}` ends the freeze.",
    )


def thawed(made: Thawed) -> Message:
    what = f"The freeze of {code(made.ended.cluster)}" if made.ended.cluster else "The freeze of all clusters"
    still = f"Orders of it wait all the same: {frost_of(made.still)}" if made.still else ""
    rest = "" if made.still else " Orders that are approved and waited for it are given now."
    return message(f"{what} is over.{rest}", still)
