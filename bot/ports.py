"""What the bot needs of the world, by role. Adapters play these roles; nothing else knows who does."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import Attempt
from bot.domain.buttons import Button
from bot.domain.freezing import Freeze, Frost
from bot.domain.ids import START, Account, ChannelId, Position, Region, UpgradeId, UserId
from bot.domain.plan import Plan
from bot.domain.policy import Person, Policy
from bot.domain.preflight import Facts, Maintenance, Unread
from bot.domain.rds_events import RdsEvent
from bot.domain.targets import UpgradeTarget
from bot.domain.timeline import Entry
from bot.domain.topology import Endpoint, GlobalCluster
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion
from bot.domain.ways import Lane, Use
from bot.domain.zero_downtime import Looked
from bot.messages.message import File, Message
from bot.messages.strip import Strip


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...


@dataclass(frozen=True)
class Accepted:
    """AWS took the order."""


@dataclass(frozen=True)
class Rejected:
    """AWS answered no, in its own code and words: nothing was started."""

    code: str
    message: str


@dataclass(frozen=True)
class NoAnswer:
    """The call ended without an answer; it may or may not have been taken."""

    why: str


OrderAnswer = Accepted | Rejected | NoAnswer


class Aurora(Protocol):
    """The RDS API. Everything raises Unavailable with AWS's error code when AWS does not answer, throttles or denies."""

    async def names(self) -> tuple[str, ...]:
        """The identifiers of all global clusters of the account, in order, whatever their Regions show."""
        ...

    async def global_clusters(self, names: Collection[str] | None = None) -> tuple[GlobalCluster, ...]:
        """All of the account, or those, with members and instances, by identifier.

        To look at, not to plan with: a member whose Region cannot be read is there and says so (`unread`).
        """
        ...

    async def global_cluster(self, identifier: str, *, fresh: bool = False) -> GlobalCluster | None:
        """One, at most a few seconds old, or as it is right now; None when none has that name (not case-sensitive).

        Whole or not at all: Unavailable when the Region of any member cannot be read.
        """
        ...

    async def offers(self, cluster: GlobalCluster) -> Mapping[Region, Sequence[UpgradeTarget]]:
        """Per member Region, what RDS offers from that member's version."""
        ...

    async def maintenance(self, cluster: GlobalCluster) -> tuple[Maintenance, ...]:
        """Pending actions of its clusters and instances."""
        ...

    async def facts(self, cluster: GlobalCluster) -> Facts:
        """What preflight looks at. A fact that cannot be read is Unread; this never raises Unavailable."""
        ...

    async def events(self, region: Region, since: datetime, until: datetime) -> tuple[RdsEvent, ...]:
        """Every RDS event of the Region in that window: all sources, all pages, by date."""
        ...

    async def order(self, plan: Plan) -> OrderAnswer:
        """ModifyGlobalCluster, once, from the writer's Region: one attempt, no retry of any kind. Never raises."""
        ...


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


class Hearing(Protocol):
    """What has been heard of RDS events."""

    async def heard_until(self, account: Account, regions: Sequence[Region]) -> datetime | None:
        """Up to when all these Regions have been asked; None while one never was, or when nobody knows."""
        ...


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


class Freezes(Protocol):
    """Freezes, of one cluster (in lower case) or of all (None). Unavailable when the store cannot be reached."""

    async def frosts(self) -> tuple[Frost, ...]:
        """All that were not ended, those whose time is over among them."""
        ...

    async def freeze(self, freeze: Freeze) -> Frost | None:
        """Instead of what froze the same until now, which is given back."""
        ...

    async def unfreeze(self, cluster: str | None) -> Frost | None:
        """What it ended, if there was anything."""
        ...


class Cache(Protocol):
    """Short-lived shared knowledge, so that calls to AWS depend on Regions and not on upgrades."""

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, value: str, keep: timedelta) -> None: ...


class Lanes(Protocol):
    """Whoever sends into a lane keeps its distance from all the others, in every process."""

    async def reserve(self, lane: str, every: timedelta, at_most: timedelta, /) -> timedelta:
        """Take the lane's next place, `every` after the one before, and give how long it is until then.

        When that is longer than `at_most` no place is taken, so that those who go away hold nobody up.
        """
        ...

    async def suspend(self, lane: str, wait: timedelta, /) -> None:
        """No place before `wait` is over."""
        ...


