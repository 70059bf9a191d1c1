"""Bad days on demand: lost and held answers, refusals, rate limits."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackDouble

OPS = "C0DBOPS"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


def default_client(slack: SlackDouble) -> AsyncWebClient:
    settings = slack.environment()
    return AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])


def client(slack: SlackDouble) -> AsyncWebClient:
    """One that tries once."""
    once = default_client(slack)
    once.retry_handlers.clear()
    return once


async def test_an_answer_is_lost_and_the_message_is_there(slack: SlackDouble) -> None:
    slack.faults.lose_answer("chat.postMessage")
    with pytest.raises(aiohttp.ClientConnectionError):
        await client(slack).chat_postMessage(channel=OPS, text="once")
    assert [m.text for m in slack.history(OPS)] == ["once"]
    await client(slack).chat_postMessage(channel=OPS, text="the next answer arrives")


async def test_a_lost_answer_makes_the_default_client_post_twice(slack: SlackDouble) -> None:
    slack.faults.lose_answer("chat.postMessage")
    await default_client(slack).chat_postMessage(channel=OPS, text="twice")
    assert [m.text for m in slack.history(OPS)] == ["twice", "twice"]


async def test_an_answer_is_held_until_released(slack: SlackDouble) -> None:
    held = slack.faults.hold_answer("chat.postMessage")
    posting = asyncio.create_task(client(slack).chat_postMessage(channel=OPS, text="slow"))
    await asyncio.wait_for(held.arrived.wait(), 5)
    assert [m.text for m in slack.history(OPS)] == ["slow"]
    assert not posting.done()
    held.release()
    assert (await posting)["ok"]


async def test_the_double_ends_even_with_an_answer_held() -> None:
    async with SlackDouble.start() as slack:
        held = slack.faults.hold_answer("chat.postMessage")
        posting = asyncio.create_task(client(slack).chat_postMessage(channel=OPS, text="slow"))
        await asyncio.wait_for(held.arrived.wait(), 5)
    with pytest.raises(aiohttp.ClientConnectionError):
        await posting


async def test_a_method_refuses_as_often_as_told(slack: SlackDouble) -> None:
    slack.faults.refuse("users.info", "internal_error", times=2)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="internal_error"):
            await client(slack).users_info(user="U0AKI")
    await client(slack).users_info(user="U0AKI")
    assert slack.calls["users.info"] == 3


async def test_a_method_is_rate_limited_for_a_while() -> None:
    clock = [1_700_000_000.0]
    async with SlackDouble.start(now=lambda: clock[0]) as slack:
        slack.faults.rate_limit("chat.update", 30)
        posted = await client(slack).chat_postMessage(channel=OPS, text="x")
        with pytest.raises(SlackApiError) as refused:
            await client(slack).chat_update(channel=OPS, ts=posted["ts"], text="y")
        assert refused.value.response.headers["Retry-After"] == "30"
        clock[0] += 30
        await client(slack).chat_update(channel=OPS, ts=posted["ts"], text="y")
    assert slack.rate_limited == 1
