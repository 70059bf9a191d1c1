"""One upgrade among deaths and moods: what it came to, and the table of many."""

import asyncio
import json
import multiprocessing
import os
import threading
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

from bot.adapters.redis import RedisServer
from bot.adapters.redis_upgrades import RedisUpgrades
from bot.domain.audit import audit
from bot.domain.chain import Chain
from bot.domain.story import tell
from bot.messages.card import card
from sandbox.account import Account, Json
from sandbox.rehearse import kept
from sandbox.world import World
from tests.chaos.doomed import Death, read_deaths, read_effects

PACE: Final = 5.0
PATIENCE: Final = 3.0  # people wait longer for what several deaths hold up
CLOSED_SECONDS: Final = 30.0  # from the end of the story until all is told and closed
LOOK_SECONDS: Final = 0.1
SETTINGS: Final = {
    "QUIET_SECONDS": "60",
    "SETTLE_SECONDS": "4",  # longer than a prober may be silent at the end unnoticed, as with everything at its own pace
    "DOUBT_SECONDS": "4",
    "PROBE_HOT_RATE": "8",  # enough for outages of a third of a second, and half of what a run costs otherwise
    "PROBE_DEADLINE_SECONDS": "5",  # as usual, whatever the pace: the machine's own hiccups are no outage
}

P = ParamSpec("P")
G = TypeVar("G", bound=tuple[Any, ...])


