"""`python -m tests.chaos.doomed NAME MODULE`: runs a process of the bot, and lets it die at the effect it is doomed to die at.

An effect is what outlives the process: a commit in Redis, a call to Slack, to AWS, to Docket. Each is written down in
`$CHAOS/effects`, with the time, before it begins. The one that `$CHAOS/doom` names (`NAME EFFECT ORDINAL before|after`) is the last: the
process kills itself, as in a power cut, right before it or right after it. Then it is started anew, as a supervisor would.
"""

import asyncio
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

CHAOS: Final = Path(os.environ.get("CHAOS", "."))
EFFECTS: Final = CHAOS / "effects"
DOOM: Final = CHAOS / "doom"
DEATHS: Final = CHAOS / "deaths"  # of whom and when, epoch seconds
AGAIN_SECONDS: Final = 0.2


class Fate:
    """Counts the effects of this life; the doom strikes once, in the first life that reaches it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._doom = DOOM.read_text().split() if DOOM.exists() else []

    def begins(self, effect: str) -> str:
        with self._lock:
            self._seen[effect] += 1
            mark = f"{self._name} {effect} {self._seen[effect]}"
            with EFFECTS.open("a") as effects:
                effects.write(f"{time.time():.3f} {mark}\n")
        self._strike(mark, "before")
        return mark

    def ended(self, mark: str) -> None:
        self._strike(mark, "after")

    def _strike(self, mark: str, moment: str) -> None:
        if self._doom == [*mark.split(), moment] and not DEATHS.exists():
            DEATHS.write_text(f"{self._name} {time.time():.3f}\n")
            os.kill(os.getpid(), signal.SIGKILL)


def watch_over(fate: Fate) -> None:
    """Every door to the outside is passed through `fate`."""
    from botocore.client import BaseClient
    from docket import Docket
    from docket.execution import Execution
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.adapters import redis_scripts
    from bot.adapters.redis import RedisServer

    scripts = {text: name for name, text in vars(redis_scripts).items() if isinstance(text, str)}
    _around(RedisServer, "run", lambda given: f"redis:{scripts.get(given[1], 'script')}", fate)
    _around(RedisServer, "do", lambda given: f"redis:{given[1]}", fate)
    _around(AsyncWebClient, "api_call", lambda given: f"slack:{given[1]}", fate)
    _around(Docket, "add_many", lambda _: "docket:add_many", fate)
    _around(Docket, "cancel", lambda _: "docket:cancel", fate)
    _around(Execution, "claim", lambda given: f"docket:claim:{given[0].function_name}", fate)
    _around(Execution, "schedule", lambda given: f"docket:schedule:{given[0].function_name}", fate)
    api: Any = BaseClient  # its stubs hide what all its calls go through
    ask = api._make_api_call

    def asked(client: Any, operation: str, parameters: Any) -> Any:
        mark = fate.begins(f"aws:{operation}")
        answer = ask(client, operation, parameters)
        fate.ended(mark)
        return answer

    api._make_api_call = asked


def _around(kind: type, method: str, name: Callable[[tuple[Any, ...]], str], fate: Fate) -> None:
    real: Callable[..., Awaitable[Any]] = getattr(kind, method)

    async def fated(*given: Any, **named: Any) -> Any:
        mark = fate.begins(name(given))
        answer = await real(*given, **named)
        fate.ended(mark)
        return answer

    setattr(kind, method, fated)


def live(name: str, module: str) -> None:
    """One life. Whoever started it is at the other end of stdin, and must not be outlived."""
    threading.Thread(target=lambda: sys.stdin.read() or os._exit(1), daemon=True).start()
    watch_over(Fate(name))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


async def supervise(name: str, module: str) -> int:
    """Life after life until told to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    while True:
        life = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.doomed", name, module, "live", stdin=subprocess.PIPE
        )
        ends, stops = asyncio.create_task(life.wait()), asyncio.create_task(stopped.wait())
        await asyncio.wait({ends, stops}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.is_set():
            if life.returncode is None:
                life.terminate()
            return await ends
        stops.cancel()
        if life.returncode != -signal.SIGKILL:
            return life.returncode or 0  # an end that nobody doomed it to is for others to see
        await asyncio.sleep(AGAIN_SECONDS)


if __name__ == "__main__":
    if sys.argv[3:] == ["live"]:
        live(sys.argv[1], sys.argv[2])
    else:
        sys.exit(asyncio.run(supervise(sys.argv[1], sys.argv[2])))
