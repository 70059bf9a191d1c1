"""Every mood once, on real parts."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from sandbox.moods import MOODS, Asked, parse
from sandbox.rehearse import rehearse
from sandbox.world import Wish

ALSO: Final = (  # besides each mood as it usually is
    "slack-429:chat.postMessage",
    "slack-429:C0DBOPS",
    "killed:prober",
    "killed:web",
    "terminated:prober",
    "terminated:web",
    "suspended:prober",
    "suspended:web",
)
HEAD: Final = ("mood", "outcome", "orders", "told late", "not watched", "s", "broken laws")


@dataclass(frozen=True)
class Row:
    asked: Asked
    record: dict[str, Any]
    took: float

    @property
    def broken(self) -> tuple[str, ...]:
        return tuple(self.record["broken_expectations"])

    def cells(self) -> tuple[str, ...]:
        record = self.record
        return (
            f"`{self.asked}`",
            record["outcome"],
            str(record["orders_accepted"]),
            str(record["told_late"]),
            f"{record['unwatched_s']:.1f} s",
            f"{self.took:.0f}",
            str(len(self.broken)),
        )


async def every_mood(only: Sequence[str], seed: int, pace: float, jobs: int) -> int:
    asked = [parse(each, seed) for each in only or (*MOODS, *ALSO)]
    room = asyncio.Semaphore(jobs)
    print(_line(HEAD), _line(["---"] * len(HEAD)), sep="\n", flush=True)
    rows = await asyncio.gather(*(_row(each, pace, room) for each in asked))
    broken = [row for row in rows if row.broken]
    print(f"\n{len(rows)} moods, {len(broken)} under which a law broke.")
    return 1 if broken else 0


async def _row(asked: Asked, pace: float, room: asyncio.Semaphore) -> Row:
    async with room:
        began = monotonic()
        row = Row(asked, await rehearse(Wish(pace=pace), moods=[asked]), monotonic() - began)
    print(_line(row.cells()), flush=True)
    if row.broken:
        said = "".join(f"\n  {each}" for each in row.broken)
        sys.stderr.write(f"{asked}, seed {asked.seed}:{said}\n  logs: {row.record.get('logs')}\n")
    return row


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
