"""The states of an Upgrade, the one table of its legal moves, and how people call them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    ORDERING = "ordering"
    UPGRADING = "upgrading"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    REFUSED = "refused"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not MOVES[self]

    @property
    def is_before_order(self) -> bool:
        return self in BEFORE_ORDER


BEFORE_ORDER: Final = (Status.PROPOSED, Status.APPROVED)
UNDER_WAY: Final = (Status.ORDERING, Status.UPGRADING)
_WAYS_OUT: Final = frozenset({Status.DECLINED, Status.EXPIRED, Status.CANCELLED})
MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    Status.PROPOSED: _WAYS_OUT | {Status.APPROVED},
    Status.APPROVED: _WAYS_OUT | {Status.ORDERING, Status.PROPOSED},  # back, when approvals count no more
    Status.ORDERING: frozenset({Status.UPGRADING, Status.REFUSED}),
    Status.UPGRADING: frozenset({Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED}),
    **{end: frozenset() for end in (*_WAYS_OUT, Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED, Status.REFUSED)},
}


def said(status: Status) -> str:
    """The status as people say it."""
    return {
        Status.PROPOSED: "waiting for approval",
        Status.APPROVED: "approved",
        Status.ORDERING: "being ordered",
        Status.UPGRADING: "upgrading",
        Status.SUCCEEDED: "succeeded",
        Status.ROLLED_BACK: "rolled back",
        Status.FAILED: "failed",
        Status.REFUSED: "refused by AWS",
        Status.DECLINED: "declined",
        Status.EXPIRED: "expired",
        Status.CANCELLED: "cancelled",
    }[status]


def ended(status: Status) -> str:
    """How it ended, as people say it after what it is of."""
    return {Status.SUCCEEDED: "succeeded", Status.FAILED: "failed", Status.EXPIRED: "expired"}.get(
        status, f"was {said(status)}"
    )
