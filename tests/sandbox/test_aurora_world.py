"""Upgrades of two real servers: what RDS says, what the API shows and what clients feel must be one story."""

import asyncio
import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.config import Config

from sandbox.aurora import Aurora, Down
from sandbox.aurora.seed import SECONDARY, WRITER

GOLDEN = Path(__file__).parents[1] / "golden" / "aurora-17.4-to-17.5" / "events.csv"
OLD, NEW = {WRITER: "18.4.1", SECONDARY: "18.4.1"}, {WRITER: "18.6.1", SECONDARY: "18.6.1"}


def order(aurora: Aurora, version: str = "18.6") -> None:
    rds = boto3.client(
        "rds", region_name=WRITER, endpoint_url=aurora.endpoint_url, aws_access_key_id="any", aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    rds.modify_global_cluster(GlobalClusterIdentifier="orders", EngineVersion=version)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what it waits for happens in other processes
            await asyncio.sleep(0.01)


async def over(aurora: Aurora) -> None:
    orders = aurora.account.global_cluster("orders")
    await until(lambda: orders is not None and orders.status == "available")


def sees(aurora: Aurora, region: str) -> tuple[str, ...]:
    """The cluster as the API has it: its version and status, and its instance's."""
    cluster = next(each for each in aurora.account.clusters(region) if each.identifier.startswith("orders"))
    (instance,) = cluster.instances
    return cluster.version, cluster.status, instance.version, instance.status


@dataclass
class Client:
    """Somebody who opens a new connection again and again, and notes each success and each failure."""

    dsn: str
    successes: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def knocking(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._knock())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _knock(self) -> None:
        while True:
            start = datetime.now(UTC)
            try:
                version = await asyncio.to_thread(ask_version, self.dsn)
                self.successes.append((start, datetime.now(UTC), version))
            except psycopg.OperationalError as error:
                self.failures.append(str(error))
            await asyncio.sleep(0.01)

    def gap(self, down: Down) -> tuple[datetime, datetime]:
        """The end of the last success that began before the outage, and the start of the first that ended after it."""
        before = max(start for start, _, _ in self.successes if start <= down.down_from)
        after = min(end for _, end, _ in self.successes if end >= down.down_until)
        return before, after


def ask_version(dsn: str) -> str:
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        (version,) = connection.execute("SELECT aurora_version()").fetchone() or ("",)
        return str(version)


def shape(message: str) -> str:
    """A message without its names, numbers and versions."""
    return re.sub(r"\d+(\.\d+)*|'[^']*'", "·", message)


async def test_a_happy_upgrade_is_the_recorded_one_on_servers_that_really_change(tmp_path: Path) -> None:
    async with Aurora.start(tmp_path, pace=5) as aurora:
        assert aurora.versions() == OLD
        writer, secondary = Client(aurora.server(WRITER).dsn()), Client(aurora.server(SECONDARY).dsn())
        idle = psycopg.connect(aurora.server(WRITER).dsn(), autocommit=True)
        busy = psycopg.connect(aurora.server(WRITER).dsn())
        busy.execute("SELECT 1")
        async with writer.knocking(), secondary.knocking():
            await until(lambda: bool(writer.successes and secondary.successes))
            await asyncio.to_thread(order, aurora)
            await until(lambda: sees(aurora, SECONDARY) == ("18.4", "upgrading", "18.4", "upgrading"))
            await until(lambda: sees(aurora, SECONDARY) == ("18.6", "available", "18.6", "available"))
            await over(aurora)
            await until(lambda: writer.successes[-1][2] == secondary.successes[-1][2] == "18.6.1")
        assert idle.execute("SELECT aurora_version()").fetchone() == ("18.6.1",)
        with pytest.raises(psycopg.errors.AdminShutdown):
            busy.execute("SELECT 1")
        idle.close()
        busy.close()

        assert aurora.versions() == NEW
        assert (sees(aurora, WRITER), aurora.orders_accepted) == (("18.6", "available", "18.6", "available"), 1)
        assert_told_as_recorded(aurora)
        assert_truth_is_what_clients_felt(aurora, {SECONDARY: secondary, WRITER: writer})
        await assert_replication_streams(aurora)


def assert_told_as_recorded(aurora: Aurora) -> None:
    with GOLDEN.open() as rows:
        recorded = [(row["region"], row["source_type"], shape(row["message"])) for row in csv.DictReader(rows)]
    told = aurora.rds_events()
    assert [(each.region, each.source_type, shape(each.message)) for each in told] == recorded
    messages = [each.message for each in told]
    assert (
        messages.count(
            "Database cluster engine minor version upgrade complete. Previous version: 18.4.1. New version: 18.6.1."
        )
        == 2
    )
    for region in (WRITER, SECONDARY):
        assert aurora.server(region).ask("SHOW max_wal_senders") == [("20",)]
    (zdp,) = {each for each in messages if "The process took" in each}
    counted = re.search(r"instance 'orders-us-1' .* took (\d+) ms, (\d+) connections preserved, (\d+) connections", zdp)
    assert counted is not None
    assert int(counted[1]) == round(aurora.truth()[-1].seconds * 1000)
    fates = aurora.server(WRITER).door.fates
    preserved = [each for each in fates if each.is_preserved]
    assert (int(counted[2]), int(counted[3])) == (len(preserved), len(fates) - len(preserved))
    assert preserved  # the idle one, and perhaps who was knocking
    assert "in a transaction" in {each.dropped_because for each in fates}


def assert_truth_is_what_clients_felt(aurora: Aurora, clients: dict[str, Client]) -> None:
    truth = aurora.truth()
    assert [down.region for down in truth] == [SECONDARY, WRITER]
    for down, wanted in zip(truth, (2.6 / 5, 1.4 / 5), strict=True):
        client = clients[down.region]
        assert down.endpoint == f"127.0.0.1:{aurora.server(down.region).port}"
        assert wanted - 0.1 < down.seconds < wanted + 1.5
        inside = [each for each in client.successes if down.down_from < each[0] and each[1] < down.down_until]
        assert inside == []
        last, first = client.gap(down)
        assert timedelta(0) < (first - last) - (down.down_until - down.down_from) < timedelta(seconds=2)
        assert any("Connection refused" in each for each in client.failures)
        assert {each[2] for each in client.successes if each[1] < down.down_from} == {"18.4.1"}


async def assert_replication_streams(aurora: Aurora) -> None:
    writer, secondary = aurora.server(WRITER), aurora.server(SECONDARY)
    writer.ask("CREATE TABLE after_the_upgrade (n int)", "orders")
    present = "SELECT to_regclass('after_the_upgrade') IS NOT NULL AND pg_is_in_recovery()"
    await until(lambda: secondary.ask(present, "orders") == [(True,)])
    assert writer.ask("SELECT state FROM pg_stat_replication") == [("streaming",)]


async def test_a_rollback_really_takes_the_secondary_back(tmp_path: Path) -> None:
    async with Aurora.start(tmp_path, scenario="rollback", pace=5) as aurora:
        await asyncio.to_thread(order, aurora)
        await until(lambda: any(each.message == "DB instance restarted" for each in aurora.rds_events()))
        assert aurora.versions() == OLD | {SECONDARY: "18.6.1"}
        await over(aurora)
        assert aurora.versions() == OLD
        for region in (WRITER, SECONDARY):
            assert sees(aurora, region) == ("18.4", "available", "18.4", "available")
        assert [down.region for down in aurora.truth()] == [SECONDARY, SECONDARY]
        assert aurora.rds_events()[-1].message.endswith("The engine version upgrade rollback succeeded.")
        await assert_replication_streams(aurora)


async def test_a_failed_upgrade_leaves_the_writer_in_need_of_a_human(tmp_path: Path) -> None:
    async with Aurora.start(tmp_path, scenario="failed", pace=20) as aurora:
        await asyncio.to_thread(order, aurora)
        await over(aurora)
        assert sees(aurora, WRITER) == ("18.4", "upgrade-failed", "18.4", "upgrade-failed")
        assert aurora.versions() == OLD | {SECONDARY: "18.6.1"}


async def test_when_a_script_breaks_off_nothing_stays_dark_and_it_is_said(tmp_path: Path) -> None:
    async with Aurora.start(tmp_path, pace=20) as aurora:
        aurora.server(WRITER).stop()
        await asyncio.to_thread(order, aurora)
        await over(aurora)
        assert sees(aurora, WRITER) == ("18.4", "upgrade-failed", "18.4", "upgrade-failed")
        assert aurora.versions() == OLD
        (accident,) = aurora.accidents
        assert "broke off in the sandbox itself" in accident
        assert "OperationalError" in (tmp_path / "script.log").read_text()


async def test_a_refused_order_changes_nothing(tmp_path: Path) -> None:
    async with Aurora.start(tmp_path, scenario="refused") as aurora:
        with pytest.raises(Exception, match="doesn't support minor version upgrades for Aurora global databases"):
            await asyncio.to_thread(order, aurora)
        assert (aurora.orders_accepted, aurora.truth(), aurora.rds_events()) == (0, [], [])


async def test_nobody_gets_in_without_tls_or_password_and_the_probe_may_connect_and_look_at_sessions(
    tmp_path: Path,
) -> None:
    async with Aurora.start(tmp_path) as aurora:
        dsn = aurora.server(WRITER).dsn()
        with pytest.raises(psycopg.OperationalError, match="no encryption"):
            psycopg.connect(dsn, sslmode="disable")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(dsn, password="guess")
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            psycopg.connect(dsn, sslrootcert="system")
        for database in ("orders", "postgres", "template1"):
            assert ask_version(aurora.server(SECONDARY).dsn(database=database)) == "18.4.1"
        with psycopg.connect(dsn) as connection:
            granted = connection.execute(
                "SELECT pg_has_role('pg_monitor', 'member'), rolsuper, rolconnlimit FROM pg_roles WHERE rolname = current_user"
            )
            assert granted.fetchone() == (True, False, 80)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE mine (n int)")  # fmt: skip


PROGRAM = """
import asyncio, signal, sys
from pathlib import Path
from sandbox.aurora import Aurora

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests in the background has it ignored

async def main():
    async with Aurora.start(Path(sys.argv[1])) as aurora:
        print(*(aurora.server(region).ask("SHOW data_directory")[0][0] for region in aurora.versions()), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_its_program_dies_nothing_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env=os.environ,
    )  # fmt: skip
    assert program.stdout is not None
    with program.stdout:
        data = [Path(each) for each in program.stdout.readline().split()]
    pids = [int((each / "postmaster.pid").read_text().split()[0]) for each in data]
    assert len(pids) == 2
    program.send_signal(number)
    program.wait(20)
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) or data[0].exists():
        assert time.monotonic() < deadline, "something is left behind"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
