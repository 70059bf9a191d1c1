"""What a rehearsal plays and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Scenario:
    """`ending` is what the card says in the end; `words` what the thread must hold, in this order."""

    ending: str
    decision: Literal["approve", "reconsider", "decline", "none"]
    orders: int
    changes_version: bool
    words: tuple[str, ...]
    has_report: bool = True
    buttons: tuple[str, ...] = ()  # those that the card shows in the end
    minutes: float = 60.0  # until the proposal expires
    why: str = ""  # it is declined
    frozen: bool = False  # from before the proposal until an approver ends it
    otherwise: tuple["Scenario", ...] = ()  # what may come of it as well, told apart by their endings

    def as_it_ended(self, card: str) -> "Scenario":
        """Of this one and what may come of it as well, the one whose ending the card says; this one when it says none."""
        return next((each for each in (self, *self.otherwise) if each.ending in card), self)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "happy": Scenario(
        ending="succeeded",
        decision="approve",
        orders=1,
        changes_version=True,
        words=(
            "proposed this",
            "approved. 1 of 1.",
            "Ordered: ModifyGlobalCluster(orders, 18.6).",
            "upgrade started. Cluster remains online.",
            "unreachable",
            "back after ",
            "Done in ",
        ),
    ),
    "rollback": Scenario(
        ending="rolled back",
        decision="approve",
        orders=1,
        changes_version=False,
        words=("approved. 1 of 1.", "Ordered: ", "unreachable", "rollback succeeded", "Rolled back in "),
    ),
    "refused": Scenario(
        ending="refused by AWS",
        decision="approve",
        orders=0,
        changes_version=False,
        words=("approved. 1 of 1.", "AWS refused the order", "doesn't support minor version upgrades", "one by one"),
        has_report=False,
    ),
    "declined": Scenario(
        ending="declined",
        decision="decline",
        orders=0,
        changes_version=False,
        words=("proposed this", "declined. Nothing was changed.", "Not in the week of the audit:"),
        has_report=False,
        why="Not in the week of the audit:\nask again on Monday.",
    ),
    "frozen": Scenario(
        ending="succeeded",
        decision="reconsider",
        frozen=True,
        orders=1,
        changes_version=True,
        words=(
            "proposed this",
            "@mina approved. 1 of 1.",
            "Approved, but the order waits: orders is frozen until ",
            "@mina withdrew their approval. 0 of 1.",
            "@ren approved. 1 of 1.",
            "Ordered: ",
            "Done in ",
        ),
    ),
    "expired": Scenario(
        ending="expired",
        decision="none",
        orders=0,
        changes_version=False,
        words=("proposed this", "Expired before it was approved"),
        has_report=False,
        buttons=("propose_again",),
        minutes=0.05,
    ),
}
