"""Users, groups, channels, messages and files in the shape that the Web API gives them."""

from sandbox.slack.errors import Json
from sandbox.slack.message import File, Message
from sandbox.slack.workspace import Channel, User, UserGroup, Workspace
from sandbox.slack.world import APP_ID, BOT_ID, Upload


def user_shape(user: User, workspace: Workspace) -> Json:
    profile = {"display_name": user.name, "real_name": user.real_name, "team": user.team_id}
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "tz": user.tz,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.team_id != workspace.team_id,
    }


def group_shape(group: UserGroup, workspace: Workspace, *, with_users: bool) -> Json:
    shape: Json = {
        "id": group.id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "name": group.handle,
        "handle": group.handle,
        "date_delete": int(group.disabled),
        "user_count": len(group.members),
    }
    return shape | {"users": [*group.members]} if with_users else shape


def channel_shape(channel: Channel, workspace: Workspace) -> Json:
    direct = channel.id.startswith("D")
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not direct,
        "is_im": direct,
        "is_private": False,
        "is_archived": False,
        "is_member": workspace.bot_user in channel.members,
        "num_members": len(channel.members),
    }


def message_shape(message: Message, workspace: Workspace, *, metadata: bool = False) -> Json:
    shape: Json = {
        "type": "message",
        "user": message.author,
        "ts": message.ts,
        "text": message.text,
        "team": workspace.team_id,
    }
    if message.author == workspace.bot_user:
        shape |= {"bot_id": BOT_ID, "app_id": APP_ID}
    return shape | _what_there_is(message, metadata=metadata)


def _what_there_is(message: Message, *, metadata: bool) -> Json:
    shape: Json = {}
    if message.blocks:
        shape["blocks"] = [*message.blocks]
    if message.thread_ts:
        shape["thread_ts"] = message.thread_ts
    if message.edited:
        shape["edited"] = {"user": message.author, "ts": f"{message.edits[-1].timestamp():.6f}"}
    if message.files:
        shape["files"] = [file_shape(file) for file in message.files]
    if metadata and message.metadata:
        shape["metadata"] = message.metadata
    return shape


def thread_shape(replies: list[Message]) -> Json:
    """What the first message of a thread says about the others."""
    if not replies:
        return {}
    return {
        "thread_ts": replies[0].thread_ts,
        "reply_count": len(replies),
        "latest_reply": replies[-1].ts,
        "reply_users": sorted({reply.author for reply in replies}),
    }


def file_shape(file: File) -> Json:
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2],
        "size": len(file.content),
        "user": file.owner,
        "alt_txt": file.alt_text,
    }


def upload_shape(upload: Upload, file: File) -> Json:
    shares = {channel: [{"ts": ts} for ts in posts] for channel, posts in upload.shares.items()}
    return file_shape(file) | {"channels": [*shares], "shares": {"public": shares}}