@dataclass(frozen=True)
class Stored:
    """What the store holds in the end: see the fields of Run."""

    card_differs: bool
    unfinished: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What one upgrade came to. `composition` is what it was played under, in words that ask for the same again.

    `unjudged` says why nobody can say what it came to; then the other fields say nothing of the laws.
    """

    composition: str = ""
    deaths: tuple[Death, ...] = ()
    orders: int = 0
    ending: str = ""
    effects: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    card_differs: bool = False
    unfinished: int = 0
    faults: tuple[str, ...] = ()
    unmeasured: int = 0  # endpoints, as the report says
    waits: tuple[float, ...] = ()  # seconds from each death to the next turn
    took: float = 0.0
    record: Json = field(default_factory=dict)
    load: float = 0.0  # of the machine at the end, as `uptime` has it: one that is starved measures itself
    logs: str = ""  # where they are, when a law broke
    unjudged: str = ""

    @property
    def laws_broken(self) -> tuple[str, ...]:
        """In sentences; empty when all held. Of what could not be judged nobody can say that they did."""
        said = [*([f"could not be judged: {self.unjudged}"] if self.unjudged else []), *self.broken]
        said += [f"lost: {line}" for line in self.lost] + [f"told twice: {line}" for line in self.doubled]
        said += ["the card is not the fold of its timeline"] if self.card_differs else []
        said += [f"{self.orders} orders were accepted"] if self.orders > 1 else []
        said += ["it is not finished, or not told to the end"] if self.unfinished else []
        return (*said, *(f"audit: {fault}" for fault in self.faults))

    @property
    def where(self) -> str:
        return f"  load {self.load:.1f}, logs: {self.logs}"

    @property
    def said(self) -> str:
        return "; ".join(self.laws_broken) or f"{self.ending}, all laws held"


@dataclass
class Table:
    """All runs so far, in figures."""

    runs: list[Run] = field(default_factory=list)

    @property
    def broken(self) -> list[Run]:
        """Those that could not be judged are among them."""
        return [run for run in self.runs if run.laws_broken]

    @property
    def status(self) -> int:
        """To exit with: 1 when a law broke, or nobody can say whether one did."""
        return 1 if self.broken else 0

    def rows(self) -> Iterator[str]:
        """The figures between the runs that could not be judged and the endings are of the others."""
        unjudged = sum(bool(run.unjudged) for run in self.runs)
        endings = Counter(run.ending for run in self.runs if not run.unjudged)
        ended = ", ".join(f"{times} {ending}" for ending, times in sorted(endings.items()))
        figures: list[tuple[str, object]] = [
            ("runs", len(self.runs)),
            ("runs that could not be judged", unjudged),
            ("deaths", sum(len(run.deaths) for run in self.runs)),
            ("orders accepted per upgrade, at most", max((run.orders for run in self.runs), default=0)),
            ("entries lost", sum(len(run.lost) for run in self.runs)),
            ("replies doubled", sum(len(run.doubled) for run in self.runs)),
            ("cards that differ from their timeline", sum(run.card_differs for run in self.runs)),
            ("upgrades not finished", sum(run.unfinished for run in self.runs)),
            ("timelines with an audit fault", sum(bool(run.faults) for run in self.runs)),
            ("endpoints never measured, as reports say", sum(run.unmeasured for run in self.runs)),
            ("runs in which a law broke", len(self.broken) - unjudged),
            (
                "seconds from a death to the next turn, worst",
                f"{max((w for r in self.runs for w in r.waits), default=0.0):.1f}",
            ),
        ]
        yield from (f"{name:46} {figure:>6}" for name, figure in figures)
        yield f"{'how they ended':46} {ended or 'nobody can say'}"


@asynccontextmanager
async def opened(here: World) -> AsyncIterator[RedisUpgrades]:
    async with RedisServer(here.valkey.url) as server:
        yield RedisUpgrades(server)


async def stored(here: World, account: Account, keep: Path | None) -> Stored:
    """Once all is told and closed, or late enough to say that it never will be. `keep` is the file to export to."""
    async with opened(here) as upgrades:
        unfinished = await _closed(upgrades)
        upgrade = next(iter(await upgrades.latest()), None)
        if upgrade is None:  # nobody got as far as to propose it, and the account says so
            return Stored(card_differs=False, unfinished=0, faults=())
        story = tell(record.entry for record in await upgrades.timeline(upgrade.id))
        shown = here.slack.board.find(account.card.channel, account.card.ts).text if account.card else ""
        chain, _ = await upgrades.chain(upgrade.id)
    if keep:
        export(chain, keep)
    faults = tuple(f"entry {fault.number}: {fault.what}" for fault in audit(chain).faults)
    return Stored(shown != card(story).text, unfinished, faults)


def export(chain: Chain, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes("".join(f"{line}\n" for line in chain.lines()).encode(errors="surrogateescape"))


async def _closed(upgrades: RedisUpgrades) -> int:
    """How many still need turns."""
    deadline, left = monotonic() + CLOSED_SECONDS, 1
    while left and monotonic() < deadline:
        left = len(await upgrades.unfinished())
        await asyncio.sleep(LOOK_SECONDS)
    return left


async def judged(here: World, account: Account, chaos: Path, keep: Path | None) -> Run:
    """Told and closed first: a narrator that died at the very end still may say something twice."""
    found = await stored(here, account, keep)
    effects, deaths = tuple(read_effects(chaos)), read_deaths(chaos)
    return Run(
        deaths=deaths,
        orders=here.aurora.orders_accepted,
        ending=account.scenario.ending,
        effects=tuple(mark for _, mark in effects),
        broken=account.broken_laws(),
        lost=account.lost(),
        doubled=account.doubled(),
        card_differs=found.card_differs,
        unfinished=found.unfinished,
        faults=found.faults,
        unmeasured=sum(each["at_least"] is None for each in account.measured()),
        waits=tuple(_waits(deaths, effects)),
        took=account.total_seconds,
        load=os.getloadavg()[0],
        record=account.record(),
    )


def _waits(deaths: Iterable[Death], effects: Sequence[tuple[float, str]]) -> Iterator[float]:
    """From each death to the next turn that anybody of that kind takes."""
    for death in deaths:
        turns = (at for at, mark in effects if mark.startswith(f"{death.name} docket:claim") and at > death.at)
        if turn := next(turns, None):
            yield turn - death.at


def with_logs(run: Run, chaos: Path) -> Run:
    """When a law broke, all logs and the record of the rehearsal are kept."""
    if not run.laws_broken:
        return replace(run, record={})
    place = kept(chaos)
    (place / "record.json").write_text(json.dumps(run.record, indent=2, ensure_ascii=False))
    return replace(run, record={}, logs=str(place))


async def side_by_side(
    jobs: int, play: Callable[P, Coroutine[Any, Any, Run]], deals: Iterator[G | None]
) -> AsyncIterator[tuple[G, Run]]:
    """What `play` comes to with each of these, in the order in which they end; so many at a time, each in a process of its own.

    The next is asked for when there is room for it, so it may depend on what came before; None puts it off.
    """
    loop, waiting = asyncio.get_running_loop(), deals
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_outlive_nobody) as pool:
        running = dict[asyncio.Future[Run], G]()
        while True:
            while len(running) < jobs and (given := next(waiting, None)) is not None:
                running[loop.run_in_executor(pool, _played, play, given)] = given
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


def _outlive_nobody() -> None:
    """Whoever ends the command outright ends all its worlds: their processes and directories are on a leash of this one."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _played(play: Callable[..., Coroutine[Any, Any, Run]], given: Any) -> Run:
    """Whatever breaks is told of that run, and stops none of the others."""
    try:
        return asyncio.run(play(*given))
    except Exception as broken:
        return Run(unjudged="".join(traceback.format_exception(broken)))
