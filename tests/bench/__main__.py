"""`python -m tests.bench ack`: how fast a slash command is acknowledged, beside an app that does nothing else, in one run."""

import argparse
import asyncio
import sys

from tests.bench.ack import bench


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", choices=["ack"])
    parser.add_argument("--rate", type=float, default=50, help="commands a second (default 50)")
    parser.add_argument("--seconds", type=float, default=20, help="how long, per app (default 20)")
    asked = parser.parse_args()
    for line in asyncio.run(bench(asked.rate, asked.seconds)):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
