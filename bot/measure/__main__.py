"""`python -m bot.measure --dsn …` and `python -m bot.measure replay FILE…`."""

import argparse
import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.adapters.beat import CREATE
from bot.adapters.clock import SteadyClock
from bot.adapters.postgres import Postgres
from bot.domain.errors import Refused
from bot.domain.watched import Watched, watched
from bot.measure.dsn import endpoint
from bot.measure.files import recording
from bot.measure.replaying import replay, require_up
from bot.measure.watching import Watch, Wish
from bot.messages.measured import conclusions, set_back, watching
from bot.messages.strip import strip
from bot.pace import hold_still

FINE, UNUSABLE = 0, 2  # how the process ends
LONGEST: Final = timedelta(hours=12)  # all attempts of it are in memory
MOST_HELD: Final = 50
FASTEST: Final = 100.0
_LASTING: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, None: 1}


def main(given: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if given is None else given)
    try:
        return _replay(given[1:]) if given[:1] == ["replay"] else _watch(given)
    except Refused as refused:
        sys.stderr.write(f"{refused.sentence}\n")
        return UNUSABLE


def _watch(given: Sequence[str]) -> int:
    asked = _watch_arguments().parse_args(given)
    wish = Wish(lasting=asked.lasting, rate=asked.rate, held=asked.held, write=asked.write, deadline=asked.deadline)
    endpoints = [endpoint(dsn) for dsn in asked.dsn]
    if len({each.name for each in endpoints}) < len(endpoints):
        raise Refused("The same endpoint is given twice. Once is enough.")
    draw = _drawer(asked.plot)
    with recording(asked.record, _say) as record:
        steady = SteadyClock()
        watch = Watch(endpoints, wish, _say, record, Postgres(steady))
        _say(watching([each.name for each in endpoints], wish.rate, wish.held, write=wish.write))
        asyncio.run(_until_stopped(watch))
        back = steady.set_back()
    found = watched(watch.uses)
    _say("\n".join(["", *conclusions(found), *set_back(back)]))
    require_up(found)
    draw("Who could use the database", found)
    return FINE


async def _until_stopped(watch: Watch) -> None:
    """The first Ctrl-C ends the watch and leaves its conclusion; a second one ends the process."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await watch.run(stop)


def _replay(given: Sequence[str]) -> int:
    asked = _replay_arguments().parse_args(given)
    draw = _drawer(asked.plot)
    replayed = replay(asked.files, asked.sleep)
    _say("\n".join(replayed.lines()))
    draw("Who could use the database", replayed.watched)
    return FINE


def _drawer(path: Path | None) -> Callable[[str, Sequence[Watched]], None]:
    """Found out before the watch, not after: whether a picture can be drawn there."""
    if path is None:
        return lambda _title, _watched: None
    if path.suffix != ".png":
        raise Refused("The strip is a PNG: --plot needs a name that ends with .png.")
    if not path.parent.is_dir():
        raise Refused(f"There is no directory {path.parent} to put the strip into.")
    from bot.adapters.strip import png  # half a second that nobody else has to wait

    def draw(title: str, found: Sequence[Watched]) -> None:
        drawn = strip(title, found)
        try:
            path.write_bytes(png(drawn))
        except OSError as error:
            raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error
        _say(f"\n{path}: {drawn.alt}")

    return draw


def _say(line: str) -> None:
    """To nobody, when who was listening has left, as `head` does: the recording is still worth something."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _watch_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bot.measure",
        description="Watch PostgreSQL endpoints: outages as they happen, bounds at the end. "
        "`python -m bot.measure replay FILE…` reads what was recorded.",
    )
    parser.add_argument(
        "--dsn", action="append", required=True, help="of an endpoint; once for each. PGPASSWORD is read too"
    )
    parser.add_argument(
        "--for", dest="lasting", type=_lasting, default=timedelta(minutes=10), metavar="10m", help="90s, 10m, 2h"
    )
    parser.add_argument("--rate", type=_rate, default=10.0, help="attempts a second in each way, 10 unless told")
    parser.add_argument("--held", type=_held, default=3, help="sessions to keep open and use, 3 unless told")
    parser.add_argument("--write", action="store_true", help=f"write as well, to a table of your making: {CREATE}")
    parser.add_argument("--deadline", type=_lasting, default=timedelta(seconds=5), metavar="5s", help="of each attempt")
    parser.add_argument("--record", type=Path, metavar="FILE", help="every attempt: attempts.csv, or .csv.gz")
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw a strip of it")
    return parser


def _replay_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bot.measure replay", description="Compute bounds from what was recorded."
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="an attempts.csv(.gz), or the log of a psql loop"
    )
    parser.add_argument(
        "--sleep",
        type=_sleep,
        metavar="0.5s",
        help="how long the psql loop slept after each attempt; guessed unless told",
    )
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw a strip of it")
    return parser


def _sleep(text: str) -> timedelta:
    read = _LASTING.fullmatch(text.strip())
    if read is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 500ms, 90s, 10m, 2h")
    return timedelta(seconds=min(float(read[1]) * _UNITS[read[2]], 1e9))


def _lasting(text: str) -> timedelta:
    lasting = _sleep(text)
    if not timedelta() < lasting <= LONGEST:
        raise argparse.ArgumentTypeError("more than nothing and at most 12h; record longer ones in parts")
    return lasting


def _rate(text: str) -> float:
    return _within(text, 0.1, FASTEST)


def _held(text: str) -> int:
    return int(_within(text, 0, MOST_HELD))


def _within(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:g}")
    return number


if __name__ == "__main__":
    hold_still()
    sys.exit(main())
