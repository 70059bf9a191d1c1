"""Rows of attempts as one short text: each row by how it differs from the one before it.

Attempts of a batch follow each other at a steady pace and mostly say the same, so little is left of most: `[250,251]`.
Against the row before it, a number is written as the difference, anything else as it is, or as 0 when it is the same;
columns at the end that are the same are left out. A row of another shape, and the first one, stands whole in a list of
its own. Plain JSON, as earlier versions wrote it, is read as well.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

Row = list[Any]
MARK: Final = "d"  # before the JSON; plain rows begin with a bracket


def packed(rows: Sequence[Row]) -> str:
    """Of columns that JSON knows; the first of a row is no list."""
    return MARK + json.dumps(list(_differences(rows)), separators=(",", ":"), ensure_ascii=False)


def unpacked(text: str) -> list[Row]:
    """What `packed` was given. TypeError, ValueError or LookupError when it is no such text."""
    if not text.startswith(MARK):
        return list(json.loads(text))
    rows: list[Row] = []
    for each in json.loads(text.removeprefix(MARK)):
        rows.append(each[0] if _is_whole(each) else _row(rows[-1], each))
    return rows


def _differences(rows: Sequence[Row]) -> Iterator[Row]:
    yield from ([row] for row in rows[:1])
    for before, row in pairwise(rows):
        yield _difference(before, row) if _alike(before, row) else [row]


def _alike(before: Row, row: Row) -> bool:
    """Each of their columns is a number in both, or in neither."""
    return len(before) == len(row) and all(_is_number(a) == _is_number(b) for a, b in zip(before, row, strict=True))


def _difference(before: Row, row: Row) -> Row:
    left = [now - then if _is_number(now) else 0 if now == then else now for then, now in zip(before, row, strict=True)]
    while left and left[-1] == 0 and _is_number(left[-1]):
        left.pop()
    return left


def _row(before: Row, left: Row) -> Row:
    filled = left + [0] * (len(before) - len(left))
    return [_column(then, now) for then, now in zip(before, filled, strict=True)]


def _column(then: Any, now: Any) -> Any:
    if _is_number(then):
        return then + now
    return then if _is_number(now) else now


def _is_whole(row: Row) -> bool:
    return len(row) == 1 and isinstance(row[0], list)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
