"""A real Bolt app lives on the sandbox's Slack behind a signed request URL."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackDouble

Json = dict[str, Any]
CARD = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}}],
    }
]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


def answering(slack: SlackDouble, secret: str | None = None) -> AsyncApp:
    settings = slack.environment("http")
    client = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
    app = AsyncApp(client=client, signing_secret=secret or settings["SLACK_SIGNING_SECRET"])

    @app.command("/aurora")
    async def command(ack: Any, respond: Any, command: Json) -> None:
        await ack({"response_type": "ephemeral", "text": f"One moment, <@{command['user_id']}>."})
        await respond(text="& here it is: <18.6>", response_type="in_channel")

    @app.action("approve")
    async def approve(ack: Any, respond: Any, body: Json) -> None:
        await ack()
        await respond(text=f"Thank you, {body['user']['name']}.")

    @app.event("app_home_opened")
    async def opened() -> None: ...

    return app


@asynccontextmanager
async def served(app: AsyncApp, slack: SlackDouble) -> AsyncIterator[None]:
    async def handle(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    server = web.Application()
    server.router.add_post("/slack/events", handle)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    try:
        yield
    finally:
        await runner.cleanup()


async def test_the_environment_of_an_http_app_has_no_app_token(slack: SlackDouble) -> None:
    assert "SLACK_APP_TOKEN" in slack.environment("socket")
    settings = slack.environment("http")
    assert "SLACK_APP_TOKEN" not in settings
    assert settings["SLACK_BASE_URL"].endswith("/api/")
    assert settings["HTTPS_PROXY"] == ""


async def test_a_command_is_acknowledged_and_answered(slack: SlackDouble) -> None:
    async with served(answering(slack), slack):
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
        assert sent.acked
        assert sent.ack_body is not None
        await sent.answer(where=lambda m: not m.ephemeral)
    assert [m.text for m in slack.ephemerals("U0AKI")] == ["One moment, <@U0AKI>."]
    assert [m.text for m in slack.history("C0DBOPS")] == ["& here it is: <18.6>"]


async def test_a_click_and_an_event_arrive_signed(slack: SlackDouble) -> None:
    settings = slack.environment("http")
    client = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
    await client.chat_postMessage(channel="C0DBOPS", text="Upgrade?", blocks=CARD)
    async with served(answering(slack), slack):
        card = await slack.person("U0MINA").sees("C0DBOPS", lambda m: m.buttons == ["approve"])
        click = await slack.person("U0MINA").click(card, "approve")
        assert (click.acked, click.label, click.confirm) == (True, "Approve", None)
        assert (await click.answer()).text == "Thank you, mina."
        assert (await slack.person("U0MINA").opens_home()).acked


async def test_an_app_with_another_secret_refuses_everything(slack: SlackDouble) -> None:
    async with served(answering(slack, secret="not the secret"), slack):
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    assert (sent.acked, sent.error, sent.ack.status) == (False, "dispatch_failed", 401)
    assert sent.answers == []


async def test_an_unknown_command_is_a_dispatch_failure(slack: SlackDouble) -> None:
    async with served(answering(slack), slack):
        sent = await slack.person("U0AKI").command("C0DBOPS", "/other")
    assert (sent.error, sent.ack.status) == ("dispatch_failed", 404)


async def test_an_app_that_is_not_there_is_a_dispatch_failure(slack: SlackDouble) -> None:
    await slack.deliver_to("http://127.0.0.1:9/slack/events")
    sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora")
    assert (sent.error, slack.unacked) == ("dispatch_failed", 1)


async def test_an_old_signature_is_refused_by_the_app() -> None:
    async with SlackDouble.start(now=lambda: 1_000_000_000.0) as slack, served(answering(slack), slack):
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora")
    assert sent.ack.status == 401


async def test_interactions_are_form_encoded_as_slack_does_it(slack: SlackDouble) -> None:
    seen: list[Json] = []

    async def handle(request: web.Request) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        seen.append(json.loads(str((await request.post())["payload"])))
        return web.Response()

    server = web.Application()
    server.router.add_post("/", handle)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    settings = slack.environment("http")
    headers = {"Authorization": f"Bearer {settings['SLACK_BOT_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        form = {"channel": "C0DBOPS", "blocks": json.dumps(CARD)}
        async with session.post(settings["SLACK_BASE_URL"] + "chat.postMessage", data=form) as response:
            assert (await response.json())["ok"]
    await slack.person("U0REN").click(slack.history("C0DBOPS")[0], "approve")
    await runner.cleanup()
    assert seen[0]["type"] == "block_actions"
    assert seen[0]["user"] == {"id": "U0REN", "username": "ren", "name": "ren", "team_id": "T0SANDBOX"}
    assert seen[0]["message"]["blocks"][0]["elements"][0]["action_id"] == "approve"
