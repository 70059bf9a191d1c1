"""When new connections were really refused, read from a server's own log."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

LINE: Final = re.compile(
    r"^(?P<ms>\d+\.\d{3}) .*?LOG:  (?:(?P<down>received (?:fast|immediate) shutdown request)|"
    r"(?P<up>database system is ready to accept (?:read-only )?connections))$"
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


RESTART: Final = "restart"
ZERO_DOWNTIME: Final = "zero downtime"


@dataclass(frozen=True)
class Down:
    """One time in which an endpoint (`host:port`) took no new connections, and the `doubt` by how much longer it may have been."""

    region: str
    endpoint: str
    down_from: datetime
    down_until: datetime
    doubt: timedelta = timedelta()
    kind: str = RESTART  # or of which kinds it was ordered

    @property
    def kinds(self) -> list[str]:
        return self.kind.split(" and ")

    @property
    def seconds(self) -> float:
        return (self.down_until - self.down_from).total_seconds()


@dataclass(frozen=True)
class Fate:
    """What befell one session: it stood still and went on; or it was dropped in that time, and why.

    `pid` is what its client was told at log-in; so is `application`, its application_name. `kind` is what did it: a restart,
    one with zero downtime, or an outage that was ordered. If it was asked meanwhile, the answer passed the door `answered_at`;
    from there the client's own slowness begins.
    """

    pid: int
    user: str
    application: str
    stood_still_from: datetime
    until: datetime
    dropped_because: str = ""
    kind: str = ZERO_DOWNTIME
    answered_at: datetime | None = None

    @property
    def is_preserved(self) -> bool:
        return not self.dropped_because


def merged(downs: Iterable[Down]) -> list[Down]:
    """Of one endpoint: those that overlap are one."""
    whole: list[Down] = []
    for each in sorted(downs, key=lambda down: down.down_from):
        if whole and each.down_from <= whole[-1].down_until:
            last = whole.pop()
            kinds = dict.fromkeys([*last.kinds, each.kind])
            each = replace(
                last,
                down_until=max(last.down_until, each.down_until),
                kind=" and ".join(kinds),
                doubt=last.doubt + each.doubt,
            )
        whole.append(each)
    return whole


def unwritable(downs: Iterable[Down], fates: Sequence[Fate]) -> Iterator[Down]:
    """Of each time without new connections: when nothing could be written, in no session that there was nor in a new one.

    Those that there were may write for a moment longer. Until each of them has gone on as well, it is in `doubt`, for who
    writes in one of them waits for that one.
    """
    for down in downs:
        its = [each for each in fates if each.until >= down.down_from and each.stood_still_from <= down.down_until]
        went_on = [each for each in its if each.is_preserved]
        since = max([down.down_from, *(each.stood_still_from if each.is_preserved else each.until for each in its)])
        until = max(since, min([down.down_until, *(each.until for each in went_on)]))
        last = max([since, down.down_until, *(each.until for each in went_on)])
        doubt = down.doubt + (since - down.down_from) + (last - until)
        yield replace(down, down_from=since, down_until=until, doubt=doubt)


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
