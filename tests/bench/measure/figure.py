"""A figure, the goal that it is held against, and how both are printed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

HEAD: Final = ("figure", "goal", "came to", "")


@dataclass(frozen=True)
class Figure:
    """`is_met` is None for what is reported without a goal. `notes` go below the table: what one must know to read it."""

    what: str
    goal: str
    came_to: str
    is_met: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        return "" if self.is_met is None else "met" if self.is_met else "NOT met"


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """In Markdown, and readable as it is."""
    rows = [HEAD, *((each.what, each.goal, each.came_to, each.verdict) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for number, row in enumerate(rows):
        yield f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        if number == 0:
            yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    for each in figures:
        yield from (f"{each.what}: {note}" for note in each.notes)


def all_met(figures: Iterable[Figure]) -> bool:
    return all(each.is_met is not False for each in figures)


def at(values: Sequence[float], quantile: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * quantile))]
