"""When new connections were really refused, read from a server's own log."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

LINE: Final = re.compile(
    r"^(?P<ms>\d+\.\d{3}) .*?LOG:  (?:(?P<down>received (?:fast|immediate) shutdown request)|"
    r"(?P<up>database system is ready to accept (?:read-only )?connections))$"
)
DROPPED: Final = "FATAL:  terminating connection due to administrator command"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Down:
    """One time in which an endpoint (`host:port`) took no new connections, and the `doubt` by how much longer it may have been."""

    region: str
    endpoint: str
    down_from: datetime
    down_until: datetime
    doubt: timedelta = timedelta()

    @property
    def seconds(self) -> float:
        return (self.down_until - self.down_from).total_seconds()


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
