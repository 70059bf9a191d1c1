"""The real AsyncWebClient calls the sandbox's Web API, and is refused as Slack refuses."""

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackDouble, UserGroup

OPS = "C0DBOPS"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


@pytest.fixture
async def client(slack: SlackDouble) -> AsyncIterator[AsyncWebClient]:
    settings = slack.environment()
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"], session=session, retry_handlers=[]
        )


async def error(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_who_am_i(client: AsyncWebClient) -> None:
    me = await client.auth_test()
    assert (me["team_id"], me["user_id"]) == ("T0SANDBOX", "U0AURORA")


async def test_tokens_and_scopes_are_checked(client: AsyncWebClient, slack: SlackDouble) -> None:
    stranger = AsyncWebClient(token="xoxb-other", base_url=client.base_url)
    assert await error(stranger.auth_test()) == "invalid_auth"
    assert await error(AsyncWebClient(base_url=client.base_url).auth_test()) == "not_authed"
    assert await error(client.apps_connections_open(app_token="xoxb-sandbox")) == "not_allowed_token_type"
    assert await error(client.api_call("chat.dance")) == "unknown_method"
    slack.world.scopes.remove("chat:write")
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=OPS, text="hello")
    assert refused.value.response["error"] == "missing_scope"
    assert refused.value.response["needed"] == "chat:write"


async def test_a_message_is_posted_and_edited(client: AsyncWebClient, slack: SlackDouble) -> None:
    metadata = {"event_type": "aurora_card", "event_payload": {"upgrade": "u1"}}
    posted = await client.chat_postMessage(channel=OPS, text="Upgrade?", metadata=metadata)
    await client.chat_update(channel=OPS, ts=posted["ts"], text="Done.")
    [message] = slack.history(OPS)
    assert (message.text, message.author, message.edit_count, message.metadata) == ("Done.", "U0AURORA", 1, metadata)
    assert message.edits[0] > message.at
    assert slack.calls["chat.update"] == 1


async def test_an_edit_keeps_the_blocks_it_does_not_mention(client: AsyncWebClient, slack: SlackDouble) -> None:
    posted = await client.chat_postMessage(channel=OPS, text="a", blocks=[{"type": "divider"}])
    await client.chat_update(channel=OPS, ts=posted["ts"], text="b")
    assert slack.history(OPS)[0].blocks
    await client.chat_update(channel=OPS, ts=posted["ts"], text="c", blocks=[])
    assert not slack.history(OPS)[0].blocks


async def test_timestamps_are_unique_and_increase_even_when_the_clock_stands_still() -> None:
    async with SlackDouble.start(rate_limits=False, now=lambda: 1_700_000_000.0) as slack:
        posted = [slack.person("U0AKI").says(OPS, "hi") for _ in range(3)]
    assert [m.ts for m in posted] == ["1700000000.000000", "1700000000.000001", "1700000000.000002"]
    assert posted[0].at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


