"""Storms: upgrades under moods and deaths that a seed composes; the same seed composes the same again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from time import time
from typing import Final

from sandbox.leash import leashed_directory
from sandbox.moods import MOODS, Asked, Mood
from sandbox.moods.order import not_ordered
from sandbox.processes import spawn
from sandbox.rehearse import play, under
from sandbox.scenarios import SCENARIOS, Scenario
from sandbox.world import Wish, World, world
from tests.chaos.doomed import AGAIN_SECONDS, Death, note, read_deaths
from tests.chaos.lives import watched
from tests.chaos.run import PACE, PATIENCE, SETTINGS, Run, Table, judged, side_by_side, with_logs

TRIES: Final = 6
MOST_MOODS: Final = 3
MOST_KILLS: Final = 3
WITHIN: Final = 14.0  # seconds from the beginning of the story in which deaths fall
PROCESSES: Final = ("web", "worker", "prober")
EARLY: Final = ("proposed this", "approved. 1 of 1.")  # what the thread says before the order
ALWAYS: Final = (*EARLY, "upgrade started")  # what it says whatever comes of an order that was given
OUTCOMES: Final = frozenset({"upgrade-failed", "rollback", "failover", "member-stuck"})
ARGUMENTS: Final = {"slack-429": ("all", "chat.postMessage", "C0DBOPS")}
REFUSED: Final = replace(SCENARIOS["refused"], words=("AWS refused the order",))


@dataclass(frozen=True)
class Kill:
    name: str
    after: float  # seconds from the beginning of the story

    def __str__(self) -> str:
        return f"kill -9 {self.name} after {self.after:.1f} s"


@dataclass(frozen=True)
class Composition:
    seed: int
    moods: tuple[Asked, ...]
    kills: tuple[Kill, ...]

    def __str__(self) -> str:
        moods = (str(each) + (f"@{each.words}" if each.words else "") for each in self.moods)
        measured = [name for name, has in (("writes", self.writes), ("instances", self.instances)) if has]
        return f"seed {self.seed}: " + ", ".join([*moods, *map(str, self.kills), *measured])

    @property
    def writes(self) -> bool:
        """Every second storm, so that the same seed goes on to mean the same moods and deaths."""
        return self.seed % 2 == 0

    @property
    def instances(self) -> bool:
        return self.seed % 3 == 0

    @property
    def scenario(self) -> Scenario:
        """What troubles AWS, or a worker, before the order was heard of, may have it that none is given."""
        happy = SCENARIOS["happy"]
        troubled = any(each.words in EARLY or "order" in realms(each.mood) for each in self.moods)
        perhaps = (not_ordered(happy), REFUSED) if troubled or any(each.name == "worker" for each in self.kills) else ()
        return replace(happy, otherwise=perhaps)


def realms(mood: Mood) -> frozenset[str]:
    """What it disturbs. Two moods that disturb the same would be one another's trouble."""
    module = mood.strike.__module__.rpartition(".")[2]
    also = {
        "redis-frozen-at-order": {"redis"},
        "killed-at-order": {"processes"},
        "suspended-at-order": {"processes"},
        "redis-frozen-prober-killed": {"processes", "outcome"},  # it waits for the reader to go down
    }
    return frozenset({"outcome"} if mood.name in OUTCOMES else {module}) | also.get(mood.name, set())


def compose(seed: int) -> Composition:
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    moods: list[Mood] = []
    for mood in random.sample(list(MOODS.values()), len(MOODS)):
        if not any(realms(mood) & realms(each) for each in moods):
            moods.append(mood)
    asked = tuple(_asked(mood, seed, random) for mood in moods[: random.randint(1, MOST_MOODS)])
    untouched = [name for name in PROCESSES if name not in set().union(*map(_restarts, asked))]
    kills = [
        Kill(random.choice(untouched), round(random.uniform(0, WITHIN), 1))
        for _ in range(random.randint(0, MOST_KILLS))
    ]
    return Composition(seed, _heard(asked), tuple(sorted(kills, key=lambda each: each.after)))


def _restarts(asked: Asked) -> set[str]:
    """The processes that a mood itself takes down or stops, and brings up again, or whose clock it sets and puts right."""
    realm = realms(asked.mood)
    if not realm & {"processes", "clocks"}:
        return set()
    return {"worker"} if "order" in realm else {asked.argument or "worker"}


