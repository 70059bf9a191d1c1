"""What can be said through a response_url, and for how long."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox.slack import Message, Sent, SlackDouble

CARD = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "hide", "text": {"type": "plain_text", "text": "Hide"}}],
    }
]


class Clock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start(now=clock) as slack:
        yield slack


def answering(sent: Sent) -> AsyncWebhookClient:
    assert sent.envelope is not None
    return AsyncWebhookClient(sent.envelope.payload["response_url"], retry_handlers=[])


async def typed(slack: SlackDouble) -> Sent:
    return await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")


async def test_five_answers_and_no_more(slack: SlackDouble) -> None:
    sent = await typed(slack)
    url = answering(sent)
    statuses = [(await url.send(text=str(n))).status_code for n in range(6)]
    assert statuses == [200] * 5 + [404]
    assert [m.text for m in sent.answers] == ["0", "1", "2", "3", "4"]
    assert slack.response_urls_refused == 1


async def test_half_an_hour_and_no_longer(slack: SlackDouble, clock: Clock) -> None:
    url = answering(await typed(slack))
    clock.time += 30 * 60
    assert (await url.send(text="just in time")).status_code == 200
    clock.time += 1
    late = await url.send(text="too late")
    assert (late.status_code, "expired_url" in late.body) == (404, True)


async def test_an_answer_is_ephemeral_unless_it_says_otherwise(slack: SlackDouble) -> None:
    url = answering(await typed(slack))
    await url.send(text="for Aki")
    await url.send(text="for all", response_type="in_channel")
    assert [m.text for m in slack.ephemerals("U0AKI")] == ["for Aki"]
    assert [m.text for m in slack.history("C0DBOPS")] == ["for all"]


async def test_wrong_blocks_are_refused(slack: SlackDouble) -> None:
    sent = await typed(slack)
    refused = await answering(sent).send(text="x", blocks=[{"type": "marquee"}])
    assert (refused.status_code, "invalid_blocks" in refused.body) == (400, True)
    assert sent.answers == []


async def test_an_ephemeral_answer_of_the_web_api_belongs_to_the_last_command(slack: SlackDouble) -> None:
    sent = await typed(slack)
    settings = slack.environment()
    client = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
    await client.chat_postEphemeral(channel="C0DBOPS", user="U0AKI", text="No such cluster.")
    assert (await sent.answer()).text == "No such cluster."


async def posted(slack: SlackDouble) -> Message:
    settings = slack.environment()
    client = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
    await client.chat_postMessage(channel="C0DBOPS", text="card", blocks=CARD)
    return slack.history("C0DBOPS")[0]


async def test_a_click_can_replace_and_delete_its_message(slack: SlackDouble) -> None:
    mina = slack.person("U0MINA")
    click = await mina.click(await posted(slack), "hide")
    await answering(click).send(text="hidden", blocks=[], replace_original=True)
    [message] = slack.history("C0DBOPS")
    assert (message.text, message.edit_count, message.buttons) == ("hidden", 1, [])
    await answering(click).send_dict({"delete_original": True})
    assert slack.history("C0DBOPS") == []


async def test_an_ephemeral_card_can_be_clicked_and_replaced(slack: SlackDouble) -> None:
    await answering(await typed(slack)).send(text="Hide this?", blocks=CARD)
    aki = slack.person("U0AKI")
    click = await aki.click(await aki.sees("C0DBOPS"), "hide")
    assert click.envelope is not None
    assert "message" not in click.envelope.payload
    await answering(click).send(text="Hidden.", blocks=[], replace_original=True)
    assert [m.text for m in slack.ephemerals("U0AKI")] == ["Hidden."]
