"""The bot's processes as forks of one that has imported all there is to import: real ones, but up in a tenth of a second.

Each is told from a fresh start by nothing but that: it has its own session, environment and log, and ends as it ends.
"""

import importlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.processes import ROOT, Starter
from tests.chaos.doomed import Fate, Supervisor, watch_over

PROGRAMS: Final = {"handlers": "handlers.__main__", "bot.worker": "bot.worker", "bot.prober": "bot.prober"}
LAZY: Final = (
    "slack_sdk.web.async_client",
    "docket.worker",
    "redis.asyncio",
    "botocore.httpsession",
    "botocore.handlers",
)
ORPHANED_SECONDS: Final = 0.5
POLL_SECONDS: Final = 0.01

_server: Final = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([__name__, *PROGRAMS.values(), *LAZY])
_one_at_a_time: Final = threading.Lock()  # multiprocessing looks after all of its children whenever it starts one


class Life:
    """What `subprocess.Popen` is to a program, for a fork."""

    def __init__(self, born: "Born", command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.touch()  # at once, for those who read it
        given = (born, _program(command), dict(environment), str(log))
        self._process = _server.Process(target=live, args=given, daemon=True)
        with _one_at_a_time:
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        with _one_at_a_time:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self._process.name), timeout or 0.0)
            time.sleep(POLL_SECONDS)
        return status

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self._process.kill()


@dataclass(frozen=True)
class Born:
    """Under which name, and where its effects are written down; whether it is supervised, and so may be doomed to die."""

    name: str
    chaos: Path
    supervised: bool


def doomed(chaos: Path) -> Starter:
    """Whose lives end where the doom in this directory has it; a supervisor starts them anew."""
    return lambda name, command, environment, log: Life(Born(name, chaos, supervised=True), command, environment, log)


def watched(chaos: Path) -> Starter:
    """Whose effects are written down; who dies is left to others."""
    return lambda name, command, environment, log: Life(Born(name, chaos, supervised=False), command, environment, log)


def _program(command: Sequence[str]) -> str:
    python, dash_m, program = command
    assert (python, dash_m) == ("python", "-m"), command
    return PROGRAMS[program]


def live(born: Born, program: str, environment: Mapping[str, str], log: str) -> None:
    """In the fork."""
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    to = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in (1, 2):
        os.dup2(to, number)

    def be() -> None:
        watch_over(Fate(born.name, born.chaos))
        _be(program)

    if born.supervised:
        sys.exit(Supervisor(be).run())
    be()


def _be(program: str) -> None:
    threading.Thread(target=_outlive_nobody, args=(os.getppid(),), daemon=True).start()
    sys.argv = [program]
    importlib.import_module(program).main()


def _outlive_nobody(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHANED_SECONDS)
    os._exit(1)
