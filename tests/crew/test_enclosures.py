"""What comes with the report: the strip, and attempts from which anybody can compute the same bounds."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.slack import Slack, SlackThread
from bot.crew import enclosures as enclosing
from bot.crew.narrator import TROUBLE, Narrator
from bot.domain import moves
from bot.domain.attempts import Attempt, Outcome
from bot.domain.errors import Unavailable
from bot.domain.measurement import measure
from bot.domain.status import Status
from bot.domain.upgrade import Upgrade
from bot.domain.watched import Watched
from bot.measure.replaying import replay
from bot.messages.report_strip import report_strip
from bot.messages.strip import Strip
from sandbox.slack import File, SlackDouble
from tests.crew.house import OPS, SECOND, Clock, Lanes, Store
from tests.crew.test_narrator import Telling

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

PNG = b"\x89PNG\r\n\x1a\nand more"
TENTH = timedelta(seconds=0.1)


@dataclass
class Artist:
    trouble: Exception | None = None
    asked: list[Strip] = field(default_factory=list)

    async def png(self, strip: Strip) -> bytes:
        self.asked.append(strip)
        if self.trouble:
            raise self.trouble
        return PNG


@dataclass(frozen=True)
class Drawing(Telling):
    artist: Artist = field(default_factory=Artist)

    @property
    def narrator(self) -> Narrator:
        return Narrator(
            self.store, SlackThread(self.web, self.lanes), self.clock, artist=self.artist, watched=timedelta()
        )

    async def measured(self) -> Upgrade:
        """The writer hung and then refused, the reader's name did not resolve for a while; it is over."""
        upgrade = await self.order(await self.propose())
        began = self.clock.now()
        for endpoint, down, outcome in zip(
            upgrade.plan.endpoints, (range(200, 227), range(150, 200)), (Outcome.REFUSED, Outcome.DNS), strict=True
        ):
            tried = [
                Attempt(
                    start=began + each * TENTH,
                    end=began + each * TENTH + (5 * SECOND if each < 205 and each in down else SECOND / 50),
                    outcome=Outcome.OK if each not in down else Outcome.TIMEOUT if each in range(200, 205) else outcome,
                    **({"detail": "said, “so”"} if each in down else {"version": "18.4"}),
                )
                for each in range(-50, 420)
            ]
            await self.store.add_attempts(upgrade.id, endpoint.key, endpoint.region, tried[:300])
            await self.store.add_attempts(upgrade.id, endpoint.key, endpoint.region, tried[300:])
        self.clock.move(42 * SECOND)
        found = [
            measure(
                each.region, each.use, *(await self.store.attempts(upgrade.id, each.key)), upgrade.intent_at or began
            )
            for each in upgrade.plan.endpoints
        ]
        versions = {step.region: "18.6.1" for step in upgrade.plan.steps}
        over = moves.finish(upgrade, Status.SUCCEEDED, "", versions, tuple(found), self.clock.now())
        return await self.save(over)

    def file(self, name: str) -> File:
        (found,) = (each for each in self.slack.files(OPS) if each.name == name)
        return found

    def names(self) -> Sequence[str]:
        return [each.name for each in self.slack.files(OPS)]


@pytest.fixture
def drawing(clock: Clock, store: Store, double: SlackDouble, slack: Slack) -> Drawing:
    return Drawing(clock, store, double, Lanes(clock), slack)


async def test_the_strip_comes_first_with_words_for_those_who_do_not_see_it(drawing: Drawing) -> None:
    await drawing.to_the_end(await drawing.measured())
    assert drawing.names() == ["strip.png", "report.md", "report.json", "attempts.csv.gz"]
    assert drawing.file("strip.png").content == PNG
    assert "us-east-1 writer, new connections: down " in drawing.file("strip.png").alt_text
    assert drawing.thread()[-1] == "The report of `orders`, 18.4 to 18.6."


