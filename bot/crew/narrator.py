"""The narrator is the only writer of cards and threads: it tells the timeline, in order, each entry once."""

import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TypeVar

from bot.crew.carefully import made as _made
from bot.crew.enclosures import NoArtist, enclosures
from bot.domain.buttons import Button, buttons
from bot.domain.errors import Conflict, Unavailable
from bot.domain.ids import Position, UpgradeId
from bot.domain.report import Report, report
from bot.domain.status import Status
from bot.domain.story import Story, tell
from bot.domain.upgrade import Upgrade
from bot.messages.card import card
from bot.messages.markdown import report_markdown
from bot.messages.markup import TEXT, cut
from bot.messages.message import File, Message
from bot.messages.thread import is_line, report_comment, said_of
from bot.ports.clock import Clock
from bot.ports.thread import Artist, Busy, Thread, Timely
from bot.ports.upgrades import Recorded, Told, Upgrades

T = TypeVar("T")
log = logging.getLogger(__name__)

EDIT_EVERY = timedelta(seconds=3)  # Slack's own advice for chat.update
EDIT_ANYWAY = timedelta(seconds=10)  # so long the replies that are due go first
LOOK_EVERY = timedelta(minutes=2)  # at a card that waits for clicks: somebody may have deleted it
LINK_EVERY = timedelta(seconds=30)  # as long as a card has no link
LATE = timedelta(minutes=1)
LATE_MARK = " _(told late)_"
MOST_LINES = 12  # of the ticker in one message
MOST_TEXT = 3500  # characters of them; Slack advises no message to have more than 4,000 (chat.postMessage)
TROUBLE = timedelta(seconds=5)
TIMELY = timedelta(seconds=2.5)  # so long after its mark a message may be sent; else this process stood still
UNDER_WAY = timedelta(seconds=5)  # so long a message that is not to be found may still be on its way
REFUSAL = timedelta(seconds=30)  # Slack says no: people have to invite the bot, or grant a scope
PATIENCE = timedelta(hours=1)  # with a card that Slack does not let us edit, once its upgrade is over
CLICKED = frozenset({Status.PROPOSED, Status.APPROVED})  # then the card has buttons
CARD = "card"
REPORT = "report.json"
DELETED = frozenset({"message_not_found"})
GONE = DELETED | {"cant_update_message", "edit_window_closed", "is_inactive"}
THREAD_GONE = frozenset({"thread_not_found", "message_not_found"})
UNPALATABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text"})
HALF_DONE = frozenset({"fatal_error", "internal_error", "service_unavailable", "request_timeout"})  # perhaps taken


