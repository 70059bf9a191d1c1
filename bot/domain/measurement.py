"""What was measured at one endpoint during an upgrade."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median_low
from typing import Final, Self

from bot.domain.attempts import Attempt
from bot.domain.base import Value
from bot.domain.ids import Region
from bot.domain.keeping import KeptSession, kept_since
from bot.domain.lag import Lag
from bot.domain.observer import amid, heard, merged, standstills
from bot.domain.outage import Outage, in_all, outages
from bot.domain.unobserved import BLINK, LONG_AGO, Unobserved, by_start, resolution, unobserved
from bot.domain.ways import Use, Way

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
    resolution: timedelta | None = None  # an outage as short as this may have gone unseen from the order to the end
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
        """What it cost from the order to the end: without what was over before, and with all that nobody looked at.

        What is shorter than that, after the last attempt, is not told as such, but counts among what may have gone unseen.
        """
        writes = self.writes and self.writes.since_order(ordered_at, until)
        changed: dict[str, object] = {"outages": tuple(self._cost(ordered_at)), "unobserved": (), "writes": writes}
        if self.since is not None and self.until is not None:
            last, missed = max(ordered_at, self.until), self._missed(ordered_at)
            if until - self.until > STILL_OUT:
                missed.append(Unobserved(since=last, until=until))
            else:
                changed["resolution"] = _longest(self.resolution, until - last)
            changed["unobserved"] = merged(missed)
        return self.model_copy(update=changed)

    def _cost(self, ordered_at: datetime) -> Iterator[Outage]:
        for each in self.outages:
            if each.ended_by is None or each.ended_by >= ordered_at:
                yield each.from_then_on(ordered_at)

    def _missed(self, ordered_at: datetime) -> list[Unobserved]:
        return [
            Unobserved(since=max(ordered_at, each.since), until=each.until)
            for each in self.unobserved
            if each.until > ordered_at
        ]


def measure(
    region: Region,
    use: str,
    vantages: Sequence[str],
    attempts: Iterable[Attempt],
    ordered_at: datetime = LONG_AGO,
    stood_still: Sequence[Unobserved] = (),
) -> Measurement:
    """Sum up one endpoint. An attempt that was stored twice counts once; without a success before it nothing is an outage.

    While whoever looked `stood_still` nobody did, whatever was tried meanwhile. Nor did anybody between the order and the
    first success, where that came later.
    """
    each_once = heard(sorted(set(attempts), key=by_start), stood_still)
    found = outages(each_once, missed=amid(each_once, stood_still))
    blind = next((outage for outage in found if outage.last_ok_at is None), None)
    first_ok_at = next((attempt.start for attempt in each_once if attempt.outcome.proves_up), None)
    since = blind.first_ok_at if blind else first_ok_at
    late = _until_first(since, each_once, ordered_at)
    missed = [late] if late and since and since - ordered_at > BLINK else []
    unknown = sum(attempt.outcome.proves_nothing for attempt in each_once)
    return Measurement(
        region=region,
        use=use,
        vantage=", ".join(vantages) or "nowhere",
        since=since,
        until=max((attempt.start for attempt in each_once if not attempt.outcome.proves_nothing), default=None),
        attempts=len(each_once),
        failed=sum(outage.failed for outage in found if outage is not blind),
        unknown=unknown + (blind.failed if blind else 0),
        outages=tuple(outage for outage in found if outage is not blind),
        unobserved=merged([*unobserved(each_once), *stood_still, *missed]),
        resolution=_longest(resolution(each_once, since=ordered_at), late.lasting if late and not missed else None),
        round_trip=_round_trip(each_once),
    )


def _until_first(since: datetime | None, tried: Iterable[Attempt], ordered_at: datetime) -> Unobserved | None:
    """From the order to the end of its first success, which began at `since`, where that was later."""
    if since is None or not LONG_AGO < ordered_at < since:
        return None
    answered = min(each.end for each in tried if each.start == since and each.outcome.proves_up)
    return Unobserved(since=ordered_at, until=answered)


def _longest(*known: timedelta | None) -> timedelta | None:
    return max((each for each in known if each is not None), default=None)


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
