"""Outages of every kind and length on a real PostgreSQL: is the truth inside the bounds, and how wide are they?

The truth is what each door wrote down when it shut and opened, under the lock with which it lets people in.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from time import monotonic, sleep
from typing import Final

from bot.domain.recording import read_recording
from bot.domain.watched import watched
from bot.domain.ways import Use, Way
from sandbox.aurora.door import Door
from sandbox.aurora.outage import Kind
from sandbox.processes import ROOT, inherited
from tests.bench.measure.closed import SLEEP
from tests.bench.measure.figure import Figure
from tests.bench.measure.ground import Ground, ground
from tests.bench.measure.judging import Spell, Verdict, judge
from tests.bench.measure.plan import ANSWERED, LONGEST, SHORTEST, Ordered, plan

OURSELVES: Final = 0  # in place of a port, for what the observer knows of itself
SETTLING: Final = 3.0  # seconds without an outage at both ends
READY_SECONDS: Final = 30.0
WIDEST: Final = 0.25  # seconds
NARROWER: Final = 0.25  # of the closed loop's width
OPEN: Final = (sys.executable, "-m", "bot.measure", "--held", "0", "--rate", "10", "--for", "2h")
CLOSED: Final = (sys.executable, "-m", "tests.bench.measure.closed")


@dataclass(frozen=True)
class Suffered:
    """`since` and `until`: from the outage before it to the next one at its door, which must not hit what is judged here."""

    ordered: Ordered
    port: int
    spells: tuple[Spell, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Judged:
    suffered: Suffered
    open_loop: Verdict
    closed_loop: Verdict


async def bench(outages: int, seed: int, doors: int) -> Sequence[Figure]:
    return await asyncio.to_thread(_bench, outages, seed, doors)


def _bench(outages: int, seed: int, doors: int) -> Sequence[Figure]:
    queues = [each for each in plan(outages, seed, doors) if each]
    with ground(len(queues), cheap_login=True) as here, tempfile.TemporaryDirectory() as directory:
        recordings = Path(directory) / "open.csv", Path(directory) / "closed.csv"
        dsns = here.dsns()
        open_loop = [*OPEN, "--record", str(recordings[0]), *(part for dsn in dsns for part in ("--dsn", dsn))]
        with _running(open_loop), _running([*CLOSED, str(recordings[1]), *dsns]):
            _await_beginning(recordings)
            suffered = _suffer(here, queues)
        judged = list(_judged(suffered, *(_by_port(path) for path in recordings)))
        if any(each.open_loop.wrong for each in judged):
            shutil.copytree(directory, keep := Path(tempfile.mkdtemp(prefix="bench-recordings-")), dirs_exist_ok=True)
            print(f"What was recorded is in {keep}", file=sys.stderr)
    return [_inside(judged, seed), *_widths(judged)]


@contextmanager
def _running(command: Sequence[str]) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=inherited(), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _await_beginning(recordings: Sequence[Path]) -> None:
    deadline = monotonic() + READY_SECONDS
    while not all(each.exists() and each.read_text().count("\n") > 1 for each in recordings):
        if monotonic() > deadline:
            raise TimeoutError("a loop did not begin")
        sleep(0.1)
    sleep(SETTLING)


def _suffer(here: Ground, queues: Sequence[Sequence[Ordered]]) -> list[Suffered]:
    with ThreadPoolExecutor(len(queues)) as pool:
        return [each for some in pool.map(_suffer_in_turn, here.doors, queues) for each in some]


def _suffer_in_turn(door: Door, queue: Sequence[Ordered]) -> list[Suffered]:
    found = []
    since = datetime.now(UTC)
    sleep(queue[0].calm)
    for each, calm in zip(queue, [*(after.calm for after in queue[1:]), SETTLING], strict=True):
        known = len(door.ailed)
        door.suffer(each.outage)
        spells = tuple((since, until) for since, until, _ in door.ailed[known:])
        sleep(calm)
        found.append(Suffered(each, door.port, spells, since, until=datetime.now(UTC)))
        since = spells[-1][1]
    return found


def _by_port(recording: Path) -> dict[int, list[Use]]:
    uses: dict[int, list[Use]] = {}
    for each in read_recording(recording.read_text(), recording.name):
        if each.lane.way is Way.CONNECT:
            uses.setdefault(int(each.lane.endpoint.partition(":")[2].partition("/")[0]), []).append(each)
        else:
            uses.setdefault(OURSELVES, []).append(each)
    return uses


def _judged(
    suffered: Sequence[Suffered], open_loop: Mapping[int, list[Use]], closed_loop: Mapping[int, list[Use]]
) -> Iterator[Judged]:
    for each in suffered:
        yield Judged(each, *(_verdict(each, loop) for loop in (open_loop, closed_loop)))


def _verdict(suffered: Suffered, loop: Mapping[int, list[Use]]) -> Verdict:
    """On what a measurement concludes that knows of no other outage.

    A loop that waited all the while for an answer from the outage before has made no try, and concludes nothing.
    """
    uses = (use for port in (suffered.port, OURSELVES) for use in loop.get(port, []))
    found = watched(use for use in uses if suffered.since <= use.attempt.start and use.attempt.end <= suffered.until)
    if not found:
        return Verdict((suffered.until - suffered.since) / len(suffered.spells), (), stood_still=False)
    return judge(suffered.spells, found[0])


def _inside(judged: Sequence[Judged], seed: int) -> Figure:
    wrong = [each for each in judged if each.open_loop.wrong]
    closed = sum(not each.closed_loop.wrong for each in judged)
    notes = [f"{each.suffered.ordered}: {'; '.join(each.open_loop.wrong)}" for each in wrong]
    again = [f"once more: --only outages --outages {len(judged)} --seed {seed}"] if wrong else []
    return Figure(
        f"{len(judged)} outages ({SHORTEST:g} to {LONGEST:g} s, {len(Kind)} kinds): truth inside the bounds",
        f"{len(judged)} of {len(judged)}",
        f"{len(judged) - len(wrong)} of {len(judged)} (closed loop {closed})",
        not wrong,
        (*notes, *again),
    )


def _widths(judged: Sequence[Judged]) -> Iterator[Figure]:
    answered = [each for each in judged if each.suffered.ordered.outage.kind in ANSWERED]
    wide, of_loop = _mean_width(each.open_loop for each in answered), _mean_width(e.closed_loop for e in answered)
    yield Figure(
        "width of the bounds, 10/s, where failures are answered",
        f"≤ {WIDEST:g} s",
        f"{wide:.3f} s",
        wide <= WIDEST,
        tuple(_of_a_busy_machine(answered)),
    )
    yield Figure(
        f"… against a loop that sleeps {SLEEP:g} s, same outages",
        f"≤ {NARROWER:.2f} ×",
        f"{wide / of_loop:.2f} × of {of_loop:.3f} s",
        wide <= NARROWER * of_loop,
    )
    wide, of_loop = _mean_width(each.open_loop for each in judged), _mean_width(each.closed_loop for each in judged)
    yield Figure("width of all of them", "reported", f"{wide:.3f} s, closed loop {of_loop:.3f} s")
    for kind in Kind:
        its = [each for each in judged if each.suffered.ordered.outage.kind is kind]
        if its and kind not in ANSWERED:
            yield _of_silence(kind, its)


def _of_a_busy_machine(judged: Sequence[Judged]) -> Iterator[str]:
    kept_up = [each.open_loop for each in judged if not each.open_loop.stood_still]
    if len(kept_up) < len(judged):
        others = f"; {_mean_width(kept_up):.3f} s in the others" if kept_up else ""
        yield f"this machine stood still itself in {len(judged) - len(kept_up)} of {len(judged)}{others}"


def _of_silence(kind: Kind, its: Sequence[Judged]) -> Figure:
    wide, of_loop = _mean_width(each.open_loop for each in its), _mean_width(each.closed_loop for each in its)
    lasting = mean(each.suffered.ordered.seconds for each in its)
    return Figure(
        f"width where attempts wait in vain ({kind}, {lasting:.1f} s on average)",
        "reported",
        f"{wide:.3f} s, closed loop {of_loop:.3f} s",
    )


def _mean_width(verdicts: Iterable[Verdict]) -> float:
    return mean(each.width.total_seconds() for each in verdicts)
