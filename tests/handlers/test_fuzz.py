"""A slice of `python -m tests.fuzz`: nothing that comes in breaks the ears, goes unanswered or calls anybody unasked."""

import pytest

from tests.fuzz.hearing import fuzz
from tests.handlers.ears import Transport


@pytest.mark.parametrize("transport", ["http", "socket"])
def test_whatever_comes_in_is_answered_and_harmless(transport: Transport) -> None:
    figures = fuzz(120, 7, transport)
    assert figures.broken == []
    assert figures.cases.total() == 120
    assert figures.answers > 30
