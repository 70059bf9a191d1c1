"""Budget and expectation in words: on the card, in the thread, in the report and in the history."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.domain.answered import History, Past
from bot.domain.audit import audit
from bot.domain.chain import Chain, person, seal, written
from bot.domain.expectation import Expectation, Usual, expect
from bot.domain.measurement import Measurement
from bot.domain.moves import finish
from bot.domain.report import Report, report
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import Approved, Entry, Finished, Intended, NotOrdered, Ordered, OverBudget, Proposed, Slower
from bot.messages.answers import history
from bot.messages.card import card
from bot.messages.markdown import report_markdown
from bot.messages.thread import said_of
from sandbox.slack.blocks import check_blocks
from tests.domain.making import AP, HOME, MINA, MINUTE, NOON, ORDERS, SECOND, US, outage, plan, proposed, upgrading
from tests.domain.test_budget import STILL_DOWN, measured

AT = NOON + 2 * MINUTE
CLOCK = "<!date^1775908920^{time_secs}|2026-04-11 12:02:00 UTC>"
NEVER = expect(())
USUAL = Usual(median=1.21 * SECOND, worst=2.8 * SECOND, of=7)
MUCH = Expectation(writer=USUAL, secondary=USUAL, lasting=Usual(median=9 * MINUTE, worst=14 * MINUTE, of=7))
OVER = OverBudget(at=AT, region=US, use="writer", at_least=5.2 * SECOND, budget=5 * SECOND)
AWAY = measured(region=AP, use="reader", outages=())


def first(budget: float | None = 5, expectation: Expectation | None = None) -> Proposed:
    own = None if budget is None else budget * SECOND
    return proposed().model_copy(update={"own_budget": own, "expectation": expectation})


def ordered(*more: Entry, budget: float | None = 5, expectation: Expectation | None = None) -> tuple[Entry, ...]:
    digest = plan().digest
    return (
        first(budget, expectation),
        Approved(at=NOON, by=MINA, digest=digest, count=1, needed=1),
        Intended(at=AT, digest=digest, approved_by=(MINA,)),
        Ordered(at=AT),
        *more,
    )


def finished(*ones: Measurement) -> Finished:
    return Finished(at=AT + MINUTE, outcome=Status.SUCCEEDED, why="Done.", versions={}, measured=ones)


def shown(*entries: Entry) -> list[str]:
    message = card(tell(entries))
    check_blocks(list(message.blocks))
    return message.text.splitlines()


def closing(*ones: Measurement) -> str:
    told = ordered(finished(*ones))
    return (said_of(told[-1], tell(told)) or "").splitlines()[-1]


@pytest.mark.parametrize(
    ("ones", "words"),
    [
        ((measured(),), "*kept*"),
        ((measured(outages=(outage(10, 16),)), AWAY), "*broken* (us-east-1 writer broken · ap-northeast-1 reader kept)"),
        (
            (measured(outages=(outage(10, 15),)), AWAY),
            (
                "*cannot tell* (us-east-1 writer cannot tell: the budget lies between the bounds · "
                "ap-northeast-1 reader kept)"
            ),
        ),
        ((measured(outages=(STILL_DOWN,)),), "*cannot tell* (us-east-1 writer cannot tell: nobody saw the end of its outage)"),
        (
            (measured(outages=(), resolution=6 * SECOND),),
            "*cannot tell* (us-east-1 writer cannot tell: a longer outage may have gone unseen)",
        ),
        ((measured(since=None, outages=()),), "*cannot tell* (us-east-1 writer could not be measured)"),
        ((), "*cannot tell*"),
    ],
)  # fmt: skip
def test_the_closing_words_say_whether_the_budget_was_kept(ones: Sequence[Measurement], words: str) -> None:
    assert closing(*ones) == f"Downtime budget of 5 s: {words}"
    assert shown(*ordered(finished(*ones)))[-2] == f"Downtime budget of 5 s: {words}"


def test_without_a_budget_nothing_is_said_of_one() -> None:
    told = ordered(finished(measured()), budget=None)
    assert "budget" not in f"{said_of(told[-1], tell(told))}{shown(*told)}{report_markdown(report(told))}"
    assert (report(told).budget, report(told).budget_kept, report(told).endpoints[0].budget_kept) == (None, None, None)


def test_the_card_shows_the_budget_and_who_is_beyond_it() -> None:
    assert "Downtime budget: 5 s for each endpoint" in shown(first())
    assert "Downtime budget: 5 s for each endpoint · *broken* by us-east-1 writer" in shown(*ordered(OVER))


def test_the_thread_says_that_it_is_over_budget() -> None:
    words = "us-east-1  writer  over the downtime budget: unreachable for more than the 5 s allowed"
    assert said_of(OVER, tell(ordered(OVER))) == f"{CLOCK}  {words}"


def test_the_report_has_the_verdict_of_each_endpoint_and_of_all() -> None:
    made = report(ordered(finished(measured(outages=(outage(10, 16),)), AWAY)))
    read = json.loads(made.model_dump_json())
    assert (read["budget"], read["budget_kept"]) == (5.0, "broken")
    assert [each["budget_kept"] for each in read["endpoints"]] == ["broken", "kept"]
    assert Report.model_validate_json(made.model_dump_json()) == made
    lines = report_markdown(made).splitlines()
    assert "- Downtime budget of 5 s for each endpoint: broken" in lines
    assert [line.split(" | ")[-1] for line in lines if " reader | 0.000" in line] == ["kept |"]


def test_a_report_of_before_there_were_budgets_is_read() -> None:
    made = report(ordered(finished(measured()), budget=None))
    old = json.loads(made.model_dump_json(exclude={"budget", "budget_kept"}))
    for each in old["endpoints"]:
        del each["budget_kept"]
    assert Report.model_validate_json(json.dumps(old)) == made


def test_the_history_says_it_too() -> None:
    upgrade = upgrading().model_copy(update={"own_budget": 5 * SECOND})
    over, (ending,) = finish(upgrade, Status.SUCCEEDED, "", {}, (measured(outages=(outage(130, 136),)),), AT)
    said = history(History((Past(over, ending, None),), 0, counted=True), None).text
    assert "Downtime budget of 5 s: *broken* (us-east-1 writer broken)" in said.splitlines()


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (
            NEVER,
            (
                "Expected as in the one recorded upgrade (Aurora PostgreSQL 17.4.5 → 17.5.4, 2026-04-11), for want of past ones "
                "here: the writer is unreachable up to 2.8 s · a secondary's readers up to 22.1 s · over after 4 min 00 s"
            ),
        ),
        (
            MUCH,
            (
                "Expected from past upgrades: the writer is unreachable up to 1.3 s (median of 7; at worst 2.8 s) · a secondary's "
                "readers up to 1.3 s (median of 7; at worst 2.8 s) · over after 9 min 00 s (median of 7; at worst 14 min 00 s)"
            ),
        ),
        (
            MUCH.model_copy(update={"writer": USUAL.model_copy(update={"of": 3, "with_recorded": True})}),
            (
                "Expected from past upgrades and, fewer than 5 as they are, the recorded one (Aurora PostgreSQL 17.4.5 → 17.5.4, "
                "2026-04-11): the writer is unreachable up to 1.3 s (median of 3; at worst 2.8 s) · a secondary's "
                "readers up to 1.3 s (median of 7; at worst 2.8 s) · over after 9 min 00 s (median of 7; at worst 14 min 00 s)"
            ),
        ),
    ],
)
def test_the_proposal_says_what_to_expect_and_where_that_is_from(expectation: Expectation, words: str) -> None:
    assert words in shown(first(expectation=expectation))
    assert words in shown(*ordered(expectation=expectation))
    assert not any(line.startswith("Expected") for line in shown(*ordered(finished(), expectation=expectation)))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            Slower(at=AT, region=US, use="writer", lasting=3 * SECOND, usual=USUAL),
            f"{CLOCK}  us-east-1  writer  slower than ever seen: unreachable for more than 2.8 s, the worst of 7 in past upgrades",
        ),
        (
            Slower(at=AT, region=US, use="writer", lasting=6 * SECOND, usual=NEVER.writer),
            (
                f"{CLOCK}  us-east-1  writer  slower than ever seen: unreachable for more than 2 × the 2.8 s of the recorded "
                "upgrade, all there is to compare with"
            ),
        ),
        (
            Slower(at=AT, lasting=15 * MINUTE, usual=MUCH.lasting),
            (
                "Slower than ever seen: this takes more than 14 min 00 s, the worst of 7 in past upgrades. Nothing is stopped, "
                "and the bot keeps following."
            ),
        ),
        (
            Slower(at=AT, lasting=15 * MINUTE, usual=USUAL.model_copy(update={"with_recorded": True, "of": 3})),
            (
                "Slower than ever seen: this takes more than 2 × the 2.8 s of the worst of 3, one of them the recorded upgrade, "
                "all there is to compare with. Nothing is stopped, and the bot keeps following."
            ),
        ),
    ],
)
def test_slower_than_ever_seen_names_what_it_is_compared_with(entry: Slower, words: str) -> None:
    assert said_of(entry, tell(ordered(entry))) == words


# --- and whether it may be told at all ---


def faults(*told: Entry) -> int:
    links = seal("", [(person(each, HOME) or "worker", written(each)) for each in told])
    return len(audit(Chain(upgrade=ORDERS, links=links, head=links[-1].hash)).faults)


def test_nothing_is_over_budget_or_slow_before_the_order_or_after_the_end() -> None:
    slow = Slower(at=AT, lasting=timedelta(1), usual=NEVER.lasting)
    assert faults(*ordered(OVER, slow, finished())) == faults(*ordered()[:3], OVER, slow) == 0
    for each in (OVER, slow):
        assert faults(first(), each) == faults(*ordered(finished(), each)) == 1
        assert faults(*ordered()[:3], NotOrdered(at=AT, code="", message=""), each) == 1
