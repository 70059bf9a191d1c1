"""What the store promises, against a real Valkey: all or nothing, one of many, and never silent."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from bot.adapters.redis import RedisCache, RedisLanes, RedisServer, claimed
from bot.adapters.redis_upgrades import PAGE, RedisUpgrades
from bot.domain.attempts import Attempt, Outcome
from bot.domain.buttons import Button
from bot.domain.errors import Conflict, Unavailable
from bot.domain.ids import Position, UpgradeId, UserId
from bot.domain.moves import accepted, cancel, finish, intend
from bot.domain.status import Status
from bot.domain.timeline import ENTRY, Cancelled, Expired, Overdue, Reached
from bot.domain.upgrade import Upgrade
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.ports.sharing import Cache, Lanes
from bot.ports.upgrades import Claim, Told, Upgrades
from sandbox.valkey import Valkey
from tests.adapters.store import ACCOUNT, NOW, proposed

pytest_plugins = ["tests.adapters.store_fixtures"]

KEEP = timedelta(days=180)
GONE = 5.0


def plays_the_roles(upgrades: RedisUpgrades, cache: RedisCache, lanes: RedisLanes) -> tuple[Upgrades, Cache, Lanes]:
    return upgrades, cache, lanes


@pytest.fixture
async def created(upgrades: RedisUpgrades) -> Upgrade:
    return await upgrades.create(*proposed())


async def over(upgrades: RedisUpgrades, upgrade: Upgrade) -> Upgrade:
    return await upgrades.save(*cancel(upgrade, UserId("UAKI"), NOW))


async def test_what_is_saved_is_what_is_read(upgrades: RedisUpgrades) -> None:
    first, entries = proposed()
    saved = await upgrades.create(first, entries)
    assert saved == first.model_copy(update={"revision": 1, "version": 1})
    assert await upgrades.get(saved.id) == saved
    assert await upgrades.open_for(ACCOUNT, "ORDERS") == saved
    assert await upgrades.latest() == await upgrades.unfinished() == (saved,)
    assert [each.entry for each in await upgrades.timeline(saved.id)] == list(entries)
    assert await upgrades.get(UpgradeId("nobody")) is None
    assert await upgrades.open_for(ACCOUNT, "nothing") is None


async def test_of_many_saves_of_one_revision_exactly_one_wins(
    upgrades: RedisUpgrades, created: Upgrade, redis_url: str
) -> None:
    async def save(number: int) -> Upgrade | Conflict:
        async with RedisServer(redis_url) as own:
            changed = created.model_copy(update={"held_for": (str(number),)})
            try:
                return await RedisUpgrades(own).save(changed, [Overdue(at=NOW, after=timedelta(number))])
            except Conflict as conflict:
                return conflict

    answers = await asyncio.gather(*(save(number) for number in range(20)))
    (winner,) = [each for each in answers if isinstance(each, Upgrade)]
    assert await upgrades.get(created.id) == winner
    _, entry = [each.entry for each in await upgrades.timeline(created.id)]
    assert isinstance(entry, Overdue)
    assert (str(entry.after.days),) == winner.held_for


async def test_of_many_proposals_for_one_cluster_exactly_one_is_open(upgrades: RedisUpgrades) -> None:
    async def create(cluster: str) -> Upgrade | None:
        try:
            return await upgrades.create(*proposed(cluster))
        except Conflict:
            return None

    answers = await asyncio.gather(*(create(name) for name in ["orders", "Orders", "ORDERS", "orders"] * 5))
    (winner,) = filter(None, answers)
    assert await upgrades.open_for(ACCOUNT, "orders") == winner
    assert await upgrades.latest() == (winner,)


async def test_another_cluster_may_be_open_too(upgrades: RedisUpgrades, created: Upgrade) -> None:
    other = await upgrades.create(*proposed("billing"))
    assert set(await upgrades.unfinished()) == {created, other}


async def test_a_refused_save_leaves_no_trace(upgrades: RedisUpgrades, created: Upgrade, raw: Redis) -> None:
    await over(upgrades, created)
    before = {key: await raw.dump(key) for key in await raw.keys()}
    with pytest.raises(Conflict, match="revision"):
        await upgrades.save(*cancel(created, None, NOW, "too late"))
    assert {key: await raw.dump(key) for key in await raw.keys()} == before


async def test_an_upgrade_that_is_over_makes_room_and_is_kept_as_long_as_it_should(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    attempt = Attempt(start=NOW, end=NOW, outcome=Outcome.OK)
    await upgrades.set_told(created.id, Told(card_ts="1.1"))
    await upgrades.append_once(created.id, "k", Overdue(at=NOW, after=timedelta(1)))
    await upgrades.add_attempts(created.id, "us-east-1/writer", "us-east-1", [attempt])
    assert await raw.ttl(f"{{aurora}}:upgrade:{created.id}") == -1
    done = await over(upgrades, created)

    assert await upgrades.open_for(ACCOUNT, "orders") is None
    assert await upgrades.unfinished() == (done,), "its narrator has more to tell"
    again = await upgrades.create(*proposed())
    assert await upgrades.open_for(ACCOUNT, "orders") == again
    await upgrades.close(done.id)
    assert await upgrades.unfinished() == (again,)

    await upgrades.set_told(done.id, replace(await upgrades.told(done.id), reported=True))
    for kind in ("upgrade", "timeline", "once", "told", "attempts"):
        (key,) = await raw.keys(f"*:{kind}:{done.id}*")
        assert KEEP.total_seconds() - 60 < await raw.ttl(key) <= KEEP.total_seconds(), kind


async def test_nothing_but_the_indices_outlives_the_retention(redis_url: str, raw: Redis) -> None:
    async with RedisServer(redis_url) as server:
        upgrades = RedisUpgrades(server, retention=timedelta(seconds=1))
        created = await upgrades.create(*proposed())
        await upgrades.add_attempts(created.id, "e", "v", [Attempt(start=NOW, end=NOW, outcome=Outcome.OK)])
        await over(upgrades, created)
        async with asyncio.timeout(GONE):
            while any(created.id in str(key) for key in await raw.keys()):  # noqa: ASYNC110 - Redis does not call us
                await asyncio.sleep(0.05)
        assert await upgrades.latest() == await upgrades.unfinished() == ()


async def test_the_timeline_grows_in_order_and_is_read_from_any_position(
    upgrades: RedisUpgrades, created: Upgrade
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    many = [Overdue(at=NOW, after=timedelta(seconds=number)) for number in range(2500)]
    saved = await upgrades.save(created, many)
    _, *recorded = await upgrades.timeline(saved.id)
    assert [each.entry for each in recorded] == many
    assert before <= recorded[0].written_at <= datetime.now(UTC) + timedelta(seconds=1)
    assert await upgrades.timeline(saved.id, after=recorded[2000].position) == tuple(recorded[2001:])
    assert await upgrades.timeline(saved.id, after=recorded[-1].position) == ()


async def test_an_entry_with_a_key_is_appended_once(upgrades: RedisUpgrades, created: Upgrade) -> None:
    entry = Reached(at=NOW, region=created.plan.regions[0], use="writer", vantage="us-east-1", version="18.4.1")
    answers = await asyncio.gather(*(upgrades.append_once(created.id, "reached", entry) for _ in range(20)))
    assert sorted(answers) == [False] * 19 + [True]
    assert await upgrades.append_once(created.id, "another", entry)
    assert [each.entry for each in await upgrades.timeline(created.id)][1:] == [entry, entry]


async def test_what_is_there_already_is_only_looked_for(upgrades: RedisUpgrades, created: Upgrade, raw: Redis) -> None:
    entry = Overdue(at=NOW, after=timedelta(1))
    assert await upgrades.append_once(created.id, "k", entry)
    await raw.config_resetstat()
    assert not await upgrades.append_once(created.id, "k", entry)
    assert {name for name in await raw.info("commandstats") if "hget" in name or "eval" in name} == {"cmdstat_hget"}


async def test_whoever_measured_before_appends_nothing(
    upgrades: RedisUpgrades, server: RedisServer, created: Upgrade, raw: Redis
) -> None:
    entry, place = Overdue(at=NOW, after=timedelta(1)), "us-east-1/writer"
    assert await upgrades.append_once(created.id, "a", entry, Claim(place, "old")), "nobody has claimed it yet"
    await server.do("SET", claimed(created.id, place), "old")
    assert await upgrades.append_once(created.id, "b", entry, Claim(place, "old"))
    await server.do("SET", claimed(created.id, place), "new")
    before = {key: await raw.dump(key) for key in await raw.keys()}
    with pytest.raises(Conflict, match="measured by new now"):
        await upgrades.append_once(created.id, "c", entry, Claim(place, "old"))
    assert {key: await raw.dump(key) for key in await raw.keys()} == before
    assert await upgrades.append_once(created.id, "c", entry, Claim(place, "new"))
    assert await upgrades.append_once(created.id, "d", entry), "what nobody can claim is not asked for"


async def test_nothing_is_appended_after_the_end(upgrades: RedisUpgrades, created: Upgrade) -> None:
    ordered = await upgrades.save(*intend(created.model_copy(update={"status": Status.APPROVED}), (), NOW))
    running = await upgrades.save(*accepted(ordered, NOW))
    await upgrades.save(*finish(running, Status.SUCCEEDED, "", {}, (), NOW))
    assert not await upgrades.append_once(created.id, "late", Overdue(at=NOW, after=timedelta(1)))
    assert not await upgrades.append_once(UpgradeId("nobody"), "k", Overdue(at=NOW, after=timedelta(1)))
    assert (await upgrades.timeline(created.id))[-1].entry.kind == "finished"


async def test_what_was_told_is_remembered_and_new_fields_are_no_obstacle(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    assert await upgrades.told(created.id) == Told()
    told = Told(card_ts="1.1", position=Position("5-0"), telling="k", card_edited_at=1.5)
    assert (await upgrades.set_told(created.id, told)).revision == 1
    with pytest.raises(Conflict):
        await upgrades.set_told(created.id, Told(card_ts="2.2"))
    assert await upgrades.told(created.id) == told
    key = f"{{aurora}}:told:{created.id}"
    await raw.set(key, json.dumps(json.loads(str(await raw.get(key))) | {"mood": "good"}))
    assert await upgrades.told(created.id) == told


async def test_attempts_come_back_once_each_in_order_with_their_vantages(
    upgrades: RedisUpgrades, created: Upgrade
) -> None:
    def attempt(second: int, outcome: Outcome = Outcome.OK) -> Attempt:
        at = NOW + timedelta(seconds=second)
        return Attempt(start=at, end=at + timedelta(seconds=0.1), outcome=outcome)

    first, second = [attempt(3), attempt(1)], [attempt(2, Outcome.REFUSED)]
    await upgrades.add_attempts(created.id, "e", "us-west-2", first)
    await upgrades.add_attempts(created.id, "e", "us-east-1", second)
    await upgrades.add_attempts(created.id, "e", "us-west-2", first)
    await upgrades.add_attempts(created.id, "e", "nowhere", [])
    vantages, attempts = await upgrades.attempts(created.id, "e")
    assert vantages == ("us-west-2", "us-east-1")
    assert attempts == (first[1], second[0], first[0])
    assert await upgrades.attempts(created.id, "other") == ((), ())


async def test_all_ways_come_back_from_where_only_new_connections_were_written_down(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    def attempt(second: int) -> Attempt:
        at = NOW + timedelta(seconds=second)
        return Attempt(start=at, end=at, outcome=Outcome.OK, version="4711")

    lanes = [Lane(endpoint="e", way=Way.HELD, number=2), Lane(endpoint="e", way=Way.WRITE), CONTROL]
    others = [Use(lane=lane, attempt=attempt(number), session=number) for number, lane in enumerate(lanes, 2)]
    old = json.dumps([attempt(0).to_row()])
    await raw.xadd(f"{{aurora}}:attempts:{created.id}:e", {"vantage": "v", "rows": old})
    await upgrades.add_attempts(created.id, "e", "v", [attempt(1)], others)
    await upgrades.add_attempts(created.id, "e", "w", [], others[:1])
    vantages, uses = await upgrades.uses(created.id, "e")
    connect = Lane(endpoint="e", way=Way.CONNECT)
    made = [Use(lane=connect, attempt=attempt(number)) for number in (0, 1)]
    assert (vantages, uses[:2], uses[4:]) == (("v", "w"), tuple(made), tuple(others[1:]))
    assert await upgrades.attempts(created.id, "e") == (("v", "w"), (attempt(0), attempt(1)))


async def test_a_standstill_of_who_was_taken_over_says_nothing_of_who_looked_meanwhile(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    tried = Attempt(start=NOW, end=NOW + timedelta(seconds=60), outcome=Outcome.OURS)
    held = Use(lane=Lane(endpoint="e", way=Way.HELD, number=1), attempt=tried, session=1)
    still, claim = Use(lane=CONTROL, attempt=tried), Claim("e", "stalled")
    await raw.set(claimed(created.id, "e"), "another")
    await upgrades.add_attempts(created.id, "e", "v", [tried], [still, held], claim)
    await upgrades.add_attempts(created.id, "e", "v", [], [still], claim)
    assert CONTROL not in {each.lane for each in (await upgrades.uses(created.id, "e"))[1]}
    assert len((await upgrades.uses(created.id, "e"))[1]) == 2
    await raw.set(claimed(created.id, "e"), "stalled")
    await upgrades.add_attempts(created.id, "e", "v", [], [still], claim)
    assert still in (await upgrades.uses(created.id, "e"))[1]


async def test_a_way_that_only_another_version_knows_is_left_alone(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    tried = Attempt(start=NOW, end=NOW, outcome=Outcome.OK)
    held = Use(lane=Lane(endpoint="e", way=Way.HELD, number=1), attempt=tried, session=1)
    others = json.dumps([["proxy-1", *held.to_row()[1:]], held.to_row()])
    rows: Any = {"vantage": "v", "rows": json.dumps([tried.to_row()]), "others": others}
    await raw.xadd(f"{{aurora}}:attempts:{created.id}:e", rows)
    _, uses = await upgrades.uses(created.id, "e")
    assert {each.lane.name for each in uses} == {"connect", "held-1"}
    damaged: Any = {"vantage": "v", "rows": "[]", "others": json.dumps([["held-1"]])}
    await raw.xadd(f"{{aurora}}:attempts:{created.id}:e", damaged)
    with pytest.raises(Unavailable, match="unreadable"):
        await upgrades.uses(created.id, "e")


async def test_where_only_new_connections_are_tried_nothing_else_is_written_down(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    await upgrades.add_attempts(created.id, "e", "v", [Attempt(start=NOW, end=NOW, outcome=Outcome.OK)])
    written: Any = await raw.xrange(f"{{aurora}}:attempts:{created.id}:e")
    assert [set(fields) for _, fields in written] == [{"vantage", "rows"}]


async def test_what_was_written_down_long_ago_is_forgotten_while_the_record_is_the_one_that_was_read(
    upgrades: RedisUpgrades, created: Upgrade
) -> None:
    def attempt(second: int) -> Attempt:
        return Attempt(start=NOW + timedelta(seconds=second), end=NOW + timedelta(seconds=second), outcome=Outcome.OK)

    old, new = attempt(1), attempt(2)
    await upgrades.add_attempts(created.id, "e", "v", [old])
    between = time.monotonic() + 0.1
    await asyncio.sleep(0.6)
    await upgrades.add_attempts(created.id, "e", "w", [new])
    await upgrades.forget_attempts(created.model_copy(update={"revision": 7}), "e", timedelta(0))
    assert await upgrades.attempts(created.id, "e") == (("v", "w"), (old, new))
    await upgrades.forget_attempts(created, "e", timedelta(minutes=1))
    assert await upgrades.attempts(created.id, "e") == (("v", "w"), (old, new))
    await upgrades.forget_attempts(created, "e", timedelta(seconds=time.monotonic() - between))
    assert await upgrades.attempts(created.id, "e") == (("w",), (new,))


async def test_reading_many_attempts_keeps_nobody_waiting(
    upgrades: RedisUpgrades, created: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in range(4 * PAGE):
        at = NOW + timedelta(seconds=second)
        await upgrades.add_attempts(created.id, "e", "v", [Attempt(start=at, end=at, outcome=Outcome.OK)])
    parsed, read = [0], Attempt.from_row

    def count(row: Sequence[Any]) -> Attempt:
        parsed.append(parsed[-1] + 1)
        return read(row)

    monkeypatch.setattr(Attempt, "from_row", count)
    reading, seen = asyncio.create_task(upgrades.attempts(created.id, "e")), [0]
    while not reading.done():
        await asyncio.sleep(0)
        seen.append(parsed[-1])
    assert seen[-1] == 4 * PAGE
    assert max(later - earlier for earlier, later in pairwise(seen)) <= PAGE


async def test_what_cannot_be_read_is_said_with_its_key(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    other = await upgrades.create(*proposed("billing"))
    await raw.xadd(f"{{aurora}}:timeline:{created.id}", {"entry": '{"kind": "teleported"}'})
    with pytest.raises(Unavailable, match=rf"unreadable: {{aurora}}:timeline:{created.id} at \d+-\d+ .*teleported"):
        await upgrades.timeline(created.id)
    assert [each.entry.kind for each in await upgrades.timeline(created.id, readable_only=True)] == ["proposed"]

    await raw.hset(f"{{aurora}}:upgrade:{created.id}", "saved", '{"id": "x"}')
    for asking in (upgrades.get(created.id), upgrades.open_for(ACCOUNT, "orders")):
        with pytest.raises(Unavailable, match=f"unreadable: {{aurora}}:upgrade:{created.id}"):
            await asking
    assert await upgrades.unfinished() == await upgrades.latest() == (other,), "the others still get their turns"
    assert await upgrades.damaged() == (created.id,)
    assert f"{{aurora}}:upgrade:{created.id}" in caplog.text

    await raw.xadd(f"{{aurora}}:attempts:{created.id}:e", {"vantage": "v", "rows": "[[1]]"})
    with pytest.raises(Unavailable, match="unreadable"):
        await upgrades.attempts(created.id, "e")


async def test_what_a_newer_version_wrote_beside_is_left_alone(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    saved = json.loads(created.model_dump_json())
    newer = saved | {"mood": "calm", "plan": saved["plan"] | {"weather": "fine"}}
    await raw.hset(f"{{aurora}}:upgrade:{created.id}", "saved", json.dumps(newer))
    assert await upgrades.get(created.id) == created


async def test_the_latest_of_one_cluster_are_found_among_any_number(upgrades: RedisUpgrades, created: Upgrade) -> None:
    for n in range(30):
        await upgrades.create(*proposed(f"billing-{n}"))
    assert await upgrades.latest(1, "ORDERS") == (created,)
    assert await upgrades.latest(1, "nobody") == ()


async def test_whoever_waits_for_news_has_them_at_once(upgrades: RedisUpgrades, created: Upgrade) -> None:
    last = (await upgrades.timeline(created.id))[-1].position
    waiting = asyncio.create_task(upgrades.news(created.id, last, timedelta(seconds=1.5)))
    begun = asyncio.get_running_loop().time()
    await upgrades.append_once(created.id, "k", Overdue(at=NOW, after=timedelta(1)))
    await waiting
    assert asyncio.get_running_loop().time() - begun < 1


async def test_whoever_waits_for_no_news_is_not_kept(upgrades: RedisUpgrades, created: Upgrade) -> None:
    last = (await upgrades.timeline(created.id))[-1].position
    for within in (timedelta(), timedelta(milliseconds=20)):
        await upgrades.news(created.id, last, within)
    assert (await upgrades.timeline(created.id))[-1].position == last


async def test_what_must_outlive_a_power_cut_is_on_disk(upgrades: RedisUpgrades, created: Upgrade) -> None:
    await upgrades.save(*cancel(created, UserId("UAKI"), NOW))
    assert await upgrades.make_durable()


async def test_a_server_that_does_not_persist_promises_nothing(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as client, RedisServer(valkey.url) as server:
        await client.config_set("appendonly", "no")
        assert not await RedisUpgrades(server).make_durable()


async def test_lanes_keep_their_distance_under_a_crowd(server: RedisServer) -> None:
    lanes = RedisLanes(server)
    second = timedelta(seconds=1)
    begun = asyncio.get_running_loop().time()
    waits = sorted(await asyncio.gather(*(lanes.reserve("C1", second) for _ in range(10))))
    took = timedelta(seconds=asyncio.get_running_loop().time() - begun)
    assert waits[0] == timedelta(0)
    for number, wait in enumerate(waits):
        assert number * second - took <= wait <= number * second
    assert await lanes.reserve("C2", second) == timedelta(0), "another lane is free"


async def test_a_slot_too_far_away_is_not_taken(server: RedisServer) -> None:
    lanes = RedisLanes(server)
    minute = timedelta(minutes=1)
    await lanes.reserve("C1", minute)
    for _ in range(3):
        assert minute / 2 < await lanes.reserve("C1", minute, at_most=minute / 2) <= minute


async def test_whoever_asks_how_long_it_is_takes_no_slot(server: RedisServer) -> None:
    lanes = RedisLanes(server)
    minute = timedelta(minutes=1)
    assert [await lanes.reserve("C1", minute, at_most=-timedelta.resolution) for _ in range(2)] == [timedelta()] * 2
    assert await lanes.reserve("C1", minute) == timedelta()
    assert minute / 2 < await lanes.reserve("C1", minute, at_most=-timedelta.resolution) <= minute


async def test_a_suspended_lane_waits(server: RedisServer) -> None:
    lanes = RedisLanes(server)
    await lanes.suspend("C1", timedelta(seconds=30))
    await lanes.suspend("C1", timedelta(seconds=10))
    assert timedelta(seconds=25) < await lanes.reserve("C1", timedelta(seconds=1)) <= timedelta(seconds=30)


async def test_the_cache_forgets(server: RedisServer, raw: Redis) -> None:
    cache = RedisCache(server)
    assert await cache.get("k") is None
    await cache.put("k", "é", timedelta(minutes=1))
    assert await cache.get("k") == "é"
    assert 0 < await raw.pttl("{aurora}:cache:k") <= 60_000


async def test_an_envelope_is_new_once(server: RedisServer, raw: Redis) -> None:
    cache = RedisCache(server)
    answers = await asyncio.gather(*(cache.seen_before("Ev1", timedelta(minutes=1)) for _ in range(10)))
    assert sorted(answers) == [False] + [True] * 9
    assert 0 < await raw.pttl("{aurora}:seen:Ev1") <= 60_000


async def test_every_key_is_in_one_slot(
    upgrades: RedisUpgrades, created: Upgrade, server: RedisServer, raw: Redis
) -> None:
    await over(upgrades, created)
    await RedisLanes(server).reserve("C1", timedelta(1))
    assert all(str(key).startswith("{aurora}:") for key in await raw.keys())


async def test_a_dead_redis_is_unavailable_and_comes_back(valkey: Valkey) -> None:
    async with RedisServer(valkey.url) as server:
        upgrades = RedisUpgrades(server)
        created = await upgrades.create(*proposed())
        await valkey.stop()
        asked: list[Callable[[], object]] = [
            lambda: upgrades.get(created.id),
            lambda: upgrades.save(created, ()),
            lambda: upgrades.append_once(created.id, "k", Expired(at=NOW)),
            lambda: RedisLanes(server).reserve("C1", timedelta(1)),
            lambda: RedisCache(server).seen_before("k", timedelta(1)),
            server.ping,
        ]
        for ask in asked:
            with pytest.raises(Unavailable, match="Redis: ConnectionError"):
                await ask()  # type: ignore[misc]
        await valkey.restart()
        await server.ping()
        assert await upgrades.get(created.id) == created
        assert (await upgrades.save(created, ())).revision == 2


async def test_a_redis_that_hangs_is_named_before_anybody_wonders(valkey: Valkey) -> None:
    async with RedisServer(valkey.url) as server:
        upgrades = RedisUpgrades(server)
        created = await upgrades.create(*proposed())
        valkey.freeze()
        began = asyncio.get_running_loop().time()
        try:
            for _ in range(2):  # over a connection that is open, and over a new one
                with pytest.raises(Unavailable, match=r"Redis: TimeoutError: no answer within 1.8 s"):
                    await upgrades.get(created.id)
            assert asyncio.get_running_loop().time() - began < 2 * 2.3
        finally:
            valkey.thaw()
        assert await upgrades.get(created.id) == created


@asynccontextmanager
async def swallowing_answers(url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A wire to Redis that passes everything on, and from the event on hangs up instead of answering."""
    hang_up = asyncio.Event()
    there = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(there.hostname, there.port)

        async def answer() -> None:
            while data := await answers.read(65536):
                if hang_up.is_set():
                    writer.close()
                    return
                writer.write(data)

        answering = asyncio.create_task(answer())
        while data := await reader.read(65536):
            questions.write(data)
        questions.close()
        await answering
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as wire:
        host, port = wire.sockets[0].getsockname()
        yield f"redis://{host}:{port}/0", hang_up


