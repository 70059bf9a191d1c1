"""What decides whether somebody may decide, and whether an order may be given: policy, people, freezes."""

from typing import Protocol

from bot.domain.freezing import Freeze, Frost
from bot.domain.ids import UserId
from bot.domain.policy import Person, Policy


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
