"""The desk: what people ask, and the one sentence each of them gets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from bot.adapters.policy_file import PolicyFile
from bot.adapters.redis import key
from bot.adapters.slack import Slack, SlackThread
from bot.crew.narrator import Narrator
from bot.desk import Desk
from bot.domain import upgrade as moves
from bot.domain.answered import History, Past, Standing, Thawed
from bot.domain.attempts import Outcome
from bot.domain.audit import audit
from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.expectation import Expectation, Usual, expect
from bot.domain.freezing import Freeze, Unreadable
from bot.domain.ids import UpgradeId, UserId
from bot.domain.measurement import Measurement
from bot.domain.outage import Outage
from bot.domain.preflight import Severity, Unread
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.story import tell
from bot.domain.timeline import Cancelled, Declined, Proposed, Withdrawn
from bot.domain.upgrade import Upgrade
from bot.messages.card import card
from bot.messages.thread import said_of
from bot.ports import Told
from sandbox.aurora.asking import Answer, Call
from sandbox.aurora.catalogue import POSTGRES
from sandbox.aurora.seed import paper
from sandbox.aurora.state import GlobalCluster as Shown
from sandbox.aurora.state import Instance
from sandbox.slack import User
from sandbox.slack.workspace import UserGroup
from tests.crew.house import ACCOUNT, AKI, AP, MINA, MINUTE, OLA, OPS, REN, SECOND, US, Bell, Home, Lanes, proposal

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

SAM, GUS, BOTTO, STRANGER = UserId("U0SAM"), UserId("U0GUS"), UserId("U0BOTTO"), UserId("U0STRANGER")
LINK = "https://sandbox.slack.com/archives/C0DBOPS/p1"


async def refused(asking: object) -> Refused:
    with pytest.raises(Refused) as raised:
        await asking  # type: ignore[misc]
    return raised.value


async def approve(home: Home, by: UserId, upgrade: Upgrade) -> Upgrade:
    return await home.desk.approve(by, upgrade.id, upgrade.plan.digest)


async def untouched(home: Home, upgrade: Upgrade) -> bool:
    """Nothing was counted: the record is at the revision it had, and the timeline tells no more."""
    return await home.read(upgrade) == upgrade and len(await home.upgrades.timeline(upgrade.id)) <= upgrade.revision


# --- propose ---


async def test_a_proposal_is_saved_told_and_set_going(home: Home) -> None:
    standing = await home.desk.propose(AKI, "Orders", "18.6", "patch for CVE")
    upgrade = standing.upgrade
    assert standing == Standing(await home.read(upgrade), link=None)
    assert (upgrade.status, upgrade.revision, upgrade.channel) == (Status.PROPOSED, 1, OPS)
    assert [str(step.to_version) for step in upgrade.plan.steps] == ["18.6", "18.6"]
    assert upgrade.expires_at == home.clock.now() + 60 * MINUTE
    assert await home.upgrades.kinds(upgrade.id) == ["proposed"]
    assert home.crew.going == home.crew.woken == [upgrade.id]


async def test_a_proposal_counts_though_nobody_can_be_set_going_now(home: Home) -> None:
    home.crew.down = True
    upgrade = await home.proposed()
    assert await home.upgrades.unfinished() == (upgrade,)


@dataclass
class Teller(Bell):
    """Whoever is woken here is told of, a moment later, by a narrator."""

    narrator: Narrator | None = None
    telling: list[asyncio.Task[object]] = field(default_factory=list)

    async def wake(self, id: UpgradeId) -> None:
        self.telling.append(asyncio.create_task(self.tell(id)))

    async def tell(self, id: UpgradeId) -> object:
        await asyncio.sleep(0.3)
        return self.narrator and await self.narrator.turn(id)


@pytest.fixture
async def told_desk(home: Home, slack: Slack) -> AsyncIterator[Desk]:
    crew = Teller(narrator=Narrator(home.upgrades, SlackThread(slack, Lanes(home.clock)), home.clock))
    yield replace(home.desk, crew=crew, card_within=timedelta(seconds=10))
    await asyncio.gather(*crew.telling)


async def test_whoever_proposes_learns_where_the_card_is(home: Home, told_desk: Desk) -> None:
    standing = await told_desk.propose(AKI, "orders", "18.6", "")
    (card,) = home.slack.history(OPS)
    assert standing.link == f"https://sandbox.slack.com/archives/C0DBOPS/p{card.ts.replace('.', '')}"
    assert standing.trouble is None
    assert (await refused(home.proposed())).link == standing.link


async def test_whoever_proposes_learns_why_there_is_no_card(home: Home, told_desk: Desk) -> None:
    home.rule(channel="C0OTHER")
    standing = await told_desk.propose(AKI, "orders", "18.6", "")
    assert standing == Standing(standing.upgrade, None, "not_in_channel")
    assert await home.desk.status(None) == await home.desk.status("orders") == (standing,)
    assert (await home.desk.show("orders")).trouble == "not_in_channel"
    no = await refused(home.proposed())
    assert (no.link, no.channel, no.trouble) == (None, "C0OTHER", "not_in_channel")


async def test_a_store_that_falls_silent_after_a_proposal_does_not_take_it_back(
    home: Home, told_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> Told:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(type(home.upgrades), "told", silent)
    standing = await told_desk.propose(AKI, "orders", "18.6", "")
    assert standing == Standing(await home.read(standing.upgrade), link=None)


async def test_blockers_refuse_with_every_reason(home: Home) -> None:
    writer, secondary = home.orders.members
    writer.instances[0].status = "rebooting"
    secondary.status = "modifying"
    no = await refused(home.proposed())
    assert no.sentence == (
        "`orders` cannot be upgraded now: orders-ap in ap-northeast-1 is modifying; instance orders-us-1 is rebooting."
    )
    assert await home.upgrades.latest() == ()


async def test_what_could_not_be_known_is_shown_as_unknown(home: Home) -> None:
    home.aws.refuse("DescribeBlueGreenDeployments", "AccessDenied", "not authorized")
    upgrade = await home.proposed()
    (unknown,) = (each for each in upgrade.findings if each.check == "blue/green")
    assert unknown.severity is Severity.UNKNOWN
    assert "AccessDenied" in unknown.text


async def test_a_second_proposal_is_refused_with_the_link_to_the_first(home: Home) -> None:
    first = await home.proposed()
    await home.upgrades.set_told(first.id, Told(card_ts="1.0", permalink=LINK))
    no = await refused(home.desk.propose(REN, "ORDERS", None, ""))
    assert no.sentence == "`orders` has an open upgrade already, to 18.6 (waiting for approval). One at a time."
    assert no.link == LINK


async def test_a_second_proposal_is_refused_with_the_channel_as_long_as_there_is_no_link(home: Home) -> None:
    await home.proposed()
    no = await refused(home.proposed())
    assert (no.link, no.channel, no.trouble) == (None, OPS, None)


async def test_of_two_proposals_in_the_same_moment_one_is_refused(home: Home) -> None:
    first, second = await asyncio.gather(home.proposed(), home.proposed(), return_exceptions=True)
    (no,) = (each for each in (first, second) if isinstance(each, BaseException))
    assert isinstance(no, Refused)
    assert "has an open upgrade already" in no.sentence
    assert len(await home.upgrades.latest()) == 1


async def test_one_whose_time_is_over_stands_in_nobodys_way(home: Home) -> None:
    """No worker has come by to say so."""
    first = await home.proposed()
    home.clock.move(60 * MINUTE)
    second = await home.proposed()
    assert (await home.read(first)).status is Status.EXPIRED
    assert await home.upgrades.open_for(ACCOUNT, "orders") == second


async def test_what_expired_is_proposed_again_by_whoever_asks(home: Home) -> None:
    first = await home.proposed()
    home.clock.move(60 * MINUTE)
    again = (await home.desk.propose_again(REN, first.id)).upgrade
    assert (again.proposed_by, again.cluster, again.plan.target, again.reason) == (
        REN, first.cluster, first.plan.target, first.reason,
    )  # fmt: skip
    assert "not known any more" in (await refused(home.desk.propose_again(REN, UpgradeId("orders-00000000")))).sentence


async def test_an_expired_card_proposes_again_once(home: Home) -> None:
    """An old one that somebody finds does not bring back what others have declined since."""
    first = await home.proposed()
    home.clock.move(60 * MINUTE)
    again = (await home.desk.propose_again(REN, first.id)).upgrade
    assert "has an open upgrade already" in (await refused(home.desk.propose_again(REN, first.id))).sentence
    await home.desk.decline(MINA, again.id)
    home.clock.move(MINUTE)
    assert (await refused(home.desk.propose_again(REN, first.id))).sentence == (
        "This button was used, or `orders` proposed otherwise since: that was declined. "
        "Propose it with `/aurora upgrade` if you want it."
    )


async def test_a_withdrawn_approval_orders_nothing(home: Home) -> None:
    upgrade = await home.approved()
    upgrade = await home.desk.withdraw(MINA, upgrade.id)
    assert ((await home.drive(upgrade, turns=3)).status, home.ordered) == (Status.PROPOSED, 0)
    assert "nothing to withdraw" in (await refused(home.desk.withdraw(REN, upgrade.id))).sentence


async def test_what_cannot_be_read_is_not_called_nothing(home: Home, raw: Redis) -> None:
    upgrade = await home.proposed()
    await raw.hset(f"{{aurora}}:upgrade:{upgrade.id}", "saved", "{}")
    for asking in (home.desk.status(None), home.desk.status("orders"), home.desk.cancel_cluster(AKI, "orders")):
        with pytest.raises(Unavailable, match=f"the record of {upgrade.id} cannot be read"):
            await asking


async def test_the_next_one_may_be_proposed_when_the_first_is_over(home: Home) -> None:
    first = await home.proposed()
    await home.desk.cancel(AKI, first.id)
    assert (await home.proposed()).id != first.id


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda home: home.rule(clusters="billing"), "No rule of aurora.toml covers `orders`"),
        (lambda home: home.policy.write_text("[[rule"), "aurora.toml is not TOML"),
        (lambda home: home.policy.unlink(), "aurora.toml cannot be read"),
        (lambda home: home.rule("S0NOBODY"), "names user group S0NOBODY, which Slack does not know"),
        (lambda home: home.rule(AKI), "1 approvals by others than you, and nobody could give one"),
        (lambda home: home.rule(AKI, MINA, approvals=2), "2 approvals by others than you, and 1 could give one"),
        (lambda home: home.show("upgrading"), "`orders` cannot be upgraded now: the global cluster is upgrading"),
    ],
)
async def test_nobody_could_approve_so_nobody_proposes(
    home: Home, spoil: Callable[[Home], None], sentence: str
) -> None:
    spoil(home)
    assert sentence in (await refused(home.proposed())).sentence
    assert await home.upgrades.latest() == ()


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (GUS, "Guests cannot do that"),
        (BOTTO, "Bots cannot do that"),
        (STRANGER, "you are here from another one"),
        (SAM, "deactivated"),
        (UserId("U0NOBODY"), "Slack does not know you"),
    ],
)
async def test_only_members_propose_decide_and_cancel(home: Home, who: UserId, sentence: str) -> None:
    home.rule("S0DBA", who, approvals=2)
    assert sentence in (await refused(home.desk.propose(who, "orders", "18.6", ""))).sentence
    upgrade = await home.proposed()
    desk = home.desk
    for asking in (approve(home, who, upgrade), desk.decline(who, upgrade.id), desk.cancel(who, upgrade.id)):
        assert sentence in (await refused(asking)).sentence
    assert await untouched(home, upgrade)


@pytest.mark.parametrize(
    ("cluster", "version", "sentence"),
    [
        ("ordres", "18.6", "There is no global cluster `ordres`. Did you mean `orders`?"),
        ("zzz", "18.6", "There is no global cluster `zzz`. `/aurora list` shows them all."),
        ("legacy-mysql", "8.0.mysql_aurora.3.10.1", "`legacy-mysql` runs aurora-mysql. RDS upgrades the minor version"),
        ("orders", None, "Which version? `orders` runs 18.4. `orders` can go to `18.6`."),
        ("orders", "18.5", "RDS does not offer 18.5"),
        ("orders", "19.1", "19.1 is a major upgrade from 18.4"),
        ("orders", "18.4", "`orders` runs 18.4 already."),
        ("billing", "17.11", "17.11 is not offered in eu-central-1 yet. `billing` can go to `17.10`."),
    ],
)
async def test_what_cannot_be_is_answered_with_what_can(
    home: Home, cluster: str, version: str | None, sentence: str
) -> None:
    assert (await refused(home.desk.propose(AKI, cluster, version, ""))).sentence.startswith(sentence)


async def test_a_suggestion_that_cannot_be_had_is_left_out(home: Home) -> None:
    home.aws.refuse("DescribeGlobalClusters", "AccessDenied", "not authorized")
    no = await refused(home.desk.cancel_cluster(AKI, "ordres"))
    assert no.sentence == "`ordres` has no open upgrade to cancel."


async def test_aws_without_an_answer_is_named_and_nothing_is_saved(home: Home) -> None:
    home.aws.refuse("DescribeDBClusters", "ThrottlingException", "Rate exceeded", region=AP)
    with pytest.raises(Unavailable, match="ThrottlingException"):
        await home.proposed()
    assert await home.upgrades.latest() == ()


# --- approve ---


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
    no = await refused(approve(home, who, upgrade))
    assert (no.sentence, no.approvers) == (sentence, ("S0DBA", AKI))
    assert await untouched(home, upgrade)


async def test_one_person_counts_once(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    assert upgrade.status is Status.PROPOSED
    assert "one person counts once" in (await refused(approve(home, MINA, upgrade))).sentence
    assert await untouched(home, upgrade)
    assert (await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)).status is Status.APPROVED


async def test_an_expired_proposal_takes_no_approval(home: Home) -> None:
    upgrade = await home.proposed()
    home.clock.move(60 * MINUTE)
    assert "has expired" in (await refused(approve(home, MINA, upgrade))).sentence
    assert await untouched(home, upgrade)


async def test_the_end_is_named_first_whatever_became_of_the_policy(home: Home) -> None:
    upgrade = await home.desk.cancel(AKI, (await home.proposed()).id)
    home.policy.unlink()
    for asking in (
        approve(home, MINA, upgrade),
        home.desk.decline(MINA, upgrade.id),
        home.desk.cancel(OLA, upgrade.id),
    ):
        assert (await refused(asking)).sentence == "This upgrade is over: it was cancelled."
    assert await untouched(home, upgrade)


def another_instance(home: Home) -> None:
    home.orders.members[1].instances.append(Instance("orders-ap-2", "18.4"))


def another_version(home: Home) -> None:
    home.show("available", "18.6")


async def test_nobody_approves_what_they_have_not_seen(home: Home) -> None:
    """The plan is made again at the click; what is new is told, and asked for on the card as it is then."""
    upgrade = await home.proposed()
    another_instance(home)
    no = await refused(approve(home, MINA, upgrade))
    item = "instance orders-ap-2 is new in orders-ap in ap-northeast-1"
    assert no.sentence == f"Not counted: the plan is not the one you saw ({item}). Look at the card and approve again."
    changed = await home.read(upgrade)
    assert (changed.status, changed.approved_by, changed.plan.steps[1].instances) == (
        Status.PROPOSED, (), ("orders-ap-1", "orders-ap-2"),
    )  # fmt: skip
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "replanned"]
    assert (await approve(home, MINA, changed)).status is Status.APPROVED


async def test_what_was_approved_stays_approved_and_only_what_is_new_asks_again(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.proposed()
    await approve(home, MINA, upgrade)
    another_instance(home)
    await refused(approve(home, REN, upgrade))
    changed = await home.read(upgrade)
    assert (await approve(home, REN, changed)).approved_by == (REN,)
    assert (await approve(home, MINA, changed)).approved_by == (MINA, REN)
    await home.drive(changed, turns=3)
    assert home.ordered == 1


async def test_an_approval_of_more_than_is_left_counts(home: Home) -> None:
    another_instance(home)
    upgrade = await home.proposed()
    home.orders.members[1].instances.pop()
    approved = await approve(home, MINA, upgrade)
    assert (approved.status, approved.approved_by) == (Status.APPROVED, (MINA,))
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "replanned", "approved"]


async def test_what_runs_the_target_already_is_not_approved(home: Home) -> None:
    upgrade = await home.proposed()
    home.orders.version = "18.6"
    another_version(home)
    no = await refused(approve(home, MINA, upgrade))
    assert no.sentence == "`orders` runs 18.6 now, so there is nothing to approve. Cancel this upgrade."
    assert await untouched(home, upgrade)


async def test_many_who_meet_a_changed_plan_change_it_once(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.proposed()
    another_instance(home)
    outcomes = await asyncio.gather(
        *(approve(home, by, upgrade) for by in (MINA, REN, MINA, REN)), return_exceptions=True
    )
    assert all(isinstance(each, Refused) for each in outcomes)
    assert await home.upgrades.kinds(upgrade.id) == ["proposed", "replanned"]


async def test_a_rule_that_has_changed_since_is_told_with_the_approval_it_counts(home: Home) -> None:
    upgrade = await home.proposed()
    home.rule(approvals=2)
    await approve(home, MINA, upgrade)
    told = await home.upgrades.entries(upgrade.id)
    said = said_of(told[-1], tell(told))
    assert said == "<@U0MINA> approved. 1 of 2.\nThe rule of aurora.toml has changed meanwhile: approvals 1 → 2."
    shown = card(tell(told)).text
    assert "The rule has changed since it was proposed: approvals 1 → 2" in shown
    in_force = PolicyFile(home.policy).policy().rule_for("orders").version
    assert f"rule `{in_force}`" in shown
    assert [each.rule for each in (await home.read(upgrade)).decisions] == [in_force]


async def test_a_click_on_the_card_of_another_plan_is_not_counted(home: Home) -> None:
    upgrade = await home.proposed()
    no = await refused(home.desk.approve(MINA, upgrade.id, "0123456789abcdef"))
    assert "the plan is not the one you saw" in no.sentence
    assert await untouched(home, upgrade)


async def test_a_cluster_that_is_gone_cannot_be_approved(home: Home) -> None:
    upgrade = await home.proposed()
    home.aws.account.globals.remove(home.orders)
    assert "`orders` does not exist any more" in (await refused(approve(home, MINA, upgrade))).sentence


async def test_aws_without_an_answer_counts_nothing(home: Home) -> None:
    upgrade = await home.proposed()
    home.aurora.away.add("orders")
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    assert await untouched(home, upgrade)


async def test_an_upgrade_nobody_knows_any_more(home: Home) -> None:
    assert "not known any more" in (await refused(home.desk.approve(MINA, UpgradeId("orders-0"), "0"))).sentence


@pytest.mark.parametrize(("needed", "counted", "status"), [(1, 1, Status.APPROVED), (2, 2, Status.APPROVED)])
async def test_two_approvers_in_the_same_moment(home: Home, needed: int, counted: int, status: Status) -> None:
    home.rule(approvals=needed)
    upgrade = await home.proposed()
    outcomes = await asyncio.gather(
        *(home.desk.approve(by, upgrade.id, upgrade.plan.digest) for by in (MINA, REN)), return_exceptions=True
    )
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
    clicks = [home.desk.approve(dbas[n % 5], upgrade.id, upgrade.plan.digest) for n in range(20)]
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
        await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)


# --- decline, cancel ---


async def test_an_approver_declines_and_the_proposer_cancels(home: Home) -> None:
    declined = await home.desk.decline(REN, (await home.approved()).id)
    assert declined.status is Status.DECLINED
    await home.proposed()
    cancelled = await home.desk.cancel_cluster(AKI, "ORDERS")
    assert cancelled.status is Status.CANCELLED
    assert await home.upgrades.kinds(declined.id) == ["proposed", "approved", "declined"]


async def test_who_may_not_take_it_back(home: Home) -> None:
    home.rule("S0DBA", AKI)
    upgrade = await home.proposed()
    assert "use Cancel" in (await refused(home.desk.decline(AKI, upgrade.id))).sentence
    for asking in (home.desk.decline(OLA, upgrade.id), home.desk.cancel(OLA, upgrade.id)):
        assert "not one of the approvers" in (await refused(asking)).sentence
    assert await untouched(home, upgrade)


async def test_after_the_order_nobody_takes_it_back(home: Home) -> None:
    upgrade = await home.drive(await home.approved())
    assert upgrade.status is Status.UPGRADING
    for asking in (home.desk.cancel(AKI, upgrade.id), home.desk.cancel(OLA, upgrade.id), approve(home, REN, upgrade)):
        assert "AWS has no cancel" in (await refused(asking)).sentence
    assert await home.read(upgrade) == upgrade


async def test_a_cancel_and_the_order_in_the_same_moment(home: Home) -> None:
    """Whichever is saved first holds: never both."""
    upgrade = await home.approved()
    cancel, _ = await asyncio.gather(
        home.desk.cancel(AKI, upgrade.id), home.driver.turn(upgrade.id), return_exceptions=True
    )
    saved = await home.read(upgrade)
    assert (saved.status, home.ordered) == (
        (Status.UPGRADING, 1) if isinstance(cancel, Refused) else (Status.CANCELLED, 0)
    )


# --- looking ---


async def test_the_catalogue_and_one_of_it(home: Home) -> None:
    upgrade = await home.proposed()
    await home.upgrades.set_told(upgrade.id, Told(permalink=LINK))
    assert [each.cluster.identifier for each in (await home.desk.clusters()).listed] == [
        "archive", "billing", "legacy-mysql", "orders", "sessions",
    ]  # fmt: skip
    shown = await home.desk.show("ORDERS")
    assert (list(map(str, shown.targets)), shown.targets_unread) == (["18.6"], None)
    assert (shown.open_upgrade, shown.link) == (upgrade, LINK)
    mysql = await home.desk.show("legacy-mysql")
    assert (mysql.targets, mysql.targets_unread, mysql.open_upgrade) == ((), None, None)


async def test_the_list_tells_of_each_where_it_can_go_and_what_waits(home: Home) -> None:
    listed = {each.cluster.identifier: each for each in (await home.desk.clusters()).listed}
    assert {name: [*map(str, each.targets)] for name, each in listed.items() if not isinstance(each.targets, Unread)} == {
        "archive": ["16.10"], "billing": ["17.10"], "legacy-mysql": [], "orders": ["18.6"], "sessions": ["17.10"],
    }  # fmt: skip
    pending = listed["billing"].maintenance
    assert not isinstance(pending, Unread)
    assert [each.resource for each in pending] == ["billing-eu", "billing-us"]
    assert listed["orders"].maintenance == ()


async def test_a_long_list_asks_by_regions_and_versions_and_for_its_page_only(home: Home) -> None:
    for number in range(30):
        home.aws.account.globals.append(
            Shown(f"db-{number:02}", POSTGRES, "18.4", [paper(f"db-{number:02}-us", US, POSTGRES, "18.4", 1)])
        )
    second = await home.desk.clusters(2)
    assert (len(second.listed), second.pages, second.more) == (15, 2, 0)
    assert [*map(str, second.listed[0].targets)] == ["18.6"]
    asked = home.aws.count()
    assert asked["DescribePendingMaintenanceActions us-east-1"] == 1
    assert {times for call, times in asked.items() if call.startswith("DescribeDBEngineVersions")} == {2}, "18.4, 17.9"
    assert {times for call, times in asked.items() if not call.startswith("DescribeDBEngineVersions")} == {1}
    assert (await home.desk.clusters(3)).listed == ()


async def test_what_the_list_cannot_know_is_named_by_its_code(home: Home) -> None:
    home.aws.refuse("DescribeDBClusters", "AccessDenied", "not authorized", region="eu-central-1")
    home.aws.refuse("DescribePendingMaintenanceActions", "ThrottlingException", "Rate exceeded")
    listed = {each.cluster.identifier: each for each in (await home.desk.clusters()).listed}
    assert listed["billing"].targets == listed["billing"].maintenance == Unread(why="AccessDenied")
    assert listed["orders"].targets != ()
    assert listed["orders"].maintenance == Unread(why="ThrottlingException")


async def test_a_region_that_cannot_be_read_takes_no_suggestion_away(home: Home) -> None:
    home.aws.refuse("DescribeDBClusters", "AccessDenied", "not authorized", region="eu-central-1")
    assert "Did you mean `orders`?" in (await refused(home.desk.show("ordres"))).sentence


async def test_targets_that_cannot_be_read_do_not_hide_the_rest(home: Home) -> None:
    home.aws.refuse("DescribeDBEngineVersions", "AccessDenied", "not authorized")
    shown = await home.desk.show("orders")
    assert shown.cluster.identifier == "orders"
    assert "AccessDenied" in str(shown.targets_unread)


async def test_how_it_stands(home: Home) -> None:
    desk: Desk = home.desk
    assert await desk.status(None) == await desk.status("orders") == ()
    assert "Did you mean `orders`?" in (await refused(desk.status("order"))).sentence
    upgrade = await home.proposed()
    await home.upgrades.set_told(upgrade.id, Told(permalink=LINK))
    assert await desk.status(None) == await desk.status("Orders") == (Standing(upgrade, LINK),)
    over = await desk.cancel(AKI, upgrade.id)
    assert await desk.status(None) == ()
    assert await desk.status("orders") == (Standing(over, LINK),)
    home.clock.move(timedelta(seconds=1))
    again = await home.proposed()
    assert [each.upgrade for each in await desk.status("orders")] == [again]
    assert (await home.upgrades.open_for(ACCOUNT, "orders")) == again


async def over(home: Home, cluster: str = "orders") -> Upgrade:
    home.clock.move(timedelta(seconds=1))
    return await home.desk.cancel(AKI, (await home.proposed(cluster)).id)


async def test_what_is_over_is_told_newest_first_with_how_it_ended(home: Home) -> None:
    assert await home.desk.history(REN, None) == await home.desk.history(REN, "orders") == History((), 0, counted=True)
    first, second = await over(home), await over(home)
    still_open = await home.proposed()
    await home.upgrades.set_told(first.id, Told(permalink=LINK))
    ending = (await home.upgrades.entries(first.id))[-1]
    assert ending == Cancelled(at=ending.at, by=AKI)
    past, before = (await home.desk.history(REN, "Orders")).past
    assert (past.upgrade, before) == (second, Past(first, ending, LINK))
    assert still_open not in [each.upgrade for each in (await home.desk.history(REN, None)).past]
    await home.desk.cancel(AKI, still_open.id)
    for _ in range(9):
        await over(home)
    found = await home.desk.history(REN, "orders")
    assert (len(found.past), found.more, found.counted) == (10, 2, True)


async def test_history_of_a_name_that_was_mistyped_and_of_what_cannot_be_read(home: Home, raw: Redis) -> None:
    assert "Did you mean `orders`?" in (await refused(home.desk.history(REN, "ordres"))).sentence
    past = await over(home)
    await raw.xadd(f"{{aurora}}:timeline:{past.id}", {"entry": "no JSON"})
    assert (await home.desk.history(REN, None)).past == (Past(past, None, None),)
    await raw.hset(f"{{aurora}}:upgrade:{past.id}", "saved", "no JSON")
    with pytest.raises(Unavailable, match="cannot be read"):
        await home.desk.history(REN, "orders")


@pytest.mark.parametrize("who", [GUS, BOTTO, STRANGER])
async def test_history_is_for_members_of_the_workspace(home: Home, who: UserId) -> None:
    await over(home)
    assert (await refused(home.desk.history(who, None))).sentence


async def test_a_mood_of_aws_between_two_reads_of_an_approval(home: Home) -> None:
    """The plan is made again from what AWS shows at the click, not from what any cache remembers."""
    upgrade = await home.proposed()
    await home.desk.show("orders")

    def mood(_: Call) -> Answer | None:
        home.aws.moods.clear()
        another_instance(home)
        return None

    home.aws.moods["DescribeGlobalClusters"] = mood
    assert "instance orders-ap-2 is new" in (await refused(approve(home, MINA, upgrade))).sentence


async def test_who_says_no_leaves_the_rule_that_let_them(home: Home) -> None:
    upgrade = await home.proposed()
    rule = home.driver.policies.policy().rule_for(upgrade.cluster)
    await home.desk.cancel(REN, upgrade.id)
    told = await home.upgrades.last(upgrade.id)
    assert isinstance(told, Cancelled)
    assert told.rule == rule
    again = await home.desk.decline(REN, (await home.proposed()).id)
    told = await home.upgrades.last(again.id)
    assert isinstance(told, Declined)
    assert told.rule == rule


# --- several groups, reasons, Regions, hours ---

RULE = '[[rule]]\nclusters = ["*"]\nchannel = "C0DBOPS"\n'
NEEDS = 'needs = [{ approvers = ["S0DBA"] }, { approvers = ["S0OWNER"] }]\n'


def owners(home: Home, *members: UserId) -> None:
    home.slack.workspace.groups["S0OWNER"] = UserGroup(id="S0OWNER", handle="service-owner", members=[*members])


async def test_each_of_several_groups_is_asked_in_whatever_order_they_click(home: Home) -> None:
    """Mina is in both; when Ren comes, who is a DBA only, she stands for the owners."""
    home.policy.write_text(RULE + NEEDS)
    owners(home, MINA, OLA)
    upgrade = await home.proposed()
    assert upgrade.asked == (Need(approvers=("S0DBA",)), Need(approvers=("S0OWNER",)))
    upgrade = await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0DBA", "S0OWNER")),))
    upgrade = await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    assert (upgrade.status, upgrade.asked) == (Status.APPROVED, ())
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_a_second_one_of_a_group_is_told_who_is_needed(home: Home) -> None:
    home.policy.write_text(RULE + NEEDS)
    owners(home, OLA)
    upgrade = await home.approved()
    no = await refused(approve(home, REN, upgrade))
    assert "The rule of aurora.toml for `*` asks for others" in no.sentence
    assert no.needs == (Need(approvers=("S0OWNER",)),)
    assert (await refused(approve(home, UserId("U0STIG"), upgrade))).sentence.startswith("Slack does not know you")
    assert await untouched(home, upgrade)


async def test_a_group_whose_approval_was_taken_back_is_asked_again_and_no_other(home: Home) -> None:
    home.policy.write_text(RULE + NEEDS)
    owners(home, OLA)
    upgrade = await home.approved()
    upgrade = await home.desk.approve(OLA, upgrade.id, upgrade.plan.digest)
    assert upgrade.status is Status.APPROVED
    upgrade = await home.desk.withdraw(OLA, upgrade.id)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0OWNER",)),))
    told = await home.upgrades.last(upgrade.id)
    assert isinstance(told, Withdrawn)
    assert (told.count, told.needed, told.missing) == (1, 2, upgrade.asked)


async def test_a_rule_that_asks_for_less_now_is_met_by_the_next_click_of_anybody_it_names(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    home.rule(approvals=1)
    no = await refused(approve(home, MINA, upgrade))
    assert no.sentence == (
        "You have approved this upgrade already, and the rule asks for no more now. "
        "Withdraw your approval and give it again, and it is ordered; or let another approver click."
    )
    ordered = await home.drive(await home.desk.approve(REN, upgrade.id, upgrade.plan.digest))
    assert (ordered.status, home.ordered) == (Status.UPGRADING, 1)
    assert audit((await home.upgrades.chain(upgrade.id))[0]).faults == ()


async def test_who_approved_before_the_rule_asked_for_less_gives_it_again(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    home.rule(approvals=1)
    await home.desk.withdraw(MINA, upgrade.id)
    again = await home.drive(await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest))
    assert (again.status, home.ordered) == (Status.UPGRADING, 1)


async def test_who_left_since_counts_no_more_when_the_next_one_approves(home: Home) -> None:
    home.rule(approvals=2)
    upgrade = await home.approved()
    home.slack.workspace.users[MINA].deleted = True
    upgrade = await home.desk.approve(REN, upgrade.id, upgrade.plan.digest)
    assert (upgrade.status, upgrade.asked) == (Status.PROPOSED, (Need(approvers=("S0DBA",)),))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ('reason = "required"\n', "The rule of aurora.toml for `*` requires a reason. Propose it with one: `/aurora"),
        ('forbidden_regions = ["ap-northeast-1"]\n', "forbids upgrades in ap-northeast-1, where it has members."),
    ],
)
async def test_what_the_rule_forbids_is_neither_proposed_nor_approved_nor_ordered(
    home: Home, rule: str, sentence: str
) -> None:
    home.rule(approvals=2)
    upgrade = await home.desk.propose(AKI, "orders", "18.6", "")
    first = await home.desk.approve(MINA, upgrade.upgrade.id, upgrade.upgrade.plan.digest)
    allowed = home.policy.read_text()
    home.policy.write_text(allowed + rule)
    assert sentence in (await refused(approve(home, REN, first))).sentence
    await home.desk.cancel(AKI, first.id)
    assert sentence in (await refused(home.desk.propose(AKI, "orders", "18.6", ""))).sentence
    home.policy.write_text(allowed.replace("approvals = 2", "approvals = 1"))
    again = (await home.desk.propose(AKI, "orders", "18.6", "")).upgrade
    again = await home.desk.approve(MINA, again.id, again.plan.digest)
    home.policy.write_text(allowed.replace("approvals = 2", "approvals = 1") + rule)
    held = await home.drive(again)
    assert (held.status, home.ordered) == (Status.APPROVED, 0)
    assert sentence in held.held_for[0]


def hours_from(home: Home, opens: timedelta) -> str:
    """Windows of one hour, the next of which begins so long from now."""
    begin = (home.clock.now() + opens).replace(second=0, microsecond=0)
    return f'[rule.hours]\nzone = "UTC"\nallowed = ["{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"]\n'


async def test_outside_of_the_hours_the_order_waits_and_it_is_said_until_when(home: Home) -> None:
    home.rule()
    home.policy.write_text(home.policy.read_text() + hours_from(home, timedelta(minutes=30)))
    standing = await home.desk.propose(AKI, "orders", "18.6", "")
    (reason,) = standing.waits
    assert "the next may be given from" in reason
    upgrade = await home.drive(await home.desk.approve(MINA, standing.upgrade.id, standing.upgrade.plan.digest))
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.APPROVED, (reason,), 0)
    assert await home.desk.waits_for(upgrade) == (reason,)
    home.clock.move(timedelta(minutes=30))
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_hours_that_end_during_the_check_are_over(home: Home) -> None:
    home.rule()
    home.policy.write_text(home.policy.read_text() + hours_from(home, timedelta(minutes=-30)))
    upgrade = await home.approved()

    def dawdle(_: Call) -> None:
        home.aws.moods.clear()
        home.clock.move(31 * MINUTE)

    home.clock.move(SECOND)
    home.aws.moods["DescribeBlueGreenDeployments"] = dawdle
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert "allows orders" in upgrade.held_for[0]


# --- budget and expectation ---


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
    upgrade = await home.desk.approve(MINA, upgrade.id, upgrade.plan.digest)
    assert upgrade.budget == tell(await home.upgrades.entries(upgrade.id)).budget == 2 * SECOND


async def test_what_is_proposed_again_keeps_its_budget_as_far_as_the_rule_allows(home: Home) -> None:
    before = (await home.desk.propose(AKI, "orders", "18.6", "", 3 * SECOND)).upgrade
    home.clock.move(61 * MINUTE)
    again = (await home.desk.propose_again(MINA, before.id)).upgrade
    assert again.own_budget == 3 * SECOND
    home.policy.write_text(home.policy.read_text() + 'budget = "2 s"\n')
    home.clock.move(61 * MINUTE)
    assert (await home.desk.propose_again(MINA, before.id)).upgrade.budget == 2 * SECOND


# --- freeze ---


async def frozen(home: Home, cluster: str | None = "orders", until: str = "+30m", by: UserId = MINA) -> Freeze:
    return (await home.desk.freeze(by, cluster, until, "month end")).freeze


@pytest.mark.parametrize("cluster", ["Orders", None])
async def test_frozen_means_no_order_whatever_is_approved(home: Home, cluster: str | None) -> None:
    made = await frozen(home, cluster)
    assert (made.cluster, made.by, made.name, made.why) == (cluster and "orders", MINA, "mina", "month end")
    standing = await home.desk.propose(AKI, "orders", "18.6", "")
    (why,) = standing.waits
    assert (
        why
        == f"{(cluster and 'orders is') or 'every cluster is'} frozen until {made.until:%Y-%m-%d %H:%M} UTC by mina: month end"
    )
    upgrade = await home.desk.approve(MINA, standing.upgrade.id, standing.upgrade.plan.digest)
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, upgrade.held_for, home.ordered) == (Status.APPROVED, (why,), 0)
    assert await home.desk.frosts() == (made,)
    home.crew.woken.clear()
    thawed = await home.desk.unfreeze(REN, cluster)
    assert thawed == Thawed(made, None)
    assert home.crew.woken == [upgrade.id]
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)


async def test_a_freeze_of_another_cluster_holds_nothing(home: Home) -> None:
    await frozen(home, "billing")
    assert (await home.drive(await home.approved())).status is Status.UPGRADING


async def test_a_freeze_comes_instead_of_the_one_before(home: Home) -> None:
    first = await frozen(home)
    home.clock.move(MINUTE)
    chilled = await home.desk.freeze(REN, "orders", "+2h", "incident")
    assert chilled.before == first
    assert await home.desk.frosts() == (chilled.freeze,)
    home.clock.move(3 * 60 * MINUTE)
    assert (await home.desk.freeze(REN, "orders", "+2h", "again")).before is None


async def test_who_may_freeze_is_said_by_the_policy(home: Home) -> None:
    no = await refused(frozen(home, by=OLA))
    assert no.sentence == "aurora.toml does not name you among those who may freeze and unfreeze `orders`."
    assert no.needs == (Need(approvers=("S0DBA",)),)
    assert "all clusters at once" in (await refused(home.desk.unfreeze(OLA, None))).sentence
    home.policy.write_text(f'freezers = ["{OLA}"]\n{home.policy.read_text()}')
    await frozen(home, None, by=OLA)
    assert "does not name you" in (await refused(home.desk.unfreeze(MINA, None))).sentence
    home.policy.write_text(f'{home.policy.read_text()}freezers = ["S0GONE"]\n')
    assert "does not name you" in (await refused(frozen(home, by=OLA))).sentence, "a group that nobody can read"
    await home.desk.unfreeze(OLA, None)
    for who, sentence in ((GUS, "Guests"), (SAM, "deactivated"), (BOTTO, "Bots"), (STRANGER, "another one")):
        assert sentence in (await refused(frozen(home, by=who))).sentence
    home.policy.unlink()
    assert "cannot be read" in (await refused(frozen(home))).sentence
    assert await home.desk.frosts() == ()


@pytest.mark.parametrize("name", ["*", "order*", "Orders ", ""])
async def test_what_is_no_name_neither_freezes_nor_thaws_all_clusters(
    home: Home, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ola may freeze what only the last rule covers, and with no name for it more than that."""
    every = f'[[rule]]\nclusters = ["*"]\nchannel = "C0DBOPS"\napprovers = ["{OLA}"]\n'
    home.policy.write_text(f"freezers = ['{MINA}']\n{every}freezers = ['{OLA}']\n")
    await home.desk.freeze(MINA, None, "+2h", "month end")
    (frost,) = await home.desk.frosts()

    async def silent(*_: object, **__: object) -> None:
        raise Unavailable("AWS", "no answer")

    monkeypatch.setattr(home.aurora, "global_cluster", silent)
    for asking in (home.desk.unfreeze(OLA, name), home.desk.freeze(OLA, name, "+1h", "a trick")):
        assert "is no name of a global cluster" in (await refused(asking)).sentence
    assert await home.desk.frosts() == (frost,)


