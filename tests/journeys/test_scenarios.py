"""Whole upgrades on real parts: people in Slack, RDS's wire, two PostgreSQL servers, the bot's own processes."""

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Literal

import pytest

from sandbox.account import Account
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.world import Wish, World, turn_to, world

Transport = Literal["socket", "http"]
TRANSCRIPTS = Path(__file__).parent / "transcripts"
PACE = 3.0
STOOD_STILL = ("  not watched for ", "the bot itself could not try")
# What changes nothing in Aurora is played in one world, one after the other, and leaves nothing in the way of the next.
WORLDS: Final[Sequence[tuple[Transport, tuple[str, ...]]]] = (
    ("socket", ("declined", "expired", "refused", "happy")),
    ("http", ("rollback",)),
    ("http", ("frozen",)),
)
pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize(("transport", "scenarios"), WORLDS)
async def test_a_rehearsal_ends_as_its_scenario_has_it(
    transport: Transport, scenarios: Sequence[str], tmp_path: Path
) -> None:
    first, *others = scenarios
    async with world(tmp_path, Wish(scenario=first, pace=PACE, mode=transport)) as here:
        await plays(here, first)
        for scenario in others:
            turn_to(here, scenario, SCENARIOS[scenario].minutes)
            await plays(here, scenario)


def test_every_scenario_is_played_once() -> None:
    assert sorted(chain(*(scenarios for _, scenarios in WORLDS))) == sorted(SCENARIOS)


async def plays(here: World, scenario: str) -> None:
    account = await play(here, SCENARIOS[scenario])

    assert (scenario, account.broken_expectations()) == (scenario, ())
    assert tracks(said(account)) == tracks((TRANSCRIPTS / f"{scenario}.txt").read_text().splitlines())


def said(account: Account) -> list[str]:
    """The thread, line by line, with times and measured figures as letters; but for when a busy machine stood still."""
    return [plain(line) for line in account.lines() if not any(each in line for each in STOOD_STILL)]


def plain(line: str) -> str:
    line = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", line)
    # whoever has come in and was not yet served when the door closed is cut off, or told so by the server, and not refused
    line = re.sub(r"unreachable: (the connection was cut|.* is shutting down)", "unreachable: connection refused", line)
    line = re.sub(r"\d+\.\d to \d+\.\d s", "N to M s", line)
    line = re.sub(r"round trip \d+\.\d ms \(median of \d+\)", "round trip N ms (median of N)", line)
    line = re.sub(r"(took|completed in) \[?\d+\]?", r"\1 N", line)
    line = re.sub(r"(Done|Rolled back) in (\d+ min )?\d+ s", r"\1 in N s", line)
    line = re.sub(r"\d+ (connections (?:preserved|dropped))", r"N \1", line)
    line = re.sub(r"until [-\d]+ \d\d:\d\d UTC", "until DAY HH:MM UTC", line)
    line = re.sub(r"RDS says \d+\.\d s, (N connections preserved), \d+ dropped", r"RDS says N s, \1, N dropped", line)
    line = re.sub(r" \(not watched for \d+\.\d s\)", "", line)
    line = re.sub(r", stood still at most \d+\.\d s", "", line)  # under load nobody notices so little
    line = re.sub(r"dropped \(\w+\)", "dropped (why)", line)  # told by the server, or cut off by the door
    return re.sub(
        r"none seen in \d+ attempts, so none above \d+\.\d s", "none seen in N attempts, so none above N s", line
    )


def tracks(lines: list[str]) -> dict[str, list[str]]:
    """What each voice said, in its order. How the voices of two Regions mix is AWS's and the clock's to say."""
    heard: dict[str, list[str]] = {}
    for line in lines:
        voice = re.match(r"HH:MM:SS  (\S+)  (writer|reader|)", line)
        heard.setdefault(f"{voice[1]} {voice[2]}" if voice else "the bot", []).append(line)
    return heard
