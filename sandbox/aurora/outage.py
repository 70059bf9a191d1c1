"""Outages to order: of which kind, from when on and for how long; what each spell of them is, and nothing about how."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

NOW: Final = timedelta()


class Kind(StrEnum):
    """What a client sees of it.

    `refuse` and `starting_up` end the sessions that there are, as a crash does. Under `hang` and `blackhole` they stand
    still and go on afterwards, and so does who came in the meantime and is still there.
    """

    REFUSE = "refuse"  # nobody listens
    HANG = "hang"  # connections are taken, and never answered
    BLACKHOLE = "blackhole"  # packets vanish: not even the connection is made
    STARTING_UP = "starting_up"  # the server says so itself, with 57P03
    FLAP = "flap"  # refuses for half of each period, and works for the other half


@dataclass(frozen=True)
class Spell:
    """One stretch without service. Both ends count from when the outage was ordered."""

    kind: Kind
    begins: timedelta
    ends: timedelta


@dataclass(frozen=True)
class Outage:
    """Begins `begins` after it was ordered. `period` is of those that flap. ValueError when a length is not above zero."""

    kind: Kind
    lasts: timedelta
    begins: timedelta = NOW
    period: timedelta = timedelta(seconds=1)

    def __post_init__(self) -> None:
        if self.lasts <= NOW or self.period <= NOW or self.begins < NOW:
            raise ValueError(f"An outage of {self.lasts} from {self.begins} on, every {self.period}, cannot be.")

    @property
    def ends(self) -> timedelta:
        return self.begins + self.lasts

    def spells(self) -> Iterator[Spell]:
        if self.kind is not Kind.FLAP:
            yield Spell(self.kind, self.begins, self.ends)
            return
        begins = self.begins
        while begins < self.ends:
            yield Spell(Kind.REFUSE, begins, min(begins + self.period / 2, self.ends))
            begins += self.period
