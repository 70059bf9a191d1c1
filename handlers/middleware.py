"""What happens before a request is listened to: strangers are turned away, and what comes twice is done once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from slack_bolt import BoltResponse
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import Refused, Unavailable
from bot.messages.message import Message
from handlers.answering import Answering

log = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(minutes=15)
STORE_DEADLINE: Final = timedelta(milliseconds=500)  # the person's three seconds run already
Next = Callable[[], Awaitable[Any]]
SeenBefore = Callable[[str, timedelta], Awaitable[bool]]
Middleware = Callable[..., Awaitable[BoltResponse | None]]


def team_guard(home: str, answering: Answering) -> Middleware:
    """Only requests of this workspace's own people get through; all others read why not."""

    async def guard(ack: AsyncAck, body: Mapping[str, Any], next: Next) -> BoltResponse | None:
        if is_home(body, home):
            await next()
            return None
        if body.get("response_url"):
            await answering.serve(ack, body, _turn_away, changes=False)
        return ack.response or BoltResponse(status=200, body="")

    return guard


async def _turn_away() -> Message:
    raise Refused("I serve another workspace and its own members only.")


def is_home(body: Mapping[str, Any], home: str) -> bool:
    """Whether the request comes from `home`, a workspace or an Enterprise Grid.

    On a Grid a member's own `team_id` may name another of its workspaces; there the directory decides, at the desk.
    """
    team, user = body.get("team") or {}, body.get("user")
    grid = (body.get("enterprise") or {}).get("id") or body.get("enterprise_id") or team.get("enterprise_id")
    if home.startswith("E"):
        return bool(grid == home)
    own = user.get("team_id") if isinstance(user, Mapping) else None
    return (body.get("team_id") or team.get("id")) == home and (own in (home, None) or grid is not None)


def deduplication(seen_before: SeenBefore) -> Middleware:
    """Slack may deliver an envelope again, to any process. Without the store it passes: the record itself decides."""

    async def once(body: Mapping[str, Any], next: Next) -> BoltResponse | None:
        key = request_key(body)
        if key is not None and await _seen(seen_before, key):
            log.info("a %s came twice and is done once", key.partition(":")[0])
            return BoltResponse(status=200, body="")
        await next()
        return None

    return once


async def _seen(seen_before: SeenBefore, key: str) -> bool:
    try:
        async with asyncio.timeout(STORE_DEADLINE.total_seconds()):
            return await seen_before(key, REMEMBERED)
    except (Unavailable, TimeoutError):
        return False


def request_key(body: Mapping[str, Any]) -> str | None:
    """What two deliveries of the same request have in common; `envelope_id` is not shown to listeners."""
    match body:
        case {"event_id": str(event)}:
            return f"event:{event}"
        case {"command": str(), "trigger_id": str(trigger)}:
            return f"command:{trigger}"
        case {"user": {"id": str(user)}, "actions": [{"action_ts": str(at), "action_id": str(action)}, *_]}:
            return f"click:{user}:{at}:{action}"
        case _:
            return None
