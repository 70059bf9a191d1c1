"""`python -m bot.audit`, on a real store and on a file."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.redis_upgrades import RedisUpgrades
from bot.audit import main
from bot.domain import moves
from bot.domain.ids import UserId
from bot.domain.status import Status
from bot.domain.timeline import ENTRY
from bot.domain.upgrade import Upgrade
from tests.adapters.store import NOW, proposed

pytest_plugins = ["tests.adapters.store_fixtures"]

ROOT = Path(__file__).parents[1]
MINA = UserId("UMINA")


@pytest.fixture(autouse=True)
def _environment(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)


@pytest.fixture
async def succeeded(upgrades: RedisUpgrades) -> Upgrade:
    upgrade = await upgrades.create(*proposed())
    steps: tuple[Callable[[Upgrade], moves.Move], ...] = (
        lambda read: moves.approve(read, MINA, read.plan.digest, read.rule, NOW),
        lambda read: moves.intend(read, (MINA,), NOW, read.rule),
        lambda read: moves.accepted(read, NOW),
        lambda read: moves.finish(read, Status.SUCCEEDED, "", {}, (), NOW),
    )
    for step in steps:
        upgrade = await upgrades.save(*step(upgrade))
    return upgrade


async def run(*given: str) -> int:
    """In a thread, for it has a loop of its own."""
    return await asyncio.to_thread(main, given)


def timeline(upgrade: Upgrade) -> str:
    return f"{{aurora}}:timeline:{upgrade.id}"


async def rewrite(raw: Any, upgrade: Upgrade, number: int, before: str, after: str) -> None:
    """The same stream with one entry changed, as somebody would who has the password of Redis."""
    kept = await raw.xrange(timeline(upgrade))
    await raw.delete(timeline(upgrade))
    for place, (at, fields) in enumerate(kept, 1):
        if place == number:
            assert before in fields["entry"]
            fields["entry"] = fields["entry"].replace(before, after)
        await raw.xadd(timeline(upgrade), fields, id=at)


async def test_a_line_for_each_upgrade_that_is_as_it_should_be(
    upgrades: RedisUpgrades, succeeded: Upgrade, capsys: pytest.CaptureFixture[str]
) -> None:
    other = await upgrades.create(*proposed("billing"))
    assert await run("verify", "all") == await run("verify") == 0
    assert sorted(set(capsys.readouterr().out.splitlines())) == [
        f"{other.id}: legal and whole, 1 entry, waiting for approval",
        f"{succeeded.id}: legal and whole, 5 entries, succeeded",
    ]
    assert await run("verify", other.id) == 0
    assert succeeded.id not in capsys.readouterr().out


async def test_one_byte_of_one_entry_is_found_and_named(
    upgrades: RedisUpgrades, succeeded: Upgrade, raw: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other = await upgrades.create(*proposed("billing"))
    await rewrite(raw, succeeded, 2, MINA, "UNINA")
    at = (await raw.xrange(timeline(succeeded)))[1][0]
    assert await run("verify") == 1
    assert sorted(capsys.readouterr().out.splitlines()) == [
        f"{other.id}: legal and whole, 1 entry, waiting for approval",
        f"{succeeded.id}: FAULT in 5 entries; entry 2 ({at}, approved): it cannot have been 'T1/UMINA' who wrote it",
    ]
    await rewrite(raw, succeeded, 2, "UNINA", MINA)
    await rewrite(raw, succeeded, 4, "false", "true ")
    assert await run("verify", succeeded.id) == 1
    assert capsys.readouterr().out == (
        f"{succeeded.id}: FAULT in 5 entries; entry 4 ({(await raw.xrange(timeline(succeeded)))[3][0]}, ordered): "
        "its hash is not the one that the next entry names: changed or misplaced\n"
    )


async def test_a_timeline_without_its_end_and_one_that_is_gone(
    succeeded: Upgrade, raw: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await raw.xdel(timeline(succeeded), (await raw.xrange(timeline(succeeded)))[-1][0])
    assert await run("verify", succeeded.id) == 1
    assert "ordered): its hash is not the head of the chain" in capsys.readouterr().out
    await raw.xadd(timeline(succeeded), {"entry": b"\xff"})
    assert await run("verify", succeeded.id) == 1
    assert "unreadable): it cannot be read: it is damaged" in capsys.readouterr().out
    await raw.delete(timeline(succeeded))
    assert await run("verify", succeeded.id) == 1
    assert "FAULT in 0 entries; entry 0: there is no entry at all" in capsys.readouterr().out


async def test_what_is_older_than_the_chain_is_said_to_be_unchained(
    upgrades: RedisUpgrades, raw: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    created, entries = proposed()
    saved = await upgrades.create(created, entries)
    await raw.delete(timeline(saved))
    await raw.hdel(f"{{aurora}}:upgrade:{saved.id}", "head")
    await raw.xadd(timeline(saved), {"entry": ENTRY.dump_json(entries[0]).decode()})
    await upgrades.save(*moves.cancel(saved, UserId("UAKI"), NOW))
    assert await run("verify", saved.id) == 0
    assert capsys.readouterr().out == (
        f"{saved.id}: legal, 2 entries, cancelled; 1 UNCHAINED, older than the chain: "
        "nobody knows whether they are as written\n"
    )


async def test_an_export_is_verified_without_any_store(
    succeeded: Upgrade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, copy = tmp_path / "orders.jsonl", tmp_path / "copy.jsonl"
    assert await run("export", succeeded.id, "--to", str(path)) == await run("export", succeeded.id) == 0
    assert capsys.readouterr().out == path.read_text()
    monkeypatch.delenv("REDIS_URL")
    assert await run("verify", str(path)) == 0
    assert capsys.readouterr().out == f"{path}: legal and whole, 5 entries, succeeded\n"
    copy.write_bytes(b"")
    assert await run("verify", str(path), str(copy), str(path)) == 1
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["legal", "FAULT:", "legal"]

    whole = path.read_bytes()
    for place in range(0, len(whole) - 1, 7):  # the last byte ends the last line, and may be left out
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 0x81]) + whole[place + 1 :])
        assert main(["verify", str(copy)]) == 1, whole[place - 9 : place + 9]
    assert "FAULT: its first line is not what `export` writes" in capsys.readouterr().out
    copy.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert await run("verify", str(copy)) == 1
    assert "entry 4 (ordered): its hash is not the head of the chain" in capsys.readouterr().out


async def test_a_tampered_timeline_is_exported_as_it_is(
    succeeded: Upgrade, raw: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await rewrite(raw, succeeded, 5, '"why"', ' "why"')
    path = tmp_path / "orders.jsonl"
    assert await run("export", succeeded.id, "--to", str(path)) == 0
    assert await run("verify", str(path)) == 1
    assert "entry 5 (finished): its hash is not the head of the chain" in capsys.readouterr().out


async def test_what_is_not_kept_is_said_with_what_may_be_meant(
    succeeded: Upgrade, raw: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("verify", succeeded.id[:-1]) == await run("export", succeeded.id[:-1]) == 2
    assert capsys.readouterr().err == 2 * (
        f"There is no upgrade and no file {succeeded.id[:-1]}. Did you mean {succeeded.id}?\n"
    )
    assert await run("verify", "x.jsonl") == await run("export", "all") == 2
    assert capsys.readouterr().err == (
        "There is no upgrade and no file x.jsonl. `verify all` names those that are kept.\n"
        "One upgrade at a time: `export UPGRADE`.\n"
    )
    assert await run("export", succeeded.id, "--to", "/nowhere/at/all") == 2
    assert "No such file or directory: '/nowhere/at/all'" in capsys.readouterr().err
    await raw.flushall()
    assert await run("verify") == 2
    assert capsys.readouterr().err == "No upgrade is kept in this store.\n"


@pytest.mark.parametrize(
    ("given", "redis", "said"),
    [
        ((), "redis://127.0.0.1:1", "the following arguments are required: command"),
        (("verify",), "redis://127.0.0.1:1", "Redis: ConnectionError"),
        (("verify",), "", "REDIS_URL: Field required"),
    ],
)
async def test_what_cannot_be_done_ends_with_2_and_a_sentence(given: tuple[str, ...], redis: str, said: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.audit", *given,
        cwd=ROOT, env={"PATH": os.environ["PATH"], "REDIS_URL": redis}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert said in errors.decode()
    assert "Traceback" not in errors.decode()
