"""When new connections were really refused, read from a server's own log."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

LINE: Final = re.compile(
    r"^(?P<ms>\d+\.\d{3}) .*?LOG:  (?:(?P<down>received (?:fast|immediate) shutdown request)|"
    r"(?P<up>database system is ready to accept (?:read-only )?connections))$"
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Down:
    """One time in which an endpoint (`host:port`) took no new connections, and the `doubt` by how much longer it may have been."""

    region: str
    endpoint: str
    down_from: datetime
    down_until: datetime
    doubt: timedelta = timedelta()
    kind: str = "restart"  # or of which kinds it was ordered

    @property
    def seconds(self) -> float:
        return (self.down_until - self.down_from).total_seconds()


@dataclass(frozen=True)
class Fate:
    """What a restart with zero downtime did to one session: it stood still and went on; or it was dropped, and why.

    `pid` is what its client was told at log-in; so is `application`, its application_name.
    """

    pid: int
    user: str
    application: str
    stood_still_from: datetime
    until: datetime
    dropped_because: str = ""

    @property
    def is_preserved(self) -> bool:
        return not self.dropped_because


def merged(downs: Iterable[Down]) -> list[Down]:
    """Of one endpoint: those that overlap are one."""
    whole: list[Down] = []
    for each in sorted(downs, key=lambda down: down.down_from):
        if whole and each.down_from <= whole[-1].down_until:
            last = whole.pop()
            kinds = dict.fromkeys([*last.kind.split(" and "), each.kind])
            each = replace(
                last,
                down_until=max(last.down_until, each.down_until),
                kind=" and ".join(kinds),
                doubt=last.doubt + each.doubt,
            )
        whole.append(each)
    return whole


def refusals(log: Iterable[str]) -> Iterator[tuple[datetime, datetime]]:
    """From each shutdown request until the server is ready again; a time that has not ended yet is left out."""
    down_from: datetime | None = None
    for line in log:
        if (seen := LINE.match(line.rstrip("\n"))) is None:
            continue
        at = EPOCH + timedelta(milliseconds=int(seen["ms"].replace(".", "")))
        if seen["down"]:
            down_from = down_from or at
        elif down_from is not None:
            yield down_from, at
            down_from = None
