"""Who and what there is: people, user groups, channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.slack.errors import SlackError

Thing = TypeVar("Thing")

TEAM = "T0SANDBOX"
BOT = "U0AURORA"


@dataclass(kw_only=True)
class User:
    id: str
    name: str
    real_name: str
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    team_id: str = TEAM
    tz: str = "Etc/UTC"


@dataclass(kw_only=True)
class UserGroup:
    id: str
    handle: str
    members: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass(kw_only=True)
class Channel:
    id: str
    name: str
    members: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class Workspace:
    """Change it at will between two calls, as an admin of the workspace would."""

    team_id: str = TEAM
    domain: str = "sandbox"
    bot_user: str = BOT
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)

    def user(self, user_id: str) -> User:
        return _known(self.users, user_id, "user_not_found")

    def group(self, group_id: str) -> UserGroup:
        return _known(self.groups, group_id, "no_such_subteam")

    def channel(self, channel_id: str) -> Channel:
        """A channel by its id; the id of a person opens the direct messages with them."""
        if channel_id in self.users and channel_id != self.bot_user:
            return self._direct_messages(channel_id)
        return _known(self.channels, channel_id, "channel_not_found")

    def _direct_messages(self, user_id: str) -> Channel:
        opened = Channel(id=f"D{user_id[1:]}", name=self.users[user_id].name, members={user_id, self.bot_user})
        return self.channels.setdefault(opened.id, opened)

    def joined(self, channel_id: str) -> Channel:
        """A channel the bot may post to."""
        channel = self.channel(channel_id)
        if self.bot_user not in channel.members:
            raise SlackError("not_in_channel")
        return channel


def _known(things: Mapping[str, Thing], wanted: str, otherwise: str) -> Thing:
    if (thing := things.get(wanted)) is None:
        raise SlackError(otherwise)
    return thing


def default_workspace() -> Workspace:
    users = {
        user.id: user
        for user in (
            User(id=BOT, name="aurora", real_name="Aurora", is_bot=True),
            User(id="U0AKI", name="aki", real_name="Aki", tz="Asia/Tokyo"),
            User(id="U0MINA", name="mina", real_name="Mina", tz="Asia/Tokyo"),
            User(id="U0REN", name="ren", real_name="Ren", tz="America/New_York"),
            User(id="U0SAM", name="sam", real_name="Sam", deleted=True),
            User(id="U0GUS", name="gus", real_name="Gus", is_restricted=True),
            User(id="U0OLA", name="ola", real_name="Ola", tz="Europe/Oslo"),
            User(id="U0BOTTO", name="botto", real_name="Botto", is_bot=True),
            User(id="U0STRANGER", name="stig", real_name="Stig", team_id="T0ELSEWHERE"),
        )
    }
    everybody = {user.id for user in users.values() if not user.deleted}
    dba = UserGroup(id="S0DBA", handle="dba", members=["U0MINA", "U0REN", "U0SAM", "U0GUS", "U0BOTTO"])
    channels = (
        Channel(id="C0DBOPS", name="db-ops", members=everybody),
        Channel(id="C0OTHER", name="random", members=everybody - {BOT, "U0STRANGER"}),
    )
    return Workspace(users=users, groups={dba.id: dba}, channels={channel.id: channel for channel in channels})
