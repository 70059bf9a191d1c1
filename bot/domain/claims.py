"""What RDS says of its zero-downtime patching, beside what the sessions saw that were held meanwhile: do they agree?"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.keeping import Fate, Keeping, KeptSession, first_of_each, in_all
from bot.domain.measurement import Measurement
from bot.domain.rds_events import Meaning, RdsEvent, read

SLACK: Final = timedelta(seconds=1)  # what RDS times is not documented, so only what is far beyond it disagrees
SAME: Final = timedelta(seconds=5)  # the cluster and its instance say the same, one after the other


class Agreement(StrEnum):
    YES = "agrees"
    NO = "disagrees"
    CANNOT_TELL = "cannot tell"


class Claim(Value):
    """What RDS says: how long it took, and how many connections were preserved and dropped.

    It says `at` when it was over. It began after `since`: RDS says that too, and if not, it is reckoned.
    """

    at: datetime
    since: datetime
    region: Region
    took: timedelta
    preserved: int
    dropped: int


class Comparison(Value):
    """A claim beside the sessions that were held at the writer; `why` says in sentences what does not agree."""

    claim: Claim
    held: Keeping
    agreement: Agreement
    why: tuple[str, ...] = ()


def claims(said: Iterable[RdsEvent]) -> tuple[Claim, ...]:
    """Each once, though the cluster and its instance both say it. An attempt that failed has no figures and claims nothing."""
    found: list[Claim] = []
    attempted: dict[Region, datetime] = {}
    for event in sorted(said, key=lambda each: each.at):
        reading = read(event.message)
        if reading.meaning is Meaning.ZDP_TRY:
            attempted[event.region] = event.at
        if reading.meaning is not Meaning.ZDP_DONE or "ms" not in reading.facts:
            continue
        took = timedelta(milliseconds=int(reading.facts["ms"]))
        claim = Claim(
            at=event.at,
            since=attempted.get(event.region, event.at - took - SAME),
            region=event.region,
            took=took,
            preserved=int(reading.facts["preserved"]),
            dropped=int(reading.facts["dropped"]),
        )
        if not any(_is_same(each, claim) for each in found):
            found.append(claim)
    return tuple(found)


def _is_same(one: Claim, other: Claim) -> bool:
    return one.model_copy(update={"at": other.at, "since": other.since}) == other and other.at - one.at <= SAME


def compared(said: Iterable[RdsEvent], measured: Iterable[Measurement]) -> tuple[Comparison, ...]:
    writers = {each.region: each for each in measured if each.use == "writer"}
    return tuple(_compared(each, writers.get(each.region)) for each in claims(said))


def _compared(claim: Claim, writer: Measurement | None) -> Comparison:
    held = in_all(list(first_of_each(_meanwhile(claim, writer.held if writer else ()))))
    if not held.survived + held.dropped:
        return Comparison(claim=claim, held=held, agreement=Agreement.CANNOT_TELL)
    why = tuple(_differences(claim, held))
    return Comparison(claim=claim, held=held, agreement=Agreement.NO if why else Agreement.YES, why=why)


def _meanwhile(claim: Claim, held: Iterable[KeptSession]) -> Iterator[KeptSession]:
    """Those that were held when it began, and what became of them in it: what came before or after is no matter of RDS's."""
    for each in held:
        if each.since > claim.since or (each.dropped_by and each.dropped_by < claim.since):
            continue
        survived = {"fate": Fate.SURVIVED} if each.last_ok_at > claim.at else {}
        still = each.longest
        amid = still if still and still.since <= claim.at and still.until >= claim.since else None
        yield each.model_copy(update={"longest": amid, **survived})


def _differences(claim: Claim, held: Keeping) -> Iterable[str]:
    if held.dropped > claim.dropped:
        yield f"RDS counts {claim.dropped} dropped connections, and here {_sessions(held.dropped)} dropped"
    if held.survived > claim.preserved:
        yield f"RDS counts {claim.preserved} preserved connections, and of those held here more survived"
    if held.at_least is not None and held.at_least > claim.took + SLACK:
        longer, took = held.at_least.total_seconds(), claim.took.total_seconds()
        yield f"a session held here stood still for at least {longer:.1f} s, and RDS says that it took {took:.1f} s"


def _sessions(count: int) -> str:
    return "1 session was" if count == 1 else f"{count} sessions were"
