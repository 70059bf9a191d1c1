"""`python -m tests.fuzz`: thousands of commands, clicks, forms and bodies that nobody thought of, through the real Bolt app."""

import argparse
import sys

from tests.fuzz.hearing import Figures, fuzz

SHOWN = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many, half of them over each transport")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same cases")
    asked = parser.parse_args()
    runs = {transport: fuzz(asked.cases // 2, asked.seed, transport) for transport in ("http", "socket")}
    for transport, figures in runs.items():
        show(transport, figures)
    return 1 if any(figures.broken for figures in runs.values()) else 0


def show(transport: str, figures: Figures) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(figures.cases.items()))
    print(f"{transport}: {figures.cases.total()} cases in {figures.seconds:.0f} s ({kinds})")
    print(
        f"  {figures.answers} answers, {figures.turned_away} turned away, slowest acknowledgement "
        f"{figures.slowest_ack_ms:.0f} ms, {len(figures.broken)} promises broken"
    )
    for what, case in figures.broken[:SHOWN]:
        print(f"  BROKEN: {what}\n    by {case}"[:2000])


if __name__ == "__main__":
    sys.exit(main())
