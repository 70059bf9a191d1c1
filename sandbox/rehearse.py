"""A rehearsal: one upgrade, played by scripted people on real parts, from the command to the report."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from sandbox.account import Account, Json, report_of
from sandbox.people import Team
from sandbox.scenarios import SCENARIOS, Scenario
from sandbox.slack import Change, Message
from sandbox.world import CHANNEL, Wish, World, world

LONGEST = 240.0  # seconds an upgrade may take at pace 1
REPORT_SECONDS = 30.0

Show = Callable[[World], Callable[[Change], None]]


async def rehearse(wish: Wish, show: Show | None = None, directory: Path | None = None) -> Json:
    """Play the scenario of the wish; the record of what it came to, whether or not it is what was expected."""
    with TemporaryDirectory(prefix="rehearsal-") as temporary:
        async with world(directory or Path(temporary), wish) as here:
            if show:
                here.slack.on_message(show(here))
            return (await play(here, SCENARIOS[wish.scenario])).record()


async def play(here: World, scenario: Scenario) -> Account:
    began = monotonic()
    before = await asyncio.to_thread(here.aurora.versions)
    team = Team(here.slack, CHANNEL)
    card = await team.propose()
    if scenario.decision == "approve":
        await team.approve(card)
    elif scenario.decision == "decline":
        await team.decline(card)
    card = await team.read_to_the_end(card, scenario.ending, LONGEST / min(here.wish.pace, 4))
    told = await _report(here, team, card) if scenario.has_report else None
    await team.aki.sees(
        CHANNEL, lambda seen: seen.thread_ts == card.ts and scenario.words[-1] in seen.text, REPORT_SECONDS
    )
    after = await asyncio.to_thread(here.aurora.versions)
    return Account(here, scenario, card, before, after, told, monotonic() - began)


async def _report(here: World, team: Team, card: Message) -> Json | None:
    await team.aki.sees(CHANNEL, lambda seen: seen.thread_ts == card.ts and bool(seen.files), within=REPORT_SECONDS)
    return report_of(here.slack.replies(card.channel, card.ts))
