"""What is said when an endpoint cannot be used: from the words of libpq, psql or a server to an outcome and its SQLSTATE."""

import re
from collections.abc import Collection
from functools import cache
from typing import Final

from bot.domain.attempts import Outcome

ROLE_IS_FULL: Final = "too many connections for role"  # the limit of our own role, in deploy/sql/probe-role.sql

OF_A_MACHINE: Final = frozenset({  # what one's own system answers without asking the endpoint, in glibc's words
    "Too many open files", "Too many open files in system", "Cannot allocate memory", "No buffer space available",
    "Cannot assign requested address", "Address family not supported by protocol", "Network is down",
    "Network is unreachable", "Operation not permitted", "Permission denied",
})  # fmt: skip
_NO_SOCKET: Final = "connection is bad: no error details available"  # libpq 16 and later lose the reason for that
_NOT_LET_IN: Final = (
    r"authentication failed|no password supplied|pg_hba\.conf|requires a valid client certificate"
    r"|(FATAL|ERROR): +(role|database|permission denied for database) \".*\" (does not exist|is not permitted)"
    r"|(FATAL|ERROR): +permission denied|(FATAL|ERROR): +(function|relation) .* does not exist"
)
_CUT: Final = (
    r"server closed the connection unexpectedly|Connection reset|Broken pipe|SSL SYSCALL error: EOF"
    r"|SSL error: .*unexpected eof|SSL connection has been closed unexpectedly|the connection is lost"
)
_WORDS: Final = (
    (Outcome.SHUTTING_DOWN, r"FATAL: +(the database system is shutting down|terminating connection )"),
    (Outcome.STARTING_UP, r"FATAL: +the database system is "),
    (Outcome.OURS, rf"FATAL: +{ROLE_IS_FULL}"),
    (Outcome.TOO_MANY, r"FATAL: +(sorry, too many clients|remaining connection slots|too many connections)"),
    (Outcome.READ_ONLY, r"(FATAL|ERROR): +cannot execute .* in a read-only transaction"),
    (Outcome.AUTH, _NOT_LET_IN),
    (Outcome.TLS, r"certificate|does not support SSL|sslmode|SSL error: (?!.*unexpected eof)"),
    (Outcome.REFUSED, r"Connection refused"),
    (Outcome.DNS, r"could not translate host name"),
    (Outcome.TIMEOUT, r"Connection timed out|timeout expired"),
    (Outcome.RESET, _CUT),
)
_PATTERNS: Final = tuple((outcome, re.compile(words)) for outcome, words in _WORDS)

_STATES: Final = tuple(  # with which PostgreSQL's source says these words; libpq hands on only the words of a FATAL
    (code, re.compile(rf"(FATAL|ERROR): +{words}"))
    for code, words in (
        ("57P03", r"the database system is "),
        ("57P01", r"terminating connection due to (administrator command|unexpected postmaster exit)"),
        ("57P02", r"terminating connection because of crash"),
        ("53300", r"(sorry, too many clients|remaining connection slots|too many connections)"),
        ("25006", r"cannot execute .* in a read-only transaction"),
        ("28P01", r"(password|PAM) authentication failed"),
        ("28000", r"(no pg_hba\.conf entry|role .* (does not exist|is not permitted))"),
        ("3D000", r"database .* does not exist"),
        ("42501", r"permission denied"),
        ("42883", r"function .* does not exist"),
        ("42P01", r"relation .* does not exist"),
    )
)


def outcome_of(text: str, of_this_machine: Collection[str] = OF_A_MACHINE) -> Outcome:
    """Classify why a connection could not be made, or could not be used. Servers speak English.

    What the server said comes before what any other address of it did, and both before what this machine says.
    'PAM authentication failed' (IAM) stays `auth` though a server that restarts may say it as well: whether its IAM or
    our token was at fault, nobody knows, so it proves nothing.
    """
    known = next((outcome for outcome, words in _PATTERNS if words.search(text)), None)
    if known is None:
        return Outcome.OURS if _here(frozenset(of_this_machine)).search(text) else Outcome.OTHER
    return known


@cache
def _here(of_this_machine: frozenset[str]) -> re.Pattern[str]:
    words = "|".join([_NO_SOCKET, "out of memory", *map(re.escape, sorted(of_this_machine))])
    return re.compile(rf"(?m)^(?!.*(FATAL|could not fork)).*({words})")


def sqlstate_of(text: str) -> str:
    """The SQLSTATE that PostgreSQL gives with these words; empty for others."""
    return next((code for code, words in _STATES if words.search(text)), "")


def outcome_of_state(sqlstate: str, said: str) -> Outcome:
    """Of an error that came with its SQLSTATE.

    Shutting down (57P01), crashed (57P02), starting up (57P03, said while shutting down as well); not let in (28…, no
    CONNECT or EXECUTE, no such database, function or table).
    """
    match sqlstate:
        case "57P01" | "57P02":
            return Outcome.SHUTTING_DOWN
        case "57P03":
            return Outcome.SHUTTING_DOWN if "shutting down" in said else Outcome.STARTING_UP
        case "53300":
            return Outcome.OURS if said.startswith(ROLE_IS_FULL) else Outcome.TOO_MANY
        case "25006":
            return Outcome.READ_ONLY
        case "42501" | "3D000" | "42883" | "42P01":
            return Outcome.AUTH
        case _:
            return Outcome.AUTH if sqlstate[:2] == "28" else Outcome.OTHER
