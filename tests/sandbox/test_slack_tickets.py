"""The door of Socket Mode: a ticket opens one connection, and there are ten of them."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackDouble


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


async def open_ticket(slack: SlackDouble) -> str:
    settings = slack.environment("socket")
    client = AsyncWebClient(base_url=settings["SLACK_BASE_URL"])
    opened = await client.apps_connections_open(app_token=settings["SLACK_APP_TOKEN"])
    return str(opened["url"])


async def test_a_ticket_opens_one_connection(slack: SlackDouble) -> None:
    url = await open_ticket(slack)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as ws:
            hello = json.loads(await ws.receive_str())
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            await ws.ping(b"are you there")
        for dead in (url, url.replace("ticket=", "ticket=invented-")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(dead)
            assert refused.value.status == 403


async def test_the_eleventh_connection_is_sent_away(slack: SlackDouble) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(await open_ticket(slack)) for _ in range(11)]
        first = [json.loads(await ws.receive_str()) for ws in sockets]
        assert [message["type"] for message in first] == ["hello"] * 10 + ["disconnect"]
        assert first[-1]["reason"] == "too_many_websockets"
        await asyncio.gather(*(ws.close() for ws in sockets))
