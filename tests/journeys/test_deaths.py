"""Any process may die at any instruction: another carries on, and nobody reading the thread can tell."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.measurement import STILL_OUT
from bot.domain.unobserved import BLINK
from sandbox.account import Account
from sandbox.moods import parse
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.world import Wish, world

PACE = 3.0
pytestmark = pytest.mark.timeout(180)


async def played(directory: Path, *deaths: str) -> Account:
    """The happy scenario, in which these processes die as soon as the thread says these words."""
    async with world(directory, Wish(pace=PACE)) as here:
        return await play(here, SCENARIOS["happy"], [parse(f"killed:{each}") for each in deaths])


@pytest.mark.parametrize(
    "deaths", [["worker@approved. 1 of 1."], ["web@upgrade started", "worker@zero downtime finished"]]
)
async def test_a_death_in_the_middle_is_not_noticed(deaths: list[str], tmp_path: Path) -> None:
    assert (await played(tmp_path, *deaths)).broken_expectations() == ()


async def test_where_a_prober_was_killed_nobody_claims_to_know(tmp_path: Path) -> None:
    """It dies with an outage under way. The truth is inside the bounds, and the thread says how long nobody looked."""
    account = await played(tmp_path, "prober@unreachable: ")

    assert account.broken_expectations() == ()
    assert account.told is not None
    missed = [stretch for each in account.told["endpoints"] for stretch in each["unobserved"]]
    dead = [stretch for stretch in missed if lasted(stretch) > BLINK]  # what is shorter was a busy machine's doing
    ended = datetime.fromisoformat(account.told["finished_at"])
    in_time = [each for each in dead if ended - datetime.fromisoformat(each["until"]) > STILL_OUT]
    told = sum("not watched for" in line and "nobody knows" in line for line in account.lines())
    assert dead
    assert len(in_time) <= told <= len(missed)


def lasted(stretch: dict[str, str]) -> timedelta:
    return datetime.fromisoformat(stretch["until"]) - datetime.fromisoformat(stretch["since"])
