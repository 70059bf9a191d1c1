"""Slash command to acknowledgement over Socket Mode, at a fixed rate that waits for nobody."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.processes import ROOT, inherited
from sandbox.slack import SlackDouble
from sandbox.world import CHANNEL, Wish, world

COMMANDS = ("list", "status", "show orders", "help")


async def bench(rate: float, seconds: float) -> Sequence[str]:
    """The bot beside the bare app, both under the same load on the same machine, one after the other."""
    bare = await _bare(rate, seconds)
    bot, memory = await _bot(rate, seconds)
    return (
        f"{rate:g} commands/s for {seconds:g} s over Socket Mode, milliseconds to the acknowledgement",
        f"{'':10} {'p50':>7} {'p90':>7} {'p99':>7} {'max':>7} {'sent':>6} {'unacked':>8}",
        _row("bare Bolt", bare),
        _row("the bot", bot),
        f"ratio of p99: {at(bot, 0.99) / at(bare, 0.99):.2f}",
        "memory, MiB: " + ", ".join(f"{name} {mb:.0f}" for name, mb in memory.items()),
    )


async def _bot(rate: float, seconds: float) -> tuple[list[float], dict[str, float]]:
    with TemporaryDirectory() as directory:
        async with world(Path(directory), Wish()) as here:
            return await load(here.slack, rate, seconds), here.bot.memory_mb()


async def _bare(rate: float, seconds: float) -> list[float]:
    async with SlackDouble.start() as slack:
        with _app(slack.environment()):
            await slack.sockets.connected(within=15)
            return await load(slack, rate, seconds)


@contextmanager
def _app(environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.bare"]
    process = subprocess.Popen(command, cwd=ROOT, env=inherited() | environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


async def load(slack: SlackDouble, rate: float, seconds: float) -> list[float]:
    """Milliseconds to each acknowledgement; infinity for those that never came."""
    loop, aki = asyncio.get_running_loop(), slack.person("U0AKI")
    sending = []
    with _held_still():
        began = loop.time()
        for number in range(round(rate * seconds)):
            await asyncio.sleep(began + number / rate - loop.time())
            words = COMMANDS[number % len(COMMANDS)]
            sending.append(asyncio.create_task(aki.command(CHANNEL, "/aurora", words)))
        sent = await asyncio.gather(*sending)
    return [each.ack_ms if each.acked else float("inf") for each in sent]


@contextmanager
def _held_still() -> Iterator[None]:
    """Slack and AWS live in this process: a pause of its garbage collector would be measured as one of the bot."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def at(latencies: Sequence[float], quantile: float) -> float:
    return sorted(latencies)[min(len(latencies) - 1, int(len(latencies) * quantile))]


def _row(name: str, latencies: Sequence[float]) -> str:
    figures = " ".join(f"{at(latencies, quantile):7.1f}" for quantile in (0.5, 0.9, 0.99, 1))
    return f"{name:10} {figures} {len(latencies):6} {latencies.count(float('inf')):8}"
