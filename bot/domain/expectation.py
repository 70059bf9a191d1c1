"""What is to be expected of an upgrade: what past ones took, per role and in all.

Downtimes are upper bounds: the truth of each past one is no more than that, so whatever is proven to last longer is longer
than all of them. One without an upper bound counts nowhere. How long an upgrade takes is from its order to its end.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median_high
from typing import Final

from bot.domain import recorded
from bot.domain.base import Value
from bot.domain.measurement import Measurement

ENOUGH: Final = 5  # past ones to do without the recorded one: of fewer, a next one that is slower is no news
ROOM: Final = 2  # so many times the worst may be, as long as they are not enough


class Usual(Value):
    """Median and worst `of` so many; `with_recorded`: one of these is the recorded upgrade, since the others are few."""

    median: timedelta
    worst: timedelta
    of: int
    with_recorded: bool = False

    @property
    def is_recorded_only(self) -> bool:
        return self.with_recorded and self.of == 1

    def is_surpassed_by(self, lasting: timedelta) -> bool:
        """Whether this is slower than ever seen; where little was seen, clearly slower."""
        return lasting > (ROOM * self.worst if self.with_recorded else self.worst)


class Expectation(Value):
    """Per role, an endpoint's downtime; and the time from the order to the end."""

    writer: Usual
    secondary: Usual
    lasting: Usual

    def of(self, use: str) -> Usual | None:
        """Of an endpoint, by what it is used as."""
        return {"writer": self.writer, "reader": self.secondary}.get(use)


Past = tuple[timedelta | None, Sequence[Measurement]]  # how long it took, and what was measured


def expect(past: Iterable[Past]) -> Expectation:
    """From upgrades that succeeded; the recorded one helps out where they are too few."""
    runs = [*past]
    return Expectation(
        writer=_usual(_downtimes(runs, "writer"), recorded.WRITER),
        secondary=_usual(_downtimes(runs, "reader"), recorded.SECONDARY),
        lasting=_usual([took for took, _ in runs if took is not None], recorded.LASTING),
    )


def _downtimes(past: Sequence[Past], use: str) -> list[timedelta]:
    at_most = [each.no_more_than for _, measured in past for each in measured if each.use == use]
    return [each for each in at_most if each is not None]


def _usual(seen: Sequence[timedelta], instead: timedelta) -> Usual:
    few = len(seen) < ENOUGH
    all_of_them = [*seen, *([instead] if few else [])]
    return Usual(median=median_high(all_of_them), worst=max(all_of_them), of=len(all_of_them), with_recorded=few)
