"""A rehearsal: one upgrade, played by scripted people on real parts, from the command to the report."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Protocol

from sandbox.account import STRIP, Account, Json, file_of, not_up, report_of
from sandbox.leash import leashed_directory
from sandbox.moods import Asked
from sandbox.people import Team
from sandbox.scenarios import SCENARIOS, Scenario
from sandbox.slack import Change, Message, NotOnScreenError
from sandbox.world import CHANNEL, Wish, World, world

LONGEST = 240.0  # seconds an upgrade may take at pace 1
REPORT_SECONDS = 30.0
THINKING_SECONDS = 3.0  # at pace 1: somebody reads the plan before deciding
LOOK_SECONDS = 0.2
MOODS_SECONDS = 40.0  # for moods to end after the story


class Audience(Protocol):
    """Who watches a rehearsal: told what is being started, and shown the channel when all is up."""

    def say(self, *lines: str) -> None: ...

    def show(self, here: World) -> Callable[[Change], None]: ...


async def rehearse(
    wish: Wish,
    audience: Audience | None = None,
    directory: Path | None = None,
    moods: Sequence[Asked] = (),
    keep_strip: Callable[[bytes], None] | None = None,
) -> Json:
    """Play the scenario of the wish under these moods; the record of what it came to, whether or not it is what was expected.

    Logs are left in `directory`. Without one they are kept, elsewhere, only when something was not as expected. The picture
    that came with the report is given to `keep_strip`.
    """
    with leashed_directory("rehearsal-") as temporary:
        record = await _rehearsed(under(wish, moods), audience, directory or temporary, moods, keep_strip)
        if record["broken_expectations"]:
            record["logs"] = str(directory or kept(temporary))
    return record


def under(wish: Wish, moods: Sequence[Asked]) -> Wish:
    """The wish with the settings that these moods need."""
    needed = {name: value for each in moods for name, value in each.mood.settings.items()}
    return replace(wish, settings={**needed, **wish.settings})


async def _rehearsed(
    wish: Wish,
    audience: Audience | None,
    directory: Path,
    moods: Sequence[Asked],
    keep_strip: Callable[[bytes], None] | None,
) -> Json:
    async with AsyncExitStack() as up:
        try:
            here = await up.enter_async_context(world(directory, wish, *([audience.say] if audience else [])))
        except RuntimeError as trouble:
            return not_up(wish, str(trouble))
        if audience:
            here.slack.on_message(audience.show(here))
        account = await play(here, SCENARIOS[wish.scenario], moods, audience)
        if keep_strip and (strip := file_of(account.thread, STRIP)):
            keep_strip(strip)
        return account.record()


def kept(directory: Path) -> Path:
    """The logs of all processes, copied to where they stay."""
    place = Path(tempfile.mkdtemp(prefix="rehearsal-logs-"))
    for log in directory.rglob("*.log"):
        shutil.copy(log, place)
    return place


async def play(
    here: World, scenario: Scenario, moods: Sequence[Asked] = (), audience: Audience | None = None
) -> Account:
    """Comes to an account also when the story is cut short, because somebody waits in vain or this world breaks."""
    began = monotonic()
    for each in moods:
        scenario = each.mood.changes(scenario)
    before = await asyncio.to_thread(here.aurora.versions)
    story = Story(here, scenario)
    async with _moody(here, moods, audience) as moody:
        missed = await _until_accident(here, story)
    after = await asyncio.to_thread(here.aurora.versions)
    troubles, names = (*missed, *moody, *accidents(here)), tuple(map(str, moods))
    return Account(here, story.scenario, story.card, before, after, story.told, monotonic() - began, troubles, names)


@asynccontextmanager
async def _moody(here: World, moods: Sequence[Asked], audience: Audience | None) -> AsyncIterator[list[str]]:
    """The moods befall while the block lasts; then those under way come to their end. Gives what they found broken."""
    troubles: list[str] = []

    async def befall(asked: Asked) -> None:
        try:
            await asked.befall(here)
        except (TimeoutError, RuntimeError, NotOnScreenError) as error:
            troubles.append(f"{asked}: {str(error).splitlines()[0] if str(error) else 'nothing recovered in time'}")

    if audience:
        audience.say(*(f"Today: {each}: {each.mood.about}." for each in moods))
    befalling = {asyncio.create_task(befall(each)) for each in moods}
    try:
        await asyncio.sleep(0)  # those of the start have begun
        yield troubles
        if befalling:
            _, endless = await asyncio.wait(befalling, timeout=MOODS_SECONDS)
            troubles += ["a mood did not begin, or did not end"] * len(endless)
    finally:
        for each in befalling:
            each.cancel()
        await asyncio.gather(*befalling, return_exceptions=True)


@dataclass
class Story:
    """What the people do and see; `card` and `told` are what they have seen so far, `scenario` is how it ended at last."""

    here: World
    scenario: Scenario
    card: Message | None = None
    told: Json | None = None

    async def unfold(self) -> None:
        wish = self.here.wish
        team = Team(self.here.slack, CHANNEL, THINKING_SECONDS / wish.pace, wish.tries, wish.patience)
        if self.scenario.frozen:
            await team.freeze()
        card = self.card = await team.propose()
        if self.scenario.decision == "approve":
            await team.approve(card)
        elif self.scenario.decision == "reconsider":
            await team.reconsider(card)
        elif self.scenario.decision == "decline":
            await team.decline(card, self.scenario.why)
        endings = [each.ending for each in (self.scenario, *self.scenario.otherwise)]
        card = self.card = await team.read_to_the_end(card, endings, LONGEST / min(wish.pace, 4) * wish.patience)
        self.scenario = self.scenario.as_it_ended(card.text)
        if self.scenario.has_report:
            await team.sees_reply(card, lambda seen: bool(seen.files), REPORT_SECONDS * wish.patience)
            self.told = report_of(self.here.slack.replies(card.channel, card.ts))
        await team.sees_reply(card, lambda seen: self.scenario.words[-1] in seen.text, REPORT_SECONDS * wish.patience)


async def _until_accident(here: World, story: Story) -> tuple[str, ...]:
    """Returns at the end of the story, or before it as soon as something breaks; what somebody waited for in vain."""
    playing, watching = asyncio.create_task(story.unfold()), asyncio.create_task(_accident(here))
    try:
        await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
    except (TimeoutError, NotOnScreenError) as error:
        return (str(error).splitlines()[0],)
    finally:
        playing.cancel()
        watching.cancel()
        await asyncio.wait({playing, watching})
        if story.card:
            story.card = here.slack.board.find(story.card.channel, story.card.ts)  # as it is now
    return ()


async def _accident(here: World) -> None:
    while not accidents(here):  # noqa: ASYNC110 - it happens in other processes and threads
        await asyncio.sleep(LOOK_SECONDS)


def accidents(here: World) -> tuple[str, ...]:
    """What broke that nobody broke on purpose, in sentences."""
    return (*here.aurora.accidents, *here.bot.fallen())
