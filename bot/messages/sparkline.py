"""The sparkline: what is known of each endpoint since the order, a sign for each piece of time, and in words.

It ends where the timeline does, not now: a card is drawn from the timeline alone, and again only when that says more.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.attempts import Outcome
from bot.domain.observer import merged
from bot.domain.story import Story, Watched
from bot.messages.markup import lasting, when
from bot.messages.strip import down

MOST_CELLS: Final = 20  # what a phone shows on a line beside a name
CELLS: Final = tuple(
    timedelta(seconds=each) for each in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400)
)
_NOW: Final = timedelta(microseconds=1)


class Cell(StrEnum):
    """By height, so that no colour matters. Later ones win: what lasted a second must not get lost in a minute.

    Down is what is proven; perhaps down, what only an upper bound says, or what nobody has told to be over.
    """

    UP = "▁"
    PERHAPS = "▄"
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
        [
            *lines,
            f"▁ up  ▄ perhaps down  █ down  ░ not watched, each {length}, from the order to {when(story.told_until)}",
        ]
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
    named = {Cell.DOWN: "down", Cell.PERHAPS: "perhaps down", Cell.UNWATCHED: "not watched"}
    return ", ".join(f"{words} in {states.count(cell)}" for cell, words in named.items() if cell in states) or "up"


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
    end = cells[-1][1]
    unwatched = [(each.since, each.until) for each in watched.unobserved]
    unwatched += [(watched.cannot_since, end)] if watched.cannot_since else []
    perhaps = [(each.last_ok_at or each.first_failure_at, each.ended_by or end) for each in watched.outages]
    perhaps += [(watched.down_since, end)] if watched.down_since else []
    found = {Cell.DOWN: list(_down(watched)), Cell.UNWATCHED: unwatched, Cell.PERHAPS: perhaps}
    return [next((state for state, there in found.items() if _meets(cell, there)), Cell.UP) for cell in cells]


def _down(watched: Watched) -> Iterator[tuple[datetime, datetime]]:
    """A failure that was answered proves an instant; how much lies between two of them, the outage knows."""
    if watched.down_since and watched.fell is not Outcome.TIMEOUT:
        yield watched.down_since, watched.down_since
    for each in watched.outages:
        if set(each.outcomes) - {Outcome.TIMEOUT}:
            yield each.began_by, each.began_by
        for proven in down(each.began_by, each.ended_between[0], each.at_least, merged(watched.unobserved)):
            yield proven.since, proven.until


def _meets(cell: tuple[datetime, datetime], stretches: Iterable[tuple[datetime, datetime]]) -> bool:
    """An instant lies in the one that it begins."""
    return any(since < cell[1] and (cell[0] < until or cell[0] <= since) for since, until in stretches)
