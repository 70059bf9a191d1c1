"""The audit of a timeline: is it as it was written, and was every move legal?"""

from bot.domain.base import Value
from bot.domain.chain import Chain, Fault
from bot.domain.ids import UpgradeId
from bot.domain.legality import follow
from bot.domain.status import Status


class Verdict(Value):
    """`unchained` entries are older than the chain: their moves are judged, but nobody knows whether they are as written.

    At most one fault of the chain and one of the moves are named, each the first: what follows one is no surprise.
    """

    upgrade: UpgradeId
    entries: int
    unchained: int
    status: Status | None  # up to the first illegal move; None when it does not even begin
    faults: tuple[Fault, ...]


def audit(chain: Chain) -> Verdict:
    status, illegal = follow(chain)
    found = {fault.number: fault for fault in (chain.broken(), illegal) if fault}
    return Verdict(
        upgrade=chain.upgrade,
        entries=len(chain.links),
        unchained=sum(link.is_unchained for link in chain.links),
        status=status,
        faults=tuple(found[number] for number in sorted(found)),
    )
