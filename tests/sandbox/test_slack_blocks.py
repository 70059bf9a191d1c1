"""Block Kit's limits: what is just allowed, and what is refused with Slack's reasons."""

from typing import Any

import pytest
from aiohttp import ClientSession

from sandbox.slack import SlackDouble, mentions
from sandbox.slack.blocks import check_blocks
from sandbox.slack.errors import SlackError

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": mrkdwn(text)}


def button(label: str = "Go", action_id: str = "go", **more: Any) -> Json:
    return {"type": "button", "text": plain(label), "action_id": action_id, **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": [*elements]}


def confirm(title: str = "Sure?", text: str = "Really?", yes: str = "Yes", no: str = "No") -> Json:
    return {"title": plain(title), "text": mrkdwn(text), "confirm": plain(yes), "deny": plain(no)}


def many(count: int) -> list[Json]:
    return [button(action_id=f"a{number}") for number in range(count)]


JUST_ALLOWED = [
    [section("x" * 3000)],
    [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    [{"type": "header", "text": plain("x" * 150)}],
    [{"type": "context", "elements": [mrkdwn("x")] * 10}],
    [actions(*many(25))],
    [actions(button("x" * 75, "a" * 255, value="v" * 2000, style="primary"))],
    [actions(button(confirm=confirm("t" * 100, "x" * 300, "y" * 30, "n" * 30)))],
    [{"type": "section", "text": mrkdwn("x"), "accessory": button()}],
    [{"type": "divider"}] * 50,
    [actions(button()), actions(button())],
    [{"type": "plan", "title": "Steps", "tasks": [{"task_id": "1", "title": "Order", "status": "complete"}]}],
    [{"type": "container", "title": plain("RDS"), "child_blocks": [section("x")]}],
    [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}],
    [{"type": "markdown", "text": "**x**"}],
]

REFUSED = [
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    (
        [{"type": "section", "fields": [mrkdwn("x")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    ([{"type": "header", "text": mrkdwn("x")}], "must be a valid plain_text object [json-pointer:/blocks/0/text/type]"),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([{"type": "marquee"}], "unsupported type: marquee [json-pointer:/blocks/0/type]"),
    (
        [{"type": "context", "elements": [mrkdwn("x")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    ([actions(*many(26))], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    ([actions({"type": "lever"})], "unsupported type: lever [json-pointer:/blocks/0/elements/0/type]"),
    ([actions(button("x" * 76))], "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"),
    (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    ([actions(button(), button())], "`action_id` 'go' already exists [json-pointer:/blocks/0/elements/1/action_id]"),
    (
        [actions(button(style="shiny"))],
        "value must be one of the allowed values [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        [actions(button(confirm=confirm(title="x" * 101)))],
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    (
        [actions(button(confirm=confirm(text="x" * 301)))],
        "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
    ),
    (
        [actions(button(confirm=confirm(yes="x" * 31)))],
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]",
    ),
    (
        [actions(button(confirm=confirm(no="x" * 31)))],
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
    ),
    (
        [{"type": "container", "child_blocks": [section("")]}],
        "must be more than 0 characters [json-pointer:/blocks/0/child_blocks/0/text/text]",
    ),
]


@pytest.mark.parametrize("blocks", JUST_ALLOWED)
def test_just_allowed(blocks: list[Json]) -> None:
    assert len(check_blocks(blocks)) == len(blocks)


@pytest.mark.parametrize(("blocks", "reason"), REFUSED)
def test_refused(blocks: list[Json], reason: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_blocks(blocks)
    assert refused.value.error == "invalid_blocks"
    assert reason in refused.value.reasons


def test_one_table_a_message() -> None:
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    with pytest.raises(SlackError, match="invalid_attachments"):
        check_blocks([table, table])


@pytest.mark.parametrize("blocks", [{}, "text", [1]])
def test_what_is_no_list_of_blocks_has_the_wrong_format(blocks: Any) -> None:
    with pytest.raises(SlackError, match="invalid_blocks_format"):
        check_blocks(blocks)


async def test_the_reasons_reach_the_caller() -> None:
    async with SlackDouble.start() as slack, ClientSession() as session:
        settings = slack.environment()
        headers = {"Authorization": f"Bearer {settings['SLACK_BOT_TOKEN']}"}
        url = settings["SLACK_BASE_URL"] + "chat.postMessage"
        body = {"channel": "C0DBOPS", "blocks": [section("")]}
        async with session.post(url, json=body, headers=headers) as response:
            answer = await response.json()
        async with session.post(url, data={"channel": "C0DBOPS", "blocks": "[{"}, headers=headers) as response:
            garbled = await response.json()
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {answer['errors'][0]}"]
    assert garbled["error"] == "invalid_blocks_format"


def test_mentions_are_found_and_escaped_ones_are_not() -> None:
    assert mentions("<!channel> <@U0AKI|aki> <!subteam^S0DBA> &lt;!here&gt; <#C0DBOPS> @aki") == [
        "<!channel>",
        "<@U0AKI>",
        "<!subteam^S0DBA>",
    ]
