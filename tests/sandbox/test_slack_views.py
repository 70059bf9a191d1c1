"""A trigger opens one view, and only at once."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
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


def client_of(slack: SlackDouble) -> AsyncWebClient:
    settings = slack.environment()
    return AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])


async def error(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_a_view_opens_once_per_trigger(slack: SlackDouble) -> None:
    client = client_of(slack)
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "Upgrade"}, "blocks": [{"type": "divider"}]}
    trigger = slack.world.triggers.issue()
    opened = await client.views_open(trigger_id=trigger, view=modal)
    assert opened["view"]["id"] in slack.world.views
    assert await error(client.views_open(trigger_id=trigger, view=modal)) == "exchanged_trigger_id"
    assert await error(client.views_open(trigger_id="1.2.3", view=modal)) == "invalid_trigger_id"
    wordy = modal | {"title": {"type": "plain_text", "text": "x" * 25}}
    crowded = modal | {"blocks": [{"type": "divider"}] * 101}
    for view in (wordy, crowded):
        assert await error(client.views_open(trigger_id=slack.world.triggers.issue(), view=view)) == "invalid_arguments"


async def test_a_trigger_expires_after_three_seconds() -> None:
    clock = [1_700_000_000.0]
    async with SlackDouble.start(now=lambda: clock[0]) as slack:
        client = client_of(slack)
        trigger = slack.world.triggers.issue()
        clock[0] += 3.1
        modal = {"type": "modal", "title": {"type": "plain_text", "text": "Late"}, "blocks": []}
        assert await error(client.views_open(trigger_id=trigger, view=modal)) == "expired_trigger_id"
