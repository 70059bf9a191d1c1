"""Upgrades to keep in a store."""

from datetime import UTC, datetime
from itertools import count
from typing import Final

from bot.domain.ids import Account, ChannelId, Region, TeamId, UpgradeId, UserId
from bot.domain.moves import propose
from bot.domain.plan import Plan, Step
from bot.domain.policy import Rule
from bot.domain.timeline import Entry
from bot.domain.topology import Endpoint, Role
from bot.domain.upgrade import Upgrade
from bot.domain.version import EngineVersion

NOW: Final = datetime.now(UTC)  # by the clock of Redis, which prunes what is too old
ACCOUNT: Final = Account("123456789012")
HOME, AWAY = Region("us-east-1"), Region("ap-northeast-1")
_NUMBERS: Final = count(1)


def proposed(cluster: str = "orders", regions: tuple[Region, ...] = (HOME, AWAY)) -> tuple[Upgrade, tuple[Entry, ...]]:
    """A new upgrade and its first entries, as yet unsaved; the first Region is the writer's."""
    return propose(
        id=UpgradeId(f"{cluster}-20260411-{next(_NUMBERS):06}"),
        team=TeamId("T1"),
        by=UserId("UAKI"),
        reason="patch for CVE",
        plan=_plan(cluster, regions),
        findings=(),
        rule=Rule(clusters=("*",), channel=ChannelId("C1"), approvers=("UMINA",)),
        now=NOW,
        seal="a secret",
    )


def _plan(cluster: str, regions: tuple[Region, ...]) -> Plan:
    before, target = EngineVersion.parse("18.4"), EngineVersion.parse("18.6")
    return Plan(
        global_cluster=cluster,
        account=ACCOUNT,
        from_version=before,
        target=target,
        steps=tuple(
            Step(
                region=region,
                cluster=f"{cluster}-{region}",
                role=Role.WRITER if region == regions[0] else Role.SECONDARY,
                from_version=before,
                to_version=target,
                instances=(f"{cluster}-1",),
            )
            for region in regions
        ),
        endpoints=tuple(
            Endpoint(region=region, use="writer" if region == regions[0] else "reader", host="db", port=5432)
            for region in regions
        ),
    )
