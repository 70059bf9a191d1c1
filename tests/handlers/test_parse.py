"""What people type, and what is understood."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Refused
from handlers.parse import (
    Cancel,
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
    typed,
)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("", Help()),
        ("  \n", Help()),
        ("help me", Help()),
        ("--help", Help()),
        ("list", ListClusters()),
        ("LIST   2", ListClusters(2)),
        ("show orders", Show("orders")),
        ("show `orders`", Show("orders")),
        ("show “orders”", Show("orders")),
        ("upgrade orders", Propose("orders")),
        ("upgrade orders 18.6", Propose("orders", "18.6")),
        ('upgrade orders 18.6 "patch for CVE"', Propose("orders", "18.6", "patch for CVE")),
        ("upgrade orders 18.6 budget 5s", Propose("orders", "18.6", "", timedelta(seconds=5))),
        ('upgrade orders 18.6  Budget 5 s "patch"', Propose("orders", "18.6", "patch", timedelta(seconds=5))),
        ("upgrade orders 18.6 budget=800ms“patch”", Propose("orders", "18.6", "patch", timedelta(seconds=0.8))),
        ("upgrade orders 18.6 budget: 1 min for CVE", Propose("orders", "18.6", "for CVE", timedelta(minutes=1))),
        ('upgrade orders 18.6 "budget review"', Propose("orders", "18.6", "budget review")),
        ("upgrade orders 18.6 budgetary review", Propose("orders", "18.6", "budgetary review")),
        ("upgrade orders 18.6 patch for CVE", Propose("orders", "18.6", "patch for CVE")),
        ("upgrade\torders\n18.6\u00a0 «patch»", Propose("orders", "18.6", "patch")),
        ("upgrade orders 18.6 „patch“", Propose("orders", "18.6", "patch")),
        ("upgrade orders 18.6 'it's late'", Propose("orders", "18.6", "'it's late'")),
        ('upgrade orders 18.6 "a" and "b"', Propose("orders", "18.6", '"a" and "b"')),
        ('upgrade orders 18.6 "unfinished', Propose("orders", "18.6", '"unfinished')),
        ('upgrade orders 18.6 "', Propose("orders", "18.6", '"')),
        ('upgrade orders 18.6 ""', Propose("orders", "18.6")),
        ("upgrade orders 18.6 two\nlines", Propose("orders", "18.6", "two lines")),
        ("upgrade orders 18.6 ask <@U0AKI|aki> in <#C1|ops>", Propose("orders", "18.6", "ask @aki in #ops")),
        ("upgrade orders 18.6 <!subteam^S1|@dba> <!here|here>", Propose("orders", "18.6", "@dba @here")),
        ("upgrade orders 18.6 see <http://a.b/c|a.b/c>", Propose("orders", "18.6", "see a.b/c")),
        ("upgrade orders 18.6 see <https://a.b/?c&amp;d>", Propose("orders", "18.6", "see https://a.b/?c&d")),
        ("upgrade orders 18.6 a &lt; b &amp;lt; c", Propose("orders", "18.6", "a < b &lt; c")),
        ("status", StatusOf()),
        ("status orders", StatusOf("orders")),
        ("history", HistoryOf()),
        ("history `orders`", HistoryOf("orders")),
        ("cancel orders", Cancel("orders")),
        ("freeze orders until 18:00 month end", Freeze("orders", "18:00", "month end")),
        ("freeze `orders` UNTIL +2h 'incident 42'", Freeze("orders", "+2h", "incident 42")),
        ("freeze ALL until 2026-12-01T18:00 audit", Freeze(None, "2026-12-01T18:00", "audit")),
        ("unfreeze orders", Unfreeze("orders")),
        ("unfreeze all", Unfreeze(None)),
        ("ca\x00ncel or\u200bders", Cancel("orders")),
    ],
)
def test_what_is_understood(text: str, request_: Request) -> None:
    assert parse(text) == request_


@pytest.mark.parametrize(
    "text", ["upgrade", 'upgrade ""', "show", "cancel", "cancel a b", "status a b", "history a b", "list 0", "list ²"]
)
def test_what_lacks_something_reads_its_usage(text: str) -> None:
    with pytest.raises(Refused, match="Usage: `/aurora "):
        parse(text)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("freeze", "Which cluster, or `all`?"),
        ("freeze until 18:00 month end", "Which cluster, or `all`?"),
        ("freeze orders", "Until when?"),
        ("freeze orders 18:00 month end", "Until when?"),
        ("freeze orders until", "Until when?"),
        ("freeze orders until 18:00", "Say why, for those who are held up."),
        ('freeze orders until 18:00 ""', "Say why, for those who are held up."),
        ("unfreeze", "Which cluster?"),
        ("unfreeze orders billing", "One cluster at a time."),
    ],
)
def test_what_a_freeze_lacks_is_asked_for(text: str, asks: str) -> None:
    with pytest.raises(Refused, match="Usage: `/aurora ") as no:
        parse(text)
    assert no.value.sentence.startswith(asks)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("budget", "Which downtime budget? Usage: `/aurora upgrade CLUSTER VERSION [budget TIME] [REASON]`."),
        ("budget review is done", "Which downtime budget?"),
        ("budget 5 patch", "Which downtime budget?"),
        ("budget 5 seconds", "Which downtime budget?"),
        ("budget -5s", "Which downtime budget?"),
        ("budget 0s", "A downtime budget of nothing could never be kept"),
        ("budget 2000min", "A downtime budget is a time of at most 1 day with its unit"),
    ],
)
def test_a_budget_that_cannot_be_read_is_asked_for_again(typed: str, sentence: str) -> None:
    assert (refusal(f"upgrade orders 18.6 {typed}") or "").startswith(sentence)


def test_an_unknown_command_cannot_leave_its_quotes() -> None:
    with pytest.raises(Refused) as no:
        parse("x`<!channel>`" + "y" * 5000)
    assert no.value.sentence.count("`") == 4
    assert len(no.value.sentence) < 200


def refusal(text: str) -> str | None:
    try:
        parse(text)
    except Refused as no:
        return no.sentence
    return None


@given(st.text(max_size=300))
def test_anything_typed_is_understood_or_refused_with_what_to_type(text: str) -> None:
    for command in ("", "upgrade ", "upgrade a ", "upgrade a 1.2 ", "show ", "list "):
        sentence = refusal(command + text)
        assert sentence is None or "`/aurora " in sentence


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")), max_size=100))
def test_what_slack_escapes_comes_back_as_it_was_typed(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert typed(escaped) == text
