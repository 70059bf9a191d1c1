"""What RDS says of its zero-downtime patching, beside what the sessions saw that were held meanwhile: do they agree?"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.keeping import Fate, Keeping, KeptSession, in_all, within
from bot.domain.measurement import Measurement
from bot.domain.outage import Outage
from bot.domain.rds_events import Meaning, RdsEvent, read

SLACK: Final = timedelta(seconds=1)  # what RDS times is not documented, so only what is far beyond it disagrees
SAME: Final = timedelta(seconds=5)  # the cluster and its instance say the same, one after the other
NEAR: Final = timedelta(seconds=5)  # an outage so near to what is claimed may be the one that is meant
LATE: Final = timedelta(seconds=30)  # without such an outage, what came so long before may be meant as well
_TENTH: Final = timedelta(seconds=0.1)


class Agreement(StrEnum):
    YES = "agrees"
    NO = "disagrees"
    CANNOT_TELL = "cannot tell"


class Claim(Value):
    """What RDS says: how long it took, and how many connections were preserved and dropped.

    It says `at` when it was over, and `tried_at` when it began; None when it did not say that.
    """

    at: datetime
    tried_at: datetime | None = None
    region: Region
    took: timedelta
    preserved: int
    dropped: int


class Comparison(Value):
    """A claim beside what became around then of the sessions that were held at the writer.

    `why` says in sentences what does not agree, or why nobody can tell.
    """

    claim: Claim
    held: Keeping
    agreement: Agreement
    why: tuple[str, ...] = ()


def claims(said: Iterable[RdsEvent]) -> tuple[Claim, ...]:
    """Each once, though the cluster and its instance both say it. An attempt that failed has no figures and claims nothing."""
    found: list[Claim] = []
    tried: dict[Region, datetime] = {}
    for event in sorted(said, key=lambda each: each.at):
        reading = read(event.message)
        if reading.meaning is Meaning.ZDP_TRY:
            tried.setdefault(event.region, event.at)
        if reading.meaning is not Meaning.ZDP_DONE or "ms" not in reading.facts:
            continue
        claim = Claim(
            at=event.at,
            tried_at=tried.pop(event.region, None),
            region=event.region,
            took=timedelta(milliseconds=int(reading.facts["ms"])),
            preserved=int(reading.facts["preserved"]),
            dropped=int(reading.facts["dropped"]),
        )
        if not any(_is_same(each, claim) for each in found):
            found.append(claim)
    return tuple(found)


def _is_same(one: Claim, other: Claim) -> bool:
    return one.model_copy(update={"at": other.at, "tried_at": other.tried_at}) == other and other.at - one.at <= SAME


def compared(said: Iterable[RdsEvent], measured: Iterable[Measurement]) -> tuple[Comparison, ...]:
    writers = {each.region: each for each in measured if each.use == "writer"}
    return tuple(_compared(each, writers.get(each.region)) for each in claims(said))


def _compared(claim: Claim, writer: Measurement | None) -> Comparison:
    """With the outage that it speaks of. No claim is called wrong by what was not that outage, or may not have been."""
    if writer is None:
        return _beside(claim, in_all(()))
    times = [_lasting(each) for each in writer.outages if _is_near(claim, each)]
    around = times or [(claim.at - claim.took - LATE, claim.at + SLACK)]
    found = [_beside(claim, in_all(_meanwhile(claim, writer.held, *each))) for each in around]
    if len({each.agreement for each in found}) > 1:
        return _untold(found[0], "there were several outages around then, and nobody knows which one RDS speaks of")
    if not times and found[0].agreement is Agreement.NO:
        return _untold(found[0], "no outage was seen around then, so nobody knows whether RDS speaks of what they saw")
    return found[0]


def _meanwhile(claim: Claim, held: Iterable[KeptSession], since: datetime, until: datetime) -> tuple[KeptSession, ...]:
    """Of those that were held when RDS began. Of one that may have been dropped just before, nobody knows."""
    if claim.tried_at is None or not since < claim.tried_at < until:
        return within(held, since, until)
    there = within(held, claim.tried_at, until)
    unsure = {each.lane for each in there if each.fate is Fate.DROPPED and each.last_ok_at < claim.tried_at}
    return tuple(each.model_copy(update={"fate": Fate.LOST}) if each.lane in unsure else each for each in there)


def _untold(one: Comparison, why: str) -> Comparison:
    return one.model_copy(update={"agreement": Agreement.CANNOT_TELL, "why": (why,)})


def _lasting(outage: Outage) -> tuple[datetime, datetime]:
    return outage.last_ok_at or outage.began_by, outage.ended_by or outage.last_failure_at


def _is_near(claim: Claim, outage: Outage) -> bool:
    since, until = _lasting(outage)
    return since <= claim.at + NEAR and claim.at - claim.took - NEAR <= until


def _beside(claim: Claim, held: Keeping) -> Comparison:
    if not held.preserved + held.dropped:
        nobody = (
            "nobody knows what became of those that were held here"
            if held.lost
            else "no session was held here meanwhile"
        )
        return Comparison(claim=claim, held=held, agreement=Agreement.CANNOT_TELL, why=(nobody,))
    why = tuple(_differences(claim, held))
    return Comparison(claim=claim, held=held, agreement=Agreement.NO if why else Agreement.YES, why=why)


def _differences(claim: Claim, held: Keeping) -> Iterable[str]:
    if held.dropped > claim.dropped:
        yield f"RDS counts {claim.dropped} dropped connections, and here {_sessions(held.dropped)} dropped"
    if held.preserved > claim.preserved:
        yield f"RDS counts {claim.preserved} preserved connections, and of those held here more were preserved"
    if held.at_least is not None and held.at_least > claim.took + SLACK:
        longer, took = held.at_least // _TENTH / 10, claim.took.total_seconds()  # rounded down: it is a lower bound
        yield f"a session held here stood still for at least {longer:.1f} s, and RDS says that it took {took:.1f} s"


def _sessions(count: int) -> str:
    return "1 session was" if count == 1 else f"{count} sessions were"
