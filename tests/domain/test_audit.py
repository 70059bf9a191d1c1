"""The audit: whatever the bot did is found legal, and whatever else was written or changed is found."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.attempts import Outcome
from bot.domain.audit import audit
from bot.domain.chain import Chain, Fault, Link, person, seal, written
from bot.domain.hours import Hours
from bot.domain.ids import UpgradeId, UserId
from bot.domain.plan import Plan
from bot.domain.policy import Rule
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.timeline import (
    Approved,
    Cancelled,
    Declined,
    Entry,
    Expired,
    Finished,
    Forecast,
    Held,
    Intended,
    MemberSeen,
    Moved,
    NotOrdered,
    Ordered,
    Overdue,
    Proposed,
    Reached,
    Reminded,
    Reopened,
    Replanned,
    WentDown,
    Withdrawn,
)
from bot.domain.upgrade import Upgrade
from bot.domain.zero_downtime import Outlook
from tests.domain.making import (
    AKI,
    AP,
    DBA,
    HOME,
    MINA,
    MINUTE,
    NOON,
    ORDERS,
    SECOND,
    SORA,
    TOMO,
    US,
    entries,
    plan,
    proposal,
    proposed,
    rds_said,
    rule,
)
from tests.domain.walking import AT, GROWN, SHRUNK, walk, walks

Walked = tuple[Upgrade, tuple[Entry, ...]]
DIGEST: Final = plan().digest
LATE: Final = NOON + 60 * MINUTE
HELD, EXPIRED, ORDERED = Held(at=AT, reasons=()), Expired(at=LATE), Ordered(at=AT)
SEEN: Final = MemberSeen(at=AT, region=US, status="available", version="18.4", instances=())
MOVED: Final = Moved(at=AT, region=US, use="writer", vantage=US, was=("10.0.1.5",), now=("10.0.2.7",))
REACHED: Final = Reached(at=AT, region=US, use="writer", vantage=US, version="18.4")
FORETOLD: Final = Forecast(at=AT, region=US, vantage=US, asked_at=NOON, outlook=Outlook(dropped=0))
BY_NAME: Final = rule(approvers=[MINA])
SEATS: Final = (Need(approvers=(DBA,)), Need(approvers=(SORA,)))
SEATED: Final = rule([DBA, SORA], approvals=2).model_copy(update={"needs": SEATS})
TWO: Final = rule(approvals=2)
NAMED_SEATS: Final = (Need(approvers=(MINA, SORA)), Need(approvers=(TOMO,)))
NAMED: Final = rule([MINA, SORA, TOMO], approvals=2).model_copy(update={"needs": NAMED_SEATS})
SPACIOUS: Final = rule([MINA, SORA, TOMO], approvals=2)
REASONED: Final = rule().model_copy(update={"reason": "required"})
NOT_IN_TOKYO: Final = rule().model_copy(update={"forbidden_regions": (AP,)})
MORNINGS: Final = rule().model_copy(update={"hours": Hours(zone="UTC", allowed=("09:00-12:03",))})
FRUGAL: Final = rule().model_copy(update={"budget": timedelta(seconds=30)})
REQUIRES: Final = (
    "The rule of aurora.toml for `orders` requires a reason. "
    'Propose it with one: `/aurora upgrade CLUSTER VERSION "reason"`.'
)
FORBIDS: Final = (
    "The rule of aurora.toml for `orders` forbids upgrades in ap-northeast-1, where it has members. "
    "The rule has to change first."
)
SHUT: Final = (
    "the rule of aurora.toml for `orders` allows orders 09:00-12:03 UTC only; "
    "the next may be given from Sun 2026-04-12 09:00 UTC"
)


def approved(by: UserId = MINA, count: int = 1, needed: int = 1, under: Rule | None = None, **other: Any) -> Approved:
    return Approved(**{"at": AT, "by": by, "digest": DIGEST, "count": count, "needed": needed, "rule": under} | other)


def intended(*by: UserId, under: Rule | None = None, **other: Any) -> Intended:
    return Intended(**{"at": AT, "digest": DIGEST, "approved_by": by or (MINA,), "rule": under} | other)


def late_proposal(under: Rule) -> Proposed:
    """An hour after noon."""
    made, later = proposed(under=under), 60 * MINUTE
    return made.model_copy(update={"at": made.at + later, "expires_at": made.expires_at + later})


def withdrawn(by: UserId = MINA, count: int = 0, **other: Any) -> Withdrawn:
    return Withdrawn(**{"at": AT, "by": by, "count": count, "needed": 1} | other)


def reopened(*counting: UserId, needed: int = 2) -> Reopened:
    return Reopened(at=AT, counting=counting, needed=needed, approvers=("S0DBA",))


def replanned(to: Plan = GROWN, lacking: int = 1, **other: Any) -> Replanned:
    missing = (Need(approvers=("S0DBA",), approvals=lacking),) if lacking else ()
    made = {"plan": to, "findings": (), "changes": ("one",), "count": 1 - lacking, "needed": 1, "missing": missing}
    return Replanned(**{"at": AT, "rule": rule()} | made | other)


def finished(outcome: Status = Status.SUCCEEDED) -> Finished:
    return Finished(at=AT, outcome=outcome, why="", versions={}, measured=())


def chained(links: Iterable[Link], **other: Any) -> Chain:
    kept = tuple(links)
    return Chain(**{"upgrade": ORDERS, "links": kept, "head": kept[-1].hash} | other)


def kept(told: Iterable[Entry]) -> Chain:
    return chained(seal("", [(person(each, HOME) or "worker", written(each)) for each in told]))


def unchained(chain: Chain) -> tuple[Link, ...]:
    return tuple(Link(entry=each.entry) for each in chain.links)


@given(walks)
def test_whatever_the_bot_did_was_legal(walked: Walked) -> None:
    upgrade, told = walked
    verdict = audit(kept(told))
    assert verdict.faults == ()
    assert (verdict.upgrade, verdict.entries, verdict.unchained) == (ORDERS, len(told), 0)
    assert verdict.status is upgrade.status


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from leaves(inner, (*path, key))
        case list():
            for number, inner in enumerate(value):
                yield from leaves(inner, (*path, number))
        case _:
            yield path


def other_than(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case str():
            return value + "1"
        case int() | float():
            return value + 1
        case _:
            return "something"


def with_a_field_changed(text: str, draw: st.DataObject) -> str:
    """Any value inside, however deep."""
    entry = json.loads(text)
    *way, last = draw.draw(st.sampled_from(list(leaves(entry))))
    place = entry
    for step in way:
        place = place[step]
    place[last] = other_than(place[last])
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False)


def tampered(chain: Chain, draw: st.DataObject) -> Chain:
    links, numbers = list(chain.links), st.integers(0, len(chain.links) - 1)
    one, two = draw.draw(numbers), draw.draw(numbers)
    link = links[one]
    deeds = ["field", "byte", "removed", "swapped", "doubled", "who", "prev", "unchained", "head", "upgrade"]
    match draw.draw(st.sampled_from(deeds)):
        case "field":
            links[one] = link.model_copy(update={"entry": with_a_field_changed(link.entry, draw)})
        case "byte":
            at = draw.draw(st.integers(0, len(link.entry) - 1))
            put = draw.draw(st.characters(exclude_characters=link.entry[at]))
            links[one] = link.model_copy(update={"entry": link.entry[:at] + put + link.entry[at + 1 :]})
        case "removed":
            del links[one]
        case "swapped":
            assume(one != two)
            links[one], links[two] = links[two], links[one]
        case "doubled":
            links.insert(two, link)
        case "who":
            links[one] = link.model_copy(update={"who": "web" if link.who != "web" else "worker"})
        case "prev":
            links[one] = link.model_copy(update={"prev": "0" * 64})
        case "unchained":
            links[one] = Link(entry=link.entry)
        case "head":
            return chain.model_copy(update={"head": ""})
        case _:
            return chain.model_copy(update={"upgrade": UpgradeId("billing-4f5e6d7c")})
    return chain.model_copy(update={"links": tuple(links)})


@given(walks, st.data())
def test_any_single_tampering_is_found(walked: Walked, data: st.DataObject) -> None:
    bad = tampered(kept(walked[1]), data)
    assert audit(bad).faults
    assert audit(Chain.of_lines("\n".join(bad.lines()))) == audit(bad), "offline it is found too"


@given(walks, st.data())
def test_any_single_byte_of_an_export_counts(walked: Walked, data: st.DataObject) -> None:
    text = "\n".join(kept(walked[1]).lines())
    at = data.draw(st.integers(text.index("\n") + 1, len(text) - 1))
    put = data.draw(st.characters(codec="ascii", exclude_characters=text[at]))
    assert audit(Chain.of_lines(text[:at] + put + text[at + 1 :])).faults


@given(walks)
def test_what_is_older_than_the_chain_is_judged_and_said_to_be_unchained(walked: Walked) -> None:
    upgrade, told = walked
    old = chained(unchained(kept(told)), head="")
    verdict = audit(old)
    assert (verdict.faults, verdict.unchained, verdict.status) == ((), len(told), upgrade.status)


def test_a_chain_may_begin_amid_a_timeline_and_then_goes_on() -> None:
    _, told = walk(["Mina approves", "is intended", "is accepted"], rule())
    before = unchained(kept(told[:2]))
    after = seal("", [("worker", written(each)) for each in told[2:]])
    verdict = audit(chained((*before, *after)))
    assert (verdict.faults, verdict.unchained, verdict.status) == ((), 2, Status.UPGRADING)
    (fault,) = audit(chained((*before, after[0], Link(entry=after[1].entry)), head=after[0].hash)).faults
    assert fault == Fault(number=4, what="it is outside the chain, though the entry before is in it")


def faults(*told: Entry) -> tuple[Fault, ...]:
    return audit(kept(told)).faults


def test_where_the_chain_is_not_whole() -> None:
    whole = kept(walk(["Mina approves", "is intended"], rule())[1])
    first, second, third = whole.links

    def broken(*links: Link, head: str = whole.head) -> tuple[tuple[int, str], ...]:
        return tuple((each.number, each.what) for each in audit(chained(links, head=head)).faults)

    changed = "its hash is not the one that the next entry names: changed or misplaced"
    assert broken(first, third) == (
        (1, changed),
        (2, "it counts somebody who did not approve"),
    )
    assert broken(first, second.model_copy(update={"entry": second.entry + " "}), third) == ((2, changed),)
    assert broken(first, second) == (
        (2, "its hash is not the head of the chain: it was changed, or what came after it is gone"),
    )
    assert broken(second, third) == ((1, "a timeline begins with its proposal"),)
    assert broken(first.model_copy(update={"prev": "0"}), second, third)[0] == (
        1,
        "it names the hash of an entry before it that is not there",
    )
    assert broken(*unchained(whole)) == (
        (3, "its hash is not the head of the chain: it was changed, or what came after it is gone"),
    )


def test_nothing_at_all_is_a_fault() -> None:
    verdict = audit(Chain(upgrade=ORDERS, links=()))
    assert (verdict.status, verdict.faults) == (None, (Fault(number=0, what="there is no entry at all"),))


def test_an_entry_that_cannot_be_read_is_one() -> None:
    links = seal("", [("T0HOME/U0AKI", written(proposed())), ("worker", '{"kind":"teleported"}')])
    (fault,) = audit(chained(links)).faults
    assert fault.number == 2
    assert fault.what.startswith("it cannot be read: it is damaged, or of another version of the bot (Input tag")


@pytest.mark.parametrize(
    ("who", "entry"),
    [
        ("worker", proposed()),
        ("T0HOME/U0MINA", proposed()),
        ("T0AWAY/U0AKI", proposed()),
        ("T0HOME/U0AKI\n", proposed()),
    ],
)
def test_who_wrote_it_must_be_who_acted(who: str, entry: Entry) -> None:
    (fault,) = audit(chained(seal("", [(who, written(entry))]))).faults
    assert fault == Fault(number=1, what=f"it cannot have been {who!r} who wrote it")


def test_no_person_writes_what_happens_by_itself() -> None:
    links = seal("", [("T0HOME/U0AKI", written(proposed())), ("T0HOME/U0AKI", written(EXPIRED))])
    (fault,) = audit(chained(links)).faults
    assert fault == Fault(number=2, what="it cannot have been 'T0HOME/U0AKI' who wrote it")


@pytest.mark.parametrize(
    "told",
    [
        (
            approved(MINA, 1, 2, SEATED, missing=SEATS[1:]),
            approved(SORA, 2, 2, SEATED),
            intended(MINA, SORA, under=SEATED),
        ),
        (  # Mina has left the group since
            approved(MINA, 1, 2, TWO, missing=SEATS[:1]),
            approved(SORA, 1, 2, TWO, missing=SEATS[:1]),
            approved(TOMO, 2, 2, TWO),
            intended(SORA, TOMO, under=TWO),
        ),
    ],
)
def test_not_all_who_approved_need_count(told: tuple[Entry, ...]) -> None:
    links = seal("", [(person(each, HOME) or "bot", written(each)) for each in (proposed(), *told)])
    verdict = audit(chained(links))
    assert (verdict.faults, verdict.status) == ((), Status.ORDERING)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ((EXPIRED,), "a timeline begins with its proposal"),
        ((proposed().model_copy(update={"upgrade": "other"}),), "it is of another upgrade, 'other'"),
        (
            (proposed().model_copy(update={"rule": rule().model_copy(update={"clusters": ("billing",)})}),),
            "the rule recorded with it does not cover this cluster",
        ),
        ((proposed().model_copy(update={"expires_at": AT}),), "its time is not the one that its rule gives"),
        ((proposed(), proposed()), "it was proposed already"),
        ((proposed(), approved(), approved(SORA, 2)), "an upgrade that is “approved” takes no approval"),
        ((proposed(), approved(AKI)), "the proposer approved their own proposal"),
        ((proposed(), approved(needed=2), approved(count=2, needed=2)), "the same person approved twice"),
        ((proposed(), approved(digest="other")), f"it approves 'other', and {DIGEST} was proposed"),
        ((proposed(), approved(at=LATE)), "the proposal had expired"),
        ((proposed(), approved(SORA, under=BY_NAME)), "the rule in force does not let this person approve"),
        ((proposed(), approved(under=rule(approvals=2))), "the rule in force asks for another number"),
        ((proposed(), approved(count=2, needed=2)), "it counts 2 approvals, and there were 1"),
        ((proposed(), approved(count=0, needed=2)), "it counts 0 approvals, and there were 1"),
        ((proposed(), approved(count=2, needed=2, under=TWO)), "it counts 2 approvals, and there were 1"),
        (
            (proposed(), approved(count=2, needed=2, under=SEATED, missing=SEATS[1:])),
            "it counts 2 approvals, and there were 1",
        ),
        ((proposed(), approved(needed=2, under=SEATED)), "it counts 1 approvals, and there were 1"),
        (
            (proposed(), approved(needed=2, under=SEATED, missing=SEATS[1:]), intended(MINA, under=SEATED)),
            "1 distinct people approved, and 2 were needed",
        ),
        ((proposed(), reopened()), "an upgrade that is “waiting for approval” cannot go to “waiting for approval”"),
        ((proposed(), approved(), reopened(SORA)), "it counts somebody who did not approve"),
        ((proposed(), approved(), reopened(MINA, needed=1)), "the approvals that count were enough"),
        ((proposed(), approved(), withdrawn(SORA)), "there was no approval to take back"),
        ((proposed(), approved(), withdrawn(at=LATE)), "the proposal had expired"),
        ((proposed(), approved(), withdrawn(count=1)), "it leaves 1 approvals, and there were 0 left"),
        (
            (
                proposed(),
                approved(needed=2, missing=SEATS[:1]),
                approved(SORA, 2, 2),
                withdrawn(SORA, 2, needed=3, missing=SEATS[:1]),
            ),
            "it leaves 2 approvals, and there were 1 left",
        ),
        (
            (proposed(), approved(), intended(), withdrawn()),
            "nothing of that kind happens to an upgrade that is “being ordered”",
        ),
        ((proposed(), approved(), withdrawn(), intended()), "it counts somebody who did not approve"),
        (
            (proposed(), approved(), intended(), Reminded(at=AT, missing=0, expires_at=LATE)),
            "nothing of that kind happens to an upgrade that is “being ordered”",
        ),
        ((proposed(), replanned(plan())), "the plan has not changed"),
        ((proposed(), replanned(plan(target="18.5"))), "it is the plan of another upgrade"),
        ((proposed(), replanned(at=LATE)), "the proposal had expired"),
        ((proposed(), replanned(needed=2)), "the rule in force asks for another number"),
        ((proposed(), approved(), replanned(lacking=0)), "it counts 1 approvals too many"),
        (
            (proposed(), approved(), replanned(), intended(digest=GROWN.digest)),
            "it counts somebody who did not approve",
        ),
        (
            (proposed(), approved(), replanned(), approved()),
            f"it approves '{DIGEST}', and {GROWN.digest} was proposed",
        ),
        (
            (proposed(), approved(), replanned(), approved(digest=GROWN.digest), intended()),
            f"it orders '{DIGEST}', and {GROWN.digest} was approved",
        ),
        (
            (proposed(), approved(), intended(), replanned()),
            "nothing of that kind happens to an upgrade that is “being ordered”",
        ),
        ((proposed(), Declined(at=AT, by=AKI)), "the proposer declined their own proposal"),
        ((proposed(), Declined(at=LATE, by=MINA)), "the proposal had expired"),
        ((proposed(), Cancelled(at=LATE, by=MINA)), "the proposal had expired"),
        (
            (proposed(), Declined(at=AT, by=SORA, rule=BY_NAME)),
            "the rule in force does not let this person decline",
        ),
        (
            (proposed(), Cancelled(at=AT, by=SORA, rule=BY_NAME)),
            "neither did this person propose it, nor does the rule in force let them cancel",
        ),
        ((proposed(), Expired(at=AT)), "the proposal had not expired yet"),
        ((proposed(), HELD), "nothing of that kind happens to an upgrade that is “waiting for approval”"),
        ((proposed(), SEEN), "nothing of that kind happens to an upgrade that is “waiting for approval”"),
        ((proposed(), rds_said("hm")), "nothing of that kind happens to an upgrade that is “waiting for approval”"),
        ((proposed(), intended()), "it counts somebody who did not approve"),
        ((proposed(), approved(), intended(digest="other")), f"it orders 'other', and {DIGEST} was approved"),
        ((proposed(), approved(), intended(MINA, SORA)), "it counts somebody who did not approve"),
        (
            (proposed(), approved(), intended(MINA, MINA, under=rule(approvals=2))),
            "1 distinct people approved, and 2 were needed",
        ),
        (
            (proposed(), approved(needed=2), approved(SORA, 2, 2), intended(MINA, MINA)),
            "1 distinct people approved, and 2 were needed",
        ),
        (
            (proposed(), approved(SORA), intended(SORA, under=BY_NAME)),
            "it counts somebody whom the rule in force does not let approve",
        ),
        ((proposed(), approved(), intended(at=LATE)), "the proposal had expired"),
        (
            (proposed(), approved(), intended(), intended()),
            "an upgrade that is “being ordered” cannot go to “being ordered”",
        ),
        ((proposed(), approved(), ORDERED), "an upgrade that is “approved” cannot go to “upgrading”"),
        (
            (proposed(), approved(), intended(), ORDERED, ORDERED),
            "an upgrade that is “upgrading” cannot go to “upgrading”",
        ),
        (
            (proposed(), approved(), intended(), ORDERED, NotOrdered(at=AT, code="", message="")),
            "an upgrade that is “upgrading” cannot go to “refused by AWS”",
        ),
        (
            (proposed(), finished(Status.APPROVED)),
            "nothing of that kind happens to an upgrade that is “waiting for approval”",
        ),
        (
            (proposed(), approved(), intended(), ORDERED, finished(Status.DECLINED)),
            "an upgrade that is “upgrading” cannot go to “declined”",
        ),
        (
            (proposed(), approved(), intended(), ORDERED, finished(), REACHED),
            "nothing of that kind happens to an upgrade that is “succeeded”",
        ),
        (
            (proposed(reason=" ", under=REASONED),),
            f"the rule recorded with it is against it: {REQUIRES}",
        ),
        (
            (proposed(under=NOT_IN_TOKYO),),
            f"the rule recorded with it is against it: {FORBIDS}",
        ),
        (
            (proposed(under=FRUGAL).model_copy(update={"own_budget": timedelta(minutes=1)}),),
            "it allows itself more downtime than its rule does",
        ),
        (
            (late_proposal(MORNINGS),),
            "the hours of its rule do not begin before it expires",
        ),
        ((proposed(reason=""), approved(under=REASONED)), f"the rule in force is against it: {REQUIRES}"),
        ((proposed(), approved(under=NOT_IN_TOKYO)), f"the rule in force is against it: {FORBIDS}"),
        (
            (proposed(), approved(MINA, 1, 2, NAMED, missing=NAMED_SEATS[1:]), approved(SORA, 2, 2, NAMED)),
            "it counts 2 approvals, and those who approved can fill 1 of what is asked for",
        ),
        (
            (
                proposed(),
                approved(MINA, 1, 2, SPACIOUS, missing=(Need(approvers=(SORA, TOMO)),)),
                approved(SORA, 2, 2, SPACIOUS),
                intended(MINA, SORA, under=NAMED),
            ),
            "it counts 2 approvals, and those who approved can fill 1 of what is asked for",
        ),
        (
            (
                proposed(),
                approved(MINA, 1, 2, SPACIOUS, missing=(Need(approvers=(SORA, TOMO)),)),
                approved(SORA, 2, 2, SPACIOUS),
                replanned(SHRUNK, count=2, needed=2, missing=(), rule=NAMED),
            ),
            "it counts 2 approvals, and those who approved can fill 1 of what is asked for",
        ),
        ((proposed(), approved(), intended(under=NOT_IN_TOKYO)), f"the rule in force is against it: {FORBIDS}"),
        ((proposed(), approved(), intended(under=MORNINGS)), f"it orders outside of the hours: {SHUT}"),
        (
            (proposed(), EXPIRED, FORETOLD),
            "nothing of that kind happens to an upgrade that is “expired”",
        ),
        (
            (proposed(), EXPIRED, Overdue(at=LATE, after=timedelta(1))),
            "nothing of that kind happens to an upgrade that is “expired”",
        ),
    ],
)
def test_what_is_illegal_is_found_though_the_chain_be_whole(told: tuple[Entry, ...], what: str) -> None:
    assert faults(*told) == (Fault(number=len(told), what=what),)


@pytest.mark.parametrize(
    "told",
    [
        (
            REACHED,
            approved(under=BY_NAME),
            HELD,
            intended(under=BY_NAME),
            MOVED,
            ORDERED,
            MOVED,
            SEEN,
            rds_said("hm"),
            finished(),
        ),
        (approved(), replanned(), approved(digest=GROWN.digest), intended(digest=GROWN.digest)),
        (replanned(), approved(digest=GROWN.digest), replanned(plan(), lacking=0), intended()),
        (approved(needed=2), approved(SORA, 2, 2), reopened(SORA), approved(MINA, 2, 2), intended(SORA, MINA)),
        (approved(needed=2), approved(SORA, 2, 2), intended(SORA, under=rule(approvals=1))),
        (approved(), WentDown(at=AT, region=US, use="writer", outcome=Outcome.REFUSED), Cancelled(at=AT, by=None)),
        (approved(), Declined(at=LATE - SECOND, by=MINA, rule=BY_NAME)),
        (Cancelled(at=AT, by=MINA, rule=BY_NAME),),
        (Cancelled(at=AT, by=AKI, rule=BY_NAME),),
        (approved(), withdrawn(), Reminded(at=AT, missing=1, expires_at=LATE), approved(), intended()),
        (approved(needed=2), withdrawn(), approved(SORA), intended(SORA)),
        (
            approved(SORA, 1, 2, NAMED, missing=NAMED_SEATS[1:]),
            approved(TOMO, 2, 2, NAMED),
            intended(TOMO, SORA, under=NAMED),
        ),
        (
            approved(SORA, 1, 2, NAMED, missing=NAMED_SEATS[1:]),
            approved(TOMO, 2, 2, NAMED),
            withdrawn(TOMO, 1, needed=2, missing=NAMED_SEATS[1:]),
            approved(TOMO, 2, 2, NAMED),
        ),
        (
            approved(under=MORNINGS),
            HELD,
            Reminded(at=AT, missing=0, expires_at=LATE),
            intended(at=AT - SECOND, under=MORNINGS),
        ),
        (approved(), replanned(SHRUNK, lacking=0, rule=NOT_IN_TOKYO), HELD),
    ],
)
def test_what_may_happen(told: tuple[Entry, ...]) -> None:
    assert faults(*entries(proposal()), *told) == ()


def test_a_forecast_changes_nothing_wherever_it_comes() -> None:
    """One that was on its way while the order was given comes after it."""
    assert faults(proposed(), FORETOLD, approved(), FORETOLD, intended(), FORETOLD, ORDERED, FORETOLD, finished()) == ()
