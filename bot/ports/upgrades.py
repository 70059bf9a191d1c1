"""The store of upgrades: their records, their timelines, how far they are told, and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import Attempt
from bot.domain.buttons import Button
from bot.domain.ids import START, Account, Position, UpgradeId
from bot.domain.timeline import Entry
from bot.domain.upgrade import Upgrade
from bot.domain.ways import Use


@dataclass(frozen=True)
class Told:
    """How far a thread has been told.

    `telling` is set before a message is posted and cleared after: found set, it says that a message may have got out.
    """

    card_ts: str | None = None
    permalink: str | None = None
    trouble: str | None = None  # Slack's word for why the card could not be posted
    link_asked_at: float = 0.0  # epoch seconds
    position: Position = START
    telling: str | None = None
    telling_since: float = 0.0  # epoch seconds
    card_digest: str | None = None
    card_edited_at: float = 0.0  # epoch seconds
    refused_since: float | None = None  # epoch seconds: since then Slack says no to every edit of the card
    reported: bool = False
    revision: int = field(default=0, compare=False)  # of the record; who saves has to have read the latest


@dataclass(frozen=True)
class Recorded:
    """An entry with its place in the timeline and when it was written down."""

    position: Position
    written_at: datetime
    entry: Entry


@dataclass(frozen=True)
class Claim:
    """Who measures an endpoint of an upgrade (`Endpoint.key`), as the store knows it: whoever took over last."""

    endpoint: str
    holder: str


class Upgrades(Protocol):
    """The store. Everything raises Unavailable when it cannot be reached; nothing is ever half-saved."""

    async def get(self, id: UpgradeId) -> Upgrade | None: ...

    async def open_for(self, account: Account, cluster: str) -> Upgrade | None:
        """The one upgrade of this global cluster that is not over."""
        ...

    async def latest(self, limit: int = 20, cluster: str | None = None) -> tuple[Upgrade, ...]:
        """Newest first, finished ones too; of one global cluster or of all. What cannot be read is left out."""
        ...

    async def unfinished(self) -> tuple[Upgrade, ...]:
        """Those that still need turns: not over, or over and not yet told to the end. What cannot be read is left out."""
        ...

    async def damaged(self) -> tuple[UpgradeId, ...]:
        """Those that still need turns and cannot be read."""
        ...

    async def create(self, upgrade: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        """Save the first revision; Conflict when this global cluster has an open upgrade."""
        ...

    async def save(self, upgrade: Upgrade, entries: Sequence[Entry]) -> Upgrade:
        """Replace the revision that was read, append the entries, keep the indices: one atomic step; else Conflict.

        An intent is saved only while nothing freezes its cluster, in the same step; else Frozen.
        """
        ...

    async def make_durable(self) -> bool:
        """Wait until what was saved outlives a power cut; False when the store cannot promise it."""
        ...

    async def append_once(self, id: UpgradeId, key: str, entry: Entry, claim: Claim | None = None) -> bool:
        """Append unless an entry with this key is there already; False then, and when the upgrade has finished.

        With a claim, Conflict when somebody else has taken it over: whoever was cut off tells nothing a second time.
        """
        ...

    async def timeline(
        self, id: UpgradeId, after: Position = START, *, readable_only: bool = False
    ) -> tuple[Recorded, ...]:
        """In order. An entry that cannot be read makes it Unavailable, or is left out when that is asked for."""
        ...

    async def news(self, id: UpgradeId, after: Position, within: timedelta) -> None:
        """Wait for the next entry after that one; no longer than `within`, which is a second at most."""
        ...

    async def last(self, id: UpgradeId) -> Entry | None:
        """The last entry of its timeline: of an upgrade that is over, how it ended."""
        ...

    async def told(self, id: UpgradeId) -> Told: ...

    async def set_told(self, id: UpgradeId, told: Told) -> Told:
        """Save it, and give it as saved. Conflict when another narrator has saved since it was read."""
        ...

    async def keep_buttons(self, buttons: Mapping[str, Button]) -> None:
        """Remember what the buttons of a card mean, by token, as long as the retention says."""
        ...

    async def button(self, token: str) -> Button | None:
        """What a button with this token means; None when no card had one, or its retention is over."""
        ...

    async def close(self, id: UpgradeId) -> None:
        """Told to the end: no more turns. The record is kept as long as the retention says."""
        ...

    async def add_attempts(
        self,
        id: UpgradeId,
        endpoint: str,
        vantage: str,
        attempts: Sequence[Attempt],
        others: Sequence[Use] = (),
        claim: Claim | None = None,
    ) -> None:
        """New connections, and what came of the other ways meanwhile, in one step.

        From whoever does not hold the `claim` any more a standstill of its own is left out: another looked meanwhile.
        """
        ...

    async def forget_attempts(self, upgrade: Upgrade, endpoint: str, older_than: timedelta) -> None:
        """Drop what was written down longer ago than that; nothing, when this is not its revision any more."""
        ...

    async def attempts(self, id: UpgradeId, endpoint: str) -> tuple[tuple[str, ...], tuple[Attempt, ...]]:
        """The vantage points, in order of first use, and every new connection that is kept, in order of its start."""
        ...

    async def uses(self, id: UpgradeId, endpoint: str) -> tuple[tuple[str, ...], tuple[Use, ...]]:
        """As `attempts`, but of every way."""
        ...