class Policies(Protocol):
    def policy(self) -> Policy:
        """The policy in force, read anew; Refused with the reason when it cannot be read."""
        ...


class People(Protocol):
    """Slack's directory. Unavailable when Slack does not answer."""

    async def person(self, id: UserId) -> Person | None: ...

    async def members(self, group: str) -> frozenset[UserId] | None:
        """The members of a user group, at most a minute old; None when Slack knows no such group."""
        ...


class Busy(Exception):
    """The lane of this channel is suspended for `wait`."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait.total_seconds():.1f} s")
        self.wait = wait


Timely = Callable[[], bool]


def at_any_time() -> bool:
    return True


class Thread(Protocol):
    """Where an upgrade is told. Raises Busy when a lane has to wait, Unavailable when Slack does not take it.

    `timely` is asked right before something is sent: whoever stood still for so long that others may have sent it by now
    does not send it any more, which is Busy too.
    """

    async def clear(self, channel: ChannelId) -> None:
        """Wait until a message would be sent at once, so that it can hold all that is new by then."""
        ...

    async def post(
        self, channel: ChannelId, message: Message, *, key: str, thread: str | None = None, timely: Timely = at_any_time
    ) -> str:
        """A new message, never sent twice by us; `key` marks it so that `find` can. Gives its `ts`."""
        ...

    async def find(self, channel: ChannelId, key: str, *, thread: str | None, since: datetime) -> str | None:
        """The `ts` of our message with that mark; None when there is none, or when the scope to look is not granted."""
        ...

    async def edit(self, channel: ChannelId, ts: str, message: Message) -> None: ...

    async def upload(
        self,
        channel: ChannelId,
        thread: str,
        files: Sequence[File],
        comment: Message,
        *,
        timely: Timely = at_any_time,
    ) -> None:
        """Files, in this order, into the thread as one message under one comment."""
        ...

    async def permalink(self, channel: ChannelId, ts: str) -> str | None: ...


class Artist(Protocol):
    async def png(self, strip: Strip) -> bytes:
        """The picture; Unavailable when it cannot be drawn, or not in time."""
        ...


class Probe(Protocol):
    async def attempt(self, endpoint: Endpoint, deadline: timedelta) -> Attempt:
        """A new connection and one query. Never raises."""
        ...


class Knock(Protocol):
    async def attempt(self, due: datetime, deadline: timedelta) -> Attempt:
        """At a door of this process's own. It starts when it was due. Never raises."""
        ...


class Using(Protocol):
    """One lane of one endpoint, with what it holds for that."""

    async def use(self, deadline: timedelta) -> Use:
        """Never raises."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Ways(Protocol):
    def using(self, endpoint: Endpoint, lane: Lane, sessions: int) -> Using:
        """`sessions`: how many the lane has had before."""
        ...


class Foresight(Protocol):
    async def look(self, writer: Endpoint, version: EngineVersion, within: timedelta) -> Looked | Unread:
        """What stands in the way of zero downtime just now, or why nobody can say. Never raises."""
        ...


@dataclass(frozen=True)
class Leftover:
    """Attempts, and `others` in other ways, that a prober which is no more could not store; `is_old`: long ago."""

    upgrade: UpgradeId
    endpoint: str
    vantage: str
    attempts: tuple[Attempt, ...]
    is_old: bool
    throw_away: Callable[[], None]
    others: tuple[Use, ...] = ()


class Spill(Protocol):
    """Keeps attempts beside the store, on this machine, until that takes them. Never raises; it may block for a moment."""

    def keep(
        self, upgrade: UpgradeId, endpoint: str, vantage: str, attempts: Sequence[Attempt], others: Sequence[Use] = ()
    ) -> None:
        """These too. An endpoint is `Endpoint.key`."""
        ...

    def drop(self, upgrade: UpgradeId, endpoint: str) -> None:
        """All that was kept of it is stored."""
        ...

    def release(self, upgrade: UpgradeId, endpoint: str) -> None:
        """All that was kept of it is left to others."""
        ...

    def left_behind(self) -> Iterator[Leftover]:
        """What nobody who lives has kept."""
        ...


class Crew(Protocol):
    """Those who carry upgrades, turn by turn."""

    async def set_going(self, upgrade: Upgrade) -> None:
        """See to it that every turn this upgrade needs is scheduled. Doing it twice changes nothing."""
        ...

    async def wake(self, id: UpgradeId) -> None:
        """Take its next turns now."""
        ...