async def test_a_save_whose_answer_is_lost_is_sent_once(
    upgrades: RedisUpgrades, created: Upgrade, redis_url: str
) -> None:
    async with swallowing_answers(redis_url) as (url, hang_up), RedisServer(url) as server:
        cut = RedisUpgrades(server)
        await cut.save(created, ())
        hang_up.set()
        other, entries = proposed("billing")
        with pytest.raises(Unavailable):
            await cut.create(other, entries)
        with pytest.raises(Unavailable):
            await RedisLanes(server).reserve("C1", timedelta(seconds=10))
    read = await upgrades.get(other.id)
    assert read is not None, "it was done; only reading again tells"
    assert read.revision == len(await upgrades.timeline(other.id)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "redis://bot:s3cr%23t@127.0.0.1:{port}/0",
        "redis://bot:s3cr%23t@127.0.0.1:1/0",
        "redis://bot:s3cr#t@127.0.0.1:{port}/0",
        "redis://bot:s3cr#t@127.0.0.1:s3cr#t/0",
        "redis://127.0.0.1:{port}/0?username=bot&password=s3cr%23t",
        "http://bot:s3cr%23t@127.0.0.1/",
    ],
)
async def test_no_error_holds_the_password(url: str, redis_url: str) -> None:
    with pytest.raises(Unavailable) as trouble:
        async with RedisServer(url.format(port=urlsplit(redis_url).port)) as server:
            await server.ping()
    assert "s3cr" not in str(trouble.value)
    assert trouble.value.__cause__ is None
    assert trouble.value.__suppress_context__


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"appendonly": "yes"}, []),
        ({"appendonly": "no"}, ["does not persist every write (appendonly no)"]),
        (
            {"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"},
            ["may throw away what the bot knows (maxmemory-policy allkeys-lru, maxmemory 104857600 bytes)"],
        ),
        ({"maxmemory-policy": "volatile-ttl"}, ["as soon as maxmemory is set (now 0, maxmemory-policy volatile-ttl)"]),
        ({"maxmemory": "100mb", "maxmemory-policy": "noeviction"}, []),
    ],
)
async def test_hazards_are_named(valkey: Valkey, settings: dict[str, str], said: list[str]) -> None:
    async with Redis.from_url(valkey.url) as raw, RedisServer(valkey.url) as server:
        for name, value in settings.items():
            await raw.config_set(name, value)
        hazards = await server.hazards()
    assert len(hazards) == len(said)
    for sentence, part in zip(hazards, said, strict=True):
        assert part in sentence


