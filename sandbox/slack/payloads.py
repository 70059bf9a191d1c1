"""What Slack tells the app about a command, a click or an event."""

from collections.abc import Mapping
from uuid import uuid4

from sandbox.slack.errors import Json
from sandbox.slack.message import Message
from sandbox.slack.shapes import message_shape
from sandbox.slack.workspace import Channel, User, Workspace
from sandbox.slack.world import APP_ID

VERIFICATION_TOKEN = "legacy-token"


def command_payload(
    workspace: Workspace, user: User, channel: Channel, command: str, text: str, *, trigger_id: str, response_url: str
) -> Json:
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": user.team_id,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def click_payload(
    workspace: Workspace, user: User, message: Message, action: Json, *, trigger_id: str, response_url: str
) -> Json:
    channel = workspace.channel(message.channel)
    payload: Json = {
        "type": "block_actions",
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": APP_ID,
        "token": VERIFICATION_TOKEN,
        "container": _container(message),
        "trigger_id": trigger_id,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action],
    }
    return payload if message.ephemeral else payload | {"message": message_shape(message, workspace, metadata=True)}


def _container(message: Message) -> Json:
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral,
    }
    return container | {"thread_ts": message.thread_ts} if message.thread_ts else container


def action_of(block: Json, element: Json, at: str) -> Json:
    """What a click on the element carries."""
    kept = ("type", "action_id", "text", "value", "style")
    carried = {name: element[name] for name in kept if name in element}
    return carried | {"block_id": block["block_id"], "action_ts": at}


def submission_payload(
    workspace: Workspace, user: User, view: Json, typed: Mapping[str, str], *, trigger_id: str
) -> Json:
    """`typed` is what was typed into each input, by its `block_id`; nothing typed is None."""
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    values = {
        block["block_id"]: {
            block["element"]["action_id"]: {
                "type": block["element"]["type"],
                "value": typed.get(block["block_id"]) or None,
            }
        }
        for block in inputs
    }
    state = {"values": values}
    return {
        "type": "view_submission",
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": APP_ID,
        "token": VERIFICATION_TOKEN,
        "trigger_id": trigger_id,
        "view": view | {"team_id": workspace.team_id, "app_id": APP_ID, "state": state},
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def event_payload(workspace: Workspace, event: Json, at: float) -> Json:
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team_id,
        "api_app_id": APP_ID,
        "event": {"event_ts": f"{at:.6f}", **event},
        "type": "event_callback",
        "event_id": f"Ev{uuid4().hex[:10].upper()}",
        "event_time": int(at),
        "authorizations": [{"team_id": workspace.team_id, "user_id": workspace.bot_user, "is_bot": True}],
    }
