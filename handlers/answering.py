"""The one way every request is served: acknowledge at once, ask, answer. Nothing is ever raised to Bolt."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar

from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.ids import UserId
from bot.messages import answers
from bot.messages.forms import instead
from bot.messages.message import Message

T = TypeVar("T")
A = TypeVar("A", Message, Message | None)
log = logging.getLogger(__name__)

DEADLINE: Final = timedelta(seconds=25)  # of the asking
FORM_PATIENCE: Final = timedelta(seconds=2)  # Slack's own for a form ends after three
PATIENCE: Final = timedelta(seconds=2)  # of a person, before they read that their answer is on its way
LAST_WORDS: Final = timedelta(seconds=2)  # of those whose asking a shutdown cut short
Ask = Callable[[], Awaitable[Message | None]]  # None when there is nothing to say
Acknowledge = Callable[..., Awaitable[Any]]


class Answers(Protocol):
    """Says something to one person only; Unavailable when Slack does not take it."""

    async def reply(self, response_url: str, message: Message) -> None: ...

    async def whisper(self, channel: str, user: UserId, message: Message) -> None: ...


@dataclass
class Asker:
    """Who asks, and the ways to answer them, of which one may be found only while asking."""

    user: UserId
    channel: str | None
    response_url: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Asker":
        """From the payload of a command, of a click or of a form."""
        user, channel = body.get("user") or {}, body.get("channel") or {}
        return cls(
            user=UserId(body.get("user_id") or user.get("id") or ""),
            channel=body.get("channel_id") or channel.get("id"),
            response_url=body.get("response_url"),
        )


class Answering:
    """Owns every answer under way."""

    def __init__(self, answers: Answers, deadline: timedelta = DEADLINE, patience: timedelta = PATIENCE) -> None:
        self._answers = answers
        self._deadline = deadline
        self._patience = patience
        self._under_way: set[asyncio.Task[Any]] = set()

    async def serve(self, acknowledge: Acknowledge, body: Mapping[str, Any], ask: Ask, *, changes: bool) -> None:
        """Returns as soon as the request is acknowledged; the answer follows by itself.

        `changes` says whether asking may change something, so that no word of regret promises too much.
        """
        await acknowledge()
        self._begun(self._serve(Asker.of(body), ask, changes))

    async def serve_form(self, acknowledge: Acknowledge, asker: Asker, ask: Callable[[], Awaitable[Message]]) -> None:
        """The acknowledgement of a form is its answer, and takes its place; one that comes too late for that follows."""
        asking = self._begun(self._asked(ask, changes=True))
        await asyncio.wait([asking], timeout=min(self._patience, FORM_PATIENCE).total_seconds())
        if asking.done() and not asking.cancelled():
            await acknowledge(response_action="update", view=instead(asking.result()))
        else:
            await acknowledge(response_action="update", view=instead(answers.still_asking(changes=True, here=False)))
            self._begun(self._followed(asker, asking))

    def _begun(self, serving: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(serving)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def finish(self, within: timedelta) -> None:
        """Wait for the answers under way; those that take longer end with a word of regret."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within.total_seconds())
        for late in (cut_short := [*self._under_way]):
            late.cancel()
        if cut_short:
            await asyncio.wait(cut_short, timeout=LAST_WORDS.total_seconds())

    async def _serve(self, asker: Asker, ask: Ask, changes: bool) -> None:
        try:
            answer = await self._in_patience(asker, self._asked(ask, changes), changes)
        except asyncio.CancelledError:
            await self._deliver(asker, answers.interrupted())
            raise
        if answer:
            await self._deliver(asker, answer)

    async def _followed(self, asker: Asker, asking: "asyncio.Task[Message | None]") -> None:
        try:
            answer = await asking
        except asyncio.CancelledError:
            await self._deliver(asker, answers.interrupted())
            raise
        if answer:
            await self._deliver(asker, answer)

    async def _in_patience(
        self, asker: Asker, asked: Coroutine[Any, Any, Message | None], changes: bool
    ) -> Message | None:
        """The answer; when it takes long, a word that it follows goes before it."""
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(asked)
            await asyncio.wait([asking], timeout=self._patience.total_seconds())
            if not asking.done():
                await self._deliver(asker, answers.still_asking(changes=changes))
        return asking.result()

    async def _asked(self, ask: Callable[[], Awaitable[A]], changes: bool) -> A:
        """Whatever becomes of it, there is something to say."""
        limit = asyncio.timeout(self._deadline.total_seconds())
        try:
            async with limit:
                return await ask()
        except Refused as no:
            return answers.refused(no)
        except Unavailable as trouble:
            log.warning("not answered: %s", trouble)
            return answers.unavailable(trouble.what, trouble.code, trouble.detail)
        except Conflict:
            return answers.overtaken()
        except Exception as error:
            if isinstance(error, TimeoutError) and limit.expired():
                return answers.too_slow(self._deadline.total_seconds(), changes=changes)
            return _broken(error)

    async def _deliver(self, asker: Asker, answer: Message) -> None:
        """To where the request came from, otherwise into the channel for that person's eyes."""
        for way in (self._reply, self._whisper):
            try:
                if await way(asker, answer):
                    return
            except Unavailable as trouble:
                log.warning("%s could not be answered: %s", asker.user, trouble)
        log.error("%s was not answered at all", asker.user)

    async def _reply(self, asker: Asker, answer: Message) -> bool:
        if asker.response_url is None:
            return False
        await self._answers.reply(asker.response_url, answer)
        return True

    async def _whisper(self, asker: Asker, answer: Message) -> bool:
        if asker.channel is None:
            return False
        await self._answers.whisper(asker.channel, asker.user, answer)
        return True


def _broken(error: Exception) -> Message:
    reference = secrets.token_hex(4)
    log.error("a request broke, ref %s", reference, exc_info=error)
    return answers.broken(reference)
