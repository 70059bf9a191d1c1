"""Socket Mode that outlives whatever Slack does: it may be down at the start, and a ticket may be dead."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout
from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.response import SocketModeResponse

from handlers.payload import is_readable

log = logging.getLogger(__name__)

HANDSHAKE: Final = ClientTimeout(total=15)
LAST_ACKS: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Rhythm:
    """A connection is looked at every `look`; one that is gone for `patience` gets a new ticket."""

    ping: timedelta = timedelta(seconds=5)  # a silent peer is noticed after four of them
    look: timedelta = timedelta(seconds=2)
    patience: timedelta = timedelta(seconds=12)


class Ear(AsyncSocketModeHandler):
    """Knows whether every envelope that came in is acknowledged."""

    def __init__(self, app: AsyncApp, app_token: str, ping: timedelta) -> None:
        super().__init__(app, app_token, ping_interval=ping.total_seconds())
        self._unacknowledged = 0
        self.quiet = asyncio.Event()
        self.quiet.set()

    async def handle(self, client: Any, req: Any) -> None:
        self._unacknowledged += 1
        self.quiet.clear()
        try:
            if is_readable(req.payload):
                await super().handle(client, req)
            else:
                log.warning("an envelope is nothing that Slack sends, so nothing is done")
                await client.send_socket_mode_response(SocketModeResponse(req.envelope_id))
        finally:
            self._unacknowledged -= 1
            if not self._unacknowledged:
                self.quiet.set()


class Socket:
    """A connection to Slack, and whoever sees to it that there is one."""

    def __init__(self, app: AsyncApp, app_token: SecretStr, rhythm: Rhythm) -> None:
        self._ear = Ear(app, app_token.get_secret_value(), rhythm.ping)
        self._client: Any = self._ear.client  # whose methods carry no types
        self._rhythm = rhythm

    @classmethod
    @asynccontextmanager
    async def open(cls, app: AsyncApp, app_token: SecretStr, rhythm: Rhythm = Rhythm()) -> AsyncIterator["Socket"]:
        """Connects in the background for as long as the block lasts, whether Slack answers or not."""
        socket = cls(app, app_token, rhythm)
        await socket._limit_handshakes()
        async with asyncio.TaskGroup() as tasks:
            background = tasks.create_task(socket._client.connect()), tasks.create_task(socket._watch())
            try:
                yield socket
            finally:
                await socket._close()
                for task in background:
                    task.cancel()

    async def is_connected(self) -> bool:
        return bool(await self._client.is_connected())

    async def _limit_handshakes(self) -> None:
        """The client's own session would wait five minutes for the answer to a handshake."""
        await self._client.aiohttp_client_session.close()
        self._client.aiohttp_client_session = ClientSession(timeout=HANDSHAKE)

    async def _watch(self) -> None:
        """The client tries a ticket that was refused for ever; without one it asks for a new one."""
        gone_since: float | None = None
        while True:
            now = time.monotonic()
            if await self.is_connected():
                gone_since = None
            elif gone_since is None:
                gone_since = now
            elif now - gone_since >= self._rhythm.patience.total_seconds():
                log.error("no connection to Slack for %.0f s; asking for a new ticket", now - gone_since)
                self._client.wss_uri = None
                gone_since = now
            await asyncio.sleep(self._rhythm.look.total_seconds())

    async def _close(self) -> None:
        """What has come in is acknowledged first: nothing can be after."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_ACKS.total_seconds()):
                await self._ear.quiet.wait()
        await self._client.close()
