"""Clicks on a card, through real Bolt."""

import asyncio
import json

import pytest

from bot.domain.buttons import UNKNOWN, buttons
from bot.domain.errors import Refused, Unavailable
from bot.domain.story import tell
from bot.messages.card import card
from sandbox.slack.blocks import check_blocks
from sandbox.slack.deeds import Click
from tests.handlers.ears import TOKEN, Ears, card_blocks, proposed

DIGEST = proposed()[0].plan.digest


async def clicks(ears: Ears, action: str, value: str = TOKEN, who: str = "U0MINA") -> tuple[Click, str]:
    posted = ears.slack.board.post("C0DBOPS", "U0AURORA", text="card", blocks=card_blocks(value))
    click = await ears.slack.person(who).click(posted, action)
    assert click.acked
    answer = await click.answer()
    assert answer.visible_to == who
    assert ears.slack.board.find("C0DBOPS", posted.ts) == posted
    return click, answer.text


@pytest.mark.parametrize(
    ("action", "asked", "said"),
    [
        ("approve", ("approve", "U0MINA", "orders-k3v9qd2m", DIGEST, 3), "Your approval of `orders`"),
        ("cancel", ("cancel", "U0MINA", "orders-k3v9qd2m", 3), "You cancelled `orders`"),
        (
            "withdraw",
            ("withdraw", "U0MINA", "orders-k3v9qd2m", 3),
            "Your approval of `orders` from 18.4 to 18.6 is withdrawn.",
        ),
        ("propose_again", ("propose_again", "U0MINA", "orders-k3v9qd2m"), "Proposed: `orders` from 18.4 to 18.6."),
    ],
)
async def test_each_button_asks_what_its_token_means_and_then_the_desk(
    ears: Ears, action: str, asked: tuple[object, ...], said: str
) -> None:
    assert (await clicks(ears, action))[1].startswith(said)
    assert ears.desk.pressing == [(TOKEN, action)]
    assert ears.desk.asked == [asked]


async def test_the_buttons_of_the_real_card_carry_tokens_and_nothing_else(hearing: Ears) -> None:
    _, entries = proposed()
    story = tell(entries)
    made = buttons(story, "a secret")
    shown = card(story, made)
    posted = hearing.slack.board.post("C0DBOPS", "U0AURORA", text=shown.text, blocks=check_blocks([*shown.blocks]))
    for token, button in made.items():
        await hearing.slack.person("U0MINA").click(posted, button.action)
        async with asyncio.timeout(5):
            while (token, button.action) not in hearing.desk.pressing:  # noqa: ASYNC110 - the answer is not what counts here
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "U1",
        "null",
        json.dumps({"upgrade": "orders-k3v9qd2m", "digest": "0123456789abcdef"}),  # of a card of an older bot
        TOKEN + "\n",
        f" {TOKEN}",
        TOKEN[:-1] + "ü",
        TOKEN[:-2] + "}:",
        "[" * 1999,
        "\ud800",
    ],
)
async def test_what_is_no_token_is_answered_and_nothing_asked(hearing: Ears, value: str) -> None:
    for action in ("approve", "decline"):
        assert (await clicks(hearing, action, value))[1] == UNKNOWN
    assert hearing.desk.asked == hearing.desk.pressing == []


async def test_a_token_that_nobody_knows_is_answered_and_nothing_asked(ears: Ears) -> None:
    ears.desk.lost = Refused(UNKNOWN)
    for action in ("approve", "decline", "withdraw", "cancel", "propose_again"):
        assert (await clicks(ears, action))[1] == UNKNOWN
    assert ears.desk.asked == []


@pytest.mark.parametrize(
    "no",
    [
        "You proposed this upgrade, so somebody else has to approve it.",
        "You are not one of the approvers of this upgrade.",
        "You have approved this upgrade already; one person counts once.",
        "This upgrade is over: it succeeded.",
        "Not counted: the plan has changed since it was proposed (orders-2 is a new member).",
    ],
)
async def test_a_refused_click_reads_why_and_the_card_stays(hearing: Ears, no: str) -> None:
    hearing.desk.trouble = Refused(no)
    assert (await clicks(hearing, "approve"))[1] == no


async def test_a_click_while_redis_is_down(ears: Ears) -> None:
    ears.store.down = True
    ears.desk.trouble = Unavailable("Redis", "ConnectionError")
    assert (await clicks(ears, "approve"))[1].startswith("Redis did not answer (`ConnectionError`).")


async def test_a_button_that_nobody_knows_is_answered(ears: Ears) -> None:
    assert (await clicks(ears, "snooze"))[1].startswith("I do not know this button.")


async def test_a_stranger_of_a_shared_channel_is_turned_away(ears: Ears) -> None:
    _, said = await clicks(ears, "approve", who="U0STRANGER")
    assert said == "I serve another workspace and its own members only."
    assert ears.desk.asked == []
