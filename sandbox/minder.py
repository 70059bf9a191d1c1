"""Waits for its parent to vanish, then takes down what the parent had on its leash; a program of its own, told by lines on stdin."""

import contextlib
import os
import shutil
import signal
import sys
import time

PATIENCE = 5.0  # seconds a process gets to leave by itself


def main() -> None:
    held: set[str] = set()
    for line in sys.stdin:
        verb, _, thing = line.rstrip("\n").partition(" ")
        held.add(thing) if verb == "hold" else held.discard(thing)
    end({int(thing) for thing in held if thing.isdigit()})
    remove({thing for thing in held if not thing.isdigit()})


def end(pids: set[int]) -> None:
    send(pids, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    send(pids, signal.SIGKILL)


def remove(directories: set[str]) -> None:
    """Until they are gone: processes on other leashes may be writing their last into them."""
    deadline = time.monotonic() + 2 * PATIENCE
    while directories and time.monotonic() < deadline:
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
        directories = {each for each in directories if os.path.lexists(each)}
        time.sleep(0.02)


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
