"""What to do about an endpoint that cannot be entered, where that may have begun with us."""

import re
from typing import Final

from bot.domain.attempts import Outcome

_BY_WORDS: Final = (  # the first that is found in what the endpoint said, or whoever tried
    (
        Outcome.AUTH,
        r"PAM authentication failed",
        (
            "let the AWS role of whoever connects rds-db:connect as this user, or take rds_iam from a user with a password "
            "(a server that restarts may say the same)"
        ),
    ),
    (
        Outcome.AUTH,
        r"password authentication failed",
        "check user and password; to come with IAM tokens the user needs GRANT rds_iam",
    ),
    (
        Outcome.AUTH,
        r"no password to be had",
        "give whoever connects AWS credentials to sign a token with, or a password",
    ),
    (Outcome.AUTH, r"", "check user, password and database, and that the role may connect"),
    (Outcome.TLS, r"", "check sslmode and sslrootcert"),
    (Outcome.DNS, r"", "check the host name, and that this machine resolves it"),
    (Outcome.OURS, r"for role", "give the role more connections: ALTER ROLE … CONNECTION LIMIT"),
    (Outcome.OURS, r"", "look for what this machine lacks: processors, descriptors, memory or ports"),
)


def remedy(outcome: Outcome, said: str) -> str:
    """An imperative; empty where the endpoint itself is at fault."""
    return next((what for when, words, what in _BY_WORDS if when is outcome and re.search(words, said)), "")
