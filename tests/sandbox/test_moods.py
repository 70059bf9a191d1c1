"""How a mood is asked for, and what the doubles do under one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from time import monotonic, time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.aurora.asking import Answer, AwsError, Call
from sandbox.aurora.weather import Answerer, Weather
from sandbox.moods import MOODS, clocks, parse
from sandbox.slack import SlackDouble

OPS = "C0DBOPS"


@pytest.mark.parametrize("name", MOODS)
def test_each_mood_is_asked_for_by_its_name_and_says_what_it_is(name: str) -> None:
    asked = parse(name)
    assert str(asked) == (f"{name}:{asked.mood.usual}" if asked.mood.usual else name)
    assert asked.words == asked.mood.at
    assert asked.mood.about


def test_an_argument_and_words_are_taken() -> None:
    asked = parse("redis-frozen:2.5@zero downtime finished", seed=7)
    assert (asked.seconds, asked.words, asked.seed) == (2.5, "zero downtime finished", 7)
    assert asked.random().random() == parse("redis-frozen:2.5", seed=7).random().random()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sunshine", "is no mood; there are order-accepted-unheard, "),
        ("redis-frozen:long", "redis-frozen takes SECONDS, a number, not 'long'"),
        ("rollback:2", "rollback takes nothing after a colon"),
        ("", "is no mood"),
    ],
)
def test_what_is_no_mood_is_refused_with_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


def test_the_latest_weather_is_the_outermost_and_all_of_it_passes() -> None:
    def denied(_call: Call, _below: Answerer) -> Answer:
        raise AwsError("AccessDenied", "no")

    weather, call = Weather(lambda call: {"asked": call.operation}), Call("DescribeEvents", "us-east-1", {})
    with weather.under(lambda call, below: below(call) | {"late": True}):
        assert weather.answer(call) == {"asked": "DescribeEvents", "late": True}
        with weather.under(denied), pytest.raises(AwsError):
            weather.answer(call)
    assert weather.answer(call) == {"asked": "DescribeEvents"}


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


def client(slack: SlackDouble) -> AsyncWebClient:
    settings = slack.environment()
    once = AsyncWebClient(token=settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_BASE_URL"])
    once.retry_handlers.clear()
    return once


async def test_one_channel_is_limited_and_nobody_is_to_blame(slack: SlackDouble) -> None:
    slack.faults.rate_limit("*", 5, OPS)
    with pytest.raises(SlackApiError) as limited:
        await client(slack).chat_postMessage(channel=OPS, text="too soon")
    assert limited.value.response.headers["Retry-After"] == "5"
    await client(slack).auth_test()
    assert (slack.rate_limited, slack.too_many_calls) == (1, 0)


async def test_an_overloaded_slack_does_nothing(slack: SlackDouble) -> None:
    slack.faults.overload("*")
    with pytest.raises(SlackApiError) as overloaded:
        await client(slack).chat_postMessage(channel=OPS, text="lost")
    assert overloaded.value.response.status_code == 503
    assert slack.history(OPS) == []


async def test_a_slack_that_is_gone_cuts_everything_until_it_is_back(slack: SlackDouble) -> None:
    slack.vanish()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client(slack).auth_test()
    slack.come_back()
    assert (await client(slack).auth_test())["ok"]


async def test_an_envelope_arrives_twice(slack: SlackDouble) -> None:
    slack.deliver_twice()
    opened = await AsyncWebClient(
        token=slack.environment()["SLACK_APP_TOKEN"], base_url=slack.environment()["SLACK_BASE_URL"]
    ).apps_connections_open(app_token=slack.environment()["SLACK_APP_TOKEN"])
    async with aiohttp.ClientSession() as session, session.ws_connect(opened["url"]) as socket:
        await socket.receive_json()
        typing = asyncio.create_task(slack.person("U0AKI").command(OPS, "/aurora", "help"))
        seen = [await socket.receive_json(), await socket.receive_json()]
        for each in seen:
            await socket.send_json({"envelope_id": each["envelope_id"]})
        await typing
    assert seen[0] == seen[1]


WATCHING = """
import sys, time
from datetime import datetime, UTC
from pydantic import BaseModel, AwareDatetime
class Seen(BaseModel):
    at: AwareDatetime
began = time.monotonic()
for _ in sys.stdin:
    at = Seen(at=datetime.now(UTC)).at
    assert isinstance(at, datetime)
    print(time.time(), at.timestamp(), time.monotonic() - began, flush=True)
"""


def test_a_clock_is_set_ahead_and_back_and_what_runs_steadily_does_not_notice() -> None:
    began = monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", WATCHING], env=os.environ | clocks.CLOCKED, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        for number, ahead in ((None, 0), (signal.SIGUSR1, 3600), (signal.SIGUSR2, 0), (signal.SIGUSR2, -3600)):
            if number:
                process.send_signal(number)
            process.stdin.write("\n")
            process.stdin.flush()
            told, shown, steady = map(float, process.stdout.readline().split())
            assert told - time() == pytest.approx(ahead, abs=5)
            assert shown - time() == pytest.approx(ahead, abs=5)
            assert 0 <= steady <= monotonic() - began
        process.stdin.close()
