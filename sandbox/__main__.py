"""`python -m sandbox rehearse` plays an upgrade, `python -m sandbox serve` leaves the world running."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from sandbox.account import STRIP, summary
from sandbox.interrupt import Interrupted, until_told
from sandbox.moods import MOODS, Asked, parse
from sandbox.rehearse import rehearse
from sandbox.scenarios import SCENARIOS
from sandbox.screen import PLAIN_WIDTH, Screen
from sandbox.serve import serve
from sandbox.world import Wish

FASTEST = 5  # beyond it the machine's own hiccups are as long as the outages


def main() -> int:
    """0 when everything was as expected, 1 when not, 2 for a call that makes no sense, 130 and 143 when interrupted."""
    asked = _parser().parse_args()
    wish = Wish(
        scenario=asked.scenario if asked.command == "rehearse" else "happy",
        pace=asked.pace,
        mode=asked.mode,
        applications=True,
        writes=asked.command == "rehearse" and asked.writes,
        instances=asked.command == "rehearse" and asked.instances,
        minutes=SCENARIOS[asked.scenario].minutes if asked.command == "rehearse" else 60.0,
    )
    try:
        if asked.command == "rehearse":
            if asked.moods:
                return _list_moods()
            return _rehearse(wish, asked.report, asked.logs, asked.mood, asked.seed)
        asyncio.run(until_told(serve(Console(), wish)))
        return 0
    except Interrupted as told:
        return _leave(str(told), 0 if asked.command == "serve" else told.exit_code)  # serving ends no other way
    except KeyboardInterrupt:
        return _leave("stopped at once", 130)
    except RuntimeError as trouble:
        return _leave(str(trouble), 1)


def _leave(words: str, status: int) -> int:
    sys.stderr.write(f"sandbox: {words}\n")
    return status


def _list_moods() -> int:
    lines = [f"{each.usage():46} {each.about}" for each in MOODS.values()]
    Console(highlight=False, width=PLAIN_WIDTH).print(*lines, sep="\n", markup=False)
    return 0


def _rehearse(wish: Wish, report: Path | None, logs: Path | None, moods: Sequence[Asked], seed: int) -> int:
    moods, screen, strips = [replace(each, seed=seed) for each in moods], Screen(), list[bytes]()
    try:
        record = asyncio.run(until_told(rehearse(wish, screen, logs, moods, strips.append)))
    finally:
        screen.close()
    if report:
        report.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    screen.say(*summary(record))
    if strips:
        screen.say(f"A picture of it, to look at: {_kept(strips[-1], report)}")
    return 1 if record["broken_expectations"] else 0


def _kept(strip: bytes, report: Path | None) -> Path:
    """Next to the report, or where it is in nobody's way."""
    beside = report and report.with_name(f"{report.stem}-strip.png")
    place = beside or Path(tempfile.mkdtemp(prefix="rehearsal-")) / STRIP
    place.write_bytes(strip)
    return place.absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    rehearsal = commands.add_parser("rehearse", help="play one upgrade without a person")
    rehearsal.add_argument("--scenario", choices=SCENARIOS, default="happy")
    rehearsal.add_argument(
        "--mood", type=_mood, action="append", default=[], metavar="NAME[:ARG][@WORDS]",
        help="what goes wrong, as soon as the thread says WORDS; may be given more than once",
    )  # fmt: skip
    rehearsal.add_argument("--writes", action="store_true", help="have the bot write to the database as well")
    rehearsal.add_argument(
        "--instances", action="store_true", help="have the endpoint of each instance measured as well"
    )
    rehearsal.add_argument("--moods", action="store_true", help="list the moods and play nothing")
    rehearsal.add_argument("--seed", type=int, default=1, help="of the moods that are random")
    rehearsal.add_argument(
        "--report",
        type=_in_a_directory,
        metavar="FILE",
        help="write what happened as JSON, and a picture of it beside that",
    )
    rehearsal.add_argument("--logs", type=_empty, metavar="DIR", help="keep the logs of every process here")
    serving = commands.add_parser("serve", help="leave the world running and print its environment")
    for command in (rehearsal, serving):
        command.add_argument("--pace", type=_pace, default=1.0, help="2 is twice as fast (default 1: some 40 s)")
        command.add_argument("--mode", choices=("socket", "http"), default="socket", help="how Slack reaches the bot")
    return parser


def _mood(text: str) -> Asked:
    try:
        return parse(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def _empty(text: str) -> Path:
    """A rehearsal reads the truth from its logs, so nothing older may be among them."""
    directory = Path(text)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise argparse.ArgumentTypeError(f"{text!r} is not an empty directory")
    return directory


def _in_a_directory(text: str) -> Path:
    file = Path(text)
    if not file.parent.is_dir() or file.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file in a directory that exists")
    return file


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0.1 <= pace <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pace: a number from 0.1 to {FASTEST}")
    return pace


if __name__ == "__main__":
    sys.exit(main())
