"""The log of a loop of psql, in the shapes in which people have it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Outcome
from bot.domain.errors import Refused
from bot.domain.outage import outages
from bot.domain.psql_loop import Loop, Try, read_loop

NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)
SECOND, MS = timedelta(seconds=1), timedelta(milliseconds=1)
REFUSED = 'psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused\n\tIs the server running?'
OK = " aurora_version\n----------------\n 17.5.4\n(1 row)\n"

STAMPS = [
    ("2026-04-11T12:00:00.250Z", "2026-04-11T12:00:01.250Z"),
    ("2026-04-11 12:00:00.250", "2026-04-11 12:00:01.250"),
    ("2026-04-11 12:00:00,250 UTC", "2026-04-11 12:00:01,250 UTC"),
    ("[2026-04-11T21:00:00.250+09:00]", "[2026-04-11T21:00:01.250+09:00]"),
    ("2026/04/11 21:00:00.250 JST", "2026/04/11 21:00:01.250 JST"),
    ("2026-04-11T12:00:00.250000000+00", "2026-04-11T12:00:01.250000000+00"),
    ("1775908800.250", "1775908801.250"),
]
WHOLE = [
    ("2026-04-11T12:00:00Z", "2026-04-11T12:00:01Z"),
    ("Sat Apr 11 12:00:00 UTC 2026", "Sat Apr 11 12:00:01 UTC 2026"),
    ("Sat Apr 11 09:00:00 PM JST 2026", "Sat Apr 11 09:00:01 PM JST 2026"),
    ("Sat Apr 11 14:00:00 +0200 2026", "Sat Apr 11 14:00:01 +02 2026"),
    ("1775908800", "1775908801"),
]


@pytest.mark.parametrize(("first", "second"), STAMPS)
@pytest.mark.parametrize("parted", ["\n", " "])
def test_a_stamp_and_what_psql_said(first: str, second: str, parted: str) -> None:
    loop = read_loop(f"$ ./loop\n{first}{parted}{OK}\n{second}{parted}{REFUSED}\n", "a.log")
    assert [(each.start, each.outcome) for each in loop.tries] == [
        (NOON + 250 * MS, Outcome.OK), (NOON + 1250 * MS, Outcome.REFUSED),
    ]  # fmt: skip
    assert (loop.grain, loop.tries[0].said) == (timedelta(), "17.5.4")


@pytest.mark.parametrize(("first", "second"), WHOLE)
def test_a_stamp_of_whole_seconds_may_be_a_second_early(first: str, second: str) -> None:
    loop = read_loop(f"{first}\n17.5.4\n{second}\n17.5.4\n", "a.log")
    assert [each.start for each in loop.tries] == [NOON, NOON + SECOND]
    [attempt] = loop.attempts(timedelta(seconds=0.5))
    assert (attempt.start, attempt.end) == (NOON, NOON + 1.5 * SECOND)


@pytest.mark.parametrize(
    ("said", "outcome", "sqlstate"),
    [
        ("17.5.4", Outcome.OK, ""),
        (" PostgreSQL 17.5 on x86_64-pc-linux-gnu", Outcome.OK, ""),
        (" ?column? \n----------\n        1\n(1 row)", Outcome.OK, ""),
        ("psql: error: FATAL:  the database system is starting up", Outcome.STARTING_UP, "57P03"),
        ("psql: error: FATAL:  sorry, too many clients already", Outcome.TOO_MANY, "53300"),
        ('psql: error: could not translate host name "db" to address: Name or service not known', Outcome.DNS, ""),
        ("ERROR:  function aurora_version() does not exist\nLINE 1: SELECT aurora_version()", Outcome.AUTH, "42883"),
        ("psql: error: timeout expired", Outcome.TIMEOUT, ""),
        ("psql: error: something nobody knows", Outcome.OTHER, ""),
    ],
)
def test_what_psql_says(said: str, outcome: Outcome, sqlstate: str) -> None:
    loop = read_loop(f"2026-04-11T12:00:00.1Z\n{said}\n2026-04-11T12:00:01.1Z 17.5.4\n", "a.log")
    assert (loop.tries[0].outcome, loop.tries[0].sqlstate) == (outcome, sqlstate)


def test_stamps_without_a_verdict_are_counted_and_left_out() -> None:
    loop = read_loop(
        "2026-04-11T12:00:00.1Z 17.5\n2026-04-11T12:00:01.1Z\nhm\n2026-04-11T12:00:02.1Z 17.5\n2026-02-31 12:00:00 x",
        "a.log",
    )
    assert (len(loop.tries), loop.silent) == (2, 1)


def test_a_table_of_starts_and_outcomes() -> None:
    loop = read_loop(
        "attempt_started_at,outcome,version\n2026-04-11T12:00:00.1Z,ok,17.5.4\nsoon,ok,\n2026-04-11T12:00:01.1Z,refused,\n",
        "a.csv",
    )
    assert [(each.line, each.outcome, each.said) for each in loop.tries] == [
        (2, Outcome.OK, "17.5.4"),
        (4, Outcome.REFUSED, ""),
    ]


@pytest.mark.parametrize(
    ("steps", "sleep"),
    [
        ([0.51, 0.55, 6], 0.5),
        ([0.7, 0.8], 0),
        ([1.04, 1.1], 1),
        ([0.105], 0.1),
        ([0.01], 0),
        ([0.0], 0),
        ([1.2, 1.3], 0),
    ],
)
def test_how_long_it_slept_is_guessed_only_when_little_else_is_left(steps: list[float], sleep: float) -> None:
    at, tries = NOON, [Try(line=1, start=NOON, outcome=Outcome.OK, said="")]
    for step in steps:
        at += timedelta(seconds=step)
        tries.append(Try(line=1, start=at, outcome=Outcome.OK, said=""))
    loop = Loop(tries=tuple(tries), grain=timedelta(), silent=0)
    assert loop.guessed_sleep == timedelta(seconds=sleep)


def test_a_sleep_longer_than_a_step_is_refused() -> None:
    loop = read_loop("2026-04-11T12:00:00.1Z 17.5\n2026-04-11T12:00:00.7Z 17.5\n", "a.log")
    with pytest.raises(Refused, match=r"cannot have slept 2 s: the attempt on line 2 began 0\.6 s after"):
        loop.attempts(2 * SECOND)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" \n", "a.log is empty"),
        ("hello", "a.log is no log of a psql loop: no line with a time stamp"),
        ("\nhello", "a.log is no log of a psql loop: no line"),
        ("2026-04-11T12:00:00.1Z 17.5", "a.log is no log of a psql loop: fewer than two lines"),
        ("9999-12-31T23:59:59Z 17.5\n" * 2, "a.log is no log of a psql loop: no line"),
        (
            "Sat Apr 11 06:21:34 CEST 2026\n17.5.4\n" * 2,
            "a.log, line 1, has its time in CEST, a name that does not say how far that is from UTC. Write the distance instead",
        ),
        ("2026-04-11T12:00:01.1Z 17.5\n2026-04-11 05:00:02.1 PDT 17.5", "a.log, line 2, has its time in PDT"),
        ("2026-04-11T12:00:01.1Z 17.5\n\n2026-04-11T12:00:00.1Z 17.5", "The clock of a.log was set back before line 3"),
    ],
)
def test_what_is_no_log_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        read_loop(text, "a.log")
    assert refused.value.sentence.startswith(sentence)


pieces = st.sampled_from(
    [*(stamp for pair in STAMPS + WHOLE for stamp in pair), OK, REFUSED, "\n", " ", "error", "17.5"]
)


@given(st.lists(st.one_of(pieces, st.text(max_size=20)), max_size=12).map("".join))
def test_any_text_is_a_log_or_refused(text: str) -> None:
    try:
        loop = read_loop(text, "a.log")
    except Refused as refused:
        assert refused.sentence  # noqa: PT017 -- either way is right
    else:
        assert len(loop.attempts(timedelta())) == len(loop.tries) - 1


durations = st.integers(5, 3000)


@given(
    st.lists(st.tuples(durations, st.integers(0, 999)), min_size=3, max_size=20),
    st.integers(0, 20_000),
    durations,
    st.booleans(),
)
def test_the_truth_is_inside_whatever_a_closed_loop_saw_of_it(
    tried: list[tuple[int, int]], down_at: int, lasting: int, whole_seconds: bool
) -> None:
    """A loop of 0.5 s tries, each looking at some instant within; its log has only starts, perhaps of whole seconds."""
    at, lines = 0, []
    for took, share in tried:
        looked = at + took * share // 1000
        is_down = down_at <= looked < down_at + lasting
        stamp = (NOON + at * MS).isoformat(timespec="seconds" if whole_seconds else "milliseconds")
        lines.append(f"{stamp} {'Connection refused' if is_down else '17.5.4'}")
        at += took + 500
    for outage in outages(read_loop("\n".join(lines), "a.log").attempts(timedelta(seconds=0.5))):
        assert outage.at_least <= lasting * MS
        assert outage.at_most is None or lasting * MS <= outage.at_most


def test_steps_are_between_starts() -> None:
    loop = read_loop("\n".join(f"2026-04-11T12:00:0{second}.1Z 17.5" for second in (0, 1, 3)), "a.log")
    assert (
        loop.steps
        == tuple(after.start - before.start for before, after in pairwise(loop.tries))
        == (SECOND, 2 * SECOND)
    )
    assert loop.step == 2 * SECOND
