"""A slice of the crash matrix: the worst square of it, and one upgrade among several deaths."""

from pathlib import Path
from random import Random

import pytest

from bot.audit import main
from tests.chaos.doomed import Doom
from tests.chaos.matrix import one_run

pytestmark = pytest.mark.timeout(180)


async def test_of_several_deaths_nobody_who_reads_the_thread_can_tell(tmp_path: Path) -> None:
    """Among them the worst one: the order is given, and nobody has written down its answer. What is stored is sound."""
    kept = tmp_path / "kept.jsonl"
    points = (
        "web redis:COMMIT proposed 1 after",
        "worker slack:chat.postMessage channel 1 after",
        "worker aws:ModifyGlobalCluster 1 after",
        "prober redis:APPEND_ONCE went_down 1 before",
    )
    run = await one_run(Doom(points, len(points), apart=0, alone=0), kept)
    assert ({death.point for death in run.deaths}, run.orders, run.laws_broken) == (set(points), 1, ())

    whole = kept.read_bytes()
    assert main(["verify", str(kept)]) == 0
    for place in Random(1).sample(range(len(whole) - 1), 20):  # noqa: S311 - the last byte ends the last line
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert main(["verify", str(kept)]) == 1, place