async def test_refusals_bear_slacks_names(client: AsyncWebClient, slack: SlackDouble) -> None:
    slack.world.limits = None
    theirs = slack.person("U0AKI").says(OPS, "good morning")
    mine = await client.chat_postMessage(channel=OPS, text="good morning")
    reply = await client.chat_postMessage(channel=OPS, text="and you?", thread_ts=theirs.ts)
    post, update = client.chat_postMessage, client.chat_update
    assert await error(post(channel="C0NOWHERE", text="x")) == "channel_not_found"
    assert await error(post(channel="#db-ops", text="x")) == "channel_not_found"
    assert await error(post(channel="C0OTHER", text="x")) == "not_in_channel"
    assert await error(client.api_call("chat.postMessage", json={"channel": OPS})) == "no_text"
    assert await error(post(channel=OPS, text="x", thread_ts="1.000001")) == "thread_not_found"
    assert await error(post(channel=OPS, text="x", thread_ts="0")) == "invalid_thread_ts"
    assert await error(post(channel=OPS, text="x", metadata={"event_type": "x"})) == "invalid_metadata_format"
    assert await error(update(channel=OPS, ts="1.000001", text="x")) == "message_not_found"
    assert await error(update(channel=OPS, ts=theirs.ts, text="x")) == "cant_update_message"
    assert await error(update(channel=OPS, ts=mine["ts"], text="x" * 4001)) == "msg_too_long"
    assert await error(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert await error(client.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"
    assert await error(client.api_call("users.info")) == "invalid_arguments"
    assert await error(client.conversations_replies(channel=OPS, ts="1.0")) == "thread_not_found"
    assert await error(post(channel=OPS, text="x", thread_ts=reply["ts"])) == "cannot_reply_to_message"


async def test_a_very_long_text_is_cut(client: AsyncWebClient, slack: SlackDouble) -> None:
    await client.chat_postMessage(channel=OPS, text="x" * 40_001)
    assert len(slack.history(OPS)[0].text) == 40_000


async def test_threads_and_history_are_read_page_by_page(client: AsyncWebClient, slack: SlackDouble) -> None:
    metadata = {"event_type": "aurora_entry", "event_payload": {"position": 1}}
    card = await client.chat_postMessage(channel=OPS, text="card")
    await client.chat_postMessage(channel=OPS, text="one", thread_ts=card["ts"], metadata=metadata)
    await client.chat_postMessage(channel=OPS, text="two", thread_ts=card["ts"])
    slack.person("U0AKI").says(OPS, "last")

    whole = await client.conversations_replies(channel=OPS, ts=card["ts"], include_all_metadata=True)
    assert [m["text"] for m in whole["messages"]] == ["card", "one", "two"]
    assert whole["messages"][0]["reply_count"] == 2
    assert whole["messages"][1]["metadata"] == metadata
    assert "metadata" not in (await client.conversations_replies(channel=OPS, ts=card["ts"]))["messages"][1]

    pages = [p["messages"] async for p in await client.conversations_history(channel=OPS, limit=1)]
    assert [m["text"] for page in pages for m in page] == ["last", "card"]
    since = await client.conversations_history(channel=OPS, oldest=card["ts"])
    assert [m["text"] for m in since["messages"]] == ["last"]


async def test_permalinks_lead_to_messages_and_replies(client: AsyncWebClient) -> None:
    card = await client.chat_postMessage(channel=OPS, text="card")
    reply = await client.chat_postMessage(channel=OPS, text="one", thread_ts=card["ts"])
    link = await client.chat_getPermalink(channel=OPS, message_ts=card["ts"])
    assert link["permalink"] == f"https://sandbox.slack.com/archives/C0DBOPS/p{card['ts'].replace('.', '')}"
    link = await client.chat_getPermalink(channel=OPS, message_ts=reply["ts"])
    assert f"?thread_ts={card['ts']}" in link["permalink"]


async def test_people_and_groups_are_as_the_admin_left_them(client: AsyncWebClient, slack: SlackDouble) -> None:
    assert (await client.users_info(user="U0SAM"))["user"]["deleted"]
    assert (await client.users_info(user="U0GUS"))["user"]["is_restricted"]
    assert (await client.users_info(user="U0STRANGER"))["user"]["team_id"] == "T0ELSEWHERE"
    assert len((await client.users_list())["members"]) == len(slack.workspace.users)
    slack.workspace.groups["S0OLD"] = UserGroup(id="S0OLD", handle="old", disabled=True)
    groups = await client.usergroups_list(include_users=True)
    assert [(g["handle"], "U0MINA" in g["users"]) for g in groups["usergroups"]] == [("dba", True)]
    members = await client.usergroups_users_list(usergroup="S0DBA")
    assert members["users"] == slack.workspace.group("S0DBA").members
    slack.world.scopes.add("channels:read")
    assert (await client.conversations_info(channel="C0OTHER"))["channel"]["is_member"] is False


async def test_a_direct_message_reaches_one_person(client: AsyncWebClient, slack: SlackDouble) -> None:
    posted = await client.chat_postMessage(channel="U0MINA", text="psst")
    assert posted["channel"] == "D0MINA"
    assert (await slack.person("U0MINA").sees("D0MINA")).text == "psst"


async def test_ephemeral_messages_have_one_reader(client: AsyncWebClient, slack: SlackDouble) -> None:
    shown = await client.chat_postEphemeral(channel=OPS, user="U0AKI", text="only you")
    assert [m.text for m in slack.ephemerals("U0AKI")] == ["only you"]
    assert slack.history(OPS) == []
    assert await error(client.chat_update(channel=OPS, ts=shown["message_ts"], text="x")) == "message_not_found"
    assert await error(client.chat_postEphemeral(channel=OPS, user="U0SAM", text="x")) == "user_not_in_channel"


async def test_a_file_appears_in_the_thread(client: AsyncWebClient, slack: SlackDouble) -> None:
    card = await client.chat_postMessage(channel=OPS, text="card")
    uploaded = await client.files_upload_v2(
        file_uploads=[
            {"content": '{"seconds": 1.5}', "filename": "report.json", "title": "Report"},
            {"file": b"# Report", "filename": "report.md"},
        ],
        channel=OPS,
        thread_ts=card["ts"],
        initial_comment="The report.",
    )
    assert [(f.name, f.content) for f in slack.files(OPS, card["ts"])] == [
        ("report.json", b'{"seconds": 1.5}'),
        ("report.md", b"# Report"),
    ]
    [message] = slack.replies(OPS, card["ts"])
    assert message.text == "The report."
    slack.world.scopes.add("files:read")
    info = await client.files_info(file=uploaded["files"][0]["id"])
    assert info["file"]["mimetype"] == "application/json"
    assert info["file"]["shares"]["public"][OPS] == [{"ts": message.ts}]
    again = client.files_completeUploadExternal(files=[{"id": uploaded["files"][0]["id"], "title": "x"}])
    assert await error(again) == "file_not_found"


async def test_a_file_needs_a_channel_by_its_id(client: AsyncWebClient) -> None:
    call = client.files_upload_v2(content="x", filename="x.txt", channel="db-ops")
    assert await error(call) == "channel_not_found"


async def test_a_burst_of_posts_to_one_channel_is_limited(client: AsyncWebClient, slack: SlackDouble) -> None:
    for number in range(4):
        await client.chat_postMessage(channel=OPS, text=str(number))
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=OPS, text="too much")
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel="U0MINA", text="another channel has its own count")
    assert slack.rate_limited == 1


async def test_the_rate_limit_handler_waits_and_gets_through(client: AsyncWebClient, slack: SlackDouble) -> None:
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    slack.faults.rate_limit("chat.postMessage", 0.5)
    await client.chat_postMessage(channel=OPS, text="patience")
    assert [m.text for m in slack.history(OPS)] == ["patience"]
    assert slack.rate_limited == 1


async def test_edits_are_limited_for_the_whole_app(client: AsyncWebClient, slack: SlackDouble) -> None:
    posted = await client.chat_postMessage(channel=OPS, text="0")
    for number in range(50):
        await client.chat_update(channel=OPS, ts=posted["ts"], text=f"edit {number}")
    assert await error(client.chat_update(channel=OPS, ts=posted["ts"], text="too much")) == "ratelimited"
    assert slack.history(OPS)[0].text == "edit 49"


async def test_without_rate_limits_everything_goes_through() -> None:
    async with SlackDouble.start(rate_limits=False) as slack:
        settings = slack.environment()
        client = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
        for number in range(10):
            await client.chat_postMessage(channel=OPS, text=str(number))
        assert (len(slack.history(OPS)), slack.rate_limited) == (10, 0)