def _asked(mood: Mood, seed: int, random: Random) -> Asked:
    argument = mood.usual
    if mood.name == "server-silent":
        argument = f"{random.uniform(6, 8):.1f}"  # longer than an attempt waits
    elif mood.argument == "SECONDS":
        argument = f"{float(mood.usual) * random.uniform(0.5, 1.5):.1f}"
    elif mood.argument == "TIMES":
        argument = str(random.randint(1, 2 * int(mood.usual)))
    elif mood.name in ARGUMENTS:
        argument = random.choice(ARGUMENTS[mood.name])
    elif "web|worker|prober" in mood.argument:
        argument = random.choice(PROCESSES)
    return Asked(mood, argument, random.choice((mood.at, *_moments(mood))) if mood.at else "", seed)


def _moments(mood: Mood) -> tuple[str, ...]:
    """Other words at which a mood may begin than it usually does. While AWS says nothing, or nonsense, nobody can propose.

    One that waits for the reader to go down would wait for ever, had Redis frozen before the order.
    """
    if mood.name == "redis-frozen-prober-killed":
        return (mood.at,)
    return ("upgrade started",) if realms(mood) & {"aws", "postgres"} else ALWAYS


def _heard(asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
    """Each begins at words that are said: under some moods others are not."""
    names = {each.mood.name for each in asked}
    if "order-not-arrived" in names:
        certain: tuple[str, ...] = EARLY
    elif names & OUTCOMES or any("order" in realms(each.mood) for each in asked):
        certain = ALWAYS
    else:
        return asked
    return tuple(
        each if not each.words or each.words in certain else replace(each, words=certain[-1]) for each in asked
    )


async def one_storm(composition: Composition, keep: Path | None = None) -> Run:
    with leashed_directory("storm-") as chaos:
        starter = spawn if _set_clocks(composition) else watched(chaos)
        wish = Wish(
            pace=PACE, tries=TRIES, patience=PATIENCE, settings=SETTINGS, starter=starter,
            writes=composition.writes, instances=composition.instances,
        )  # fmt: skip
        try:
            async with world(chaos / "world", under(wish, composition.moods)) as here:
                async with _killing(here, composition.kills, chaos):
                    account = await play(here, composition.scenario, composition.moods)
                run = await judged(here, account, chaos, keep)
        except RuntimeError as trouble:
            run = Run(unjudged=f"the world did not come up, or broke: {trouble}", deaths=read_deaths(chaos))
        run = with_logs(run, chaos)
        return replace(run, composition=str(composition))


def _set_clocks(composition: Composition) -> bool:
    """A clock of its own comes with the start of a process, so these are no forks, and nobody notes when turns begin."""
    return any("clocks" in realms(each.mood) for each in composition.moods)


async def storm_of(seed: int, keep: Path | None) -> Run:
    return await one_storm(compose(seed), keep)


@asynccontextmanager
async def _killing(here: World, kills: Sequence[Kill], chaos: Path) -> AsyncIterator[None]:
    """They fall while the block lasts; whoever is dead at its end comes back first, and who was to die later does not."""
    over = asyncio.Event()
    alive = {name: asyncio.Lock() for name in PROCESSES}  # of two deaths that fall together, the later waits for a life

    async def die(kill: Kill) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), kill.after)
        async with alive[kill.name]:
            if not over.is_set():
                note(chaos, Death(kill.name, time(), "at random"))
                here.bot.kill(kill.name)
                await asyncio.sleep(AGAIN_SECONDS)
                await here.bot.restart(kill.name)

    dying = [asyncio.create_task(die(kill)) for kill in kills]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*dying)


async def storm(runs: int, seed: int, jobs: int, keep: Path | None) -> int:
    """Prints as it goes; 1 when a law broke."""
    table = Table()
    seeds = ((each, keep and keep / f"storm-{each}.jsonl") for each in range(seed, seed + runs))
    async for (played, _), run in side_by_side(jobs, storm_of, seeds):
        run = run if run.composition else replace(run, composition=str(compose(played)))  # it broke before it could say
        table.runs.append(run)
        print(f"{len(table.runs):4} of {runs}  {run.took:4.0f} s  {run.composition}: {run.said}", flush=True)
    print("", *table.rows(), sep="\n")
    for run in table.broken:
        print("", f"BROKEN: {run.composition}", *(f"  {each}" for each in run.laws_broken), sep="\n")
        print(run.where)
    return table.status
