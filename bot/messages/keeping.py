"""How it is said what became of held sessions, of writes, and of what RDS claims."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from bot.domain.claims import Agreement, Comparison
from bot.domain.keeping import Fate, Keeping, KeptSession, first_of_each, in_all
from bot.domain.lag import Lag
from bot.domain.measurement import Measurement
from bot.domain.ways import Way
from bot.messages.downtime import missed
from bot.messages.markup import TENTH, bounds

WAYS = {Way.HELD: "held sessions", Way.WRITE: "writes", Way.ROW: "how far it is behind"}


def kept(sessions: Sequence[KeptSession]) -> str:
    """`2 of 3 survived, 1 in another process, stood still at most 1.2 s`."""
    held = in_all(sessions)
    parts = [f"{held.survived} of {held.held} survived"] if held.survived or not held.moved else []
    if held.moved:
        parts.append(f"{held.moved}{'' if parts else f' of {held.held} survived'} in another process")
    if held.dropped:
        codes = dict.fromkeys(each.sqlstate or str(each.outcome) for each in sessions if each.fate is Fate.DROPPED)
        parts.append(f"{held.dropped} dropped ({', '.join(codes)})")
    if held.lost:
        parts.append(f"of {held.lost} nobody knows, for whoever held them is gone")
    return ", ".join([*parts, *_stood_still(held)])


def _stood_still(held: Keeping) -> Iterator[str]:
    if held.at_most is not None:
        yield f"stood still at most {_up(held.at_most)}"


def _up(lasting: timedelta) -> str:
    """Rounded up: it was no longer."""
    return f"{-(-lasting // TENTH) / 10:.1f} s"


def ways(measured: Sequence[Measurement]) -> Iterator[str]:
    """A line for each way beside new connections that was measured anywhere."""
    held = [(each, list(first_of_each(each.held))) for each in measured]
    told = [f"{_where(each)} {kept(sessions)}" for each, sessions in held if sessions]
    if told:
        yield f"Held sessions: {' · '.join(told)}"
    writes = [f"{_where(each)} {written(each.writes)}" for each in measured if each.writes]
    if writes:
        yield f"Writes: {' · '.join(writes)}"
    lags = [f"{_where(each)} {behind(each.lag)}" for each in measured if each.lag]
    if lags:
        yield f"What was written: {' · '.join(lags)}"


def written(writes: Measurement) -> str:
    if writes.since is None:
        return "were never taken"
    if not writes.outages:
        return f"no outage seen in {writes.attempts} attempts{missed(writes)}"
    return f"not taken for {bounds(writes.at_least, writes.at_most)}{missed(writes)}"


def behind(lag: Lag) -> str:
    """Rounded down, since it is what is proven."""
    if lag.at is None:
        return f"never seen behind in {lag.reads} reads"
    return f"behind by at least {lag.at_least.total_seconds():.3f} s once"


def comparison(one: Comparison) -> str:
    """`RDS says 0.5 s and 65 connections preserved, 0 dropped; …: agrees`."""
    claim = one.claim
    said = (
        f"Zero downtime in {claim.region}: RDS says {claim.took.total_seconds():.1f} s, {claim.preserved} connections "
        f"preserved, {claim.dropped} dropped"
    )
    if one.agreement is Agreement.CANNOT_TELL:
        return f"{said}; {'; '.join(one.why)}, so that cannot be compared."
    fates = [f"{one.held.preserved} preserved"] if one.held.preserved else []
    fates += [f"{one.held.moved} of them in another process"] if one.held.moved else []
    fates += [f"{one.held.dropped} dropped"] if one.held.dropped else []
    saw = ", ".join([*fates, *_stood_still(one.held)])
    held = f"{one.held.held} session{'s' if one.held.held > 1 else ''} held here"
    if one.agreement is Agreement.YES:
        return f"{said}; of {held} {saw}: agrees."
    return f"{said}; of {held} {saw}. That does not agree: {'; '.join(one.why)}."


def _where(each: Measurement) -> str:
    return f"{each.region} {each.use}"
