"""Slack's directory: who somebody is, and who belongs to a user group."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from bot.adapters.slack import Slack, answered
from bot.domain.errors import Unavailable
from bot.domain.ids import TeamId, UserId
from bot.domain.policy import Person

_NO_PERSON: Final = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
_NO_GROUP: Final = frozenset({"no_such_subteam", "subteam_not_found"})
GROUP_AGE = timedelta(seconds=60)


@dataclass
class SlackPeople:
    """Plays ports.People for the members of `home`, a workspace or a whole Enterprise Grid."""

    slack: Slack
    home: TeamId
    now: Callable[[], float] = time.monotonic  # seconds
    _groups: dict[str, tuple[float, frozenset[UserId] | None]] = field(default_factory=dict)

    async def person(self, id: UserId) -> Person | None:
        try:
            user = (await answered(self.slack.calm.users_info(user=id)))["user"]
        except Unavailable as trouble:
            if trouble.code in _NO_PERSON:
                return None
            raise
        return _person(user, self.home)

    async def members(self, group: str) -> frozenset[UserId] | None:
        read_at, members = self._groups.get(group, (float("-inf"), None))
        if self.now() - read_at >= GROUP_AGE.total_seconds():
            read_at, members = self.now(), await self._members(group)
            self._groups[group] = read_at, members
        return members

    async def _members(self, group: str) -> frozenset[UserId] | None:
        try:
            listed = await answered(self.slack.calm.usergroups_users_list(usergroup=group))
        except Unavailable as trouble:
            if trouble.code in _NO_GROUP:
                return None
            raise
        return frozenset(map(UserId, listed["users"]))


def _person(user: Mapping[str, Any], home: TeamId) -> Person:
    """On a Grid `team_id` may name another workspace of the same member, and `home` may be the Grid itself."""
    grid = user.get("enterprise_user") or {}
    at_home = home in (grid.get("enterprise_id"), *(grid.get("teams") or ()))
    return Person(
        id=UserId(user["id"]),
        team=home if at_home else TeamId(user.get("team_id") or ""),
        name=(user.get("profile") or {}).get("display_name") or user.get("real_name") or user.get("name") or user["id"],
        is_bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
        is_guest=any(user.get(sign) for sign in ("is_restricted", "is_ultra_restricted", "is_stranger")),
        is_deactivated=bool(user.get("deleted")),
        zone=user.get("tz") or None,
    )
