"""views.*: kept, and a modal is in front of whoever's trigger opened it."""

from typing import Any

from sandbox.slack.args import Args
from sandbox.slack.blocks import VIEW_BLOCKS, check_blocks
from sandbox.slack.errors import Json, SlackError
from sandbox.slack.objects import PLAIN, Findings, check_text
from sandbox.slack.world import World

MOST_PRIVATE_METADATA = 3000


def open_view(world: World, args: Args) -> Json:
    view = _checked(args.parsed("view"), "modal")
    user = world.triggers.exchange(args.required("trigger_id"))
    answer = _stored(world, view)
    put_in_front(world, user, answer["view"])
    return answer


def put_in_front(world: World, user: str, view: Json | None) -> None:
    """None takes it away."""
    world.modals.pop(user, None)
    if view is not None:
        world.modals[user] = view
    world.board.bell.ring()


def updated(world: World, before: Json, view: Any) -> Json:
    """Another view in the place of one, as an acknowledgement may ask for it; it keeps the id."""
    world.views[before["id"]] = _checked(view, "modal") | {"id": before["id"], "hash": f"{world.now():.6f}"}
    return world.views[before["id"]]


def publish(world: World, args: Args) -> Json:
    user = world.workspace.user(args.required("user_id"))
    answer = _stored(world, _checked(args.parsed("view"), "home"))
    world.home_tabs[user.id] = answer["view"]
    return answer


def _stored(world: World, view: Json) -> Json:
    view_id = f"V0{len(world.views) + 1:06d}"
    world.views[view_id] = view | {"id": view_id, "hash": f"{world.now():.6f}"}
    return {"ok": True, "view": world.views[view_id]}


def _checked(view: Any, kind: str) -> Json:
    if not isinstance(view, dict) or view.get("type") != kind:
        raise SlackError("invalid_arguments", f"a {kind} view is required [json-pointer:/view/type]")
    found = Findings()
    if kind == "modal":
        check_text(found, view, "title", "/view", 24, PLAIN)
        _check_inputs(found, view)
    found.optional(view, "/view", {"callback_id": 255})
    if "private_metadata" in view:
        found.length(view["private_metadata"], "/view/private_metadata", MOST_PRIVATE_METADATA)
    if found.reasons:
        raise SlackError("invalid_arguments", *found.reasons)
    return view | {"blocks": _blocks(view.get("blocks"))}


def _check_inputs(found: Findings, view: Json) -> None:
    """What asks for something needs a button to submit it with."""
    for name in ("submit", "close"):
        if name in view:
            check_text(found, view, name, "/view", 24, PLAIN)
    blocks = view.get("blocks")
    asks = isinstance(blocks, list) and any(isinstance(each, dict) and each.get("type") == "input" for each in blocks)
    if asks and "submit" not in view:
        found.add("missing required field: submit", "/view")


def _blocks(blocks: Any) -> list[Json]:
    try:
        return check_blocks(blocks, VIEW_BLOCKS)
    except SlackError as error:
        raise SlackError("invalid_arguments", *error.reasons) from None
