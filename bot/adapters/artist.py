"""Pictures are drawn in a process of their own: what it takes to draw one would double the memory of a worker.

That process is short-lived, gentle to its neighbours, sees none of our secrets, and is ended when it takes too long.
"""

import asyncio
import os
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bot.domain.errors import Unavailable
from bot.messages.strip import Strip

STRIP: Final = TypeAdapter(Strip)
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
DEADLINE: Final = timedelta(seconds=15)  # it takes about one second on an idle machine
QUEUE: Final = 4  # deadlines that a picture waits for others, and is drawn in, at most
REMEMBERED: Final = 8  # pictures of some 100 kB, for those whose upload has to wait
HOME: Final = Path(__file__).parents[2]
SEEN: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
PROGRAM: Final = (sys.executable, "-m", "bot.adapters.strip_process")


@dataclass(frozen=True)
class ProcessArtist:
    """Plays ports.Artist. One picture at a time."""

    deadline: timedelta = DEADLINE
    program: tuple[str, ...] = PROGRAM
    _drawn: OrderedDict[Strip, bytes] = field(default_factory=OrderedDict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def png(self, strip: Strip) -> bytes:
        try:
            async with asyncio.timeout(QUEUE * self.deadline.total_seconds()), self._turn:
                if strip not in self._drawn:
                    async with asyncio.timeout(self.deadline.total_seconds()):
                        self._drawn[strip] = await self._draw(strip)
        except TimeoutError as error:
            raise Unavailable("the strip", "timeout") from error
        except OSError as error:
            raise Unavailable("the strip", type(error).__name__, str(error)) from error
        while len(self._drawn) > REMEMBERED:
            self._drawn.popitem(last=False)
        return self._drawn.get(strip, b"")

    async def _draw(self, strip: Strip) -> bytes:
        pipe, seen = asyncio.subprocess.PIPE, {name: os.environ[name] for name in SEEN if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *self.program, stdin=pipe, stdout=pipe, stderr=pipe, cwd=HOME, env=seen
        )
        try:
            drawn, complaint = await process.communicate(STRIP.dump_json(strip))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or not drawn.startswith(SIGNATURE):
            raise Unavailable("the strip", f"exit {process.returncode}", complaint.decode(errors="replace")[-500:])
        return drawn
