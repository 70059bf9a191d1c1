"""The sentences in which a request can end without what was asked for."""

import pytest

from bot.domain.errors import Refused, Unavailable


@pytest.mark.parametrize(("detail", "said"), [("", "RDS: Throttling"), ("slow down", "RDS: Throttling: slow down")])
def test_trouble_names_the_outside_system_and_its_own_word_for_it(detail: str, said: str) -> None:
    trouble = Unavailable("RDS", "Throttling", detail)
    assert str(trouble) == said
    assert (trouble.what, trouble.code, trouble.detail) == ("RDS", "Throttling", detail)


def test_a_refusal_is_its_sentence() -> None:
    refused = Refused("No.", link="https://example.slack.com/archives/C1/p1", approvers=("S0DBA",))
    assert (str(refused), refused.sentence) == ("No.", "No.")
    assert (refused.link, refused.approvers) == ("https://example.slack.com/archives/C1/p1", ("S0DBA",))
