"""`python -m tests.chaos matrix`: an upgrade for each effect at which a process can die."""

import argparse
import asyncio
import sys

from tests.chaos.matrix import crash_matrix


def main() -> int:
    """0 when all laws held, 1 when one broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    matrix = commands.add_parser("matrix", help="kill a process right before and right after each effect of an upgrade")
    matrix.add_argument("--points", type=int, metavar="N", help="only so many, chosen by the seed (default: all)")
    matrix.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    return asyncio.run(crash_matrix(asked.points, asked.seed))


if __name__ == "__main__":
    sys.exit(main())
