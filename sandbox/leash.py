"""The leash: processes and directories that must not outlive this program, even when it is killed outright."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from types import TracebackType
from typing import Self

MINDER = Path(__file__).with_name("minder.py")


@contextmanager
def leashed_directory(prefix: str) -> Iterator[Path]:
    """A temporary directory, gone afterwards, even when this program is killed outright."""
    with Leash() as leash, TemporaryDirectory(prefix=prefix) as name:
        leash.hold(Path(name))
        yield Path(name)


class Leash:
    """A tiny process that notices our death by the end of its stdin.

    Linux's PR_SET_PDEATHSIG would save the process, but it fires when the *thread* that forked ends, is lost on a
    change of user, and needs code between fork and exec in a program full of threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._minder = subprocess.Popen(
            [sys.executable, "-I", "-S", MINDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def hold(self, thing: int | Path) -> None:
        """A process, by its id, or a directory tree."""
        self._say(f"hold {thing}\n")

    def release(self, thing: int | Path) -> None:
        self._say(f"release {thing}\n")

    def _say(self, line: str) -> None:
        assert self._minder.stdin is not None
        with self._lock:
            self._minder.stdin.write(line.encode())
            self._minder.stdin.flush()

    def close(self) -> None:
        assert self._minder.stdin is not None
        self._minder.stdin.close()
        self._minder.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
