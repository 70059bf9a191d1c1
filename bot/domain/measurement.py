"""What was measured at one endpoint during an upgrade."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Final, Self

from bot.domain.attempts import Attempt
from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.keeping import KeptSession, kept_since
from bot.domain.lag import Lag
from bot.domain.observer import amid, heard, merged, standstills
from bot.domain.outage import Outage, in_all, outages
from bot.domain.unobserved import BLINK, Unobserved, by_start, resolution, unobserved
from bot.domain.ways import Use, Way

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
STILL_OUT: Final = timedelta(
    seconds=3
)  # so long after its start the last attempt may not be written down yet, nor its next made


class RoundTrip(Value):
    """To the server and back: the median of how long TCP took to connect, `of` so many successful attempts, at most one a second."""

    median: timedelta
    of: int


class Measurement(Value):
    """New connections to one endpoint: how many were tried from where, how many failed, and the outages they prove.

    It is measured from its first success on, at `since`, to its last attempt that proves anything, at `until`: both are
    starts of attempts. None: it never was. Before that a failure may as well be ours, so it counts among the `unknown`
    ones (DNS, authentication, TLS, trouble of our own), which prove neither up nor down. What nobody looked at is
    `unobserved`: it may have been an outage, so it counts for `at_most`. Of a calm time before the order only the last
    minutes are kept, and there `since` and the attempts that are counted begin.

    Beside new connections: every session that was `held` at the order or later, `writes` where they were asked for, and on
    a reader how far behind the row was that they wrote. Older ones have none of these.
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
    unobserved: tuple[Unobserved, ...] = ()
    resolution: timedelta | None = None  # an outage as short as this may have gone unseen from the order on
    round_trip: RoundTrip | None = None  # None in older ones, and when nothing answered
    held: tuple[KeptSession, ...] = ()
    writes: "Measurement | None" = None
    lag: Lag | None = None

    @property
    def at_least(self) -> timedelta:
        return in_all(self.outages).at_least

    @property
    def at_most(self) -> timedelta | None:
        """None while an outage has no end: then nobody can say."""
        return in_all(self.outages, self.unobserved).at_most

    @property
    def no_more_than(self) -> timedelta | None:
        """As `at_most`, but no less than an outage that may have gone unseen. None when that is not known either."""
        if self.since is None or self.at_most is None or not (self.outages or self.resolution):
            return None
        return max(self.at_most, self.resolution or timedelta())

    def since_order(self, ordered_at: datetime, until: datetime) -> Self:
        """Without the outages that were over before the order, and with all that nobody looked at from then on."""
        outages = tuple(each for each in self.outages if each.ended_by is None or each.ended_by >= ordered_at)
        writes = self.writes and self.writes.since_order(ordered_at, until)
        missed = tuple(self._missed(ordered_at, until))
        return self.model_copy(update={"outages": outages, "unobserved": missed, "writes": writes})

    def _missed(self, ordered_at: datetime, until: datetime) -> Iterator[Unobserved]:
        """Before its first success, between its attempts, and after the last one."""
        if self.since is None or self.until is None:
            return
        if self.since - ordered_at > BLINK:
            yield Unobserved(since=ordered_at, until=self.since)
        for each in self.unobserved:
            if each.until > max(ordered_at, self.since):
                yield Unobserved(since=max(ordered_at, self.since, each.since), until=each.until)
        if until - self.until > STILL_OUT:
            yield Unobserved(since=max(ordered_at, self.until), until=until)


def measure(
    region: Region,
    use: str,
    vantages: Sequence[str],
    attempts: Iterable[Attempt],
    ordered_at: datetime = LONG_AGO,
    stood_still: Sequence[Unobserved] = (),
) -> Measurement:
    """Sum up one endpoint. An attempt that was stored twice counts once; without a success before it nothing is an outage.

    While whoever looked `stood_still` nobody did, whatever was tried meanwhile.
    """
    each_once = heard(sorted(set(attempts), key=by_start), stood_still)
    found = outages(each_once, missed=amid(each_once, stood_still))
    blind = next((outage for outage in found if outage.last_ok_at is None), None)
    first_ok_at = next((attempt.start for attempt in each_once if attempt.outcome.proves_up), None)
    unknown = sum(attempt.outcome.proves_nothing for attempt in each_once)
    return Measurement(
        region=region,
        use=use,
        vantage=", ".join(vantages) or "nowhere",
        since=blind.first_ok_at if blind else first_ok_at,
        until=max((attempt.start for attempt in each_once if not attempt.outcome.proves_nothing), default=None),
        attempts=len(each_once),
        failed=sum(outage.failed for outage in found if outage is not blind),
        unknown=unknown + (blind.failed if blind else 0),
        outages=tuple(outage for outage in found if outage is not blind),
        unobserved=merged([*unobserved(each_once), *stood_still]),
        resolution=resolution(each for each in each_once if each.start >= ordered_at),
        round_trip=_round_trip(each_once),
    )


def _round_trip(attempts: Iterable[Attempt]) -> RoundTrip | None:
    """One of each second, by their starts: of slow ones all have their phases kept (`Sample`), and would count too much."""
    took: dict[datetime, int] = {}
    for each in attempts:
        if each.outcome.proves_up and each.phases.connect is not None:
            took.setdefault(each.start.replace(microsecond=0), each.phases.connect)
    return RoundTrip(median=timedelta(microseconds=median_low(took.values())), of=len(took)) if took else None


def measure_ways(
    region: Region, use: str, vantages: Sequence[str], uses: Sequence[Use], ordered_at: datetime = LONG_AGO
) -> Measurement:
    """Sum up one endpoint in all ways but for the lag of its row, for which one has to know the writes to another."""
    tried = {way: [each.attempt for each in uses if each.lane.way is way] for way in Way}
    stood_still = standstills(tried[Way.CONTROL])
    found = measure(region, use, vantages, tried[Way.CONNECT], ordered_at, stood_still)
    writes = tried[Way.WRITE] and measure(region, use, vantages, tried[Way.WRITE], ordered_at, stood_still)
    held = kept_since(uses, ordered_at, stood_still)
    return found.model_copy(update={"held": held, "writes": writes or None})
