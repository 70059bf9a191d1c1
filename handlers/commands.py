"""`/aurora …`: what was typed goes to the desk, and its answer into words."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, assert_never

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import Refused
from bot.domain.ids import UserId
from bot.messages import answers
from bot.messages.message import Message
from handlers.answering import Answering
from handlers.desk import Desk
from handlers.parse import (
    Cancel,
    Decline,
    Freeze,
    Help,
    HistoryOf,
    ListClusters,
    Propose,
    Request,
    Show,
    StatusOf,
    Unfreeze,
    parse,
)

Listener = Callable[..., Awaitable[None]]


def command_listener(desk: Desk, answering: Answering) -> Listener:
    async def on_command(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        async def ask() -> Message:
            return await reply(desk, UserId(body["user_id"]), parse(body.get("text") or ""))

        await answering.serve(ack, body, ask, changes=may_change(body.get("text") or ""))

    return on_command


def may_change(text: str) -> bool:
    """Whether the desk could change something for it; what cannot be understood does not get so far."""
    try:
        return isinstance(parse(text), Propose | Decline | Cancel | Freeze | Unfreeze)
    except Refused:
        return False


async def reply(desk: Desk, by: UserId, request: Request) -> Message:
    match request:
        case Help():
            return answers.help_()
        case ListClusters(page):
            return answers.clusters(await desk.clusters(page))
        case Show(cluster):
            return answers.cluster(await desk.show(cluster))
        case Propose(cluster, version, reason, budget):
            return answers.proposed(await desk.propose(by, cluster, version, reason, budget))
        case StatusOf(cluster):
            return answers.status(await desk.status(cluster), cluster, await desk.frosts())
        case HistoryOf(cluster):
            return answers.history(await desk.history(by, cluster), cluster)
        case Decline(cluster, reason):
            return answers.declined(await desk.decline_cluster(by, cluster, reason))
        case Cancel(cluster):
            return answers.cancelled(await desk.cancel_cluster(by, cluster))
        case Freeze(cluster, until, reason):
            return answers.frozen(await desk.freeze(by, cluster, until, reason))
        case Unfreeze(cluster):
            return answers.thawed(await desk.unfreeze(by, cluster))
        case _:
            assert_never(request)
