"""Strips become PNGs, whatever is in them."""

import struct
from datetime import timedelta

import pytest

from bot.adapters.strip import png
from bot.domain.watched import watched
from bot.domain.ways import Lane, Use, Way
from bot.messages.strip import Mark, strip
from tests.domain.test_strip import DROPPED, RESTART
from tests.domain.test_watched import tried
from tests.domain.true_signal import at


def size(drawn: bytes) -> tuple[int, int]:
    assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
    wide, high = struct.unpack("!II", drawn[16:24])
    return wide, high


def test_it_is_as_wide_as_a_phone_and_says_what_it_shows() -> None:
    described = strip("Upgrade of orders", watched([*RESTART, *DROPPED]), [Mark(at(900_000), "ordered")])
    drawn = png(described)
    assert size(drawn)[0] == 1080
    assert size(drawn)[1] < 700
    assert described.alt.encode("latin-1") in drawn
    assert len(drawn) < 100_000


@pytest.mark.parametrize("endpoint", ["$\\frac$ {x}_^", "db\tname", "日本", "", "x" * 500])
@pytest.mark.parametrize("lasting", [timedelta(), timedelta(milliseconds=3), timedelta(days=2)])
def test_any_name_and_any_time_can_be_drawn(endpoint: str, lasting: timedelta) -> None:
    lane, last = Lane(endpoint=endpoint, way=Way.CONNECT), lasting.total_seconds()
    assert (
        size(png(strip("$x", watched(Use(lane=lane, attempt=each) for each in (tried(0, 0), tried(last, last))))))[0]
        == 1080
    )
