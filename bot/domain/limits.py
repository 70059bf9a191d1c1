"""What an endpoint's outages have provably gone beyond, while the upgrade still runs."""

from collections.abc import Iterable, Iterator

from bot.domain.outage import Outage, in_all
from bot.domain.timeline import OverBudget, Slower
from bot.domain.topology import Endpoint
from bot.domain.upgrade import Upgrade


def surpassed(upgrade: Upgrade, endpoint: Endpoint, found: Iterable[Outage]) -> Iterator[OverBudget | Slower]:
    """Its downtime since the order, all outages together, against the budget and against what was ever seen.

    What is proven of an outage under way only grows, so this is true as soon as it is said. Outages that were over before
    the order, or that began before the endpoint ever answered, are no cost of the upgrade, nor is what came before the order of one
    that was under way then.
    """
    ordered_at = upgrade.intent_at
    if ordered_at is None:
        return
    cost = [
        each.from_then_on(ordered_at)
        for each in found
        if each.last_ok_at and (each.ended_by is None or each.ended_by >= ordered_at)
    ]
    if not cost:
        return
    at, at_least = max(each.last_failure_at for each in cost), in_all(cost).at_least
    region, use = endpoint.region, endpoint.use
    if upgrade.budget is not None and at_least > upgrade.budget:
        yield OverBudget(at=at, region=region, use=use, at_least=at_least, budget=upgrade.budget)
    usual = upgrade.expectation.of(use) if upgrade.expectation else None
    if usual and usual.is_surpassed_by(at_least):
        yield Slower(at=at, region=region, use=use, lasting=at_least, usual=usual)
