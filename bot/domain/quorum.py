"""Who fills which slot: one person one slot, and as many slots as these people can fill, in whatever order they came."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from bot.domain.base import Value
from bot.domain.ids import UserId

Approver = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]+$")]  # a user (U…, W…) or a user group (S…)
Groups = Mapping[str, frozenset[UserId] | None]  # a group's members; None where Slack does not know the group
MOST: int = 10  # approvals that a rule may ask for


class Need(Value):
    """So many approvals of those: each is a slot, to be filled by a person of its own."""

    approvers: tuple[Approver, ...] = Field(min_length=1)
    approvals: int = Field(default=1, ge=1, le=MOST)

    def takes(self, user: UserId, groups: Groups) -> bool:
        """A group that is not known takes nobody."""
        return user in self.approvers or any(user in (groups.get(each) or ()) for each in self.approvers)


@dataclass(frozen=True)
class Seating:
    """Who sits in which slot. A person who has a seat may have to change it, but never loses it."""

    slots: Sequence[Need]
    groups: Groups
    holders: dict[int, UserId] = field(default_factory=dict)

    def seat(self, person: UserId, passed: set[int]) -> bool:
        """Find a seat, making others change theirs where that frees one: an augmenting path of a bipartite matching."""
        for number, slot in enumerate(self.slots):
            if number in passed or not slot.takes(person, self.groups):
                continue
            passed.add(number)
            if number not in self.holders or self.seat(self.holders[number], passed):
                self.holders[number] = person
                return True
        return False

    def open_to(self, free: int) -> tuple[str, ...]:
        """Those of whom any one more would fill this free slot, be it that others change their seats for it."""
        reached = [free]
        for number in reached:  # it grows meanwhile
            reached += [
                other
                for other, holder in self.holders.items()
                if other not in reached and self.slots[number].takes(holder, self.groups)
            ]
        return tuple(dict.fromkeys(each for number in sorted(reached) for each in self.slots[number].approvers))


def fill(
    needs: Iterable[Need], people: Iterable[UserId], groups: Groups
) -> tuple[tuple[UserId, ...], tuple[Need, ...]]:
    """Those who fill a slot, in the order they came, and what is still needed."""
    seating = Seating([each for each in needs for _ in range(each.approvals)], groups)
    counting = tuple(each for each in dict.fromkeys(people) if seating.seat(each, set()))
    free = [number for number in range(len(seating.slots)) if number not in seating.holders]
    missing = Counter(map(seating.open_to, free))
    return counting, tuple(Need(approvers=each, approvals=count) for each, count in missing.items())
