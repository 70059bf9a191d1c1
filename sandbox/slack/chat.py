"""chat.*: what the bot writes."""

from typing import Any, Final

from sandbox.slack.args import Args
from sandbox.slack.blocks import check_blocks
from sandbox.slack.errors import Json, SlackError
from sandbox.slack.message import Message
from sandbox.slack.shapes import message_shape
from sandbox.slack.world import World

MOST_TEXT: Final = 40_000
MOST_UPDATED_TEXT: Final = 4_000
MOST_METADATA_BYTES: Final = 8_000


def post_message(world: World, args: Args) -> Json:
    channel = world.workspace.joined(args.required("channel"))
    if world.limits:
        world.limits.posting(channel.id)
    content = written(args)
    thread_ts = world.thread(channel.id, args.optional("thread_ts"))
    broadcast = thread_ts is not None and args.flag("reply_broadcast")
    message = world.board.post(
        channel.id, world.workspace.bot_user, thread_ts=thread_ts, broadcast=broadcast, **content
    )
    return _answer(message) | {"message": message_shape(message, world.workspace, metadata=True)}


def update(world: World, args: Args) -> Json:
    channel = world.workspace.channel(args.required("channel"))
    if world.limits:
        world.limits.updating()
    message = world.board.find_public(channel.id, args.required("ts"))
    if message.author != world.workspace.bot_user:
        raise SlackError("cant_update_message")
    if len(args.text("text")) > MOST_UPDATED_TEXT:
        raise SlackError("msg_too_long")
    edited = world.board.edit(message, **rewritten(args, message))
    shape = message_shape(edited, world.workspace, metadata=True)
    return _answer(edited) | {"text": edited.text, "message": shape}


def post_ephemeral(world: World, args: Args) -> Json:
    channel = world.workspace.joined(args.required("channel"))
    reader = args.required("user")
    if reader not in channel.members:
        raise SlackError("user_not_in_channel")
    content = written(args)
    thread_ts = world.thread(channel.id, args.optional("thread_ts"))
    message = world.board.post(channel.id, world.workspace.bot_user, visible_to=reader, thread_ts=thread_ts, **content)
    return {"ok": True, "message_ts": message.ts}


def get_permalink(world: World, args: Args) -> Json:
    channel = world.workspace.channel(args.required("channel"))
    message = world.board.find_public(channel.id, args.required("message_ts"))
    link = f"https://{world.workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def written(args: Args) -> dict[str, Any]:
    """The content of a new message: it needs a text or blocks."""
    text, blocks = args.text("text") or args.text("markdown_text"), _blocks(args)
    if not text and not blocks:
        raise SlackError("no_text")
    return {"text": text[:MOST_TEXT], "blocks": blocks or [], "metadata": _metadata(args)}


def rewritten(args: Args, message: Message) -> dict[str, Any]:
    """What changes: blocks and metadata that are not given stay; an empty list or object removes them."""
    text, blocks, metadata = args.text("text"), _blocks(args), _metadata(args)
    if not text and blocks is None and metadata is None:
        raise SlackError("no_text")
    return {
        "text": text or ("" if blocks else message.text),
        "blocks": message.blocks if blocks is None else blocks,
        "metadata": message.metadata if metadata is None else metadata,
    }


def _blocks(args: Args) -> list[Json] | None:
    blocks = args.parsed("blocks", wrong="invalid_blocks_format")
    return None if blocks is None else check_blocks(blocks)


def _metadata(args: Args) -> Json | None:
    metadata = args.parsed("metadata", wrong="invalid_metadata_format")
    if metadata is None:
        return None
    if metadata == {}:
        return {}
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
        raise SlackError("invalid_metadata_format")
    if len(str(metadata)) > MOST_METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata


def _answer(message: Message) -> Json:
    return {"ok": True, "channel": message.channel, "ts": message.ts}
