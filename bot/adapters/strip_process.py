"""`python -m bot.adapters.strip_process`: a strip as JSON comes in, its PNG goes out. See artist.py."""

import os
import resource
import sys
from typing import Final

MEMORY: Final = 2 << 30  # bytes of address space, most of which is never used
SECONDS: Final = 60  # of a processor: for whoever has lost its parent
GENTLY: Final = 5


def main() -> None:
    """Bounded first, then loaded."""
    os.nice(GENTLY)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for what, limit in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, MEMORY)):
        try:
            resource.setrlimit(what, (limit, limit))
        except (OSError, ValueError):
            sys.stderr.write("a limit that this system does not know\n")
    from bot.adapters.artist import STRIP
    from bot.adapters.strip import png

    sys.stdout.buffer.write(png(STRIP.validate_json(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
