"""Slack's moods."""

import asyncio
from typing import Final

from sandbox.moods.mood import Asked, mood
from sandbox.world import World

RECOVERY: Final = 30.0  # seconds a socket has to come back once it may
LIMITED: Final = 5.0


@mood(
    "the next TIMES messages are stored, and the bot does not hear of it",
    argument="TIMES", usual="2", at="approved. 1 of 1.",
)  # fmt: skip
async def reply_lost(here: World, asked: Asked) -> None:
    here.slack.faults.lose_answer("chat.postMessage", asked.times)


@mood("the report is shared, and the bot does not hear of it", at="upgrade started")
async def report_lost(here: World, _: Asked) -> None:
    here.slack.faults.lose_answer("files.completeUploadExternal")


@mood(
    f"429 for {LIMITED:g} s for a method, for a channel (C…), or for all",
    argument="METHOD|CHANNEL|all", usual="all", at="upgrade started",
)  # fmt: skip
async def slack_429(here: World, asked: Asked) -> None:
    if asked.argument.startswith("C0"):
        here.slack.faults.rate_limit("*", LIMITED, asked.argument)
    else:
        here.slack.faults.rate_limit("*" if asked.argument == "all" else asked.argument, LIMITED)


@mood("the next TIMES calls get a 503", argument="TIMES", usual="5", at="upgrade started")
async def slack_5xx(here: World, asked: Asked) -> None:
    here.slack.faults.overload("*", asked.times)


@mood("every call takes SECONDS longer, for the whole rehearsal", argument="SECONDS", usual="0.7")
async def slack_slow(here: World, asked: Asked) -> None:
    here.slack.faults.delay = asked.seconds


@mood("every socket is cut without a word", at="upgrade started")
async def socket_dropped(here: World, _: Asked) -> None:
    here.slack.sockets.drop()
    await asyncio.sleep(0)
    await _reconnected(here)


@mood(
    "the sockets are cut, and every ticket for a new one is refused for SECONDS",
    argument="SECONDS", usual="8", at="upgrade started",
)  # fmt: skip
async def tickets_refused(here: World, asked: Asked) -> None:
    here.slack.sockets.refuse_tickets = True
    here.slack.sockets.drop()
    await asyncio.sleep(asked.seconds)
    here.slack.sockets.refuse_tickets = False
    await _reconnected(here)


async def _reconnected(here: World) -> None:
    if here.wish.mode == "socket":
        await here.slack.sockets.until(lambda: bool(here.slack.sockets.sockets), RECOVERY)


@mood("the next TIMES commands and clicks arrive twice", argument="TIMES", usual="10")
async def envelope_twice(here: World, asked: Asked) -> None:
    here.slack.deliver_twice(asked.times)


@mood(
    "Slack is gone for SECONDS: every call and every socket is cut",
    argument="SECONDS", usual="9", at="upgrade started", settings={"LATE_SECONDS": "4"},
)  # fmt: skip
async def slack_gone(here: World, asked: Asked) -> None:
    here.slack.vanish()
    await asyncio.sleep(asked.seconds)
    here.slack.come_back()
    await _reconnected(here)