async def test_what_a_managed_redis_hides_is_said(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as raw:
        await raw.acl_setuser("bot", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info", "-config"])
    async with RedisServer(valkey.url.replace("redis://", "redis://bot:x@")) as server:
        (sentence,) = await server.hazards()
    assert "could not be checked" in sentence


async def test_a_server_that_takes_no_writes_is_unavailable(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as raw, RedisServer(valkey.url) as server:
        await raw.replicaof("127.0.0.1", "1")
        with pytest.raises(Unavailable, match=r"Redis: (READONLY|ReadOnlyError)"):
            await RedisUpgrades(server).create(*proposed())
        await raw.replicaof("NO", "ONE")
        await raw.config_set("maxmemory", "1mb")
        with pytest.raises(Unavailable, match=r"Redis: (OOM|OutOfMemoryError)"):
            await RedisUpgrades(server).create(*proposed())


def overdue(number: int) -> Overdue:
    return Overdue(at=NOW, after=timedelta(seconds=number))


async def test_each_entry_says_who_wrote_it_and_names_the_one_before(
    server: RedisServer, upgrades: RedisUpgrades, raw: Redis
) -> None:
    web, worker = RedisUpgrades(server, role="web"), RedisUpgrades(server, role="worker")
    created = await web.create(*proposed())
    await worker.append_once(created.id, "k", overdue(1))
    held = await worker.save(created, [overdue(2), overdue(3)])
    await worker.save(held, ())
    await over(web, held.model_copy(update={"revision": held.revision + 1}))
    chain, positions = await upgrades.chain(created.id)
    assert [link.who for link in chain.links] == ["T1/UAKI", "worker", "worker", "worker", "T1/UAKI"]
    assert [link.prev for link in chain.links] == ["", *(link.hash for link in chain.links[:-1])]
    assert chain.head == chain.links[-1].hash == await raw.hget(f"{{aurora}}:upgrade:{created.id}", "head")
    assert positions == tuple(each.position for each in await upgrades.timeline(created.id))
    assert await upgrades.last(created.id) == Cancelled(at=NOW, by=UserId("UAKI"))


async def test_however_many_append_at_once_the_chain_is_whole_and_nothing_is_lost(
    upgrades: RedisUpgrades, created: Upgrade, redis_url: str
) -> None:
    async def process(number: int) -> None:
        async with RedisServer(redis_url) as own:
            mine = RedisUpgrades(own, role="prober")
            for turn in range(10):
                assert await mine.append_once(created.id, f"{number}-{turn}", overdue(number * 10 + turn))

    async def saving() -> None:
        upgrade = created
        for turn in range(20):
            upgrade = await upgrades.save(upgrade, [overdue(1000 + turn), overdue(2000 + turn)])

    await asyncio.gather(saving(), *map(process, range(20)))
    chain, _ = await upgrades.chain(created.id)
    assert [link.prev for link in chain.links] == ["", *(link.hash for link in chain.links[:-1])]
    assert chain.head == chain.links[-1].hash
    appended = [
        each.entry.after.seconds for each in await upgrades.timeline(created.id) if isinstance(each.entry, Overdue)
    ]
    assert sorted(appended) == [*range(200), *range(1000, 1020), *range(2000, 2020)]


async def test_what_is_read_while_others_append_is_whole(upgrades: RedisUpgrades, created: Upgrade) -> None:
    async def append() -> None:
        for turn in range(50):
            await upgrades.append_once(created.id, str(turn), overdue(turn))

    appending, seen = asyncio.create_task(append()), [0]
    while not appending.done():
        chain, _ = await upgrades.chain(created.id)
        assert chain.head == chain.links[-1].hash
        seen.append(len(chain.links))
        await asyncio.sleep(0)
    await appending
    assert seen == sorted(seen)


async def test_a_timeline_older_than_the_chain_goes_on_in_one(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    old = [each.entry for each in await upgrades.timeline(created.id)]
    key = f"{{aurora}}:timeline:{created.id}"
    await raw.delete(key)
    await raw.hdel(f"{{aurora}}:upgrade:{created.id}", "head")
    await raw.xadd(key, {"entry": ENTRY.dump_json(old[0]).decode()})
    await upgrades.append_once(created.id, "k", overdue(1))
    chain, _ = await upgrades.chain(created.id)
    assert [(link.who, link.prev) for link in chain.links] == [(None, None), ("bot", "")]
    assert [each.entry for each in await upgrades.timeline(created.id)] == [*old, overdue(1)]


async def test_every_upgrade_that_is_kept_is_named(upgrades: RedisUpgrades, created: Upgrade, raw: Redis) -> None:
    other, gone = await upgrades.create(*proposed("billing")), await upgrades.create(*proposed("gone"))
    await raw.delete(f"{{aurora}}:upgrade:{gone.id}", f"{{aurora}}:timeline:{gone.id}")
    await raw.hset(f"{{aurora}}:upgrade:{other.id}", "saved", "no JSON")
    assert sorted(await upgrades.ids()) == sorted((created.id, other.id))
    assert await upgrades.last(gone.id) is None


async def test_a_byte_that_is_no_text_makes_one_entry_unreadable(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    await raw.xadd(f"{{aurora}}:timeline:{created.id}", {"entry": b'{"kind":"held","at":"\xff"}'})
    with pytest.raises(Unavailable, match="unreadable"):
        await upgrades.timeline(created.id)
    assert len(await upgrades.timeline(created.id, readable_only=True)) == 1
    chain, _ = await upgrades.chain(created.id)
    assert chain.links[-1].entry == '{"kind":"held","at":"\udcff"}'


async def test_what_a_button_means_is_kept_under_its_token_as_long_as_the_retention(
    upgrades: RedisUpgrades, created: Upgrade, raw: Redis
) -> None:
    made = {
        f"token-{n}": Button(upgrade=created.id, version=n, action="approve", digest=created.plan.digest)
        for n in range(3)
    }
    await upgrades.keep_buttons(made)
    await upgrades.keep_buttons(made)
    assert {token: await upgrades.button(token) for token in made} == made
    assert await upgrades.button("token-9") is None
    await upgrades.keep_buttons({})
    keys = [each async for each in raw.scan_iter("{aurora}:button:*")]
    assert len(keys) == 3
    kept = [await raw.ttl(each) for each in keys]
    assert all(KEEP.total_seconds() - 5 <= each <= KEEP.total_seconds() for each in kept)
    await raw.set("{aurora}:button:token-0", "{}")
    with pytest.raises(Unavailable, match="button:token-0 is damaged"):
        await upgrades.button("token-0")


async def test_the_version_of_the_card_is_counted_with_what_is_saved(upgrades: RedisUpgrades, created: Upgrade) -> None:
    assert created.version == 1
    same = await upgrades.save(created, ())
    assert (same.revision, same.version) == (2, 1)
    assert (await over(upgrades, same)).version == 2
