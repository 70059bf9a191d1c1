"""One try to use an endpoint: when it began, when it ended, and what came of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, AwareDatetime, model_validator

from bot.domain.base import Value

RESOLUTION: Final = timedelta(milliseconds=1)
LONGEST_DETAIL: Final = 200
AT_ONCE: Final = 40  # attempts of a prober in flight at one endpoint; deploy/sql/probe-role.sql has room for them
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Outcome(StrEnum):
    """What came of an attempt, and whether it proves the endpoint up, down, or nothing."""

    OK = "ok"
    REFUSED = "refused"
    STARTING_UP = "starting_up"
    TIMEOUT = "timeout"
    DNS = "dns"
    AUTH = "auth"
    TLS = "tls"
    OURS = "ours"
    OTHER = "other"

    @property
    def proves_up(self) -> bool:
        """Only an answer to the query does."""
        return self is Outcome.OK

    @property
    def proves_down(self) -> bool:
        """The endpoint was asked and could not be used: refused, starting_up, timeout, other."""
        return self in _DOWN

    @property
    def proves_nothing(self) -> bool:
        """dns, auth and tls may have begun with us: our resolver, our credential, our trust. Then nobody knows.

        ours did: this process stood still, its machine had no descriptor, port or memory left, its role no connection.
        """
        return not (self.proves_up or self.proves_down)


_DOWN: Final = frozenset({Outcome.REFUSED, Outcome.STARTING_UP, Outcome.TIMEOUT, Outcome.OTHER})


def to_ms_before(at: datetime) -> datetime:
    """Round down to the millisecond."""
    return _EPOCH + (at - _EPOCH) // RESOLUTION * RESOLUTION


def to_ms_after(at: datetime) -> datetime:
    """Round up to the millisecond."""
    return _EPOCH - (_EPOCH - at) // RESOLUTION * RESOLUTION


def _shortened(text: str) -> str:
    line = " ".join(text.replace("\0", " ").split())
    return line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 1] + "…"


class Attempt(Value):
    """`start` and `end` are UTC and kept to the millisecond, rounded outward: what is inside stays inside.

    `version` is what the endpoint answered, when it did; `detail` is one short line about a failure.
    An end before its start is a ValueError.
    """

    start: Annotated[AwareDatetime, AfterValidator(to_ms_before)]
    end: Annotated[AwareDatetime, AfterValidator(to_ms_after)]
    outcome: Outcome
    version: str = ""
    detail: Annotated[str, AfterValidator(_shortened)] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError("An attempt cannot end before it begins.")
        return self

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    def to_row(self) -> list[int | str]:
        """Give `[start, end, outcome, version or detail]` for JSON, times in epoch milliseconds."""
        said = self.version if self.outcome.proves_up else self.detail
        return [_ms(self.start), _ms(self.end), self.outcome.value, said]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Read what `to_row` gave; more columns than those are left alone. Raises ValueError for anything else."""
        try:
            start, end, outcome, said = row[0], row[1], Outcome(row[2]), row[3]
            stamps = {"start": _EPOCH + start * RESOLUTION, "end": _EPOCH + end * RESOLUTION}
        except (IndexError, TypeError, OverflowError) as error:
            raise ValueError(f"This is not an attempt: {row!r:.80}") from error
        return cls(**stamps, outcome=outcome, **{"version" if outcome.proves_up else "detail": said})


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // RESOLUTION
