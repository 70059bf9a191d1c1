"""Accounts of rehearsals that never were, to try their judge on.

The judge only reads: what the servers' truth and RDS's words are, what hangs in the thread, and the bot's report. So the
world is a stand-in that holds no more than that, and each test can make exactly the lie it is about.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from sandbox.account import Account
from sandbox.aurora import Down, Fate, RdsEvent
from sandbox.scenarios import SCENARIOS
from sandbox.slack import Message
from sandbox.slack.workspace import Workspace
from sandbox.world import Wish, World

START = datetime(2026, 4, 11, 10, 0, 0, tzinfo=UTC)
ORDERED = 1.0
ENDED = 90.0
WRITER, READER = ("us-east-1", "writer"), ("ap-northeast-1", "reader")
HAPPY = replace(SCENARIOS["happy"], words=("Done",))
CARD = "Upgrade `orders` from 18.4 to 18.6 · succeeded"
BEFORE, AFTER = {"us-east-1": "18.4"}, {"us-east-1": "18.6"}
Json = dict[str, Any]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stamp(seconds: float | None) -> str | None:
    return None if seconds is None else at(seconds).isoformat()


def down(since: float, until: float, where: tuple[str, str] = WRITER, doubt: float = 0) -> Down:
    return Down(where[0], "127.0.0.1:5432", at(since), at(until), timedelta(seconds=doubt))


def outage(last_ok: float | None, ended_by: float | None, at_least: float = 0, **other: Any) -> Json:
    """Proven down from half a second after its last success to half a second before the next, where that leaves any time."""
    first = last_ok or 0
    last = first + 1 if ended_by is None else ended_by
    told = {
        "last_ok_at": stamp(last_ok),
        "began_by": stamp(min(first + 0.5, last)),
        "ended_after": stamp(max(last - 0.5, first)),
        "ended_by": stamp(ended_by),
        "at_least": at_least,
        "at_most": None if ended_by is None or last_ok is None else ended_by - last_ok,
    }
    return told | other


def endpoint(*outages: Json, where: tuple[str, str] = WRITER, **other: Any) -> Json:
    """As honest as the bot is: the bounds are the sums of those of its outages."""
    most = [each["at_most"] for each in outages]
    told = {
        "region": where[0],
        "endpoint": where[1],
        "at_least": sum(each["at_least"] for each in outages),
        "at_most": None if None in most else sum(most),
        "resolution": None,
        "outages": outages,
        "unobserved": (),
    }
    return told | other


def fate(since: float, until: float, why: str = "", pid: int = 11, **other: Any) -> Fate:
    return Fate(pid, "aurora_probe", "aurora-upgrade-bot", at(since), at(until), why, **other)


def session(pid: int = 11, since: float = 0, last_ok: float = ENDED, **other: Any) -> Json:
    """One that survived and never stood still."""
    told = {
        "served_by": [str(pid)],
        "fate": "survived",
        "since": stamp(since),
        "last_ok_at": stamp(last_ok),
        "dropped_by": None,
        "stood_still_at_least": None,
        "stood_still_at_most": None,
        "stood_still_since": None,
        "stood_still_until": None,
    }
    return told | other


def dropped(last_ok: float, by: float, **other: Any) -> Json:
    return session(last_ok=last_ok, fate="dropped", dropped_by=stamp(by), **other)


def stood(since: float, until: float, at_least: float = 0, **other: Any) -> Json:
    told = {
        "stood_still_at_least": at_least,
        "stood_still_at_most": until - since,
        "stood_still_since": stamp(since),
        "stood_still_until": stamp(until),
    }
    return session(**told | other)


def claim(preserved: int = 0, dropped: int = 0, *why: str) -> Json:
    return {
        "region": WRITER[0],
        "preserved": preserved,
        "dropped": dropped,
        "agreement": "disagrees" if why else "agrees",
        "why": why,
    }


def unobserved(since: float, until: float | None) -> Json:
    return {"since": stamp(since), "until": stamp(until)}


def report(*endpoints: Json, finished: float = ENDED, claims: Sequence[Json] = ()) -> Json:
    return {
        "ordered_at": stamp(ORDERED),
        "finished_at": stamp(finished),
        "endpoints": endpoints,
        "zero_downtime": claims,
    }


def event(seconds: float, message: str, region: str = "us-east-1") -> RdsEvent:
    return RdsEvent(region, "db-instance", "orders-1", "arn:aws:rds", message, (), at(seconds))


def said(*lines: str) -> Message:
    """Lines that share a reply, as those of the ticker do."""
    return Message(channel="C1", ts=f"{START.timestamp():.6f}", author="U1", text="\n".join(lines), thread_ts="1.0")


ALL_WELL = report()


def account(
    truth: Sequence[Down] = (),
    told: Json | None = ALL_WELL,
    thread: Sequence[Message] = (),
    events: Sequence[RdsEvent] = (),
    **other: Any,
) -> Account:
    """One in which all is as it should be, but for what is given.

    `orders` and `refused_calls` are the world's, and so are `fates`, of the writer's sessions, `unwritable`, `instances` and `late`.
    """
    fates, unwritable, instances, late = (other.pop(each, ()) for each in ("fates", "unwritable", "instances", "late"))
    aurora = SimpleNamespace(
        truth=lambda: list(truth),
        befallen=lambda region: list(fates) if region == WRITER[0] else [],
        unwritable=lambda: list(unwritable),
        instances=lambda: list(instances),
        late=list(late),
        rds_events=lambda: list(events),
        orders_accepted=other.pop("orders", 1),
    )
    wish = Wish(writes=bool(unwritable), instances=bool(instances))
    slack = SimpleNamespace(
        replies=lambda *_: [*thread, said("Done in 40 s.")],
        workspace=Workspace(),
        too_many_calls=other.pop("refused_calls", 0),
    )
    given: Json = {
        "scenario": HAPPY,
        "card": card(),
        "before": BEFORE,
        "after": AFTER,
        "told": told,
        "total_seconds": 40.0,
    }
    world = SimpleNamespace(aurora=aurora, slack=slack, wish=wish)
    return Account(world=cast("World", world), **given | other)


def card(text: str = CARD, *buttons: str) -> Message:
    elements = [{"type": "button", "action_id": each} for each in buttons]
    blocks = [{"type": "actions", "elements": elements}] if buttons else []
    return Message(channel="C1", ts="1.0", author="U1", text=text, blocks=blocks)
