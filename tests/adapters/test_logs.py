"""No log line holds what is secret, whoever writes it."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.adapters.logs import HIDDEN, LOUD, DiscreetFormatter, Discretion
from bot.adapters.rds import FRESH_FOR, RdsAurora
from bot.adapters.rds_tokens import IamTokens
from bot.adapters.redis import RedisServer
from bot.domain.errors import Unavailable
from bot.domain.topology import Endpoint
from sandbox.slack import SlackDouble
from sandbox.slack.double import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from sandbox.slack.payloads import VERIFICATION_TOKEN
from tests.adapters.aws import US, Aws, Shared
from tests.handlers.ears import StubDesk, Transport, listening

pytest_plugins = ["tests.adapters.aws_fixtures"]

PASSWORD = "p@ss/w\"ö\\rd's"
SIGNED = "0123456789abcdef" * 4
SHAPES = [
    ("Bearer xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzzqgy", "pdFZKVeTuE8sk7oOcHrzzqgy"),
    ("token xoxe.xoxp-1-Mi0yLTE2NzY", "Mi0yLTE2NzY"),
    ("xoxe-1-My0xLTE2NzY is refreshed", "My0xLTE2NzY"),
    ("{'Authorization': 'Bearer xapp-1-A0-1-abc'}", "xapp-1"),
    ("Credential=AKIAIOSFODNN7EXAMPLE/20260411/us-east-1", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_access_key_id=ASIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"),
    (f"AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature={SIGNED}", SIGNED),
    (f"Signature:\n{SIGNED}", SIGNED),  # as botocore writes it
    ("x-amz-security-token:IQoJb3JpZ2lu/+==", "IQoJb3JpZ2lu"),
    (f"X-Slack-Signature: v0={SIGNED}", SIGNED),
    (f"orders.example:5432/?Action=connect&X-Amz-Security-Token=IQoJb3%2F&X-Amz-Signature={SIGNED}", SIGNED),
    ("/?Action=connect&X-Amz-Security-Token=IQoJb3JpZ2lu%2F&X-Amz-Expires=900", "IQoJb3JpZ2lu"),
    ("'X-Amz-Security-Token': b'IQoJb3JpZ2lu/+=='", "IQoJb3JpZ2lu"),
    ("redis://:hunter2@10.0.0.1:6379/0 is down", "hunter2"),
    ("rediss://bot:hun/t@er2@cache.example:6379", "er2@"),
    ("host=h password=hunter2 dbname=d", "hunter2"),
    ("password='hun ter2' host=h", "ter2"),
    ('{"token": "legacy-token", "text": "x"}', "legacy-token"),
    ("wss://wss-primary.slack.com/link/?ticket=12348&app_id=5678", "12348"),
    ("POST https://hooks.slack.com/commands/T0/1/verysecret failed", "verysecret"),
]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a logger writes that knows one password."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(DiscreetFormatter(Discretion([PASSWORD])))
    logger = logging.getLogger("botocore.auth")
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before[0])
    logger.propagate = before[1]


@pytest.mark.parametrize(("line", "secret"), SHAPES)
def test_what_looks_like_a_secret_is_hidden(line: str, secret: str) -> None:
    said = Discretion()(line)
    assert secret not in said
    assert HIDDEN in said


@pytest.mark.parametrize(
    "line",
    [
        "drive:orders-k3v9qd2m: Redis: ConnectionError: Error 111 connecting to 127.0.0.1:6379",
        "the token of Slack begins with xoxb-, that of the app with xapp-",
        'password authentication failed for user "aurora_probe"',
        "asking for a new ticket",
        "https://sandbox.slack.com/archives/C0DBOPS/p1",
        "arn:aws:rds::123456789012:global-cluster:orders",
    ],
)
def test_what_people_need_to_read_stays(line: str) -> None:
    assert Discretion(["abc", ""])(line) == line


@given(st.text(min_size=4).filter(lambda text: text not in HIDDEN and "*" not in text))
def test_a_secret_that_is_known_is_hidden_however_it_is_spelled(secret: str) -> None:
    for spelled in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        assert Discretion([secret])(f"<{spelled}>") == f"<{HIDDEN}>"


def test_arguments_exceptions_and_causes_are_looked_at_too(written: io.StringIO) -> None:
    logger = logging.getLogger("botocore.auth")
    try:
        try:
            raise ValueError(f"bad password {PASSWORD}")
        except ValueError as error:
            raise RuntimeError("redis://u:hunter2@h/0") from error
    except RuntimeError:
        logger.exception("with %s", {"given": PASSWORD})
    logger.debug("shown %r and %s", PASSWORD, SecretStr(PASSWORD), stack_info=True)
    said = written.getvalue()
    assert "RuntimeError" in said
    for secret in (PASSWORD, repr(PASSWORD)[1:-1], "hunter2"):
        assert secret not in said


async def test_the_loudest_loggers_of_all_give_nothing_away(aws: Aws, aws_environment: None) -> None:  # noqa: ARG001
    """Real traffic with every library at DEBUG, which no setting of the bot allows."""
    key = os.environ["AWS_SECRET_ACCESS_KEY"]
    secrets = [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, key, "hunter2"]
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(DiscreetFormatter(Discretion(secrets)))
    transports: tuple[Transport, ...] = ("socket", "http")
    with at_debug(handler):
        async with SlackDouble.start() as slack:
            for transport in transports:
                async with listening(slack, transport, StubDesk(trouble=ValueError(key))) as ears:
                    shout()
                    await (await ears.slack.person("U0AKI").command("C0DBOPS", "/aurora", "show orders")).answer()
        for asked in (RdsAurora(US, Shared(), FRESH_FOR), IamTokens()):
            shout()
            if isinstance(asked, IamTokens):
                token = await asked.auth_token(
                    Endpoint(region=US, use="writer", host="orders.example", port=5432), "probe"
                )
                logging.getLogger("psycopg").debug("given %s", token)
                asked.close()
            else:
                await asked.global_cluster("orders")
                await asked.close()
        with suppress(Unavailable):
            await RedisServer("redis://:hunter2@127.0.0.1:1/0").ping()
    text = said.getvalue()
    assert aws.calls
    loud = {line.split()[3].rstrip(":").split(".")[0] for line in text.splitlines() if " DEBUG " in line}
    assert {"botocore", "slack_bolt", "slack_sdk", "psycopg"} <= loud
    for secret in (
        *secrets,
        VERIFICATION_TOKEN,
        os.environ["AWS_ACCESS_KEY_ID"],
        token.partition("X-Amz-Signature=")[2],
    ):
        assert secret not in text


def shout() -> None:
    for name in [*logging.root.manager.loggerDict]:
        if name.split(".")[0] in (*LOUD, "psycopg", "docket", "redis"):
            logging.getLogger(name).setLevel(logging.DEBUG)


@contextmanager
def at_debug(handler: logging.Handler) -> Iterator[None]:
    """The root's handlers are this one, and all levels are given back at the end."""
    before = {name: logging.getLogger(name).level for name in [*logging.root.manager.loggerDict]}
    handlers, level = logging.root.handlers[:], logging.root.level
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        for name in [*logging.root.manager.loggerDict]:
            logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def test_a_line_whose_arguments_do_not_fit_is_written_without_them() -> None:
    record = logging.LogRecord("redis", logging.DEBUG, "", 1, "hunter %s of %s", (PASSWORD,), None)
    said = DiscreetFormatter(Discretion())
    assert said.format(record) == "DEBUG redis: its arguments do not fit: hunter %s of %s"


