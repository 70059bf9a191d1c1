"""What the measuring tool prints and draws says the same, and only what is proven."""

from datetime import timedelta

from bot.domain.attempts import Attempt, Outcome
from bot.domain.ledger import CameBack, CanMeasure, CannotMeasure, LookedAway, WentDown
from bot.domain.watched import watched
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.messages.measured import conclusions, happened, outage_table
from bot.messages.strip import LONGEST_LABEL, MOST_ROWS, Mark, Shade, strip
from tests.domain.test_watched import DB, HELD, OK, REFUSED, in_lane, stretch, tried
from tests.domain.true_signal import at

SECOND = timedelta(seconds=1)
DOWN = [tried(each / 10, each / 10 + 0.01, REFUSED) for each in range(10, 50)]
RESTART = in_lane(
    DB,
    tried(0.5, 0.51, OK, "18.4"),
    *DOWN,
    tried(5.5, 5.51, OK, "18.6"),
    *(tried(each, each + 0.01) for each in range(6, 60)),
)
BYE = Attempt(
    start=at(1_000_000), end=at(1_010_000), outcome=Outcome.SHUTTING_DOWN, detail="FATAL: bye", sqlstate="57P01"
)
DROPPED = [
    *in_lane(HELD, tried(0.5, 0.51, OK, "11"), BYE, session=1),
    *in_lane(HELD, tried(2, 2.01, REFUSED)),
    *in_lane(HELD, tried(3, 3.01, OK, "22"), tried(3.1, 5.1, OK, "22"), session=2),
]


def test_what_happens_is_a_line_each() -> None:
    [outage] = watched(RESTART)[0].outages
    assert [
        happened(DB, CanMeasure(tried(0, 0.1, OK, "18.4"))),
        happened(HELD, CanMeasure(tried(0, 0.1, OK, "11"))),
        happened(DB, CannotMeasure(tried(0, 0.1, Outcome.DNS, "cannot resolve db"))),
        happened(DB, WentDown(tried(1, 1.1, REFUSED, "Connection refused"))),
        happened(HELD, WentDown(BYE)),
        happened(DB, CameBack(outage)),
        happened(DB, LookedAway(stretch(1, 4))),
    ] == [
        "12:00:00.000  db  new connections  up, version 18.4",
        "12:00:00.000  db  held session 1  up, served by process 11",
        "12:00:00.000  db  new connections  cannot be measured: its name does not resolve: cannot resolve db",
        "12:00:01.000  db  new connections  DOWN: connection refused",
        "12:00:01.000  db  held session 1  DOWN: the database system is shutting down: FATAL: bye (57P01)",
        "12:00:05.510  db  new connections  back after 3.890 to 5.010 s, version 18.6",
        "12:00:04.000  db  new connections  nobody looked for 3.000 s",
    ]


def test_the_conclusion_of_a_restart() -> None:
    assert list(conclusions(watched(RESTART))) == [
        "db  new connections: down 3.890 to 5.010 s in 1 outage",
        "  3.890 to 5.010 s: began 12:00:00.500 … 12:00:01.010, ended 12:00:04.900 … 12:00:05.510; 40 failed attempts (connection refused)",
        "  96 attempts, 40 failed from 12:00:00.500 to 12:00:59.010; an outage of up to 1.010 s may have gone unseen",
    ]


def test_the_conclusion_of_sessions() -> None:
    said = list(conclusions(watched(DROPPED)))
    assert said[2:4] == [
        "  session 1 was dropped 12:00:00.500 … 12:00:01.010: the database system is shutting down: FATAL: bye (57P01) (process 11)",
        "  session 2, opened 12:00:03.000, was kept (process 22); it stood still for 1.490 to 2.100 s until 12:00:05.100",
    ]
    moved = in_lane(HELD, tried(0, 0.1, OK, "11"), tried(0.2, 0.3, OK, "22"), session=1)
    assert (
        list(conclusions(watched(moved)))[1]
        == "  session 1 survived, but another process serves it now (process 11 then 22)"
    )


def test_the_conclusion_when_nobody_looked() -> None:
    uses = [
        *in_lane(DB, tried(0, 0.1), tried(0.1, 0.2), tried(0.2, 0.3), tried(5, 5.1)),
        *in_lane(CONTROL, tried(7, 9), tried(10, 11)),
    ]
    assert list(conclusions(watched(uses))) == [
        "db  new connections: no outage seen, but not watched all the time",
        "  not watched from 12:00:00.200 to 12:00:05.100 (4.900 s): it may have been down all that time",
        "  4 attempts, 0 failed from 12:00:00.000 to 12:00:05.100; an outage of up to 0.200 s may have gone unseen",
        (
            "This machine itself stood still 2 times, 3.000 s in all, the longest from 12:00:07.000 to 12:00:09.000 (2.000 s). What "
            "happened meanwhile is not known: it counts in the upper bounds only."
        ),
    ]
    never = in_lane(DB, tried(0, 0.1, REFUSED), tried(0.1, 0.2, Outcome.DNS))
    said = list(conclusions(watched(never)))
    assert said[0] == "db  new connections: never up while it was watched (its name does not resolve)"
    assert "2 attempts, 1 failed, 1 that prove nothing from" in said[-1]


