"""Fixtures of the RDS tests: an AWS, and the adapter that talks to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.adapters.rds import FRESH_FOR, RdsAurora
from tests.adapters.aws import US, Aws, Shared, serving, set_environment


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)


@pytest.fixture(scope="module")
def aws_served() -> Iterator[tuple[Aws, str]]:
    with serving() as both:
        yield both


@pytest.fixture
def aws(aws_served: tuple[Aws, str], monkeypatch: pytest.MonkeyPatch) -> Aws:
    plane, url = aws_served
    plane.begin()
    monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", url)
    return plane


@pytest.fixture
async def lonely() -> AsyncIterator[RdsAurora]:
    """With no AWS to talk to."""
    aurora = RdsAurora(US, Shared(), FRESH_FOR)
    yield aurora
    await aurora.close()


@pytest.fixture
def rds(aws: Aws, lonely: RdsAurora) -> RdsAurora:
    assert aws.calls == []
    return lonely
