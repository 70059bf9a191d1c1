"""Ways of using an endpoint, and what came of each use."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Self

from bot.domain.attempts import Attempt
from bot.domain.base import Value
from bot.domain.topology import Endpoint

OBSERVER: Final = "observer"
_NAME: Final = re.compile(r"([a-z]+)(?:-(\d{1,4}))?")


class Way(StrEnum):
    """All but `connect` use a session that stays open, as applications do: its next use finds out that it was dropped, and
    the use after that opens another.

    `held` waits for a session that stands still. `write` does not, and opens another at the deadline. So does `row`, which
    reads, where nothing can be written, the row that `write` writes on the writer.
    `control` is no way of using an endpoint: the observer knocks at a listener of its own, to know its own standstills.
    """

    CONNECT = "connect"
    HELD = "held"
    WRITE = "write"
    ROW = "row"
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

    @property
    def is_of_upgrade(self) -> bool:
        """Its endpoint is called by Region and use, `us-east-1/writer`; all others have a port, or no use at all."""
        host, use, _ = self.endpoint.partition("/")
        return bool(use) and ":" not in host

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

    The `version` of the attempt is what was answered: by a held session the process that serves it, to a write and a read
    of its row the time that is in the row, in epoch seconds.
    """

    lane: Lane
    attempt: Attempt
    session: int = 0

    def to_row(self) -> list[Any]:
        """Give the lane and the session before the row of the attempt, for JSON; without the endpoint."""
        return [self.lane.name, self.session, *self.attempt.to_row()]

    @classmethod
    def from_row(cls, endpoint: str, row: Sequence[Any]) -> Self:
        """Read what `to_row` gave. Raises ValueError for anything else."""
        try:
            name, session, attempt = row[0], row[1], row[2:]
            lane = CONTROL if name == CONTROL.name else Lane.named(endpoint, name)
            return cls(lane=lane, session=session, attempt=Attempt.from_row(attempt))
        except (IndexError, TypeError) as error:
            raise ValueError(f"This is not a use: {row!r:.80}") from error


def beside(endpoint: Endpoint, held: int, *, writes: bool) -> tuple[Lane, ...]:
    """The lanes of an endpoint of an upgrade beside new connections. A reader has one held session, if there are any."""
    is_writer, is_reader = endpoint.use == "writer", endpoint.use == "reader"
    sessions = range(1, 1 + (held if is_writer else min(held, 1)))
    lanes = [Lane(endpoint=endpoint.key, way=Way.HELD, number=number) for number in sessions]
    if writes and (is_writer or is_reader):
        lanes.append(Lane(endpoint=endpoint.key, way=Way.WRITE if is_writer else Way.ROW))
    return tuple(lanes)
