"""Acknowledged at once, done once, answered always."""

import asyncio
import json
import logging
from datetime import timedelta

import pytest

from bot.domain.errors import Unavailable
from bot.domain.ids import UserId
from bot.messages.message import Message
from handlers.answering import Answering
from handlers.middleware import deduplication, is_home, request_key
from handlers.payload import is_readable
from sandbox.slack import SlackDouble
from sandbox.slack.blocks import check_blocks
from sandbox.slack.deeds import Sent
from sandbox.slack.delivery import Envelope
from sandbox.slack.double import SIGNING_SECRET
from sandbox.slack.payloads import VERIFICATION_TOKEN
from sandbox.slack.world import APP_ID
from tests.fuzz.requests import Case, view
from tests.handlers.ears import TOKEN, Ears, StubDesk, Transport, card_blocks, listening


async def test_a_slow_desk_is_acknowledged_at_once_and_answers_late(ears: Ears) -> None:
    ears.desk.seconds = 3.5  # longer than Slack waits
    sent = await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    assert sent.acked
    assert sent.ack_ms < 1000
    assert (await sent.answer(within=3)).text == "Still waiting, most likely for AWS. The answer follows here."
    await sent.answer(within=8, where=lambda answer: answer.text.startswith("`orders`"))
    assert len(sent.answers) == 2


async def test_a_slow_click_reads_that_it_is_not_settled_and_then_how_it_ended(hearing: Ears) -> None:
    hearing.desk.seconds = 2.5
    card = hearing.slack.board.post("C0DBOPS", "U0AURORA", text="card", blocks=card_blocks(TOKEN))
    click = await hearing.slack.person("U0MINA").click(card, "approve")
    assert "not settled yet. The answer follows here" in (await click.answer(within=3)).text
    await click.answer(within=5, where=lambda answer: answer.text.startswith("Your approval"))
    assert [each.visible_to for each in click.answers] == ["U0MINA"] * 2


async def test_an_envelope_that_comes_twice_is_done_once(ears: Ears) -> None:
    sent = await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "cancel orders")
    again = await ears.slack.redeliver(sent)
    assert again.acked
    await sent.answer()
    card = ears.slack.board.post("C0DBOPS", "U0AURORA", text="card", blocks=card_blocks(TOKEN))
    click = await ears.slack.person("U0MINA").click(card, "approve")
    assert (await ears.slack.redeliver(click)).acked
    await click.answer()
    assert [asked[0] for asked in ears.desk.asked] == ["cancel_cluster", "approve"]
    assert len(sent.answers) == len(click.answers) == 1


async def test_without_the_store_a_request_still_reaches_the_desk(hearing: Ears) -> None:
    hearing.store.down = True
    sent = await hearing.slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    assert (await sent.answer()).text.startswith("`orders`")


async def test_a_store_that_hangs_costs_half_a_second() -> None:
    async def hangs(_key: str, _keep: timedelta) -> bool:
        await asyncio.sleep(60)
        return False

    passed = asyncio.Event()

    async def onwards() -> None:
        passed.set()

    async with asyncio.timeout(2):
        await deduplication(hangs)(body={"event_id": "Ev1"}, next=onwards)
    assert passed.is_set()


async def test_another_team_is_turned_away(ears: Ears) -> None:
    sent = await ears.slack.person("U0STRANGER").command("C0DBOPS", "/aurora", "list")
    assert sent.acked
    assert (await sent.answer()).text == "I serve another workspace and its own members only."
    assert ears.desk.asked == []


async def test_another_app_is_turned_away(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.slack.payloads.APP_ID", "A0ANOTHER")
    card = ears.slack.board.post("C0DBOPS", "U0AURORA", text="card", blocks=card_blocks(TOKEN))
    for sent in (
        await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "list"),
        await ears.slack.person("U0MINA").click(card, "approve"),
    ):
        assert sent.acked
        assert (await sent.answer()).text == "This came through another Slack app than mine, so nothing was done."
    assert ears.desk.asked == []


