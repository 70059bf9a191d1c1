"""auth.*, users.*, usergroups.*, conversations.*, apps.*: what the bot can look up."""

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from sandbox.slack.args import Args
from sandbox.slack.errors import Json, SlackError
from sandbox.slack.message import Message
from sandbox.slack.shapes import channel_shape, group_shape, message_shape, thread_shape, user_shape
from sandbox.slack.world import APP_ID, BOT_ID, World

Item = TypeVar("Item")


def auth_test(world: World, _args: Args) -> Json:
    workspace = world.workspace
    return {
        "ok": True,
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.domain,
        "team_id": workspace.team_id,
        "user": workspace.user(workspace.bot_user).name,
        "user_id": workspace.bot_user,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def connections_open(world: World, _args: Args) -> Json:
    ticket = world.sockets.issue_ticket()
    return {"ok": True, "url": world.url(f"link/?ticket={ticket}&app_id={APP_ID}", scheme="ws")}


def users_info(world: World, args: Args) -> Json:
    return {"ok": True, "user": user_shape(world.workspace.user(args.required("user")), world.workspace)}


def users_list(world: World, args: Args) -> Json:
    users, more = _page([*world.workspace.users.values()], args, otherwise=1000)
    return {"ok": True, "members": [user_shape(user, world.workspace) for user in users], **more}


def groups_list(world: World, args: Args) -> Json:
    disabled, users = args.flag("include_disabled"), args.flag("include_users")
    groups = [group for group in world.workspace.groups.values() if disabled or not group.disabled]
    return {"ok": True, "usergroups": [group_shape(group, world.workspace, with_users=users) for group in groups]}


def group_members(world: World, args: Args) -> Json:
    group = world.workspace.group(args.required("usergroup"))
    if group.disabled and not args.flag("include_disabled"):
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": [*group.members]}


def conversation_info(world: World, args: Args) -> Json:
    return {"ok": True, "channel": channel_shape(world.workspace.channel(args.required("channel")), world.workspace)}


def history(world: World, args: Args) -> Json:
    """Newest first, without the replies."""
    channel = world.workspace.joined(args.required("channel"))
    messages = _between(world.board.history(channel.id), args)[::-1]
    return _messages(world, messages, args, otherwise=100)


def replies(world: World, args: Args) -> Json:
    """Oldest first, beginning with the thread's first message."""
    channel = world.workspace.joined(args.required("channel"))
    wanted = args.required("ts")
    asked = next((m for m in world.board.everything(channel.id) if m.ts == wanted), None)
    if asked is None:
        raise SlackError("thread_not_found")
    parent = world.board.find_public(channel.id, asked.thread_ts or asked.ts)
    found = _between(world.board.replies(channel.id, parent.ts), args)
    return _messages(world, [parent, *found], args, otherwise=1000)


def _messages(world: World, messages: Sequence[Message], args: Args, otherwise: int) -> Json:
    page, more = _page(messages, args, otherwise)
    metadata = args.flag("include_all_metadata")
    shapes = [_in_list(world, message, metadata=metadata) for message in page]
    return {"ok": True, "messages": shapes, "has_more": bool(more), **more}


def _in_list(world: World, message: Message, *, metadata: bool) -> Json:
    thread = [] if message.is_reply else world.board.replies(message.channel, message.ts)
    return message_shape(message, world.workspace, metadata=metadata) | thread_shape(thread)


def _between(messages: Sequence[Message], args: Args) -> list[Message]:
    oldest, latest = args.text("oldest") or "0", args.text("latest") or "9999999999"
    if args.flag("inclusive"):
        return [m for m in messages if float(oldest) <= float(m.ts) <= float(latest)]
    return [m for m in messages if float(oldest) < float(m.ts) < float(latest)]


def _page(items: Sequence[Item], args: Args, otherwise: int) -> tuple[Sequence[Item], dict[str, Any]]:
    """One page, and the cursor of the next when there is one."""
    start, limit = _start(args.text("cursor")), args.number("limit", otherwise) or otherwise
    rest = start + limit
    if rest >= len(items):
        return items[start:], {}
    return items[start:rest], {"response_metadata": {"next_cursor": base64.b64encode(b"next:%d" % rest).decode()}}


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor).removeprefix(b"next:"))
    except ValueError:
        raise SlackError("invalid_cursor") from None
