"""The part of the report that was known before the order: what was expected, and what was forecast."""

from datetime import datetime

from bot.domain.base import Value
from bot.domain.expectation import Expectation, Usual
from bot.domain.ids import Region
from bot.domain.recorded import WHICH
from bot.domain.timeline import Forecast


class ExpectationReport(Value):
    """What was to be expected when it was proposed: upper bounds of the downtime per role, and from the order to the end.

    Of each the median and the worst of so many past upgrades. Where `with_recorded`, one of them is the upgrade named by
    `recorded`, for want of past ones here; `recorded` is null where none was needed.
    """

    writer: Usual
    secondary: Usual
    lasting: Usual
    recorded: str | None


class ForecastReport(Value):
    """What stood in the way of zero downtime on the writer, as of `at`, the last time that it was told before the end.

    `dropped` is how many sessions would be dropped, null when nobody knows; `findings` the weightiest obstacles, and `more`
    how many are not named; `unread` what could not be looked at. Sentences and phrases, for people.
    """

    at: datetime
    region: Region
    vantage: str
    dropped: int | None
    findings: tuple[str, ...]
    more: int
    unread: tuple[str, ...]


def expected_before(expected: Expectation) -> ExpectationReport:
    usual = {"writer": expected.writer, "secondary": expected.secondary, "lasting": expected.lasting}
    needed = any(each.with_recorded for each in usual.values())
    return ExpectationReport(**usual, recorded=WHICH if needed else None)


def told_before(told: Forecast) -> ForecastReport:
    outlook = told.outlook
    return ForecastReport(
        at=told.at,
        region=told.region,
        vantage=told.vantage,
        dropped=outlook.dropped,
        findings=tuple(each.text for each in outlook.obstacles),
        more=outlook.more,
        unread=outlook.unread,
    )
