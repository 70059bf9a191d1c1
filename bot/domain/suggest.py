"""The nearest legal word to one that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LONGEST: Final = 100


def closest(wanted: str, legal: Iterable[str]) -> str | None:
    """Return the legal word most like `wanted`, whatever their case; None when nothing comes near.

    Only the first 100 characters of `wanted` count: a longer text is no typing error.
    """
    by_folded = {word.casefold(): word for word in legal}
    near = get_close_matches(wanted.strip()[:_LONGEST].casefold(), by_folded, n=1)
    return by_folded[near[0]] if near else None
