"""The crash matrix: at each effect of an upgrade a process dies right before it, and right after it.

One upgrade carries several deaths, each when the one before is recovered from. All points that are left are dealt out among
the upgrades that go on side by side, and each dies at whichever it comes to. An upgrade that comes to none of its points is
as good as one for each of them alone; after several such, a point is one that nobody gets to.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sandbox.leash import leashed_directory
from sandbox.moods.order import not_ordered
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS, Scenario
from sandbox.world import Wish, world
from tests.chaos.doomed import Doom, read_deaths
from tests.chaos.lives import doomed
from tests.chaos.run import PACE, PATIENCE, SETTINGS, Run, Table, judged, side_by_side, with_logs

TRIES: Final = 6  # of a person: each may meet a death
MISSES: Final = 3  # upgrades that come to none of their points, until these are given up
MOMENTS: Final = ("before", "after")


def story(name: str) -> Scenario:
    """Who died between the intent and the call gave no order."""
    scenario = SCENARIOS[name]
    return replace(scenario, otherwise=(not_ordered(scenario),)) if scenario.orders else scenario


async def one_run(doom: Doom, keep: Path | None = None, scenario: str = "happy") -> Run:
    """An upgrade whose processes die at these points, or at so many of them as they are doomed to."""
    played = story(scenario)
    with leashed_directory("chaos-") as chaos:
        doom.write(chaos)
        wish = Wish(
            scenario, PACE, minutes=played.minutes, tries=TRIES, patience=PATIENCE, settings=SETTINGS,
            starter=doomed(chaos),
        )  # fmt: skip
        try:
            async with world(chaos / "world", wish) as here:
                run = await judged(here, await play(here, played), chaos, keep)
        except RuntimeError as trouble:
            run = Run(unjudged=f"the world did not come up, or broke: {trouble}", deaths=read_deaths(chaos))
        run = with_logs(run, chaos)
        return replace(run, composition="; ".join(death.point for death in run.deaths) or "no death")


@dataclass
class Matrix:
    """Which points are left, who is at which, and what came of all upgrades so far."""

    jobs: int
    deaths: int
    dealer: random.Random
    keep: Path | None
    scenario: str
    left: set[str] = field(default_factory=set)
    struck: set[str] = field(default_factory=set)
    missed: Counter[str] = field(default_factory=Counter)
    table: Table = field(default_factory=Table)
    _dealt: set[str] = field(default_factory=set)
    _exported: int = 0

    def export(self) -> Path | None:
        self._exported += 1
        return self.keep and self.keep / f"matrix-{self._exported:04}.jsonl"

    def run(self, doom: Doom) -> tuple[Doom, Path | None, str]:
        """What one upgrade is asked for with."""
        return doom, self.export(), self.scenario

    def deals(self) -> Iterator[tuple[Doom, Path | None, str] | None]:
        """A share of what is left for each upgrade, as long as anything is left; None while others have it all."""
        while self.left:
            free = sorted(self.left - self._dealt)
            if not free:
                yield None
                continue
            share = self.dealer.sample(free, min(len(free), max(1, -(-len(self.left) // self.jobs))))
            self._dealt |= set(share)
            yield self.run(Doom(tuple(share), self.deaths))

    def note(self, doom: Doom, run: Run) -> None:
        struck = {death.point for death in run.deaths}
        self._dealt -= set(doom.points)
        self.struck |= struck
        self.missed.update(() if struck else doom.points)
        self.left -= struck | {point for point in doom.points if self.missed[point] >= MISSES}
        self.table.runs.append(run)

    @property
    def never(self) -> list[str]:
        return sorted(point for point, times in self.missed.items() if times >= MISSES and point not in self.struck)


async def crash_matrix(
    most: int | None, seed: int, jobs: int, deaths: int, keep: Path | None, scenario: str = "happy"
) -> int:
    """Prints as it goes; 1 when a law broke. `most` points are chosen by `seed`, all without it."""
    matrix = Matrix(jobs, deaths, random.Random(seed), keep, scenario)  # noqa: S311 - to be repeated, not to be secret
    calm = await one_run(*matrix.run(Doom(())))
    matrix.table.runs.append(calm)
    points = [f"{mark} {moment}" for mark in calm.effects for moment in MOMENTS]
    print(
        f"{len(calm.effects)} effects, {len(points)} points at which to die. Without a death: {calm.said}", flush=True
    )
    matrix.left |= set(matrix.dealer.sample(points, most) if most is not None and most < len(points) else points)
    asked = len(matrix.left)
    async for (doom, *_), run in side_by_side(jobs, one_run, matrix.deals()):
        matrix.note(doom, run)
        print(f"{len(matrix.struck):5} of {asked}  {run.took:4.0f} s  {_listed(run)}", flush=True)
    await _name_the_guilty(matrix)
    print("", f"{'points':46} {asked:>6}", f"{'points struck':46} {len(matrix.struck):>6}", sep="\n")
    print(*(f"never got there: {point}" for point in matrix.never), *matrix.table.rows(), sep="\n")
    return matrix.table.status


async def certain_points(points: Sequence[str], keep: Path | None, scenario: str = "happy") -> int:
    """One upgrade that dies at all of these; 1 when a law broke."""
    doom = Doom(tuple(points), len(points), apart=0, alone=0)
    run = await one_run(doom, keep and keep / "matrix-points.jsonl", scenario)
    table = Table([run])
    print(_listed(run), *table.rows(), sep="\n")
    return table.status


def _listed(run: Run) -> str:
    return f"{run.said}" + "".join(f"\n        {death.point}" for death in run.deaths)


async def _name_the_guilty(matrix: Matrix) -> None:
    """Each point of an upgrade in which a law broke is struck again, alone."""
    broken = [run for run in matrix.table.broken if run.deaths]
    alone = [Doom((death.point,)) for run in broken for death in run.deaths]
    guilty = dict[str, Run]()
    async for (doom, *_), run in side_by_side(matrix.jobs, one_run, map(matrix.run, alone)):
        guilty |= {doom.points[0]: run} if run.laws_broken else {}
        matrix.table.runs.append(run)
    for run in broken:
        found = [death.point for death in run.deaths if death.point in guilty]
        again = " ".join(f'--point "{death.point}"' for death in run.deaths)
        print("", f"BROKEN: {'; '.join(run.laws_broken)}", run.where, sep="\n")
        print(*(f"  guilty, alone: {point}: {guilty[point].said}" for point in found), sep="\n")
        print(
            f"  python -m tests.chaos matrix --scenario {matrix.scenario} {again}"
            + ("" if found else "   (none of them alone)")
        )
