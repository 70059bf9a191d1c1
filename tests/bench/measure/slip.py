"""How late attempts begin when one prober on one core watches many endpoints, in three ways each."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bot.domain.recording import by_lane, read_recording
from bot.domain.ways import CONTROL
from sandbox.processes import ROOT, inherited
from tests.bench.measure.figure import Figure, at
from tests.bench.measure.ground import ground

ENDPOINTS: Final = (40, 20, 10, 5)  # the first is the goal; the others are for what this machine can do
RATE: Final = 10
STEP: Final = timedelta(seconds=1 / RATE)
SECONDS: Final = 12
WARMING: Final = timedelta(seconds=3)  # at the beginning, which does not count
LATEST: Final = 50.0  # milliseconds


@dataclass(frozen=True)
class Slipped:
    endpoints: int
    p99: float  # milliseconds
    share: float  # of the attempts that were due, how many were made


async def bench() -> Sequence[Figure]:
    tried: list[Slipped] = []
    for endpoints in ENDPOINTS:
        tried.append(await asyncio.to_thread(_watch, endpoints))
        if tried[-1].p99 <= LATEST:
            break
    first, last = tried[0], tried[-1]
    reached = f"reached with {last.endpoints} endpoints" if last.p99 <= LATEST else "reached with none"
    ladder = ", ".join(f"{each.endpoints}: {each.p99:.0f} ms ({each.share:.0%} of attempts made)" for each in tried)
    notes = () if first is last else (f"{reached}; p99 by endpoints {ladder}",)
    return [
        Figure(
            f"{first.endpoints} endpoints × 3 ways at {RATE}/s on one core: slip, p99",
            f"≤ {LATEST:.0f} ms",
            f"{first.p99:.0f} ms",
            first.p99 <= LATEST,
            notes,
        )
    ]


def _watch(endpoints: int) -> Slipped:
    cores = sorted(os.sched_getaffinity(0))
    with (
        _on(set(cores[1:]) or set(cores)),
        ground(endpoints, cheap_login=True) as here,
        TemporaryDirectory() as directory,
    ):
        recording = Path(directory) / "attempts.csv"
        ways = ["--held", "1", "--write", "--rate", str(RATE), "--for", f"{SECONDS}s", "--record", str(recording)]
        dsns = [part for dsn in here.dsns() for part in ("--dsn", dsn)]
        command = [sys.executable, "-m", "bot.measure", *dsns, *ways]
        watch = subprocess.Popen(command, cwd=ROOT, env=inherited(), stdout=subprocess.DEVNULL)
        os.sched_setaffinity(watch.pid, {cores[0]})
        watch.wait(SECONDS + 120)
        lanes = by_lane(read_recording(recording.read_text(), recording.name))
    begun = [[use.attempt.start for use in uses] for lane, uses in lanes.items() if lane != CONTROL]
    since = min(min(starts) for starts in begun)
    counted = [[each for each in starts if each >= since + WARMING] for starts in begun]
    late = [each.total_seconds() * 1000 for starts in counted for each in slips(starts, STEP)]
    due = len(counted) * (SECONDS - WARMING.total_seconds()) * RATE
    return Slipped(endpoints, at(late, 0.99), min(1.0, sum(map(len, counted)) / due))


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Where this process runs, and what it starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def slips(starts: Sequence[datetime], step: timedelta) -> Iterator[timedelta]:
    """How much later than due each began. The schedule is the earliest that these starts allow.

    Whoever is late by more than a step has missed it, and is due again a step after.
    """
    due: datetime | None = None
    for start in sorted(starts):
        due = start if due is None else min(start, due + step)
        yield start - due
        if start - due > step:
            due = start
