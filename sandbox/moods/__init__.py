"""Bad days on purpose: what can go wrong around an upgrade, by name, each with when it begins and how long it lasts."""

from sandbox.moods import aws, clocks, order, postgres, processes, redis, slack
from sandbox.moods.mood import MOODS, Asked, Mood, parse

__all__ = ["MOODS", "Asked", "Mood", "aws", "clocks", "order", "parse", "postgres", "processes", "redis", "slack"]
