"""`python -m bot.measure`, on a real PostgreSQL that is restarted, and on what others recorded."""

import asyncio
import gzip
import os
import re
import resource
import signal
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.beat import CREATE
from bot.adapters.clock import SteadyClock
from bot.domain.attempts import Attempt, Outcome
from bot.domain.errors import Refused
from bot.domain.recording import COLUMNS
from bot.domain.watched import Watched, watched
from bot.domain.ways import CONTROL, Use, Way
from bot.measure.__main__ import main
from bot.measure.dsn import endpoint
from bot.measure.files import read_text, recording
from bot.measure.replaying import replay, require_up
from bot.measure.watching import Watch, Wish
from sandbox.aurora.postgres import DATABASE, Server
from sandbox.aurora.truth import Down

pytest_plugins = ["tests.adapters.postgres_fixtures"]

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden" / "aurora-17.4-to-17.5"
SECRET = "hush-hush"
MS = timedelta(milliseconds=1)
PNG = b"\x89PNG\r\n\x1a\n"


async def measure(postgres: Server, path: Path, wish: Wish, meanwhile: Callable[[], None]) -> tuple[Watch, list[str]]:
    """Until some time after `meanwhile` is over; only then does it end."""
    said: list[str] = []
    ways = {"connect", *(f"held-{number + 1}" for number in range(wish.held)), *(["write"] if wish.write else [])}
    stop = asyncio.Event()
    with recording(path, said.append) as record:
        watch = Watch([endpoint(postgres.dsn())], wish, said.append, record)
        running = asyncio.create_task(watch.run(stop))
        try:
            async with asyncio.timeout(40):
                while not {each.lane.name for each in watched(watch.uses) if each.was_up} >= ways:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                await asyncio.sleep(1)
                await asyncio.to_thread(meanwhile)
                await asyncio.sleep(1.5)
        finally:
            stop.set()
            await running
    return watch, said


def restart(postgres: Server) -> None:
    """Not so quickly that no attempt sees it."""
    postgres.stop()
    time.sleep(0.7)
    postgres.start("18.6")


async def test_the_truth_of_a_restart_is_inside_the_bounds_of_every_way(postgres: Server, tmp_path: Path) -> None:
    recorded = tmp_path / "attempts.csv.gz"
    wish = Wish(lasting=timedelta(minutes=1), rate=10, held=2, write=True, deadline=timedelta(seconds=3))
    watch, said = await measure(postgres, recorded, wish, lambda: restart(postgres))
    down = postgres.downs()[-1]
    found = watched(watch.uses)
    assert [each.lane.name for each in found] == ["connect", "held-1", "held-2", "write"]
    for each in found:
        the_truth_is_inside(each, down)
    assert replay([recorded], None).watched == found, "what was recorded proves the same"
    assert {use.lane for use in watch.uses} >= {CONTROL}
    for way in ("new connections", "held session 1", "held session 2", "writes"):
        assert any(f"{way}  DOWN: " in line for line in said), said
        assert any(f"{way}  back after " in line for line in said), said


def the_truth_is_inside(measured: Watched, down: Down) -> None:
    """A session that is kept is let go some time after the door was shut to new ones, and finds out when it is used next."""
    [outage] = measured.outages
    is_kept = measured.lane.way is not Way.CONNECT
    assert outage.last_ok_at is not None
    assert outage.ended_by is not None
    assert outage.at_most is not None
    assert outage.last_ok_at <= down.down_from + (timedelta(seconds=1) if is_kept else MS)
    assert is_kept or outage.last_failure_at <= down.down_until + MS
    assert down.down_until <= outage.ended_by + MS
    length = down.down_until - down.down_from
    assert outage.at_least <= length + MS
    if not is_kept:
        assert down.down_from <= outage.began_by + MS
        assert length <= outage.at_most + MS
    if measured.lane.way is not Way.HELD:
        return
    first, second = measured.sessions
    assert first.dropped is not None
    assert first.dropped.outcome in (Outcome.SHUTTING_DOWN, Outcome.RESET)
    assert first.dropped.sqlstate == ("57P01" if first.dropped.outcome is Outcome.SHUTTING_DOWN else "")
    assert first.served_by != second.served_by
    assert second.dropped is None


