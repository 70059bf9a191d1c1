"""With this directory in PYTHONPATH a Python process has a wall clock of its own: SIGUSR1 sets it an hour ahead, SIGUSR2 an hour back.

Python imports this before anything else, so whoever asks `time.time`, `time.time_ns` or `datetime.now` asks here.
What runs steadily (`time.monotonic`, timers) goes on as it does on a machine whose time is set.
"""

import datetime
import signal
import time
from typing import Any

STEP_NS = 3600 * 10**9
real_time_ns, real = time.time_ns, datetime.datetime
ahead_ns = 0


def time_ns() -> int:
    return real_time_ns() + ahead_ns


def step(number: int, _frame: Any) -> None:
    global ahead_ns
    ahead_ns += STEP_NS if number == signal.SIGUSR1 else -STEP_NS


class Stepped(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, real)


class datetime_(datetime.datetime, metaclass=Stepped):  # noqa: N801 - takes the place of the real one
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return real.now(tz) + datetime.timedelta(microseconds=ahead_ns // 1000)

    @classmethod
    def utcnow(cls) -> Any:
        return real.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(microseconds=ahead_ns // 1000)


datetime_.__name__ = datetime_.__qualname__ = "datetime"
time.time_ns = time_ns
time.time = lambda: time_ns() / 1e9
datetime.datetime = datetime_  # type: ignore[misc]
for each in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(each, step)
