"""What holds for every test."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# How long one example takes is the machine's to say, not the code's: each test as a whole has its deadline.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # after the order was made a random one
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Long tests, those with a deadline of their own, go first and evenly to the workers of `--dist worksteal`.

    Each worker is given an equal slice to begin with. At the end there are short ones to share out, and nobody waits.
    """
    yield
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("timeout")]
    short = [item for item in items if not item.get_closest_marker("timeout")]
    cuts = [len(short) * part // workers for part in range(workers + 1)]
    slices = [long[part::workers] + short[cuts[part] : cuts[part + 1]] for part in range(workers)]
    items[:] = [item for each in slices for item in each]
