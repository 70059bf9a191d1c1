"""AWS's moods: what the RDS API answers, and what an upgrade comes to."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic
from typing import Any, Final

from sandbox.aurora.asking import Answer, AwsError, Call, CutOff, offset
from sandbox.aurora.weather import Answerer, Layer
from sandbox.moods.mood import Asked, mood
from sandbox.moods.order import ORDER
from sandbox.scenarios import SCENARIOS, Scenario
from sandbox.world import World

OFTEN: Final = 0.7  # of the calls
EVENTS: Final = "DescribeEvents"
STATE: Final = ("DescribeGlobalClusters", "DescribeDBClusters", "DescribeDBInstances")
SMALL_PAGE: Final = 3


async def _for_a_while(here: World, layer: Layer, seconds: float) -> None:
    with here.aurora.weather.under(layer):
        await asyncio.sleep(seconds)


def _failing(error: Callable[[], Exception], often: float, random: Random) -> Layer:
    def failing(call: Call, below: Answerer) -> Answer:
        if random.random() < often:
            raise error()
        return below(call)

    return failing


@mood("most calls get Throttling for SECONDS", argument="SECONDS", usual="5", at="Ordered: ")
async def throttling(here: World, asked: Asked) -> None:
    layer = _failing(lambda: AwsError("Throttling", "Rate exceeded"), OFTEN, asked.random())
    await _for_a_while(here, layer, asked.seconds)


@mood("most calls get a 500 for SECONDS", argument="SECONDS", usual="5", at="Ordered: ")
async def aws_5xx(here: World, asked: Asked) -> None:
    layer = _failing(lambda: AwsError("InternalFailure", "Try again later.", status=500), OFTEN, asked.random())
    await _for_a_while(here, layer, asked.seconds)


@mood("most connections are cut for SECONDS", argument="SECONDS", usual="5", at="Ordered: ")
async def aws_reset(here: World, asked: Asked) -> None:
    await _for_a_while(here, _failing(CutOff, OFTEN, asked.random()), asked.seconds)


@mood("every call is denied for SECONDS", argument="SECONDS", usual="6", at="Ordered: ")
async def access_denied(here: World, asked: Asked) -> None:
    denied = AwsError("AccessDenied", "User is not authorized to perform this action.", status=403)
    await _for_a_while(here, _failing(lambda: denied, 1, asked.random()), asked.seconds)


@mood("the credentials are expired for SECONDS", argument="SECONDS", usual="6", at="Ordered: ")
async def credentials_expired(here: World, asked: Asked) -> None:
    expired = AwsError("ExpiredToken", "The security token included in the request is expired", status=403)
    await _for_a_while(here, _failing(lambda: expired, 1, asked.random()), asked.seconds)


@mood("after the order RDS shows for SECONDS what was before it", argument="SECONDS", usual="4")
async def stale(here: World, asked: Asked) -> None:
    before: dict[tuple[str, str, str], Answer] = {}
    until: list[float] = []

    def staling(call: Call, below: Answerer) -> Answer:
        key = (call.operation, call.region, repr(sorted(call.params.items())))
        if until and monotonic() < until[0] and key in before:
            return before[key]
        answer = below(call)
        if call.operation == ORDER:
            until.append(monotonic() + asked.seconds)
        elif call.operation in STATE and not until:
            before[key] = answer
        return answer

    here.aurora.weather.add(staling)


Events = list[dict[str, Any]]


def _all_events(call: Call, below: Answerer) -> Events:
    found: Events = []
    marker: str | None = None
    while True:
        answer = below(replace(call, params={**call.params, "MaxRecords": 100, "Marker": marker}))
        found += answer["Events"]
        marker = answer.get("Marker")
        if marker is None:
            return found


def _other_events(change: Callable[[Events], Events]) -> Layer:
    def other(call: Call, below: Answerer) -> Answer:
        return {"Events": change(_all_events(call, below))} if call.operation == EVENTS else below(call)

    return other


@mood("events are listed SECONDS after they happened", argument="SECONDS", usual="1")
async def events_late(here: World, asked: Asked) -> None:
    def listed(events: Events) -> Events:
        return [each for each in events if each["Date"] <= datetime.now(UTC) - timedelta(seconds=asked.seconds)]

    here.aurora.weather.add(_other_events(listed))


@mood("events are listed in any order")
async def events_shuffled(here: World, asked: Asked) -> None:
    random = asked.random()
    here.aurora.weather.add(_other_events(lambda events: random.sample(events, len(events))))


@mood("events bear the second in which they happened, no more")
async def events_of_one_second(here: World, _: Asked) -> None:
    def cut(events: Events) -> Events:
        return [{**each, "Date": each["Date"].replace(microsecond=0)} for each in events]

    here.aurora.weather.add(_other_events(cut))


@mood(f"events come on pages of {SMALL_PAGE}, and each page begins with the last event of the page before")
async def events_twice(here: World, _: Asked) -> None:
    def paged(call: Call, below: Answerer) -> Answer:
        if call.operation != EVENTS:
            return below(call)
        events, start = _all_events(call, below), offset(call.params.get("Marker"))
        answer: Answer = {"Events": events[max(0, start - 1) : start + SMALL_PAGE]}
        if start + SMALL_PAGE < len(events):
            answer["Marker"] = base64.b64encode(str(start + SMALL_PAGE).encode()).decode()
        return answer

    here.aurora.weather.add(paged)


def _failed(scenario: Scenario) -> Scenario:
    words = ("approved. 1 of 1.", "Ordered: ", "unreachable", "Failed in ")
    return replace(scenario, ending="failed", words=words)


@mood("the writer ends in `upgrade-failed`", changes=_failed)
async def upgrade_failed(here: World, _: Asked) -> None:
    here.aurora.scenario = "failed"


def _rolled_back(scenario: Scenario) -> Scenario:
    return replace(SCENARIOS["rollback"], otherwise=scenario.otherwise)


@mood("the writer cannot follow, and all members go back", changes=_rolled_back)
async def rollback(here: World, _: Asked) -> None:
    here.aurora.scenario = "rollback"


def _cancelled(scenario: Scenario) -> Scenario:
    words = ("approved. 1 of 1.", "Ordered: ", "was canceled because a failover occurred", "Failed in ")
    return replace(scenario, ending="failed", changes_version=False, words=words)


@mood("a failover of the global database cancels the upgrade (RDS-EVENT-0517)", changes=_cancelled)
async def failover(here: World, _: Asked) -> None:
    here.aurora.scenario = "cancelled"


def _overdue(scenario: Scenario) -> Scenario:
    return replace(scenario, words=(*scenario.words[:-1], "this takes longer than", scenario.words[-1]))


@mood(
    "the writer's instance shows `upgrading` long after all is done",
    changes=_overdue, settings={"DEADLINE_MINUTES": "0.25"},
)  # fmt: skip
async def member_stuck(here: World, _: Asked) -> None:
    here.aurora.scenario = "stuck"
