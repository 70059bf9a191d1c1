"""A fall is told at once; nothing else hurries."""

from datetime import timedelta

import pytest

from bot.crew import measuring
from bot.domain.attempts import Outcome
from bot.domain.upgrade import Upgrade
from tests.crew.house import Store
from tests.crew.probing import REFUSED, Script, probing, says, stored

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures", "tests.crew.prober_fixtures"]
pytestmark = pytest.mark.usefixtures("often")


@pytest.mark.parametrize("outcome", [REFUSED, None])
async def test_the_first_failure_is_told_at_once_and_the_others_wait(
    store: Store, upgrade: Upgrade, script: Script, monkeypatch: pytest.MonkeyPatch, outcome: Outcome | None
) -> None:
    async with probing(store, upgrade, script, deadline=0.3):
        await says(store, upgrade, "reached")
        monkeypatch.setattr(measuring, "FLUSH", timedelta(hours=1))
        await script.more(5)
        script.outcome = outcome
        await says(store, upgrade, "reached", "went_down")
        written = len(await stored(store, upgrade))
        await script.more(10)
        assert len(await stored(store, upgrade)) == written
    assert len(await stored(store, upgrade)) > written, "what waits is stored in the end"
