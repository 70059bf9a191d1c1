"""files.*: announce, send, share."""

import mimetypes
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.slack.args import Args
from sandbox.slack.errors import Json, SlackError
from sandbox.slack.message import File
from sandbox.slack.shapes import file_shape, upload_shape
from sandbox.slack.world import Upload, World

LONGEST_ALT = 1000


def get_upload_url(world: World, args: Args) -> Json:
    file_id = f"F0{len(world.uploads) + 1:06d}"
    upload = Upload(file_id, args.required("filename"), args.number("length", 0), args.text("alt_txt"))
    if len(upload.alt_text) > LONGEST_ALT:
        raise SlackError("alt_txt_too_large")
    if not upload.length:
        raise SlackError("invalid_arguments", "missing required field: length")
    world.uploads[file_id] = upload
    return {"ok": True, "upload_url": world.url(f"upload/v1/{file_id}"), "file_id": file_id}


async def receive(world: World, request: web.Request) -> web.Response:
    """The upload URL: the bytes as they are, or one part of a form."""
    upload = world.uploads.get(request.match_info["file_id"])
    if upload is None or upload.shared is not None:
        return web.Response(status=404, text="file_not_found")
    content = await _sent(request)
    if len(content) != upload.length:
        return web.Response(status=400, text=f"expected {upload.length} bytes, got {len(content)}")
    upload.content = content
    return web.Response(text=f"OK - {len(content)}")


async def _sent(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    part = await (await request.multipart()).next()
    return bytes(await part.read()) if isinstance(part, BodyPartReader) else b""


def complete(world: World, args: Args) -> Json:
    """Shares the files as one message per channel; each upload can be completed once."""
    wanted = args.parsed("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments", "missing required field: files")
    channels = [world.workspace.joined(channel).id for channel in _channels(args)]
    thread_ts = world.thread(channels[0], args.optional("thread_ts")) if channels else None
    uploads = [_uploaded(world, one) for one in wanted]
    files = tuple(_finish(world, upload, one) for upload, one in zip(uploads, wanted, strict=True))
    for channel in channels:
        _share(world, channel, uploads, files, args.text("initial_comment"), thread_ts)
    return {"ok": True, "files": [file_shape(file) for file in files]}


def info(world: World, args: Args) -> Json:
    upload = world.uploads.get(args.required("file"))
    if upload is None or upload.shared is None:
        raise SlackError("file_not_found")
    return {"ok": True, "file": upload_shape(upload, upload.shared)}


def _channels(args: Args) -> list[str]:
    channels = (args.optional("channel_id") or args.text("channels")).split(",")
    wanted = [channel.strip() for channel in channels if channel.strip()]
    if len(wanted) > 1 and args.optional("thread_ts"):
        raise SlackError("invalid_arguments", "thread_ts needs exactly one channel")
    return wanted


def _uploaded(world: World, wanted: Any) -> Upload:
    upload = world.uploads.get(wanted.get("id", "")) if isinstance(wanted, dict) else None
    if upload is None or upload.content is None or upload.shared is not None:
        raise SlackError("file_not_found")
    return upload


def _finish(world: World, upload: Upload, wanted: Json) -> File:
    upload.shared = File(
        id=upload.id,
        name=upload.name,
        title=wanted.get("title") or upload.name,
        content=upload.content or b"",
        alt_text=upload.alt_text,
        mimetype=mimetypes.guess_type(upload.name)[0] or "application/octet-stream",
        owner=world.workspace.bot_user,
    )
    return upload.shared


def _share(
    world: World, channel: str, uploads: list[Upload], files: tuple[File, ...], comment: str, thread_ts: str | None
) -> None:
    message = world.board.post(channel, world.workspace.bot_user, text=comment, files=files, thread_ts=thread_ts)
    for upload in uploads:
        upload.shares.setdefault(channel, []).append(message.ts)
