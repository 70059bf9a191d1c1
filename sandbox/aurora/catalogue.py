"""The engine versions RDS offers in each Region, and what each can be upgraded to."""

from dataclasses import dataclass
from typing import Final

EVERYWHERE: Final = frozenset({"us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"})
POSTGRES: Final = "aurora-postgresql"
MYSQL: Final = "aurora-mysql"
Numbers = tuple[int, ...]


@dataclass(frozen=True)
class EngineVersion:
    engine: str
    version: str
    supports_global: bool = True
    status: str = "available"
    regions: frozenset[str] = EVERYWHERE

    @property
    def limitless(self) -> bool:
        return self.version.endswith("-limitless")

    @property
    def major(self) -> Numbers:
        return numbers(self.version)[: 1 if self.engine == POSTGRES else 2]


VERSIONS: Final = (
    EngineVersion(POSTGRES, "16.1", status="deprecated"),
    EngineVersion(POSTGRES, "16.9-limitless", supports_global=False),
    EngineVersion(POSTGRES, "16.10"),
    EngineVersion(POSTGRES, "17.4"),
    EngineVersion(POSTGRES, "17.9"),
    EngineVersion(POSTGRES, "17.10"),
    EngineVersion(POSTGRES, "17.10-limitless", supports_global=False),
    EngineVersion(POSTGRES, "17.11", regions=frozenset({"us-east-1"})),
    EngineVersion(POSTGRES, "18.4"),
    EngineVersion(POSTGRES, "18.5", supports_global=False),
    EngineVersion(POSTGRES, "18.6"),
    EngineVersion(POSTGRES, "18.6-limitless", supports_global=False),
    EngineVersion(POSTGRES, "19.1"),
    EngineVersion(MYSQL, "8.0.mysql_aurora.3.08.2"),
    EngineVersion(MYSQL, "8.0.mysql_aurora.3.10.1"),
    EngineVersion(MYSQL, "8.4.mysql_aurora.8.4.7"),
)
DEFAULTS: Final = {POSTGRES: "17.9", MYSQL: "8.0.mysql_aurora.3.08.2"}  # what a new cluster gets without asking


def offered(region: str) -> list[EngineVersion]:
    return [each for each in VERSIONS if region in each.regions]


def find(region: str, engine: str, version: str) -> EngineVersion | None:
    return next((each for each in offered(region) if (each.engine, each.version) == (engine, version)), None)


def targets(region: str, engine: str, version: str) -> list[EngineVersion]:
    """What RDS lists as ValidUpgradeTarget, by text and not by number, as it often does."""
    higher = [
        each
        for each in offered(region)
        if each.engine == engine and each.status == "available" and numbers(each.version) > numbers(version)
    ]
    return sorted(higher, key=lambda each: each.version)


def numbers(version: str) -> Numbers:
    """`17.10` is newer than `17.9`; `8.0.mysql_aurora.3.10.1` is `(8, 0, 3, 10, 1)`."""
    bare = version.removesuffix("-limitless")
    return tuple(int(part) for part in bare.split(".") if part.isdigit())
