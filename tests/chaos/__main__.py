"""`python -m tests.chaos matrix`: an upgrade for each effect at which a process can die. `… moods`: one under each mood."""

import argparse
import asyncio
import sys

from tests.chaos.matrix import crash_matrix
from tests.chaos.moods import every_mood


def main() -> int:
    """0 when all laws held, 1 when one broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    matrix = kinds.add_parser("matrix", help="kill a process right before and right after each effect of an upgrade")
    matrix.add_argument("--points", type=int, metavar="N", help="only so many, chosen by the seed (default: all)")
    moods = kinds.add_parser("moods", help="each mood once")
    moods.add_argument("only", nargs="*", metavar="NAME[:ARG][@WORDS]", help="these moods (default: all)")
    moods.add_argument("--pace", type=float, default=3)
    moods.add_argument(
        "--jobs", type=int, default=1, help="rehearsals at a time, in one process: they slow each other (default 1)"
    )
    for kind in (matrix, moods):
        kind.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.kind == "matrix":
        return asyncio.run(crash_matrix(asked.points, asked.seed))
    return asyncio.run(every_mood(asked.only, asked.seed, asked.pace, asked.jobs))


if __name__ == "__main__":
    sys.exit(main())
