"""How downtime is said: always as bounds, per endpoint, and from where it was measured."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.measurement import Measurement
from bot.messages.markup import bounds, when


def downtime(measured: Sequence[Measurement], ordered_at: datetime | None = None) -> str:
    """One line over all endpoints; of one that was not measured from the order on it says so."""
    each = (_one(one, ordered_at) for one in measured)
    return "Downtime (new connections): " + (" · ".join(each) or "nothing was measured")


def _one(measured: Measurement, ordered_at: datetime | None) -> str:
    where = f"{measured.region} {measured.use}"
    if measured.since is None:
        return f"{where} could not be measured"
    elsewhere = f" (measured from {measured.vantage})" if measured.vantage != measured.region else ""
    late = f" (only since {when(measured.since)})" if ordered_at and measured.since > ordered_at else ""
    if not measured.outages:
        return f"{where} none seen in {measured.attempts} attempts{elsewhere}{late}"
    open_end = " and not back when the watch ended" if measured.at_most is None else ""
    return f"{where} {bounds(measured.at_least, measured.at_most)}{open_end}{elsewhere}{late}"
