"""A Slack on this machine, complete enough for an app that talks to the real one."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import time
from typing import Literal

from aiohttp import web

from sandbox.slack import transcript as transcripts
from sandbox.slack import uploads
from sandbox.slack.api import WebApi
from sandbox.slack.board import Board, Listener
from sandbox.slack.courier import Courier
from sandbox.slack.deeds import Sent
from sandbox.slack.delivery import Ack
from sandbox.slack.errors import Json
from sandbox.slack.faults import Faults
from sandbox.slack.limits import RateLimits
from sandbox.slack.message import Change, File, Message
from sandbox.slack.people import Front, Person
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.signed_http import SignedHttp
from sandbox.slack.sockets import SocketMode
from sandbox.slack.triggers import Triggers
from sandbox.slack.workspace import Workspace, default_workspace
from sandbox.slack.world import APP_ID, World

BOT_TOKEN = "xoxb-sandbox"
APP_TOKEN = "xapp-sandbox"
SIGNING_SECRET = "sandbox-signing-secret"
NO_PROXY = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "")
MOST_BYTES = 50 * 1024 * 1024


class SlackDouble:
    """Start it with `async with SlackDouble.start() as slack:`."""

    def __init__(self, workspace: Workspace, now: Callable[[], float], *, rate_limits: bool) -> None:
        self.board = Board(now)
        self.sockets = SocketMode(APP_ID)
        limits = RateLimits(now) if rate_limits else None
        self.world = World(
            workspace=workspace,
            board=self.board,
            sockets=self.sockets,
            triggers=Triggers(now),
            now=now,
            limits=limits,
        )
        self.faults = Faults(now)
        self._api = WebApi(self.world, self.faults, BOT_TOKEN, APP_TOKEN)
        self._urls = ResponseUrls(self.world)
        self._courier = Courier(self.sockets)
        self._front = Front(self.world, self._courier, self._urls)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        port: int = 0,
        *,
        workspace: Workspace | None = None,
        rate_limits: bool = True,
        now: Callable[[], float] = time,
    ) -> AsyncIterator["SlackDouble"]:
        """Serves on 127.0.0.1 until the block ends; `now` gives the epoch seconds of all its clocks."""
        slack = cls(workspace or default_workspace(), now, rate_limits=rate_limits)
        runner = web.AppRunner(slack._app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            slack.world.port = runner.addresses[0][1]
            yield slack
        finally:
            await slack._courier.close()
            await slack.sockets.close()
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self.faults.presence])
        app.router.add_route("*", "/api/{method}", self._api.handle)
        app.router.add_get("/link/", self.sockets.handle)
        app.router.add_post("/response/{secret}", self._urls.handle)
        app.router.add_post("/upload/v1/{file_id}", partial(uploads.receive, self.world))
        return app

    # --- the app's side ---

    def environment(self, mode: Literal["socket", "http"] = "socket") -> dict[str, str]:
        """What the app's processes need in their environment; proxies are switched off, as loopback needs none."""
        app_token = {"SLACK_APP_TOKEN": APP_TOKEN} if mode == "socket" else {}
        return {
            "SLACK_BASE_URL": self.world.url("api/"),
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_TEAM_ID": self.workspace.team_id,
            "SLACK_APP_ID": APP_ID,
            **app_token,
            **NO_PROXY,
        }

    async def deliver_to(self, request_url: str | None) -> None:
        """From now on over signed HTTP to that URL; None goes back to Socket Mode."""
        await self._courier.close()
        self._courier.http = SignedHttp(request_url, SIGNING_SECRET, self.world.now) if request_url else None

    # --- the people's side ---

    @property
    def workspace(self) -> Workspace:
        return self.world.workspace

    def person(self, user_id: str) -> Person:
        return Person(self.workspace.user(user_id), self._front)

    def history(self, channel: str) -> list[Message]:
        """The messages of a channel as they are now, oldest first, without the replies in threads."""
        return self.board.history(channel)

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The replies of one thread, oldest first, without its first message."""
        return self.board.replies(channel, ts)

    def ephemerals(self, user: str) -> list[Message]:
        return self.board.ephemerals(user)

    def files(self, channel: str, thread_ts: str | None = None) -> list[File]:
        """The files of a channel, or of one of its threads."""
        messages = self.board.everything(channel)
        return [file for m in messages if thread_ts in (None, m.thread_ts) for file in m.files]

    def transcript(self, channel: str) -> list[str]:
        return transcripts.transcript(self.board.everything(channel), self.workspace)

    def on_message(self, listener: Listener) -> Callable[[], None]:
        """Calls the listener for everything that changes, until the returned function is called."""
        return self.board.subscribe(listener)

    def changes(self) -> AsyncIterator[Change]:
        return self.board.changes()

    # --- the control side ---

    async def event(self, event: Json) -> Sent:
        """Sends an event of the Events API."""
        return await self._front.event(event)

    async def redeliver(self, sent: Sent) -> Ack:
        """The same envelope once more, to the next socket in turn."""
        if sent.envelope is None:
            raise ValueError("it was never sent")
        return await self._courier.deliver(sent.envelope)

    def deliver_twice(self, times: int = 1) -> None:
        """The next envelopes arrive twice, as when Slack does not see an acknowledgement."""
        self._courier.doubled += times

    def vanish(self) -> None:
        """Gone from the network, its sockets too, until it comes back."""
        self.faults.vanish()
        self.sockets.drop()

    def come_back(self) -> None:
        self.faults.come_back()

    @property
    def calls(self) -> Counter[str]:
        return self._api.calls

    @property
    def rate_limited(self) -> int:
        return self._api.rate_limited

    @property
    def too_many_calls(self) -> int:
        """Calls that Slack's limits refused, without those that were refused on purpose."""
        return self._api.too_many

    @property
    def slowest_ack_ms(self) -> float:
        """A request that was not acknowledged in time counts with the whole window."""
        return self._courier.slowest_ack_ms

    @property
    def unacked(self) -> int:
        return self._courier.unacked

    @property
    def response_secrets(self) -> tuple[str, ...]:
        """What makes each response_url that was ever given one's own."""
        return self._urls.secrets

    @property
    def response_urls_refused(self) -> int:
        return self._urls.refused
