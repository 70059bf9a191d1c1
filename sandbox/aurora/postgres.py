"""A real PostgreSQL server that plays one Aurora cluster, and can be stopped on one version and started on another."""

import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psycopg

from .door import Door, Instant
from .site import Site
from .truth import Down, Fate, merged, refusals

HOST: Final = "127.0.0.1"
DATABASE: Final = "orders"
SOCKET: Final = ".s.PGSQL.5432"
STOP_SECONDS: Final = 20.0
START_SECONDS: Final = 20.0
DOWN: Final = "down"
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_wal_senders": "10",
    "wal_retrieve_retry_interval": "100ms",
    "shared_buffers": "16MB",
    "min_wal_size": "8MB",
    "max_wal_size": "64MB",
    "io_method": "sync",
    "jit": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "log_line_prefix": "%n [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_checkpoints": "off",
}
VERSION_FUNCTION: Final = """
    CREATE FUNCTION aurora_version() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT split_part(current_setting('server_version'), ' ', 1) || '.1' $$
"""


class Server:
    """Clients come in through a TLS door on 127.0.0.1; the server itself listens on a Unix socket only."""

    def __init__(self, site: Site, region: str) -> None:
        self.region = region
        self.host = HOST
        self.settings = dict(SETTINGS)
        self._site = site
        self._home = site.directory / region
        self._log = site.keep / f"{region}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._verifiers: dict[str, str] = {}  # of the roles' passwords, when sessions were held
        self.ran = ""  # the last version that came up
        self._home.mkdir(mode=0o700)
        site.give_away(self._home)
        self.door = Door(self.socket, site.tls)
        self.port: int = self.door.port

    def initialise(self, version: str) -> None:
        """A new database cluster with the roles and databases of the sandbox; leaves the server running."""
        secret = self._site.private_file("initdb-password", self._site.passwords["postgres"])
        self._site.run(
            version, "initdb", "--pgdata", str(self._data), "--username", "postgres", "--pwfile", str(secret),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--wal-segsize", "1",
            "--no-sync", "--no-data-checksums", "--no-instructions",
        )  # fmt: skip
        self.start(version)
        self._populate()

    def _populate(self) -> None:
        secret = self._site.passwords
        for database in ("template1", "postgres"):
            self.ask(VERSION_FUNCTION, database)
        self.ask(f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{secret['replicator']}'")
        self.ask(f"CREATE ROLE aurora_probe LOGIN CONNECTION LIMIT 80 PASSWORD '{secret['aurora_probe']}'")
        self.ask("GRANT pg_monitor TO aurora_probe")
        self.ask(f"CREATE ROLE orders_app LOGIN PASSWORD '{secret['orders_app']}'")
        self.ask(f"CREATE DATABASE {DATABASE} STRATEGY file_copy")
        self.ask("CREATE TABLE aurora_upgrade_bot_beat (slot int PRIMARY KEY, at timestamptz NOT NULL)", DATABASE)
        self.ask("GRANT SELECT, INSERT, UPDATE ON aurora_upgrade_bot_beat TO aurora_probe", DATABASE)

    def follow(self, primary: "Server", version: str) -> None:
        """Become a streaming standby of `primary`; leaves the server running."""
        self._site.run(
            version, "pg_basebackup", "--pgdata", str(self._data), "--host", str(primary._home),
            "--username", "replicator", "--write-recovery-conf", "--checkpoint", "fast", "--no-sync",
            PGPASSWORD=self._site.passwords["replicator"],
        )  # fmt: skip
        self.start(version)

    @property
    def socket(self) -> Path:
        """Where it listens itself, behind the door."""
        return self._home / SOCKET

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, version: str) -> list[Fate]:
        """Start this version's postmaster on the data directory; returns when it accepts connections.

        If sessions were held when it stopped, they go on; gives what became of each that there was then.
        """
        assert self._process is None, "already running"
        where = self._log.stat().st_size if self._log.exists() else 0
        settings = self.settings | {"unix_socket_directories": str(self._home)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._site.programs[version] / "postgres", "-D", self._data, *options],
                stdout=log, stderr=log, start_new_session=True, **self._site.popen_arguments(),
            )  # fmt: skip
        self._site.leash.hold(self._process.pid)
        self._await_line(where, "LOG:  listening on Unix socket")
        self.door.open()
        self._await_line(where, "LOG:  database system is ready to accept")
        self.ran = version
        return self.door.bring_back(self._verifiers)

    def _await_line(self, where: int, text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while text not in self._logged(where):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start in {self.region}:\n{self._logged(where)}")
            time.sleep(0.001)

    def _logged(self, where: int = 0) -> str:
        with self._log.open("rb") as log:
            log.seek(where)
            return log.read().decode(errors="replace")

    def stop(self, quiet_seconds: float | None = None) -> None:
        """Fast shutdown. With `quiet_seconds` for sessions to come to rest, the idle ones are held until it starts again.

        The door closes first: whoever comes while the server is on its way out is refused, and not let in and dropped.
        """
        if self._process is None:
            return
        if quiet_seconds is not None:
            self._verifiers = dict(self.ask("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL"))
        self.door.close()
        if quiet_seconds is not None:
            self.door.hold(quiet_seconds)
        else:
            self.door.leave()
        told = datetime.now(UTC)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.door.ended(told, datetime.now(UTC))
        self._site.leash.release(self._process.pid)
        self._process = None

    def remove(self) -> None:
        """Stop for good and give the port back."""
        self.stop()
        self.door.remove()

    def ask(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run SQL as the superuser, past the door."""
        with psycopg.connect(
            host=str(self._home), user="postgres", password=self._site.passwords["postgres"], dbname=database,
            autocommit=True, connect_timeout=10,
        ) as connection:  # fmt: skip
            answer = connection.execute(sql.encode())
            return answer.fetchall() if answer.description else []

    def version(self) -> str:
        return str(self.ask("SELECT aurora_version()")[0][0])

    def answer(self) -> str:
        """Its version, or that it is down."""
        try:
            return self.version()
        except psycopg.OperationalError:
            return DOWN

    def dsn(self, user: str = "aurora_probe", database: str = DATABASE, port: int | None = None) -> str:
        """A connection string for clients, with password and verified TLS; through another door, if its port is given."""
        tls = urlencode({"sslmode": "verify-full", "sslrootcert": self._site.ca_file})
        return f"postgresql://{user}:{self._site.passwords[user]}@{self.host}:{port or self.port}/{database}?{tls}"

    def dsn_past_door(self, user: str = "aurora_probe", database: str = DATABASE, home: Path | None = None) -> str:
        """For clients that know no TLS: through the Unix socket, in its folder or in another name of that."""
        past = urlencode({"host": home or self._home, "sslmode": "disable"})
        return f"postgresql://{user}:{self._site.passwords[user]}@/{database}?{past}"

    def downs(self) -> list[Down]:
        """Every time this endpoint took no new connections, to the millisecond."""
        endpoint = f"{self.host}:{self.port}"
        shut = [self._down(endpoint, *each) for each in refusals(self._logged().splitlines())]
        ailed = [Down(self.region, endpoint, since, until, kind=kind) for since, until, kind in self.door.ailed]
        return merged([*shut, *ailed])

    def _down(self, endpoint: str, shutdown: datetime, ready: datetime) -> Down:
        closing, closed = self._closing_before(shutdown)
        opening, opened = (max(ready, at) for at in self._opening_after(shutdown))
        return Down(self.region, endpoint, closed, opening, (closed - closing) + (opened - opening))

    def _closing_before(self, shutdown: datetime) -> Instant:
        """The door's last closing before the server was told, to the millisecond as its log has it."""
        closings = [(_to_ms(no_earlier), _to_ms(no_later)) for no_earlier, no_later in self.door.closed]
        return max((each for each in closings if each[1] <= shutdown), default=(shutdown, shutdown))

    def _opening_after(self, shutdown: datetime) -> Instant:
        return next((each for each in self.door.opened if each[0] > shutdown), (shutdown, shutdown))


def _to_ms(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
