"""All figures, by name."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.measure import cpu, memory, outages, slip, told
from tests.bench.measure.figure import Figure


@dataclass(frozen=True)
class Asked:
    outages: int = 200
    seed: int = 1
    doors: int = 5


FIGURES: Final[Mapping[str, Callable[[Asked], Coroutine[Any, Any, Sequence[Figure]]]]] = {
    "outages": lambda asked: outages.bench(asked.outages, asked.seed, asked.doors),
    "cpu": lambda _: cpu.bench(),
    "slip": lambda _: slip.bench(),
    "memory": lambda _: memory.bench(),
    "told": lambda _: told.bench(),
}
