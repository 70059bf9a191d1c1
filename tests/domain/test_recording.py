"""What was recorded is read as it was, and what is no recording is refused in a sentence."""

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Attempt, Outcome
from bot.domain.errors import Refused
from bot.domain.phases import Phases
from bot.domain.recording import COLUMNS, backwards, by_lane, is_recording, packed, read_recording, row_of
from bot.domain.ways import CONTROL, Lane, Use, Way
from bot.messages.measured import went_back

NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)
HEADER = ",".join(COLUMNS) + "\n"
LINE = "connect,db:5432/orders,2026-04-11T12:00:00.000000Z,2026-04-11T12:00:00.031000Z,ok,,17.5.4,\n"

moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
words = st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: " ".join(text.replace("\0", "").split()))


@st.composite
def uses(draw: st.DrawFn) -> Use:
    start, outcome = draw(moments), draw(st.sampled_from(Outcome))
    attempt = Attempt(
        start=start,
        end=start + draw(st.timedeltas(timedelta(), timedelta(minutes=1))),
        outcome=outcome,
        sqlstate=draw(st.sampled_from(["", "57P03", "53300"])),
        phases=Phases(*draw(st.lists(st.none() | st.integers(0, 10**8), max_size=5))),
        addresses=draw(st.lists(st.ip_addresses().map(str), max_size=3).map(tuple)),
        **{"version" if outcome.proves_up else "detail": draw(words)},
    )
    lane = Lane(endpoint=draw(words), way=draw(st.sampled_from(Way)), number=draw(st.integers(0, 50)))
    return Use(lane=lane, attempt=attempt, session=draw(st.integers(0, 1000)))


def recorded(*written: Use) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(row_of, written))
    return file.getvalue()


@given(st.lists(uses(), min_size=1, max_size=5))
def test_a_recording_comes_back_as_it_was(written: list[Use]) -> None:
    text = recorded(*written)
    assert is_recording(text)
    assert read_recording(text, "a.csv") == tuple(written)


@given(st.lists(uses(), min_size=2, max_size=3), st.data())
def test_a_recording_that_was_cut_off_is_read_up_to_there(written: list[Use], data: st.DataObject) -> None:
    whole = recorded(*written[:-1])
    text = recorded(*written)
    cut = text[: data.draw(st.integers(len(whole), len(text) - 1))]
    assert read_recording(cut, "a.csv")[: len(written) - 1] == tuple(written[:-1])


@given(st.one_of(st.text(), st.text().map(lambda text: HEADER + text)))
def test_any_text_is_a_recording_or_refused(text: str) -> None:
    try:
        is_recording(text)
        read_recording(text, "a.csv")
    except Refused as refused:
        assert refused.sentence.startswith("a.csv")  # noqa: PT017 -- either way is right


def test_a_row_is_for_people_and_spreadsheets() -> None:
    held = Use(
        lane=Lane(endpoint="db:5432/orders", way=Way.HELD, number=2),
        attempt=Attempt(
            start=NOON,
            end=NOON + timedelta(milliseconds=31),
            outcome=Outcome.SHUTTING_DOWN,
            detail="bye",
            sqlstate="57P01",
            phases=Phases(connect=212, authenticate=1904),
            addresses=("10.0.1.5", "fd00::5"),
        ),
        session=1,
    )
    assert row_of(held) == [
        "held-2", "db:5432/orders", "2026-04-11T12:00:00.000000Z", "2026-04-11T12:00:00.031000Z", "shutting_down", "57P01", "bye", "1",
        "10.0.1.5 fd00::5", "", "0.212", "", "1.904", "",
    ]  # fmt: skip


def test_columns_may_be_in_another_order_and_more_than_those() -> None:
    text = "note,outcome,way,endpoint,end,start\nx,ok,connect,db,2026-04-11T21:00:01+09:00,2026-04-11T12:00:00Z\n"
    [use] = read_recording(text, "a.csv")
    assert (use.attempt.start, use.attempt.end) == (NOON, NOON + timedelta(seconds=1))


