"""Outside text in Slack's mark-up: shown, and nothing else."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.messages.markup import (
    ELLIPSIS,
    bounds,
    code,
    context,
    cut,
    header,
    lasting,
    link,
    mention,
    mentions,
    plain,
    section,
    when,
)

outside = st.text(alphabet=st.one_of(st.sampled_from("<>&;!@|`ax \n\x00\u202e"), st.characters()), max_size=400)
limits = st.integers(min_value=0, max_value=120)
durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1))
ENTITY = re.compile("&(?:amp|lt|gt);")


@given(outside, limits)
@example("&&&&", 7)
@example("<" * 50, 9)
def test_plain_text_makes_no_markup_and_keeps_its_limit(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert "<" not in shown
    assert ">" not in shown
    assert "&" not in ENTITY.sub("", shown)
    assert not re.search(r"[\x00\u202e\ud800-\udfff]", shown)
    shown.encode()


@given(outside)
def test_plain_text_shows_what_was_written(text: str) -> None:
    shown = plain(text, 10_000)
    read = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert read == re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "", text)


@given(outside)
def test_code_cannot_be_left(text: str) -> None:
    shown = code(text)
    assert (shown[0], shown[-1], shown.count("`")) == ("`", "`", 2)
    assert "\n" not in shown


marked_up = st.lists(st.one_of(outside.map(plain), st.just("<@U0AKI>"), st.just("<!date^1^{time}|then>"))).map("".join)


@given(marked_up, limits)
def test_a_cut_leaves_every_mark_whole(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert shown == text or not shown or shown.endswith(ELLIPSIS)
    rest = ENTITY.sub("", re.sub(r"<[^<>]*>", "", shown))
    assert not set("<>&") & set(rest)


@given(outside, outside)
def test_a_link_is_one_mark_whatever_is_in_it(url: str, text: str) -> None:
    made = link(url, text)
    assert re.fullmatch(r"<[^<>|]*\|[^<>]*>", made)


@given(durations, durations)
@example(timedelta(seconds=1.1), timedelta(0))
@example(timedelta(seconds=2.3), timedelta(microseconds=1))
def test_the_truth_stays_inside_its_bounds(at_least: timedelta, more: timedelta) -> None:
    at_most = at_least + more
    low, high = re.findall(r"[\d.]+", bounds(at_least, at_most))
    assert float(low) <= at_least.total_seconds() + 1e-9
    assert float(high) >= at_most.total_seconds() - 1e-9
    assert at_least.total_seconds() - float(low) < 0.1 + 1e-9
    assert float(high) - at_most.total_seconds() < 0.1 + 1e-9


def test_bounds_are_not_wider_than_they_must_be() -> None:
    assert bounds(timedelta(seconds=1.1), timedelta(seconds=1.1)) == "1.1 to 1.1 s"
    assert bounds(timedelta(seconds=2.61), timedelta(seconds=2.71)) == "2.6 to 2.8 s"
    assert bounds(timedelta(seconds=2.69), None) == "at least 2.6 s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (42, "42 s"), (59.6, "1 min 00 s"), (192, "3 min 12 s"), (3900, "1 h 05 min")],
)
def test_how_long_something_lasts(seconds: float, said: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == said


def test_a_time_is_shown_in_the_readers_zone() -> None:
    at = datetime(2026, 4, 11, 10, 20, 3, 999_999, tzinfo=UTC)
    assert when(at) == f"<!date^{int(at.timestamp())}^{{time_secs}}|2026-04-11 10:20:03 UTC>"


def test_people_and_groups_are_mentioned_by_id() -> None:
    assert mention("U0AKI") == "<@U0AKI>"
    assert mentions(["S0DBA", "W0MINA"]) == "<!subteam^S0DBA>, <@W0MINA>"


@given(outside.map(lambda text: text * 10))
def test_blocks_keep_slacks_limits(text: str) -> None:
    assert len(section(plain(text))["text"]["text"]) <= 3000
    assert all(len(each["text"]) <= 3000 for each in context(plain(text), text)["elements"])
    assert len(header(text)["text"]["text"]) <= 150
    assert header("a < b" * 100)["text"]["text"].startswith("a < ba < b")
