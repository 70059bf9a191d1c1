"""A trigger opens one view, and only at once."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import NotOnScreenError, SlackDouble


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


FORM = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "Decline"},
    "submit": {"type": "plain_text", "text": "Decline"},
    "private_metadata": "a token",
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "optional": True,
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "text", "max_length": 10},
        }
    ],
}


async def test_a_form_is_filled_in_and_what_the_app_says_takes_its_place(slack: SlackDouble) -> None:
    told: list[Any] = []
    answers: list[dict[str, Any]] = [
        {"response_action": "errors", "errors": {"why": "Say more."}},
        {"response_action": "update", "view": {k: FORM[k] for k in ("type", "title")} | {"blocks": [said("Done.")]}},
    ]

    async def listen(request: web.Request) -> web.Response:
        told.append(json.loads((await request.post())["payload"]))  # type: ignore[arg-type] # no file
        return web.json_response(answers[len(told) - 1])

    async with listening(listen) as url:
        await slack.deliver_to(url)
        mina = slack.person("U0MINA")
        await client_of(slack).views_open(trigger_id=slack.world.triggers.issue("U0MINA"), view=FORM)
        form = await mina.sees_form("why")
        with pytest.raises(NotOnScreenError, match="more than 10 characters"):
            await mina.submit(form, why="far too long")
        first = await mina.submit(form, why="no")
        assert (first.errors, first.said, await mina.sees_form("why")) == ({"why": "Say more."}, "", form)
        second = await mina.submit(form, why="")
        assert (second.errors, second.said) == ({}, "Done.")
        assert [each["view"]["state"]["values"]["why"]["text"]["value"] for each in told] == ["no", None]
        assert {each["view"]["private_metadata"] for each in told} == {"a token"}
        mina.closes_form()
        with pytest.raises(TimeoutError, match="in vain"):
            await mina.sees_form("why", within=0.01)
        await slack.deliver_to(None)


async def test_a_form_cannot_be_submitted_without_a_button_for_it(slack: SlackDouble) -> None:
    mute = {name: value for name, value in FORM.items() if name != "submit"}
    trigger = slack.world.triggers.issue("U0MINA")
    assert await error(client_of(slack).views_open(trigger_id=trigger, view=mute)) == "invalid_arguments"
    assert slack.world.modals == {}


def said(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@asynccontextmanager
async def listening(listen: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", listen)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_a_trigger_expires_after_three_seconds() -> None:
    clock = [1_700_000_000.0]
    async with SlackDouble.start(now=lambda: clock[0]) as slack:
        client = client_of(slack)
        trigger = slack.world.triggers.issue()
        clock[0] += 3.1
        modal = {"type": "modal", "title": {"type": "plain_text", "text": "Late"}, "blocks": []}
        assert await error(client.views_open(trigger_id=trigger, view=modal)) == "expired_trigger_id"
