"""What lets a process of the bot die at the effect it is doomed to die at, and what starts it anew.

An effect is what outlives the process: a commit in Redis, a call to Slack, to AWS, to Docket. Each has a mark, such as
`worker redis:COMMIT approved 1`: whose it is, what it does, and the how manieth of its name in the whole upgrade, deaths or not.
Each is written down in `effects`, with the time, before it begins. At those that `doom` names (`MARK before|after`, a line each) the
process kills itself, as in a power cut, right before it or right after it: at each once, and never while another death is being
recovered from. Whoever is dead is started anew, as a supervisor would.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

AGAIN_SECONDS: Final = 0.2  # from a death to the next life
LOOK_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 8.0  # of a supervisor with a life that was told to end
WEB_DEATHS: Final = 2  # people ask again when they get no answer, but not for ever


@dataclass(frozen=True)
class Death:
    """Of whom, when (epoch seconds), and at which point."""

    name: str
    at: float
    point: str


def note(chaos: Path, death: Death) -> None:
    with (chaos / "deaths").open("a") as file:
        file.write(f"{death.name} {death.at:.3f} {death.point}\n")


def read_deaths(chaos: Path) -> tuple[Death, ...]:
    file = chaos / "deaths"
    lines = file.read_text().splitlines() if file.exists() else ()
    parts = (line.split(" ", 2) for line in lines)
    return tuple(Death(name, float(at), point) for name, at, point in parts)


@dataclass(frozen=True)
class Doom:
    """The points at which to die, how often at most, and how long anybody is left alone after a death."""

    points: tuple[str, ...]
    deaths: int = 1
    apart: float = 2.0  # seconds between two deaths
    alone: float = 4.0  # seconds between two of the same process

    def write(self, chaos: Path) -> None:
        (chaos / "doom").write_text(json.dumps(vars(self)))

    @classmethod
    def read(cls, chaos: Path) -> "Doom":
        file = chaos / "doom"
        given = json.loads(file.read_text()) if file.exists() else {"points": ()}
        return cls(**given | {"points": tuple(given["points"])})


class Fate:
    """Counts the effects of this name across its lives, and strikes where it is doomed to."""

    def __init__(self, name: str, chaos: Path) -> None:
        self._name, self._chaos = name, chaos
        self._lock = threading.Lock()
        self._doom = Doom.read(chaos)
        self._points = frozenset(self._doom.points)
        self._seen = Counter(mark.rpartition(" ")[0] for _, mark in read_effects(chaos) if mark.split()[0] == name)

    def begins(self, effect: str) -> str:
        with self._lock:
            name = f"{self._name} {effect}"
            self._seen[name] += 1
            mark = f"{name} {self._seen[name]}"
            with (self._chaos / "effects").open("a") as effects:
                effects.write(f"{time.time():.3f} {mark}\n")
        self._strike(f"{mark} before")
        return mark

    def ended(self, mark: str) -> None:
        self._strike(f"{mark} after")

    def _strike(self, point: str) -> None:
        if point not in self._points:
            return
        with _alone(self._chaos / "lock"):
            now, deaths = time.time(), read_deaths(self._chaos)
            if not self._may_die(point, now, deaths):
                return
            note(self._chaos, Death(self._name, now, point))
        os.kill(os.getpid(), signal.SIGKILL)

    def _may_die(self, point: str, now: float, deaths: tuple[Death, ...]) -> bool:
        own = [death for death in deaths if death.name == self._name]
        return (
            len(deaths) < self._doom.deaths
            and point not in {death.point for death in deaths}
            and all(now - death.at > self._doom.apart for death in deaths)
            and all(now - death.at > self._doom.alone for death in own)
            and (self._name != "web" or len(own) < WEB_DEATHS)
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Nobody else of this upgrade decides meanwhile whether to die. Whoever dies lets go of it."""
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def read_effects(chaos: Path) -> Iterator[tuple[float, str]]:
    """When each effect began, and its mark."""
    file = chaos / "effects"
    for line in file.read_text().splitlines() if file.exists() else ():
        at, _, mark = line.partition(" ")
        yield float(at), mark


