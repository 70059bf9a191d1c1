"""Moods that strike at the worst instant: the order is accepted, and its answer has not left yet."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sandbox.aurora.asking import Answer, Call, CutOff
from sandbox.aurora.weather import Answerer
from sandbox.moods.mood import Asked, mood
from sandbox.scenarios import Scenario
from sandbox.world import World

ORDER: Final = "ModifyGlobalCluster"
SUSPENDED: Final = 12.0  # seconds: a second worker starts, waits for the lease of the first, and takes over


async def at_the_order(here: World, strike: Callable[[], None]) -> None:
    """Returns when the order has been accepted; `strike` is called before its answer leaves."""
    loop, struck = asyncio.get_running_loop(), asyncio.Event()

    def striking(call: Call, below: Answerer) -> Answer:
        answer = below(call)
        if call.operation == ORDER and not struck.is_set():
            strike()
            loop.call_soon_threadsafe(struck.set)
        return answer

    with here.aurora.weather.under(striking):
        await struck.wait()


def observed(scenario: Scenario) -> Scenario:
    """Nobody heard the answer."""
    head = "approved. 1 of 1.", "The answer to the call was lost, but AWS is at work on it."
    return replace(scenario, words=(*head, scenario.words[-1]))


def ordered(scenario: Scenario) -> Scenario:
    """When that is told beside RDS's own words, depends on who is first."""
    return replace(scenario, words=("approved. 1 of 1.", "Ordered: ", scenario.words[-1]))


@mood("the order is accepted, and its answer is lost", changes=observed)
async def order_accepted_unheard(here: World, _: Asked) -> None:
    def unheard(call: Call, below: Answerer) -> Answer:
        answer = below(call)
        if call.operation == ORDER:
            raise CutOff
        return answer

    here.aurora.weather.add(unheard)


def not_ordered(scenario: Scenario) -> Scenario:
    words = "approved. 1 of 1.", "Not ordered, as far as AWS shows"
    return replace(scenario, ending="not ordered", orders=0, changes_version=False, has_report=False, words=words)


@mood("the order does not arrive, and no answer comes", changes=not_ordered, settings={"QUIET_SECONDS": "60"})
async def order_not_arrived(here: World, _: Asked) -> None:
    def lost(call: Call, below: Answerer) -> Answer:
        if call.operation == ORDER:
            raise CutOff
        return below(call)

    here.aurora.weather.add(lost)


@mood(
    "Redis freezes for SECONDS when the order is accepted, before anybody wrote that down",
    argument="SECONDS", usual="6", changes=ordered,
)  # fmt: skip
async def redis_frozen_at_order(here: World, asked: Asked) -> None:
    await at_the_order(here, here.valkey.freeze)
    await asyncio.sleep(asked.seconds)
    here.valkey.thaw()


@mood("the worker is killed when the order is accepted, before it heard so", changes=observed)
async def killed_at_order(here: World, _: Asked) -> None:
    await at_the_order(here, lambda: here.bot.kill("worker"))
    await here.bot.restart("worker")


@mood(
    f"the worker stands still for {SUSPENDED:g} s when the order is accepted; another takes over, and it wakes up",
    changes=ordered,
)
async def suspended_at_order(here: World, _: Asked) -> None:
    await at_the_order(here, lambda: here.bot.freeze("worker"))
    here.bot.begin("worker.2")
    await asyncio.sleep(SUSPENDED)
    here.bot.thaw("worker")
