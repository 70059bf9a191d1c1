"""Freezes: while one lasts no order is given, whatever is approved; and one that cannot be read lasts."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from bot.domain.base import Value
from bot.domain.errors import Refused
from bot.domain.hours import zone_of
from bot.domain.ids import UserId

LONGEST: Final = timedelta(days=366)
EXAMPLES: Final = "`18:00`, `2026-12-01`, `2026-12-01T18:00`, `2026-12-01T18:00+09:00`, `+2h`"
_DURATION: Final = re.compile(
    r"\+(?=\d)(?:(?P<days>\d{1,3})d)?(?:(?P<hours>\d{1,4})h)?(?:(?P<minutes>\d{1,5})m(?:in)?)?"
)
_CLOCK: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class Freeze(Value):
    """Of one global cluster, by its name in lower case, or of all (None). `name` is the person's, for plain text."""

    cluster: str | None
    by: UserId
    name: str
    at: datetime
    until: datetime
    why: str


class Unreadable(Value):
    """A freeze of which only that is known whom it is for: nobody can say that it is over."""

    cluster: str | None


Frost = Freeze | Unreadable


def lasting(frosts: Iterable[Frost], now: datetime) -> tuple[Frost, ...]:
    """Those that are not over."""
    return tuple(each for each in frosts if isinstance(each, Unreadable) or now < each.until)


def frost_on(cluster: str, frosts: Iterable[Frost], now: datetime) -> Frost | None:
    """What freezes this cluster now: of several the one that lasts longest."""
    on_it = [each for each in lasting(frosts, now) if each.cluster in (None, cluster.lower())]
    unreadable = next((each for each in on_it if isinstance(each, Unreadable)), None)
    return unreadable or max(
        (each for each in on_it if isinstance(each, Freeze)), key=lambda each: each.until, default=None
    )


def told(frost: Frost) -> str:
    """Why no order is given, as plain text."""
    what = "every cluster is frozen" if frost.cluster is None else f"{frost.cluster} is frozen"
    scope = frost.cluster or "all"
    if isinstance(frost, Unreadable):
        return f"{what}: the record of the freeze cannot be read, so nobody knows until when; `/aurora unfreeze {scope}` ends it"
    until = frost.until.astimezone(UTC)
    return f"{what} until {until:%Y-%m-%d %H:%M} UTC by {frost.name}: {frost.why}"


def read_until(text: str, zone: str | None, now: datetime) -> datetime:
    """When a freeze ends, as it was typed by somebody who lives in that zone; Refused with examples."""
    try:
        until = _instant(text, zone, now)
    except (ValueError, OverflowError):  # the 30th of February, the year 10000
        until = None
    if until is None:
        raise Refused(f"Until when? I cannot read `{text.replace('`', 'ˋ')}` as a time. Examples: {EXAMPLES}.")
    if until <= now:
        raise Refused(f"That is past: {_said(until, zone)}, and now it is {_said(now, zone)}. Examples: {EXAMPLES}.")
    if until - now > LONGEST:
        raise Refused(f"That is more than a year from now: {_said(until, zone)}. Examples: {EXAMPLES}.")
    return until.astimezone(UTC)


def _instant(text: str, zone: str | None, now: datetime) -> datetime | None:
    if (found := _DURATION.fullmatch(text)) is not None:
        return now + timedelta(**{unit: int(number) for unit, number in found.groupdict("0").items()})
    if (found := _CLOCK.fullmatch(text)) is not None:
        tz = _zone(zone)
        clock = time(int(found["hour"]), int(found["minute"]))
        return _latest(datetime.combine(now.astimezone(tz).date(), clock), tz)
    if _DAY.fullmatch(text):
        return _latest(datetime.combine(date.fromisoformat(text), time()), _zone(zone))
    if "T" not in text.upper():
        return None
    at = datetime.fromisoformat(text.upper())
    return at if at.tzinfo else _latest(at, _zone(zone))


def _latest(local: datetime, zone: tzinfo) -> datetime:
    """Of a time that comes twice or never, the later instant that it may mean: a freeze rather lasts too long."""
    return max(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _zone(name: str | None) -> tzinfo:
    zone = zone_of(name) if name else None
    if zone is None:
        raise Refused("I do not know your time zone. Name the offset, as in `2026-12-01T18:00+09:00`, or write `+2h`.")
    return zone


def _said(at: datetime, zone: str | None) -> str:
    tz = zone_of(zone) if zone else None
    return f"{at.astimezone(tz or UTC):%Y-%m-%d %H:%M} {zone if tz else 'UTC'}"
