"""People freeze and thaw: what is frozen is not ordered, whatever is approved."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.domain.answered import Thawed
from bot.domain.errors import Unavailable
from bot.domain.freezing import Freeze, Unreadable
from bot.domain.ids import UserId
from bot.domain.quorum import Need
from bot.domain.status import Status
from tests.crew.house import AKI, BOTTO, GUS, MINA, MINUTE, OLA, REN, SAM, STRANGER, Home, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]


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
