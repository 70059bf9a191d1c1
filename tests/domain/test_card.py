"""The card: one message that shows where an upgrade stands, and offers what is legal now."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Outcome
from bot.domain.buttons import buttons as made
from bot.domain.measurement import Measurement
from bot.domain.preflight import Finding, Severity
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.story import Story, tell
from bot.domain.timeline import (
    Approved,
    CameBack,
    Cancelled,
    CannotMeasure,
    Declined,
    Entry,
    Expired,
    Finished,
    Forecast,
    Held,
    Intended,
    MemberSeen,
    NotOrdered,
    Ordered,
    Overdue,
    Proposed,
    Reached,
    Replanned,
    WentDown,
)
from bot.domain.upgrade import Upgrade
from bot.domain.zero_downtime import Obstacle, Outlook
from bot.messages.card import card
from bot.messages.message import Message
from sandbox.slack.blocks import check_blocks
from tests.domain.making import (
    AKI,
    AP,
    DBA,
    MINA,
    MINUTE,
    NOON,
    SORA,
    US,
    cluster,
    member,
    outage,
    plan,
    proposed,
    rds_said,
    regions,
    rule,
)
from tests.domain.walking import walks

AT = NOON + 2 * MINUTE
EXPIRES = "<!date^1775912400^{date_short_pretty} {time} ({ago})|2026-04-11 13:00:00 UTC>"
RULE = rule().version
ENDED = "<!date^1775908920^{date_short_pretty} {time}|2026-04-11 12:02:00 UTC>"
APPROVED = Approved(at=AT, by=MINA, digest=plan().digest, count=1, needed=1)
INTENDED = Intended(at=AT, digest=plan().digest, approved_by=(MINA,))
UNDER_WAY: tuple[Entry, ...] = (APPROVED, INTENDED, Ordered(at=AT))
FINDINGS = (
    Finding(check="snapshot", severity=Severity.WARNING, text="no manual snapshot in the last 24 h"),
    *(Finding(check=f"{number}", severity=Severity.FINE, text="fine") for number in range(7)),
)


def shown(*entries: Entry, first: Proposed | None = None) -> Message:
    return drawn(tell((first or proposed(findings=FINDINGS), *entries)))


def drawn(story: Story) -> Message:
    return card(story, made(story, "a secret"))


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    return {
        element["action_id"]: element
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }


def lines(message: Message) -> list[str]:
    """What the blocks say, line by line."""
    texts = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
    texts += [part["text"] for block in message.blocks if block["type"] == "context" for part in block["elements"]]
    return [line for text in texts for line in text.splitlines()]


def region(message: Message, name: str = US) -> str:
    return next(line for line in lines(message) if line.startswith(f"`{name}`"))


def starting(message: Message, words: str) -> str:
    return next((line for line in lines(message) if line.startswith(words)), "")


def seen(status: str, version: str = "18.4", instances: tuple[str, ...] = ("available",)) -> MemberSeen:
    return MemberSeen(at=AT, region=US, status=status, version=version, instances=instances)


def reached(version: str) -> Reached:
    return Reached(at=AT, region=US, use="writer", vantage=US, version=version)


def came_back(version: str = "18.6.1") -> CameBack:
    return CameBack(at=AT, region=US, use="writer", outage=outage(130, 132.7, version))


def foretold(*obstacles: Obstacle, dropped: int | None = 0, more: int = 0, unread: tuple[str, ...] = ()) -> Forecast:
    looked = Outlook(dropped=dropped, obstacles=obstacles, more=more, unread=unread)
    return Forecast(at=AT, region=US, vantage=US, asked_at=NOON, outlook=looked)


def finished(outcome: Status = Status.SUCCEEDED, *measured: Measurement) -> Finished:
    return Finished(at=AT, outcome=outcome, why="", versions={US: "18.6.1"}, measured=measured)


def test_a_proposal_shows_what_would_be_done_and_what_it_needs() -> None:
    message = shown()
    assert lines(message) == [
        "⏳ *Upgrade `orders` from 18.4 to 18.6 · waiting for approval*",
        "`us-east-1`  writer  18.4 → 18.6  1 instance",
        "`ap-northeast-1`  secondary  18.4 → 18.6  1 instance (restarts; readers are never upgraded without downtime)",
        (
            "Preflight: 7 fine, 1 warning: no manual snapshot in the last 24 h · Cannot be undone once it succeeds."
        ),
        f"Proposed by <@U0AKI> · needs 1 approval from <!subteam^S0DBA>, not from <@U0AKI> · expires {EXPIRES} · rule `{RULE}`",
    ]  # fmt: skip
    assert list(buttons(message)) == ["approve", "decline", "cancel"]
    check_blocks(list(message.blocks))


def test_the_text_says_what_the_blocks_say_and_calls_nobody_but_the_proposer() -> None:
    message = shown()
    assert message.text.splitlines() == [
        "Upgrade `orders` from 18.4 to 18.6 · waiting for approval",
        *lines(message)[1:4],
        f"Proposed by <@U0AKI> · needs 1 approval · expires {EXPIRES} · rule `{RULE}`",
    ]


@pytest.mark.parametrize(
    ("entries", "title", "offered"),
    [
        ((), "waiting for approval", ["approve", "decline", "cancel"]),
        ((APPROVED,), "approved", ["decline", "withdraw", "cancel"]),
        ((APPROVED, INTENDED), "being ordered", []),
        (UNDER_WAY, "upgrading", []),
        ((*UNDER_WAY, Overdue(at=AT, after=timedelta(minutes=90))), "upgrading, longer than it should", []),
        ((*UNDER_WAY, finished()), "succeeded", []),
        ((*UNDER_WAY, Overdue(at=AT, after=timedelta(minutes=90)), finished()), "succeeded", []),
        ((*UNDER_WAY, finished(Status.ROLLED_BACK)), "rolled back", []),
        ((*UNDER_WAY, finished(Status.FAILED)), "failed", []),
        ((APPROVED, INTENDED, NotOrdered(at=AT, code="AccessDenied", message="no")), "refused by AWS", []),
        ((APPROVED, INTENDED, NotOrdered(at=AT, code="", message="")), "not ordered", []),
        ((Declined(at=AT, by=MINA),), "declined", []),
        ((Expired(at=AT),), "expired", ["propose_again"]),
        ((Cancelled(at=AT, by=AKI),), "cancelled", []),
    ],
)
def test_each_state_has_its_title_and_only_the_buttons_that_still_apply(
    entries: Sequence[Entry], title: str, offered: list[str]
) -> None:
    message = shown(*entries)
    assert lines(message)[0].endswith(f" *Upgrade `orders` from 18.4 to 18.6 · {title}*")
    assert message.text.startswith(f"Upgrade `orders` from 18.4 to 18.6 · {title}\n")
    assert list(buttons(message)) == offered
    check_blocks(list(message.blocks))


def test_a_button_carries_its_token_and_asks_back_unless_it_opens_a_form() -> None:
    first, tokens = tell([proposed()]), [each["value"] for each in buttons(shown()).values()]
    assert tokens == [*made(first, "a secret")]
    assert not any(said in token for token in tokens for said in ("orders", "approve", plan().digest))
    approve, decline, cancel = buttons(shown()).values()
    assert approve["confirm"]["text"]["text"] == (
        "This cannot be undone once it succeeds. orders from 18.4 to 18.6: every instance in us-east-1, ap-northeast-1 restarts."
    )
    assert "confirm" not in decline
    assert cancel["confirm"]["text"]["text"] == "orders from 18.4 to 18.6 will not be done."
    assert cancel["confirm"]["confirm"]["text"] == "Cancel upgrade"
    assert (approve["style"], decline["style"], "style" in cancel) == ("primary", "danger", False)


def people(*entries: Entry, first: Proposed | None = None) -> str:
    return starting(shown(*entries, first=first), "Proposed by <@U0AKI>").removeprefix("Proposed by <@U0AKI>")


def test_of_several_groups_each_that_is_needed_is_named() -> None:
    seats = (Need(approvers=(DBA,)), Need(approvers=(SORA,), approvals=2))
    two = proposed(under=rule([DBA, SORA], approvals=3).model_copy(update={"needs": seats}))
    asked = "needs one of <!subteam^S0DBA> and two of <@U0SORA>, not from <@U0AKI>"
    assert people(first=two) == f" · {asked} · expires {EXPIRES} · rule `{two.rule.version}`"
    first = APPROVED.model_copy(update={"needed": 3, "missing": seats[1:]})
    asked = "needs 2 more approvals from <@U0SORA>, not from <@U0AKI>"
    still = f"{asked} · expires {EXPIRES} · rule `{two.rule.version}`"
    assert people(first, first=two) == f" · approved by <@U0MINA> · {still}"
    assert "needs 3 approvals · expires" in shown(first=two).text


def test_who_decided_is_named() -> None:
    two = proposed(under=rule([DBA, SORA], approvals=3))
    first = APPROVED.model_copy(update={"needed": 3})
    whom = "from <!subteam^S0DBA>, <@U0SORA>, not from <@U0AKI>"
    until = f"expires {EXPIRES} · rule `{two.rule.version}`"
    assert people(first=two) == f" · needs 3 approvals {whom} · {until}"
    assert people(first, first=two) == f" · approved by <@U0MINA> · needs 2 more approvals {whom} · {until}"
    assert people(APPROVED) == f" · approved by <@U0MINA> · rule `{RULE}`"
    assert people(Declined(at=AT, by=MINA)) == f" · declined by <@U0MINA> {ENDED}"
    declined = shown(Declined(at=AT, by=MINA, why="Not now:\n<!channel> > *it*\u2028is @here"))
    said = "\n".join(lines(declined)).partition(ENDED)[2]
    assert said == "\n>Not now:\n>&lt;!channel&gt; &gt; *it*\n>is @here", "each line is marked as what somebody said"
    assert people(Cancelled(at=AT, by=AKI)) == f" · cancelled by <@U0AKI> {ENDED}"
    assert people(Cancelled(at=AT, by=None, why="gone")) == f" · cancelled by the bot {ENDED}"
    assert people(Expired(at=AT)) == f" · expired {ENDED}"
    assert people(*UNDER_WAY, finished()) == f" · approved by <@U0MINA> · succeeded {ENDED}"
    lost = NotOrdered(at=AT, code="", message="")
    assert people(APPROVED, INTENDED, lost) == f" · approved by <@U0MINA> · not ordered {ENDED}"


def test_a_hold_is_shown_while_the_order_waits() -> None:
    held = Held(at=AT, reasons=("orders-us is modifying", "a snapshot is being taken"))
    waits = " · approved by <@U0MINA> · the order waits: orders-us is modifying; a snapshot is being taken"
    assert people(APPROVED, held) == f"{waits} · expires {EXPIRES} · rule `{RULE}`"
    assert people(APPROVED, held, INTENDED) == " · approved by <@U0MINA>"
    assert people(APPROVED, held, Expired(at=AT)) == f" · approved by <@U0MINA> · expired {ENDED}"


def test_a_region_shows_what_runs_there_and_how_it_does() -> None:
    assert region(shown(reached("18.4.1"))) == "`us-east-1`  writer  18.4.1 → 18.6  1 instance"
    busy = (*UNDER_WAY, reached("18.4.1"), seen("upgrading", instances=("available", "rebooting")))
    assert region(shown(*busy)) == (
        "`us-east-1`  writer  18.4.1 → 18.6  1 instance  ·  available, rebooting, upgrading"
    )


def test_who_has_arrived_runs_the_new_version_and_goes_nowhere() -> None:
    arrived = "`us-east-1`  writer  18.6.1  1 instance"
    assert region(shown(*UNDER_WAY, reached("18.4.1"), came_back())) == arrived
    by_the_api = shown(*UNDER_WAY, reached("18.4.1"), seen("available", "18.6"))
    assert region(by_the_api) == "`us-east-1`  writer  18.6  1 instance  ·  available"
    assert region(shown(*UNDER_WAY, reached("18.60.1"))) == "`us-east-1`  writer  18.60.1 → 18.6  1 instance"


def test_in_the_end_a_region_shows_what_it_runs_now() -> None:
    message = shown(*UNDER_WAY, seen("upgrading"), finished())
    assert region(message) == "`us-east-1`  writer  18.6.1  1 instance"
    assert region(message, AP) == "`ap-northeast-1`  secondary  version unknown  1 instance"


def test_instances_are_counted() -> None:
    three = proposed(what=plan(cluster(member(US, instances=3), member(AP, instances=0))))
    assert region(shown(first=three)).endswith("  3 instances")
    assert "  0 instances " in region(shown(first=three), AP)


def preflight(*entries: Entry, severities: Sequence[Severity] = ()) -> str:
    findings = tuple(Finding(check="c", severity=each, text=f"this is {each}") for each in severities)
    return starting(shown(*entries, first=proposed(findings=findings)), "Preflight: ").removeprefix("Preflight: ")


UNDONE = " · Cannot be undone once it succeeds."


def test_preflight_counts_everything_and_names_what_is_not_fine() -> None:
    grave = [Severity.BLOCKER, Severity.WARNING, Severity.WARNING, Severity.UNKNOWN, Severity.FINE, Severity.FINE]
    assert preflight(severities=grave) == (
        "2 fine, 1 unknown, 2 warnings, 1 blocker: this is blocker; this is warning; this is warning; this is unknown"
        + UNDONE
    )
    assert preflight(severities=[Severity.FINE]) == "1 fine" + UNDONE


def test_an_endpoint_that_cannot_be_measured_is_one_more_unknown() -> None:
    cannot = CannotMeasure(at=AT, region=US, use="writer", vantage=US, outcome=Outcome.AUTH, detail="no such role")
    fine = [Severity.FINE]
    assert preflight(cannot, severities=fine) == (
        "1 fine, 1 unknown: us-east-1 writer cannot be measured: no such role" + UNDONE
    )
    assert preflight(cannot, reached("18.4.1"), severities=fine) == "1 fine" + UNDONE


def test_what_is_over_no_longer_warns_of_the_point_of_no_return() -> None:
    assert preflight(Expired(at=AT), severities=[Severity.FINE]) == "1 fine"


def test_downtime_so_far_is_shown_and_in_the_end_what_the_report_says() -> None:
    down = WentDown(at=AT, region=AP, use="reader", outcome=Outcome.REFUSED)
    assert starting(shown(*UNDER_WAY, reached("18.4.1")), "Downtime") == ""
    assert starting(shown(*UNDER_WAY, came_back(), down), "Downtime") == (
        "Downtime so far (new connections): us-east-1 writer 2.6 to 2.8 s · "
        "ap-northeast-1 reader unreachable since <!date^1775908920^{time_secs}|2026-04-11 12:02:00 UTC>"
    )
    measured = Measurement(
        region=US, use="writer", vantage=US, since=NOON, until=AT, attempts=9, failed=1, unknown=0,
        outages=(outage(10, 11.3),),
    )  # fmt: skip
    message = shown(*UNDER_WAY, came_back(), finished(Status.SUCCEEDED, measured))
    assert starting(message, "Downtime") == "Downtime (new connections): us-east-1 writer 1.2 to 1.4 s"
    assert "Downtime (new connections): us-east-1 writer 1.2 to 1.4 s" in message.text.splitlines()


def test_of_silence_no_more_is_shown_than_is_known() -> None:
    down = WentDown(at=AT, region=AP, use="reader", outcome=Outcome.TIMEOUT)
    assert "ap-northeast-1 reader unreachable or slow since" in starting(shown(*UNDER_WAY, down), "Downtime")


def test_an_outage_while_people_decide_is_shown_until_the_order() -> None:
    waiting = "Downtime so far (new connections): us-east-1 writer 2.6 to 2.8 s"
    assert starting(shown(came_back()), "Downtime") == waiting
    assert starting(shown(came_back(), Declined(at=AT, by=MINA)), "Downtime") == waiting.replace(" so far", "")
    assert starting(shown(came_back(), *UNDER_WAY), "Downtime") == ""


# Whatever is thrown at it

TOKENS = re.compile(r"<[^>]*>")
NASTY = [
    "<!channel>",
    "<!here>",
    "<@U1>",
    "<!subteam^S1>",
    "<#C1>",
    "<http://evil|x>",
    "&",
    "\x00",
    "\u202e",
    "`",
    "*",
    "é",
]
outside = st.lists(st.sampled_from(NASTY), max_size=600).map("".join)


def everything(text: str) -> list[Entry]:
    """A timeline in which everything that can come from outside is this text."""
    findings = tuple(Finding(check="c", severity=Severity.WARNING, text=text or "x") for _ in range(30))
    return [
        proposed(reason=text, findings=findings),
        CannotMeasure(at=AT, region=US, use="writer", vantage=US, outcome=Outcome.OTHER, detail=text),
        foretold(Obstacle(who=text, does=(text,)), dropped=1, unread=(text,)),
        APPROVED,
        Held(at=AT, reasons=(text,)),
        reached(text),
        seen(text, text, (text,)),
        rds_said(text),
        INTENDED,
        Ordered(at=AT),
        came_back(text),
        finished().model_copy(update={"versions": {US: text}}),
    ]


@given(outside, st.integers(min_value=1, max_value=12))
def test_nothing_from_outside_can_mention_anybody(text: str, length: int) -> None:
    message = drawn(tell(everything(text)[:length]))
    said = " ".join([message.text, *lines(message)])
    assert set(TOKENS.findall(said)) <= {"<@U0AKI>", "<@U0MINA>", "<!subteam^S0DBA>"} | {
        token for token in TOKENS.findall(said) if token.startswith("<!date^")
    }
    assert "\x00" not in said
    check_blocks(list(message.blocks))


@pytest.mark.parametrize("version", ["18.6.<!channel>", "<!channel>"])
def test_not_even_a_version_can_mention_anybody(version: str) -> None:
    for entries in ((reached(version),), (came_back(version),), (*UNDER_WAY, seen("available", version))):
        assert "<!channel>" not in " ".join([shown(*entries).text, *lines(shown(*entries))])


def huge() -> Proposed:
    """As large as Aurora allows: ten Regions besides the writer's, fifteen instances each, long names, thirty findings."""
    members = [member(each, instances=15, identifier="o" * 63) for each in regions(10)]
    everywhere = cluster(*members, identifier="orders-" + "x" * 56)
    findings = tuple(
        Finding(check=f"c{n}", severity=Severity.WARNING, text=f"finding {n} <&> " * 20) for n in range(30)
    )
    crowd = rule([f"U0APPROVER{n:04}" for n in range(100)], approvals=10)
    return proposed(what=plan(everywhere), findings=findings, reason="r&" * 1750, under=crowd)


