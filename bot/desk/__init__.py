"""What people can ask: list, show, propose, approve, decline, cancel, status, history, freeze."""

from dataclasses import dataclass

from bot.desk.deciding import Deciding
from bot.desk.freezing import Freezing
from bot.desk.reading import Reading


@dataclass(frozen=True)
class Desk(Reading, Deciding, Freezing):
    """Raises Refused, Conflict or Unavailable; each says all that the person needs."""
