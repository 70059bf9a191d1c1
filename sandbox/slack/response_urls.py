"""response_url: five answers within thirty minutes to whoever typed or clicked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from aiohttp import web

from sandbox.slack.args import Args
from sandbox.slack.chat import rewritten, written
from sandbox.slack.errors import SlackError
from sandbox.slack.message import Message
from sandbox.slack.world import World

MOST_USES: Final = 5
LIFE_S: Final = 30 * 60


@dataclass(kw_only=True)
class ResponseUrl:
    deed: str  # the command or click it belongs to
    channel: str
    user: str
    original: str | None  # the ts of the message that was clicked
    heard: Callable[[Message], None]
    issued: float
    uses: int = 0


class ResponseUrls:
    def __init__(self, world: World) -> None:
        self._world = world
        self._urls: dict[str, ResponseUrl] = {}
        self.refused = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(self._urls)

    def issue(
        self, deed: str, channel: str, user: str, heard: Callable[[Message], None], original: str | None = None
    ) -> str:
        secret = uuid4().hex
        now = self._world.now()
        self._urls[secret] = ResponseUrl(
            deed=deed, channel=channel, user=user, original=original, heard=heard, issued=now
        )
        return self._world.url(f"response/{secret}")

    async def handle(self, request: web.Request) -> web.Response:
        try:
            url = self._usable(request.match_info["secret"])
            args = await Args.of(request)
            self.respond(url, args)
        except SlackError as error:
            self.refused += 1
            status = 404 if error.error in ("used_url", "expired_url", "no_such_url") else 400
            return web.json_response(error.body(), status=status)
        return web.Response(text="ok")

    def _usable(self, secret: str) -> ResponseUrl:
        url = self._urls.get(secret)
        if url is None:
            raise SlackError("no_such_url")
        if self._world.now() - url.issued > LIFE_S:
            raise SlackError("expired_url")
        if url.uses >= MOST_USES:
            raise SlackError("used_url")
        url.uses += 1
        return url

    def respond(self, url: ResponseUrl, args: Args) -> None:
        original = self._original(url)
        if args.flag("delete_original") and original:
            self._world.board.delete(original)
        elif args.flag("replace_original") and original:
            url.heard(self._world.board.edit(original, **rewritten(args, original)))
        else:
            url.heard(self._post(url, args))

    def _original(self, url: ResponseUrl) -> Message | None:
        if url.original is None:
            return None
        return self._world.board.find(url.channel, url.original)

    def _post(self, url: ResponseUrl, args: Args) -> Message:
        return answer(self._world, url.deed, url.channel, url.user, args)


def answer(world: World, deed: str, channel: str, user: str, args: Args) -> Message:
    """A new message in answer to a deed: for that person alone unless it says `in_channel`."""
    in_channel = args.text("response_type") == "in_channel"
    return world.board.post(
        channel,
        world.workspace.bot_user,
        visible_to=None if in_channel else user,
        in_answer_to=deed,
        thread_ts=world.thread(channel, args.optional("thread_ts")),
        **written(args),
    )