@dataclass(frozen=True)
class Narrator:
    upgrades: Upgrades
    thread: Thread
    clock: Clock
    every: timedelta = timedelta(seconds=1)
    watched: timedelta = timedelta(seconds=1)  # instead, from the order on, and never later than what is new
    late: timedelta = LATE
    artist: Artist = field(default_factory=NoArtist)

    async def turn(self, id: UpgradeId) -> timedelta | None:
        """Tell what is new; None when the upgrade is told to the end."""
        upgrade = await self.upgrades.get(id)
        timeline = await self.upgrades.timeline(id)
        if upgrade is None or not timeline:
            return None
        try:
            return await self._tell(upgrade, timeline)
        except Busy as busy:
            return busy.wait
        except Conflict:  # this turn stood still for so long that it was given to another
            log.info("%s: another narrator goes on with it", id)
            return self.every
        except Unavailable as trouble:
            log.warning("%s: cannot tell now: %s", id, trouble)
            return REFUSAL if _is_no(trouble) else TROUBLE

    async def _tell(self, upgrade: Upgrade, timeline: Sequence[Recorded]) -> timedelta | None:
        told = await self._settle_doubt(upgrade, await self.upgrades.told(upgrade.id), timeline)
        story = tell(record.entry for record in timeline)
        made = await self._buttons(upgrade, story)
        shown = _drawn(upgrade, story, made)
        edit_every = EDIT_ANYWAY if _next_batch(timeline, told.position) else EDIT_EVERY
        told = await self._show_card(upgrade, told, shown, made, edit_every)
        told = await self._reply(upgrade, told, timeline)
        told = await self._show_card(upgrade, told, shown, made)
        if story.ended_at is None:
            if upgrade.status.is_before_order:
                return self.every
            await self.upgrades.news(upgrade.id, told.position, self.watched)
            return timedelta()
        if story.finished and not told.reported:
            told = await self._report(upgrade, told, timeline)
        if told.card_digest != _digest(shown) and not self._is_hopeless(told, story.ended_at):
            return self.every if told.refused_since is None else REFUSAL
        await self.upgrades.close(upgrade.id)
        return None

    async def _buttons(self, upgrade: Upgrade, story: Story) -> Mapping[str, Button]:
        """One that an older bot proposed gets its seal here, and its card the buttons of this one."""
        made = buttons(story, upgrade.seal)
        if upgrade.seal or not made:
            return made
        sealed = upgrade.model_copy(update={"seal": secrets.token_urlsafe()})
        await self.upgrades.save(sealed, ())
        return buttons(story, sealed.seal)

    async def _settle_doubt(self, upgrade: Upgrade, told: Told, timeline: Sequence[Recorded]) -> Told:
        """A message may have got out without its `ts` being saved: look for it before posting it again."""
        doubtful = told.telling
        if doubtful is None:
            return told
        since = timeline[0].written_at - timedelta(minutes=1)
        thread = None if doubtful == CARD else told.card_ts
        try:
            found = await self.thread.find(upgrade.channel, _key(upgrade, doubtful), thread=thread, since=since)
        except Unavailable as trouble:
            if trouble.code not in THREAD_GONE:
                raise
            found = None
        since_said = self._now() - told.telling_since
        if found is None and 0 <= since_said < UNDER_WAY.total_seconds():
            raise Busy(UNDER_WAY - timedelta(seconds=since_said))  # by a narrator that is believed dead, and is not
        if found and doubtful == CARD:
            told = replace(told, card_ts=found, trouble=None, link_asked_at=0.0)
        elif found and doubtful == REPORT:
            told = replace(told, reported=True)
        elif found:
            told = replace(told, position=Position(doubtful))
        return await self._remember(upgrade, replace(told, telling=None))

    async def _show_card(
        self,
        upgrade: Upgrade,
        told: Told,
        message: Message,
        made: Mapping[str, Button],
        edit_every: timedelta = EDIT_EVERY,
    ) -> Told:
        """Post it once, then edit it: the latest wins, and never more often than Slack likes.

        What its buttons mean is kept before anybody can click them.
        """
        if told.card_ts is None:
            await self.upgrades.keep_buttons(made)
            return await self._post_card(upgrade, told, message)
        ts, told = told.card_ts, await self._link(upgrade, told)
        if not self._is_due(upgrade, told, message, edit_every):
            return told
        await self.upgrades.keep_buttons(made)
        return await self._edit_card(upgrade, told, ts, message)

    def _is_due(self, upgrade: Upgrade, told: Told, message: Message, edit_every: timedelta) -> bool:
        """A card that shows it all is edited too while people are to click it: only so does one learn that it is gone."""
        unchanged = told.card_digest == _digest(message)
        if unchanged and upgrade.status not in CLICKED:
            return False
        every = LOOK_EVERY if unchanged else edit_every
        return not 0 <= self._now() - told.card_edited_at < every.total_seconds()

    async def _edit_card(self, upgrade: Upgrade, told: Told, ts: str, message: Message) -> Told:
        """The replies do not wait for an edit that fails; it is tried again."""
        try:
            await _taken(lambda each: self.thread.edit(upgrade.channel, ts, each), message)
        except Busy:
            return told
        except Unavailable as trouble:
            if trouble.code in (DELETED if told.card_digest == _digest(message) else GONE):
                return await self._post_card(upgrade, replace(told, card_ts=None, permalink=None), message)
            log.warning("%s: its card cannot be edited now: %s", upgrade.id, trouble)
            since = (told.refused_since or self._now()) if _is_no(trouble) else told.refused_since
            return await self._remember(upgrade, replace(told, card_edited_at=self._now(), refused_since=since))
        return await self._remember(upgrade, self._shown(told, ts, message))

    def _shown(self, told: Told, ts: str, message: Message) -> Told:
        """Slack took it."""
        digest, now = _digest(message), self._now()
        return replace(told, card_ts=ts, trouble=None, card_digest=digest, card_edited_at=now, refused_since=None)

    def _is_hopeless(self, told: Told, ended_at: datetime) -> bool:
        if told.refused_since is None:
            return False
        return self._now() - max(told.refused_since, ended_at.timestamp()) >= PATIENCE.total_seconds()

    async def _link(self, upgrade: Upgrade, told: Told) -> Told:
        now = self._now()
        if told.permalink or told.card_ts is None or 0 <= now - told.link_asked_at < LINK_EVERY.total_seconds():
            return told
        permalink = await self._permalink(upgrade, told.card_ts)
        return await self._remember(upgrade, replace(told, permalink=permalink, link_asked_at=now))

    async def _permalink(self, upgrade: Upgrade, ts: str) -> str | None:
        try:
            return await self.thread.permalink(upgrade.channel, ts)
        except (Busy, Unavailable) as trouble:
            log.warning("%s: no link to its card yet: %s", upgrade.id, trouble)
            return None

    async def _post_card(self, upgrade: Upgrade, told: Told, message: Message) -> Told:
        told = await self._remember(upgrade, replace(told, telling=CARD, telling_since=self._now()))
        ts = await self._posted(upgrade, told, message, thread=None)
        told = replace(self._shown(told, ts, message), telling=None, link_asked_at=0.0)
        return await self._link(upgrade, await self._remember(upgrade, told))

    async def _reply(self, upgrade: Upgrade, told: Told, timeline: Sequence[Recorded]) -> Told:
        """Every entry after the position; lines of the ticker that are due together share a message, if they fit."""
        while _next_batch(timeline, told.position):
            text, last = self._next_message(timeline, told.position)
            if text:
                await self.thread.clear(upgrade.channel)
                timeline = (*timeline, *await self.upgrades.timeline(upgrade.id, timeline[-1].position))
                text, last = self._next_message(timeline, told.position)
                told = await self._remember(upgrade, replace(told, telling=last, telling_since=self._now()))
                await self._posted(upgrade, told, Message(text), thread=told.card_ts)
            told = await self._remember(upgrade, replace(told, position=last, telling=None))
        return told

    def _next_message(self, timeline: Sequence[Recorded], after: Position) -> tuple[str, Position]:
        """Its text, empty where there is nothing to say, and the last entry that it tells."""
        batch = _next_batch(timeline, after)
        words = [self._words(record, timeline) for record in batch]
        fitting = _fitting(words)
        return "\n".join(filter(None, words[:fitting])), batch[fitting - 1].position

    def _words(self, record: Recorded, timeline: Sequence[Recorded]) -> str | None:
        """What cannot be put into words is told as that, so that all after it is told too."""
        entries = [each.entry for each in timeline if _rank(each.position) <= _rank(record.position)]
        unsaid = f"({record.entry.kind}: this happened, and it could not be put into words.)"
        words = _made(lambda: said_of(record.entry, tell(entries)), unsaid)
        mark = LATE_MARK if self.clock.now() - record.written_at > self.late else ""
        return cut(words, TEXT - len(mark)) + mark if words else None

    async def _report(self, upgrade: Upgrade, told: Told, timeline: Sequence[Recorded]) -> Told:
        """All of it is made before the mark: whoever stands still meanwhile has not begun to tell it."""
        files, comment = await self._enclosed(upgrade, timeline)
        told = await self._remember(upgrade, replace(told, telling=REPORT, telling_since=self._now()))
        if told.card_ts and files:
            timely = self._until(told.telling_since + TIMELY.total_seconds())
            uploading = self.thread.upload(upgrade.channel, told.card_ts, files, comment, timely=timely)
            await self._sent(upgrade, told, uploading)
        else:
            await self._posted(upgrade, told, comment, thread=told.card_ts)
        return await self._remember(upgrade, replace(told, reported=True, telling=None))

    async def _enclosed(self, upgrade: Upgrade, timeline: Sequence[Recorded]) -> tuple[Sequence[File], Message]:
        unmade = Message("The report could not be made; the bot's log says why.")
        made, texts = _made(lambda: _texts(timeline), (None, ()))
        if made is None:
            return (), unmade
        beside = await enclosures(upgrade, made, self.upgrades, self.artist)
        pictures = [each for each in beside.files if each.alt]  # first: that is the one which Slack shows large
        others = [each for each in beside.files if not each.alt]
        return [*pictures, *texts, *others], Message(report_comment(made, beside.missing))

    async def _posted(self, upgrade: Upgrade, told: Told, message: Message, *, thread: str | None) -> str:
        key = _key(upgrade, told.telling or "")
        timely = self._until(told.telling_since + TIMELY.total_seconds())

        def post(each: Message) -> Awaitable[str]:
            return self.thread.post(upgrade.channel, each, key=key, thread=thread, timely=timely)

        posting = _taken(post, message)
        return await self._sent(upgrade, told, posting)

    async def _sent(self, upgrade: Upgrade, told: Told, sending: Awaitable[T]) -> T:
        """Take the mark back when Slack surely did not take it: then there is nothing to look for.

        Where the thread is gone, the card is, and the next turn posts another one.
        """
        try:
            return await sending
        except Busy:
            await self._remember(upgrade, replace(told, telling=None))
            raise
        except Unavailable as trouble:
            if told.telling != CARD and trouble.code in THREAD_GONE:
                told = replace(told, card_ts=None, permalink=None)
            if _is_no(trouble):
                uncarded = trouble.code if told.telling == CARD else told.trouble
                await self._remember(upgrade, replace(told, telling=None, trouble=uncarded))
            raise

    def _until(self, last: float) -> Timely:
        return lambda: self._now() <= last

    def _now(self) -> float:
        return self.clock.now().timestamp()

    async def _remember(self, upgrade: Upgrade, told: Told) -> Told:
        return await self.upgrades.set_told(upgrade.id, told)


