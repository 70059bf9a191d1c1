"""How often an endpoint is tried: hot before anything can happen to it, calm when it is well again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cadence import Cadence, Signs, is_done
from bot.domain.ids import Region
from bot.domain.timeline import MemberSeen
from tests.domain.making import AP, NOON, SECOND, US, approved

CADENCE = Cadence(calm=2, hot=10, well=30 * SECOND)
MOMENTS = st.integers(0, 600).map(lambda seconds: NOON + seconds * SECOND)
PERHAPS = st.none() | MOMENTS


def after(seconds: float) -> timedelta:
    return seconds * SECOND


@pytest.mark.parametrize(
    ("story", "signs", "now", "rate"),
    [
        ("nothing is ordered", Signs(None), 0, 2),
        ("nothing is ordered, and it fails", Signs(None, ill_at=NOON), 0, 2),
        ("just ordered", Signs(NOON), 0, 10),
        ("ordered long ago, and nothing is seen yet", Signs(NOON), 3600, 10),
        ("it fell", Signs(NOON, ill_at=NOON + after(60)), 61, 10),
        ("it came back, and RDS is not done with it", Signs(NOON, ill_at=NOON + after(60)), 300, 10),
        ("RDS is done with it", Signs(NOON, NOON + after(90), NOON + after(60)), 119, 10),
        ("it is done, and well for half a minute", Signs(NOON, NOON + after(90), NOON + after(60)), 120, 2),
        ("it fell after it was done", Signs(NOON, NOON + after(90), NOON + after(200)), 229, 10),
        ("and is well again", Signs(NOON, NOON + after(90), NOON + after(200)), 230, 2),
    ],
)
def test_stories(story: str, signs: Signs, now: float, rate: float) -> None:
    assert CADENCE.rate(signs, NOON + after(now)) == rate, story


@given(MOMENTS, PERHAPS, PERHAPS, MOMENTS)
def test_after_the_order_it_is_hot_unless_it_is_done_and_was_well_for_long(ordered, done, ill, now) -> None:  # type: ignore[no-untyped-def] # what the strategies say
    is_well = done is not None and all(now - each >= CADENCE.well for each in (done, ill) if each)
    assert Signs(ordered, done, ill).are_hot(now, CADENCE.well) is not is_well


def seen(region: Region, status: str, version: str, *instances: str) -> MemberSeen:
    return MemberSeen(at=NOON, region=region, status=status, version=version, instances=instances)


@pytest.mark.parametrize(
    ("member", "done"),
    [
        (seen(US, "available", "18.6", "available"), True),
        (seen(US, "available", "18.6.1", "available"), True),
        (seen(US, "available", "18.6"), True),
        (seen(US, "upgrading", "18.6", "available"), False),
        (seen(US, "available", "18.6", "available", "rebooting"), False),
        (seen(US, "available", "18.4", "available"), False),
        (seen(US, "available", "18.60", "available"), False),
        (seen(AP, "available", "18.6", "available"), False),
    ],
)
def test_a_member_is_done(member: MemberSeen, done: bool) -> None:
    assert is_done(approved().model_copy(update={"members": (member,)}), US) is done
