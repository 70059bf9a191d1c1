"""The bot's real processes, as its Procfile names them; each can be killed and started again."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final, Protocol, Self

from aiohttp import ClientError, ClientSession
from honcho.environ import parse_procfile

from sandbox.leash import Leash

ROOT: Final = Path(__file__).resolve().parent.parent
PROCFILE: Final = ROOT / "Procfile"
READY: Final = "ready"  # the last word of the line a process logs when it serves
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0


class Running(Protocol):
    """What is asked of a process; of those that `subprocess` starts it is a part."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int:
        """How it ended; subprocess.TimeoutExpired when it has not."""
        ...

    def send_signal(self, sig: int, /) -> None: ...

    def kill(self) -> None: ...


class Starter(Protocol):
    def __call__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Running: ...


def spawn(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Running:  # noqa: ARG001
    """A program of its own; what it prints is added to the log."""
    with log.open("ab") as to:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=to, stderr=to, start_new_session=True
        )


class Processes:
    """Started by their names in the Procfile; what they print goes to one log file each."""

    def __init__(self, directory: Path, environment: Mapping[str, str], starter: Starter, leash: Leash) -> None:
        self.commands: Mapping[str, str] = parse_procfile(PROCFILE.read_text()).processes
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._environment = environment
        self._starter = starter
        self._leash = leash
        self._running: dict[str, Running] = {}

    @classmethod
    @asynccontextmanager
    async def start(
        cls, directory: Path, environment: Mapping[str, str], starter: Starter = spawn
    ) -> AsyncIterator[Self]:
        """All of them; ready when each has said so."""
        with Leash() as leash:
            processes = cls(directory, environment, starter, leash)
            try:
                for name in processes.commands:
                    processes.begin(name)
                await asyncio.gather(*map(processes.ready, processes.commands))
                yield processes
            finally:
                await processes.stop()

    def log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def begin(self, name: str) -> None:
        """By its name in the Procfile; what follows a dot tells one more of the kind from the others, as in `worker.2`."""
        command = shlex.split(self.commands[name.partition(".")[0]])
        environment = inherited() | dict(self._environment)
        self._running[name] = self._starter(name, command, environment, self.log(name))
        self._leash.hold(self._running[name].pid)

    async def ready(self, name: str) -> None:
        """Returns when the process has said that it serves; RuntimeError with its log when it never does."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self._is_ready(name):
                    if self._running[name].poll() is not None:
                        raise TimeoutError
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise RuntimeError(f"{name} did not start:\n{self.log(name).read_text()}") from None

    async def _is_ready(self, name: str) -> bool:
        """The ears answer `/readyz`; the others, which nobody calls, log that they are ready."""
        if name != "web":
            return any(line.endswith(READY) for line in self.log(name).read_text().splitlines())
        url = f"http://127.0.0.1:{self._environment['PORT']}/readyz"
        async with ClientSession() as session:
            try:
                async with session.get(url) as answer:
                    return answer.status == 200
            except ClientError:
                return False

    def fallen(self) -> list[str]:
        """Those that ended though nobody ended them, each in a sentence."""
        ended = {name: each.poll() for name, each in list(self._running.items())}
        return [
            f"{name} ended by itself with status {status}. Its last words: {self._last_words(name)}"
            for name, status in ended.items()
            if status is not None
        ]

    def _last_words(self, name: str) -> str:
        return next((line for line in reversed(self.log(name).read_text().splitlines()) if line.strip()), "none")

    def kill(self, name: str) -> None:
        """Die as in a power cut."""
        self._end(name, signal.SIGKILL)

    async def terminate(self, name: str) -> float:
        """SIGTERM, as a deploy does; how many seconds it took to end. RuntimeError when it had to be killed after all."""
        began = monotonic()
        ended = await asyncio.to_thread(self._end, name, signal.SIGTERM)
        if not ended:
            raise RuntimeError(f"{name} did not end within {STOP_SECONDS:g} s of its SIGTERM")
        return monotonic() - began

    def freeze(self, name: str) -> None:
        """Stand still, as a machine that is suspended does, until it is thawed."""
        self.tell(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.tell(name, signal.SIGCONT)

    def tell(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    async def restart(self, name: str) -> None:
        """What a supervisor does when a process is gone."""
        self.log(name).write_text("")
        self.begin(name)
        await self.ready(name)

    async def stop(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(asyncio.to_thread(self._end, name, None) for name in list(self._running)))

    def _end(self, name: str, number: int | None) -> bool:
        """Whether it ended in time."""
        process, in_time = self._running.pop(name), True
        if number is not None:
            process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            in_time = False
        self._leash.release(process.pid)
        return in_time

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each process that runs, MiB; of none where there is no /proc."""
        statms = {name: Path(f"/proc/{each.pid}/statm") for name, each in list(self._running.items())}
        pages = {name: int(statm.read_text().split()[1]) for name, statm in statms.items() if statm.exists()}
        return {name: count * os.sysconf("SC_PAGE_SIZE") / 2**20 for name, count in pages.items()}


def inherited() -> dict[str, str]:
    """Of our own environment only what names no other world: no AWS profile, no Slack token gets through.

    Nobody outside is trusted either; to read who usually is takes each process a tenth of a second at its start.
    """
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    nowhere = dict.fromkeys(
        ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"), os.devnull
    )
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    return {**kept, **nowhere, "PATH": path, "PYTHONUNBUFFERED": "1"}
