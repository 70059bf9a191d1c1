"""Pictures are drawn in a process of their own, which may fail in any way."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.artist import REMEMBERED, SIGNATURE, ProcessArtist
from bot.domain.errors import Unavailable
from bot.domain.watched import watched
from bot.messages.strip import Strip, strip
from tests.domain.test_strip import RESTART

DRAWN: Strip = strip("Upgrade of orders", watched(RESTART))
FAKE = f"import sys, os; sys.stdin.read(); sys.stdout.buffer.write({SIGNATURE!r} + os.urandom(8))"


def artist(program: str, deadline: float = 10) -> ProcessArtist:
    return ProcessArtist(timedelta(seconds=deadline), (sys.executable, "-c", program))


@pytest.mark.timeout(120)
async def test_it_draws_without_any_of_our_secrets_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = await ProcessArtist(timedelta(seconds=100)).png(DRAWN)
    assert drawn.startswith(SIGNATURE)
    assert len(drawn) < 200_000
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    with pytest.raises(Unavailable, match="False"):
        await artist("import os, sys; sys.exit(str('SLACK_BOT_TOKEN' in os.environ))").png(DRAWN)


async def test_a_picture_is_drawn_once_while_it_is_remembered() -> None:
    painter = artist(FAKE)
    first, same = await asyncio.gather(painter.png(DRAWN), painter.png(DRAWN))
    assert first == same
    for number in range(REMEMBERED):
        await painter.png(strip(f"{number}", watched(RESTART)))
    assert await painter.png(DRAWN) != first


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('no font')", "exit 1.*no font"),
        ("print('no picture')", "exit 0"),
        ("import os; os.abort()", "exit -6"),
        ("x = bytearray(10**15)", "MemoryError"),
    ],
)
async def test_whatever_goes_wrong_is_said_and_nothing_else(program: str, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        await artist(program).png(DRAWN)


async def test_it_waits_for_nobody_who_hangs_and_leaves_nobody_behind(tmp_path: Path) -> None:
    hangs = f"import os, pathlib, time; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(Unavailable, match="timeout"):
        await artist(hangs, 2).png(DRAWN)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(Unavailable, match="FileNotFoundError"):
        await ProcessArtist(program=("/nowhere/python",)).png(DRAWN)


def test_a_worker_does_not_load_what_draws() -> None:
    asked = "import sys, bot.worker; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
