"""Fixtures of whatever talks to PostgreSQL: a real server behind its door, and how to enter it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.adapters.postgres import Target
from bot.domain.ids import Region
from bot.measure.dsn import endpoint
from sandbox.aurora.postgres import Server
from sandbox.aurora.site import site


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with site(tmp_path_factory.mktemp("postgres")) as ground:
        running = Server(ground, "us-east-1")
        running.initialise("18.6")
        yield running
        running.remove()


@pytest.fixture
def target(postgres: Server) -> Target:
    return replace(endpoint(postgres.dsn()).target, region=Region(postgres.region))
