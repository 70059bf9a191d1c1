"""`python -m tests.bench ack`: how fast a slash command is acknowledged, beside an app that does nothing else, in one run.

`python -m tests.bench measure`: the figures of the instrument that measures downtime, each beside its goal.
"""

import argparse
import asyncio
import os
import sys

from tests.bench import ack
from tests.bench.measure.figure import Figure, all_met, table
from tests.bench.measure.figures import FIGURES, Asked


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    benches = parser.add_subparsers(required=True)
    acking = benches.add_parser("ack")
    acking.add_argument("--rate", type=float, default=50, help="commands a second (default 50)")
    acking.add_argument("--seconds", type=float, default=20, help="how long, per app (default 20)")
    acking.set_defaults(run=_ack)
    measuring = benches.add_parser("measure")
    measuring.add_argument("--outages", type=int, default=200, help="how many are ordered (default 200)")
    measuring.add_argument("--seed", type=int, default=1, help="of their kinds and lengths (default 1)")
    measuring.add_argument("--doors", type=int, default=5, help="that go down side by side (default 5)")
    measuring.add_argument(
        "--only", nargs="+", choices=FIGURES, default=list(FIGURES), metavar="NAME", help=", ".join(FIGURES)
    )
    measuring.set_defaults(run=_measure)
    asked = parser.parse_args()
    return int(asked.run(asked))


def _ack(asked: argparse.Namespace) -> int:
    for line in asyncio.run(ack.bench(asked.rate, asked.seconds)):
        print(line)
    return 0


def _measure(asked: argparse.Namespace) -> int:
    """1 when a goal is missed."""
    figures: list[Figure] = []
    for name in asked.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        came = asyncio.run(FIGURES[name](Asked(asked.outages, asked.seed, asked.doors)))
        print(
            *(f"  {each.what}: {each.came_to} {each.verdict}" for each in came), sep="\n", file=sys.stderr, flush=True
        )
        figures += came
    print(*table(figures), sep="\n")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return 0 if all_met(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
