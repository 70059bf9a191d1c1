"""Slack's Web API: where an upgrade is told, and how a person is answered."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import (
    ClientError,
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
)
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient
from yarl import URL

from bot.domain.errors import Unavailable
from bot.domain.ids import ChannelId, UserId
from bot.messages.forms import Form
from bot.messages.message import File, Message
from bot.ports.sharing import Lanes
from bot.ports.thread import Busy, Timely, at_any_time

log = logging.getLogger(__name__)

MARK: Final = "aurora_upgrade"
CALL = ClientTimeout(total=15)
POSTING = timedelta(seconds=1)  # per channel, threads included (docs.slack.dev, rate limits)
EDITING = timedelta(minutes=1) / 50  # of the whole app (chat.update, Tier 3)
READING = timedelta(minutes=1) / 200  # seldom, so this distance is small; the lanes are there to be suspended
NO_PLACE = timedelta.resolution * -1  # one asks how long it is until the next place, and takes none
PATIENCE = timedelta(seconds=1.5)  # longer waits end the turn, so that nobody's place is slept away
CLOCKS_DIFFER = timedelta(minutes=1)
PAGE: Final = 200
ALT: Final = 1000  # characters that Slack takes of an alt text (files.getUploadURLExternal, alt_txt_too_large)
TRIGGER: Final = timedelta(seconds=3)


@dataclass(frozen=True)
class Slack:
    """One connection pool for all of a process. `once` never repeats a call; `calm` does after a broken connection."""

    session: ClientSession
    once: AsyncWebClient
    calm: AsyncWebClient

    @classmethod
    @asynccontextmanager
    async def connect(cls, token: SecretStr, base_url: str) -> AsyncIterator["Slack"]:
        """Calls nobody yet: a wrong token shows with the first call."""
        async with ClientSession(timeout=CALL, middlewares=(only_to(base_url),)) as session:
            secret = token.get_secret_value()
            yield cls(
                session=session,
                once=AsyncWebClient(token=secret, base_url=base_url, session=session, retry_handlers=[]),
                calm=AsyncWebClient(token=secret, base_url=base_url, session=session),
            )


class ElsewhereError(ClientError):
    """An address that we were given is not one of Slack's."""


