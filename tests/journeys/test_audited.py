"""What real processes leave behind is found legal and whole, though one of them was killed."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from sandbox.moods import parse
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.world import Wish, World, world

pytestmark = pytest.mark.timeout(180)


async def verified(here: World) -> tuple[int | None, str]:
    environment = {"PATH": os.environ["PATH"], "REDIS_URL": here.valkey.url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.audit", "verify", "all",
        cwd=Path(__file__).parents[2], env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, said.decode()


async def test_an_upgrade_that_survived_a_death_is_legal_and_whole(tmp_path: Path) -> None:
    async with world(tmp_path, Wish(pace=3)) as here:
        account = await play(here, SCENARIOS["happy"], [parse("killed:worker@upgrade started")])

        assert account.broken_expectations() == ()
        status, said = await verified(here)
        assert (status, said.count("legal and whole"), said.count("\n")) == (0, 1, 1), said
        assert said.endswith("entries, succeeded\n")
