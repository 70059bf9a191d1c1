"""The crash matrix: one upgrade for each effect of an upgrade, in which a process dies right before or right after it."""

import random
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.domain.story import tell
from bot.messages.card import card
from sandbox.account import Account
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.world import CHANNEL, Wish, World, world

PACE: Final = 5.0
NOT_ORDERED_SECONDS: Final = 120.0
MODULES: Final = {"web": "handlers", "worker": "bot.worker", "prober": "bot.prober"}
Point = tuple[str, str]  # the mark of an effect (`worker redis:COMMIT 3`), and `before` or `after`


@dataclass(frozen=True)
class Run:
    """What one upgrade came to. `struck` is False when the doomed process never got to its effect."""

    point: Point | None
    struck: bool
    orders: int
    effects: tuple[str, ...]
    broken: tuple[str, ...]
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    card_differs: bool
    unfinished: int
    seconds_to_next_turn: float | None

    @property
    def laws_broken(self) -> tuple[str, ...]:
        """In sentences; empty when all held."""
        said = [*self.broken]
        said += [f"lost: {line}" for line in self.lost] + [f"told twice: {line}" for line in self.doubled]
        said += ["the card is not the fold of its timeline"] if self.card_differs else []
        said += [f"{self.orders} orders were accepted"] if self.orders > 1 else []
        return (*said, *(["it is not finished"] if self.unfinished else []))


@dataclass
class Matrix:
    """All runs so far, and the table of them."""

    runs: list[Run] = field(default_factory=list)

    def rows(self) -> Iterator[str]:
        struck = [run for run in self.runs if run.struck]
        waits = [run.seconds_to_next_turn for run in struck if run.seconds_to_next_turn is not None]
        yield f"{'runs':42} {len(self.runs):6}"
        yield f"{'of them with a death':42} {len(struck):6}"
        yield f"{'orders accepted per upgrade, at most':42} {max((run.orders for run in self.runs), default=0):6}"
        yield f"{'entries lost':42} {sum(len(run.lost) for run in self.runs):6}"
        yield f"{'replies doubled':42} {sum(len(run.doubled) for run in self.runs):6}"
        yield f"{'cards that differ from their timeline':42} {sum(run.card_differs for run in self.runs):6}"
        yield f"{'upgrades not finished':42} {sum(run.unfinished for run in self.runs):6}"
        yield f"{'runs in which a law broke':42} {sum(bool(run.laws_broken) for run in self.runs):6}"
        yield f"{'seconds from a death to the next turn, worst':42} {max(waits, default=0.0):6.1f}"


async def crash_matrix(most: int | None, seed: int) -> int:
    """Prints as it goes; 1 when a law broke. `most` points are chosen by `seed`, all without it."""
    calm = await one_run(None)
    points = [(mark, moment) for mark in calm.effects for moment in ("before", "after")]
    print(f"{len(calm.effects)} effects, {len(points)} points at which to die; without a death: {_said(calm)}")
    if most is not None and most < len(points):
        points = random.Random(seed).sample(points, most)  # noqa: S311 - to be repeated, not to be secret
    matrix = Matrix([calm])
    for number, point in enumerate(points, 1):
        run = await one_run(point)
        matrix.runs.append(run)
        print(f"{number:4} of {len(points)}  {' '.join(point):50} {_said(run)}", flush=True)
    print("", *matrix.rows(), sep="\n")
    return 1 if any(run.laws_broken for run in matrix.runs) else 0


def _said(run: Run) -> str:
    return "; ".join(run.laws_broken) or ("all laws held" if run.struck or run.point is None else "never got there")


async def one_run(point: Point | None) -> Run:
    with TemporaryDirectory(prefix="chaos-") as temporary:
        chaos = Path(temporary)
        if point:
            (chaos / "doom").write_text(" ".join(point))
        async with doomed_world(chaos) as here:
            account = await play(here, SCENARIOS["happy"])
            safe = here.aurora.orders_accepted == 0 and await _is_not_ordered(here, account)
            differs, unfinished = await _stored(here, account)
            return Run(
                point=point,
                struck=(chaos / "deaths").exists(),
                orders=here.aurora.orders_accepted,
                effects=tuple(mark for _, mark in effects(chaos)),
                broken=() if safe else account.broken_laws(),
                lost=lost(account),
                doubled=doubled(account),
                card_differs=differs,
                unfinished=unfinished,
                seconds_to_next_turn=_seconds_to_next_turn(chaos),
            )


async def _is_not_ordered(here: World, account: Account) -> bool:
    """Whoever died between the intent and the call leaves an order that nobody gives: the bot says so, and that is right."""
    if account.card is None:
        return False
    try:
        await here.slack.person("U0AKI").sees(
            CHANNEL, lambda seen: "· not ordered" in seen.text, within=NOT_ORDERED_SECONDS
        )
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def doomed_world(chaos: Path) -> AsyncIterator[World]:
    """A world whose processes are watched over by fate, and started anew when they die."""
    procfile = chaos / "Procfile"
    python = shutil.which(sys.executable) or sys.executable
    lines = [f"{name}: env CHAOS={chaos} {python} -m tests.chaos.doomed {name} {of}" for name, of in MODULES.items()]
    procfile.write_text("\n".join(lines) + "\n")
    async with world(chaos / "world", Wish(pace=PACE, tries=3, procfile=procfile)) as here:
        yield here


def effects(chaos: Path) -> Sequence[tuple[float, str]]:
    """When each effect began, and its mark."""
    lines = (line.split(" ", 1) for line in (chaos / "effects").read_text().splitlines())
    return [(float(at), mark) for at, mark in lines]


def _seconds_to_next_turn(chaos: Path) -> float | None:
    """From a death to the next turn that anybody of that kind takes."""
    deaths = chaos / "deaths"
    if not deaths.exists():
        return None
    name, died = deaths.read_text().split()
    after = (
        at - float(died) for at, mark in effects(chaos) if mark.startswith(f"{name} docket:claim") and at > float(died)
    )
    return next(after, None)


def doubled(account: Account) -> tuple[str, ...]:
    """RDS itself says some things twice, so the thread may say them as often as RDS did."""
    by_rds = Counter(event.message for event in account.world.aurora.rds_events())
    told = Counter(account.lines())
    return tuple(
        line for line, count in told.items() if count > max((1, *(n for text, n in by_rds.items() if text in line)))
    )


def lost(account: Account) -> tuple[str, ...]:
    """What RDS said and the thread does not say as often."""
    told, by_rds = account.lines(), Counter(event.message for event in account.world.aurora.rds_events())
    return tuple(text for text, count in by_rds.items() if sum(text in line for line in told) < count)


async def _stored(here: World, account: Account) -> tuple[bool, int]:
    """Whether the card is another than its timeline makes it, and how many upgrades still need turns."""
    async with RedisServer(here.valkey.url) as server:
        upgrades = RedisUpgrades(server)
        [upgrade] = await upgrades.latest()
        story = tell(record.entry for record in await upgrades.timeline(upgrade.id))
        shown = here.slack.board.find(account.card.channel, account.card.ts).text if account.card else ""
        return shown != card(story).text, sum(not each.status.is_final for each in await upgrades.unfinished())
