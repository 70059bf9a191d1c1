"""The watcher: one question per Region, whatever the number of upgrades, and each event told once to whom it belongs."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from bot.adapters.redis import RedisCache, RedisServer
from bot.crew.watcher import LEEWAY, OVERLAP, WHOLE_EVERY, Watcher
from bot.domain.errors import Unavailable
from bot.domain.ids import Region, UpgradeId
from bot.domain.timeline import Entry, RdsSaid
from bot.domain.upgrade import Upgrade
from sandbox.aurora.state import Instance
from sandbox.aurora.state import RdsEvent as Said
from sandbox.valkey import Valkey
from tests.crew.house import ACCOUNT, AKI, AP, MINA, MINUTE, SECOND, STARTED, US, Death, Home, Store, said_by

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

DONE = "Database cluster engine version has been upgraded."
EU = Region("eu-central-1")


@pytest.fixture
def watcher(home: Home, server: RedisServer) -> Watcher:
    return Watcher(home.aurora, home.upgrades, RedisCache(server), home.clock)


async def ordered(home: Home, cluster: str = "orders", version: str = "18.6") -> Upgrade:
    upgrade = (await home.desk.propose(AKI, cluster, version, "")).upgrade
    await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    upgrade = await home.drive(upgrade)
    home.aws.calls.clear()
    return upgrade


async def told(home: Home, upgrade: Upgrade) -> list[str]:
    entries = await home.upgrades.entries(upgrade.id)
    return [each.event.message for each in entries if isinstance(each, RdsSaid)]


def asked(home: Home) -> list[dict[str, Any]]:
    return [dict(call.params) for call in home.aws.calls if call.operation == "DescribeEvents"]


async def look(home: Home, watcher: Watcher, turns: int = 1, region: Region = US) -> None:
    for _ in range(turns):
        assert await watcher.turn(ACCOUNT, region) == watcher.every
        home.clock.move(watcher.every)


async def test_two_upgrades_in_one_region_are_one_question(home: Home, watcher: Watcher) -> None:
    orders, billing = await ordered(home), await ordered(home, "billing", "17.10")
    home.say(STARTED)
    said_by(home.aws, "billing", DONE, US, home.clock.now())
    said_by(home.aws, "sessions", "of somebody else", US, home.clock.now())
    home.say("of another Region", AP)
    await look(home, watcher, turns=3)
    assert home.aws.count()["DescribeEvents us-east-1"] == len(asked(home)) == 3
    assert await told(home, orders) == [STARTED]
    assert await told(home, billing) == [DONE]
    await look(home, watcher, region=AP)
    assert await told(home, orders) == [STARTED, "of another Region"]


async def test_windows_overlap_and_pages_are_turned(home: Home, watcher: Watcher) -> None:
    upgrade, texts = await ordered(home), [f"text {n:03}" for n in range(250)]
    for text in texts:
        home.say(text)
    await look(home, watcher)
    assert len(asked(home)) == 3
    home.say("and another")
    await look(home, watcher, turns=2)
    assert sorted(await told(home, upgrade)) == sorted([*texts, "and another"])


async def test_each_window_begins_before_the_last_look_and_not_before_the_order(home: Home, watcher: Watcher) -> None:
    upgrade = await ordered(home)
    assert upgrade.intent_at is not None
    await look(home, watcher)
    home.clock.move(10 * MINUTE)
    looked = home.clock.now()
    await look(home, watcher, turns=2)
    starts = [each["StartTime"].replace(tzinfo=UTC) for each in asked(home)]
    expected = [upgrade.intent_at - LEEWAY, upgrade.intent_at - LEEWAY, looked - OVERLAP]
    assert all(abs(start - then) < SECOND for start, then in zip(starts, expected, strict=True))


async def test_an_event_that_comes_late_is_told(home: Home, watcher: Watcher) -> None:
    upgrade = await ordered(home)
    happened = home.clock.now()
    await look(home, watcher, turns=20)
    home.say(STARTED, at=happened + 2 * SECOND)
    await look(home, watcher)
    assert await told(home, upgrade) == [STARTED]


async def test_an_event_that_comes_later_than_any_overlap_is_told_too(home: Home, watcher: Watcher) -> None:
    upgrade = await ordered(home)
    happened = home.clock.now()
    await look(home, watcher, turns=40)
    home.clock.move(OVERLAP)
    home.say(STARTED, at=happened + 2 * SECOND)
    await look(home, watcher, turns=WHOLE_EVERY // watcher.every)
    assert await told(home, upgrade) == [STARTED]


async def test_what_is_heard_is_heard_in_every_region(home: Home, watcher: Watcher) -> None:
    """The end of an upgrade waits for it."""
    await ordered(home)
    assert await watcher.heard_until(ACCOUNT, (US, AP)) is None
    first = home.clock.now()
    await look(home, watcher)
    assert await watcher.heard_until(ACCOUNT, (US, AP)) is None
    await look(home, watcher, region=AP)
    await look(home, watcher)
    assert await watcher.heard_until(ACCOUNT, (US,)) == first + 2 * watcher.every
    assert await watcher.heard_until(ACCOUNT, (US, AP)) == first + watcher.every


async def test_without_the_store_nobody_knows_what_was_heard(home: Home, valkey: Valkey) -> None:
    await ordered(home)
    async with RedisServer(valkey.url) as own:
        watcher = Watcher(home.aurora, home.upgrades, RedisCache(own), home.clock)
        await look(home, watcher)
        assert await watcher.heard_until(ACCOUNT, (US,)) is not None
        await valkey.stop()
        assert await watcher.heard_until(ACCOUNT, (US,)) is None


async def test_the_same_text_again_is_told_again(home: Home, watcher: Watcher) -> None:
    """Within a minute, as recorded of a real upgrade; and even in one millisecond."""
    upgrade, at = await ordered(home), home.clock.now()
    for later in (timedelta(), timedelta(), 20 * SECOND):
        home.say("DB instance restarted", at=at + later)
    await look(home, watcher, turns=2)
    assert await told(home, upgrade) == ["DB instance restarted"] * 3


async def test_what_was_said_before_the_order_is_not_of_this_upgrade(home: Home, watcher: Watcher) -> None:
    home.say("Automated cluster snapshot created", at=home.clock.now() - MINUTE)
    upgrade = await ordered(home)
    await look(home, watcher)
    assert await told(home, upgrade) == []


async def test_before_an_order_aws_is_left_alone(home: Home, watcher: Watcher) -> None:
    assert await watcher.turn(ACCOUNT, US) is None
    upgrade = await home.proposed()
    await look(home, watcher)
    assert await watcher.turn(ACCOUNT, EU) is None
    await home.desk.cancel(AKI, upgrade.id)
    assert await watcher.turn(ACCOUNT, US) is None
    assert asked(home) == []


async def test_while_aws_is_silent_nothing_is_lost(home: Home, watcher: Watcher) -> None:
    upgrade = await ordered(home)
    await look(home, watcher)
    home.say(STARTED)
    home.aws.refuse("DescribeEvents", "ThrottlingException", "Rate exceeded")
    with pytest.raises(Unavailable, match="ThrottlingException"):
        await watcher.turn(ACCOUNT, US)
    home.clock.move(20 * MINUTE)
    home.aws.moods.clear()
    await look(home, watcher)
    assert await told(home, upgrade) == [STARTED]


async def test_a_cluster_that_aws_does_not_show_keeps_nobody_from_the_news(home: Home, watcher: Watcher) -> None:
    """What the plan names is told at once, and what is new in the cluster as soon as AWS shows it again."""
    billing, orders = await ordered(home, "billing", "17.10"), await ordered(home)
    writer = home.orders.members[0]
    home.aurora.away = {"billing", "orders"}
    said_by(home.aws, "billing", STARTED, US, home.clock.now())
    new = Instance("orders-us-2", "18.4")
    home.aws.account.say(writer, STARTED)
    home.aws.account.say(writer, "DB instance created", instance=new)
    home.clock.move(MINUTE)
    await look(home, watcher)
    assert await told(home, billing) == await told(home, orders) == [STARTED]
    home.clock.move(20 * MINUTE)
    writer.instances.append(new)
    home.aurora.away.clear()
    await look(home, watcher)
    assert await told(home, orders) == [STARTED, "DB instance created"]
    assert await told(home, billing) == [STARTED]


async def test_a_cluster_in_another_partition_is_told_of_too(home: Home, watcher: Watcher) -> None:
    upgrade = await ordered(home)
    arn = home.orders.members[0].arn.replace("arn:aws:", "arn:aws-us-gov:")
    event = Said(US, "db-cluster", "orders-us", arn, STARTED, (), home.clock.now())
    home.aws.account.events.append(event)
    home.aurora.away.add("orders")
    await look(home, watcher)
    assert await told(home, upgrade) == [STARTED]


async def test_a_death_between_two_upgrades_tells_nothing_twice(
    home: Home, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it lose anything."""
    orders, billing = await ordered(home), await ordered(home, "billing", "17.10")
    home.say(STARTED)
    said_by(home.aws, "billing", STARTED, US, home.clock.now())
    append = Store.append_once

    async def once(store: Store, id: UpgradeId, key: str, entry: Entry) -> bool:
        added = await append(store, id, key, entry)
        assert added
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(Store, "append_once", once)
        with pytest.raises(Death):
            await watcher.turn(ACCOUNT, US)
    home.clock.move(10 * MINUTE)
    await look(home, watcher)
    assert await told(home, orders) == await told(home, billing) == [STARTED]
