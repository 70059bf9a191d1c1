"""When orders are allowed: weekly windows in a time zone, decided on the instant and not on what a clock there shows."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from bot.domain.base import Value

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD: Final = 15  # days: a window of every week comes in them even when a change of clocks swallows one
_WINDOW: Final = re.compile(r"(?:(?P<days>[a-z]{3}(?:[-,][a-z]{3})*) )?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")


class Window(NamedTuple):
    """On these days of the week, from start to end in minutes after midnight; one that ends earlier ends a day later."""

    days: frozenset[int]
    start: int
    end: int


class Hours(Value):
    """`zone` is IANA's name; `allowed` are windows as `Mon-Fri 09:00-17:00`, `Sat,Sun 22:00-02:00`, `09:00-17:00`."""

    zone: str
    allowed: tuple[str, ...] = Field(min_length=1)

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone_of(zone) is None:
            raise ValueError(f"{zone} is no time zone that is known here, as `Asia/Tokyo` is")
        return zone

    @field_validator("allowed")
    @classmethod
    def _readable(cls, allowed: tuple[str, ...]) -> tuple[str, ...]:
        for each in allowed:
            _window(each)
        return allowed

    @property
    def tz(self) -> tzinfo:
        return zone_of(self.zone) or UTC  # it was known when this was made

    def opens_at(self, now: datetime) -> datetime | None:
        """None while orders are allowed; otherwise when they will be."""
        ahead = [(start, end) for start, end in self._around(now) if now < end]
        return None if any(start <= now for start, _ in ahead) else min(start for start, _ in ahead)

    def _around(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Windows as instants. One that a change of clocks turns around is none."""
        today = now.astimezone(self.tz).date()
        for day in (today + timedelta(days=n) for n in range(-1, AHEAD)):
            for window in map(_window, self.allowed):
                start, end = _instant(day, window.start, self.tz), _instant(day, window.end, self.tz)
                if day.weekday() in window.days and start < end:
                    yield start, end

    def __str__(self) -> str:
        return f"{', '.join(self.allowed)} {self.zone}"


def zone_of(name: str) -> tzinfo | None:
    """None when nobody here knows a zone of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not known, not a name at all, a directory
        return None


def _instant(day: date, minutes: int, zone: tzinfo) -> datetime:
    """As RFC 5545 has it: of a time that comes twice the first, and one that is skipped by the clock of before."""
    return (datetime.combine(day, time()) + timedelta(minutes=minutes)).replace(tzinfo=zone).astimezone(UTC)


def _window(text: str) -> Window:
    found = _WINDOW.fullmatch(" ".join(text.lower().split()))
    start, end = (_minutes(found[each]) for each in ("start", "end")) if found else (None, None)
    days = _days(found["days"]) if found else None
    if days is None or start is None or end is None or start == end or start == 24 * 60:
        raise ValueError(f"{text!r} is no window, as `Mon-Fri 09:00-17:00` is")
    return Window(days, start, end if end > start else end + 24 * 60)


def _minutes(text: str) -> int | None:
    hours, minutes = int(text[:2]), int(text[3:])
    return hours * 60 + minutes if minutes < 60 and hours * 60 + minutes <= 24 * 60 else None


def _days(text: str | None) -> frozenset[int] | None:
    """None when one of them is no day."""
    if text is None:
        return frozenset(range(7))
    found = set[int]()
    for part in text.split(","):
        first, last = part[:3], part[-3:]
        if first not in DAYS or last not in DAYS or len(part) > 7:
            return None
        start, end = DAYS.index(first), DAYS.index(last)
        found |= {n % 7 for n in range(start, (end if end >= start else end + 7) + 1)}
    return frozenset(found)
