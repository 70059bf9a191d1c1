"""A rehearsal that does not come to its end says why, in sentences and soon, and leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.account import summary
from sandbox.rehearse import play
from sandbox.scenarios import SCENARIOS
from sandbox.slack import Change
from sandbox.world import Wish, world

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def ground() -> Iterator[Path]:
    """Where all temporary files of a program go; short and open, because PostgreSQL's sockets lie there."""
    place = Path(tempfile.mkdtemp(prefix="g"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def rehearsing(ground: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "rehearse", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(ground), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def read_until(program: "subprocess.Popen[str]", words: str) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        if words in line:
            return
    pytest.fail(f"it never said “{words}”")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, "Starting two"),
        (signal.SIGINT, "clicks Approve"),
        (signal.SIGTERM, "Starting the bot"),
    ],
)
def test_who_interrupts_reads_one_line(number: signal.Signals, words: str, ground: Path) -> None:
    with rehearsing(ground) as program:
        read_until(program, words)
        program.send_signal(number)
        _, said = program.communicate(timeout=60)
    assert program.returncode == 128 + number
    assert said == f"sandbox: stopped by {number.name}; everything is taken down\n"
    assert list(ground.iterdir()) == []


def test_a_program_that_is_killed_outright_leaves_no_directories(ground: Path) -> None:
    with rehearsing(ground) as program:
        read_until(program, "The world is ready")
        assert any(each.name.startswith("rehearsal-") for each in ground.iterdir())
        program.kill()
    deadline = time.monotonic() + 15
    while left := list(ground.iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


async def test_a_process_that_dies_by_itself_ends_the_story_at_once(tmp_path: Path) -> None:
    async with world(tmp_path, Wish(pace=3)) as here:

        def murder(change: Change) -> None:
            if "upgrade started" in change.message.text and here.bot.fallen() == []:
                os.kill(here.bot.pid("worker"), signal.SIGKILL)

        here.slack.on_message(murder)
        began = time.monotonic()
        record = (await play(here, SCENARIOS["happy"])).record()

    assert time.monotonic() - began < 20
    first, *others = record["broken_expectations"]
    assert first.startswith("worker ended by itself with status -9. Its last words: ")
    assert "the card does not say “succeeded”" in others
    assert json.loads(json.dumps(record))["orders_accepted"] == 1
    assert f"NOT AS EXPECTED: {first}" in list(summary(record))


async def test_a_script_that_breaks_off_ends_the_story_at_once(tmp_path: Path) -> None:
    async with world(tmp_path, Wish(pace=3)) as here:

        def shut_down(change: Change) -> None:
            if change.kind == "click":
                here.aurora.server("us-east-1").stop()

        here.slack.on_message(shut_down)
        record = (await play(here, SCENARIOS["happy"])).record()

    assert record["broken_expectations"][0].startswith("The upgrade of orders broke off in the sandbox itself: ")
    assert record["versions"]["after"] == record["versions"]["before"]


def test_a_report_that_could_not_be_written_is_refused_before_anything_starts(ground: Path) -> None:
    with rehearsing(ground, "--report", str(ground / "nowhere" / "r.json")) as program:
        said, refused = program.communicate(timeout=30)
    assert (program.returncode, said) == (2, "")
    assert "is not a file in a directory that exists" in refused


def test_a_world_that_does_not_come_up_is_a_record_too_and_its_logs_are_kept(ground: Path) -> None:
    """Here the account has no room for a socket's name, as when TMPDIR is very long."""
    long = ground / ("x" * 100)
    long.mkdir()
    report = ground / "r.json"
    with rehearsing(long, "--report", str(report)) as program:
        said, errors = program.communicate(timeout=60)
    record = json.loads(report.read_text())
    assert (program.returncode, errors, record["outcome"]) == (1, "", "never began")
    assert "PostgreSQL did not start in us-east-1" in record["broken_expectations"][0]
    assert "NOT AS EXPECTED" in said
    assert (Path(record["logs"]) / "us-east-1.log").exists()
