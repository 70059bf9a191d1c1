"""`python -m bot.audit`: was every move of an upgrade legal, and is its timeline as it was written?"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from bot.domain.audit import Verdict, audit
from bot.domain.chain import Chain, Fault, Link
from bot.domain.errors import Refused, Unavailable
from bot.domain.ids import Position, UpgradeId
from bot.domain.status import said
from bot.domain.suggest import closest
from bot.domain.timeline import ENTRY
from bot.settings import Settings, read
from bot.wiring import require_redis, store

FINE, FAULTY, UNUSABLE = 0, 1, 2  # how the process ends
ALL: Final = "all"


async def verify(what: str) -> int:
    """A line for each upgrade; FAULTY when one of them is."""
    worst = FINE
    async for chain, positions in _kept(what):
        worst = max(worst, _say(chain.upgrade, chain, positions))
    return worst


def verify_file(path: str) -> int:
    """The same of what `export` wrote, without any store. A byte that is damaged makes its entry unreadable, no more."""
    try:
        chain = Chain.of_lines(Path(path).read_bytes().decode(errors="surrogateescape"))
    except ValueError as error:
        sys.stdout.write(f"{path}: FAULT: {error}\n")
        return FAULTY
    return _say(path, chain)


async def export(upgrade: str) -> bytes:
    """Its timeline as JSON Lines, as it is kept: whether it is legal is another question."""
    if upgrade == ALL:
        raise Refused("One upgrade at a time: `export UPGRADE`.")
    lines = [line async for chain, _ in _kept(upgrade) for line in chain.lines()]
    return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")


async def _kept(what: str) -> AsyncIterator[tuple[Chain, tuple[Position, ...]]]:
    """The timelines of that upgrade, or of all; Refused when none is kept under that name."""
    settings = read(Settings)
    require_redis(settings)
    async with store(settings) as opened:
        ids = await opened.upgrades.ids()
        chosen = ids if what == ALL else [each for each in ids if each == what]
        if not chosen:
            raise Refused(_unknown(what, ids))
        for id in chosen:
            yield await opened.upgrades.chain(id)


def _unknown(what: str, ids: Sequence[UpgradeId]) -> str:
    if not ids:
        return "No upgrade is kept in this store."
    near = closest(what, ids)
    return f"There is no upgrade and no file {what}. " + (
        f"Did you mean {near}?" if near else "`verify all` names those that are kept."
    )


def _say(name: str, chain: Chain, positions: Sequence[Position] = ()) -> int:
    verdict = audit(chain)
    sys.stdout.write(f"{name}: {_outcome(verdict)}{_faults(verdict, chain, positions)}\n")
    return FAULTY if verdict.faults else FINE


def _outcome(verdict: Verdict) -> str:
    entries = f"{verdict.entries} {'entry' if verdict.entries == 1 else 'entries'}"
    if verdict.faults:
        return f"FAULT in {entries}"
    status = said(verdict.status) if verdict.status else ""
    if verdict.unchained:
        return f"legal, {entries}, {status}; {verdict.unchained} UNCHAINED, older than the chain: nobody knows whether they are as written"
    return f"legal and whole, {entries}, {status}"


def _faults(verdict: Verdict, chain: Chain, positions: Sequence[Position]) -> str:
    return "".join(f"; {_place(fault, chain, positions)}: {fault.what}" for fault in verdict.faults)


def _place(fault: Fault, chain: Chain, positions: Sequence[Position]) -> str:
    """The entry's number, where the store has it, and of what kind it is."""
    if not fault.number:
        return "entry 0"
    known = [*positions[fault.number - 1 : fault.number], _kind(chain.links[fault.number - 1])]
    return f"entry {fault.number} ({', '.join(known)})"


def _kind(link: Link) -> str:
    try:
        return ENTRY.validate_json(link.entry, extra="ignore").kind
    except ValueError:
        return "unreadable"


def _asked(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bot.audit", description="Verify and export the timelines of upgrades.")
    commands = parser.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser("verify", help="exit 1 when a move was illegal or a timeline is not as written")
    verifying.add_argument("what", nargs="*", default=[ALL], metavar="UPGRADE|all|FILE", help="all, unless named")
    exporting = commands.add_parser("export", help="write a timeline as JSON Lines, which verify accepts")
    exporting.add_argument("upgrade", metavar="UPGRADE")
    exporting.add_argument("--to", metavar="FILE", help="instead of standard output")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    asked = _asked(given)
    try:
        if asked.command == "export":
            _write(asyncio.run(export(asked.upgrade)), asked.to)
            return FINE
        return max(verify_file(what) if Path(what).is_file() else asyncio.run(verify(what)) for what in asked.what)
    except (Refused, Unavailable, OSError) as trouble:
        sys.stderr.write(f"{trouble}\n")
        return UNUSABLE


def _write(data: bytes, to: str | None) -> None:
    if to is None:
        sys.stdout.buffer.write(data)
    else:
        Path(to).write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
