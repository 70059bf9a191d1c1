"""Whether the truth of an ordered outage lies inside what was measured of it, and how wide that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.outage import Outage
from bot.domain.watched import Watched

Spell = tuple[datetime, datetime]  # in which the endpoint was down, as whoever cut it off wrote it down
ZERO = timedelta()


@dataclass(frozen=True)
class Verdict:
    """`width`: how much the bounds leave open, for each spell. `wrong`: where the truth is outside them, in sentences.

    `stood_still`: the observer did, and says so.
    """

    width: timedelta
    wrong: tuple[str, ...]
    stood_still: bool = False


def judge(spells: Sequence[Spell], measured: Watched) -> Verdict:
    return Verdict(_width(measured) / len(spells), tuple(_wrong(spells, measured)), bool(measured.stood_still))


def _width(measured: Watched) -> timedelta:
    """Where nothing was seen there may have been as much as may have gone unseen; what was not seen to end may last."""
    if not (measured.outages or measured.missed):
        return measured.resolution or measured.until - measured.since
    at_least, at_most = measured.bounds.at_least, measured.bounds.at_most
    return (measured.until - measured.since if at_most is None else at_most) - at_least


def _wrong(spells: Sequence[Spell], measured: Watched) -> Iterator[str]:
    for spell in spells:
        if not (_is_reported(spell, measured) or _may_be_unseen(spell, measured)):
            yield f"nothing reported holds the {_length(spell).total_seconds():.3f} s from {spell[0].isoformat()}"
    for outage in measured.outages:
        inside = [spell for spell in spells if _holds(outage, spell)]
        if inside:
            yield from _outside(inside[0][0], inside[-1][1], outage)
        elif outage.at_least > ZERO:
            yield f"an outage of at least {outage.at_least.total_seconds():.3f} s from {outage.began_by.isoformat()} was none"


def _is_reported(spell: Spell, measured: Watched) -> bool:
    unwatched = any(each.since <= spell[0] and spell[1] <= each.until for each in measured.missed)
    return unwatched or any(_holds(each, spell) for each in measured.outages)


def _may_be_unseen(spell: Spell, measured: Watched) -> bool:
    return measured.resolution is not None and _length(spell) <= measured.resolution


def _holds(outage: Outage, spell: Spell) -> bool:
    """What was not seen to begin or to end has no bound there."""
    began = outage.last_ok_at is None or outage.last_ok_at <= spell[0]
    return began and (outage.ended_by is None or spell[1] <= outage.ended_by)


def _outside(began: datetime, ended: datetime, outage: Outage) -> Iterator[str]:
    """The length, and both of its ends."""
    length = ended - began
    if not outage.at_least <= length <= (outage.at_most or timedelta.max):
        most = "no end" if outage.at_most is None else f"{outage.at_most.total_seconds():.3f} s"
        yield f"{length.total_seconds():.3f} s are not {outage.at_least.total_seconds():.3f} s to {most}"
    if began > outage.began_by:
        yield f"it began at {began.isoformat()}, not by {outage.began_by.isoformat()}"
    if ended < outage.ended_between[0]:
        yield f"it ended at {ended.isoformat()}, not after {outage.ended_between[0].isoformat()}"


def _length(spell: Spell) -> timedelta:
    return spell[1] - spell[0]
