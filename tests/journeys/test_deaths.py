"""Any process may die at any instruction: another carries on, and nobody reading the thread can tell."""

import asyncio
from pathlib import Path

import pytest

from sandbox.account import Account
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.world import CHANNEL, Wish, World, world

PACE = 1.5
pytestmark = pytest.mark.timeout(180)


async def dies_when(here: World, name: str, words: str) -> Account:
    """Plays the happy scenario; the process dies as soon as the thread says these words, and its supervisor restarts it."""
    playing = asyncio.create_task(play(here, SCENARIOS["happy"]))
    await here.slack.person("U0AKI").sees(CHANNEL, lambda message: words in message.text, within=60)
    here.bot.kill(name)
    await here.bot.restart(name)
    return await playing


@pytest.mark.parametrize("words", ["approved. 1 of 1.", "upgrade started", "zero downtime finished"])
async def test_a_worker_killed_in_the_middle_is_not_noticed(words: str, tmp_path: Path) -> None:
    async with world(tmp_path, Wish(pace=PACE)) as here:
        account = await dies_when(here, "worker", words)

        assert account.broken_expectations() == ()


@pytest.mark.parametrize("words", ["upgrade started", "unreachable: "])
async def test_where_a_prober_was_killed_nobody_claims_to_know(words: str, tmp_path: Path) -> None:
    """The truth is inside the bounds all the same, and the thread says how long nobody looked."""
    async with world(tmp_path, Wish(pace=PACE)) as here:
        account = await dies_when(here, "prober", words)

        assert account.broken_expectations() == ()
        assert account.told is not None
        missed = [stretch for each in account.told["endpoints"] for stretch in each["unobserved"]]
        assert missed
        assert sum("not watched for" in line and "nobody knows" in line for line in account.lines()) == len(missed)


async def test_the_ears_may_die_while_the_upgrade_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, Wish(pace=PACE)) as here:
        account = await dies_when(here, "web", "upgrade started")

        assert account.broken_expectations() == ()
