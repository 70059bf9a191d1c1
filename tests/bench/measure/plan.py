"""Which outages are ordered, and at which door each: the same for the same seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice
from random import Random
from typing import Final

from sandbox.aurora.outage import Kind, Outage

SHORTEST, LONGEST = 0.2, 20.0  # seconds; lengths between are as likely by their logarithm
CALM: Final = (
    4.0,
    5.0,
)  # seconds before each: time for stragglers, and a beginning at any instant between two attempts
PERIODS: Final = (1.0, 1.5, 2.0)  # seconds, of those that flap
ANSWERED: Final = frozenset({Kind.REFUSE, Kind.STARTING_UP, Kind.FLAP})  # the others are silent


@dataclass(frozen=True)
class Ordered:
    """`number` counts the outages of a seed."""

    number: int
    outage: Outage
    calm: float

    @property
    def seconds(self) -> float:
        return self.outage.lasts.total_seconds()

    def __str__(self) -> str:
        return f"{self.outage.kind} of {self.seconds:.3f} s (number {self.number})"


def plan(outages: int, seed: int, doors: int) -> Sequence[Sequence[Ordered]]:
    """For each door one after another, shared out so that all are done at about the same time."""
    queues: list[list[Ordered]] = [[] for _ in range(doors)]
    for number, kind in enumerate(islice(cycle(Kind), outages)):
        min(queues, key=_lasting).append(_ordered(number, kind, Random(f"{seed}/{number}")))  # noqa: S311 - to be repeated
    return queues


def _lasting(queue: Sequence[Ordered]) -> float:
    return sum(each.calm + each.seconds for each in queue)


def _ordered(number: int, kind: Kind, random: Random) -> Ordered:
    seconds = math.exp(random.uniform(math.log(SHORTEST), math.log(LONGEST)))
    period = timedelta(seconds=random.choice(PERIODS))
    return Ordered(number, Outage(kind, timedelta(seconds=seconds), period=period), random.uniform(*CALM))
