"""How downtime is said: always as bounds, per endpoint, and from where it was measured."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from bot.domain.budget import Kept, kept_at, kept_by_all, written
from bot.domain.measurement import Measurement, RoundTrip
from bot.domain.report import EndpointReport
from bot.messages.markup import TENTH, bounds

MILLISECOND: Final = timedelta(milliseconds=1)


def downtime(measured: Sequence[Measurement]) -> str:
    """One line over all endpoints; of one that nobody watched for a while it says so."""
    return "Downtime (new connections): " + (" · ".join(map(_one, measured)) or "nothing was measured")


def measured_from(measured: Iterable[EndpointReport]) -> str:
    """From where each endpoint was measured and how far away that is; empty when nobody knows of any."""
    known = [each for each in measured if each.round_trip]
    return f"Measured: {' · '.join(map(_from, known))}." if known else ""


def _from(each: EndpointReport) -> str:
    return f"{each.region} {each.endpoint} from {each.vantage}, round trip {round_trip(each.round_trip)}"


def round_trip(found: RoundTrip | None) -> str:
    """In tenths of a millisecond, as `0.2 ms (median of 512)`."""
    return f"{found.median / MILLISECOND:.1f} ms (median of {found.of})" if found else "unknown"


def budget_kept(measured: Sequence[Measurement], budget: timedelta) -> str:
    """Whether every endpoint kept to it; where that is not so of all, each with what is known."""
    verdicts = [kept_at(each, budget) for each in measured]
    overall = kept_by_all(verdicts)
    told = [_verdict(each, verdict, budget) for each, verdict in zip(measured, verdicts, strict=True)]
    details = f" ({' · '.join(told)})" if told and overall is not Kept.YES else ""
    return f"Downtime budget of {written(budget)}: *{overall}*{details}"


def _verdict(measured: Measurement, verdict: Kept, budget: timedelta) -> str:
    where = f"{measured.region} {measured.use}"
    if verdict is not Kept.CANNOT_TELL:
        return f"{where} {verdict}"
    if measured.since is None:
        return f"{where} could not be measured"
    if measured.at_most is None:
        return f"{where} cannot tell: nobody saw the end of its outage"
    if measured.at_most <= budget:
        return f"{where} cannot tell: a longer outage may have gone unseen"
    return f"{where} cannot tell: the budget lies between the bounds"


def _one(measured: Measurement) -> str:
    where = f"{measured.region} {measured.use}"
    if measured.since is None:
        return f"{where} could not be measured"
    elsewhere = f" (measured from {measured.vantage})" if measured.vantage != measured.region else ""
    if not measured.outages:
        return f"{where} none seen in {measured.attempts} attempts{_unseen(measured)}{elsewhere}{missed(measured)}"
    open_end = " and not back when the watch ended" if measured.at_most is None else ""
    return f"{where} {bounds(measured.at_least, measured.at_most)}{open_end}{elsewhere}{missed(measured)}"


def _unseen(measured: Measurement) -> str:
    """Rounded up: nothing longer can have gone unseen."""
    if measured.resolution is None:
        return ""
    return f", so none above {-(-measured.resolution // TENTH) / 10:.1f} s"


def missed(measured: Measurement) -> str:
    """Empty when somebody looked all the time."""
    lasting = sum((each.lasting for each in measured.unobserved), timedelta())
    return f" (not watched for {lasting.total_seconds():.1f} s)" if lasting else ""