def watch_over(fate: Fate) -> None:
    """Every door to the outside is passed through `fate`."""
    from botocore.client import BaseClient
    from docket import Docket
    from docket.execution import Execution
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.adapters import redis_scripts
    from bot.adapters.redis import RedisServer

    scripts = {text: name for name, text in vars(redis_scripts).items() if isinstance(text, str)}
    _around(RedisServer, "run", lambda given, _: _ran(scripts.get(given[1], "script"), given[2:]), fate)
    _around(RedisServer, "do", lambda given, _: f"redis:{given[1]}{_key(given[2:3])}", fate)
    _around(AsyncWebClient, "api_call", lambda given, named: f"slack:{given[1]}{_addressed(named)}", fate)
    _around(Docket, "add_many", lambda _, __: "docket:add_many", fate)
    _around(Docket, "cancel", lambda _, __: "docket:cancel", fate)
    _around(Execution, "claim", lambda given, _: f"docket:claim:{given[0].function_name}", fate)
    _around(Execution, "schedule", lambda given, _: f"docket:schedule:{given[0].function_name}", fate)
    api: Any = BaseClient  # its stubs hide what all its calls go through
    ask = api._make_api_call

    def asked(client: Any, operation: str, parameters: Any) -> Any:
        mark = fate.begins(f"aws:{operation}")
        answer = ask(client, operation, parameters)
        fate.ended(mark)
        return answer

    api._make_api_call = asked


def _ran(script: str, given: tuple[Any, ...]) -> str:
    """With the kind of the first entry that is written, or what the key is of."""
    keys, *arguments = given
    values = (json.loads(each) for each in arguments if str(each).startswith("{"))
    kind = next((each["kind"] for each in values if "kind" in each), "")
    return f"redis:{script}" + (f" {kind}" if kind else _key(keys))


def _key(keys: Any) -> str:
    """What kind of key of ours it is: `{aurora}:seen:…` is `seen`."""
    parts = str(keys[0]).split(":") if keys else []
    return f" {parts[1]}" if len(parts) > 1 else ""


def _addressed(named: Mapping[str, Any]) -> str:
    """A reply, or what stands in the channel."""
    sent = named.get("json") or named.get("params") or named.get("data") or {}
    if not isinstance(sent, Mapping) or "channel" not in sent:
        return ""
    return " reply" if sent.get("thread_ts") else " channel"


def _around(kind: type, method: str, name: Callable[[tuple[Any, ...], Mapping[str, Any]], str], fate: Fate) -> None:
    real: Callable[..., Awaitable[Any]] = getattr(kind, method)

    async def fated(*given: Any, **named: Any) -> Any:
        mark = fate.begins(name(given, named))
        answer = await real(*given, **named)
        fate.ended(mark)
        return answer

    setattr(kind, method, fated)


class Supervisor:
    """Life after life, each a fork, until told to stop or until one ends that nobody doomed to it."""

    def __init__(self, life: Callable[[], None]) -> None:
        self._life = life
        self._parent = os.getppid()
        self._stopped = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: Any) -> None:
        self._stopped = True

    def run(self) -> int:
        while not self._stopped:
            status = self._watch(self._begin())
            if status != -signal.SIGKILL:
                return status
            time.sleep(AGAIN_SECONDS)
        return 0

    def _begin(self) -> int:
        if pid := os.fork():
            return pid
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        status = 1
        try:
            self._life()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _watch(self, pid: int) -> int:
        told = 0.0
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if self._stopped and not told:
                told = time.monotonic()
                os.kill(pid, signal.SIGTERM)
            if os.getppid() != self._parent or (told and time.monotonic() - told > PATIENCE_SECONDS):
                os.kill(pid, signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