async def test_sessions_that_stand_still_and_survive(postgres: Server, tmp_path: Path) -> None:
    """As under zero-downtime patching: the process that serves them is stopped for a while, and goes on."""

    def pause() -> None:
        [(pid,)] = postgres.ask("SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_backend_pid()'")
        os.kill(pid, signal.SIGSTOP)
        began.append(datetime.now(UTC))
        time.sleep(2)
        ended.append(datetime.now(UTC))
        os.kill(pid, signal.SIGCONT)

    began: list[datetime] = []
    ended: list[datetime] = []
    wish = Wish(lasting=timedelta(minutes=1), held=1, deadline=timedelta(seconds=0.5), write=True)
    watch, _ = await measure(postgres, tmp_path / "a.csv", wish, pause)
    [held] = [each for each in watched(watch.uses) if each.lane.way is Way.HELD]
    [session] = held.sessions
    assert session.dropped is None
    assert len(session.served_by) == 1
    if session.longest is None:
        assert held.stood_still, "a starved machine may not tell whose standstill it was, but then it says so"
        return
    assert session.longest.at_least <= ended[0] - began[0] + 50 * MS
    assert ended[0] - began[0] <= session.longest.at_most + 50 * MS


@asynccontextmanager
async def answering(reply: bytes | None) -> AsyncIterator[int]:
    """Somebody at a port; None: who takes connections and never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            if reply is not None:
                writer.write(reply)
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_attempts_that_hang_neither_wait_for_each_other_nor_live_on_past_their_deadline() -> None:
    async with answering(None) as port:
        watch = Watch(
            [endpoint(f"postgresql://probe:{SECRET}@127.0.0.1:{port}/orders?sslmode=disable")],
            Wish(lasting=timedelta(seconds=1.5), held=0, deadline=timedelta(seconds=0.6)), lambda _: None, lambda _: None,
        )  # fmt: skip
        await watch.run(asyncio.Event())
    tried = [use.attempt for use in watch.uses if use.lane.way is Way.CONNECT]
    assert len(tried) >= 6
    assert {each.outcome for each in tried} <= {Outcome.TIMEOUT, Outcome.OURS}
    starts = sorted(each.start for each in tried)
    assert starts[3] < min(each.end for each in tried), "the fourth began before the first ended"


def error(sqlstate: str, words: str) -> bytes:
    fields = b"".join(
        f"{key}{value}\0".encode() for key, value in zip("SVCM", ["FATAL", "FATAL", sqlstate, words], strict=True)
    )
    return b"E" + struct.pack("!i", 4 + len(fields) + 1) + fields + b"\0"


async def run(*given: str) -> int:
    """In a process of its own, as people start it: status; what it says goes to the captured streams."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.measure",
        *given,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    sys.stdout.write(out.decode())
    sys.stderr.write(err.decode())
    assert process.returncode is not None
    return process.returncode