def test_an_outage_without_an_end_is_at_least_so_long() -> None:
    [_, row] = outage_table(watched(in_lane(DB, tried(0, 0.1), tried(1, 1.1, REFUSED), tried(2, 2.1, REFUSED))))
    assert row.split() == "db 12:00:00.000 12:00:01.000 12:00:02.000 – 2 1.000 – ? 0.900 – ?".split()  # noqa: SIM905
    assert list(outage_table(watched(in_lane(DB, tried(0, 0.1))))) == []


def test_what_is_not_proven_is_neither_said_nor_drawn() -> None:
    """Two time-outs prove nothing of when the silence ended; what nobody looked at, nothing at all."""
    silent = [tried(0, 0.1), *(tried(each, each + 5, Outcome.TIMEOUT) for each in (1, 2)), tried(8, 8.1)]
    [of_silence] = watched(in_lane(DB, *silent))
    assert "ended 12:00:00.000 … 12:00:08.100" in list(conclusions([of_silence]))[1]
    assert Shade.DOWN not in {each.shade for each in strip("Upgrade", [of_silence]).rows[0].stretches}
    refused = [tried(each, each + 0.1, REFUSED) for each in (1, 2, 3, 30, 31)]
    [of_gap] = watched(in_lane(DB, tried(0, 0.1), *refused, tried(32, 32.1)))
    drawn = strip("Upgrade", [of_gap]).rows[0].stretches
    assert [(each.since, each.until) for each in drawn if each.shade is Shade.DOWN] == [
        (at(1_100_000), at(3_000_000)),
        (at(30_100_000), at(31_000_000)),
    ]


def test_the_strip_shows_the_time_around_the_outages() -> None:
    drawn = strip("Upgrade", watched(RESTART), [Mark(at(900_000), "ordered"), Mark(at(10**9), "much later")])
    assert (drawn.since, drawn.until) == (at(500_000), at(8_510_000))
    [row] = drawn.rows
    assert [(each.since, each.until, each.shade) for each in row.stretches] == [
        (at(500_000), at(59_010_000), Shade.UP),
        (at(500_000), at(5_510_000), Shade.PERHAPS),
        (at(1_010_000), at(4_900_000), Shade.DOWN),
    ]
    assert drawn.alt == (
        "Upgrade, 2026-04-11, 12:00:00 to 12:00:08 UTC (watched 12:00:00 to 12:00:59). db · new connections: down 3.890 to 5.010 s. "
        "12:00:00.900: ordered. 12:16:40.000: much later."
    )


def test_the_strip_of_a_calm_time_shows_all_of_it() -> None:
    drawn = strip("Calm", watched(in_lane(DB, tried(0, 0.1), tried(1, 1.1))))
    assert (drawn.since, drawn.until, drawn.rows[0].verdict) == (at(0), at(1_100_000), "no outage seen")
    assert drawn.note == "2026-04-11, 12:00:00 to 12:00:01 UTC"


def test_the_strip_of_sessions_and_of_a_time_without_a_witness() -> None:
    drawn = strip("Held", watched([*DROPPED, *in_lane(CONTROL, tried(2.5, 3.2))]))
    assert drawn.rows[0].verdict.endswith(
        "dropped at 12:00:01.010, stood still 1.390 to 2.100 s, not watched for 0.700 s"
    )
    assert {each.shade for each in drawn.rows[0].stretches} == {Shade.UP, Shade.PERHAPS, Shade.UNOBSERVED, Shade.DOWN}
    never = strip("Never", watched(in_lane(DB, tried(0, 0.1, REFUSED))))
    assert never.rows[0].verdict == "never up"


def test_a_long_name_is_cut_and_too_many_lanes_are_said_to_be_left_out() -> None:
    lanes = [Lane(endpoint="x" * 200, way=Way.HELD, number=number + 1) for number in range(MOST_ROWS + 2)]
    drawn = strip("Many", watched(Use(lane=lane, attempt=tried(0, 0.1), session=1) for lane in lanes))
    assert len(drawn.rows) == MOST_ROWS
    assert drawn.note.endswith(", 2 more lanes not shown")
    assert len(drawn.rows[0].label) <= LONGEST_LABEL
    assert drawn.rows[0].label.endswith("x… · held session 1")
