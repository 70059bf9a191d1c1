"""A Slack that real clients talk to: Web API, Socket Mode, signed HTTP, its limits and its people."""

from sandbox.slack.deeds import Click, Sent
from sandbox.slack.delivery import Ack
from sandbox.slack.double import SlackDouble
from sandbox.slack.message import Change, File, Message
from sandbox.slack.mrkdwn import mentions, pings
from sandbox.slack.people import NotOnScreenError, Person
from sandbox.slack.workspace import Channel, User, UserGroup, Workspace, default_workspace

__all__ = [
    "Ack",
    "Change",
    "Channel",
    "Click",
    "File",
    "Message",
    "NotOnScreenError",
    "Person",
    "Sent",
    "SlackDouble",
    "User",
    "UserGroup",
    "Workspace",
    "default_workspace",
    "mentions",
    "pings",
]