def only_to(base_url: str) -> ClientMiddlewareType:
    """Slack tells us where to answer and where to upload; whoever else could must not choose whom we call.

    Slack's hosts are that of `base_url` with its `hooks.` and `files.`, by the same scheme and port, redirects included.
    """
    slack = URL(base_url)
    hosts = {slack.host, f"hooks.{slack.host}", f"files.{slack.host}"}

    async def guard(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        url = request.url
        if url.host not in hosts or (url.scheme, url.port) != (slack.scheme, slack.port):
            raise ElsewhereError(
                f"{url.scheme}://{url.host}:{url.port} is not an address of Slack, so it was not called"
            )
        return await handler(request)

    return guard


class _LimitedError(Unavailable):
    def __init__(self, wait: timedelta) -> None:
        super().__init__("Slack", "ratelimited")
        self.wait = wait


async def answered(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
    """What Slack says, or Unavailable with Slack's own error name."""
    try:
        data = (await call).data
    except SlackApiError as error:
        raise _trouble(error) from error
    except (ClientError, OSError, SlackClientError) as error:
        raise _no_answer(error) from error
    return data if isinstance(data, dict) else {}


def _no_answer(error: Exception) -> Unavailable:
    elsewhere = isinstance(error, ElsewhereError)
    return Unavailable("Slack", "no answer", str(error) if elsewhere else type(error).__name__)


def _trouble(error: SlackApiError) -> Unavailable:
    """The response is an AsyncSlackResponse, or aiohttp's when a body was no JSON."""
    status = getattr(error.response, "status_code", None) or getattr(error.response, "status", 0)
    if status == 429:
        return _LimitedError(_retry_after(error.response.headers.get("Retry-After", "")))
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return Unavailable("Slack", str(code or f"HTTP {status}"))


def _retry_after(seconds: str) -> timedelta:
    return timedelta(seconds=max(1, int(seconds)) if seconds.isascii() and seconds.isdigit() else 30)


class SlackThread:
    """Plays ports.Thread."""

    def __init__(self, slack: Slack, lanes: Lanes) -> None:
        self._slack = slack
        self._lanes = lanes
        self._told_of_scope = False

    async def clear(self, channel: ChannelId) -> None:
        await _sleep(await self._lanes.reserve(f"post:{channel}", POSTING, NO_PLACE))

    async def post(
        self, channel: ChannelId, message: Message, *, key: str, thread: str | None = None, timely: Timely = at_any_time
    ) -> str:
        lane = await self._take(f"post:{channel}", POSTING)
        _check(timely)
        call = self._slack.once.chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=[dict(block) for block in message.blocks] or None,
            thread_ts=thread,
            metadata={"event_type": MARK, "event_payload": {"key": key}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return str((await self._sent(lane, call))["ts"])

    async def edit(self, channel: ChannelId, ts: str, message: Message) -> None:
        lane = await self._take("edit", EDITING)
        blocks = [dict(block) for block in message.blocks]
        await self._sent(lane, self._slack.calm.chat_update(channel=channel, ts=ts, text=message.text, blocks=blocks))

    async def upload(
        self,
        channel: ChannelId,
        thread: str,
        files: Sequence[File],
        comment: Message,
        *,
        timely: Timely = at_any_time,
    ) -> None:
        lane = await self._take(f"post:{channel}", POSTING)
        _check(timely)
        uploads = [
            {"content": each.content, "filename": each.name, "title": each.name, "alt_txt": each.alt[:ALT] or None}
            for each in files
        ]
        await self._sent(
            lane,
            self._slack.once.files_upload_v2(
                file_uploads=uploads, channel=channel, thread_ts=thread, initial_comment=comment.text
            ),
        )

    async def find(self, channel: ChannelId, key: str, *, thread: str | None, since: datetime) -> str | None:
        oldest = f"{(since - CLOCKS_DIFFER).timestamp():.6f}"
        us = await self._sent(await self._take("search", READING), self._slack.calm.auth_test())
        try:
            async for message in self._messages(channel, thread, oldest):
                if _is_by(us, message) and _is_marked(message, key):
                    return str(message["ts"])
        except Unavailable as trouble:
            if trouble.code != "missing_scope":
                raise
            self._tell_of_scope()
        return None

    async def permalink(self, channel: ChannelId, ts: str) -> str | None:
        lane = await self._take("link", READING)
        try:
            found = await self._sent(lane, self._slack.calm.chat_getPermalink(channel=channel, message_ts=ts))
        except Unavailable as trouble:
            if trouble.code == "message_not_found":
                return None
            raise
        return str(found["permalink"])

    async def _messages(self, channel: str, thread: str | None, oldest: str) -> AsyncIterator[Mapping[str, Any]]:
        cursor = ""
        while True:
            wanted: dict[str, Any] = {"channel": channel, "oldest": oldest, "limit": PAGE, "include_all_metadata": True}
            wanted |= {"cursor": cursor} if cursor else {}
            lane, web = await self._take("search", READING), self._slack.calm
            call = web.conversations_replies(ts=thread, **wanted) if thread else web.conversations_history(**wanted)
            page = await self._sent(lane, call)
            for message in page.get("messages") or ():
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _take(self, lane: str, every: timedelta) -> str:
        await _sleep(await self._lanes.reserve(lane, every, PATIENCE))
        return lane

    async def _sent(self, lane: str, call: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
        try:
            return await answered(call)
        except _LimitedError as limited:
            await self._lanes.suspend(lane, limited.wait)
            raise Busy(limited.wait) from limited

    def _tell_of_scope(self) -> None:
        if not self._told_of_scope:
            log.warning("no scope to read messages back; one that got out just before a crash may be told twice")
        self._told_of_scope = True


async def _sleep(wait: timedelta) -> None:
    """Briefly keeps a turn's rhythm; for long it would keep a worker from those who have work."""
    if wait > PATIENCE:
        raise Busy(wait)
    await asyncio.sleep(wait.total_seconds())


def _check(timely: Timely) -> None:
    if not timely():
        raise Busy(timedelta(0))


def _is_by(us: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """What an app writes bears the id of its bot user, the id of its bot, or both (auth.test names them)."""
    return any(
        us.get(id) and message.get(author) == us[id] for author, id in (("user", "user_id"), ("bot_id", "bot_id"))
    )


def _is_marked(message: Mapping[str, Any], key: str) -> bool:
    """By its metadata; a message with files cannot carry any and is known by the name of one of them."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") == MARK and (metadata.get("event_payload") or {}).get("key") == key:
        return True
    return any(file.get("name") == key for file in message.get("files") or ())


@dataclass(frozen=True)
class SlackAnswers:
    """Says something to one person only."""

    slack: Slack

    async def reply(self, response_url: str, message: Message) -> None:
        """Below the command or the clicked message, which stays as it is. Five times within 30 minutes."""
        webhook = AsyncWebhookClient(response_url, session=self.slack.session)
        blocks = [dict(block) for block in message.blocks] or None
        try:
            response = await webhook.send(
                text=message.text, blocks=blocks, response_type="ephemeral", replace_original=False
            )
        except (ClientError, OSError) as error:
            raise _no_answer(error) from error
        if response.status_code != 200:
            raise Unavailable("Slack", f"HTTP {response.status_code}", response.body[:200])

    async def whisper(self, channel: str, user: UserId, message: Message) -> None:
        blocks = [dict(block) for block in message.blocks] or None
        await answered(self.slack.calm.chat_postEphemeral(channel=channel, user=user, text=message.text, blocks=blocks))


@dataclass(frozen=True)
class SlackForms:
    """Puts a form in front of whoever clicked."""

    slack: Slack

    async def open(self, trigger: str, form: Form) -> None:
        """Before the trigger is dead, three seconds after the click it came with."""
        try:
            async with asyncio.timeout(TRIGGER.total_seconds()):
                await answered(self.slack.once.views_open(trigger_id=trigger, view=dict(form)))
        except TimeoutError as error:
            raise _no_answer(error) from error
