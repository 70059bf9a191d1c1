"""Signed HTTP, and what comes without a signature."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO

import pytest
from aiohttp import ClientSession

from sandbox.slack import SlackDouble
from sandbox.slack.double import SIGNING_SECRET
from tests.handlers.ears import Ears, StubDesk, listening

FORM = "application/x-www-form-urlencoded"
COMMAND = (
    b"command=%2Faurora&text=list&team_id=T0SANDBOX&user_id=U0AKI&channel_id=C0DBOPS&trigger_id=1&api_app_id=A0AURORA"
)


@pytest.fixture
async def web(slack: SlackDouble, desk: StubDesk) -> AsyncIterator[Ears]:
    async with listening(slack, "http", desk) as ears:
        yield ears


def signature(body: bytes, timestamp: str, secret: str = SIGNING_SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


async def post(ears: Ears, body: bytes, headers: dict[str, str]) -> int:
    async with (
        ClientSession() as session,
        session.post(
            ears.url + "/slack/events", data=BytesIO(body), headers={"Content-Type": FORM, **headers}
        ) as response,
    ):
        return response.status


def signed(body: bytes, timestamp: str | None = None, secret: str = SIGNING_SECRET) -> dict[str, str]:
    timestamp = timestamp or str(int(time.time()))
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature(body, timestamp, secret)}


async def test_a_signed_command_is_heard(web: Ears) -> None:
    assert await post(web, COMMAND, signed(COMMAND)) == 200


@pytest.mark.parametrize("timestamp", ["soon", "", "-1", "1.5", "²", "1e9", "9" * 30, "old", "ahead", "0"])
async def test_a_timestamp_that_is_none_or_old_or_ahead_is_turned_away(web: Ears, timestamp: str) -> None:
    far = {"old": -310, "ahead": 310}.get(timestamp)
    timestamp = timestamp if far is None else str(int(time.time()) + far)
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature(COMMAND, timestamp)}
    assert await post(web, COMMAND, headers) == 401
    assert web.desk.asked == []


async def test_a_signature_is_good_once(web: Ears, caplog: pytest.LogCaptureFixture) -> None:
    headers = signed(COMMAND)
    assert [await post(web, COMMAND, headers) for _ in range(3)] == [200, 401, 401]
    assert [asked[0] for asked in web.desk.asked] == ["clusters"]
    assert caplog.text.count("a request is turned away") == 2


async def test_a_request_dated_ahead_cannot_be_replayed_when_its_time_has_come(web: Ears) -> None:
    headers = signed(COMMAND, str(int(time.time()) + 290))
    assert [await post(web, COMMAND, headers) for _ in range(2)] == [200, 401]
    assert web.store.kept["signature:" + headers["X-Slack-Signature"]] > timedelta(seconds=600)


async def test_while_the_store_cannot_say_whether_it_is_a_replay_nothing_is_done_and_the_person_reads_why(
    web: Ears,
) -> None:
    web.store.down = True
    sent = await web.slack.person("U0AKI").command("C0DBOPS", "/aurora", "upgrade orders 18.6")
    assert sent.acked
    assert (await sent.answer()).text.startswith("Redis did not answer (`ConnectionError`).")
    assert web.desk.asked == []


async def test_slack_is_to_send_an_event_again_that_may_be_a_replay(web: Ears) -> None:
    web.store.down = True
    assert (await web.slack.event({"type": "app_home_opened", "user": "U0AKI"})).ack.status == 503


async def test_what_is_turned_away_is_not_written_to_the_log(web: Ears, caplog: pytest.LogCaptureFixture) -> None:
    assert await post(web, COMMAND, signed(COMMAND, secret="another")) == 401
    assert "a request is turned away" in caplog.text
    assert "U0AKI" not in caplog.text


async def test_wrong_missing_and_odd_signatures_are_turned_away(web: Ears) -> None:
    now = str(int(time.time()))
    for headers in (
        {},
        {"X-Slack-Request-Timestamp": now},
        {"X-Slack-Signature": signature(COMMAND, now)},
        {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": "v0=é"},
        signed(COMMAND, secret="another"),
        signed(COMMAND + b"x"),
    ):
        assert await post(web, COMMAND, headers) == 401
    assert web.desk.asked == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"payload=%7B", b'{"a":' * 100_000, b"payload=1", b"payload=[]"])
async def test_a_body_that_cannot_be_read_breaks_nothing(web: Ears, body: bytes) -> None:
    assert await post(web, body, signed(body)) in (400, 401)
    assert await post(web, body, {}) == 401


async def test_a_body_over_a_mebibyte_is_not_read(web: Ears) -> None:
    body = b"text=" + b"x" * (1024 * 1024)
    assert await post(web, body, signed(body)) == 413


async def test_in_socket_mode_nobody_can_post(slack: SlackDouble, desk: StubDesk) -> None:
    async with listening(slack, "socket", desk) as ears:
        assert await post(ears, COMMAND, signed(COMMAND)) == 404