def moments() -> Sequence[tuple[Entry, ...]]:
    approvals = tuple(Approved(at=AT, by=MINA, digest="d", count=n, needed=10) for n in range(1, 10))
    busy = tuple(
        entry
        for name in regions(10)
        for entry in (
            MemberSeen(at=AT, region=name, status="upgrading", version="18.4", instances=("available", "rebooting")),
            CannotMeasure(at=AT, region=name, use="reader", vantage=US, outcome=Outcome.OTHER, detail="d" * 200),
            WentDown(at=AT, region=name, use="reader", outcome=Outcome.REFUSED),
        )
    )
    crowd = foretold(
        *(Obstacle(who="w&" * 75, does=("d<" * 75,)) for _ in range(10)), more=90, unread=("u>" * 150,) * 10
    )
    return (
        (),
        approvals,
        busy,
        (*busy, crowd),
        (crowd, *approvals, *busy, INTENDED, Ordered(at=AT)),
        (*UNDER_WAY, *busy, finished()),
    )


@pytest.mark.parametrize("entries", moments())
def test_the_largest_global_database_keeps_to_slacks_limits(entries: tuple[Entry, ...]) -> None:
    message = shown(*entries, first=huge())
    check_blocks(list(message.blocks))
    assert len(message.text) <= 4000
    for name in regions(10):
        assert region(message, name)
    if buttons(message):
        confirm = buttons(message)["approve"]["confirm"]["text"]["text"]
        assert confirm.startswith("This cannot be undone once it succeeds. ")