async def test_the_command_watches_draws_and_records(
    postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot, csv = tmp_path / "strip.png", tmp_path / "attempts.csv"
    status = await run(
        "--dsn", postgres.dsn(), "--for", "1.5s", "--held", "1", "--plot", str(plot), "--record", str(csv)
    )
    said = capsys.readouterr()
    assert (status, said.err) == (0, "")
    where = re.escape(f"127.0.0.1:{postgres.port}/orders")
    assert re.search(rf"{where}  new connections  up, version 18\.6\.1", said.out)
    assert re.search(rf"{where}  new connections: no outage seen", said.out)
    assert re.search(r"session 1 survived \(process \d+\)", said.out)
    assert plot.read_bytes().startswith(PNG)
    assert csv.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert postgres.dsn().split(":")[2].split("@")[0] not in said.out + csv.read_text()


def test_the_dsn_of_a_password_that_is_wrong_says_what_to_do(
    postgres: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = re.sub(r":[^:@]+@", f":{SECRET}@", postgres.dsn())
    assert main(["--dsn", dsn, "--for", "1s"]) == 2
    said = capsys.readouterr()
    assert "cannot be entered: authentication failed" in said.err
    assert "Please check user and password; " in said.err
    assert SECRET not in said.out + said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("dsn", "sentence"),
    [
        (SECRET, "The DSN cannot be read. It looks like postgresql://user@host"),
        (f"postgresql://u:{SECRET}%@h/d", "The DSN cannot be read."),
        (f"host=h password={SECRET} foo=bar", "The DSN cannot be read."),
        (f"postgresql://u:{SECRET}@h:99999/d", "The port of the DSN is no number"),
        (f"postgresql://u:{SECRET}@/d", "The DSN names no host."),
        (f"postgresql://u:{SECRET}@a,b/d", "The DSN must name one host"),
        (f"postgresql://u:{SECRET}@h/d?sslrootcert=/nowhere.pem", "There is no file /nowhere.pem"),
        (f"postgresql://u:{SECRET}@h/d?sslmode=bogus", "The sslmode of the DSN is none of disable, allow, prefer,"),
        (f"postgresql://u:{SECRET}@db.invalid/d", "db.invalid:5432/d cannot be entered: its name does not resolve"),
    ],
)
def test_a_dsn_that_cannot_work(dsn: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dsn", dsn, "--for", "1s"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(sentence)
    assert SECRET not in said.out + said.err


async def test_an_endpoint_that_is_never_up(capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(error("57P03", f"the database system is starting up {SECRET}")) as port:
        dsn = f"postgresql://u:{SECRET}@127.0.0.1:{port}/d?sslmode=disable"
        assert await run("--dsn", dsn, "--for", "1s", "--held", "0") == 2
    said = capsys.readouterr()
    assert "is not up as the watch begins: the database system is starting up" in said.out
    assert "was never up in" in said.err
    assert SECRET not in said.out + said.err


async def test_a_token_that_iam_refuses_says_what_to_grant(capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(error("28P01", 'PAM authentication failed for user "u"')) as port:
        assert await run("--dsn", f"postgresql://u:{SECRET}@127.0.0.1:{port}/d?sslmode=disable", "--for", "1s") == 2
    said = capsys.readouterr()
    assert (
        "cannot be entered: authentication failed (28P01). Please let the AWS role of whoever connects rds-db:connect as this user"
        in said.err
    )
    assert SECRET not in said.out + said.err


def test_a_role_without_a_connection_left_says_what_to_give_it(
    postgres: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    postgres.ask("ALTER ROLE aurora_probe CONNECTION LIMIT 0", DATABASE)
    try:
        assert main(["--dsn", postgres.dsn(), "--for", "1s"]) == 2
    finally:
        postgres.ask("ALTER ROLE aurora_probe CONNECTION LIMIT -1", DATABASE)
    assert "Please give the role more connections: ALTER ROLE" in capsys.readouterr().err


def test_a_clock_that_is_set_back_meanwhile_is_told(
    postgres: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as something is measured, by an hour."""

    class Back(SteadyClock):
        def __init__(self) -> None:
            super().__init__(lambda: time.time_ns() - 3_600 * 10**9 * self.is_back)

        is_back = False

        def now(self) -> datetime:
            self.is_back, seen = True, super().now()
            return seen

    monkeypatch.setattr("bot.measure.__main__.SteadyClock", Back)
    assert main(["--dsn", postgres.dsn(), "--for", "0.5s", "--held", "0"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.match(r"The clock of this machine was set back by 3(600|599)\.\d+ s meanwhile\. ", last)
    assert "let NTP keep the clock" in last


def test_a_write_needs_its_table(postgres: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dsn", postgres.dsn(database="postgres"), "--for", "1s", "--write"]) == 2
    assert f"has no table to write to. Create it, or leave out --write: {CREATE};" in capsys.readouterr().err


def test_a_server_that_knows_no_aurora_tells_its_own_version(
    postgres: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    postgres.ask("CREATE DATABASE plain TEMPLATE template0 STRATEGY file_copy")
    assert main(["--dsn", postgres.dsn(database="plain"), "--for", "0.5s", "--held", "0"]) == 0
    assert "new connections  up, version 18.6\n" in capsys.readouterr().out


def test_the_recorded_upgrade_in_both_readings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "golden.png"
    files = [str(GOLDEN / f"{region}-outage.csv") for region in ("ap-northeast-1", "us-east-1")]
    assert main(["replay", *files, "--plot", str(plot)]) == 0
    said = capsys.readouterr().out.splitlines()
    secondary, primary = (" ".join(line.split()) for line in said[1:3])
    assert secondary == (
        "ap-northeast-1-outage 06:21:34.608 06:21:35.200 06:21:50.532 06:21:56.481 31 15.332 – 21.873 15.318 – 22.068, "
        "if it slept 0.5 s"
    )
    assert primary == (
        "us-east-1-outage 06:22:39.481 06:22:40.026 06:22:40.535 06:22:41.962 2 0.509 – 2.481 0.500 – 2.701, "
        "if it slept 0.5 s"
    )
    assert "  Taken to sleep 0.5 s after each attempt, for its shortest step is 0.510 s." in said[5]
    assert any("could have missed a whole outage of up to 0.631 s" in line for line in said)
    assert any(
        "the one of 06:21:50.532 (the database system is starting up) took up to 5.449 s" in line for line in said
    )
    assert plot.read_bytes().startswith(PNG)


def test_the_log_of_the_loop_as_a_terminal_shows_it(tmp_path: Path) -> None:
    """The same attempts, in the words of psql."""
    said = {
        "ok": " aurora_version \n----------------\n {}\n(1 row)\n",
        "refused": 'psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused\n\tIs the server running?',
        "starting_up": 'psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  the database system is starting up',
    }
    rows = [line.split(",") for line in (GOLDEN / "us-east-1-outage.csv").read_text().splitlines()[1:]]
    log = "".join(
        f"{at.replace('T', ' ').rstrip('Z')}\n{said[outcome].format(version)}\n" for at, outcome, version in rows
    )
    path = tmp_path / "us-east-1-outage.log"
    path.write_text(f"$ ./watch.sh\n{log}2026-04-11 06:22:43.2\n^C")
    of_csv, of_log = replay([GOLDEN / "us-east-1-outage.csv"], None), replay([path], None)
    assert bounds(of_log.watched[0]) == bounds(of_csv.watched[0]) == [(500 * MS, 2701 * MS)]
    assert any("left out, as are 1 without a verdict" in line for line in of_log.about)


def bounds(measured: Watched) -> list[tuple[timedelta, timedelta | None]]:
    return [(each.at_least, each.at_most) for each in measured.outages]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "", "a.csv is empty: there is nothing to replay. Record with `python -m bot.measure"),
        ("a.csv", ",".join(COLUMNS) + "\n", "a.csv holds no attempt."),
        ("a.csv", ",".join(COLUMNS) + "\nconnect,h,yesterday,today,ok,,,\n", "a.csv, line 2, is not an attempt"),
        ("a.csv", "way,start,end\n", "a.csv has no column endpoint and no column outcome"),
        ("a.log", "Dear diary,\nnothing happened.\n", "a.log is no log of a psql loop"),
        ("a.log", "\x00\x7f\x1b[31m\n" * 50, "a.log is no log of a psql loop"),
        (
            "a.log",
            "2026-04-11T06:21:35Z 17.4\n2026-04-11T06:21:34Z 17.4\n",
            "The clock of a.log was set back before line 2",
        ),
        ("a.log", "2026-04-11T06:21:34.1Z Connection refused\n" * 3, "a was never up in 2 attempts"),
    ],
)  # fmt: skip
def test_a_recording_that_cannot_be_replayed(
    name: str, text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert main(["replay", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.startswith(sentence)


def test_what_only_a_guess_proves_is_said_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A loop of 0.31 s of psql and 0.2 s of sleep looks as one that slept 0.5 s."""
    stamps = [("00.000", "17.4.5"), ("00.510", "Connection refused"), ("01.020", "17.5.4"), ("01.530", "17.5.4")]
    path = tmp_path / "a.log"
    path.write_text("".join(f"2026-04-11T06:00:{at}Z {said}\n" for at, said in stamps))
    assert main(["replay", str(path)]) == 0
    guessed = capsys.readouterr().out
    assert "0.000 – 1.030, if it slept 0.5 s" in guessed
    assert "down 0.000 to 1.030 s in 1 outage, if it slept 0.5 s" in guessed
    assert main(["replay", str(path), "--sleep", "0.2s"]) == 0
    told = capsys.readouterr().out
    assert "0.000 – 1.330" in told
    assert "if it slept" not in told


def test_a_recording_whose_clock_was_set_back_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    rows = [f"connect,db,2026-04-11T06:00:{at:02}Z,2026-04-11T06:00:{at:02}Z,ok" for at in (7, 8, 3, 4)]
    path.write_text("\n".join(["way,endpoint,start,end,outcome", *rows, ""]))
    assert main(["replay", str(path)]) == 0
    assert "a.csv: its times go back by 5.000 s before the attempt of 06:00:03.000" in capsys.readouterr().out


def test_a_sleep_that_cannot_have_been(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(GOLDEN / "us-east-1-outage.csv"), "--sleep", "2s"]) == 2
    assert "cannot have slept 2 s" in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.csv'} cannot be read: No such file or directory.\n"


def test_a_compressed_recording_without_its_end_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(os.urandom(200_000).hex().encode())[:-20_000])
    assert len(read_text(path)) > 100_000


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "attempts.csv"
    path.write_text("mine")
    with pytest.raises(Refused, match="exists already"), recording(path, print):
        raise AssertionError
    assert path.read_text() == "mine"


def test_a_full_disk_is_said_once_and_stops_no_measurement(tmp_path: Path) -> None:
    use = Use(lane=CONTROL, attempt=Attempt(start=datetime.now(UTC), end=datetime.now(UTC), outcome=Outcome.OK))
    said: list[str] = []
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
    try:
        for name in ("attempts.csv", "attempts.csv.gz"):
            with recording(tmp_path / name, said.append) as record:
                for _ in range(200_000 if name.endswith("gz") else 200):
                    record(use)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))
    assert [line.partition(" cannot be written any more, so it is not whole: ")[2] for line in said] == [
        "File too large."
    ] * 2


async def test_who_stops_it_before_it_began_reads_that_nothing_was_measured() -> None:
    async with answering(None) as port:
        stop = asyncio.Event()
        stop.set()
        dsn = f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable"
        watch = Watch([endpoint(dsn)], Wish(timedelta(seconds=1), deadline=timedelta(seconds=0.1)), print, print)
        await watch.run(stop)
    with pytest.raises(Refused, match="Nothing was measured"):
        require_up(watched(watch.uses))


@pytest.mark.parametrize(
    "given", [["--dsn", "x", "--for", "soon"], ["--dsn", "x", "--rate", "nan"], ["--dsn", "x", "--held", "-1"], []]
)
def test_what_cannot_be_meant_is_refused_with_the_usage(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert "usage: python -m bot.measure" in capsys.readouterr().err


def test_the_same_endpoint_twice_and_a_strip_that_is_no_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dsn", "host=h", "--dsn", "host=h"]) == 2
    assert main(["--dsn", "host=h", "--plot", str(tmp_path / "strip.jpg")]) == 2
    assert main(["--dsn", "host=h", "--plot", str(tmp_path / "none" / "strip.png")]) == 2
    assert [line.split(":")[0][:28] for line in capsys.readouterr().err.splitlines()] == [
        "The same endpoint is given t", "The strip is a PNG", f"There is no directory {tmp_path}"[:28],
    ]  # fmt: skip
