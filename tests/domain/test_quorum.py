"""One person, one slot: as many slots as can be filled are, and the order of the clicks does not matter."""

from itertools import combinations, permutations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import UserId
from bot.domain.quorum import Groups, Need, fill
from tests.domain.making import DBA, MINA, SORA, TOMO

OWNER, SRE = "S0OWNER", "S0SRE"
CROWD = [UserId(f"U0{n}") for n in range(5)]


def need(*approvers: str, approvals: int = 1) -> Need:
    return Need(approvers=approvers, approvals=approvals)


def test_whoever_could_fill_two_slots_makes_room_for_the_other() -> None:
    """Mina is in both groups and clicks first; Sora is a DBA only."""
    groups = {DBA: frozenset({MINA, SORA}), OWNER: frozenset({MINA})}
    needs = (need(DBA), need(OWNER))
    assert fill(needs, [MINA], groups) == ((MINA,), (need(DBA, OWNER),))
    assert fill(needs, [MINA, SORA], groups) == ((MINA, SORA), ())
    assert fill(needs, [SORA], groups) == ((SORA,), (need(OWNER),))


def test_who_is_still_needed_is_said_for_each_slot_that_is_free() -> None:
    groups = {DBA: frozenset({MINA, SORA}), OWNER: frozenset({TOMO})}
    needs = (need(DBA, approvals=3), need(OWNER, approvals=2), need(SRE))
    assert fill(needs, [MINA], groups) == ((MINA,), (need(DBA, approvals=2), need(OWNER, approvals=2), need(SRE)))
    assert fill(needs, [TOMO, TOMO, SORA], groups)[0] == (TOMO, SORA)


def test_a_group_that_nobody_can_read_takes_nobody() -> None:
    assert fill([need(DBA)], [MINA], {DBA: None}) == fill([need(DBA)], [MINA], {}) == ((), (need(DBA),))
    assert fill([need(DBA, MINA)], [MINA], {DBA: None}) == ((MINA,), ())


groups_ = st.fixed_dictionaries(
    {name: st.one_of(st.none(), st.frozensets(st.sampled_from(CROWD))) for name in (DBA, OWNER, SRE)}
)
named = st.lists(st.sampled_from([DBA, OWNER, SRE, *CROWD[:2]]), min_size=1, max_size=3, unique=True)
rules = st.lists(st.builds(Need, approvers=named.map(tuple), approvals=st.integers(1, 2)), min_size=1, max_size=3)
clicks = st.lists(st.sampled_from(CROWD), max_size=5)


def can_all_sit(people: tuple[UserId, ...], needs: list[Need], groups: Groups) -> bool:
    """By trying every way to seat them."""
    slots = [each for each in needs for _ in range(each.approvals)]
    return any(
        all(slot.takes(who, groups) for slot, who in zip(chosen, people, strict=True))
        for chosen in permutations(slots, len(people))
    )


@given(rules, clicks, groups_)
def test_as_many_are_seated_as_could_be_each_in_one_slot(
    needs: list[Need], clicked: list[UserId], groups: Groups
) -> None:
    counting, missing = fill(needs, clicked, groups)
    asked = sum(each.approvals for each in needs)
    assert len(counting) == len(set(counting))
    assert can_all_sit(counting, needs, groups)
    more = combinations(sorted(set(clicked)), len(counting) + 1)
    assert not any(can_all_sit(each, needs, groups) for each in more if len(each) <= asked)
    assert sum(each.approvals for each in missing) == asked - len(counting)


@given(rules, clicks, groups_, st.randoms())
def test_the_order_of_the_clicks_does_not_matter(
    needs: list[Need], clicked: list[UserId], groups: Groups, chance: object
) -> None:
    shuffled = sorted(clicked, key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert len(fill(needs, clicked, groups)[0]) == len(fill(needs, shuffled, groups)[0])
    assert bool(fill(needs, clicked, groups)[1]) == bool(fill(needs, shuffled, groups)[1])


@given(rules, clicks, groups_)
def test_those_who_are_said_to_be_needed_are_those_who_help(
    needs: list[Need], clicked: list[UserId], groups: Groups
) -> None:
    counting, missing = fill(needs, clicked, groups)
    for who in {*CROWD} - {*clicked}:
        helps = len(fill(needs, [*clicked, who], groups)[0]) > len(counting)
        assert helps == any(each.takes(who, groups) for each in missing)


@given(rules, clicks, groups_)
def test_whoever_counts_goes_on_counting(needs: list[Need], clicked: list[UserId], groups: Groups) -> None:
    for n in range(len(clicked)):
        before, after = fill(needs, clicked[:n], groups)[0], fill(needs, clicked[: n + 1], groups)[0]
        assert after[: len(before)] == before
