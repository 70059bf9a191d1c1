"""The ears under whatever comes in, through the real Bolt app; and everything that broke a promise."""

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from aiohttp import ClientSession
from hypothesis import HealthCheck, Phase, given, seed, settings

from bot.domain.story import tell
from bot.domain.timeline import Declined, Entry
from bot.messages.card import card
from bot.messages.thread import said_of
from sandbox.slack import Change, Message, SlackDouble
from sandbox.slack.blocks import check_blocks
from sandbox.slack.deeds import Sent
from sandbox.slack.delivery import Ack, Envelope
from sandbox.slack.double import NO_PROXY, SIGNING_SECRET
from sandbox.slack.mrkdwn import mentions, pings
from sandbox.slack.signed_http import FORM, sign
from sandbox.slack.world import APP_ID
from tests.fuzz.requests import Case, cases, changed, view
from tests.handlers.ears import NOW, Ears, StubDesk, Transport, card_blocks, listening, proposed

CHANNEL: Final = "C0DBOPS"
BOT: Final = "U0AURORA"
ANSWER_SECONDS: Final = 5.0
TRACE: Final = re.compile(r'Traceback|File "|Something broke')
TURNED_AWAY: Final = (400, 401)


@dataclass
class Figures:
    """What came of all cases; `broken` says which promise broke, and by what."""

    cases: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    turned_away: int = 0
    slowest_ack_ms: float = 0.0
    broken: list[tuple[str, Case]] = field(default_factory=list)
    seconds: float = 0.0


