"""The downtime budget: how long each endpoint may be unreachable, and whether that was kept."""

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ValidationInfo

from bot.domain.measurement import Measurement

EXAMPLES: Final = "5 s, 800 ms or 1 min"
MOST: Final = timedelta(days=1)
WRITTEN: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(ms|s|min)", re.IGNORECASE)
_UNITS: Final = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "min": timedelta(minutes=1)}


class Kept(StrEnum):
    """What the bounds of the downtime say of a budget."""

    YES = "kept"
    NO = "broken"
    CANNOT_TELL = "cannot tell"


def read(text: str) -> timedelta:
    """A budget as people write it; ValueError with a sentence for anything else."""
    found = WRITTEN.fullmatch(text.strip())
    budget = float(found[1]) * _UNITS[found[2].lower()] if found else None
    if budget is None or budget > MOST:
        raise ValueError(f"a downtime budget is a time of at most 1 day with its unit, for instance {EXAMPLES}")
    if not budget:
        raise ValueError("a downtime budget of nothing could never be kept: no schedule of attempts sees every moment")
    return budget


def written(budget: timedelta) -> str:
    """As people write it, so that it can be read again."""
    if budget < timedelta(seconds=1):
        return f"{_number(budget / _UNITS['ms'])} ms"
    return f"{_number(budget / _UNITS['s'])} s" if budget % _UNITS["min"] else f"{budget // _UNITS['min']} min"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _as_written(value: Any, info: ValidationInfo) -> Any:
    """In records it is a number of seconds. Who writes a rule has to name the unit."""
    if isinstance(value, str):
        return read(value)
    if isinstance(value, int | float) and info.mode == "python":
        raise ValueError(f"a downtime budget has a unit, for instance {EXAMPLES}")
    return value


Budget = Annotated[timedelta, BeforeValidator(_as_written)]


def stricter(*budgets: timedelta | None) -> timedelta | None:
    """The one that holds, of those that there are."""
    return min((each for each in budgets if each is not None), default=None)


def kept(at_least: timedelta, at_most: timedelta | None, budget: timedelta) -> Kept:
    """What is certain, wherever within the bounds the truth is; `at_most` is None when nothing bounds it."""
    if at_least > budget:
        return Kept.NO
    return Kept.YES if at_most is not None and at_most <= budget else Kept.CANNOT_TELL


def kept_at(measured: Measurement, budget: timedelta) -> Kept:
    """By one endpoint. What could not be measured proves nothing."""
    return kept(measured.at_least if measured.since else timedelta(), measured.no_more_than, budget)


def kept_by_all(verdicts: Iterable[Kept]) -> Kept:
    """The budget is for each endpoint: one breaks it for all, and it is kept when each is known to have kept it."""
    found = set(verdicts)
    if Kept.NO in found:
        return Kept.NO
    return Kept.YES if found == {Kept.YES} else Kept.CANNOT_TELL
