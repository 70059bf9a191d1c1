"""When this process, which carries every session, did not get on itself: on a busy machine its clients wait for it as well."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

STEP: Final = timedelta(seconds=0.02)
Stretch = tuple[datetime, datetime]


@contextmanager
def watched() -> Iterator[list[Stretch]]:
    """While the block lasts, the stretches that are added are those in which a step took more than twice as long as it should."""
    late, over = list[Stretch](), Event()

    def watch() -> None:
        began = datetime.now(UTC)
        while not over.wait(STEP.total_seconds()):
            now = datetime.now(UTC)
            if now - began > 2 * STEP:
                late.append((began, now))
            began = now

    thread = Thread(target=watch, name="lateness", daemon=True)
    thread.start()
    try:
        yield late
    finally:
        over.set()
        thread.join()
