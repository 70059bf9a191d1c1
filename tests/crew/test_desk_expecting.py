"""What a proposal says of its downtime: what to expect, and what it may cost."""

from datetime import datetime

import pytest
from redis.asyncio import Redis

from bot.adapters.redis import key
from bot.domain import moves
from bot.domain.attempts import Outcome
from bot.domain.errors import Unavailable
from bot.domain.expectation import Expectation, Usual, expect
from bot.domain.measurement import Measurement
from bot.domain.outage import Outage
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import Proposed
from bot.domain.upgrade import Upgrade
from tests.crew.house import AKI, MINA, MINUTE, SECOND, US, Home, proposal, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


def measured(use: str, seconds: float, at: datetime) -> Measurement:
    outage = Outage(
        last_ok_at=at, first_failure_at=at, last_failure_at=at, first_ok_at=at, began_by=at,
        ended_by=at + seconds * SECOND, failed=1, outcomes=(Outcome.REFUSED,), version_after=None,
    )  # fmt: skip
    return Measurement(
        region=US,
        use=use,
        vantage=US,
        since=at,
        until=at + 60 * MINUTE,
        attempts=9,
        failed=1,
        unknown=0,
        outages=(outage,),
    )


async def past(home: Home, seconds: float, outcome: Status = Status.SUCCEEDED) -> Upgrade:
    """It took as many minutes as the writer was out for seconds; the reader was out for ten times as many."""
    at, made = home.clock.now(), proposal(home.clock.now(), cluster=f"past-{outcome}-{seconds:g}")
    upgrade = await home.upgrades.create(*made)
    rule = upgrade.rule
    upgrade = await home.upgrades.save(*moves.approve(upgrade, MINA, upgrade.plan.digest, rule, at))
    upgrade = await home.upgrades.save(*moves.intend(upgrade, (MINA,), at))
    upgrade = await home.upgrades.save(*moves.accepted(upgrade, at))
    cost = (measured("writer", seconds, at), measured("reader", 10 * seconds, at))
    end = moves.finish(upgrade, outcome, "", {}, cost, at + seconds * MINUTE)
    return await home.upgrades.save(*end)


async def test_a_proposal_says_what_to_expect_from_what_succeeded_before(home: Home) -> None:
    for seconds in (1, 2, 3, 4, 9):
        await past(home, seconds)
    await past(home, 60, Status.FAILED)
    upgrade = await home.proposed()
    assert upgrade.expectation == Expectation(
        writer=Usual(median=3 * SECOND, worst=9 * SECOND, of=5),
        secondary=Usual(median=30 * SECOND, worst=90 * SECOND, of=5),
        lasting=Usual(median=3 * MINUTE, worst=9 * MINUTE, of=5),
    )
    (entry,) = await home.upgrades.entries(upgrade.id)
    assert isinstance(entry, Proposed)
    assert entry.expectation == upgrade.expectation


async def test_without_past_ones_a_proposal_expects_what_was_recorded(home: Home) -> None:
    assert (await home.proposed()).expectation == expect(())


async def test_a_past_one_that_cannot_be_read_is_left_out(home: Home, raw: Redis) -> None:
    one, other = await past(home, 5), await past(home, 6)
    await raw.delete(key("timeline", one.id))
    await raw.xadd(key("timeline", other.id), {"entry": "gibberish"})
    expectation = (await home.proposed()).expectation
    assert expectation is not None
    assert (expectation.writer, expectation.lasting.of) == (expect(()).writer, 3)


async def test_a_store_that_cannot_look_back_keeps_nobody_from_proposing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> tuple[Upgrade, ...]:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(type(home.upgrades), "latest", silent)
    assert (await home.proposed()).expectation == expect(())


async def test_an_upgrade_that_takes_longer_than_ever_seen_says_so_once(home: Home) -> None:
    upgrade = await home.drive(await home.approved())
    home.clock.move(9 * MINUTE)
    upgrade = await home.drive(upgrade, turns=4)
    assert upgrade.slower_at is not None
    assert (await home.upgrades.kinds(upgrade.id)).count("slower") == 1


async def test_the_stricter_budget_holds(home: Home) -> None:
    home.policy.write_text(home.policy.read_text() + 'budget = "5 s"\n')
    no = await refused(home.desk.propose(AKI, "orders", "18.6", "", 6 * SECOND))
    assert "has a downtime budget of 5 s, so a proposal can ask for less, and not for 6 s." in no.sentence
    upgrade = (await home.desk.propose(AKI, "orders", "18.6", "", 3 * SECOND)).upgrade
    assert (upgrade.own_budget, upgrade.budget) == (3 * SECOND, 3 * SECOND)
    home.policy.write_text(home.policy.read_text().replace("5 s", "2 s"))
    upgrade = await home.approve(MINA, upgrade)
    assert upgrade.budget == tell(await home.upgrades.entries(upgrade.id)).budget == 2 * SECOND


async def test_what_is_proposed_again_keeps_its_budget_as_far_as_the_rule_allows(home: Home) -> None:
    before = (await home.desk.propose(AKI, "orders", "18.6", "", 3 * SECOND)).upgrade
    home.clock.move(61 * MINUTE)
    again = (await home.desk.propose_again(MINA, before.id)).upgrade
    assert again.own_budget == 3 * SECOND
    home.policy.write_text(home.policy.read_text() + 'budget = "2 s"\n')
    home.clock.move(61 * MINUTE)
    assert (await home.desk.propose_again(MINA, before.id)).upgrade.budget == 2 * SECOND
