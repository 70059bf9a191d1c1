"""What was measured at one endpoint during an upgrade."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Self

from bot.domain.attempts import Attempt
from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.outage import Outage, outages


class Measurement(Value):
    """New connections to one endpoint: how many were tried from where, how many failed, and the outages they prove.

    It is measured from its first success on, at `since`; None: it never was. Before that a failure may as well be ours,
    so it counts among the `unknown` ones (DNS, authentication, TLS), which prove neither up nor down.
    """

    region: Region
    use: str
    vantage: str
    since: datetime | None
    until: datetime | None
    attempts: int
    failed: int
    unknown: int
    outages: tuple[Outage, ...]

    @property
    def at_least(self) -> timedelta:
        return sum((outage.at_least for outage in self.outages), timedelta())

    @property
    def at_most(self) -> timedelta | None:
        """None while an outage has no end: then nobody can say."""
        bounds = [outage.at_most for outage in self.outages]
        known = [each for each in bounds if each is not None]
        return sum(known, timedelta()) if len(known) == len(bounds) else None

    def since_order(self, ordered_at: datetime) -> Self:
        """Without the outages that were over before then."""
        after = tuple(each for each in self.outages if each.ended_by is None or each.ended_by >= ordered_at)
        return self.model_copy(update={"outages": after})


def measure(region: Region, use: str, vantages: Sequence[str], attempts: Iterable[Attempt]) -> Measurement:
    """Sum up one endpoint. An attempt that was stored twice counts once; without a success before it nothing is an outage."""
    each_once = sorted(set(attempts), key=lambda attempt: attempt.start)
    found = outages(each_once)
    blind = next((outage for outage in found if outage.last_ok_at is None), None)
    first_ok_at = next((attempt.start for attempt in each_once if attempt.outcome.proves_up), None)
    unknown = sum(attempt.outcome.proves_nothing for attempt in each_once)
    return Measurement(
        region=region,
        use=use,
        vantage=", ".join(vantages) or "nowhere",
        since=blind.first_ok_at if blind else first_ok_at,
        until=max((attempt.end for attempt in each_once), default=None),
        attempts=len(each_once),
        failed=sum(outage.failed for outage in found if outage is not blind),
        unknown=unknown + (blind.failed if blind else 0),
        outages=tuple(outage for outage in found if outage is not blind),
    )
