"""The ground under the servers: programs another account can run, and the truth in a server's log."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.aurora.site import WHEELS, installed, readable
from sandbox.aurora.truth import refusals

LOG = """\
1775888000.000 [7] LOG:  database system is ready to accept connections
1775888494.936 [7] LOG:  received fast shutdown request
1775888494.940 [9] FATAL:  terminating connection due to administrator command
1775888494.999 [7] LOG:  database system is shut down
1775888510.100 [8] LOG:  listening on Unix socket "/x/.s.PGSQL.5432"
1775888510.532 [9] FATAL:  the database system is starting up
1775888516.001 [8] LOG:  database system is ready to accept read-only connections
1775888600.000 [8] LOG:  received fast shutdown request
"""


def test_connections_are_refused_from_a_shutdown_request_until_the_server_is_ready() -> None:
    ((down, up),) = refusals(LOG.splitlines())
    assert down == datetime(2026, 4, 11, 6, 21, 34, 936_000, tzinfo=UTC)
    assert up - down == timedelta(seconds=21, milliseconds=65)


def test_both_versions_come_out_of_their_wheels() -> None:
    assert {version: (installed(version) / "postgres").is_file() for version in WHEELS} == {"18.4": True, "18.6": True}


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_programs_that_another_account_cannot_run_are_copied_with_their_libraries(tmp_path: Path, mode: int) -> None:
    package = tmp_path / "closed" / "wheel"
    programs = package / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "postgres").touch(mode=mode)
    (tmp_path / "closed" / "wheel.libs").mkdir()
    (tmp_path / "closed").chmod(0o700)
    copied = readable(programs, tmp_path / "copy")
    assert copied == tmp_path / "copy" / "wheel" / "pginstall" / "bin"
    assert (copied / "postgres").stat().st_mode & 0o777 == 0o705 | mode
    assert (tmp_path / "copy" / "wheel.libs").stat().st_mode & 0o005 == 0o005
