"""A message ready to send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Blocks = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Message:
    """`text` says everything the blocks say, for screen readers and notifications."""

    text: str
    blocks: Blocks = ()


@dataclass(frozen=True)
class File:
    """`alt` says in words what a picture shows."""

    name: str
    content: bytes
    alt: str = ""
