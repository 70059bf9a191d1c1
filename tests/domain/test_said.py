"""The words of libpq, psql and servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Outcome
from bot.domain.said import outcome_of, outcome_of_state, sqlstate_of


@pytest.mark.parametrize(
    ("said", "outcome", "sqlstate"),
    [
        ("FATAL:  the database system is starting up", Outcome.STARTING_UP, "57P03"),
        ("FATAL:  the database system is shutting down", Outcome.SHUTTING_DOWN, "57P03"),
        ("FATAL:  terminating connection due to administrator command", Outcome.SHUTTING_DOWN, "57P01"),
        ("FATAL:  terminating connection because of crash of another server process", Outcome.SHUTTING_DOWN, "57P02"),
        ("FATAL:  sorry, too many clients already", Outcome.TOO_MANY, "53300"),
        ('FATAL:  too many connections for role "probe"', Outcome.OURS, "53300"),
        ('FATAL:  too many connections for database "orders"', Outcome.TOO_MANY, "53300"),
        ("ERROR:  cannot execute INSERT in a read-only transaction", Outcome.READ_ONLY, "25006"),
        ('FATAL:  password authentication failed for user "probe"', Outcome.AUTH, "28P01"),
        ('FATAL:  database "x" does not exist', Outcome.AUTH, "3D000"),
        ('ERROR:  relation "beat" does not exist', Outcome.AUTH, "42P01"),
        ("server closed the connection unexpectedly", Outcome.RESET, ""),
        ("could not receive data from server: Connection reset by peer", Outcome.RESET, ""),
        ("SSL error: unexpected eof while reading", Outcome.RESET, ""),
        ("SSL connection has been closed unexpectedly", Outcome.RESET, ""),  # the peer said goodbye
        ("SSL error: certificate verify failed", Outcome.TLS, ""),
        ("Connection refused", Outcome.REFUSED, ""),
        ("Connection timed out", Outcome.TIMEOUT, ""),
        ('could not translate host name "x" to address', Outcome.DNS, ""),
        ("Network is unreachable", Outcome.OURS, ""),
        ("No route to host", Outcome.OTHER, ""),
    ],
)
def test_words_have_an_outcome_and_perhaps_a_state(said: str, outcome: Outcome, sqlstate: str) -> None:
    text = f'connection to server at "db" (10.0.0.1), port 5432 failed: {said}'
    assert (outcome_of(text), sqlstate_of(text)) == (outcome, sqlstate)


@pytest.mark.parametrize(
    ("sqlstate", "said", "outcome"),
    [
        ("57P01", "", Outcome.SHUTTING_DOWN),
        ("57P02", "", Outcome.SHUTTING_DOWN),
        ("57P03", "the database system is shutting down", Outcome.SHUTTING_DOWN),
        ("57P03", "the database system is in recovery mode", Outcome.STARTING_UP),
        ("53300", "sorry, too many clients already", Outcome.TOO_MANY),
        ("53300", 'too many connections for role "probe"', Outcome.OURS),
        ("25006", "", Outcome.READ_ONLY),
        ("42P01", "", Outcome.AUTH),
        ("28000", "", Outcome.AUTH),
        ("XX000", "", Outcome.OTHER),
    ],
)
def test_a_state_has_an_outcome(sqlstate: str, said: str, outcome: Outcome) -> None:
    assert outcome_of_state(sqlstate, said) is outcome


@given(st.text())
def test_any_words_have_an_outcome(text: str) -> None:
    assert outcome_of(text) in Outcome
    assert len(sqlstate_of(text)) in (0, 5)
