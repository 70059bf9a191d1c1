"""Whatever changes and whoever clicks on whichever card: each item of what is ordered has its approvals, of each group."""

from collections import defaultdict

from hypothesis import event, given
from hypothesis import strategies as st

from bot.domain import moves
from bot.domain.audit import audit
from bot.domain.chain import Chain, person, seal, written
from bot.domain.errors import Refused
from bot.domain.ids import UserId
from bot.domain.moves import Move
from bot.domain.plan import Plan
from bot.domain.policy import Case, Directory, Rule, Ruling, check_counts, ruling_on
from bot.domain.quorum import Groups, Need, fill
from bot.domain.status import Status
from bot.domain.timeline import Approved, Entry, Intended, Proposed, Replanned, Withdrawn
from bot.domain.upgrade import Upgrade
from tests.domain.making import AKI, DBA, HOME, MINA, ORDERS, SORA, TOMO, plan, proposal, rule
from tests.domain.making import person as somebody
from tests.domain.walking import AT, GROWN, SHRUNK, TURNED

OWNER = "S0OWNER"
GROUPS: Groups = {DBA: frozenset({AKI, MINA, SORA}), OWNER: frozenset({SORA, TOMO})}
DIRECTORY = Directory(home=HOME, people={each: somebody(each) for each in (AKI, MINA, SORA, TOMO)}, groups=GROUPS)
SEATS = (Need(approvers=(DBA,)), Need(approvers=(OWNER,)))
RULES = (
    rule(),
    rule(approvals=2),
    rule([DBA, OWNER], approvals=2).model_copy(update={"needs": SEATS}),
)  # fmt: skip
PLANS = (plan(), GROWN, SHRUNK, TURNED)


def ruled(under: Rule, case: Case) -> Ruling:
    return ruling_on(under, case, DIRECTORY, AT)


def approve(upgrade: Upgrade, by: UserId, seen: Plan) -> Move:
    """As the desk does."""
    case = upgrade.case.model_copy(update={"approved_by": (*upgrade.approved_by, by)})
    found = ruled(upgrade.rule, case)
    move = moves.approve(upgrade, by, seen.digest, upgrade.rule, AT, missing=found.missing)
    check_counts(by, upgrade.rule, found)
    return move


def replan(upgrade: Upgrade, to: Plan) -> Move:
    if to.digest == upgrade.plan.digest:
        return upgrade, ()
    missing = ruled(upgrade.rule, moves.replanned(upgrade, to).case).missing
    return moves.replan(upgrade, to, (), upgrade.rule, missing, AT)


def order(upgrade: Upgrade) -> Move:
    return moves.intend(upgrade, ruled(upgrade.rule, upgrade.case).counting, AT, upgrade.rule)


Step = tuple[str, UserId, Plan]
steps = st.lists(
    st.tuples(
        st.sampled_from(["approves"] * 4 + ["changes"] * 2 + ["withdraws"]),
        st.sampled_from([MINA, SORA, TOMO, AKI]),
        st.sampled_from(PLANS),
    ),
    max_size=20,
)


def taken(upgrade: Upgrade, step: Step) -> Move:
    match step:
        case "approves", by, seen:
            return approve(upgrade, by, seen)
        case "changes", _, to:
            return replan(upgrade, to)
        case _, by, _:
            return moves.withdraw(upgrade, by, AT)


def approvers_of_each_item(told: tuple[Entry, ...]) -> list[set[UserId]]:
    """From the timeline alone, and counted in another way than the upgrade counts."""
    plans, by_item = dict[str, Plan](), defaultdict[str, set[UserId]](set)
    for entry in told:
        match entry:
            case Proposed() | Replanned():
                now = entry.plan
                plans[now.digest] = now
            case Approved():
                for item in plans[entry.digest].items:
                    by_item[item].add(entry.by)
            case Withdrawn():
                for people in by_item.values():
                    people.discard(entry.by)
    return [by_item[item] for item in now.items]


@given(st.sampled_from(RULES), steps)
def test_nothing_is_ordered_of_which_an_item_lacks_an_approval(under: Rule, taking: list[Step]) -> None:
    upgrade, told = proposal(under=under)
    for step in [*taking, None]:
        enough = all(not fill(under.slots, sorted(each), GROUPS)[1] for each in approvers_of_each_item(told))
        if upgrade.status is Status.APPROVED:
            assert enough
        try:
            upgrade, entries = taken(upgrade, step) if step else order(upgrade)
        except Refused:
            continue
        told += entries
    event(f"ordered: {any(isinstance(each, Intended) for each in told)}")
    links = seal("", [(person(each, HOME) or "worker", written(each)) for each in told])
    verdict = audit(Chain(upgrade=ORDERS, links=links, head=links[-1].hash))
    assert (verdict.faults, verdict.status) == ((), upgrade.status)
