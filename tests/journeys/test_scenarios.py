"""Whole upgrades on real parts: people in Slack, RDS's wire, two PostgreSQL servers, the bot's own processes."""

import re
from pathlib import Path

import pytest

from sandbox.account import Json
from sandbox.rehearse import rehearse
from sandbox.scenarios import SCENARIOS
from sandbox.world import Wish

TRANSCRIPTS = Path(__file__).parent / "transcripts"
PACE = 3.0
pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
async def test_a_rehearsal_ends_as_its_scenario_has_it(scenario: str, tmp_path: Path) -> None:
    record = await rehearse(Wish(scenario=scenario, pace=PACE, minutes=SCENARIOS[scenario].minutes), directory=tmp_path)

    assert record["broken_expectations"] == ()
    assert record["orders_accepted"] == SCENARIOS[scenario].orders
    assert tracks(said(record)) == tracks((TRANSCRIPTS / f"{scenario}.txt").read_text().splitlines())


async def test_signed_http_carries_an_upgrade_as_socket_mode_does(tmp_path: Path) -> None:
    record = await rehearse(Wish(pace=PACE, mode="http"), directory=tmp_path)

    assert record["broken_expectations"] == ()
    assert tracks(said(record)) == tracks((TRANSCRIPTS / "happy.txt").read_text().splitlines())


def said(record: Json) -> list[str]:
    """The thread, line by line, with times and measured figures as letters."""
    lines = [line for message in record["thread"] for line in message["text"].splitlines()]
    return [plain(line) for line in lines]


def plain(line: str) -> str:
    line = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", line)
    line = re.sub(r"\d+\.\d to \d+\.\d s", "N to M s", line)
    line = re.sub(r"(took|completed in) \[?\d+\]?", r"\1 N", line)
    line = re.sub(r"(Done|Rolled back) in (\d+ min )?\d+ s", r"\1 in N s", line)
    line = re.sub(r"\d+ (connections dropped)", r"N \1", line)
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
