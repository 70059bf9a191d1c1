"""The files in which a prober keeps attempts that the store has not taken, so that they outlive the process.

One file for each endpoint that is measured here: a line says of what, then each line is one attempt, in whatever way. Its writer holds a
lock on it, which ends with the process; so whoever gets the lock has found what a dead prober left behind. A line that was
cut off, as the last one may be, is left out. No power cut is meant to be survived, so nothing is forced to disk.
"""

import fcntl
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import time
from typing import IO, Any, Final, Self

from bot.domain.attempts import Attempt
from bot.domain.ids import UpgradeId
from bot.domain.ways import Use
from bot.ports.probing import Leftover

LINES: Final = 100_000  # of one file: half an hour of attempts in all ways, hot, and hours when it is calm
FORGOTTEN_SECONDS: Final = 24 * 3600.0  # so long is kept what is of an upgrade that nobody knows

log = logging.getLogger(__name__)


def usual_place() -> Path:
    """Of this user, on this machine."""
    return Path(tempfile.gettempdir()) / f"aurora-upgrade-bot-{os.getuid()}"


@dataclass
class _File:
    path: Path
    text: IO[str]
    lines: int = 0


class FileSpill:
    """Files in a directory that nobody else may read or write. Safe to call from any thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[tuple[str, str], _File] = {}
        self._lock = Lock()
        self._in_trouble = False

    @classmethod
    def at(cls, place: Path, store: str) -> Self:
        """Apart for each store, by its URL. OSError when nothing can be kept there."""
        address = re.sub(r"//.*@", "//", store)
        directory = place / hashlib.sha256(address.encode()).hexdigest()[:12]
        for each in (place, directory):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_uid != os.getuid() or place.is_symlink():
            raise PermissionError(f"{directory} is somebody else's")
        with tempfile.TemporaryFile(dir=directory):
            return cls(directory)

    def keep(
        self, upgrade: UpgradeId, endpoint: str, vantage: str, attempts: Sequence[Attempt], others: Sequence[Use] = ()
    ) -> None:
        name, rows = (upgrade, endpoint), [*(each.to_row() for each in attempts), *(each.to_row() for each in others)]
        try:
            with self._lock:
                file = self._files[name] = self._files.get(name) or self._new(upgrade, endpoint, vantage)
                lines = [f"{json.dumps(row)}\n" for row in rows[: LINES - file.lines]]
                file.lines += len(lines)
                file.text.write("".join(lines))
                file.text.flush()
        except OSError as trouble:
            if not self._in_trouble:
                log.warning("%s: attempts wait for the store in memory only: %s", endpoint, trouble)
            self._in_trouble = True

    def drop(self, upgrade: UpgradeId, endpoint: str) -> None:
        with self._lock, suppress(OSError):
            if file := self._files.pop((upgrade, endpoint), None):
                file.path.unlink(missing_ok=True)
                file.text.close()

    def release(self, upgrade: UpgradeId, endpoint: str) -> None:
        with self._lock, suppress(OSError):
            if file := self._files.pop((upgrade, endpoint), None):
                file.text.close()

    def left_behind(self) -> Iterator[Leftover]:
        """Each is locked until the next one is asked for. What cannot be read now is there the next time."""
        for path in sorted(self._directory.glob("*.attempts")):
            try:
                with path.open("r+", encoding="utf-8", errors="replace") as text:
                    if _is_left(text) and path.exists():
                        yield from _read(path, text)
            except FileNotFoundError:
                pass
            except OSError as trouble:
                log.warning("%s stays where it is: %s", path, trouble)

    def _new(self, upgrade: str, endpoint: str, vantage: str) -> _File:
        """Under its name only when it is locked, so that nobody takes it for left behind."""
        number, made = tempfile.mkstemp(".new", "", self._directory)
        text = os.fdopen(number, "a", encoding="utf-8")
        fcntl.flock(text, fcntl.LOCK_EX | fcntl.LOCK_NB)
        text.write(json.dumps({"upgrade": upgrade, "endpoint": endpoint, "vantage": vantage}) + "\n")
        return _File(Path(made).rename(Path(made).with_suffix(".attempts")), text)


def _is_left(text: IO[str]) -> bool:
    try:
        fcntl.flock(text, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(path: Path, text: IO[str]) -> Iterator[Leftover]:
    head, *rows = [_parsed(line, json.loads) for line in text.read().splitlines()] or [None]
    try:
        upgrade, endpoint, vantage = (str(head[name]) for name in ("upgrade", "endpoint", "vantage"))
    except (TypeError, KeyError):
        log.warning("%s cannot be read, and is thrown away", path)
        _throw_away(path)
        return
    kept = [_parsed(row, lambda each: _kept(endpoint, each)) for row in rows if row is not None]
    yield Leftover(
        upgrade=UpgradeId(upgrade),
        endpoint=endpoint,
        vantage=vantage,
        attempts=tuple(each for each in kept if isinstance(each, Attempt)),
        others=tuple(each for each in kept if isinstance(each, Use)),
        is_old=time() - path.stat().st_mtime > FORGOTTEN_SECONDS,
        throw_away=lambda: _throw_away(path),
    )


def _throw_away(path: Path) -> None:
    """Whoever finds it again stores it again, which does no harm."""
    try:
        path.unlink(missing_ok=True)
    except OSError as trouble:
        log.warning("%s stays where it is: %s", path, trouble)


def _kept(endpoint: str, row: Any) -> Attempt | Use:
    """In other ways than by new connections, the row begins with the name of the lane."""
    is_other = isinstance(row, list) and bool(row) and isinstance(row[0], str)
    return Use.from_row(endpoint, row) if is_other else Attempt.from_row(row)


def _parsed(given: Any, parse: Callable[[Any], Any]) -> Any:
    try:
        return parse(given)
    except ValueError:
        return None
