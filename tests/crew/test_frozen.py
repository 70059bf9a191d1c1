"""A freeze and an order in the same moment: whichever is written first holds."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from bot.domain.errors import Unavailable
from bot.domain.freezing import Frost
from bot.domain.status import Status
from bot.domain.timeline import Entry
from bot.domain.upgrade import Upgrade
from tests.crew.house import AKI, MINA, MINUTE, SECOND, Home

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def freeze(home: Home, until: str = "+30m", cluster: str | None = "orders") -> None:
    await home.desk.freeze(MINA, cluster, until, "month end")


@pytest.mark.parametrize("cluster", ["ORDERS", None])
async def test_a_freeze_after_the_last_check_and_before_the_intent_prevents_the_order(
    home: Home, cluster: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is acknowledged while the driver is about to save the intent: the commit itself looks."""
    upgrade = await home.approved()
    save, status = home.upgrades.save, list[Status]()

    async def outpaced(changed: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        if changed.status is Status.ORDERING:
            status.append(changed.status)
            await freeze(home, cluster=cluster)
        return await save(changed, entries)

    monkeypatch.setattr(home.upgrades, "save", outpaced)
    upgrade = await home.drive(upgrade, turns=3)
    assert (status, upgrade.status, home.ordered) == ([Status.ORDERING], Status.APPROVED, 0)
    assert "intended" not in await home.upgrades.kinds(upgrade.id)
    assert "frozen in this very moment" in upgrade.held_for[0]


async def test_a_freeze_and_the_order_in_the_same_moment(home: Home) -> None:
    """Whichever comes first in the store holds: acknowledged before the intent, it prevents the order."""
    orders = 0
    for _ in range(8):
        upgrade = await home.approved()
        await asyncio.gather(home.driver.turn(upgrade.id), freeze(home))
        after = await home.read(upgrade)
        orders += after.status is Status.UPGRADING
        assert home.ordered == orders
        if after.status is Status.APPROVED:
            assert "intended" not in await home.upgrades.kinds(upgrade.id)
            assert (await home.drive(upgrade, turns=2)).status is Status.APPROVED
            await home.desk.cancel(AKI, upgrade.id)
            await home.desk.unfreeze(MINA, "orders")
        else:
            return


async def test_a_freeze_after_the_intent_stops_nothing(home: Home) -> None:
    """The order was given: the freeze is for the next one."""
    upgrade = await home.approved()

    async def meanwhile() -> None:
        await freeze(home)

    home.aurora.meanwhile = meanwhile
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_when_the_freeze_is_over_the_order_is_given_by_itself(home: Home) -> None:
    """By the clock of the worker and by that of Redis, which nobody here can move."""
    upgrade = await home.approved()
    later = home.clock.now() + 60 * SECOND
    await freeze(home, later.isoformat())
    upgrade = await home.drive(upgrade, apart=61 * SECOND)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert upgrade.held_for == (f"orders is frozen until {later:%Y-%m-%d %H:%M} UTC by mina: month end",)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0), "this worker's clock is ahead"
    soon = datetime.now(UTC) + SECOND
    home.clock.move(soon - SECOND - home.clock.now())
    await freeze(home, soon.isoformat())
    await asyncio.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()) + 0.1)
    home.clock.move(2 * SECOND)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_freezes_that_cannot_be_read_hold_the_order(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = await home.approved()

    async def silent() -> tuple[Frost, ...]:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(home.freezes, "frosts", silent)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.APPROVED, ("Redis: ConnectionError",), 0)


async def test_freezes_damaged_after_the_last_check_are_seen_by_the_commit(
    home: Home, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = await home.approved()
    save = home.upgrades.save

    async def outpaced(changed: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        if changed.status is Status.ORDERING:
            await raw.hset("{aurora}:freezes", "*", "not a freeze")
        return await save(changed, entries)

    monkeypatch.setattr(home.upgrades, "save", outpaced)
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert upgrade.held_for == ("every cluster was frozen in this very moment",)


async def test_of_an_order_that_waits_it_is_told_twice_that_it_expires(home: Home) -> None:
    """Half-way, and near the end; nobody has to look at the card to know."""
    home.rule()
    upgrade = await home.approved()
    await freeze(home, "+5h")
    upgrade = await home.drive(upgrade)
    assert "reminded" not in await home.upgrades.kinds(upgrade.id)
    for minutes, times in ((31, 1), (1, 1), (23, 2), (1, 2)):
        home.clock.move(minutes * MINUTE)
        upgrade = await home.drive(upgrade)
        assert (await home.upgrades.kinds(upgrade.id)).count("reminded") == times
    home.clock.move(5 * MINUTE)
    assert (await home.drive(upgrade)).status is Status.EXPIRED


async def test_a_worker_whose_clock_is_behind_does_not_end_its_waiting_early(home: Home) -> None:
    upgrade = await home.approved()
    soon = home.clock.now() + SECOND
    await freeze(home, soon.isoformat())
    await asyncio.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()) + 0.1)
    upgrade = await home.drive(upgrade, apart=2 * SECOND)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert (await home.drive(upgrade)).status is Status.UPGRADING
