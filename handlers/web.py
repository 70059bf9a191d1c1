"""HTTP on $PORT: whether this process lives and hears, and in HTTP mode Slack's requests."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.internals import parse_body

from bot.domain.errors import Unavailable
from handlers.payload import is_readable

log = logging.getLogger(__name__)

EVENTS: Final = "/slack/events"
MOST_BYTES: Final = 1024 * 1024
CHECK_DEADLINE: Final = timedelta(seconds=1)
_SIGNED: Final = {
    "X-Slack-Request-Timestamp": re.compile("[0-9]{1,12}"),
    "X-Slack-Signature": re.compile("v0=[0-9a-f]{64}"),
}
Check = Callable[[], Awaitable[str | None]]  # what is missing, in words


def make_web(checks: Mapping[str, Check], events: AsyncApp | None) -> web.Application:
    """`events` is given in HTTP mode."""
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", partial(readyz, checks))
    if events is not None:
        app.router.add_post(EVENTS, partial(slack_events, events))
    return app


@asynccontextmanager
async def listening(app: web.Application, port: int, host: str | None = None) -> AsyncIterator[int]:
    """Gives the port; at the end the requests under way are finished."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def healthz(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def readyz(checks: Mapping[str, Check], _request: web.Request) -> web.Response:
    """503 with what is missing, by name."""
    said = await asyncio.gather(*map(_checked, checks.values()))
    missing = {name: what for name, what in zip(checks, said, strict=True) if what}
    return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)


async def _checked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_DEADLINE.total_seconds()):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_DEADLINE.total_seconds():g} s"
    except Unavailable as trouble:
        return str(trouble)


async def slack_events(app: AsyncApp, request: web.Request) -> web.Response:
    """Bolt verifies the signature; what it cannot even read is turned away before."""
    if not all(_is_one(pattern, request.headers.getall(name, [])) for name, pattern in _SIGNED.items()):
        return web.Response(status=401, text="unsigned")
    try:
        bolt_request = _read(await request.text(), request)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return web.Response(status=400, text="unreadable")
    response = await app.async_dispatch(bolt_request)
    if response.status == 401:
        log.warning("a request is turned away: its signature is wrong, too old, dated ahead, or was used before")
    return await to_aiohttp_response(response)


def _is_one(pattern: re.Pattern[str], values: list[str]) -> bool:
    """Bolt takes these for an integer and for ASCII, and breaks when they are not."""
    return len(values) == 1 and pattern.fullmatch(values[0]) is not None


def _read(raw: str, request: web.Request) -> AsyncBoltRequest:
    """Bolt takes any body with the word `payload` in it for an interaction, and drops a command that holds it.

    So in a command the word is spelled otherwise for the reading; the signature is of the body as it came.
    """
    is_command = "payload" in raw and not raw.startswith("{") and "payload" not in dict(parse_qsl(raw))
    readable = raw.replace("payload", "%70ayload") if is_command else raw
    if not is_readable(parse_body(readable, request.content_type)):
        raise ValueError("nothing that Slack sends")
    bolt_request = AsyncBoltRequest(body=readable, query=request.query_string, headers=dict(request.headers))
    bolt_request.raw_body = raw
    return bolt_request
