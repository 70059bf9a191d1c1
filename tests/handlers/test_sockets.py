"""Socket Mode on bad days."""

import asyncio
from datetime import timedelta

from slack_bolt.async_app import AsyncApp

from bot.adapters.slack import Slack
from handlers.answering import Answering
from handlers.app import make_app
from handlers.sockets import Rhythm, Socket
from sandbox.slack import SlackDouble
from tests.handlers.ears import Ears, StubDesk, StubStore, listening, settings_for

QUICK = Rhythm(ping=timedelta(seconds=0.2), look=timedelta(seconds=0.1), patience=timedelta(seconds=0.5))


class Unspoken:
    """Nobody is answered."""

    async def reply(self, *_: object) -> None: ...

    async def whisper(self, *_: object) -> None: ...


def bolt(slack: SlackDouble, web: Slack) -> AsyncApp:
    settings = settings_for(slack.environment("socket"))
    return make_app(settings, web, StubDesk(), Answering(Unspoken()), StubStore().seen_before)


async def test_a_dead_ticket_is_replaced(slack: SlackDouble) -> None:
    settings = settings_for(slack.environment("socket"))
    assert settings.slack_app_token
    async with Slack.connect(settings.slack_bot_token, settings.slack_base_url) as web:
        async with Socket.open(bolt(slack, web), settings.slack_app_token, QUICK) as socket:
            await slack.sockets.connected()
            slack.sockets.refuse_tickets = True
            slack.sockets.drop()
            await asyncio.sleep(1)
            assert not await socket.is_connected()
            assert slack.sockets.handshakes_refused > 0
            issued = slack.sockets.tickets_issued
            slack.sockets.refuse_tickets = False
            await slack.sockets.connected()
            await asyncio.sleep(0.2)
            assert await socket.is_connected()
            assert slack.sockets.tickets_issued > issued
        assert not await socket.is_connected()


async def test_it_starts_while_slack_is_down(slack: SlackDouble) -> None:
    slack.faults.refuse("apps.connections.open", "internal_error", times=3)
    settings = settings_for(slack.environment("socket"))
    assert settings.slack_app_token
    async with (
        Slack.connect(settings.slack_bot_token, settings.slack_base_url) as web,
        Socket.open(bolt(slack, web), settings.slack_app_token, QUICK) as socket,
    ):
        assert not await socket.is_connected()
        await slack.sockets.connected()
        await asyncio.sleep(0.2)
        assert await socket.is_connected()


async def test_a_planned_reconnection_loses_no_command(hearing: Ears) -> None:
    await hearing.slack.sockets.disconnect("refresh_requested")
    await asyncio.sleep(0.5)
    await hearing.ready()
    sent = await hearing.slack.person("U0AKI").command("C0DBOPS", "/aurora", "list")
    assert sent.acked


async def test_ready_says_what_is_missing(slack: SlackDouble, desk: StubDesk) -> None:
    slack.sockets.refuse_tickets = True
    async with listening(slack, "socket", desk, ready=False) as ears:
        await asyncio.sleep(0.5)
        ears.store.down = True
        assert await ears.get("/healthz") == (200, {"alive": True})
        missing = {"redis": "Redis: ConnectionError", "slack": "the socket is not connected"}
        assert await ears.get("/readyz") == (503, {"ready": False, "missing": missing})
        ears.store.down = False
        assert (await ears.get("/readyz"))[1]["missing"] == {"slack": "the socket is not connected"}


async def test_a_healthy_process_is_ready(ears: Ears) -> None:
    assert await ears.get("/readyz") == (200, {"ready": True, "missing": {}})
