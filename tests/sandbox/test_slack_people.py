"""What people see, what they can click, and how a channel reads as a transcript."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import Change, NotOnScreenError, SlackDouble, pings

Json = dict[str, Any]
OPS = "C0DBOPS"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start(rate_limits=False) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackDouble) -> AsyncWebClient:
    settings = slack.environment()
    return AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])


def button(label: str, action_id: str, value: str = "") -> Json:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "text": text, "action_id": action_id, "value": value}


def card(*buttons: Json) -> list[Json]:
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "Upgrade orders"}},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "`orders` from 18.4 to 18.6\nup to R&amp;D"},
            "fields": [{"type": "mrkdwn", "text": "*Writer*"}, {"type": "mrkdwn", "text": "us-east-1"}],
        },
        {
            "type": "context",
            "elements": [
                {"type": "mrkdwn", "text": "Proposed by <@U0AKI> · needs <!subteam^S0DBA>"},
                {"type": "mrkdwn", "text": "until <!date^1700000000^{time_secs}|2023-11-14 22:13:20 UTC>"},
            ],
        },
        *([{"type": "actions", "elements": [*buttons]}] if buttons else []),
    ]


async def test_a_channel_reads_as_a_transcript(slack: SlackDouble, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(
        channel=OPS, text="ignored", blocks=card(button("Approve", "approve"), button("Decline", "decline"))
    )
    text = "<!date^1700000001^{time_secs}|22:13:21 UTC>  us-east-1  1 &lt; 2, see <https://x.test/|the docs>"
    await client.chat_postMessage(channel=OPS, text=text, thread_ts=posted["ts"])
    await client.files_upload_v2(content="{}", filename="report.json", channel=OPS, thread_ts=posted["ts"])
    slack.person("U0AKI").says(OPS, "thanks <#C0OTHER>")
    assert slack.transcript(OPS) == [
        "Aurora   Upgrade orders",
        "         `orders` from 18.4 to 18.6",
        "         up to R&D",
        "         *Writer*",
        "         us-east-1",
        "         Proposed by @aki · needs @dba  until 22:13:20",
        "         [Approve] [Decline]",
        "  Aurora   22:13:21  us-east-1  1 < 2, see the docs",
        "  Aurora   [report.json]",
        "Aki      thanks #random",
    ]


async def test_newer_blocks_read_as_lines_too(slack: SlackDouble, client: AsyncWebClient) -> None:
    details = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": "back for "},
                    {"type": "user", "user_id": "U0AKI"},
                    {"type": "text", "text": " at "},
                    {"type": "date", "timestamp": 1700000000, "format": "{time_secs}", "fallback": "x"},
                ],
            }
        ],
    }
    task = {"task_id": "1", "title": "Upgrade secondary", "status": "complete", "details": details}
    rows = [[{"type": "raw_text", "text": "Region"}, {"type": "raw_text", "text": "Outage"}]]
    blocks: list[Json] = [
        {"type": "plan", "title": "Steps", "tasks": [task]},
        {"type": "container", "child_blocks": [{"type": "divider"}]},
        {"type": "table", "rows": rows},
        {"type": "markdown", "text": "**done**"},
        {"type": "image", "image_url": "https://x.test/x.png", "alt_text": "a chart"},
        details,
        {"type": "card"},
    ]
    await client.chat_postMessage(channel=OPS, text="x", blocks=blocks)
    assert [line.strip() for line in slack.transcript(OPS)] == [
        "Aurora   Steps",
        "complete: Upgrade secondary",
        "back for @aki at 22:13:20",
        "---",
        "Region  Outage",
        "**done**",
        "[image: a chart]",
        "back for @aki at 22:13:20",
        "(card)",
    ]


async def test_pings_are_counted_where_slack_would_ping(slack: SlackDouble, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=OPS, text="<!channel> &lt;!here&gt;", blocks=card())
    assert pings(slack.history(OPS)[0]) == ["<!channel>", "<@U0AKI>", "<!subteam^S0DBA>"]


async def test_only_what_is_on_the_card_now_can_be_clicked(slack: SlackDouble, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=OPS, text="x", blocks=card(button("Approve", "approve", "u1")))
    mina = slack.person("U0MINA")
    seen = await mina.sees(OPS)
    await client.chat_update(channel=OPS, ts=posted["ts"], text="x", blocks=card())
    with pytest.raises(NotOnScreenError, match="approve"):
        await mina.click(seen, "approve")

    stale = await mina.click(seen, "approve", stale=True)
    assert stale.envelope is not None
    [action] = stale.envelope.payload["actions"]
    assert (action["action_id"], action["value"]) == ("approve", "u1")


async def test_two_buttons_of_one_name_are_told_apart_by_value(slack: SlackDouble, client: AsyncWebClient) -> None:
    twice = [*card(button("One", "show", "1")), {"type": "actions", "elements": [button("Two", "show", "2")]}]
    await client.chat_postMessage(channel=OPS, text="x", blocks=twice)
    ola = slack.person("U0OLA")
    with pytest.raises(NotOnScreenError, match="2 buttons"):
        await ola.click(slack.history(OPS)[0], "show")
    assert (await ola.click(slack.history(OPS)[0], "show", value="2")).label == "Two"


async def test_people_see_their_own_whispers_only(slack: SlackDouble, client: AsyncWebClient) -> None:
    await client.chat_postEphemeral(channel=OPS, user="U0AKI", text="psst")
    assert (await slack.person("U0AKI").sees(OPS)).text == "psst"
    with pytest.raises(TimeoutError, match="Mina waited 0 s in vain"):
        await slack.person("U0MINA").sees(OPS, within=0)
    with pytest.raises(NotOnScreenError, match="not in #random"):
        await slack.person("U0STRANGER").sees("C0OTHER")


async def test_a_person_waits_for_what_is_to_come(slack: SlackDouble, client: AsyncWebClient) -> None:
    waiting = asyncio.create_task(slack.person("U0REN").sees(OPS, lambda m: m.text == "second" and m.edited))
    posted = await client.chat_postMessage(channel=OPS, text="first")
    await client.chat_update(channel=OPS, ts=posted["ts"], text="second")
    assert (await waiting).ts == posted["ts"]


async def test_everything_that_changes_can_be_followed(slack: SlackDouble, client: AsyncWebClient) -> None:
    heard: list[Change] = []
    stop = slack.on_message(heard.append)
    stream = slack.changes()
    await slack.person("U0AKI").command(OPS, "/aurora", "list")
    posted = await client.chat_postMessage(channel=OPS, text="first", blocks=card(button("Approve", "approve")))
    await slack.person("U0MINA").click(slack.history(OPS)[0], "approve")
    await client.chat_update(channel=OPS, ts=posted["ts"], text="second")
    await client.chat_postEphemeral(channel=OPS, user="U0AKI", text="psst")
    stop()
    slack.person("U0AKI").says(OPS, "unheard")
    assert [(change.kind, change.message.author, change.message.text) for change in heard] == [
        ("command", "U0AKI", "/aurora list"),
        ("posted", "U0AURORA", "first"),
        ("click", "U0MINA", "Approve"),
        ("edited", "U0AURORA", "second"),
        ("ephemeral", "U0AURORA", "psst"),
    ]
    assert [await anext(stream) for _ in range(5)] == heard


async def test_a_button_inside_a_container_can_be_clicked(slack: SlackDouble, client: AsyncWebClient) -> None:
    folded: Json = {"type": "container", "child_blocks": card(button("Approve", "approve"))}
    await client.chat_postMessage(channel=OPS, text="x", blocks=[folded])
    click = await slack.person("U0MINA").click(slack.history(OPS)[0], "approve")
    assert click.label == "Approve"
