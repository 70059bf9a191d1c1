"""Decline asks why: a form, what is typed into it, and what takes its place."""

import asyncio

import pytest

from bot.domain.buttons import UNKNOWN
from bot.domain.errors import Conflict, Refused, Unavailable
from handlers import answering
from sandbox.slack import Click
from sandbox.slack.errors import Json
from tests.handlers.ears import TOKEN, Ears, card_blocks

ORDERS = "orders-k3v9qd2m"


async def click(ears: Ears, who: str = "U0MINA") -> Click:
    posted = ears.slack.board.post("C0DBOPS", "U0AURORA", text="card", blocks=card_blocks(TOKEN))
    clicked = await ears.slack.person(who).click(posted, "decline")
    assert clicked.acked
    return clicked


async def form(ears: Ears) -> Json:
    await click(ears)
    return await ears.slack.person("U0MINA").sees_form("decline")


async def test_a_click_on_decline_opens_a_form_that_carries_the_token_and_nothing_else(ears: Ears) -> None:
    opened = await form(ears)
    assert opened["private_metadata"] == TOKEN
    assert "`orders` from 18.4 to 18.6 will not be done." in str(opened["blocks"])
    assert (opened["blocks"][1]["optional"], opened["blocks"][1]["element"]["max_length"]) == (True, 500)
    assert ears.desk.asked == [("may_decline", "U0MINA")], "nothing is decided yet"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("Not in the week of the audit.\nAsk again on Monday.", "Not in the week of the audit.\nAsk again on Monday."),
        ("", ""),
        ("  \n ", ""),
        ("<!channel> &amp; <@U0AKI>", "<!channel> &amp; <@U0AKI>"),
        ("a\u202eb\x00c\ud800", "abc"),
        ("x" * 500, "x" * 500),
    ],
)
async def test_what_is_typed_reaches_the_desk_as_it_was_typed(hearing: Ears, typed: str, why: str) -> None:
    sent = await hearing.slack.person("U0MINA").submit(await form(hearing), why=typed)
    assert sent.said == "You declined `orders` from 18.4 to 18.6. Nothing was changed."
    assert hearing.desk.asked[1:] == [("decline", "U0MINA", ORDERS, why, 3)]
    assert hearing.desk.pressing[1:] == [(TOKEN, "decline")]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Refused("You are not one of the approvers of this upgrade.", approvers=("S0DBA",)), "Approvers: @dba"),
        (Refused("This upgrade is over: it was cancelled."), "This upgrade is over: it was cancelled."),
        (Unavailable("Redis", "ConnectionError"), "Redis did not answer (`ConnectionError`)."),
        (Conflict("kept changing"), "Somebody else was faster"),
        (KeyError("what is this?"), "Something broke (ref `"),
    ],
)
async def test_why_it_was_not_done_takes_the_place_of_the_form(ears: Ears, trouble: Exception, said: str) -> None:
    opened = await form(ears)
    ears.desk.trouble = trouble
    sent = await ears.slack.person("U0MINA").submit(opened, why="no")
    assert said in sent.said
    assert ears.slack.ephemerals("U0MINA") == []


async def test_a_form_of_a_card_that_nobody_knows_any_more(hearing: Ears) -> None:
    opened = await form(hearing)
    hearing.desk.lost = Refused(UNKNOWN)
    assert (await hearing.slack.person("U0MINA").submit(opened)).said == UNKNOWN
    forged = opened | {"private_metadata": '{"upgrade": "orders-k3v9qd2m"}'}
    assert (await hearing.slack.person("U0MINA").submit(forged)).said == UNKNOWN
    assert [each[0] for each in hearing.desk.asked] == ["may_decline"]


async def test_who_could_not_decline_any_more_reads_it_before_typing(ears: Ears) -> None:
    ears.desk.trouble = Refused("This upgrade is over: it was cancelled.")
    assert (await (await click(ears)).answer()).text == "This upgrade is over: it was cancelled."
    assert ears.slack.world.modals == {}


@pytest.mark.parametrize("code", ["expired_trigger_id", "internal_error"])
async def test_a_form_that_slack_does_not_open_leaves_the_command(ears: Ears, code: str) -> None:
    ears.slack.faults.refuse("views.open", code)
    assert (await (await click(ears)).answer()).text == (
        f"The form did not open (`{code}`), and nothing was changed. "
        "Click Decline again, or type `/aurora decline orders REASON`."
    )


async def test_an_answer_that_takes_long_follows_in_the_channel(hearing: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "FORM_PATIENCE", answering.FORM_PATIENCE / 20)
    opened = await form(hearing)
    hearing.desk.seconds = 0.4
    sent = await hearing.slack.person("U0MINA").submit(opened, why="no")
    assert sent.said.startswith("Still waiting, and not settled yet. The answer follows in the channel of the card")
    answer = await hearing.slack.person("U0MINA").sees("C0DBOPS", lambda seen: "You declined" in seen.text)
    assert (answer.visible_to, answer.channel) == ("U0MINA", "C0DBOPS")


async def test_a_form_while_a_shutdown_cuts_it_short(hearing: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "FORM_PATIENCE", answering.FORM_PATIENCE / 20)
    opened = await form(hearing)
    hearing.desk.seconds = 30
    await hearing.slack.person("U0MINA").submit(opened, why="no")
    hearing.stop.set()
    answer = await hearing.slack.person("U0MINA").sees("C0DBOPS", lambda seen: "restarted" in seen.text, within=10)
    assert answer.visible_to == "U0MINA"
    await asyncio.wait_for(asyncio.shield(hearing.running), 10)


async def test_a_form_delivered_twice_reads_what_became_of_it(hearing: Ears) -> None:
    """The record itself decides."""
    opened = await form(hearing)
    sent = await hearing.slack.person("U0MINA").submit(opened, why="no")
    hearing.desk.trouble = Refused("This upgrade is over: it was declined.")
    again = await hearing.slack.redeliver(sent)
    assert "This upgrade is over: it was declined." in str(again.body)


async def test_a_form_while_redis_is_down_says_so_in_its_place(ears: Ears) -> None:
    opened = await form(ears)
    ears.store.down = True
    ears.desk.lost = Unavailable("Redis", "ConnectionError")
    sent = await ears.slack.person("U0MINA").submit(opened, why="no")
    assert sent.said.startswith("Redis did not answer (`ConnectionError`).")


async def test_a_form_of_a_stranger_says_so_in_its_place(ears: Ears) -> None:
    opened = await form(ears)
    sent = await ears.slack.person("U0STRANGER").submit(opened, why="no")
    assert sent.said == "I serve another workspace and its own members only."


async def test_the_command_declines_without_a_form(hearing: Ears) -> None:
    for text, why in (
        ('decline orders "not this week"', "not this week"),
        ("decline orders", ""),
        ("decline orders " + "x" * 600, "x" * 498 + " …"),
    ):
        sent = await hearing.slack.person("U0MINA").command("C0DBOPS", "/aurora", text)
        assert (await sent.answer()).text == "You declined `orders` from 18.4 to 18.6. Nothing was changed."
        assert hearing.desk.asked[-1] == ("decline_cluster", "U0MINA", "orders", why)
    sent = await hearing.slack.person("U0MINA").command("C0DBOPS", "/aurora", "decline")
    assert (await sent.answer()).text.startswith("Which cluster? Usage: `/aurora decline CLUSTER [REASON]`.")
