"""`python -m handlers` as it is really started, on a day when neither Redis nor AWS is there."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.slack import SlackDouble
from tests.handlers.ears import Ears, StubDesk, StubStore, settings_for

ROOT = Path(__file__).parents[2]


async def started(environment: Mapping[str, str], module: str = "handlers") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        cwd=ROOT, env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_missing_settings_are_named_and_the_process_exits_with_2() -> None:
    process = await started({"SLACK_BOT_TOKEN": "wrong-token-value"})
    _, said = await process.communicate()
    assert process.returncode == 2
    for name in (b"REDIS_URL", b"SLACK_BOT_TOKEN", b"SLACK_TEAM_ID", b"AWS_REGION"):
        assert name in said
    assert b"wrong-token-value" not in said


@pytest.mark.parametrize(
    ("module", "options"),
    [("handlers", "max_connections=abc"), ("bot.worker", "foo=bar"), ("bot.prober", "max_connections=abc")],
)
async def test_a_redis_url_that_nobody_can_use_is_named_without_its_password(
    module: str, options: str, slack: SlackDouble, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").touch()
    environment = {
        **slack.environment(), "REDIS_URL": f"redis://:hunter2@127.0.0.1:1/0?{options}", "AWS_REGION": "us-east-1",
        "PROBE_REGIONS": "us-east-1", "PROBE_PASSWORD": "p", "PROBE_SSLROOTCERT": str(tmp_path / "ca.pem"),
    }  # fmt: skip
    process = await started(environment, module)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.startswith(b"REDIS_URL: its URL cannot be read")
    assert b"hunter2" not in said


async def test_an_outcome_is_believed_after_several_looks_only(slack: SlackDouble) -> None:
    environment = {
        **slack.environment(), "REDIS_URL": "redis://127.0.0.1:1/0", "AWS_REGION": "us-east-1",
        "CATALOGUE_SECONDS": "30", "QUIET_SECONDS": "1",
    }  # fmt: skip
    process = await started(environment, "bot.worker")
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"SETTLE_SECONDS: at least 3 times CATALOGUE_SECONDS, 90" in said
    assert b"QUIET_SECONDS: Input should be greater than or equal to 60" in said


async def test_it_hears_answers_and_stops_when_told(slack: SlackDouble) -> None:
    settings = settings_for(slack.environment())
    process = await started(
        {
            **slack.environment(),
            "PORT": str(settings.port),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_RDS": "http://127.0.0.1:1",
        }
    )
    ears = Ears(slack, StubDesk(), StubStore(), settings, asyncio.Event(), asyncio.create_task(asyncio.sleep(0)))
    await slack.sockets.connected(within=20)
    assert (await ears.get("/healthz"))[0] == 200
    status, said = await ears.get("/readyz")
    assert (status, list(said["missing"])) == (503, ["redis"])

    sent = await slack.person("U0AKI").command("C0DBOPS", "/aurora", "status")
    assert sent.acked
    assert sent.ack_ms < 3000
    assert (await sent.answer(within=28)).text.startswith("Redis did not answer (`")

    process.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0, log.decode()
    assert b"xoxb-" not in log
    assert b"xapp-" not in log
