"""The Web API: who calls what, may they, and how often was it called."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from sandbox.slack import chat, reading, uploads, views
from sandbox.slack.args import Args
from sandbox.slack.errors import Json, RateLimitError, SlackError
from sandbox.slack.faults import Faults
from sandbox.slack.world import World


@dataclass(frozen=True)
class Method:
    answer: Callable[[World, Args], Json]
    scope: str | None = None
    token: Literal["bot", "app"] = "bot"


METHODS: Final[Mapping[str, Method]] = {
    "auth.test": Method(reading.auth_test),
    "apps.connections.open": Method(reading.connections_open, token="app"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "conversations.history": Method(reading.history, "channels:history"),
    "conversations.replies": Method(reading.replies, "channels:history"),
    "conversations.info": Method(reading.conversation_info, "channels:read"),
    "users.info": Method(reading.users_info, "users:read"),
    "users.list": Method(reading.users_list, "users:read"),
    "usergroups.list": Method(reading.groups_list, "usergroups:read"),
    "usergroups.users.list": Method(reading.group_members, "usergroups:read"),
    "files.getUploadURLExternal": Method(uploads.get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(uploads.complete, "files:write"),
    "files.info": Method(uploads.info, "files:read"),
    "views.open": Method(views.open_view),
    "views.publish": Method(views.publish),
}


class WebApi:
    def __init__(self, world: World, faults: Faults, bot_token: str, app_token: str) -> None:
        self._world = world
        self._faults = faults
        self._tokens: Mapping[str, Literal["bot", "app"]] = {bot_token: "bot", app_token: "app"}
        self.calls: Counter[str] = Counter()
        self.rate_limited = 0
        self.too_many = 0  # of those, how many a client that keeps Slack's limits would not have got

    async def handle(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls[method] += 1
        try:
            body = await self._answer(method, request)
        except SlackError as error:
            if isinstance(error, RateLimitError):
                self.rate_limited += 1
                self.too_many += not error.on_purpose
            return web.json_response(error.body(), status=error.status, headers=error.headers)
        await self._faults.after(method, request)
        return web.json_response(body)

    async def _answer(self, name: str, request: web.Request) -> Json:
        args = await Args.of(request)
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._admit(method, _bearer(request) or args.text("token"))
        await self._faults.before(name, args.text("channel"))
        return method.answer(self._world, args)

    def _admit(self, method: Method, token: str) -> None:
        if not token:
            raise SlackError("not_authed")
        kind = self._tokens.get(token)
        if kind is None:
            raise SlackError("invalid_auth")
        if kind != method.token:
            raise SlackError("not_allowed_token_type")
        scopes = self._world.scopes
        if method.scope and method.scope not in scopes:
            raise SlackError("missing_scope", needed=method.scope, provided=",".join(sorted(scopes)))


def _bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