async def test_an_answer_goes_to_slack_only(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else's address it is: the person is answered in the channel instead."""
    monkeypatch.setattr("sandbox.slack.world.World.url", lambda *_: "http://127.0.0.1:1/elsewhere")
    sent = await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    assert (await sent.answer()).text.startswith("`orders`")
    assert ears.slack.calls["chat.postEphemeral"] == 1


async def test_a_form_that_nobody_knows_says_so(ears: Ears) -> None:
    envelope = Envelope("interactive", view(Case("view", "U0AKI"), "T0SANDBOX", APP_ID))
    ack = await ears.slack.redeliver(Sent("U0AKI", "C0DBOPS", envelope=envelope))
    assert ack.body is not None
    assert ack.body["response_action"] == "update"
    assert "I do not know this form" in str(check_blocks(ack.body["view"]["blocks"]))


@pytest.mark.parametrize(
    "body",
    [
        None, [], "x", {"command": "/aurora"}, {"command": "/aurora", "user_id": "U0AKI> <!channel"}, {"user": "U0AKI"},
        {"actions": [], "user": {"id": "U0AKI"}}, {"actions": None},
        {"response_urls": None}, {"actions": [{}], "user": {"id": "U0AKI"}}, {"team": "T0SANDBOX"},
        {"view": {"id": 1}, "user": {"id": "U0AKI"}}, {"event": "x"}, {"response_url": 1},
    ],
)  # fmt: skip
def test_what_no_slack_would_send_is_not_read(body: object) -> None:
    assert not is_readable(body)


async def test_another_command_of_the_same_app_is_answered(ears: Ears) -> None:
    sent = await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora-old", "list")
    assert (await sent.answer()).text.startswith("I do not know this command.")


async def test_an_event_that_nobody_listens_to_is_acknowledged(ears: Ears) -> None:
    sent = await ears.slack.event({"type": "app_home_opened", "user": "U0AKI", "tab": "home"})
    assert sent.acked


async def test_an_answer_that_cannot_go_back_is_whispered_in_the_channel(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.slack.response_urls.MOST_USES", 0)
    sent = await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    answer = await sent.answer()
    assert answer.text.startswith("`orders`")
    assert answer.visible_to == "U0AKI"
    assert answer.in_answer_to is None
    assert ears.slack.response_urls_refused == 1


async def test_not_even_a_debug_log_holds_what_is_secret(slack: SlackDouble, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "slack_sdk")
    caplog.set_level(logging.DEBUG)
    async with listening(slack, "socket", StubDesk(trouble=ValueError("boom"))) as ears:
        sent = await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "upgrade orders 18.6 the reason")
        await sent.answer()
        await ears.slack.redeliver(sent)
    assert "boom" in caplog.text
    for secret in ("xoxb-", "xapp-", SIGNING_SECRET, VERIFICATION_TOKEN, "/response/", "the reason"):
        assert secret not in caplog.text


class Deaf:
    """Keeps what was said; takes nothing."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def reply(self, _response_url: str, message: Message) -> None:
        self.said.append(message.text)
        raise Unavailable("Slack", "HTTP 500")

    async def whisper(self, channel: str, user: UserId, message: Message) -> None:
        self.said.append(f"{channel} {user} {message.text}")
        raise Unavailable("Slack", "not_in_channel")


async def nothing() -> None: ...


BODY = {"user_id": "U0AKI", "channel_id": "C0DBOPS", "response_url": "http://127.0.0.1:1/"}


async def test_an_answer_that_nobody_takes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    answering = Answering(Deaf())

    async def ask() -> Message:
        return Message("hello")

    await answering.serve(nothing, BODY, ask, changes=True)
    await answering.finish(timedelta(seconds=1))
    assert "U0AKI was not answered at all" in caplog.text
    assert "response_url" not in caplog.text


@pytest.mark.parametrize(
    ("changes", "sure"),
    [(False, "Nothing was changed."), (True, "It may have been done or not: look at `/aurora status`")],
)
async def test_asking_has_a_deadline_with_its_own_sentence(changes: bool, sure: str) -> None:
    deaf = Deaf()
    answering = Answering(deaf, deadline=timedelta(milliseconds=50))

    async def ask() -> Message:
        await asyncio.sleep(60)
        return Message("never")

    await answering.serve(nothing, BODY, ask, changes=changes)
    await answering.finish(timedelta(seconds=1))
    assert deaf.said[0].startswith(f"This took longer than 0.05 s, so I stopped waiting. {sure}")


async def test_a_timeout_of_something_else_is_not_taken_for_the_deadline() -> None:
    deaf = Deaf()
    answering = Answering(deaf)

    async def ask() -> Message:
        raise TimeoutError

    await answering.serve(nothing, BODY, ask, changes=True)
    await answering.finish(timedelta(seconds=1))
    assert deaf.said[0].startswith("Something broke")


async def test_who_is_stopped_while_they_wait_reads_both(caplog: pytest.LogCaptureFixture) -> None:
    deaf = Deaf()
    answering = Answering(deaf, patience=timedelta(milliseconds=10))

    async def ask() -> Message:
        await asyncio.sleep(60)
        return Message("never")

    await answering.serve(nothing, BODY, ask, changes=False)
    await answering.finish(timedelta(milliseconds=100))
    waiting, restarted = deaf.said[::2]  # each is whispered too
    assert waiting.startswith("Still waiting")
    assert restarted.startswith("I am being restarted")
    assert "was never retrieved" not in caplog.text


async def test_stopping_lets_answers_finish(slack: SlackDouble) -> None:
    transport: Transport
    for transport in ("socket", "http"):
        async with listening(slack, transport, StubDesk(seconds=1)) as ears:
            sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
            ears.stop.set()
            await ears.running
            assert sent.answers[0].text.startswith("`orders`")


async def test_stopping_says_so_to_those_it_cannot_wait_for() -> None:
    deaf = Deaf()
    answering = Answering(deaf)

    async def ask() -> Message:
        await asyncio.sleep(60)
        return Message("never")

    await answering.serve(nothing, BODY, ask, changes=True)
    await asyncio.sleep(0)
    await answering.finish(timedelta(milliseconds=50))
    assert deaf.said[0].startswith("I am being restarted")


@pytest.mark.parametrize(
    ("body", "home", "ours"),
    [
        ({"team_id": "T1"}, "T1", True),
        ({"team_id": "T2"}, "T1", False),
        ({}, "T1", False),
        ({"team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1"}}, "T1", True),
        ({"team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T2"}}, "T1", False),
        ({"team": {"id": "T1"}, "enterprise": {"id": "E1"}, "user": {"id": "U1", "team_id": "T2"}}, "T1", True),
        ({"team": None, "enterprise": {"id": "E1"}, "user": {"id": "U1", "team_id": "E1"}}, "E1", True),
        ({"team_id": "T1", "enterprise_id": "E1"}, "E1", True),
        ({"team_id": "T1"}, "E1", False),
    ],
)
def test_whose_request_it_is(body: dict[str, object], home: str, ours: bool) -> None:
    assert is_home(body, home) is ours


def test_what_has_no_identity_is_never_taken_for_a_duplicate() -> None:
    assert request_key({"type": "view_submission"}) is None
    assert request_key({"actions": []}) is None
    assert request_key(json.loads('{"command": "/aurora"}')) is None
