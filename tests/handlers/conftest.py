"""A Slack without proxies in the way, for everything that listens to it."""

from collections.abc import AsyncIterator

import pytest

from sandbox.slack import SlackDouble
from tests.handlers.ears import Ears, StubDesk, Transport, listening


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with SlackDouble.start() as slack:
        yield slack


@pytest.fixture
def desk() -> StubDesk:
    return StubDesk()


@pytest.fixture(params=["socket", "http"])
async def ears(request: pytest.FixtureRequest, slack: SlackDouble, desk: StubDesk) -> AsyncIterator[Ears]:
    """Over both transports."""
    transport: Transport = request.param
    async with listening(slack, transport, desk) as ears:
        yield ears


@pytest.fixture
async def hearing(slack: SlackDouble, desk: StubDesk) -> AsyncIterator[Ears]:
    """Over a socket only, where the transport makes no difference."""
    async with listening(slack, "socket", desk) as ears:
        yield ears
