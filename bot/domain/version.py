"""Versions of Aurora PostgreSQL, ordered as numbers: 17.10 is newer than 17.9, and 17.5.4 is a patch of 17.5."""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, Final, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NUMBER: Final = r"(0|[1-9][0-9]{0,5})"
_VERSION: Final = re.compile(rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER})?")
_SHOWN: Final = 40


@total_ordering
@dataclass(frozen=True, slots=True)
class EngineVersion:
    """An engine version: `17.5` as the RDS API names it, or `17.5.4` as `aurora_version()` and events do.

    A version without its patch sorts before every patch of it: 17.5 < 17.5.0 < 17.5.4 < 17.6.
    As a pydantic field it is read from and written to its text.
    """

    major: int
    minor: int
    patch: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `17.5` or `17.5.4`; white space around it is dropped, anything else refused.

        Raises ValueError with a sentence for the person who wrote it.
        """
        found = _VERSION.fullmatch(text.strip())
        if found is None:
            raise ValueError(_complaint(text.strip()))
        major, minor, patch = found.groups()
        return cls(int(major), int(minor), None if patch is None else int(patch))

    @property
    def minor_version(self) -> Self:
        """The version without its patch: what `ModifyGlobalCluster` takes."""
        return type(self)(self.major, self.minor)

    def same_minor(self, other: "EngineVersion") -> bool:
        """Whether the two differ in their patch at most."""
        return (self.major, self.minor) == (other.major, other.minor)

    def __str__(self) -> str:
        patch = "" if self.patch is None else f".{self.patch}"
        return f"{self.major}.{self.minor}{patch}"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, EngineVersion):
            return NotImplemented
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[int, int, int]:
        return self.major, self.minor, -1 if self.patch is None else self.patch

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.to_string_ser_schema(),
        )


def _complaint(text: str) -> str:
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    match text:
        case "":
            return "No version was given: write one like 17.5."
        case _ if text.endswith("-limitless"):
            return f"`{shown}` is a version of Aurora Limitless Database, which is not upgraded here."
        case _ if re.fullmatch("[0-9]+", text):
            return f"`{shown}` is only a major version: name the minor version too, like {shown}.5."
        case _:
            return f"`{shown}` is not an engine version: write it in digits, like 17.5 or 17.5.4."
