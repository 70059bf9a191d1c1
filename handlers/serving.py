"""All that the ears are, put together; and how they fall silent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from slack_bolt.async_app import AsyncApp

from bot.adapters.slack import Slack, SlackAnswers
from bot.settings import EarsSettings
from handlers.answering import Answering
from handlers.app import make_app
from handlers.desk import Desk
from handlers.middleware import SeenBefore
from handlers.sockets import Socket
from handlers.web import Check, listening, make_web

log = logging.getLogger(__name__)

LAST_ANSWERS: Final = timedelta(seconds=5)
Ping = Callable[[], Awaitable[None]]


async def serve(
    settings: EarsSettings, slack: Slack, desk: Desk, seen_before: SeenBefore, ping: Ping, stop: asyncio.Event
) -> None:
    """Listen until `stop` is set. `ping` asks the store for a sign of life, raising Unavailable.

    At the end nothing new is taken in, what came in is acknowledged, and answers under way have five seconds.
    """
    async with AsyncExitStack() as until_stopped:
        answering = Answering(SlackAnswers(slack))
        until_stopped.push_async_callback(answering.finish, LAST_ANSWERS)
        app = make_app(settings, slack, desk, answering, seen_before)
        socket = await _socket(settings, app, until_stopped)
        events = None if socket else app
        port = await until_stopped.enter_async_context(
            listening(make_web(_checks(socket, ping), events), settings.port)
        )
        log.info("listening on port %d, %s", port, "Socket Mode" if socket else "HTTP mode")
        await stop.wait()
        log.info("stopping")


async def _socket(settings: EarsSettings, app: AsyncApp, until_stopped: AsyncExitStack) -> Socket | None:
    if settings.slack_app_token is None:
        return None
    return await until_stopped.enter_async_context(Socket.open(app, settings.slack_app_token))


def _checks(socket: Socket | None, ping: Ping) -> Mapping[str, Check]:
    async def redis() -> None:
        await ping()

    async def slack() -> str | None:
        return None if socket is None or await socket.is_connected() else "the socket is not connected"

    return {"redis": redis, "slack": slack}
