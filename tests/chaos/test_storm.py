"""A slice of the storms, and that a seed gives the same one again."""

from itertools import combinations

import pytest

from sandbox.moods import MOODS
from tests.chaos.storm import compose, one_storm, realms

pytestmark = pytest.mark.timeout(180)


async def test_a_storm_breaks_no_law() -> None:
    run = await one_storm(compose(11))
    assert run.laws_broken == (), run.composition


def test_a_seed_composes_moods_that_bear_one_another_and_the_same_ones_again() -> None:
    composed = [compose(seed) for seed in range(500)]
    assert composed == [compose(seed) for seed in range(500)]
    assert {each.mood.name for one in composed for each in one.moods} == set(MOODS)
    assert {len(one.moods) for one in composed} == {1, 2, 3}
    assert {len(one.kills) for one in composed} == {0, 1, 2, 3}
    for one in composed:
        assert not any(realms(a.mood) & realms(b.mood) for a, b in combinations(one.moods, 2)), str(one)
