"""What RDS says in its events: a text, what it means, and how to know it again. A text nobody knows is kept as it is.

The texts come from "Amazon RDS event categories and event messages for Aurora" (User Guide), from the Aurora page
about zero-downtime patching, and from a recorded upgrade. `DescribeEvents` gives no event number: the text is all.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

from bot.domain.base import Value
from bot.domain.ids import Region

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def _to_ms(at: datetime) -> datetime:
    return _EPOCH + (at - _EPOCH) // _MS * _MS


class RdsEvent(Value):
    """One event of `DescribeEvents`. `source` is "cluster", "instance", or RDS's own word for anything else.

    `at` is UTC, to the millisecond, as RDS gives it. `categories` are often empty: never choose by them.
    """

    arn: str
    source_identifier: str
    source: str
    region: Region
    at: Annotated[AwareDatetime, AfterValidator(_to_ms)]
    message: str
    categories: tuple[str, ...] = ()


class Meaning(StrEnum):
    """What a message says. Events are best effort and unordered: they tell, the API's state decides."""

    STARTED = "started"
    ZDP_TRY = "zdp_try"
    ZDP_DONE = "zdp_done"
    COMPLETE = "complete"
    UPGRADED = "upgraded"
    ALL_INSTANCES = "all_instances"
    SHUTDOWN = "shutdown"
    RESTARTED = "restarted"
    FAST_STARTUP = "fast_startup"
    PARAMETER = "parameter"
    CANNOT_UPGRADE = "cannot_upgrade"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"
    OTHER = "other"


_INSTANCE: Final = r"(?: instance '(?P<instance>[^']+)')?"
_TEXTS: Final[Mapping[Meaning, re.Pattern[str]]] = {
    meaning: re.compile(text)
    for meaning, text in {
        Meaning.STARTED: r"Database cluster engine (?:(?P<kind>\S+) )?version upgrade started\.",
        Meaning.ZDP_TRY: rf"Attempting to upgrade the database{_INSTANCE} with zero downtime\.?",
        Meaning.ZDP_DONE: rf"Attempt to upgrade the database{_INSTANCE} with zero downtime finished\."
        r"(?: The process took (?P<ms>\d+) ms, (?P<preserved>\d+) connections? preserved,"
        r" (?P<dropped>\d+) connections? dropped\.)?",
        Meaning.COMPLETE: r"Database cluster engine (?P<kind>\S+) version upgrade complete\."
        r" Previous version: (?P<old>[\d.]+)\. New version: (?P<new>[\d.]+?)\.?$",
        Meaning.UPGRADED: r"Database cluster engine (?:(?P<kind>minor|major) )?version has been upgraded\.?$"
        r"|Database cluster has been patched(?:: source version (?P<old>\S+) => (?P<new>\S+?))?\.?$",
        Meaning.ALL_INSTANCES: r"Database cluster engine version upgrade finished on all instances\.?$",
        Meaning.SHUTDOWN: r"DB instance shutdown\.?$",
        Meaning.RESTARTED: r"DB instance restarted\.?$",
        Meaning.FAST_STARTUP: r"Aurora fast startup completed in \[(?P<us>\d+)\] microseconds\.?$",
        Meaning.PARAMETER: r"(?:The parameter|Parameter) (?P<name>\S+) was set to a value incompatible with"
        r" replication\. It has been adjusted from (?P<from>\S+) to (?P<to>\S+?)\.?$",
        Meaning.CANNOT_UPGRADE: r"Database cluster is in a state that cannot be upgraded(?:: (?P<why>.+))?"
        r"|Unable to upgrade DB cluster (?P<cluster>\S+) because (?P<because>.+)",
        Meaning.CANCELLED: r"The (?P<kind>\S+) version upgrade for DB cluster (?P<cluster>\S+)"
        r" was cancell?ed because a failover occurred"
        r"(?:.*? is now running engine version (?P<version>[\d.]*\d))?",
        Meaning.ROLLED_BACK: r"The DB engine version upgrade failed\. The engine version upgrade rollback succeeded\.?",
    }.items()
}


@dataclass(frozen=True)
class Reading:
    """What a message means, and the facts it names, such as `ms`, `preserved` and `dropped` of a ZDP."""

    meaning: Meaning
    facts: Mapping[str, str] = field(default_factory=dict)


def read(message: str) -> Reading:
    """Understand a message, or call it OTHER. A message is never dropped for not being understood."""
    for meaning, text in _TEXTS.items():
        if found := text.match(message.strip()):
            return Reading(meaning, {name: said for name, said in found.groupdict().items() if said is not None})
    return Reading(Meaning.OTHER)


def meaning_of(message: str) -> Meaning:
    return read(message).meaning


def identities(events: Iterable[RdsEvent]) -> list[tuple[str, RdsEvent]]:
    """Give each event of one window its key, sorted by date; the same event has the same key in every window.

    RDS gives events no identity, so the key is made of ARN, date, message, and the ordinal among those that are equal
    in all three: a source does repeat a text within a minute, and should it do so within a millisecond, both survive.

    The limits: a window must be whole, every page of it, and an event that is shown on two of its pages (because others
    arrived in between) must be given once. An equal twin that arrives late takes the next ordinal; so nothing is lost.
    """
    seen: Counter[str] = Counter()
    keyed = []
    for event in sorted(events, key=lambda each: (each.at, each.arn, each.message)):
        key = _key(event)
        keyed.append((f"{key}-{seen[key]}", event))
        seen[key] += 1
    return keyed


def _key(event: RdsEvent) -> str:
    ms = (event.at - _EPOCH) // _MS
    digest = sha256(f"{event.arn}\0{event.message}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{ms}-{digest[:20]}"