def bounds(told: dict[str, Any]) -> Any:
    """As the report has them: of all, of each outage, and where nobody looked."""
    outages = [(each["at_least"], each["at_most"], each["failed"]) for each in told["outages"]]
    return told["at_least"], told["at_most"], told["attempts"], outages, len(told["unobserved"])


def replayed(watched: Watched) -> Any:
    most = watched.bounds.at_most
    outages = [
        (each.at_least.total_seconds(), each.at_most and each.at_most.total_seconds(), each.failed)
        for each in watched.outages
    ]
    total = watched.bounds.at_least.total_seconds(), most and most.total_seconds()
    return *total, watched.attempts, outages, len(watched.missed)


async def test_the_attempts_prove_what_the_report_says(drawing: Drawing, tmp_path: Path) -> None:
    await drawing.to_the_end(await drawing.measured())
    recorded = tmp_path / "attempts.csv.gz"
    recorded.write_bytes(drawing.file("attempts.csv.gz").content)
    told = {
        f"{each['region']}/{each['endpoint']}": each
        for each in json.loads(drawing.file("report.json").content)["endpoints"]
    }
    found = {each.lane.endpoint: each for each in replay([recorded], None).watched}
    assert {name: replayed(each) for name, each in found.items()} == {name: bounds(each) for name, each in told.items()}
    assert [len(each["outages"]) for each in told.values()] == [1, 0]
    assert [len(each["unobserved"]) for each in told.values()] == [0, 1]
    assert len(gzip.decompress(recorded.read_bytes()).splitlines()) == 1 + 2 * 470


@pytest.mark.parametrize("trouble", [Unavailable("the strip", "timeout"), ValueError("no such colour")])
async def test_a_strip_that_cannot_be_drawn_keeps_nothing_from_being_told(drawing: Drawing, trouble: Exception) -> None:
    drawing.artist.trouble = trouble
    await drawing.to_the_end(await drawing.measured())
    assert drawing.names() == ["report.md", "report.json", "attempts.csv.gz"]
    said = "The report of `orders`, 18.4 to 18.6. The strip could not be drawn; the bot's log says why."
    assert drawing.thread()[-1] == said


async def test_nor_does_one_that_cannot_be_described(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosing, "report_strip", lambda _: report_strip(None))  # type: ignore[arg-type]
    await drawing.to_the_end(await drawing.measured())
    assert "The strip could not be drawn" in drawing.thread()[-1]
    assert drawing.artist.asked == []


async def test_attempts_that_cannot_be_read_keep_nothing_from_being_told(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = await drawing.measured()

    async def damaged(*_: object) -> None:
        raise Unavailable("Redis", "unreadable", "attempts")

    monkeypatch.setattr(drawing.store, "uses", damaged)
    await drawing.to_the_end(upgrade)
    assert drawing.names() == ["strip.png", "report.md", "report.json"]
    assert drawing.thread()[-1].endswith(" The attempts could not be read; the bot's log says why.")


async def test_a_store_that_does_not_answer_is_asked_again(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = await drawing.measured()

    async def away(*_: object) -> None:
        raise Unavailable("Redis", "ConnectionError")

    with monkeypatch.context() as patch:
        patch.setattr(drawing.store, "uses", away)
        assert await drawing.tell(upgrade) == TROUBLE
    assert drawing.names() == []
    await drawing.to_the_end(upgrade)
    assert len(drawing.names()) == 4


async def test_a_report_whose_answer_is_lost_is_not_told_twice(drawing: Drawing) -> None:
    drawing.slack.faults.lose_answer("files.completeUploadExternal")
    await drawing.to_the_end(await drawing.measured())
    assert len(drawing.names()) == 4


async def test_where_nobody_draws_that_is_said(drawing: Drawing) -> None:
    upgrade = await drawing.measured()
    nobody = Narrator(drawing.store, SlackThread(drawing.web, drawing.lanes), drawing.clock)
    await nobody.turn(upgrade.id)
    assert "The strip could not be drawn" in drawing.thread()[-1]
