"""The states, and the one table of legal moves."""

import pytest

from bot.domain.status import BEFORE_ORDER, MOVES, Status, said

OVER = {
    Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED, Status.REFUSED,
    Status.DECLINED, Status.EXPIRED, Status.CANCELLED,
}  # fmt: skip


def test_every_status_has_its_row() -> None:
    assert set(MOVES) == set(Status)


def test_the_order_comes_after_the_approval_and_the_end_after_the_order() -> None:
    assert MOVES[Status.PROPOSED] == {Status.APPROVED, Status.DECLINED, Status.EXPIRED, Status.CANCELLED}
    ways_out = {Status.DECLINED, Status.EXPIRED, Status.CANCELLED}
    assert MOVES[Status.APPROVED] == {Status.ORDERING, Status.PROPOSED} | ways_out
    assert MOVES[Status.ORDERING] == {Status.UPGRADING, Status.REFUSED}
    assert MOVES[Status.UPGRADING] == {Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED}


@pytest.mark.parametrize("status", Status)
def test_an_end_is_never_left_and_all_else_is(status: Status) -> None:
    assert status.is_final == (status in OVER)
    assert status.is_before_order == (status in (Status.PROPOSED, Status.APPROVED))


@pytest.mark.parametrize("status", sorted(set(Status) - {*BEFORE_ORDER}))
def test_nobody_declines_or_cancels_after_the_order(status: Status) -> None:
    assert not MOVES[status] & {Status.DECLINED, Status.EXPIRED, Status.CANCELLED}


@pytest.mark.parametrize("status", Status)
def test_from_everywhere_there_is_a_way_to_an_end(status: Status) -> None:
    reached = {status}
    while further := {to for at in reached for to in MOVES[at]} - reached:
        reached |= further
    assert reached & OVER


@pytest.mark.parametrize("status", Status)
def test_every_status_can_be_said(status: Status) -> None:
    assert said(status)
    assert len({said(each) for each in Status}) == len(Status)
