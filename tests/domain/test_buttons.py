"""A button means something only together with the record: which upgrade, which card, which action."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import moves
from bot.domain.audit import audit
from bot.domain.buttons import Button, buttons
from bot.domain.chain import Chain, person, seal, written
from bot.domain.errors import Refused
from bot.domain.ids import UserId
from bot.domain.moves import Move
from bot.domain.story import tell
from bot.domain.timeline import Approved, Cancelled, Declined, Entry, Turning, Withdrawn
from bot.domain.upgrade import Upgrade
from tests.domain.making import HOME, MINA, ORDERS, SORA, TOMO, plan, proposal, rule
from tests.domain.walking import AT, walks

Walked = tuple[Upgrade, tuple[Entry, ...]]
CARELESS = "You have decided since that card was drawn"


@given(walks)
def test_the_record_and_the_timeline_count_the_same_cards(walked: Walked) -> None:
    upgrade, told = walked
    assert upgrade.version == tell(told).version == sum(isinstance(each, Turning) for each in told)


@given(walks, st.text(), st.text())
def test_a_card_has_the_same_tokens_however_often_it_is_drawn_and_under_another_seal_others(
    walked: Walked, one: str, other: str
) -> None:
    story = tell(walked[1])
    made = buttons(story, one)
    assert made == buttons(story, one)
    assert all(token == each.token(one) and len(token) == 24 for token, each in made.items())
    assert {each.version for each in made.values()} <= {story.version}
    if one != other and one.rstrip("\0") != other.rstrip("\0"):  # HMAC fills up a key with zeros
        assert not made.keys() & buttons(story, other).keys()


def test_no_two_buttons_of_an_upgrade_share_a_token() -> None:
    actions = ("approve", "decline", "withdraw", "cancel", "propose_again")
    made = [
        Button(upgrade=ORDERS, version=n, action=each, digest=plan().digest) for n in range(1, 200) for each in actions
    ]
    assert len({each.token("a secret") for each in made}) == len(made)


def saved(move: Move) -> Upgrade:
    return moves.saved(*move)


def approving(upgrade: Upgrade, by: UserId, card: int) -> Move:
    return moves.approve(upgrade, by, plan().digest, upgrade.rule, AT, card=card)


def test_an_approval_that_comes_again_after_its_withdrawal_approves_nothing() -> None:
    upgrade = saved(approving(saved(proposal()), MINA, 1))
    upgrade = saved(moves.withdraw(upgrade, MINA, AT, 2))
    with pytest.raises(Refused, match=CARELESS):
        approving(upgrade, MINA, 1)
    with pytest.raises(Refused, match=CARELESS):
        approving(upgrade, MINA, 2)
    again = saved(approving(upgrade, MINA, 3))
    assert again.approved_by == (MINA,), "on the card that shows the withdrawal"


def test_a_card_that_others_made_old_still_counts() -> None:
    """What its reader saw is what is approved; that somebody was faster changes nothing of it."""
    upgrade = saved(proposal(under=rule(approvals=3)))
    for by in (MINA, SORA, TOMO):
        upgrade = saved(approving(upgrade, by, 1))
    assert upgrade.approved_by == (MINA, SORA, TOMO)
    assert [each.card for each in upgrade.decisions] == [1, 1, 1]


def test_who_has_acted_by_a_command_is_asked_to_look_again_too() -> None:
    upgrade = saved(approving(saved(proposal()), MINA, 1))
    upgrade = saved(moves.withdraw(upgrade, MINA, AT))
    with pytest.raises(Refused, match=CARELESS):
        approving(upgrade, MINA, 2)
    with pytest.raises(Refused, match=CARELESS):
        moves.decline(upgrade, MINA, AT, "", 2)
    with pytest.raises(Refused, match=CARELESS):
        moves.cancel(upgrade, MINA, AT, card=2)
    assert moves.decline(upgrade, MINA, AT, "", 3)[1] == (Declined(at=AT, by=MINA, card=3),)


def test_a_record_of_an_older_bot_is_not_counted_from_the_middle() -> None:
    old = proposal()[0].model_copy(update={"revision": 4})
    after = saved(approving(old, MINA, 3))
    assert (after.version, after.revision) == (0, 5)


def acts(told: Iterable[Entry]) -> Iterable[Approved | Withdrawn | Declined | Cancelled]:
    return (each for each in told if isinstance(each, Approved | Withdrawn | Declined | Cancelled))


@given(walks)
def test_nobody_ever_acts_twice_on_a_card(walked: Walked) -> None:
    """Whatever cards they click, each new act of a person is on a card that was drawn after their last one."""
    told, last = walked[1], dict[UserId | None, int]()
    for each in acts(told):
        if each.card is not None:
            assert each.card > last.get(each.by, 0)
        last[each.by] = tell(told[: told.index(each)]).version


@given(walks, st.integers(-1, 9))
def test_the_audit_finds_an_act_on_a_card_that_was_not_to_be_clicked(walked: Walked, card: int) -> None:
    told, last, lawful = [*walked[1]], dict[UserId | None, int](), True
    if not (acted := [*acts(told)]):
        return
    changed = acted[-1]
    place = told.index(changed)
    for each in acts(told[:place]):
        last[each.by] = tell(told[: told.index(each)]).version
    if changed.by is not None:
        lawful = last.get(changed.by, 0) < card <= tell(told[:place]).version
    told[place] = changed.model_copy(update={"card": card})
    links = seal("", [(person(each, HOME) or "worker", written(each)) for each in told])
    faults = audit(Chain(upgrade=ORDERS, links=links, head=links[-1].hash)).faults
    assert [each.number for each in faults] == ([] if lawful else [place + 1])
    assert all("by card" in each.what for each in faults)
