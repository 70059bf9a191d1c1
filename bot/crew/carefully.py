"""Making what is to be told, whatever is wrong with it."""

import logging
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")
log = logging.getLogger(__name__)


def made(make: Callable[[], T], otherwise: S) -> T | S:
    """Whatever is wrong with the words for one thing must not keep the others from being told."""
    try:
        return make()
    except Exception:
        log.exception("This could not be put into words")
        return otherwise
