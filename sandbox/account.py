"""What a rehearsal leaves to read: the truth from the servers beside what the bot measured, and what did not come as expected."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox import judging, judging_ways
from sandbox.aurora import Down, Fate, RdsEvent
from sandbox.scenarios import Scenario
from sandbox.slack import Message
from sandbox.slack.transcript import content_lines
from sandbox.world import Wish, World

TOLD_LATE = "(told late)"
STRIP = "strip.png"
Json = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """`told` is the bot's own report.json and `card` how its card ended, if they came; `troubles` what cut it all short."""

    world: World
    scenario: Scenario
    card: Message | None
    before: dict[str, str]
    after: dict[str, str]
    told: Json | None
    total_seconds: float
    troubles: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()

    @property
    def thread(self) -> list[Message]:
        return self.world.slack.replies(self.card.channel, self.card.ts) if self.card else []

    def measured(self) -> list[Json]:
        """Per endpoint, from the bot's report."""
        fields = ("region", "endpoint", "at_least", "at_most", "attempts", "failed", "outages", "unobserved")
        ways = ("held", "writes", "lag")
        return [
            {name: each[name] for name in fields} | {name: each.get(name) for name in ways}
            for each in (self.told["endpoints"] if self.told else ())
        ]

    def broken_expectations(self) -> tuple[str, ...]:
        """What did not come as the scenario has it, in sentences; empty when all held."""
        return (*self.broken_laws(), *self._words(), *self.lost(), *self.doubled())

    def broken_laws(self) -> tuple[str, ...]:
        """Without what was lost and doubled, and without how the voices mix: what a dead process has to say comes later."""
        return (*self.troubles, *self._outcome(), *self._untruths())

    def _outcome(self) -> Iterator[str]:
        if self.card is None:
            yield "no card was seen"
        elif self.scenario.ending not in self.card.text:
            yield f"the card does not say “{self.scenario.ending}”"
        if self.card and set(self.card.buttons) != set(self.scenario.buttons):
            yield f"the card shows the buttons {', '.join(self.card.buttons) or 'none'} in the end"
        if (orders := self.world.aurora.orders_accepted) != self.scenario.orders:
            yield f"{orders} orders were accepted, not {self.scenario.orders}"
        if (self.before != self.after) != self.scenario.changes_version:
            yield f"the servers went from {self.before} to {self.after}"
        if self.scenario.has_report != (self.told is not None):
            yield "report.json is missing" if self.told is None else "there is a report of an upgrade that never began"
        if self.world.slack.too_many_calls:
            yield f"Slack refused {self.world.slack.too_many_calls} calls as too many"

    def _words(self) -> Iterator[str]:
        rest = "\n".join(self.lines())
        for words in self.scenario.words:
            _, found, rest = rest.partition(words)
            if not found:
                yield f"the thread does not say “{words}” where it should"
                return

    def lost(self) -> tuple[str, ...]:
        return tuple(judging.lost(self._events(), self.lines()))

    def doubled(self) -> tuple[str, ...]:
        return tuple(judging.doubled(self._events(), self.lines(), self.told))

    def _events(self) -> Sequence[RdsEvent]:
        return self.world.aurora.rds_events()

    def told_late(self) -> int:
        return sum(TOLD_LATE in line for line in self.lines())

    def unwatched(self) -> float:
        """Seconds, of all endpoints, that nobody looked at, as the report has it."""
        stretches = (
            [each for endpoint in self.told["endpoints"] for each in endpoint["unobserved"]] if self.told else []
        )
        lasted = [
            datetime.fromisoformat(e["until"]) - datetime.fromisoformat(e["since"]) for e in stretches if e["until"]
        ]
        return sum(lasted, timedelta()).total_seconds()

    def _untruths(self) -> Iterator[str]:
        if self.told is not None:
            yield from judging.untruths(self.world.aurora.truth(), self.told)
            yield from judging_ways.untruths(self._ways(), self.told)

    def _ways(self) -> judging_ways.Truth:
        aurora, wish = self.world.aurora, self.world.wish
        return judging_ways.Truth(
            fates={region: aurora.befallen(region) for region in self.before},
            downs=aurora.truth(),
            unwritable=aurora.unwritable(),
            instances=aurora.instances() if wish.instances else (),
            writes=wish.writes,
            late=aurora.late,
        )

    def lines(self) -> list[str]:
        return [line for message in self.thread for line in content_lines(message, self.world.slack.workspace)]

    def _ended(self) -> str:
        said = self.card.text if self.card else "no card"
        return self.scenario.ending if self.scenario.ending in said else said.splitlines()[0]

    def record(self) -> Json:
        """Everything, as JSON knows it: what `--report` writes."""
        slack, aurora = self.world.slack, self.world.aurora
        return {
            "scenario": self.world.wish.scenario,
            "moods": self.moods,
            "outcome": self._ended(),
            "broken_expectations": self.broken_expectations(),
            "orders_accepted": aurora.orders_accepted,
            "versions": {"before": self.before, "after": self.after},
            "truth": [_truth(down) for down in aurora.truth()],
            "unwritable": [_truth(down) for down in aurora.unwritable()],
            "sessions": [_fate(each) for each in aurora.fates()],
            "measured": self.measured(),
            "rds_events": [_event(each) for each in aurora.rds_events()],
            "told_late": self.told_late(),
            "unwatched_s": self.unwatched(),
            "thread": [_said(message, slack.workspace) for message in self.thread],
            "timings": {
                "ready_s": round(self.world.ready_seconds, 3),
                "total_s": round(self.total_seconds, 3),
                "slowest_ack_ms": round(slack.slowest_ack_ms, 1),
            },
            "memory_mb": {name: round(mb, 1) for name, mb in self.world.bot.memory_mb().items()},
        }


