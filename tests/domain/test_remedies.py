"""What to do about an endpoint that cannot be entered."""

import pytest

from bot.domain.attempts import Outcome
from bot.messages.remedies import remedy


@pytest.mark.parametrize(
    ("outcome", "said", "what"),
    [
        (Outcome.AUTH, 'FATAL: PAM authentication failed for user "probe"', "rds-db:connect as this user"),
        (Outcome.AUTH, 'FATAL: password authentication failed for user "probe"', "needs GRANT rds_iam"),
        (Outcome.AUTH, "no password to be had: Unavailable AWS", "AWS credentials"),
        (Outcome.AUTH, 'FATAL: database "x" does not exist', "check user, password and database"),
        (Outcome.TLS, "certificate verify failed", "sslrootcert"),
        (Outcome.DNS, "cannot resolve db", "check the host name"),
        (Outcome.OURS, 'FATAL: too many connections for role "probe"', "CONNECTION LIMIT"),
        (Outcome.OURS, "stood still for 1.5 s", "processors"),
    ],
)
def test_what_may_have_begun_with_us_has_a_remedy(outcome: Outcome, said: str, what: str) -> None:
    assert what in remedy(outcome, said)


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_proves_nothing_has_one(outcome: Outcome) -> None:
    assert bool(remedy(outcome, "")) is outcome.proves_nothing