async def test_a_freeze_that_would_freeze_nothing_is_refused(home: Home) -> None:
    assert "Did you mean `orders`?" in (await refused(frozen(home, "ordres"))).sentence
    assert "Until when? I cannot read `soon`" in (await refused(frozen(home, until="soon"))).sentence
    assert "That is past" in (await refused(frozen(home, until="2020-01-01"))).sentence
    assert await home.desk.frosts() == ()
    home.aurora.away.add("orders")
    await frozen(home)
    assert len(await home.desk.frosts()) == 1, "AWS is away, and a freeze needs none"


async def test_the_time_of_a_freeze_is_that_of_whoever_types_it(home: Home) -> None:
    day = home.clock.now() + timedelta(days=2)
    made = await frozen(home, until=f"{day:%Y-%m-%d}T18:00")
    assert made.until == day.replace(hour=9, minute=0, second=0, microsecond=0), "Mina lives in Tokyo"
    home.slack.workspace.users[MINA].tz = ""
    assert "I do not know your time zone" in (await refused(frozen(home, until="18:00"))).sentence


async def test_what_is_not_frozen_cannot_be_thawed(home: Home) -> None:
    assert (await refused(home.desk.unfreeze(MINA, None))).sentence == (
        "There is no freeze of all clusters. `/aurora status` shows all freezes."
    )
    every = await frozen(home, None)
    no = await refused(home.desk.unfreeze(MINA, "orders"))
    assert no.sentence.startswith("`orders` is not frozen by itself, but every cluster is frozen until ")
    mine = await frozen(home)
    assert await home.desk.unfreeze(MINA, "ORDERS") == Thawed(mine, every)
    home.clock.move(31 * MINUTE)
    assert "no freeze of all clusters" in (await refused(home.desk.unfreeze(MINA, None))).sentence


