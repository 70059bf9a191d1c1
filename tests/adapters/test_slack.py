"""The Slack adapter against the sandbox's Slack: its limits, its moods, its lost answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import ClientRequest, ClientResponse, web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from yarl import URL

from bot.adapters.slack import ElsewhereError, Slack, SlackAnswers, SlackThread, only_to
from bot.adapters.slack_people import SlackPeople
from bot.domain.errors import Unavailable
from bot.domain.ids import ChannelId, TeamId, UserId
from bot.messages.markup import section
from bot.messages.message import File as Enclosed
from bot.messages.message import Message
from bot.ports.thread import Busy
from sandbox.slack import File, SlackDouble

OPS = ChannelId("C0DBOPS")
HELLO = Message("hello", (section("hello"),))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class FreeLanes:
    """Lanes without traffic, until somebody suspends one."""

    wait: timedelta = timedelta(0)
    reserved: list[str] = field(default_factory=list)
    suspended: dict[str, timedelta] = field(default_factory=dict)

    async def reserve(self, lane: str, _every: timedelta, _at_most: timedelta, /) -> timedelta:
        self.reserved.append(lane)
        return self.suspended.get(lane, self.wait)

    async def suspend(self, lane: str, wait: timedelta, /) -> None:
        self.suspended[lane] = wait


@pytest.fixture
async def double() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as double:
        yield double


@asynccontextmanager
async def connected(double: SlackDouble) -> AsyncIterator[Slack]:
    environment = double.environment()
    async with Slack.connect(SecretStr(environment["SLACK_BOT_TOKEN"]), environment["SLACK_BASE_URL"]) as slack:
        yield slack


@pytest.fixture
async def slack(double: SlackDouble) -> AsyncIterator[Slack]:
    async with connected(double) as slack:
        yield slack


@pytest.fixture
def lanes() -> FreeLanes:
    return FreeLanes()


@pytest.fixture
def thread(slack: Slack, lanes: FreeLanes) -> SlackThread:
    return SlackThread(slack, lanes)


def long_ago() -> datetime:
    return datetime.fromtimestamp(time(), UTC) - timedelta(hours=1)


# --- telling ---


async def test_a_card_and_its_thread(thread: SlackThread, double: SlackDouble, lanes: FreeLanes) -> None:
    card = await thread.post(OPS, HELLO, key="card")
    await thread.post(OPS, Message("reply"), key="1-0", thread=card)
    await thread.edit(OPS, card, Message("goodbye"))
    assert double.transcript(OPS) == ["Aurora   goodbye (edited)", "  Aurora   reply"]
    assert double.history(OPS)[0].metadata == {"event_type": "aurora_upgrade", "event_payload": {"key": "card"}}
    assert lanes.reserved == ["post:C0DBOPS", "post:C0DBOPS", "edit"]


async def test_a_lost_answer_does_not_make_a_second_message(thread: SlackThread, double: SlackDouble) -> None:
    double.faults.lose_answer("chat.postMessage")
    with pytest.raises(Unavailable, match="Slack: no answer"):
        await thread.post(OPS, HELLO, key="card")
    assert len(double.history(OPS)) == 1
    assert await thread.find(OPS, "card", thread=None, since=long_ago()) == double.history(OPS)[0].ts


async def test_an_edit_is_tried_again_after_a_lost_answer(thread: SlackThread, double: SlackDouble) -> None:
    card = await thread.post(OPS, HELLO, key="card")
    double.faults.lose_answer("chat.update")
    await thread.edit(OPS, card, Message("goodbye"))
    assert double.calls["chat.update"] == 2


async def test_a_message_is_found_by_its_mark_on_any_page(
    thread: SlackThread, double: SlackDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.adapters.slack.PAGE", 2)
    double.world.limits = None
    card = await thread.post(OPS, HELLO, key="card")
    replies = [await thread.post(OPS, Message(f"{n}"), key=f"{n}-0", thread=card) for n in range(7)]
    double.person("U0AKI").says(OPS, "1-0", card)
    found = [await thread.find(OPS, f"{n}-0", thread=card, since=long_ago()) for n in range(8)]
    assert found == [*replies, None]
    assert await thread.find(OPS, "card", thread=None, since=long_ago()) == card
    assert await thread.find(OPS, "1-0", thread=None, since=long_ago()) is None


async def test_without_the_scope_nothing_is_found_and_it_is_said_once(
    thread: SlackThread, double: SlackDouble, caplog: pytest.LogCaptureFixture
) -> None:
    double.world.scopes.discard("channels:history")
    for _ in range(2):
        assert await thread.find(OPS, "card", thread=None, since=long_ago()) is None
    assert caplog.text.count("no scope to read messages back") == 1


async def test_a_search_that_fails_is_not_a_search_that_found_nothing(thread: SlackThread, double: SlackDouble) -> None:
    double.faults.refuse("conversations.history", "internal_error")
    with pytest.raises(Unavailable, match="internal_error"):
        await thread.find(OPS, "card", thread=None, since=long_ago())


async def test_a_rate_limit_suspends_the_lane_for_everybody(
    thread: SlackThread, double: SlackDouble, lanes: FreeLanes
) -> None:
    double.faults.rate_limit("chat.postMessage", 7)
    with pytest.raises(Busy) as busy:
        await thread.post(OPS, HELLO, key="card")
    assert busy.value.wait == lanes.suspended["post:C0DBOPS"] == timedelta(seconds=7)
    with pytest.raises(Busy):
        await thread.post(OPS, HELLO, key="card")
    assert double.calls["chat.postMessage"] == 1


async def test_edits_searches_and_links_are_limited_too(
    thread: SlackThread, double: SlackDouble, lanes: FreeLanes
) -> None:
    card = await thread.post(OPS, HELLO, key="card")
    limited = ("chat.update", "conversations.history", "chat.getPermalink")
    for method in limited:
        double.faults.rate_limit(method, 3)
    for _ in range(2):
        with pytest.raises(Busy):
            await thread.edit(OPS, card, HELLO)
        with pytest.raises(Busy):
            await thread.find(OPS, "card", thread=None, since=long_ago())
        with pytest.raises(Busy):
            await thread.permalink(OPS, card)
    assert lanes.suspended == dict.fromkeys(("edit", "search", "link"), timedelta(seconds=3))
    assert [double.calls[method] for method in limited] == [1, 1, 1]


async def test_a_short_wait_is_slept_and_a_long_one_is_not(thread: SlackThread, lanes: FreeLanes) -> None:
    lanes.wait = timedelta(seconds=0.3)
    started = monotonic()
    await thread.post(OPS, HELLO, key="card")
    assert monotonic() - started >= 0.3
    lanes.wait = timedelta(seconds=9)
    with pytest.raises(Busy) as busy:
        await thread.post(OPS, HELLO, key="card")
    assert busy.value.wait == timedelta(seconds=9)


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel", "invalid_auth", "fatal_error"])
async def test_a_refusal_has_slacks_own_name(thread: SlackThread, double: SlackDouble, code: str) -> None:
    double.faults.refuse("chat.postMessage", code)
    with pytest.raises(Unavailable) as trouble:
        await thread.post(OPS, HELLO, key="card")
    assert (trouble.value.what, trouble.value.code) == ("Slack", code)


async def test_a_message_that_is_gone_cannot_be_edited_or_linked(thread: SlackThread, double: SlackDouble) -> None:
    card = await thread.post(OPS, HELLO, key="card")
    assert await thread.permalink(OPS, card) == f"https://sandbox.slack.com/archives/C0DBOPS/p{card.replace('.', '')}"
    double.board.delete(double.history(OPS)[0])
    with pytest.raises(Unavailable, match="message_not_found"):
        await thread.edit(OPS, card, HELLO)
    assert await thread.permalink(OPS, card) is None


async def test_files_go_into_the_thread_under_one_comment(thread: SlackThread, double: SlackDouble) -> None:
    card = await thread.post(OPS, HELLO, key="card")
    picture = Enclosed("strip.png", b"\x89PNG\r\n\x00\xff", "down 1 to 2 s, " * 100)
    await thread.upload(OPS, card, (picture, Enclosed("report.json", "é".encode())), Message("The report"))
    assert double.transcript(OPS) == ["Aurora   hello", "  Aurora   The report", "           [strip.png] [report.json]"]
    assert [file.content for file in double.files(OPS, card)] == [picture.content, "é".encode()]
    assert [file.alt_text for file in double.files(OPS, card)] == [picture.alt[:1000], ""]
    found = await thread.find(OPS, "report.json", thread=card, since=long_ago())
    assert found == double.replies(OPS, card)[0].ts


async def test_what_others_post_is_not_ours_whatever_its_name_or_mark(thread: SlackThread, double: SlackDouble) -> None:
    card = await thread.post(OPS, HELLO, key="card")
    theirs = File(id="F1", name="report.json", title="report.json", content=b"{}")
    double.board.post(OPS, "U0AKI", text="the one of last week", files=(theirs,), thread_ts=card)
    mark = {"event_type": "aurora_upgrade", "event_payload": {"key": "1-0"}}
    double.board.post(OPS, "U0BOTTO", text="hello", metadata=mark, thread_ts=card)
    for key in ("report.json", "1-0"):
        assert await thread.find(OPS, key, thread=card, since=long_ago()) is None


async def test_a_slack_that_is_not_there() -> None:
    async with Slack.connect(SecretStr("xoxb-1"), "http://127.0.0.1:1/api/") as slack:
        with pytest.raises(Unavailable, match="no answer"):
            await SlackThread(slack, FreeLanes()).post(OPS, HELLO, key="card")
        with pytest.raises(Unavailable, match="no answer"):
            await SlackPeople(slack, TeamId("T0SANDBOX")).person(UserId("U0AKI"))
        with pytest.raises(Unavailable, match="no answer"):
            await SlackAnswers(slack).reply("http://127.0.0.1:1/response", HELLO)


async def test_the_token_is_in_no_error_and_no_representation(double: SlackDouble) -> None:
    async with Slack.connect(SecretStr("xoxb-secret"), double.environment()["SLACK_BASE_URL"]) as slack:
        with pytest.raises(Unavailable) as trouble:
            await SlackThread(slack, FreeLanes()).post(OPS, HELLO, key="card")
        assert trouble.value.code == "invalid_auth"
        assert "xoxb-secret" not in f"{trouble.value!r} {trouble.value.__cause__!r} {slack!r}"


# --- people ---


@pytest.fixture
def people(slack: Slack) -> SlackPeople:
    return SlackPeople(slack, TeamId("T0SANDBOX"))


async def test_who_people_are(people: SlackPeople) -> None:
    aki = await people.person(UserId("U0AKI"))
    assert aki is not None
    assert (aki.name, aki.team, aki.is_bot, aki.is_guest, aki.is_deactivated) == (
        "aki",
        "T0SANDBOX",
        False,
        False,
        False,
    )
    signs = {}
    for id in ("U0SAM", "U0GUS", "U0BOTTO", "U0STRANGER"):
        person = await people.person(UserId(id))
        assert person is not None
        signs[id] = (person.team, person.is_bot, person.is_guest, person.is_deactivated)
    assert signs == {
        "U0SAM": ("T0SANDBOX", False, False, True),
        "U0GUS": ("T0SANDBOX", False, True, False),
        "U0BOTTO": ("T0SANDBOX", True, False, False),
        "U0STRANGER": ("T0ELSEWHERE", False, True, False),
    }
    assert await people.person(UserId("U0NOBODY")) is None


async def test_slack_down_is_not_an_unknown_person(people: SlackPeople, double: SlackDouble) -> None:
    double.faults.rate_limit("users.info", 3)
    with pytest.raises(Unavailable, match="ratelimited"):
        await people.person(UserId("U0AKI"))


async def test_members_of_a_group_are_at_most_a_minute_old(slack: Slack, double: SlackDouble) -> None:
    now = 0.0
    people = SlackPeople(slack, TeamId("T0SANDBOX"), now=lambda: now)
    assert UserId("U0MINA") in (await people.members("S0DBA") or ())
    double.workspace.groups["S0DBA"].members.remove("U0MINA")
    now = 59.9
    assert UserId("U0MINA") in (await people.members("S0DBA") or ())
    assert double.calls["usergroups.users.list"] == 1
    now = 60.0
    assert UserId("U0MINA") not in (await people.members("S0DBA") or ())


async def test_a_group_that_is_not_there_or_disabled_is_unknown(people: SlackPeople, double: SlackDouble) -> None:
    assert await people.members("S0NOBODY") is None
    double.workspace.groups["S0DBA"].disabled = True
    assert await people.members("S0DBA") is None


@pytest.mark.parametrize("error", ["missing_scope", "internal_error", "plan_upgrade_required"])
async def test_a_group_that_cannot_be_read_is_no_empty_group(
    people: SlackPeople, double: SlackDouble, error: str
) -> None:
    double.faults.refuse("usergroups.users.list", error)
    with pytest.raises(Unavailable, match=error):
        await people.members("S0DBA")
    assert await people.members("S0DBA")


# --- answering ---


async def test_a_whisper_is_for_one(slack: Slack, double: SlackDouble) -> None:
    await SlackAnswers(slack).whisper(OPS, UserId("U0AKI"), HELLO)
    assert [message.text for message in double.ephemerals("U0AKI")] == ["hello"]
    with pytest.raises(Unavailable, match="not_in_channel"):
        await SlackAnswers(slack).whisper("C0OTHER", UserId("U0AKI"), HELLO)


async def test_a_response_url_that_is_spent(slack: Slack, double: SlackDouble) -> None:
    with pytest.raises(Unavailable, match="HTTP 404"):
        await SlackAnswers(slack).reply(double.world.url("response/spent"), HELLO)


# --- whom it calls ---

REAL = "https://slack.com/api/"


@pytest.mark.parametrize(
    ("base", "address", "called"),
    [
        (REAL, "https://slack.com/api/chat.postMessage", True),
        (REAL, "https://hooks.slack.com/commands/T0/1/x", True),
        (REAL, "https://files.slack.com/upload/v1/x", True),
        (REAL, "http://hooks.slack.com/commands/T0/1/x", False),
        (REAL, "https://hooks.slack.com:8443/commands/T0/1/x", False),
        (REAL, "https://hooks.slack.com.evil.example/x", False),
        (REAL, "https://evil.example/hooks.slack.com", False),
        (REAL, "https://hooks.slack.com@evil.example/x", False),
        (REAL, "https://evilslack.com/x", False),
        (REAL, "http://169.254.169.254/latest/meta-data/", False),
        (REAL, "http://127.0.0.1:8080/", False),
        ("https://slack-gov.com/api/", "https://hooks.slack-gov.com/x", True),
        ("https://slack-gov.com/api/", "https://hooks.slack.com/x", False),
        ("http://127.0.0.1:8000/api/", "http://127.0.0.1:8000/response/x", True),
        ("http://127.0.0.1:8000/api/", "http://127.0.0.1:8001/response/x", False),
        ("http://127.0.0.1:8000/api/", "https://hooks.slack.com/x", False),
    ],
)
async def test_only_slack_is_called(base: str, address: str, called: bool) -> None:
    async def handler(_: ClientRequest) -> ClientResponse:
        raise ZeroDivisionError  # it would be

    asked = cast("ClientRequest", SimpleNamespace(url=URL(address)))
    with pytest.raises(ZeroDivisionError if called else ElsewhereError):
        await only_to(base)(asked, handler)


async def test_neither_answers_nor_uploads_go_elsewhere_nor_follow_there(
    double: SlackDouble, slack: Slack, lanes: FreeLanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def evil(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", evil)
    async with TestServer(app) as elsewhere:
        with pytest.raises(Unavailable, match="is not an address of Slack, so it was not called"):
            await SlackAnswers(slack).reply(str(elsewhere.make_url("/answer")), HELLO)
        with monkeypatch.context() as world:
            world.setattr("sandbox.slack.world.World.url", lambda *_: str(elsewhere.make_url("/upload")))
            with pytest.raises(Unavailable, match="is not an address of Slack"):
                await SlackThread(slack, lanes).upload(OPS, "1.0", (Enclosed("report.md", b"# Report"),), HELLO)

        async def moved(_: object, request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(elsewhere.make_url(request.path))

        monkeypatch.setattr("sandbox.slack.response_urls.ResponseUrls._usable", lambda *_: None)
        with monkeypatch.context() as world:
            world.setattr("sandbox.slack.args.Args.of", moved)
            with pytest.raises(Unavailable):
                await SlackAnswers(slack).reply(double.world.url("response/x"), HELLO)
    assert asked == []