class Errors(logging.Handler):
    """Whatever is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def taken(self) -> list[logging.LogRecord]:
        records, self.records = self.records, []
        return records


@dataclass
class Hearing:
    ears: Ears
    http: bool
    errors: Errors
    figures: Figures
    heard: list[Message] = field(default_factory=list)

    def hear(self, change: Change) -> None:
        if change.message.author == BOT and change.kind in ("posted", "ephemeral", "edited"):
            self.heard.append(change.message)

    async def take(self, case: Case) -> None:
        """One case, and its promises."""
        self.heard.clear()
        self.ears.desk.trouble = case.mood
        self.ears.desk.asked.clear()
        ack, answered = await self._sent(case)
        self.figures.cases[case.kind] += 1
        self.figures.answers += len(self.heard) + bool(ack.body and "response_action" in ack.body)
        self.figures.turned_away += ack.status in TURNED_AWAY
        self.figures.slowest_ack_ms = max(self.figures.slowest_ack_ms, ack.ms)
        self.figures.broken += [(what, case) for what in self._broken(case, ack, answered)]

    def _broken(self, case: Case, ack: Ack, answered: bool) -> Iterator[str]:
        if not ack.acked and (case.is_slacks or ack.status not in TURNED_AWAY):
            yield f"not acknowledged: {ack}"
        if case.is_slacks and not answered:
            yield "not answered"
        meant = {f"<@{case.who}>", "<@U0AKI>", "<!subteam^S0DBA>"}  # Aki proposed what this desk shows
        for message in [*self.heard, *self._told()]:
            if TRACE.search(message.text):
                yield f"a stack trace in an answer: {message.text}"
            if not_meant := {*pings(message)} - meant:
                yield f"a mention that was not meant: {not_meant}"
        if ack.body and (TRACE.search(str(ack.body)) or {*mentions(str(ack.body))} - meant):
            yield f"an acknowledgement that says too much: {ack.body}"
        for record in self.errors.taken():
            if record.exc_info or case.is_slacks:
                yield f"an error in the log: {record.name}: {record.getMessage()} {record.exc_info and record.exc_info[1]!r}"

    def _told(self) -> Iterator[Message]:
        """What the channel would read of a proposal."""
        for asked in self.ears.desk.asked:
            if asked[0] == "propose":
                _, by, cluster, _, reason = asked
                _, entries = proposed(cluster, by, reason)
                yield _card(entries)
            if asked[0] in ("decline", "decline_cluster"):
                _, by, _, why, *_ = asked
                yield _card((*proposed(by=by)[1], Declined(at=NOW, by=by, why=why)))

    async def _sent(self, case: Case) -> tuple[Ack, bool]:
        slack = self.ears.slack
        person = slack.person(case.who)
        match case.kind:
            case "command":
                return await self._waited(await person.command(CHANNEL, "/aurora", case.text))
            case "click":
                return await self._clicked(await self._click(case))
            case "odd command":
                sent = await person.command(CHANNEL, "/aurora-old", case.text)
                return await self._odd(sent, case, {"command": "/aurora", "trigger_id": uuid4().hex})
            case "odd click":
                click = await self._click(replace(case, action="snooze"))
                assert click.envelope
                action = click.envelope.payload["actions"][0] | {"action_id": "approve", "action_ts": uuid4().hex}
                return await self._odd(click, case, {"actions": [action]})
            case "form":
                ack = await slack.redeliver(self._form(case))
                await self._settled()
                return ack, bool(ack.body and ack.body.get("response_action") == "update")
            case "view" | "odd form":
                return await self._odd(self._form(case), case, {})
            case "body":
                return await self._posted(case), False

    def _form(self, case: Case) -> Sent:
        payload = view(case, self.ears.slack.workspace.team_id, APP_ID) | {"trigger_id": uuid4().hex}
        return Sent(case.who, CHANNEL, envelope=Envelope("interactive", payload))

    async def _click(self, case: Case) -> Sent:
        blocks = card_blocks(case.text)
        blocks[0]["elements"][0] |= {"action_id": case.action}
        blocks[0]["elements"] = blocks[0]["elements"][:1]
        posted = self.ears.slack.board.post(CHANNEL, "U0REN", text="card", blocks=blocks)
        return await self.ears.slack.person(case.who).click(posted, case.action)

    async def _clicked(self, sent: Sent) -> tuple[Ack, bool]:
        """A form that opens is an answer too."""
        await self._settled()
        if self.ears.slack.world.modals.pop(sent.user, None):
            return sent.ack, True
        return await self._waited(sent)

    async def _waited(self, sent: Sent) -> tuple[Ack, bool]:
        try:
            await sent.answer(ANSWER_SECONDS)
            await self._settled()
        except TimeoutError:
            return sent.ack, False
        return sent.ack, True

    async def _odd(self, sent: Sent, case: Case, first: dict[str, Any]) -> tuple[Ack, bool]:
        """The same once more, with some of it changed."""
        assert sent.envelope
        await self._settled()
        self.heard.clear()
        payload = changed(sent.envelope.payload | first, case.changes)
        if sent.envelope.kind == "slash_commands":  # a form has no halves of surrogates
            payload = {name: str(value).encode("utf-8", "replace").decode() for name, value in payload.items()}
        ack = await self.ears.slack.redeliver(replace(sent, envelope=Envelope(sent.envelope.kind, payload)))
        await self._settled()
        return ack, False

    async def _settled(self) -> None:
        """No answer is under way any more."""
        async with asyncio.timeout(30):
            while any("Answering._serve" in str(task.get_coro()) for task in asyncio.all_tasks()):  # noqa: ASYNC110 - tasks of the bot
                await asyncio.sleep(0.001)

    async def _posted(self, case: Case) -> Ack:
        if not self.http:
            return Ack(0)
        timestamp = str(int(self.ears.slack.world.now()))
        headers = {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(SIGNING_SECRET, timestamp, case.body),
            "Content-Type": FORM if case.body.startswith(b"payload=") else "application/json",
        }
        began = monotonic()
        async with (
            ClientSession() as session,
            session.post(f"{self.ears.url}/slack/events", data=case.body, headers=headers) as response,
        ):
            await response.read()
            error = None if response.status == 200 else "dispatch_failed"
            return Ack((monotonic() - began) * 1000, error=error, status=response.status)  # type: ignore[arg-type]


def _card(entries: tuple[Entry, ...]) -> Message:
    story = tell(entries)
    shown = card(story)
    thread = "\n".join(filter(None, (said_of(entry, story) for entry in entries)))
    return Message(
        channel=CHANNEL, ts="1.0", author=BOT, text=f"{shown.text}\n{thread}", blocks=check_blocks([*shown.blocks])
    )


def fuzz(count: int, number: int, transport: Transport) -> Figures:
    """So many cases over one transport; the same for the same seed."""
    figures, began = Figures(), monotonic()
    os.environ.update(NO_PROXY)
    with asyncio.Runner() as runner:
        hearing_ = _hearing(transport, figures)
        hearing = runner.run(hearing_.__aenter__())
        try:

            @seed(number)
            @settings(
                max_examples=count,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=[*HealthCheck],
            )
            @given(cases)
            def each(case: Case) -> None:
                runner.run(hearing.take(case))

            each()
        finally:
            runner.run(hearing_.__aexit__(None, None, None))
    figures.seconds = monotonic() - began
    return figures


@asynccontextmanager
async def _hearing(transport: Transport, figures: Figures) -> AsyncIterator[Hearing]:
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        async with SlackDouble.start(rate_limits=False) as slack, listening(slack, transport, StubDesk()) as ears:
            hearing = Hearing(ears, transport == "http", errors, figures)
            slack.on_message(hearing.hear)
            yield hearing
    finally:
        logging.getLogger().removeHandler(errors)
