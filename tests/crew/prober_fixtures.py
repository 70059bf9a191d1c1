"""Fixtures of the tests of the prober."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.crew import backlog, measuring
from bot.domain.upgrade import Upgrade
from tests.crew.house import Store, proposal
from tests.crew.probing import Script


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "FLUSH", timedelta(seconds=0.05))
    monkeypatch.setattr(backlog, "SPILL_EVERY", timedelta(seconds=0.05))


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def upgrade(store: Store) -> Upgrade:
    return await store.create(*proposal(datetime.now(UTC)))
