"""People approve: whose click counts, once, for the plan they saw."""

import asyncio
from collections import Counter

import pytest

from bot.domain.errors import Conflict, Unavailable
from bot.domain.ids import UpgradeId, UserId
from bot.domain.status import Status
from bot.domain.upgrade import Upgrade
from sandbox.slack import User
from tests.crew.house import AKI, MINA, MINUTE, OLA, REN, Home, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


async def test_an_approval_counts_and_wakes_the_driver(home: Home) -> None:
    upgrade = await home.approved()
    assert (upgrade.status, upgrade.approved_by) == (Status.APPROVED, (MINA,))
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "approved"]
    assert home.crew.woken == [upgrade.id] * 2


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (AKI, "You proposed this upgrade, so somebody else has to approve it."),
        (OLA, "You are not one of the approvers of this upgrade."),
    ],
)
async def test_who_may_not_approve_is_told_who_may(home: Home, who: UserId, sentence: str) -> None:
    home.rule("S0DBA", AKI)
    upgrade = await home.proposed()
    no = await refused(home.approve(who, upgrade))
    assert (no.sentence, no.approvers) == (sentence, ("S0DBA", AKI))
    assert await home.is_untouched(upgrade)


async def test_one_person_counts_once(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    assert upgrade.status is Status.PROPOSED
    assert "one person counts once" in (await refused(home.approve(MINA, upgrade))).sentence
    assert await home.is_untouched(upgrade)
    assert (await home.approve(REN, upgrade)).status is Status.APPROVED


async def test_an_expired_proposal_takes_no_approval(home: Home) -> None:
    upgrade = await home.proposed()
    home.clock.move(60 * MINUTE)
    assert "has expired" in (await refused(home.approve(MINA, upgrade))).sentence
    assert await home.is_untouched(upgrade)


async def test_the_end_is_named_first_whatever_became_of_the_policy(home: Home) -> None:
    upgrade = await home.desk.cancel(AKI, (await home.proposed()).id)
    home.policy.unlink()
    for asking in (
        home.approve(MINA, upgrade),
        home.desk.decline(MINA, upgrade.id),
        home.desk.cancel(OLA, upgrade.id),
    ):
        assert (await refused(asking)).sentence == "This upgrade is over: it was cancelled."
    assert await home.is_untouched(upgrade)


async def test_what_runs_the_target_already_is_not_approved(home: Home) -> None:
    upgrade = await home.proposed()
    home.orders.version = "18.6"
    home.show("available", "18.6")
    no = await refused(home.approve(MINA, upgrade))
    assert no.sentence == "`orders` runs 18.6 now, so there is nothing to approve. Cancel this upgrade."
    assert await home.is_untouched(upgrade)


async def test_a_click_on_the_card_of_another_plan_is_not_counted(home: Home) -> None:
    upgrade = await home.proposed()
    no = await refused(home.desk.approve(MINA, upgrade.id, "0123456789abcdef"))
    assert "the plan is not the one you saw" in no.sentence
    assert await home.is_untouched(upgrade)


async def test_a_cluster_that_is_gone_cannot_be_approved(home: Home) -> None:
    upgrade = await home.proposed()
    home.aws.account.globals.remove(home.orders)
    assert "`orders` does not exist any more" in (await refused(home.approve(MINA, upgrade))).sentence


async def test_aws_without_an_answer_counts_nothing(home: Home) -> None:
    upgrade = await home.proposed()
    home.aurora.away.add("orders")
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        await home.approve(MINA, upgrade)
    assert await home.is_untouched(upgrade)


async def test_an_upgrade_nobody_knows_any_more(home: Home) -> None:
    assert "not known any more" in (await refused(home.desk.approve(MINA, UpgradeId("orders-0"), "0"))).sentence


@pytest.mark.parametrize(("needed", "counted", "status"), [(1, 1, Status.APPROVED), (2, 2, Status.APPROVED)])
async def test_two_approvers_in_the_same_moment(home: Home, needed: int, counted: int, status: Status) -> None:
    home.rule(approvals=needed)
    upgrade = await home.proposed()
    outcomes = await asyncio.gather(*(home.approve(by, upgrade) for by in (MINA, REN)), return_exceptions=True)
    saved = await home.read(upgrade)
    assert (saved.status, len(saved.approved_by)) == (status, counted)
    assert (await home.upgrades.kinds(upgrade.id)).count("approved") == counted
    losers = [each for each in outcomes if isinstance(each, BaseException)]
    assert [str(each) for each in losers] == ["This upgrade has all its approvals already."] * (2 - counted)
    await home.drive(upgrade, turns=3)
    assert home.ordered == 1


async def test_a_storm_of_clicks_counts_each_person_once(home: Home) -> None:
    needed = 3
    dbas = [UserId(f"U0DBA{n}") for n in range(5)]
    for each in dbas:
        home.slack.workspace.users[each] = User(id=each, name=each.lower(), real_name=each)
    home.rule(*dbas, approvals=needed)
    upgrade = await home.proposed()
    clicks = [home.approve(dbas[n % 5], upgrade) for n in range(20)]
    outcomes = await asyncio.gather(*clicks, return_exceptions=True)
    saved = await home.read(upgrade)
    assert saved.status is Status.APPROVED
    assert len(saved.approved_by) == len(set(saved.approved_by)) == needed
    assert saved.revision == 1 + needed
    assert Counter(type(each).__name__ for each in outcomes) == {"Upgrade": needed, "Refused": 20 - needed}


async def test_whoever_never_gets_a_word_in_is_told_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = await home.proposed()

    async def outrun(*_: object) -> Upgrade:
        raise Conflict("somebody saved first")

    monkeypatch.setattr(home.upgrades, "save", outrun)
    with pytest.raises(Conflict, match="kept changing"):
        await home.approve(MINA, upgrade)
