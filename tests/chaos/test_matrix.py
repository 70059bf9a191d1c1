"""One square of the crash matrix, the worst one: a worker dies with the order given and its answer unwritten."""

import pytest

from tests.chaos.matrix import one_run

pytestmark = pytest.mark.timeout(180)


async def test_who_dies_right_after_the_call_leaves_an_order_that_others_see_and_follow() -> None:
    run = await one_run(("worker aws:ModifyGlobalCluster 1", "after"))
    assert (run.struck, run.orders, run.laws_broken) == (True, 1, ())
