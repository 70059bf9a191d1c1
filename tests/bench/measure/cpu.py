"""CPU of an attempt: the instrument, bare psycopg and psql, in turns on the same server in the same run.

All three try one time after another. What the whole process of the instrument costs at its usual rate, when it sleeps in
between and keeps its own records, is said beside it.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from asyncio import to_thread
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from sandbox.processes import ROOT, inherited
from tests.bench.measure.bare import QUERY
from tests.bench.measure.figure import Figure
from tests.bench.measure.ground import VERSION, Ground, ground

ENDPOINTS: Final = 4
ROUNDS: Final = 3
TIMES: Final = 25  # of each, in each round
SECONDS: Final = 3.0  # of the watch, in each round
BEGINNING: Final = 6.0
OF_PSQL, OF_BARE = 0.2, 1.5
HASHED: Final = "a password, hashed 4,096 times"
TOKEN: Final = "no hash, as with an IAM token"


@dataclass(frozen=True)
class WayIn:
    """How all three go in; `words` say it."""

    psql: Path
    dsns: Sequence[str]
    words: str


@dataclass(frozen=True)
class Costs:
    """CPU milliseconds of one attempt, round by round; `watch` is the whole process at its usual rate."""

    psql: Sequence[float]
    bare: Sequence[float]
    ours: Sequence[float]
    watch: Sequence[float]


async def bench() -> Sequence[Figure]:
    return [figure for login in (HASHED, TOKEN) for figure in await to_thread(_bench, login)]


def _bench(login: str) -> Sequence[Figure]:
    figures: list[Figure] = []
    with ground(ENDPOINTS, cheap_login=login == TOKEN) as here:
        for way in ways_in(here):
            costs = _costs(way)
            psql, bare, ours, watch = map(mean, (costs.psql, costs.bare, costs.ours, costs.watch))
            how = f"{way.words}, {login}"
            note = (
                f"{ours:.2f} ms; bare psycopg {bare:.2f} ms, which is {bare / psql:.2f} × of psql's {psql:.2f} ms; all of "
                f"`bot.measure` at 10/s {watch:.2f} ms ({way.psql})"
            )
            figures += [
                _figure(f"CPU of an attempt against `psql -c` ({how})", OF_PSQL, ours / psql, note),
                _figure(f"CPU of an attempt against bare psycopg ({how})", OF_BARE, ours / bare),
            ]
    return figures


def _figure(what: str, goal: float, ratio: float, *notes: str) -> Figure:
    return Figure(what, f"≤ {goal:.2f} ×", f"{ratio:.2f} ×", ratio <= goal, notes)


def ways_in(here: Ground) -> Iterator[WayIn]:
    """Past the doors; and through them with TLS if this machine has a psql that can: those in the wheels cannot."""
    yield WayIn(here.site.programs[VERSION] / "psql", here.dsns_past_doors(ENDPOINTS), "no TLS")
    for psql in _installed():
        if subprocess.run([psql, "-XAtc", QUERY, here.dsns()[0]], capture_output=True, check=False).returncode == 0:
            yield WayIn(psql, here.dsns(), "verified TLS")
            return


def _installed() -> Iterator[Path]:
    """The programs themselves; what is in the path may be a script that looks for one."""
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"), reverse=True)
    found = shutil.which("psql")
    if found and Path(found).read_bytes()[:2] != b"#!":
        yield Path(found)


def _costs(way: WayIn) -> Costs:
    with TemporaryDirectory() as directory:
        recording = Path(directory) / "attempts.csv"
        dsns = [part for dsn in way.dsns for part in ("--dsn", dsn)]
        command = [sys.executable, "-m", "bot.measure", *dsns, "--held", "0", "--for", "1h", "--record", str(recording)]
        watch = subprocess.Popen(command, cwd=ROOT, env=inherited(), stdout=subprocess.DEVNULL)
        try:
            time.sleep(BEGINNING)
            rounds = [
                (_of_psql(way), _of("bare", way), _of("ours", way), _of_watch(watch.pid, recording))
                for _ in range(ROUNDS)
            ]
        finally:
            watch.terminate()
            watch.wait(30)
    return Costs(*(list(each) for each in zip(*rounds, strict=True)))


def _of_psql(way: WayIn) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(TIMES):
        subprocess.run([way.psql, "-XAtc", QUERY, way.dsns[0]], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / TIMES


def _of(module: str, way: WayIn) -> float:
    command = [sys.executable, "-m", f"tests.bench.measure.{module}", way.dsns[0], str(TIMES)]
    return 1000 * float(subprocess.check_output(command, cwd=ROOT, env=inherited())) / TIMES


def _of_watch(pid: int, recording: Path) -> float:
    """All that its process does while it goes on at its usual rate, for each attempt at an endpoint."""
    before, known = _spent(pid), _attempts(recording)
    time.sleep(SECONDS)
    return 1000 * (_spent(pid) - before) / (_attempts(recording) - known)


def _spent(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _attempts(recording: Path) -> int:
    return recording.read_text().count(f"{os.linesep}connect,")
