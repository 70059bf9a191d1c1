"""The sparkline: what is known of each endpoint since the order, a sign for each piece of time, and in words.

It ends where the timeline does, not now: a card is drawn from the timeline alone, and again only when that says more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.story import Story, Watched
from bot.messages.markup import lasting, when

MOST_CELLS: Final = 20  # what a phone shows on a line beside a name
CELLS: Final = tuple(
    timedelta(seconds=each) for each in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400)
)
_NOW: Final = timedelta(microseconds=1)


class Cell(StrEnum):
    """By height, so that no colour matters. Down wins: what lasted a second must not get lost in a minute."""

    UP = "▁"
    UNWATCHED = "░"
    DOWN = "█"


def sparklines(story: Story) -> str:
    """Of each endpoint, below each other; nothing before the order and after the end."""
    cells = _cells(story)
    if not cells or story.told_until is None:
        return ""
    lines = [f"`{''.join(_states(each, cells))}` {each.region} {each.use}" for each in _shown(story)]
    length = lasting(cells[0][1] - cells[0][0])
    return "\n".join(
        [*lines, f"▁ up  █ down  ░ not watched, each {length}, from the order to {when(story.told_until)}"]
    )


def in_words(story: Story) -> str:
    """The same for those who hear it."""
    cells = _cells(story)
    if not cells:
        return ""
    length = lasting(cells[0][1] - cells[0][0])
    told = "; ".join(f"{each.region} {each.use} {_said(_states(each, cells))}" for each in _shown(story))
    return f"In {len(cells)} times {length} since the order: {told}"


def _said(states: Sequence[Cell]) -> str:
    down, unwatched = states.count(Cell.DOWN), states.count(Cell.UNWATCHED)
    parts = [f"down in {down}"] if down else []
    parts += [f"not watched in {unwatched}"] if unwatched else []
    return ", ".join(parts) or "up"


def _shown(story: Story) -> Sequence[Watched]:
    return [each for each in story.watched.values() if each.vantage]


def _cells(story: Story) -> Sequence[tuple[datetime, datetime]]:
    """As short as they can be, from the order to the latest that was told."""
    since, until = story.ordered_at, story.told_until
    if since is None or until is None or story.ended_at or not _shown(story):
        return ()
    told = max(until - since, _NOW)
    length = next((each for each in CELLS if each * MOST_CELLS >= told), told / MOST_CELLS)
    return [(since + length * number, since + length * (number + 1)) for number in range(-(-told // length))]


def _states(watched: Watched, cells: Sequence[tuple[datetime, datetime]]) -> Sequence[Cell]:
    down = [(each.first_failure_at, each.ended_by or cells[-1][1]) for each in watched.outages]
    down += [(watched.down_since, cells[-1][1])] if watched.down_since else []
    unwatched = [(each.since, each.until) for each in watched.unobserved]
    unwatched += [(watched.cannot_since, cells[-1][1])] if watched.cannot_since else []
    return [
        Cell.DOWN if _meets(cell, down) else Cell.UNWATCHED if _meets(cell, unwatched) else Cell.UP for cell in cells
    ]


def _meets(cell: tuple[datetime, datetime], stretches: Sequence[tuple[datetime, datetime]]) -> bool:
    return any(since < cell[1] and cell[0] < until for since, until in stretches)
