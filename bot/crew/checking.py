"""Whether all that people approved still holds, right before the order (law 2)."""

from dataclasses import dataclass
from datetime import datetime

from bot.directory import ruling
from bot.domain.errors import Refused
from bot.domain.freezing import frost_on, told
from bot.domain.ids import TeamId, UserId
from bot.domain.plan import Plan, make_plan
from bot.domain.policy import Rule, Ruling, closed
from bot.domain.preflight import Finding, blockers, preflight
from bot.domain.targets import legal_targets
from bot.domain.upgrade import Upgrade
from bot.ports.aurora import Aurora
from bot.ports.clock import Clock
from bot.ports.rules import Freezes, People, Policies


class Pointless(Exception):
    """There is nothing left to upgrade; waiting cannot mend that."""


class Changed(Exception):
    """The cluster is not as it was planned: this is the plan now."""

    def __init__(self, plan: Plan, findings: tuple[Finding, ...]) -> None:
        super().__init__("the plan has changed")
        self.plan = plan
        self.findings = findings


class TooFew(Exception):
    """The policy in force counts fewer approvals than it asks for: people have to be asked again."""

    def __init__(self, rule: Rule, ruling: Ruling) -> None:
        super().__init__(f"{len(ruling.counting)} of {rule.approvals} approvals")
        self.rule = rule
        self.ruling = ruling


@dataclass(frozen=True)
class Checking:
    home: TeamId
    aurora: Aurora
    policies: Policies
    people: People
    freezes: Freezes
    clock: Clock

    async def check(self, upgrade: Upgrade, *, fresh: bool) -> tuple[Rule, tuple[UserId, ...]]:
        """The rule in force and who approved under it, if that, the hour and the cluster still allow the order.

        First as the shelf has it: while that holds the order back, AWS is not asked anew for each upgrade that waits.
        Otherwise Pointless, Changed or TooFew; Refused or Unavailable for whatever may pass while the order waits.
        """
        rule, ruled = await self.ruling(upgrade, self.clock.now())
        ruled.check()
        if ruled.missing:
            raise TooFew(rule, ruled)
        await self._check_moment(upgrade, rule)
        await self._check_cluster(upgrade, fresh=fresh)
        await self._check_moment(upgrade, rule)
        return rule, ruled.counting

    async def ruling(self, upgrade: Upgrade, now: datetime) -> tuple[Rule, Ruling]:
        """The rule in force, and what it says."""
        rule = self.policies.policy().rule_for(upgrade.cluster)
        return rule, await ruling(self.people, self.home, rule, upgrade.case, now)

    async def _check_moment(self, upgrade: Upgrade, rule: Rule) -> None:
        """Refused while it is frozen, or outside of the hours."""
        now = self.clock.now()
        frost = frost_on(upgrade.cluster, await self.freezes.frosts(), now)
        if reasons := [each for each in (frost and told(frost), closed(rule, now)) if each]:
            raise Refused("; ".join(reasons))

    async def _check_cluster(self, upgrade: Upgrade, *, fresh: bool) -> None:
        """What the shelf has may be older than the plan, so of another cluster than planned it decides nothing."""
        cluster = await self.aurora.global_cluster(upgrade.cluster, fresh=fresh)
        plan = make_plan(cluster, upgrade.plan.target, upgrade.rule.probe) if cluster else None
        changed = plan is None or plan.digest != upgrade.plan.digest
        if changed and not fresh:
            return
        if cluster is None or plan is None:
            raise Pointless(f"{upgrade.cluster} does not exist any more.")
        if not plan.is_upgrade:
            raise Pointless(f"{upgrade.cluster} runs {plan.from_version} already.")
        findings = preflight(await self.aurora.facts(cluster), plan.target, self.clock.now())
        if changed:
            raise Changed(plan, findings)
        if upgrade.plan.target not in legal_targets(await self.aurora.offers(cluster)):
            raise Refused(f"{upgrade.plan.target} is not offered any more")
        if grave := blockers(findings):
            raise Refused("; ".join(finding.text for finding in grave))
