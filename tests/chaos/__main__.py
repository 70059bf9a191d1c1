"""Bad days, many of them. All print a table in the end, and exit 1 when a law broke.

`matrix`: at each effect of an upgrade a process dies. `storm`: moods and deaths at random. `moods`: each mood once.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from sandbox.scenarios import SCENARIOS
from tests.chaos.matrix import certain_points, crash_matrix
from tests.chaos.moods import every_mood
from tests.chaos.storm import storm


def main() -> int:
    """0 when all laws held, 1 when one broke."""
    asked = _parser().parse_args()
    if asked.kind == "matrix" and asked.point:
        return asyncio.run(certain_points(asked.point, asked.keep, asked.scenario))
    if asked.kind == "matrix":
        return asyncio.run(crash_matrix(asked.points, asked.seed, asked.jobs, asked.deaths, asked.keep, asked.scenario))
    if asked.kind == "storm":
        return asyncio.run(storm(asked.runs, asked.seed, asked.jobs, asked.keep))
    return asyncio.run(every_mood(asked.only, asked.seed, asked.pace, asked.jobs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    matrix = kinds.add_parser("matrix", help="kill a process right before and right after each effect of an upgrade")
    matrix.add_argument("--points", type=int, metavar="N", help="only so many, chosen by the seed (default: all)")
    matrix.add_argument(
        "--point", action="append", metavar="POINT", help="one upgrade that dies at this one, and at all others given"
    )
    matrix.add_argument("--deaths", type=int, default=6, help="at most so many in one upgrade (default 6)")
    matrix.add_argument("--scenario", choices=SCENARIOS, default="happy", help="the upgrade (default: happy)")
    storms = kinds.add_parser("storm", help="one to three moods and up to three deaths, composed at random")
    storms.add_argument("--runs", type=int, default=20, metavar="N", help="with the seeds from --seed on (default 20)")
    for kind in (matrix, storms):
        kind.add_argument("--keep", type=Path, metavar="DIR", help="leave each timeline there, for `bot.audit verify`")
        kind.add_argument("--jobs", type=int, default=2, help="upgrades side by side (default 2)")
    moods = kinds.add_parser("moods", help="each mood once")
    moods.add_argument("only", nargs="*", metavar="NAME[:ARG][@WORDS]", help="these moods (default: all)")
    moods.add_argument("--pace", type=float, default=3)
    moods.add_argument(
        "--jobs", type=int, default=1, help="rehearsals at a time, in one process: they slow each other (default 1)"
    )
    for kind in (matrix, storms, moods):
        kind.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
