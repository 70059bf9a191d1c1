"""What happens before a request is listened to: replays and strangers are turned away, what comes twice is done once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from slack_bolt import BoltResponse
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.domain.errors import Refused, Unavailable
from bot.messages.message import Message
from handlers.answering import Answering, Asker

log = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(minutes=15)  # a signature may be good for ten: dated five minutes ahead, and five after
SIGNATURE: Final = "x-slack-signature"
STORE_DEADLINE: Final = timedelta(milliseconds=500)  # the person's three seconds run already
Next = Callable[[], Awaitable[Any]]
SeenBefore = Callable[[str, timedelta], Awaitable[bool]]
Middleware = Callable[..., Awaitable[BoltResponse | None]]


def replay_guard(seen_before: SeenBefore, answering: Answering) -> Middleware:
    """Over HTTP a signature is good once; Bolt, which has verified it by now, would take it again for five minutes.

    While the store cannot say, nobody is let in: the person reads that it does not answer, and Slack is told to send an
    event again. Nothing is signed on a socket.
    """

    async def guard(req: AsyncBoltRequest, ack: AsyncAck, body: Mapping[str, Any], next: Next) -> BoltResponse | None:
        try:
            replayed = any([await _asked(seen_before, f"signature:{each}") for each in req.headers.get(SIGNATURE, ())])
        except Unavailable as trouble:
            return await _turn_away(trouble, ack, body, answering) or BoltResponse(status=503, body="")
        if replayed:
            return BoltResponse(status=401, body={"error": "replayed"})
        await next()
        return None

    return guard


def stranger_guard(home: str, app: str | None, answering: Answering) -> Middleware:
    """Only requests of this workspace's own people get through, and only to this app; all others read why not."""

    async def guard(ack: AsyncAck, body: Mapping[str, Any], next: Next) -> BoltResponse | None:
        if not is_home(body, home):
            no = Refused("I serve another workspace and its own members only.")
        elif app is not None and body.get("api_app_id") != app:
            no = Refused("This came through another Slack app than mine, so nothing was done.")
        else:
            await next()
            return None
        return await _turn_away(no, ack, body, answering) or BoltResponse(status=200, body="")

    return guard


async def _turn_away(
    why: Refused | Unavailable, ack: AsyncAck, body: Mapping[str, Any], answering: Answering
) -> BoltResponse | None:
    """Acknowledged and answered, when there is an address for an answer; a form is answered in its place."""

    async def ask() -> Message:
        raise why

    if body.get("type") == "view_submission":
        await answering.serve_form(ack, Asker.of(body), ask)
        return ack.response
    if not body.get("response_url"):
        return None
    await answering.serve(ack, body, ask, changes=False)
    return ack.response


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
        return await _asked(seen_before, key)
    except Unavailable:
        return False


async def _asked(seen_before: SeenBefore, key: str) -> bool:
    try:
        async with asyncio.timeout(STORE_DEADLINE.total_seconds()):
            return await seen_before(key, REMEMBERED)
    except TimeoutError:
        raise Unavailable("Redis", "TimeoutError") from None


def request_key(body: Mapping[str, Any]) -> str | None:
    """What two deliveries of the same request have in common; `envelope_id` is not shown to listeners.

    A form that is submitted again reads what became of it: there, too, the record itself decides.
    """
    match body:
        case {"event_id": str(event)}:
            return f"event:{event}"
        case {"command": str(), "trigger_id": str(trigger)}:
            return f"command:{trigger}"
        case {"user": {"id": str(user)}, "actions": [{"action_ts": str(at), "action_id": str(action)}, *_]}:
            return f"click:{user}:{at}:{action}"
        case _:
            return None
