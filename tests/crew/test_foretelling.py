"""The forecast right before the order: asked for of whoever measures the writer, and never waited for long."""

import asyncio

import pytest

from bot.crew import foretelling
from bot.domain.errors import Unavailable
from bot.domain.status import Status
from bot.domain.timeline import Forecast, Reached
from bot.domain.upgrade import Upgrade
from bot.domain.zero_downtime import Outlook
from tests.crew.house import AP, MINA, MINUTE, SECOND, US, Home

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def watched(home: Home) -> Upgrade:
    """Approved, and somebody measures its writer."""
    upgrade = await home.approved()
    reached = Reached(at=home.clock.now(), region=US, use="writer", vantage=US, version="18.4.1")
    await home.upgrades.append_once(upgrade.id, "reached", reached)
    return upgrade


async def foretell(home: Home, upgrade: Upgrade) -> None:
    at, asked = home.clock.now(), upgrade.forecast_wanted
    entry = Forecast(at=at, region=US, vantage=US, asked_at=asked, outlook=Outlook(dropped=0))
    await home.upgrades.append_once(upgrade.id, f"forecast:{asked.isoformat()}", entry)


async def test_where_nobody_measures_the_writer_no_forecast_is_asked_for(home: Home) -> None:
    upgrade = await home.approved()
    other = Reached(at=home.clock.now(), region=AP, use="reader", vantage=AP, version="18.4.1")
    await home.upgrades.append_once(upgrade.id, "reached", other)
    assert (await home.drive(upgrade)).forecast_asked_at is None
    assert home.ordered == 1


async def test_the_order_waits_for_a_forecast_of_that_moment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", MINUTE)
    upgrade, telling = await watched(home), list[asyncio.Task[None]]()

    def asked(saved: Upgrade) -> None:
        if saved.forecast_asked_at and not telling:
            telling.append(asyncio.create_task(foretell(home, saved)))

    home.upgrades.after_save = asked
    async with asyncio.timeout(20):
        upgrade = await home.drive(upgrade)
    kinds = await home.upgrades.kinds(upgrade.id)
    assert kinds[:5] == ["proposed", "approved", "reached", "forecast", "intended"]
    assert home.ordered == 1


async def test_the_order_goes_on_without_a_forecast(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", SECOND / 4)
    upgrade = await watched(home)
    await foretell(home, upgrade)  # the one of the proposal
    upgrade = await home.drive(upgrade)
    assert upgrade.forecast_asked_at is not None
    assert home.ordered == 1


async def test_a_timeline_that_cannot_be_read_holds_no_order_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = await watched(home)

    async def away(*_: object, **__: object) -> None:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(home.upgrades, "timeline", away)
    await home.driver.turn(upgrade.id)
    assert home.ordered == 1


async def test_what_is_held_back_asks_for_no_forecast(home: Home) -> None:
    upgrade = await watched(home)
    home.orders.status = "modifying"
    home.clock.move(MINUTE)
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, upgrade.forecast_asked_at) == (Status.APPROVED, None)


async def test_a_forecast_is_asked_for_at_most_once_a_minute(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", SECOND / 10)
    upgrade = await watched(home)
    home.clock.move(SECOND)
    home.upgrades.after_save = lambda _: setattr(home.orders, "status", "modifying")  # what only the fresh look finds
    upgrade = await home.drive(upgrade)
    assert upgrade.status is Status.APPROVED
    first = upgrade.forecast_asked_at
    assert first is not None
    home.upgrades.mend()
    home.orders.status = "available"
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.forecast_asked_at) == (Status.UPGRADING, first)


async def test_an_approval_that_is_withdrawn_while_a_forecast_is_made_is_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foretelling, "FORETOLD_WITHIN", SECOND)
    upgrade, withdrawing = await watched(home), list[asyncio.Task[Upgrade]]()

    def asked(saved: Upgrade) -> None:
        if saved.forecast_asked_at and not withdrawing:
            withdrawing.append(asyncio.create_task(home.desk.withdraw(MINA, saved.id)))

    home.upgrades.after_save = asked
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.PROPOSED, 0)
