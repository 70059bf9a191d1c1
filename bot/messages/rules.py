"""What a rule asks for otherwise than the one before it, in words."""

from collections.abc import Iterable

from bot.domain.budget import written
from bot.domain.policy import Rule
from bot.messages.markup import mentions


def rule_changes(before: Rule, now: Rule) -> str:
    """Empty when both ask for the same, whatever else they say."""
    said = []
    if [each.approvers for each in before.slots] == [each.approvers for each in now.slots]:
        pairs = zip(before.slots, now.slots, strict=True)
        whom = {one.approvers: f" of {mentions(one.approvers)}" if now.needs else "" for one in now.slots}
        said += [
            f"approvals{whom[one.approvers]} {was.approvals} → {one.approvals}"
            for was, one in pairs
            if was.approvals != one.approvals
        ]
    else:
        said.append(f"approvals {_asked(before)} → {_asked(now)}")
    if before.reason != now.reason:
        said.append(f"reason {before.reason} → {now.reason}")
    if before.forbidden_regions != now.forbidden_regions:
        said.append(f"forbidden Regions {_listed(before.forbidden_regions)} → {_listed(now.forbidden_regions)}")
    if before.hours != now.hours:
        said.append(f"hours {before.hours or 'any'} → {now.hours or 'any'}")
    if before.budget != now.budget:
        said.append(f"downtime budget {_allowed(before)} → {_allowed(now)}")
    return "; ".join(said)


def _asked(rule: Rule) -> str:
    return " and ".join(f"{each.approvals} of {mentions(each.approvers)}" for each in rule.slots)


def _allowed(rule: Rule) -> str:
    return written(rule.budget) if rule.budget else "none"


def _listed(regions: Iterable[str]) -> str:
    return ", ".join(regions) or "none"
