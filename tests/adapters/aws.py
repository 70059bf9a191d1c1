"""An AWS for the tests: the sandbox's control plane with every call written down, and a socket that behaves badly."""

import asyncio
import socketserver
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

import pytest

from bot.adapters.rds import RdsAurora
from bot.domain.errors import Unavailable
from bot.domain.ids import Region
from bot.domain.topology import GlobalCluster
from sandbox.aurora import seed
from sandbox.aurora.asking import Answer, AwsError, Call
from sandbox.aurora.control_plane import ControlPlane
from sandbox.aurora.state import Account
from sandbox.aurora.wire import served

US, AP, EU = Region("us-east-1"), Region("ap-northeast-1"), Region("eu-central-1")
NOW: Final = datetime(2026, 4, 11, 6, 20, 0, 123000, UTC)
DENIED: Final = "User: arn:aws:sts::123456789012:assumed-role/bot/i-0 is not authorized to perform: rds:Describe"
ADDRESSES: Final = {
    seed.WRITER: seed.Address("orders-us.cluster-abc.us-east-1.rds.amazonaws.com", 5432),
    seed.SECONDARY: seed.Address("orders-ap.cluster-def.ap-northeast-1.rds.amazonaws.com", 5432),
}


class Aws(ControlPlane):
    """`calls` are those that came in; `moods` answer in the place of an operation (raise AwsError, wait, lie)."""

    def __init__(self) -> None:
        super().__init__(Account([]), carry_out=lambda _: None)
        self.begin()

    def begin(self) -> None:
        self.account = seed.account(ADDRESSES, "18.4")
        self.calls: list[Call] = []
        self.moods: dict[str, Callable[[Call], Answer | None]] = {}

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        mood = self.moods.get(call.operation)
        answer = mood(call) if mood else None
        return super().answer(call) if answer is None else answer

    def refuse(self, operation: str, code: str, message: str, region: str | None = None) -> None:
        def mood(call: Call) -> None:
            if region in (None, call.region):
                raise AwsError(code, message)

        self.moods[operation] = mood

    def count(self) -> Counter[str]:
        return Counter(f"{call.operation} {call.region}" for call in self.calls)


@contextmanager
def serving() -> Iterator[tuple[Aws, str]]:
    aws = Aws()
    with served(aws.answer) as url:
        yield aws, url


def set_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are nobody's, and nothing of whoever runs the tests."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


async def orders(rds: RdsAurora) -> GlobalCluster:
    found = await rds.global_cluster("orders")
    assert found is not None
    return found


class Shared:
    """A cache that several adapters share, as processes share Redis."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[float, str]] = {}

    async def get(self, key: str) -> str | None:
        until, value = self.kept.get(key, (0.0, ""))
        return value if time.monotonic() < until else None

    async def put(self, key: str, value: str, keep: timedelta) -> None:
        self.kept[key] = time.monotonic() + keep.total_seconds(), value


class Dead:
    async def get(self, key: str) -> str | None:  # noqa: ARG002 - nobody reads it
        raise Unavailable("Redis", "ConnectionError")

    async def put(self, key: str, value: str, keep: timedelta) -> None:  # noqa: ARG002
        raise Unavailable("Redis", "ConnectionError")


class Hung:
    """A cache that never answers. `asked` counts how often somebody waited for it."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, key: str) -> str | None:  # noqa: ARG002 - it does not get as far as reading it
        self.asked += 1
        await asyncio.sleep(60)
        return None

    async def put(self, key: str, value: str, keep: timedelta) -> None:  # noqa: ARG002
        await self.get(key)


class Rude(socketserver.ThreadingTCPServer):
    """Reads each request whole and counts it; then gives `reply` as it stands, or hangs up, or says nothing."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, reply: bytes, silent: bool, expect: int) -> None:
        super().__init__(("127.0.0.1", 0), _Read)
        self.reply = reply
        self.silent = silent
        self.released = Event()
        self.expect = expect
        self.got = Event()  # set when as many requests came as are expected
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Read(socketserver.StreamRequestHandler):
    server: Rude

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        length = next(
            int(each.split(b":")[1]) for each in head.split(b"\r\n") if each.lower().startswith(b"content-length")
        )
        self.server.heads.append(head)
        self.server.requests.append(self.rfile.read(length))
        if len(self.server.requests) >= self.server.expect:
            self.server.got.set()
        if self.server.silent:
            self.server.released.wait(10)
        self.wfile.write(self.server.reply)


@contextmanager
def rude(reply: bytes = b"", *, silent: bool = False, expect: int = 1) -> Iterator[Rude]:
    with Rude(reply, silent, expect) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def error(code: str, message: str) -> str:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>r</RequestId></ErrorResponse>"
    )
