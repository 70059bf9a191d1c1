"""One try to use an endpoint: when it began, when it ended, and what came of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from bot.domain.base import Value
from bot.domain.phases import NO_PHASES, Phases

RESOLUTION: Final = timedelta(milliseconds=1)
LONGEST_DETAIL: Final = 200
SQLSTATE: Final = r"^([0-9A-Z]{5})?$"
AT_ONCE: Final = 50  # attempts of a prober in flight at one endpoint; deploy/sql/probe-role.sql has room for them
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Outcome(StrEnum):
    """What came of an attempt, and whether it proves the endpoint up, down, or nothing."""

    OK = "ok"
    REFUSED = "refused"
    STARTING_UP = "starting_up"
    SHUTTING_DOWN = "shutting_down"
    TIMEOUT = "timeout"
    RESET = "reset"
    TOO_MANY = "too_many"
    READ_ONLY = "read_only"
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
        """The endpoint was asked and could not be used: whatever proves neither up nor nothing.

        too_many does, for who wanted in did not get in; read_only does for a write, the only one whom it meets.
        """
        return not (self.proves_up or self.proves_nothing)

    @property
    def proves_nothing(self) -> bool:
        """dns, auth and tls may have begun with us: our resolver, our credential, our trust. Then nobody knows.

        ours did: this process stood still, its machine had no descriptor, port or memory left, its role no connection.
        """
        return self in _NOTHING


_NOTHING: Final = frozenset({Outcome.DNS, Outcome.AUTH, Outcome.TLS, Outcome.OURS})


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

    `version` is what the endpoint answered, when it did; `detail` is one short line about a failure, `sqlstate` the code
    of it, where the server gave one. `addresses` are those of its host, first the one that answered or was tried last.
    Addresses and `phases` are kept of some attempts only, and older ones have none. An end before its start is a ValueError.
    """

    start: Annotated[AwareDatetime, AfterValidator(to_ms_before)]
    end: Annotated[AwareDatetime, AfterValidator(to_ms_after)]
    outcome: Outcome
    version: str = ""
    detail: Annotated[str, AfterValidator(_shortened)] = ""
    sqlstate: Annotated[str, Field(pattern=SQLSTATE)] = ""
    phases: Phases = NO_PHASES
    addresses: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError("An attempt cannot end before it begins.")
        return self

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def address(self) -> str:
        """The one that answered or was tried last; empty when it is not known."""
        return self.addresses[0] if self.addresses else ""

    @property
    def said(self) -> str:
        """What the endpoint answered, or why it did not."""
        return self.version if self.outcome.proves_up else self.detail

    def to_row(self) -> list[Any]:
        """Give `[start, end, outcome, said]` for JSON; times in epoch milliseconds.

        After them the SQLSTATE when there is one, and a list of the addresses and the microseconds of the phases when they
        are kept, such as `["10.0.1.5", 800, 210, 1900, 2400, 180]`.
        """
        code = [self.sqlstate] if self.sqlstate else []
        more = [[*self.addresses, *_without_end(self.phases)]] if self.addresses or self.phases != NO_PHASES else []
        return [_ms(self.start), _ms(self.end), self.outcome.value, self.said, *code, *more]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Read what `to_row` gave; more columns than those are left alone. Raises ValueError for anything else."""
        try:
            start, end, outcome, said = row[0], row[1], Outcome(row[2]), row[3]
            stamps = {"start": _EPOCH + start * RESOLUTION, "end": _EPOCH + end * RESOLUTION}
            code = row[4] if len(row) > 4 and isinstance(row[4], str) else ""
            more = next((each for each in row[4:6] if isinstance(each, list)), [])
            addresses = tuple(each for each in more if isinstance(each, str))
            phases = Phases(*more[len(addresses) :])
        except (IndexError, TypeError, OverflowError) as error:
            raise ValueError(f"This is not an attempt: {row!r:.80}") from error
        told = {"version" if outcome.proves_up else "detail": said}
        return cls(**stamps, outcome=outcome, sqlstate=code, phases=phases, addresses=addresses, **told)


def _without_end(phases: Phases) -> Sequence[int | None]:
    """Without the phases after the last one that was finished."""
    reached = max((number for number, each in enumerate(phases, 1) if each is not None), default=0)
    return phases[:reached]


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // RESOLUTION