def test_a_stamp_without_a_zone_is_utc() -> None:
    [use] = read_recording(HEADER + LINE.replace("000000Z", "000000"), "a.csv")
    assert use.attempt.start == NOON


def test_a_clock_that_was_set_back_between_two_lines_is_noticed() -> None:
    def used(end: float, way: Way = Way.CONNECT) -> Use:
        ended = NOON + timedelta(seconds=end)
        return Use(lane=Lane(endpoint="db", way=way), attempt=Attempt(start=ended, end=ended, outcome=Outcome.OK))

    assert backwards([used(9), used(8.5), used(3, Way.WRITE), used(9.5)]) is None
    assert backwards([used(9), used(9.2), used(5), used(6)]) == (used(5), timedelta(seconds=4.2))
    [said] = went_back("a.csv", backwards([used(9), used(5)]))
    assert said.startswith(
        "a.csv: its times go back by 4.000 s before the attempt of 12:00:05.000 (new connections). If its clock"
    )
    assert not list(went_back("a.csv", None))


def test_an_older_recording_has_no_phases() -> None:
    text = "way,endpoint,start,end,outcome,sqlstate,detail,session\n" + LINE
    [use] = read_recording(text, "a.csv")
    assert (use.attempt.version, use.attempt.phases, use.attempt.addresses) == ("17.5.4", Phases(), ())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a.csv has no column way"),
        (HEADER, "a.csv holds no attempt. Record one with"),
        (HEADER + "connect,db", "a.csv holds no attempt."),
        (HEADER + "connect,db\n", "a.csv, line 2, is not an attempt: '' is not a valid Outcome"),
        (HEADER + "connect,db\n" + LINE, "a.csv, line 2, is not an attempt"),
        (
            HEADER + LINE.replace("connect", "by pigeon"),
            "a.csv, line 2, is not an attempt: 'by pigeon' is no way of using",
        ),
        (HEADER + LINE.replace("connect", "pigeon"), "a.csv, line 2, is not an attempt: 'pigeon' is not a valid Way"),
        (
            HEADER + LINE.replace("12:00:00.000000Z", "12:00:09Z"),
            "a.csv, line 2, is not an attempt: it ends before it begins, as when a clock is set back. Leave it out, or",
        ),
        (HEADER + LINE.replace("2026", "0001"), "a.csv, line 2, is not an attempt: its year is 1"),
        (
            HEADER + LINE.replace(",\n", ",,,soon\n"),
            "a.csv, line 2, is not an attempt: could not convert string to float",
        ),
        (HEADER + LINE.replace(",\n", ",,,nan\n"), "a.csv, line 2, is not an attempt: cannot convert float NaN"),
        (HEADER + LINE.replace(",\n", ",,,inf\n"), "a.csv, line 2, is not an attempt: cannot convert float infinity"),
        (HEADER + LINE.replace("17.5.4", "x" * 200_000), "a.csv, line 1, is no CSV: field larger than field limit"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        read_recording(text, "a.csv")
    assert refused.value.sentence.startswith(sentence)
    assert "\n" not in refused.value.sentence


def test_lanes_come_in_order_of_appearance() -> None:
    one, other = Lane(endpoint="a", way=Way.CONNECT), Lane(endpoint="a", way=Way.HELD, number=1)
    tried = Attempt(start=NOON, end=NOON, outcome=Outcome.OK)
    made = [Use(lane=lane, attempt=tried) for lane in (other, one, other, CONTROL)]
    assert {lane.name: len(kept) for lane, kept in by_lane(made).items()} == {"held-1": 2, "connect": 1, "control": 1}


@given(st.lists(uses(), min_size=1, max_size=5))
def test_what_is_packed_in_parts_is_read_as_one(written: list[Use]) -> None:
    parts = [packed([COLUMNS]), *(packed([row_of(each)]) for each in written)]
    text = gzip.decompress(b"".join(parts)).decode()
    assert text == recorded(*written)
    assert parts == [packed([COLUMNS]), *(packed([row_of(each)]) for each in written)]  # nothing of when it was packed