async def test_a_freeze_that_cannot_be_read_freezes_until_somebody_ends_it(home: Home, raw: Redis) -> None:
    upgrade = await home.approved()
    for damage in ("{}", "1 {}", ""):
        await raw.hset("{aurora}:freezes", "orders", damage)
        assert await home.desk.frosts() == (Unreadable(cluster="orders"),)
        upgrade = await home.drive(upgrade)
        assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
        assert "the record of the freeze cannot be read" in upgrade.held_for[0]
    assert (await home.desk.unfreeze(MINA, "orders")).ended == Unreadable(cluster="orders")
    assert (await home.drive(upgrade)).status is Status.UPGRADING


async def test_a_store_of_freezes_that_cannot_be_read_at_all_freezes(home: Home, raw: Redis) -> None:
    upgrade = await home.approved()
    await raw.set("{aurora}:freezes", "what is this")
    upgrade = await home.drive(upgrade)
    assert (upgrade.status, home.ordered) == (Status.APPROVED, 0)
    assert "Redis: WRONGTYPE" in upgrade.held_for[0]
    assert "Redis: WRONGTYPE" in (await home.desk.waits_for(upgrade))[0]
    for asking in (home.desk.frosts(), frozen(home), home.desk.unfreeze(MINA, "orders")):
        with pytest.raises(Unavailable, match="WRONGTYPE"):
            await asking


async def test_a_crew_that_cannot_be_woken_does_not_take_a_freeze_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.proposed()

    async def asleep(*_: object) -> None:
        raise Unavailable("Redis", "ConnectionError")

    monkeypatch.setattr(home.crew, "wake", asleep)
    made = await frozen(home)
    assert await home.desk.frosts() == (made,)
