"""A listener of our own on this machine, and knocks at it: whoever measures must know when it stood still itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt, Outcome
from bot.ports.clock import Clock

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Loopback:
    """The same event loop and the same network stack as every other attempt, and nothing of the outside."""

    clock: Clock
    port: int

    async def attempt(self, due: datetime, deadline: timedelta) -> Attempt:
        """It starts when it was due: a loop that came late to it has stood still that long."""
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                try:
                    writer.write(b"?")
                    await reader.readexactly(1)
                finally:
                    writer.close()
        except (OSError, TimeoutError, EOFError) as error:
            detail = f"no answer from ourselves: {type(error).__name__} {error}"
            return Attempt(start=due, end=self._end(due), outcome=Outcome.OURS, detail=detail)
        return Attempt(start=due, end=self._end(due), outcome=Outcome.OK)

    def _end(self, due: datetime) -> datetime:
        return max(due, self.clock.now())


@asynccontextmanager
async def listening(clock: Clock) -> AsyncIterator[Loopback]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    async with server:
        yield Loopback(clock, server.sockets[0].getsockname()[1])
