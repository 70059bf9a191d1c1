"""The chain of a timeline: each entry with who wrote it and the hash of the entry before, so that none is changed unseen."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, Self

from pydantic import ValidationError

from bot.domain.base import Value
from bot.domain.ids import TeamId, UpgradeId, UserId
from bot.domain.timeline import ENTRY, Entry

BEGINNING: Final = ""  # what the first entry of a chain names as the hash before it


class Fault(Value):
    """What is wrong with the entry of that number; the first is 1."""

    number: int
    what: str


class Link(Value):
    """One entry as it is kept, its JSON to the byte. What is older than the chain has neither `who` nor `prev`.

    `who` is a person, `T…/U…`, where one acted, and otherwise the role of the process that wrote it.
    """

    who: str | None = None
    prev: str | None = None
    entry: str

    @property
    def hash(self) -> str:
        """SHA-256, which Redis's scripts do not have: it is made by whoever appends."""
        return hashlib.sha256(json.dumps([self.prev, self.who, self.entry]).encode()).hexdigest()

    @property
    def is_unchained(self) -> bool:
        return self.who is None or self.prev is None


class Chain(Value):
    """All that is kept of a timeline. `head` is the hash of its last link, kept beside it: a lost end is seen by it."""

    upgrade: UpgradeId
    links: tuple[Link, ...]
    head: str = BEGINNING

    def broken(self) -> Fault | None:
        """The first place where it is not whole."""
        head = BEGINNING
        for number, link in enumerate(self.links, 1):
            if link.is_unchained:
                if head != BEGINNING:
                    return Fault(number=number, what="it is outside the chain, though the entry before is in it")
            elif link.prev != head:
                if head == BEGINNING:
                    return Fault(number=number, what="it names the hash of an entry before it that is not there")
                return Fault(
                    number=number - 1, what="its hash is not the one that the next entry names: changed or misplaced"
                )
            else:
                head = link.hash
        if head != self.head:
            what = "its hash is not the head of the chain: it was changed, or what came after it is gone"
            return Fault(number=len(self.links), what=what)
        return None

    def lines(self) -> Iterator[str]:
        """JSON Lines: whose chain it is and its head, then each link."""
        yield _dumped({"upgrade": self.upgrade, "head": self.head})
        yield from (_dumped(link.model_dump() | {"entry": _shown(link.entry)}) for link in self.links)

    @classmethod
    def of_lines(cls, text: str) -> Self:
        """What `lines` made; ValueError when the first line is not of that kind. Any other bad one is a bad entry."""
        first, *rest = text.removesuffix("\n").split("\n")
        try:
            return cls.model_validate(json.loads(first) | {"links": tuple(map(_link, rest))})
        except (ValueError, TypeError, RecursionError):
            raise ValueError("its first line is not what `export` writes") from None


def written(entry: Entry) -> str:
    """The JSON of an entry, such that reading and writing it again gives the same bytes."""
    return _dumped(ENTRY.dump_python(entry, mode="json"))


def person(entry: Entry, team: TeamId) -> str | None:
    """Who acted, when it was a person of that team."""
    by: UserId | None = getattr(entry, "by", None)
    return f"{team}/{by}" if by else None


def seal(head: str, entries: Iterable[tuple[str, str]]) -> tuple[Link, ...]:
    """The links of these entries, each with who wrote it, after `head`."""
    links = list[Link]()
    for who, entry in entries:
        links.append(Link(who=who, prev=links[-1].hash if links else head, entry=entry))
    return tuple(links)


def _dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _shown(entry: str) -> Any:
    """As JSON where that gives back the same bytes, else as a text."""
    return parsed if (parsed := _parsed(entry)) is not None and _dumped(parsed) == entry else entry


def _link(line: str) -> Link:
    """A line that is not to the byte what `lines` makes is kept as an entry, which nobody can read."""
    fields = _parsed(line)
    if fields is None or _dumped(fields) != line:
        return Link(entry=line)
    try:
        entry = fields["entry"]
        return Link.model_validate(fields | {"entry": entry if isinstance(entry, str) else _dumped(entry)})
    except (ValidationError, KeyError):
        return Link(entry=line)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
