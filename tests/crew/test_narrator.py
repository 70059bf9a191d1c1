"""The narrator: each entry once and in order, whoever dies, and whatever Slack makes of it."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from bot.adapters.slack import Slack, SlackThread
from bot.crew import narrator as narrators
from bot.crew.narrator import EDIT_EVERY, LOOK_EVERY, PATIENCE, REFUSAL, TROUBLE, Narrator
from bot.domain import moves
from bot.domain.buttons import Button
from bot.domain.errors import Unavailable
from bot.domain.ids import Region, UpgradeId
from bot.domain.moves import Move
from bot.domain.status import Status
from bot.domain.story import Story
from bot.domain.timeline import Entry, MemberSeen
from bot.domain.upgrade import Upgrade
from bot.messages.card import card
from bot.messages.message import Message
from bot.messages.thread import said_of
from bot.ports.upgrades import Told
from sandbox.slack import Change, File, SlackDouble
from tests.crew.house import (
    AKI,
    MINA,
    MINUTE,
    OPS,
    REN,
    SECOND,
    STARTED,
    Clock,
    Death,
    Lanes,
    Store,
    proposal,
    rds_said,
)

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

WORDS = [
    "@Aki proposed this: “patch for CVE”",
    "@Mina approved. 1 of 1.",
    "Ordered: ModifyGlobalCluster(orders, 18.6).",
    STARTED,
    "Database cluster engine version has been upgraded.",
    "Done in 42 s.",
]


@dataclass(frozen=True)
class Telling:
    """An upgrade, its narrator, and the channel as people see it."""

    clock: Clock
    store: Store
    slack: SlackDouble
    lanes: Lanes
    web: Slack

    @property
    def narrator(self) -> Narrator:
        """Another one every time: it remembers nothing."""
        return Narrator(self.store, SlackThread(self.web, self.lanes), self.clock, watched=timedelta())

    async def propose(self, channel: str = OPS) -> Upgrade:
        return await self.store.create(*proposal(self.clock.now(), channel))

    async def approve(self, upgrade: Upgrade) -> Upgrade:
        return await self.save(moves.approve(upgrade, MINA, upgrade.plan.digest, upgrade.rule, self.clock.now()))

    async def order(self, upgrade: Upgrade) -> Upgrade:
        intended = await self.save(moves.intend(await self.approve(upgrade), (MINA,), self.clock.now()))
        return await self.save(moves.accepted(intended, self.clock.now()))

    async def hear(self, upgrade: Upgrade, *messages: str) -> None:
        for message in messages:
            said = rds_said(self.clock.now(), message)
            await self.store.append_once(upgrade.id, f"rds:{message}", said)

    async def finish(self, upgrade: Upgrade) -> Upgrade:
        self.clock.move(42 * SECOND)
        versions = {step.region: "18.6.1" for step in upgrade.plan.steps}
        return await self.save(moves.finish(upgrade, Status.SUCCEEDED, "", versions, (), self.clock.now()))

    async def whole(self) -> Upgrade:
        """Everything happened, and nothing of it is told."""
        upgrade = await self.order(await self.propose())
        await self.hear(upgrade, STARTED, "Database cluster engine version has been upgraded.")
        return await self.finish(upgrade)

    async def save(self, move: Move) -> Upgrade:
        return await self.store.save(*move)

    async def tell(self, upgrade: Upgrade, turns: int = 1, apart: timedelta = SECOND) -> timedelta | None:
        wait: timedelta | None = None
        for _ in range(turns):
            wait = await self.narrator.turn(upgrade.id)
            self.clock.move(apart)
        return wait

    async def to_the_end(self, upgrade: Upgrade) -> None:
        """Turn after turn, when each says that the next is due."""
        for _ in range(40):
            wait = await self.narrator.turn(upgrade.id)
            if wait is None:
                return
            self.clock.move(wait)
        pytest.fail("it is never told to the end")

    def thread(self, channel: str = OPS) -> list[str]:
        """Every reply of the last card, as people see it."""
        cards = self.slack.history(channel)
        return [each.text for each in self.slack.replies(channel, cards[-1].ts)] if cards else []

    def told(self) -> list[str]:
        """What the thread says, without who and when: the first of WORDS in each line."""
        lines = "\n".join(self.thread()).replace("<@U0AKI>", "@Aki").replace("<@U0MINA>", "@Mina").splitlines()
        return [word for line in lines for word in WORDS if word in line]


class SleepyLanes(Lanes):
    """While whoever reserves the third place of a post stands still, another narrator goes on to the end."""

    def __init__(self, telling: Telling, upgrade: Upgrade) -> None:
        super().__init__(telling.clock)
        self.telling = telling
        self.upgrade = upgrade
        self.places = 0

    @property
    def slept(self) -> bool:
        return self.places >= 3

    async def reserve(self, lane: str, every: timedelta, at_most: timedelta, /) -> timedelta:
        self.places += lane.startswith("post:") and at_most > timedelta()
        if self.places == 3:
            self.places += 1
            self.clock.move(12 * SECOND)
            await self.telling.to_the_end(self.upgrade)
        return await super().reserve(lane, every, at_most)


class MeanwhileLanes(Lanes):
    """While somebody waits for the channel to be clear, RDS says one thing more, once."""

    def __init__(self, telling: Telling, upgrade: Upgrade) -> None:
        super().__init__(telling.clock)
        self.telling = telling
        self.upgrade = upgrade

    async def reserve(self, lane: str, every: timedelta, at_most: timedelta, /) -> timedelta:
        if at_most < timedelta():
            said = rds_said(self.clock.now(), "meanwhile")
            await self.telling.store.append_once(self.upgrade.id, "meanwhile", said)
        return await super().reserve(lane, every, at_most)


@pytest.fixture
def telling(clock: Clock, store: Store, double: SlackDouble, slack: Slack) -> Telling:
    return Telling(clock, store, double, Lanes(clock), slack)


# --- once and in order ---


async def test_an_upgrade_from_the_card_to_the_report(telling: Telling) -> None:
    upgrade = await telling.whole()
    await telling.to_the_end(upgrade)
    assert telling.told() == WORDS
    (shown,) = telling.slack.history(OPS)
    assert "succeeded" in shown.text
    assert shown.buttons == []
    (report,) = (each for each in telling.slack.files(OPS) if each.name == "report.json")
    assert json.loads(report.content)["outcome"] == "succeeded"
    assert await telling.store.unfinished() == ()
    assert (await telling.store.told(upgrade.id)).permalink == (
        f"https://sandbox.slack.com/archives/C0DBOPS/p{shown.ts.replace('.', '')}"
    )


async def test_lines_that_are_due_together_share_a_message(telling: Telling) -> None:
    upgrade = await telling.order(await telling.propose())
    await telling.tell(upgrade)
    await telling.hear(upgrade, *(f"text {n:02}" for n in range(15)))
    await telling.tell(upgrade)
    *_, first, second = telling.thread()
    assert [line[-2:] for line in first.splitlines()] == [f"{n:02}" for n in range(12)]
    assert [line[-2:] for line in second.splitlines()] == ["12", "13", "14"]


async def test_long_lines_share_a_message_only_as_far_as_slack_shows_it_whole(telling: Telling) -> None:
    upgrade = await telling.order(await telling.propose())
    await telling.tell(upgrade)
    await telling.hear(upgrade, *(f"text {n:02} {'long ' * 300}" for n in range(12)))
    telling.clock.move(MINUTE + SECOND)
    await telling.tell(upgrade)
    replies = telling.thread()[3:]
    lines = "\n".join(replies).splitlines()
    assert [line.partition("text ")[2][:2] for line in lines] == [f"{n:02}" for n in range(12)]
    assert [len(reply.splitlines()) for reply in replies] == [2] * 6
    assert all(len(reply) <= 3500 for reply in replies)
    assert all(line.endswith("… _(told late)_") for line in lines)


async def test_nothing_is_longer_than_slack_shows_it_whole(telling: Telling) -> None:
    upgrade = await telling.order(await telling.propose())
    await telling.tell(upgrade)
    versions = {step.region: "18.6 " + "and more " * 99 for step in upgrade.plan.steps}
    whole = {Region(f"{region}-{n}"): version for region, version in versions.items() for n in range(9)}
    await telling.save(moves.finish(upgrade, Status.FAILED, "why " * 999, whole, (), telling.clock.now()))
    telling.clock.move(MINUTE + SECOND)
    await telling.to_the_end(upgrade)
    (closing,) = (reply for reply in telling.thread() if "this needs a human" in reply)
    assert 3900 < len(closing) <= 4000
    assert closing.endswith("… _(told late)_")


async def test_what_ends_before_an_order_has_no_report(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    await telling.save(moves.cancel(upgrade, AKI, telling.clock.now()))
    await telling.to_the_end(upgrade)
    assert telling.thread()[-1] == "<@U0AKI> cancelled. Nothing was changed."
    assert telling.slack.files(OPS) == []
    assert await telling.store.unfinished() == ()


async def test_from_the_order_on_it_waits_for_what_is_new_and_goes_on_at_once(telling: Telling) -> None:
    upgrade = await telling.propose()
    assert await telling.narrator.turn(upgrade.id) == SECOND
    upgrade = await telling.order(upgrade)
    assert await telling.narrator.turn(upgrade.id) == timedelta()


async def test_what_comes_while_a_message_waits_for_its_place_goes_with_it(telling: Telling) -> None:
    upgrade = await telling.order(await telling.propose())
    await telling.narrator.turn(upgrade.id)
    await telling.store.append_once(upgrade.id, "first", rds_said(telling.clock.now(), "first"))
    lanes = MeanwhileLanes(telling, upgrade)
    patient = replace(telling.narrator, thread=SlackThread(telling.web, lanes))
    await patient.turn(upgrade.id)
    first, meanwhile = telling.thread()[-1].splitlines()
    assert first.endswith("first")
    assert meanwhile.endswith("meanwhile")


async def test_nothing_to_tell(telling: Telling) -> None:
    assert await telling.narrator.turn(UpgradeId("nobody")) is None


@contextmanager
def dying(store: Store, when: str, number: int) -> Iterator[list[Told]]:
    """The process dies before or after writing down for the n-th time what it told."""
    written: list[Told] = []

    def die(told: Told) -> None:
        written.append(told)
        if len(written) == number:
            raise Death

    setattr(store, f"{when}_told", die)
    yield written
    store.mend()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_at_any_point_loses_nothing_and_tells_nothing_twice(telling: Telling, when: str) -> None:
    number, deaths = 1, 0
    while number == deaths + 1:
        for each in telling.slack.board.everything(OPS):
            telling.slack.board.delete(each)
        upgrade = await telling.whole()
        with dying(telling.store, when, number):
            try:
                await telling.to_the_end(upgrade)
            except Death:
                deaths += 1
        await telling.to_the_end(upgrade)
        assert telling.told() == WORDS, f"died {when} write {number}"
        assert len(telling.slack.history(OPS)) == 1
        assert sorted(each.name for each in telling.slack.files(OPS)) == ["attempts.csv.gz", "report.json", "report.md"]
        number += 1
    assert deaths > 12


async def test_answers_that_get_lost_tell_nothing_twice(telling: Telling) -> None:
    for method in ("chat.postMessage", "files.completeUploadExternal"):
        telling.slack.faults.lose_answer(method)
    upgrade = await telling.whole()
    assert await telling.tell(upgrade) == TROUBLE
    assert telling.thread() == []
    telling.slack.faults.lose_answer("chat.postMessage", times=2)
    await telling.to_the_end(upgrade)
    assert telling.told() == WORDS
    assert len(telling.slack.history(OPS)) == 1
    assert len(telling.slack.files(OPS)) == 3


async def test_a_narrator_that_wakes_up_after_another_went_on_does_not_turn_back(telling: Telling) -> None:
    """It stood still with a message out and not yet noted; meanwhile its turn was given to another."""
    upgrade = await telling.whole()
    held = telling.slack.faults.hold_answer("chat.postMessage")
    asleep = asyncio.create_task(telling.narrator.turn(upgrade.id))
    await asyncio.wait_for(held.arrived.wait(), 5)
    await telling.to_the_end(upgrade)
    held.release()
    await asleep
    await telling.to_the_end(upgrade)
    assert telling.told() == WORDS
    assert len(telling.slack.history(OPS)) == 1


async def test_a_narrator_that_stood_still_before_it_sent_does_not_send_any_more(telling: Telling) -> None:
    """It had noted what it was about to tell; when it wakes up, another has told it, and more."""
    upgrade = await telling.whole()
    falling_asleep = SleepyLanes(telling, upgrade)
    asleep = Narrator(telling.store, SlackThread(telling.web, falling_asleep), telling.clock)
    await asleep.turn(upgrade.id)
    assert falling_asleep.slept
    await telling.to_the_end(upgrade)
    assert telling.told() == WORDS
    assert len(telling.slack.history(OPS)) == 1


async def test_somebodys_own_file_is_not_taken_for_a_report_that_is_in_doubt(telling: Telling) -> None:
    upgrade = await telling.whole()
    telling.slack.faults.refuse("files.completeUploadExternal", "internal_error")
    assert await telling.tell(upgrade) == TROUBLE
    (card,) = telling.slack.history(OPS)
    theirs = File(id="F1", name="report.json", title="report.json", content=b"{}")
    telling.slack.board.post(OPS, REN, text="mine", files=(theirs,), thread_ts=card.ts)
    await telling.to_the_end(upgrade)
    assert [each.name for each in telling.slack.files(OPS)] == [
        "report.json",
        "report.md",
        "report.json",
        "attempts.csv.gz",
    ]


async def test_what_is_told_late_says_so(telling: Telling) -> None:
    upgrade = await telling.propose()
    telling.clock.move(timedelta(seconds=61))
    await telling.tell(upgrade)
    assert telling.thread() == ["<@U0AKI> proposed this: “patch for CVE” _(told late)_"]


# --- the card ---


async def test_edits_keep_their_distance_and_the_latest_wins(telling: Telling) -> None:
    edits: list[datetime] = []

    def note(change: Change) -> None:
        if change.kind == "edited":
            edits.append(change.at)

    telling.slack.on_message(note)
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    upgrade = await telling.order(upgrade)
    for n in range(9):
        step = upgrade.plan.steps[0]
        member = MemberSeen(
            at=telling.clock.now(),
            region=step.region,
            status=f"upgrading-{n}",
            version="18.4",
            instances=("available",),
        )
        upgrade = await telling.save(moves.note_members(upgrade, (member,)))
        await telling.tell(upgrade)
    await telling.tell(upgrade, turns=3)
    assert "upgrading-8" in telling.slack.history(OPS)[0].text
    assert len(edits) in (3, 4)
    assert all(later - earlier >= EDIT_EVERY for earlier, later in pairwise(edits))


async def test_a_clock_set_back_does_not_freeze_the_card(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    telling.clock.move(timedelta(hours=-1))
    await telling.approve(upgrade)
    await telling.tell(upgrade)
    assert "approved" in telling.slack.history(OPS)[0].text


@pytest.mark.parametrize("answers", ["before", "after"])
async def test_a_deleted_card_is_posted_again_and_told_on(telling: Telling, answers: str) -> None:
    """Found out by an edit, or, when there is nothing to edit, by a reply."""
    upgrade = await telling.order(await telling.propose())
    await telling.tell(upgrade, turns=4)
    (old,) = telling.slack.history(OPS)
    link = (await telling.store.told(upgrade.id)).permalink
    telling.slack.board.delete(old)
    if answers == "before":
        await telling.finish(upgrade)
    else:
        await telling.hear(upgrade, STARTED)
    await telling.tell(upgrade, turns=3)
    (new,) = telling.slack.history(OPS)
    assert new.ts != old.ts
    assert len(telling.thread()) == (2 if answers == "before" else 1)
    assert (await telling.store.told(upgrade.id)).permalink not in (None, link)


async def test_a_card_deleted_while_it_waits_for_clicks_comes_back_with_its_buttons(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    (old,) = telling.slack.history(OPS)
    link = (await telling.store.told(upgrade.id)).permalink
    telling.slack.board.delete(old)
    telling.clock.move(LOOK_EVERY)
    await telling.tell(upgrade, turns=2)
    (new,) = telling.slack.history(OPS)
    assert new.buttons == old.buttons == ["approve", "decline", "cancel"]
    assert (await telling.store.told(upgrade.id)).permalink not in (None, link)


async def test_a_card_that_nothing_happens_to_is_looked_at_seldom(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade, turns=50, apart=10 * SECOND)
    assert telling.slack.calls["chat.update"] == 4
    upgrade = await telling.order(upgrade)
    await telling.tell(upgrade, turns=50, apart=10 * SECOND)
    assert telling.slack.calls["chat.update"] == 5


async def test_a_card_that_may_not_be_edited_any_more_is_not_posted_again_before_it_changes(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    telling.slack.faults.refuse("chat.update", "edit_window_closed", times=3)
    await telling.tell(upgrade, turns=30, apart=10 * SECOND)
    assert len(telling.slack.history(OPS)) == 1
    await telling.approve(upgrade)
    await telling.tell(upgrade, turns=4)
    assert "approved" in telling.slack.history(OPS)[-1].text


async def test_a_death_and_a_deleted_card_at_once(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    await telling.approve(upgrade)

    def die(told: Told) -> None:
        if told.telling is None:
            raise Death

    telling.store.before_told = die
    with pytest.raises(Death):
        await telling.narrator.turn(upgrade.id)
    telling.store.mend()
    telling.slack.board.delete(telling.slack.history(OPS)[0])
    await telling.tell(upgrade, turns=9)
    assert telling.thread() == ["<@U0MINA> approved. 1 of 1."]


async def test_a_card_that_cannot_be_edited_does_not_keep_the_thread_back(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    telling.clock.move(EDIT_EVERY)
    telling.slack.faults.refuse("chat.update", "not_allowed", times=5)
    upgrade = await telling.order(upgrade)
    await telling.tell(upgrade, turns=9)
    assert telling.told() == WORDS[:3]
    assert telling.slack.calls["chat.update"] == 3
    await telling.tell(upgrade, turns=9)
    assert "upgrading" in telling.slack.history(OPS)[0].text


async def test_a_card_that_is_not_active_any_more_is_posted_again(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade, turns=4)
    telling.slack.faults.refuse("chat.update", "is_inactive", times=99)
    await telling.save(moves.cancel(upgrade, AKI, telling.clock.now()))
    await telling.to_the_end(upgrade)
    assert "cancelled" in telling.slack.history(OPS)[-1].text
    assert telling.slack.calls["chat.update"] == 1


async def test_the_last_card_of_an_upgrade_is_tried_calmly_and_given_up_in_the_end(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade, turns=4)
    telling.slack.faults.refuse("chat.update", "not_allowed", times=999)
    await telling.save(moves.cancel(upgrade, AKI, telling.clock.now()))
    ended, turns = telling.clock.now(), 0
    while (wait := await telling.narrator.turn(upgrade.id)) is not None:
        assert wait == REFUSAL
        telling.clock.move(wait)
        turns += 1
    assert telling.clock.now() - ended == PATIENCE
    assert telling.slack.calls["chat.update"] == turns + 1
    assert await telling.store.unfinished() == ()


async def test_a_last_card_is_not_given_up_while_slack_is_away(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade, turns=4)
    await telling.save(moves.cancel(upgrade, AKI, telling.clock.now()))
    telling.clock.move(2 * PATIENCE)
    telling.slack.faults.refuse("chat.update", "internal_error")
    assert await telling.tell(upgrade) is not None
    await telling.to_the_end(upgrade)
    assert "cancelled" in telling.slack.history(OPS)[0].text


async def test_a_card_whose_blocks_slack_does_not_like_is_shown_without(telling: Telling) -> None:
    telling.slack.faults.refuse("chat.postMessage", "invalid_blocks")
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    (shown,) = telling.slack.history(OPS)
    assert shown.blocks == []
    assert "waiting for approval" in shown.text
    assert telling.told() == WORDS[:1]


# --- what Slack does ---


async def test_a_limit_is_waited_for_and_all_is_told_in_order(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    telling.slack.faults.rate_limit("chat.postMessage", 10)
    upgrade = await telling.order(upgrade)
    await telling.hear(upgrade, STARTED)
    assert await telling.tell(upgrade) == 10 * SECOND
    calls = telling.slack.calls["chat.postMessage"]
    assert await telling.tell(upgrade) == 9 * SECOND
    assert telling.slack.calls["chat.postMessage"] == calls, "nobody asks while the lane is suspended"
    telling.clock.move(10 * SECOND)
    await telling.tell(upgrade)
    assert telling.told() == WORDS[:4]


async def test_a_link_that_cannot_be_had_is_asked_for_calmly(telling: Telling) -> None:
    telling.slack.faults.rate_limit("chat.getPermalink", 100)
    upgrade = await telling.propose()
    await telling.tell(upgrade, turns=20, apart=5 * SECOND)
    assert telling.slack.calls["chat.getPermalink"] == 1, "nobody asks while the lane is suspended"
    telling.slack.faults.refuse("chat.getPermalink", "internal_error")
    await telling.tell(upgrade, turns=12, apart=5 * SECOND)
    assert telling.slack.calls["chat.getPermalink"] == 3
    assert (await telling.store.told(upgrade.id)).permalink is not None


def forget(telling: Telling) -> None:
    telling.slack.workspace.channels.pop(OPS)


def expel(telling: Telling) -> None:
    telling.slack.workspace.channels[OPS].members -= {"U0AURORA"}


@pytest.mark.parametrize(("spoil", "code"), [(forget, "channel_not_found"), (expel, "not_in_channel")])
async def test_a_channel_that_cannot_be_told_in_is_tried_calmly_and_why_is_known(
    telling: Telling, spoil: Callable[[Telling], None], code: str
) -> None:
    channel = telling.slack.workspace.channels[OPS]
    spoil(telling)
    upgrade = await telling.propose()
    for _ in range(3):
        assert await telling.tell(upgrade) == REFUSAL
        assert (await telling.store.told(upgrade.id)).trouble == code
    assert telling.slack.calls.total() == 3
    upgrade = await telling.order(upgrade)
    channel.members.add("U0AURORA")
    telling.slack.workspace.channels[OPS] = channel
    await telling.tell(upgrade)
    assert telling.told() == WORDS[:3]
    assert (await telling.store.told(upgrade.id)).trouble is None


async def test_a_deleted_card_that_cannot_come_back_has_no_link_but_a_reason(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    telling.slack.board.delete(telling.slack.history(OPS)[0])
    telling.slack.faults.refuse("chat.postMessage", "is_archived", times=2)
    assert await telling.tell(upgrade, turns=2, apart=LOOK_EVERY) == REFUSAL
    told = await telling.store.told(upgrade.id)
    assert (told.permalink, told.trouble) == (None, "is_archived")
    await telling.tell(upgrade, turns=2)
    told = await telling.store.told(upgrade.id)
    assert (told.permalink is not None, told.trouble) == (True, None)


async def test_a_card_whose_posting_is_in_doubt_is_no_trouble_when_it_is_found(telling: Telling) -> None:
    upgrade = await telling.propose()
    telling.slack.faults.refuse("chat.postMessage", "not_in_channel")
    assert await telling.tell(upgrade) == REFUSAL
    telling.slack.faults.lose_answer("chat.postMessage")
    assert await telling.tell(upgrade) == TROUBLE
    assert (await telling.store.told(upgrade.id)).trouble == "not_in_channel"
    await telling.tell(upgrade)
    assert len(telling.slack.history(OPS)) == 1
    assert (await telling.store.told(upgrade.id)).trouble is None


async def test_a_channel_that_is_lost_in_the_middle(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    expel(telling)
    upgrade = await telling.order(upgrade)
    assert await telling.tell(upgrade) == REFUSAL
    telling.slack.workspace.channels[OPS].members.add("U0AURORA")
    await telling.tell(upgrade)
    assert telling.told() == WORDS[:3]


async def test_a_report_waits_for_its_scope(telling: Telling) -> None:
    telling.slack.world.scopes.remove("files:write")
    upgrade = await telling.whole()
    await telling.tell(upgrade, turns=2)
    assert await telling.tell(upgrade) == REFUSAL
    telling.slack.world.scopes.add("files:write")
    await telling.to_the_end(upgrade)
    assert sorted(each.name for each in telling.slack.files(OPS)) == ["attempts.csv.gz", "report.json", "report.md"]


async def test_slack_may_be_away(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> str:
        raise Unavailable("Slack", "no answer", "ClientConnectorError")

    upgrade = await telling.propose()
    with monkeypatch.context() as patch:
        patch.setattr(SlackThread, "post", away)
        assert await telling.tell(upgrade, turns=2, apart=TROUBLE) == TROUBLE
    await telling.tell(upgrade)
    assert telling.told() == WORDS[:1]


# --- what cannot be put into words ---


async def test_one_odd_entry_does_not_silence_the_others(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(entry: Entry, story: Story) -> str | None:
        if entry.kind == "ordered":
            raise ValueError("what is this?")
        return said_of(entry, story)

    monkeypatch.setattr(narrators, "said_of", odd)
    await telling.to_the_end(await telling.whole())
    assert telling.told() == WORDS[:2] + WORDS[3:]
    assert "(ordered: this happened, and it could not be put into words.)" in telling.thread()


async def test_words_that_slack_does_not_take_do_not_silence_the_others(telling: Telling) -> None:
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    telling.slack.faults.refuse("chat.postMessage", "msg_too_long")
    await telling.tell(await telling.order(upgrade))
    assert telling.thread()[1:] == [
        "(Slack did not take the words for this.)", "Ordered: ModifyGlobalCluster(orders, 18.6).",
    ]  # fmt: skip


async def test_a_card_that_cannot_be_drawn_does_not_silence_the_thread(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(story: Story, made: Mapping[str, Button]) -> Message:
        if story.status is Status.PROPOSED:
            raise KeyError("what is this?")
        return card(story, made)

    monkeypatch.setattr(narrators, "card", odd)
    upgrade = await telling.propose()
    await telling.tell(upgrade)
    assert "could not be drawn" in telling.slack.history(OPS)[0].text
    telling.clock.move(EDIT_EVERY)
    await telling.tell(await telling.order(upgrade))
    assert telling.told() == WORDS[:3]
    assert "upgrading" in telling.slack.history(OPS)[0].text


async def test_a_report_that_cannot_be_made_is_told_as_that(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(narrators, "report_markdown", odd)
    await telling.to_the_end(await telling.whole())
    assert telling.thread()[-1] == "The report could not be made; the bot's log says why."
    assert telling.slack.files(OPS) == []
    assert await telling.store.unfinished() == ()
