"""How late attempts begin when one prober on one core watches many endpoints, in three ways each."""

import asyncio
import os
import resource
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
from tests.bench.measure.ground import Ground, ground

ENDPOINTS: Final = (40, 20, 10, 5)  # the first is the goal; the others are for what this machine can do
RATE: Final = 10
STEP: Final = timedelta(seconds=1 / RATE)
SECONDS: Final = 12
WARMING: Final = timedelta(seconds=3)  # at the beginning, which does not count
LATEST: Final = 50.0  # milliseconds


@dataclass(frozen=True)
class Slipped:
    """`made`: the share of the attempts due that were made; `spent`: of the seconds, those its process computed."""

    endpoints: int
    p99: float  # milliseconds
    made: float
    spent: float

    def __str__(self) -> str:
        return f"{self.endpoints}: {self.p99:.0f} ms ({self.made:.0%} of attempts made, {self.spent:.0%} of its core)"


async def bench() -> Sequence[Figure]:
    return [await asyncio.to_thread(_ladder, words, tls) for words, tls in (("no TLS", False), ("verified TLS", True))]


def _ladder(words: str, tls: bool) -> Figure:
    tried: list[Slipped] = []
    for endpoints in ENDPOINTS:
        tried.append(_watch(endpoints, tls))
        if tried[-1].p99 <= LATEST:
            break
    first = tried[0]
    return Figure(
        f"{first.endpoints} endpoints × 3 ways at {RATE}/s on one core: slip, p99 ({words})",
        f"≤ {LATEST:.0f} ms",
        f"{first.p99:.0f} ms",
        first.p99 <= LATEST,
        (f"p99 by endpoints {', '.join(map(str, tried))}",),
    )


def _watch(endpoints: int, tls: bool) -> Slipped:
    cores = sorted(os.sched_getaffinity(0))
    with (
        _on(set(cores[1:]) or set(cores)),
        ground(endpoints if tls else 1, cheap_login=True) as here,
        TemporaryDirectory() as directory,
    ):
        recording = Path(directory) / "attempts.csv"
        ways = ["--held", "1", "--write", "--rate", str(RATE), "--for", f"{SECONDS}s", "--record", str(recording)]
        dsns = [part for dsn in _dsns(here, endpoints, tls) for part in ("--dsn", dsn)]
        command = [sys.executable, "-m", "bot.measure", *dsns, *ways]
        before = _children()
        watch = subprocess.Popen(command, cwd=ROOT, env=inherited(), stdout=subprocess.DEVNULL)
        os.sched_setaffinity(watch.pid, {cores[0]})
        watch.wait(SECONDS + 120)
        spent = (_children() - before) / SECONDS
        lanes = by_lane(read_recording(recording.read_text(), recording.name))
    begun = [[use.attempt.start for use in uses] for lane, uses in lanes.items() if lane != CONTROL]
    since = min(min(starts) for starts in begun)
    counted = [[each for each in starts if each >= since + WARMING] for starts in begun]
    late = [each.total_seconds() * 1000 for starts in counted for each in slips(starts, STEP)]
    due = len(counted) * (SECONDS - WARMING.total_seconds()) * RATE
    return Slipped(endpoints, at(late, 0.99), min(1.0, sum(map(len, counted)) / due), spent)


def _dsns(here: Ground, endpoints: int, tls: bool) -> Sequence[str]:
    return here.dsns() if tls else here.dsns_past_doors(endpoints)


def _children() -> float:
    """CPU seconds of those that have ended and were waited for; the servers are not among them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


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