def not_up(wish: Wish, trouble: str) -> Json:
    """The record of a rehearsal whose world did not come up."""
    return {
        "scenario": wish.scenario,
        "moods": (),
        "outcome": "never began",
        "broken_expectations": (trouble,),
        "orders_accepted": 0,
        "told_late": 0,
        "unwatched_s": 0.0,
        "versions": {"before": {}, "after": {}},
        **{name: [] for name in ("truth", "unwritable", "sessions", "measured", "rds_events", "thread")},
        "timings": {},
        "memory_mb": {},
    }


def _truth(down: Down) -> Json:
    return {
        "region": down.region,
        "endpoint": judging.use(down),
        "kind": down.kind,
        "down_from": down.down_from.isoformat(),
        "down_until": down.down_until.isoformat(),
        "seconds": round(down.seconds, 3),
        "doubt_s": round(down.doubt.total_seconds(), 3),
    }


def _fate(fate: Fate) -> Json:
    return {
        "pid": fate.pid,
        "user": fate.user,
        "application": fate.application,
        "stood_still_from": fate.stood_still_from.isoformat(),
        "until": fate.until.isoformat(),
        "dropped_because": fate.dropped_because,
        "answered_at": fate.answered_at and fate.answered_at.isoformat(),
    }


def _event(event: Any) -> Json:
    return {
        "at": event.date.isoformat(),
        "region": event.region,
        "source": event.source_identifier,
        "message": event.message,
    }


def _said(message: Message, workspace: Any) -> Json:
    author = workspace.users[message.author].real_name if message.author in workspace.users else message.author
    return {"at": message.at.isoformat(), "author": author, "text": "\n".join(content_lines(message, workspace))}


def report_of(messages: Sequence[Message]) -> Json | None:
    """The bot's `report.json`, from the files of a thread."""
    told = file_of(messages, "report.json")
    return json.loads(told) if told else None


def file_of(messages: Sequence[Message], name: str) -> bytes | None:
    """The last one with that name."""
    files = [file.content for message in messages for file in message.files if file.name == name]
    return files[-1] if files else None


def summary(record: Json) -> Iterator[str]:
    """The last words of a rehearsal: what was measured beside what was true, and what did not come as expected."""
    yield ""
    for measured in record["measured"]:
        here = [down["seconds"] for down in record["truth"] if down["region"] == measured["region"]]
        truth = f"{sum(here):.3f} s" if here else "never down"
        yield (
            f"{measured['region']:15} {measured['endpoint']:7} measured {_bounds(measured)}"
            f" in {measured['attempts']} attempts · in truth {truth}"
        )
        if measured.get("writes"):
            yield from _of_writes(measured["writes"], record["unwritable"])
    if sessions := record["sessions"]:
        yield f"sessions at the writer, in truth: {' · '.join(_fates(sessions))}"
    orders, versions = record["orders_accepted"], record["versions"]
    if versions["before"]:
        yield f"orders accepted: {orders} · versions {_listed(versions['before'])} before, {_listed(versions['after'])} after"
    yield from (f"NOT AS EXPECTED: {broken}" for broken in record["broken_expectations"])
    if "logs" in record:
        yield f"The logs of every process are in {record['logs']}"
    if not record["broken_expectations"]:
        under = f", under {' and '.join(record['moods'])}" if record["moods"] else ""
        yield f"Everything came as the scenario “{record['scenario']}” has it{under}."


def _of_writes(measured: Json, truth: Sequence[Json]) -> Iterator[str]:
    yield (
        f"writes: measured {_bounds(measured)} in {measured['attempts']} attempts"
        f" · in truth {sum(down['seconds'] for down in truth):.3f} s, and in doubt {sum(down['doubt_s'] for down in truth):.3f} s"
    )


def _bounds(measured: Json) -> str:
    least = measured["at_least"] or 0.0  # null when it never answered
    most = "open end" if measured["at_most"] is None else f"{measured['at_most']:.3f} s"
    return f"{least:.3f} to {most}"


def _fates(sessions: Sequence[Json]) -> Iterator[str]:
    """By application, what became of its sessions when the writer restarted: `shop 4 preserved`."""
    became = Counter(
        (each["application"], f"dropped ({why})" if (why := each["dropped_because"]) else "preserved")
        for each in sessions
    )
    yield from (f"{application} {times} {fate}" for (application, fate), times in sorted(became.items()))


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{region} {version}" for region, version in versions.items())
