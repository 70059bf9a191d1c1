"""A slice of the crash matrix: the worst square of it, and one upgrade among several deaths."""

import pytest

from tests.chaos.doomed import Doom
from tests.chaos.matrix import one_run

pytestmark = pytest.mark.timeout(180)


async def test_of_several_deaths_nobody_who_reads_the_thread_can_tell() -> None:
    """Among them the worst one: the order is given, and nobody has written down its answer."""
    points = (
        "web redis:COMMIT proposed 1 after",
        "worker slack:chat.postMessage channel 1 after",
        "worker aws:ModifyGlobalCluster 1 after",
        "prober redis:APPEND_ONCE went_down 1 before",
    )
    run = await one_run(Doom(points, len(points), apart=1))
    assert ({death.point for death in run.deaths}, run.orders, run.laws_broken) == (set(points), 1, ())
