"""The sparkline on the card: a sign for each piece of time, from the order until the end, and the same in words."""

from bot.domain.attempts import Outcome
from bot.domain.status import Status
from bot.domain.story import Story, tell
from bot.domain.timeline import (
    CameBack,
    CannotMeasure,
    Entry,
    Finished,
    Intended,
    LookedAway,
    Ordered,
    Reached,
    WentDown,
)
from bot.messages.card import card
from bot.messages.sparkline import MOST_CELLS, in_words, sparklines
from tests.domain.making import AP, MINA, NOON, SECOND, US, outage, plan, proposed, rds_said, unwatched

ORDER = NOON + 120 * SECOND
WRITER = {"region": US, "use": "writer"}
READER = {"region": AP, "use": "reader"}


def story(*entries: Entry) -> Story:
    before: list[Entry] = [
        Reached(at=NOON, vantage=US, version="18.4", **WRITER),
        Intended(at=ORDER, digest=plan().digest, approved_by=(MINA,)),
        Ordered(at=ORDER),
    ]
    return tell((proposed(), *before, *entries))


def heard(at: float) -> Entry:
    return rds_said("something", ORDER + at * SECOND)


def spark(told: Story) -> list[str]:
    return [line.split()[0].strip("`") for line in sparklines(told).splitlines()[:-1]]


def test_only_after_the_order_and_until_the_end() -> None:
    assert sparklines(tell((proposed(), Reached(at=NOON, vantage=US, version="18.4", **WRITER)))) == ""
    assert sparklines(story(heard(10)))
    over = Finished(at=ORDER + 60 * SECOND, outcome=Status.SUCCEEDED, why="", versions={}, measured=())
    assert sparklines(story(heard(10), over)) == in_words(story(heard(10), over)) == ""


def test_a_second_of_downtime_is_seen_among_minutes() -> None:
    back = outage(150, 151)  # seconds after noon
    down = WentDown(at=back.first_failure_at, outcome=Outcome.REFUSED, **WRITER)
    told = story(down, CameBack(at=NOON + 152 * SECOND, outage=back, **WRITER), heard(300))
    assert spark(told) == ["▁▄█" + "▁" * 17], "the last success before it was in the piece before"
    assert sparklines(told).splitlines() == [
        f"`▁▄█{'▁' * 17}` us-east-1 writer",
        "▁ up  ▄ perhaps down  █ down  ░ not watched, each 15 s, from the order to <!date^1775909220^{time_secs}|2026-04-11 12:07:00 UTC>",
    ]
    assert in_words(told) == "In 20 times 15 s since the order: us-east-1 writer down in 1, perhaps down in 1"


def test_what_only_the_upper_bound_says_is_perhaps_down_and_what_nobody_watched_is_not_down() -> None:
    """Refused for a second; then nobody looked for three, and the next attempt that came of anything found it up at the eighth."""
    half = outage(122, 128).model_copy(
        update={"last_failure_at": NOON + 124 * SECOND, "lasted_to": NOON + 124 * SECOND, "unobserved": 1 * SECOND}
    )
    away = LookedAway(at=ORDER + 7 * SECOND, vantage=US, stretch=unwatched(124, 127), **WRITER)
    back = CameBack(at=NOON + 128 * SECOND, outage=half, **WRITER)
    assert spark(story(away, back, heard(10))) == ["▁▄█▄█░░▄▄▁"]


def test_a_single_time_out_is_no_proof() -> None:
    silence = outage(122, 128).model_copy(
        update={
            "outcomes": (Outcome.TIMEOUT,), "last_failure_at": NOON + 122 * SECOND, "began_by": NOON + 127 * SECOND,
            "lasted_to": NOON + 121.95 * SECOND,
        }
    )  # fmt: skip
    down = WentDown(at=ORDER + 2 * SECOND, outcome=Outcome.TIMEOUT, **WRITER)
    assert spark(story(down, heard(6))) == ["▁▁▄▄▄▄"]
    assert spark(story(down, CameBack(at=NOON + 128 * SECOND, outage=silence, **WRITER), heard(10))) == ["▁▄▄▄▄▄▄▄▄▁"]


def test_down_until_now_and_where_nobody_looked() -> None:
    down = story(WentDown(at=ORDER + 3 * SECOND, outcome=Outcome.REFUSED, **WRITER), heard(6))
    assert spark(down) == ["▁▁▁█▄▄"], "nobody has told yet that it is back"
    away = LookedAway(at=ORDER + 4 * SECOND, vantage=US, stretch=unwatched(122, 124), **WRITER)
    blind = CannotMeasure(at=ORDER + 5 * SECOND, vantage=AP, outcome=Outcome.AUTH, detail="", **READER)
    assert spark(story(away, blind, heard(8))) == ["▁▁░░▁▁▁▁", "▁▁▁▁▁░░░"]
    assert in_words(story(away, blind, heard(8))).endswith("not watched in 2; ap-northeast-1 reader not watched in 3")
    sees = Reached(at=ORDER + 7 * SECOND, vantage=AP, version="18.4", **READER)
    assert spark(story(blind, sees, heard(8)))[1] == "▁" * 8


def test_it_never_gets_longer_than_a_line() -> None:
    for seconds in (0, 1, 20, 21, 3599, 86_400, 10**7):
        told = story(heard(seconds))
        assert all(len(each) <= MOST_CELLS for each in spark(told))


def test_the_card_shows_it_and_says_it_in_words() -> None:
    told = story(WentDown(at=ORDER + 3 * SECOND, outcome=Outcome.REFUSED, **WRITER), heard(6))
    shown = card(told)
    assert any("▁▁▁█▄▄" in str(block) for block in shown.blocks)
    assert "us-east-1 writer down in 1, perhaps down in 2" in shown.text
    assert "▁" not in shown.text