async def _taken(send: Callable[[Message], Awaitable[T]], message: Message) -> T:
    """Send it; should Slack not like what is in it, send less, for the rest has to be told after it."""
    try:
        return await send(message)
    except Unavailable as trouble:
        if trouble.code not in UNPALATABLE:
            raise
        log.error("Slack does not take this (%s): %s", trouble.code, message)
    return await send(Message(message.text if message.blocks else "(Slack did not take the words for this.)"))


def _is_no(trouble: Unavailable) -> bool:
    """Slack's own no: nothing was done. Without an answer, or after an accident, nobody knows."""
    in_doubt = trouble.code == "no answer" or trouble.code.startswith("HTTP") or trouble.code in HALF_DONE
    return trouble.what == "Slack" and not in_doubt


def _drawn(upgrade: Upgrade, story: Story, made: Mapping[str, Button]) -> Message:
    plain = Message(f"An upgrade to {upgrade.plan.target}. Its card could not be drawn; the bot's log says why.")
    return _made(lambda: card(story, made), plain)


def _texts(timeline: Sequence[Recorded]) -> tuple[Report, Sequence[File]]:
    made = report(record.entry for record in timeline)
    texts = {"report.md": report_markdown(made), REPORT: made.model_dump_json(indent=2)}
    return made, [File(name, text.encode("utf-8", "replace")) for name, text in texts.items()]


def _next_batch(timeline: Sequence[Recorded], after: Position) -> list[Recorded]:
    due = [record for record in timeline if _rank(record.position) > _rank(after)]
    if not due or not is_line(due[0].entry):
        return due[:1]
    batch = []
    for record in due[:MOST_LINES]:
        if not is_line(record.entry):
            break
        batch.append(record)
    return batch


def _fitting(words: Sequence[str | None]) -> int:
    """How many of these make one message: at least one, for none is split."""
    lengths = accumulate(len(each or "") + 1 for each in words)
    return max(1, sum(length <= MOST_TEXT for length in lengths))


def _rank(position: Position) -> tuple[int, int]:
    """Redis Stream ids are `ms-sequence`."""
    ms, _, sequence = position.partition("-")
    return int(ms), int(sequence or 0)


def _key(upgrade: Upgrade, what: str) -> str:
    """The mark of one message of one upgrade; the report is known by the name of its file."""
    return what if what == REPORT else f"{upgrade.id}:{what}"


def _digest(message: Message) -> str:
    return hashlib.sha256(json.dumps([message.text, list(message.blocks)]).encode()).hexdigest()[:16]
