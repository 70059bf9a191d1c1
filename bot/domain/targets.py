"""Which version an upgrade may go to, and what to say of one it may not."""

from collections.abc import Mapping, Sequence

from bot.domain.base import Value
from bot.domain.errors import Refused
from bot.domain.ids import Region
from bot.domain.suggest import closest
from bot.domain.topology import POSTGRESQL, GlobalCluster
from bot.domain.version import EngineVersion


class UpgradeTarget(Value):
    """One `ValidUpgradeTarget` of DescribeDBEngineVersions, in one Region. `version` is RDS's text as it stands."""

    version: str
    is_major: bool
    supports_global: bool

    @property
    def is_legal(self) -> bool:
        """Minor, global, not limitless: what `ModifyGlobalCluster` takes as a managed minor upgrade."""
        return not self.is_major and self.supports_global and self.number is not None

    @property
    def number(self) -> EngineVersion | None:
        """None for a text that is more than a number, like `16.9-limitless`, which is another product."""
        try:
            return EngineVersion.parse(self.version)
        except ValueError:
            return None


Offers = Mapping[Region, Sequence[UpgradeTarget]]  # what each member's Region offers from that member's own version


def legal_targets(offers: Offers) -> tuple[EngineVersion, ...]:
    """What every member's Region offers, oldest first. New versions land Region by Region, so this is an intersection."""
    per_region = [{each.number for each in targets if each.is_legal and each.number} for targets in offers.values()]
    return tuple(sorted(set.intersection(*per_region))) if per_region else ()


def choose_target(wanted: str | None, cluster: GlobalCluster, offers: Offers) -> EngineVersion:
    """The version meant, or Refused with the closest legal choice and why."""
    if cluster.engine != POSTGRESQL:
        raise Refused(
            f"`{cluster.identifier}` runs {cluster.engine}. RDS upgrades the minor version of a whole global cluster "
            "for Aurora PostgreSQL only; upgrade its members one by one with ModifyDBCluster, secondaries first."
        )
    legal = legal_targets(offers)
    if wanted is None or not wanted.strip():
        raise Refused(f"Which version? `{cluster.identifier}` runs {cluster.engine_version}. {_choice(cluster, legal)}")
    version = _parse(wanted, cluster, legal)
    if version in legal:
        return version
    raise Refused(f"{_why_not(version, cluster, offers)} {_choice(cluster, legal, near=version)}")


def _parse(wanted: str, cluster: GlobalCluster, legal: Sequence[EngineVersion]) -> EngineVersion:
    try:
        return EngineVersion.parse(wanted)
    except ValueError as complaint:
        near = closest(wanted, map(str, legal)) or (legal[-1] if legal else None)
        meant = f" Did you mean `{near}`?" if near else ""
        raise Refused(f"{complaint}{meant} {_choice(cluster, legal)}") from None


def _why_not(version: EngineVersion, cluster: GlobalCluster, offers: Offers) -> str:
    current = cluster.engine_version.minor_version
    ahead = [each for each in cluster.members if each.engine_version.minor_version == version]
    lacking = [region for region, targets in offers.items() if version not in {each.number for each in targets}]
    if version.patch is not None:
        return f"{version} names a patch. RDS takes major.minor and chooses the patch itself."
    if version == current:
        return f"`{cluster.identifier}` runs {version} already."
    if ahead and version.patch is None:
        names = ", ".join(f"`{each.identifier}` in {each.region}" for each in ahead)
        return (
            f"{names} runs {version} already, and the others do not: bring those there one by one with ModifyDBCluster."
        )
    if version < current:
        return f"{version} is older than {current}, and Aurora has no way back."
    if version.major != current.major:
        return f"{version} is a major upgrade from {current}; this bot carries minor ones only."
    if lacking and len(lacking) < len(offers):
        return f"{version} is not offered in {', '.join(lacking)} yet."
    return f"RDS does not offer {version} to a global database on {current}."


def _choice(cluster: GlobalCluster, legal: Sequence[EngineVersion], near: EngineVersion | None = None) -> str:
    """All that is legal, and of several the one nearest to what was wanted: the next above it, or else the highest."""
    if not legal:
        return (
            f"No newer minor version than {cluster.engine_version} is offered in all Regions of `{cluster.identifier}`."
        )
    nearest = next((each for each in legal if near and each >= near.minor_version), legal[-1])
    closest_one = f"; the closest is `{nearest}`" if near and len(legal) > 1 else ""
    return f"`{cluster.identifier}` can go to {', '.join(f'`{each}`' for each in legal)}{closest_one}."
