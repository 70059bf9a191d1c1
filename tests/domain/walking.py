"""Every move by name, one upgrade in every status, and random walks from a proposal."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st

from bot.domain import moves
from bot.domain.errors import Refused
from bot.domain.ids import UserId
from bot.domain.moves import Move
from bot.domain.plan import Plan
from bot.domain.policy import Rule
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.timeline import Entry, MemberSeen
from bot.domain.topology import Role
from bot.domain.upgrade import Upgrade
from tests.domain.making import (
    AKI,
    AP,
    DBA,
    MINA,
    MINUTE,
    NOON,
    SORA,
    US,
    approved,
    cluster,
    member,
    ordering,
    plan,
    proposal,
    rule,
    upgrading,
)

AT: Final = NOON + 3 * MINUTE
GROWN: Final = plan(cluster(member(US, instances=2), member(AP)))
SHRUNK: Final = plan(cluster(member(US)))
TURNED: Final = plan(cluster(member(US, role=Role.SECONDARY), member(AP, role=Role.WRITER)))
Mover = Callable[[Upgrade], Move]


def seen(status: str) -> tuple[MemberSeen, ...]:
    return tuple(
        MemberSeen(at=AT, region=region, status=status, version="18.4", instances=("available",)) for region in (US, AP)
    )


def approving(by: UserId) -> Mover:
    return lambda upgrade: moves.approve(upgrade, by, upgrade.plan.digest, upgrade.rule, AT)


def approving_another(by: UserId, seen: Plan) -> Mover:
    """A card of that plan, whatever is planned now."""
    return lambda upgrade: moves.approve(upgrade, by, seen.digest, upgrade.rule, AT)


def replanning(to: Plan) -> Mover:
    """By heads, as the rules here count."""

    def replan(upgrade: Upgrade) -> Move:
        if to.digest == upgrade.plan.digest:
            return upgrade, ()
        lacking = upgrade.rule.approvals - len(moves.replanned(upgrade, to).approved_by)
        missing = (Need(approvers=(DBA,), approvals=lacking),) if lacking > 0 else ()
        return moves.replan(upgrade, to, (), upgrade.rule, missing, AT)

    return replan


def clicking(by: UserId, behind: int) -> Mover:
    """On a card that is not the latest any more."""
    return lambda upgrade: moves.approve(
        upgrade, by, upgrade.plan.digest, upgrade.rule, AT, card=max(1, upgrade.version - behind)
    )


def withdrawing(by: UserId, behind: int) -> Mover:
    return lambda upgrade: moves.withdraw(upgrade, by, AT, max(1, upgrade.version - behind))


def finishing(outcome: Status) -> Mover:
    return lambda upgrade: moves.finish(upgrade, outcome, "so it is", {US: "18.6.1"}, (), AT)


def leaning(outcome: Status | None, *, busy: bool) -> Mover:
    return lambda upgrade: (moves.lean(upgrade, outcome, busy, AT), ())


MOVERS: Final[Mapping[str, Mover]] = {
    "Mina approves": approving(MINA),
    "Sora approves": approving(SORA),
    "Aki approves": approving(AKI),
    "Mina declines": lambda upgrade: moves.decline(upgrade, MINA, AT),
    "Aki declines": lambda upgrade: moves.decline(upgrade, AKI, AT),
    "Aki cancels": lambda upgrade: moves.cancel(upgrade, AKI, AT),
    "the bot cancels": lambda upgrade: moves.cancel(upgrade, None, AT, "the plan changed"),
    "expires": lambda upgrade: moves.expire(upgrade, upgrade.expires_at),
    "is held": lambda upgrade: moves.hold(upgrade, ("a snapshot is being taken",), AT),
    "is held no more": lambda upgrade: moves.hold(upgrade, (), AT),
    "Mina withdraws": lambda upgrade: moves.withdraw(upgrade, MINA, AT),
    "Sora withdraws": lambda upgrade: moves.withdraw(upgrade, SORA, AT),
    "Mina clicks an old card": lambda upgrade: moves.decline(upgrade, MINA, AT, "no", max(1, upgrade.version - 1)),
    **{
        f"{by} clicks Withdraw, {behind} cards late": withdrawing(by, behind)
        for by in (MINA, SORA)
        for behind in range(3)
    },
    **{f"{by} clicks Approve, {behind} cards late": clicking(by, behind) for by in (MINA, SORA) for behind in range(3)},
    "is reminded of": lambda upgrade: moves.remind(upgrade, AT),
    "gains an instance": replanning(GROWN),
    "is as it was": replanning(plan()),
    "is turned around": replanning(TURNED),
    "loses a member": replanning(SHRUNK),
    **{
        f"{by} approves the plan of {what}": approving_another(by, each)
        for by in (MINA, SORA, AKI)
        for what, each in {"first": plan(), "more": GROWN, "less": SHRUNK}.items()
    },
    "needs more": lambda upgrade: moves.reopen(upgrade, rule(approvals=2), upgrade.approved_by[:1], AT),
    "is intended": lambda upgrade: moves.intend(upgrade, upgrade.approved_by, AT),
    "is accepted": lambda upgrade: moves.accepted(upgrade, AT),
    "is seen accepted": lambda upgrade: moves.accepted(upgrade, AT, observed=True),
    "is refused": lambda upgrade: moves.not_ordered(upgrade, "AccessDenied", "no", AT),
    "leaves no trace": lambda upgrade: moves.not_ordered(upgrade, "", "", AT),
    "is seen upgrading": lambda upgrade: moves.note_members(upgrade, seen("upgrading")),
    "is seen available": lambda upgrade: moves.note_members(upgrade, seen("available")),
    "leans to success": leaning(Status.SUCCEEDED, busy=True),
    "leans nowhere": leaning(None, busy=False),
    "is overdue": lambda upgrade: moves.overdue(upgrade, timedelta(minutes=90), AT),
    **{f"finishes as {outcome}": finishing(outcome) for outcome in Status},
}


def in_status(status: Status) -> Upgrade:
    """An upgrade that got there by its own legal moves."""
    match status:
        case Status.PROPOSED:
            return proposal()[0]
        case Status.APPROVED:
            return approved()
        case Status.ORDERING:
            return ordering()
        case Status.UPGRADING:
            return upgrading()
        case Status.SUCCEEDED | Status.ROLLED_BACK | Status.FAILED:
            return finishing(status)(upgrading())[0]
        case Status.REFUSED:
            return moves.not_ordered(ordering(), "AccessDenied", "no", AT)[0]
        case Status.DECLINED:
            return moves.decline(proposal()[0], MINA, AT)[0]
        case Status.EXPIRED:
            return MOVERS["expires"](proposal()[0])[0]
        case Status.CANCELLED:
            return moves.cancel(proposal()[0], AKI, AT)[0]


def walk(names: Iterable[str], under: Rule) -> tuple[Upgrade, tuple[Entry, ...]]:
    """Propose, then try each move; those that are refused change nothing."""
    upgrade, told = proposal(under=under)
    upgrade = moves.saved(upgrade, told)
    for name in names:
        try:
            upgrade, entries = MOVERS[name](upgrade)
        except Refused:
            continue
        upgrade = moves.saved(upgrade, entries)
        told += entries
    return upgrade, told


_COMMON: Final = ["Mina approves", "is intended", "is accepted", "is seen upgrading", "finishes as succeeded"]
walks: Final = st.builds(
    walk,
    st.lists(st.one_of(st.sampled_from(_COMMON), st.sampled_from(sorted(MOVERS))), max_size=14),
    st.sampled_from([rule(approvals=1), rule(approvals=2)]),
)