OUT_OF_THE_WAY = """
import logging, threading
from bot.adapters import logs

secret = "sword" + "fish"
logs.start("INFO", [secret])

class Odd:
    def __str__(self):
        raise AttributeError(secret)

    def __del__(self):
        raise LookupError(secret)

def end():
    raise RuntimeError(secret)

logging.getLogger("redis").info("said %s", Odd())
thread = threading.Thread(target=end)
thread.start()
thread.join()
"""


def test_what_goes_wrong_where_nobody_looks_goes_the_same_way() -> None:
    """In a thread, in a finalizer, and while a line is written."""
    ended = subprocess.run([sys.executable, "-c", OUT_OF_THE_WAY], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert f"RuntimeError: {HIDDEN}" in ended.stderr
    assert f"LookupError: {HIDDEN}" in ended.stderr
    assert "INFO redis: its arguments do not fit: said %s" in ended.stderr
    assert "swordfish" not in ended.stderr


PROGRAM = """
import logging, sys, warnings
from bot.adapters import logs
logs.start("DEBUG", ["swordfish"])
logging.getLogger("docket").debug("swordfish")
warnings.warn("swordfish")
print(sorted({logging.getLogger(name).getEffectiveLevel() for name in logs.LOUD}))
raise RuntimeError("swordfish")
"""


def test_warnings_and_what_ends_a_process_go_the_same_way() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == f"[{logging.INFO}]\n"
    assert "this process ends" in ended.stderr
    assert f"RuntimeError: {HIDDEN}" in ended.stderr
    assert "swordfish" not in ended.stderr
