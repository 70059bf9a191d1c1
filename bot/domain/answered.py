"""What is answered to people, before it is put into words."""

from dataclasses import dataclass

from bot.domain.freezing import Freeze, Frost
from bot.domain.preflight import Facts, Maintenance, Unread
from bot.domain.timeline import Entry
from bot.domain.topology import GlobalCluster
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion


@dataclass(frozen=True)
class Listed:
    """A global cluster with what one may want to know of many. What is Unread names the code of the trouble alone."""

    cluster: GlobalCluster
    targets: tuple[EngineVersion, ...] | Unread
    maintenance: tuple[Maintenance, ...] | Unread


@dataclass(frozen=True)
class Catalogue:
    """A page of all global clusters, by name; `more` are on the pages after it."""

    listed: tuple[Listed, ...]
    page: int
    pages: int
    more: int


@dataclass(frozen=True)
class Shown:
    """A global cluster with what one may want to know before proposing. `targets_unread` says why targets are unknown."""

    cluster: GlobalCluster
    targets: tuple[EngineVersion, ...]
    targets_unread: str | None
    facts: Facts
    open_upgrade: Upgrade | None
    link: str | None  # to the card of the open upgrade
    trouble: str | None = None  # Slack's word for why that card could not be posted


@dataclass(frozen=True)
class Standing:
    """An upgrade as it stands, and where its card is. `trouble` is Slack's word for why it could not be posted.

    `waits` are the reasons why its order would wait now, though everybody approved it.
    """

    upgrade: Upgrade
    link: str | None
    trouble: str | None = None
    waits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pressed:
    """What a click means: the upgrade as it is now, and the version and the plan of the card that was clicked."""

    upgrade: Upgrade
    card: int
    digest: str


@dataclass(frozen=True)
class Chilled:
    """A freeze, and what it came instead of."""

    freeze: Freeze
    before: Frost | None


@dataclass(frozen=True)
class Thawed:
    """The freeze that was ended, and what freezes the same all the same."""

    ended: Frost
    still: Frost | None


@dataclass(frozen=True)
class Past:
    """An upgrade that is over, how its timeline ends (None when that cannot be read), and where its card is."""

    upgrade: Upgrade
    ending: Entry | None
    link: str | None
    trouble: str | None = None


@dataclass(frozen=True)
class History:
    """Past upgrades, newest first; `more` older ones are left out, `counted` says whether those are all."""

    past: tuple[Past, ...]
    more: int
    counted: bool
