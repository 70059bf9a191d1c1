"""Clicks on the real card, by the tokens that stand on it: late, again, all at once, and forged."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.adapters.redis import RedisServer
from bot.adapters.slack import Slack, SlackThread
from bot.crew.narrator import Narrator
from bot.desk import Desk
from bot.domain.buttons import UNKNOWN, Button
from bot.domain.errors import Unavailable
from bot.domain.ids import UserId
from bot.domain.status import Status
from bot.domain.timeline import Approved, Declined
from bot.domain.upgrade import Upgrade
from bot.messages.message import Message
from handlers.actions import BUTTONS
from sandbox.slack import User
from tests.crew.house import AKI, MINA, OPS, REN, SECOND, Home, Lanes, Store, refused

pytest_plugins = ["tests.adapters.store_fixtures", "tests.adapters.aws_fixtures"]

STALE = "You have decided since that card was drawn, so this click is not counted."


@dataclass(frozen=True)
class Office:
    """A house with its card on the wall."""

    home: Home
    narrator: Narrator

    async def card(self, upgrade: Upgrade) -> dict[str, str]:
        """The tokens on the card as it is now, by action."""
        self.home.clock.move(3 * SECOND)
        await self.narrator.turn(upgrade.id)
        return self.shown()

    def shown(self) -> dict[str, str]:
        (posted,) = self.home.slack.history(OPS)
        return {element["action_id"]: element["value"] for _, element in posted.elements()}

    async def click(self, by: UserId, token: str, action: str, desk: Desk | None = None) -> Message:
        """As the ears do it."""
        desk = desk or self.home.desk
        return await BUTTONS[action](desk, by, await desk.pressed(token, action))


@pytest.fixture
def office(home: Home, slack: Slack) -> Office:
    return Office(home, Narrator(home.upgrades, SlackThread(slack, Lanes(home.clock)), home.clock))


async def test_an_approval_delivered_again_after_its_withdrawal_approves_nothing(office: Office) -> None:
    home = office.home
    upgrade = await home.proposed()
    first = await office.card(upgrade)
    await office.click(MINA, first["approve"], "approve")
    second = await office.card(upgrade)
    await office.click(MINA, second["withdraw"], "withdraw")
    assert (await refused(office.click(MINA, first["approve"], "approve"))).sentence.startswith(STALE)
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, upgrade.approved_by, home.ordered) == (Status.PROPOSED, (), 0)
    third = await office.card(upgrade)
    await office.click(MINA, third["approve"], "approve")
    upgrade = await home.drive(upgrade, turns=3)
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await home.is_legal(upgrade)


async def test_a_card_that_others_made_old_still_counts(office: Office) -> None:
    office.home.rule(approvals=2)
    upgrade = await office.home.proposed()
    first = await office.card(upgrade)
    await office.click(MINA, first["approve"], "approve")
    await office.card(upgrade)
    await office.click(REN, first["approve"], "approve")
    upgrade = await office.home.read(upgrade)
    assert (upgrade.status, upgrade.approved_by) == (Status.APPROVED, (MINA, REN))
    approvals = [each for each in await office.home.upgrades.entries(upgrade.id) if isinstance(each, Approved)]
    assert [each.card for each in approvals] == [1, 1]
    assert await office.home.is_legal(upgrade)


async def test_a_card_drawn_again_has_the_same_tokens_until_somebody_decides(office: Office) -> None:
    upgrade = await office.home.proposed()
    first = await office.card(upgrade)
    office.home.clock.move(timedelta(minutes=31))
    await office.home.drive(upgrade)
    assert (await office.home.upgrades.kinds(upgrade.id))[-1] == "reminded"
    assert await office.card(upgrade) == first
    await office.click(MINA, first["approve"], "approve")
    assert not {*(await office.card(upgrade)).values()} & {*first.values()}


async def test_a_token_is_good_for_its_own_action_only(office: Office) -> None:
    upgrade = await office.home.proposed()
    tokens = await office.card(upgrade)
    assert {*tokens} == {"approve", "decline", "cancel"}
    for action in BUTTONS:
        for other, token in tokens.items():
            if other != action:
                assert (await refused(office.click(MINA, token, action))).sentence == UNKNOWN
    assert (await office.home.read(upgrade)).revision == 1


async def test_what_nobody_minted_and_what_is_not_of_this_record_is_refused(office: Office) -> None:
    upgrade = await office.home.proposed()
    assert (await refused(office.click(MINA, "x" * 24, "approve"))).sentence == UNKNOWN
    forged = Button(upgrade=upgrade.id, version=1, action="approve", digest=upgrade.plan.digest)
    token = forged.token("a guess")
    assert (await refused(office.click(MINA, token, "approve"))).sentence == UNKNOWN
    await office.home.upgrades.keep_buttons({token: forged})
    assert (await refused(office.click(MINA, token, "approve"))).sentence == UNKNOWN, "the record holds another seal"
    assert (await office.home.read(upgrade)).revision == 1


async def test_what_a_token_means_is_kept_before_the_card_is_posted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("Redis", "ConnectionError")

    upgrade = await office.home.proposed()
    with monkeypatch.context() as cut:
        cut.setattr(type(office.home.upgrades), "keep_buttons", away)
        await office.narrator.turn(upgrade.id)
        assert office.home.slack.history(OPS) == []
    assert {*(await office.card(upgrade))} == {"approve", "decline", "cancel"}


async def test_the_seal_is_in_the_record_and_nowhere_else(office: Office, raw: Redis) -> None:
    upgrade = await office.home.proposed()
    await office.click(MINA, (await office.card(upgrade))["approve"], "approve")
    seal = (await office.home.read(upgrade)).seal
    assert len(seal) >= 32
    assert seal not in repr(upgrade)
    chain, _ = await office.home.upgrades.chain(upgrade.id)
    assert seal not in "".join(chain.lines())
    assert seal not in str(office.home.slack.history(OPS))
    texts = [key async for key in raw.scan_iter() if await raw.type(key) == "string"]
    assert [key for key in texts if seal in str(await raw.get(key))] == []


async def test_the_card_of_an_older_bot_gets_its_buttons(office: Office, raw: Redis) -> None:
    """Its record has neither seal nor version, and its buttons are JSON."""
    home = office.home
    home.rule(approvals=3)
    upgrade = await home.approved()
    key = f"{{aurora}}:upgrade:{upgrade.id}"
    old = json.loads(await raw.hget(key, "saved") or "")
    for name in ("seal", "version", "acted"):
        del old[name]
    del old["decisions"][0]["card"]
    await raw.hset(key, "saved", json.dumps(old))
    tokens = await office.card(upgrade)
    assert {*tokens} == {"approve", "decline", "withdraw", "cancel"}
    await office.click(REN, tokens["approve"], "approve")
    upgrade = await home.read(upgrade)
    assert (upgrade.approved_by, upgrade.version, bool(upgrade.seal)) == ((MINA, REN), 3, True)
    await office.click(MINA, tokens["withdraw"], "withdraw")
    assert (await refused(office.click(MINA, tokens["approve"], "approve"))).sentence.startswith(STALE)
    assert (await home.read(upgrade)).version == 4
    assert await home.is_legal(upgrade)


async def test_who_declines_says_why_and_all_can_read_it(office: Office) -> None:
    home, why = office.home, "Not in the week of the audit.\n<!channel> *ask again*"
    upgrade = await home.proposed()
    tokens = await office.card(upgrade)
    assert (await home.desk.may_decline(MINA, tokens["decline"])).id == upgrade.id
    pressed = await home.desk.pressed(tokens["decline"], "decline")
    declined = await home.desk.decline(MINA, upgrade.id, why, pressed.card)
    assert declined.status is Status.DECLINED
    ending = (await home.upgrades.entries(upgrade.id))[-1]
    assert ending == Declined(at=home.clock.now(), by=MINA, why=why, card=1, rule=upgrade.rule)
    assert await office.card(upgrade) == {}
    (card,) = home.slack.history(OPS)
    *_, told = home.slack.replies(OPS, card.ts)
    said = ">Not in the week of the audit.\n>&lt;!channel&gt; *ask again*"
    assert told.text == f"<@U0MINA> declined. Nothing was changed.\n{said}"
    assert said in card.text
    (past,) = (await home.desk.history(AKI, "orders")).past
    assert past.ending == ending
    over = "This upgrade is over: it was declined."
    assert (await refused(home.desk.may_decline(MINA, tokens["decline"]))).sentence == over
    assert (await refused(home.desk.decline(REN, upgrade.id, "me too", 1))).sentence == over
    assert await home.is_legal(upgrade)


async def test_declining_by_its_name_is_the_same(office: Office) -> None:
    home = office.home
    no = await refused(home.desk.decline_cluster(MINA, "orders", ""))
    assert "`orders` has no open upgrade to decline." in no.sentence
    upgrade = await home.proposed()
    assert "not one of the approvers" in (await refused(home.desk.decline_cluster(AKI, "orders", ""))).sentence
    declined = await home.desk.decline_cluster(MINA, "ORDERS", "no")
    assert (declined.id, declined.status) == (upgrade.id, Status.DECLINED)
    assert (await home.upgrades.entries(upgrade.id))[-1] == Declined(
        at=home.clock.now(), by=MINA, why="no", rule=upgrade.rule
    )


# --- all at once ---


@asynccontextmanager
async def desks(home: Home, redis_url: str, count: int) -> AsyncIterator[list[Desk]]:
    """As many processes, each with its own connection, all of which stand still at their first commit until all are there."""
    together = asyncio.Barrier(count)
    async with AsyncExitStack() as opened:
        made = []
        for _ in range(count):
            store = Store(await opened.enter_async_context(RedisServer(redis_url)))
            store.at_commit = together
            made.append(replace(home.desk, upgrades=store))
        yield made


async def all_at_once(clicks: Iterable[object]) -> Counter[str]:
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*clicks, return_exceptions=True)  # type: ignore[call-overload]
    return Counter(each.text if isinstance(each, Message) else str(each) for each in outcomes)


async def test_of_many_clicks_of_one_person_at_the_same_instant_one_counts(office: Office, redis_url: str) -> None:
    upgrade = await office.home.proposed()
    token = (await office.card(upgrade))["approve"]
    async with desks(office.home, redis_url, 12) as many:
        said = await all_at_once(office.click(MINA, token, "approve", each) for each in many)
    counted, polite = (
        "Your approval of `orders` from 18.4 to 18.6 counts: 1 of 1.",
        "You have approved this upgrade already",
    )
    assert sorted((text.startswith(counted), text.startswith(polite), n) for text, n in said.items()) == [
        (False, True, 11), (True, False, 1),
    ]  # fmt: skip
    upgrade = await office.home.drive(upgrade, turns=3)
    assert (upgrade.status, upgrade.approved_by, office.home.ordered) == (Status.UPGRADING, (MINA,), 1)
    assert await office.home.is_legal(upgrade)


async def test_of_many_clicks_of_many_people_at_the_same_instant_one_counts_for_each(
    office: Office, redis_url: str
) -> None:
    home = office.home
    dbas = [UserId(f"U0DBA{n}") for n in range(5)]
    for each in dbas:
        home.slack.workspace.users[each] = User(id=each, name=each.lower(), real_name=each)
    home.rule(*dbas, approvals=5)
    upgrade = await home.proposed()
    token = (await office.card(upgrade))["approve"]
    async with desks(home, redis_url, 20) as many:
        said = await all_at_once(office.click(dbas[n % 5], token, "approve", each) for n, each in enumerate(many))
    assert sum(n for text, n in said.items() if " counts: " in text) == 5
    assert sum(n for text, n in said.items() if "already" in text) == 15
    upgrade = await home.drive(upgrade, turns=3)
    assert sorted(upgrade.approved_by) == dbas
    assert [each.kind for each in await home.upgrades.entries(upgrade.id)].count("approved") == 5
    assert (upgrade.status, home.ordered) == (Status.UPGRADING, 1)
    assert await home.is_legal(upgrade)


async def test_whoever_approves_and_declines_at_the_same_instant_has_done_one_of_them(
    office: Office, redis_url: str
) -> None:
    upgrade = await office.home.proposed()
    tokens = await office.card(upgrade)
    async with desks(office.home, redis_url, 2) as (one, other):
        said = await all_at_once(
            [office.click(MINA, tokens["approve"], "approve", one), other.decline(MINA, upgrade.id, "no", 1)]
        )
    upgrade = await office.home.drive(upgrade, turns=3)
    kinds = await office.home.upgrades.kinds(upgrade.id)
    assert ("approved" in kinds, "declined" in kinds) in ((True, False), (False, True)), said
    assert office.home.ordered == ("approved" in kinds)
    assert await office.home.is_legal(upgrade)
