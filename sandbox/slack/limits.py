"""How often the bot may call, as Slack counts it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.errors import RateLimitError

POSTS_PER_SECOND = 1.0
POSTS_AT_ONCE = 4
UPDATES_PER_MINUTE = 50


@dataclass
class Bucket:
    """Fills at `rate` per second up to `size`; each call takes one."""

    rate: float
    size: float
    at: float
    held: float = -1.0

    def take(self, now: float) -> float:
        """Seconds to wait before the next call is allowed; 0 when this one was."""
        full = self.held < 0
        self.held = self.size if full else min(self.size, self.held + (now - self.at) * self.rate)
        self.at = now
        if self.held < 1:
            return (1 - self.held) / self.rate
        self.held -= 1
        return 0


class RateLimits:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[str, Bucket] = {}

    def posting(self, channel: str) -> None:
        """One message a second to a channel, its threads included, with a small burst."""
        self._take(f"post {channel}", POSTS_PER_SECOND, POSTS_AT_ONCE)

    def updating(self) -> None:
        self._take("update", UPDATES_PER_MINUTE / 60, UPDATES_PER_MINUTE)

    def _take(self, key: str, rate: float, size: float) -> None:
        bucket = self._buckets.setdefault(key, Bucket(rate, size, self._now()))
        if wait := bucket.take(self._now()):
            raise RateLimitError(max(1, math.ceil(wait)))
