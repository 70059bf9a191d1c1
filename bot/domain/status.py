"""The states of an Upgrade and the one table of its legal moves."""

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
        return self in (Status.PROPOSED, Status.APPROVED)


_WAYS_OUT: Final = frozenset({Status.DECLINED, Status.EXPIRED, Status.CANCELLED})
MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    Status.PROPOSED: _WAYS_OUT | {Status.APPROVED},
    Status.APPROVED: _WAYS_OUT | {Status.ORDERING, Status.PROPOSED},  # back, when approvals count no more
    Status.ORDERING: frozenset({Status.UPGRADING, Status.REFUSED}),
    Status.UPGRADING: frozenset({Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED}),
    **{end: frozenset() for end in (*_WAYS_OUT, Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED, Status.REFUSED)},
}