@given(walks)
def test_every_upgrade_has_a_card_that_slack_takes_with_the_buttons_of_its_state(
    walked: tuple[Upgrade, tuple[Entry, ...]],
) -> None:
    upgrade, told = walked
    message = drawn(tell(told))
    check_blocks(list(message.blocks))
    offered = {
        Status.PROPOSED: {"approve", "decline", "cancel"},
        Status.APPROVED: {"decline", "cancel"},
        Status.EXPIRED: {"propose_again"},
    }.get(upgrade.status, set())
    if upgrade.status.is_before_order and any(each.verdict == "approve" for each in upgrade.decisions):
        offered = offered | {"withdraw"}
    assert set(buttons(message)) == offered
    assert message == drawn(tell(told))


def test_what_stands_in_the_way_of_zero_downtime_is_shown_until_the_order() -> None:
    at = "Zero downtime on the writer, as of <!date^1775908920^{time}|2026-04-11 12:02:00 UTC>: "
    unseen = " · Not observable: LISTEN and cursors WITH HOLD of other sessions."
    idle = Obstacle(who="pid 1, app “<!here>”", does=("idle in transaction",), age=14 * MINUTE)
    table = Obstacle(who="pid 2", does=("1 temporary table",))
    many = foretold(idle, table, dropped=3, more=1)
    named = "pid 1, app “&lt;!here&gt;”: idle in transaction (14 min); pid 2: 1 temporary table; and 1 more"
    assert starting(shown(many), "Zero") == f"{at}3 sessions would be dropped: {named}{unseen}"
    assert named in shown(many).text
    assert starting(shown(foretold()), "Zero") == f"{at}no session is seen that would be dropped{unseen}"
    blind = foretold(dropped=None, unread=("run GRANT",))
    assert starting(shown(many, blind), "Zero") == (
        f"{at}nobody knows how many sessions would be dropped · Not seen: run GRANT{unseen}"
    )
    assert starting(shown(), "Zero") == starting(shown(many, *UNDER_WAY), "Zero") == ""


def test_what_has_changed_is_shown_item_by_item_with_those_who_approved_before() -> None:
    grown = plan(cluster(member(US, instances=2), member(AP)))
    changed = Replanned(
        at=AT, plan=grown, findings=(), changes=("one more",), count=0, needed=1, missing=(Need(approvers=(DBA,)),), rule=rule(),
    )  # fmt: skip
    message = shown(Approved(at=AT, by=MINA, digest=plan().digest, count=1, needed=1), changed)
    assert (
        "Changed since it was proposed: instance orders-us-2 is new in orders-us in us-east-1 · <@U0MINA> approved it before that"
        in lines(message)
    )
    assert "`us-east-1`  writer  18.4 → 18.6  2 instances" in lines(message)[1]
