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
    for thing in held:
        if not thing.isdigit():
            shutil.rmtree(thing, ignore_errors=True)


def end(pids: set[int]) -> None:
    send(pids, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    send(pids, signal.SIGKILL)


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
