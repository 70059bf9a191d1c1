"""A real Bolt app lives on the sandbox's Slack over Socket Mode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackDouble

Json = dict[str, Any]
CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Upgrade `orders`?"}},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "value": "U1",
                "text": {"type": "plain_text", "text": "Approve"},
                "confirm": {
                    "title": {"type": "plain_text", "text": "Approve the upgrade?"},
                    "text": {"type": "mrkdwn", "text": "The writer restarts."},
                    "confirm": {"type": "plain_text", "text": "Approve upgrade"},
                    "deny": {"type": "plain_text", "text": "Go back"},
                },
            }
        ],
    },
]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


def bolt(slack: SlackDouble) -> AsyncApp:
    settings = slack.environment("socket")
    client = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
    return AsyncApp(client=client)


def proposing(slack: SlackDouble) -> AsyncApp:
    """A bot that posts a card when told, and takes its button away when clicked."""
    app = bolt(slack)

    @app.command("/aurora")
    async def propose(ack: Any, command: Json, respond: Any, client: AsyncWebClient) -> None:
        await ack()
        await client.chat_postMessage(channel=command["channel_id"], text=command["text"], blocks=CARD)
        await respond(f"Proposed: {command['text']}")

    @app.action("approve")
    async def approve(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        text = f"Approved by <@{body['user']['id']}>"
        message = body["message"]
        await client.chat_update(channel=body["channel"]["id"], ts=message["ts"], text=text, blocks=[])
        await client.chat_postMessage(channel=body["channel"]["id"], thread_ts=message["ts"], text=text)

    return app


@asynccontextmanager
async def connected(app: AsyncApp, slack: SlackDouble) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(app, slack.environment("socket")["SLACK_APP_TOKEN"], ping_interval=0.2)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def test_aki_proposes_and_mina_approves(slack: SlackDouble) -> None:
    aki, mina = slack.person("U0AKI"), slack.person("U0MINA")
    async with connected(proposing(slack), slack):
        sent = await aki.command("C0DBOPS", "/aurora", "upgrade orders 18.6")
        assert sent.acked
        answer = await sent.answer()
        assert (answer.text, answer.visible_to) == ("Proposed: upgrade orders 18.6", "U0AKI")

        card = await mina.sees("C0DBOPS", lambda m: m.buttons == ["approve"])
        click = await mina.click(card, "approve")
        assert click.acked
        assert click.confirm is not None
        assert click.confirm.confirm == "Approve upgrade"

        await aki.sees("C0DBOPS", lambda m: m.is_reply)
    assert slack.transcript("C0DBOPS") == [
        "Aurora   Approved by @mina (edited)",
        "  Aurora   Approved by @mina",
    ]
    assert slack.ephemerals("U0MINA") == []
    assert slack.unacked == 0
    assert 0 < slack.slowest_ack_ms < 3000


async def test_an_answer_in_the_acknowledgement_is_shown(slack: SlackDouble) -> None:
    app = bolt(slack)

    @app.command("/aurora")
    async def answer_at_once(ack: Any) -> None:
        await ack("pong")

    async with connected(app, slack):
        sent = await slack.person("U0OLA").command("C0DBOPS", "/aurora", "ping")
    assert sent.ack_body == {"text": "pong"}
    assert [answer.text for answer in slack.ephemerals("U0OLA")] == ["pong"]
    assert sent.answers == slack.ephemerals("U0OLA")


async def test_a_listener_that_never_acknowledges_costs_the_person_three_seconds(slack: SlackDouble) -> None:
    app = bolt(slack)

    @app.command("/aurora")
    async def silent() -> None: ...

    async with connected(app, slack):
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora")
    assert (sent.acked, sent.error, sent.ack_ms) == (False, "operation_timeout", 3000)
    assert (slack.unacked, slack.slowest_ack_ms) == (1, 3000)


async def test_with_nobody_connected_a_command_fails_at_once(slack: SlackDouble) -> None:
    sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    assert (sent.acked, sent.error) == (False, "dispatch_failed")


async def test_each_envelope_goes_to_one_socket_in_turn(slack: SlackDouble) -> None:
    async with connected(proposing(slack), slack), connected(proposing(slack), slack):
        for number in range(4):
            sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", str(number))
            await sent.answer()
        assert [len(socket.received) for socket in slack.sockets.sockets] == [2, 2]
    assert sorted(m.text for m in slack.history("C0DBOPS")) == ["0", "1", "2", "3"]


async def test_the_same_envelope_can_arrive_twice_at_different_sockets(slack: SlackDouble) -> None:
    async with connected(proposing(slack), slack), connected(proposing(slack), slack):
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "once")
        again = await slack.redeliver(sent)
        assert again.acked
        first, second = slack.sockets.sockets
        assert [e.envelope_id for e in first.received] == [e.envelope_id for e in second.received]
        await sent.answer(where=lambda _: len(sent.answers) == 2)
    assert [m.text for m in slack.history("C0DBOPS")] == ["once", "once"]


async def test_events_reach_the_app_too(slack: SlackDouble) -> None:
    app, opened = bolt(slack), asyncio.Event()

    @app.event("app_home_opened")
    async def publish(event: Json, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": []})
        opened.set()

    async with connected(app, slack):
        sent = await slack.person("U0AKI").opens_home()
        assert sent.acked
        await asyncio.wait_for(opened.wait(), 5)
    assert slack.world.home_tabs["U0AKI"]["type"] == "home"


async def test_a_client_that_is_told_to_refresh_comes_back(slack: SlackDouble) -> None:
    async with connected(proposing(slack), slack):
        issued = slack.sockets.tickets_issued
        await slack.sockets.disconnect("refresh_requested")
        await reconnected(slack, issued)
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
        assert sent.acked
        await sent.answer()


async def test_a_client_whose_connection_is_cut_comes_back(slack: SlackDouble) -> None:
    async with connected(proposing(slack), slack):
        issued = slack.sockets.tickets_issued
        slack.sockets.drop()
        await reconnected(slack, issued)
        sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
        assert sent.acked
        await sent.answer()


async def reconnected(slack: SlackDouble, issued: int) -> None:
    await slack.sockets.until(lambda: slack.sockets.tickets_issued > issued)
    await slack.sockets.connected(1)


async def test_a_client_with_a_refused_ticket_is_stuck_until_somebody_takes_it_away(slack: SlackDouble) -> None:
    async with connected(proposing(slack), slack) as handler:
        slack.sockets.refuse_tickets = True
        issued = slack.sockets.tickets_issued
        await slack.sockets.disconnect()
        await slack.sockets.until(lambda: slack.sockets.handshakes_refused >= 3)
        assert slack.sockets.tickets_issued == issued + 1, "it asks for no other ticket"

        slack.sockets.refuse_tickets = False
        handler.client.wss_uri = None
        await slack.sockets.connected(1)


async def test_fifty_commands_at_once_are_all_acknowledged(slack: SlackDouble) -> None:
    app = bolt(slack)

    @app.command("/aurora")
    async def only_ack(ack: Any) -> None:
        await ack()

    aki = slack.person("U0AKI")
    async with connected(app, slack):
        await aki.command("C0DBOPS", "/aurora", "warm up")
        sent = await asyncio.gather(*(aki.command("C0DBOPS", "/aurora", str(n)) for n in range(50)))
    assert all(one.acked for one in sent)
