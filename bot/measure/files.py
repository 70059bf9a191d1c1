"""Recordings as files, plain or compressed."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from bot.domain.errors import Refused
from bot.domain.recording import COLUMNS, row_of
from bot.domain.ways import Use

PIECE: Final = 1 << 16
LARGEST: Final = 1 << 30


def read_text(path: Path) -> str:
    """All that can be read of it: a process that was killed leaves a .gz without its end."""
    found = bytearray()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while len(found) <= LARGEST and (piece := file.read(PIECE)):
                found += piece
    except (EOFError, zlib.error):
        pass  # what came before it is whole
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(found) > LARGEST:
        raise Refused(f"{path} holds more than 1 GiB. Cut it and replay the parts one by one.")
    return found.decode("utf-8-sig", errors="replace")


class Recorder:
    """Writes attempts down as they end. What cannot be written is said once; the measurement goes on without it."""

    def __init__(self, path: Path, file: TextIO, complain: Callable[[str], None]) -> None:
        self._path = path
        self._file = file
        self._complain = complain
        self._writer = csv.writer(file, lineterminator="\n")
        self._is_broken = False

    def write(self, row: Sequence[str]) -> None:
        if not self._is_broken:
            self._carefully(lambda: self._writer.writerow(row))

    def close(self) -> None:
        self._carefully(self._file.close)

    def _carefully(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            if not self._is_broken:
                self._complain(
                    f"{self._path} cannot be written any more, so it is not whole: {error.strerror or error}."
                )
            self._is_broken = True


@contextmanager
def recording(path: Path | None, complain: Callable[[str], None]) -> Iterator[Callable[[Use], None]]:
    """Give what writes an attempt down. Nothing that is there already is overwritten."""
    if path is None:
        yield lambda _: None
        return
    recorder = Recorder(path, _created(path), complain)
    try:
        recorder.write(COLUMNS)
        yield lambda use: recorder.write(row_of(use))
    finally:
        recorder.close()


def _created(path: Path) -> TextIO:
    try:
        if path.suffix == ".gz":
            return io.TextIOWrapper(gzip.open(path, "xb"), encoding="utf-8", newline="")
        return path.open("x", encoding="utf-8", newline="", buffering=1)
    except FileExistsError as error:
        raise Refused(f"{path} exists already. Name another file to record to.") from error
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error
