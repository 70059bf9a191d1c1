"""People propose: what the desk plans, saves and answers, and why it refuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.adapters.slack import Slack, SlackThread
from bot.crew.narrator import Narrator
from bot.desk import Desk
from bot.domain.answered import Standing
from bot.domain.errors import Refused, Unavailable
from bot.domain.ids import UpgradeId
from bot.domain.preflight import Severity
from bot.domain.status import Status
from bot.ports.upgrades import Told
from tests.crew.house import ACCOUNT, AKI, AP, LINK, MINA, MINUTE, OPS, REN, Bell, Home, Lanes, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


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


async def test_aws_without_an_answer_is_named_and_nothing_is_saved(home: Home) -> None:
    home.aws.refuse("DescribeDBClusters", "ThrottlingException", "Rate exceeded", region=AP)
    with pytest.raises(Unavailable, match="ThrottlingException"):
        await home.proposed()
    assert await home.upgrades.latest() == ()
