"""What a prober keeps beside the store outlives it, is found by the next one, and by nobody while it lives."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters import spill
from bot.adapters.spill import FileSpill
from bot.domain.attempts import Attempt, Outcome
from bot.domain.ids import UpgradeId
from bot.domain.ways import Lane, Use, Way

ORDERS, WRITER, US = UpgradeId("orders-1"), "us-east-1/writer", "us-east-1"
REDIS = "redis://:hush-hush@127.0.0.1:6379/0"
START = datetime(2026, 4, 11, 12, tzinfo=UTC)


def tried(number: int) -> Attempt:
    at = START + timedelta(seconds=number)
    return Attempt(start=at, end=at, outcome=Outcome.REFUSED, detail="Connection refused")


def kept(place: Path) -> FileSpill:
    one = FileSpill.at(place, REDIS)
    one.keep(ORDERS, WRITER, US, [tried(1), tried(2)])
    one.keep(ORDERS, WRITER, US, [tried(3)])
    return one


def found(place: Path, store: str = REDIS) -> Iterator[tuple[Attempt, ...]]:
    return (each.attempts for each in FileSpill.at(place, store).left_behind())


def the_file(place: Path) -> Path:
    [path] = place.glob("*/*.attempts")
    return path


def test_what_a_prober_left_is_found_by_the_next_one(tmp_path: Path) -> None:
    kept(tmp_path).release(ORDERS, WRITER)
    [left] = FileSpill.at(tmp_path, REDIS).left_behind()
    assert (left.upgrade, left.endpoint, left.vantage) == (ORDERS, WRITER, US)
    assert left.attempts == (tried(1), tried(2), tried(3))
    assert not left.is_old
    left.throw_away()
    assert not list(found(tmp_path))


def test_every_way_of_using_an_endpoint_is_kept(tmp_path: Path) -> None:
    held = [
        Use(lane=Lane(endpoint=WRITER, way=Way.HELD, number=each), attempt=tried(each), session=1) for each in (1, 2)
    ]
    one = FileSpill.at(tmp_path, REDIS)
    one.keep(ORDERS, WRITER, US, [tried(1)], held)
    one.release(ORDERS, WRITER)
    [left] = FileSpill.at(tmp_path, REDIS).left_behind()
    assert (left.attempts, left.others) == ((tried(1),), tuple(held))


def test_a_prober_that_is_killed_leaves_all_that_it_wrote(tmp_path: Path) -> None:
    code = f"""
from os import kill, getpid
from pathlib import Path
from tests.adapters.test_spill import kept
one = kept(Path({str(tmp_path)!r}))
kill(getpid(), 9)
"""
    died = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == -9
    assert list(found(tmp_path)) == [(tried(1), tried(2), tried(3))]


def test_nobody_takes_what_a_prober_keeps_that_lives(tmp_path: Path) -> None:
    one = kept(tmp_path)
    assert not list(found(tmp_path))
    assert not list(one.left_behind())
    one.release(ORDERS, WRITER)


def test_what_is_stored_is_no_longer_kept(tmp_path: Path) -> None:
    kept(tmp_path).drop(ORDERS, WRITER)
    assert not list(tmp_path.glob("*/*"))


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    kept(tmp_path).release(ORDERS, WRITER)
    path = the_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert list(found(tmp_path)) == [(tried(1), tried(2))]


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe\n", b"[]\n", b'{"upgrade": "orders-1"}\n[1, 2]\n'])
def test_a_file_that_says_not_of_what_it_is_is_thrown_away(tmp_path: Path, damaged: bytes) -> None:
    kept(tmp_path).release(ORDERS, WRITER)
    the_file(tmp_path).write_bytes(damaged)
    assert not list(found(tmp_path))
    assert not list(tmp_path.glob("*/*"))


def test_a_file_grows_no_longer_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "LINES", 2)
    kept(tmp_path).release(ORDERS, WRITER)
    assert list(found(tmp_path)) == [(tried(1), tried(2))]


def test_probers_of_another_redis_have_another_place_and_no_password_is_in_it(tmp_path: Path) -> None:
    kept(tmp_path).release(ORDERS, WRITER)
    assert not list(found(tmp_path, "redis://127.0.0.1:6380/0"))
    assert list(found(tmp_path, "redis://:another@127.0.0.1:6379/0"))


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    one = kept(tmp_path / "spill")
    path = the_file(tmp_path / "spill")
    assert [each.stat().st_mode & 0o077 for each in (path, path.parent, path.parent.parent)] == [0, 0, 0]
    one.release(ORDERS, WRITER)


def test_what_cannot_be_read_stays_and_hides_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept(tmp_path).release(ORDERS, WRITER)
    unreadable = the_file(tmp_path).parent / "0.attempts"
    unreadable.mkdir()
    assert list(found(tmp_path)) == [(tried(1), tried(2), tried(3))]
    assert f"{unreadable} stays where it is" in caplog.text


def test_what_cannot_be_thrown_away_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path).release(ORDERS, WRITER)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", read_only)
        [left] = FileSpill.at(tmp_path, REDIS).left_behind()
        left.throw_away()
        del left
    assert list(found(tmp_path)) == [(tried(1), tried(2), tried(3))]


def test_where_nothing_can_be_kept_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        FileSpill.at(tmp_path / "file", REDIS)


def test_a_disk_that_is_full_is_said_once_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = FileSpill.at(tmp_path, REDIS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    one.keep(ORDERS, WRITER, US, [tried(1)])
    one.keep(ORDERS, WRITER, US, [tried(2)])
    assert [each.getMessage() for each in caplog.records] == [
        "us-east-1/writer: attempts wait for the store in memory only: [Errno 28] No space left on device"
    ]
