"""Ways of using an endpoint, and what came of each use."""

import re
from enum import StrEnum
from typing import Final, Self

from bot.domain.attempts import Attempt
from bot.domain.base import Value

OBSERVER: Final = "observer"
_NAME: Final = re.compile(r"([a-z]+)(?:-(\d{1,4}))?")


class Way(StrEnum):
    """A held session finds out at its next use that it was dropped, and the use after that opens another.

    `control` is no way of using an endpoint: the observer knocks at a listener of its own, to know its own standstills.
    """

    CONNECT = "connect"
    HELD = "held"
    WRITE = "write"
    CONTROL = "control"


class Lane(Value):
    """One way of using one endpoint. Of held sessions there are several, so each has its number."""

    endpoint: str
    way: Way
    number: int = 0

    @property
    def name(self) -> str:
        """`connect`, `held-2`."""
        return f"{self.way}-{self.number}" if self.number else str(self.way)

    @classmethod
    def named(cls, endpoint: str, name: str) -> Self:
        """Read what `name` gave; ValueError for anything else."""
        read = _NAME.fullmatch(name)
        if read is None:
            raise ValueError(f"{name!r} is no way of using an endpoint")
        return cls(endpoint=endpoint, way=Way(read[1]), number=int(read[2] or 0))


CONTROL: Final = Lane(endpoint=OBSERVER, way=Way.CONTROL)


class Use(Value):
    """An attempt, and in which lane. `session` counts the sessions of a lane that holds one; 0: it had none.

    What a held session answers is the process that serves it, so that is the `version` of the attempt.
    """

    lane: Lane
    attempt: Attempt
    session: int = 0
