"""Bad days: one of each family here, all of them with `python -m tests.chaos moods`."""

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.moods import parse
from sandbox.rehearse import rehearse
from sandbox.world import Wish

PACE = 3.0
pytestmark = pytest.mark.timeout(180)


async def rehearsed(directory: Path, *moods: str, **wishes: Any) -> dict[str, Any]:
    record = await rehearse(Wish(pace=PACE, **wishes), directory=directory, moods=[parse(each) for each in moods])
    assert record["broken_expectations"] == ()
    return record


async def test_what_slack_could_not_hear_is_told_afterwards_in_order_and_marked(tmp_path: Path) -> None:
    """And the reply that was lost just before is not told twice."""
    record = await rehearsed(tmp_path, "reply-lost:2", "slack-gone")

    assert record["told_late"] > 3
    late = [line for line in lines(record) if line.endswith("(told late)_")]
    for region in ("us-east-1", "ap-northeast-1"):
        stamps = [line[:8] for line in late if re.match(rf"[\d:]{{8}}  {region}  (cluster|orders-)", line)]
        assert stamps == sorted(stamps)
    assert record["unwatched_s"] == 0


async def test_an_order_whose_answer_was_lost_is_given_once_though_aws_shows_old_news(tmp_path: Path) -> None:
    record = await rehearsed(tmp_path, "order-accepted-unheard", "stale:3", "events-twice")

    assert record["orders_accepted"] == 1


async def test_what_was_seen_while_redis_was_away_is_measured_all_the_same(tmp_path: Path) -> None:
    """It froze before the reader went down and came back after: the attempts waited in the prober."""
    record = await rehearsed(tmp_path, "redis-frozen:4")

    assert record["unwatched_s"] == 0
    assert all(each["at_least"] > 0 for each in record["measured"])


async def test_what_a_prober_saw_that_died_before_redis_was_back_is_measured_all_the_same(tmp_path: Path) -> None:
    record = await rehearsed(tmp_path, "redis-frozen-prober-killed")

    [reader] = [each for each in record["measured"] if each["endpoint"] == "reader"]
    [down] = [each["seconds"] for each in record["truth"] if each["endpoint"] == "reader"]
    [outage] = reader["outages"]
    assert 0 < outage["at_least"] <= down <= outage["at_most"] < down + 2
    assert record["unwatched_s"] > 0


async def test_what_nobody_could_see_is_neither_up_nor_down(tmp_path: Path) -> None:
    record = await rehearsed(tmp_path, "tls-changed")

    assert record["unwatched_s"] > 2
    assert any("cannot be measured: " in line for line in lines(record))


async def test_each_of_several_outages_of_an_endpoint_lies_inside_what_was_measured_in_every_way(
    tmp_path: Path,
) -> None:
    everything = {"applications": True, "writes": True, "instances": True}
    record = await rehearsed(tmp_path, "flapping", "secondary-again", **everything)

    measured = {each["endpoint"]: each for each in record["measured"]}
    assert set(measured) == {"writer", "reader", "orders-us-1", "orders-ap-1"}
    assert all(each["held"] for each in measured.values())
    assert measured["writer"]["writes"]["outages"]
    assert len(record["unwritable"]) == 3
    kinds = [(each["endpoint"], each["kind"]) for each in record["truth"]]
    assert kinds.count(("writer", "flap")) == 2
    assert kinds.count(("reader", "restart")) == 2


async def test_a_worker_that_wakes_up_after_its_lease_doubles_nothing(tmp_path: Path) -> None:
    await rehearsed(tmp_path, "suspended:worker", "envelope-twice")


def lines(record: dict[str, Any]) -> list[str]:
    return [line for message in record["thread"] for line in message["text"].splitlines()]
