"""What people type, through real Bolt, and what they read."""

from datetime import datetime, timedelta

import pytest

from bot.domain import moves
from bot.domain.answered import Past, Standing
from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.freezing import Freeze, Unreadable
from bot.domain.ids import Region, UserId
from bot.domain.measurement import Measurement
from bot.domain.preflight import Maintenance, Unread
from bot.domain.quorum import Need
from bot.domain.status import Status
from bot.domain.topology import Role
from handlers.commands import may_change
from sandbox.slack.deeds import Sent
from sandbox.slack.mrkdwn import pings
from tests.handlers.ears import NOW, Ears, approved, global_cluster, member, proposal


async def types(ears: Ears, text: str, who: str = "U0AKI", within: float = 5.0) -> tuple[Sent, str]:
    """The deed and the text of its answer, which nobody else sees."""
    sent = await ears.slack.person(who).command("C0DBOPS", "/aurora", text)
    assert sent.acked
    answer = await sent.answer(within)
    assert answer.visible_to == who
    return sent, answer.text


async def test_help_has_examples(ears: Ears) -> None:
    for text in ("", "help", "HELP"):
        _, said = await types(ears, text)
        assert '`/aurora upgrade orders 18.6 "patch for CVE"`' in said
    assert ears.desk.asked == []


async def test_the_list_names_every_member_and_where_it_can_go(ears: Ears) -> None:
    ears.desk.pending = (Maintenance(resource="orders-1", region=Region("us-east-1"), action="os-upgrade"),) * 2
    _, said = await types(ears, "list")
    assert said == (
        "`orders`  aurora-postgresql 18.4  ·  available\n"
        "`us-east-1`  writer  `orders-us-east-1`  18.4.1  available  1 instance\n"
        "`ap-northeast-1`  secondary  `orders-ap-northeast-1`  18.4.1  available  1 instance\n"
        "can go to `18.6`, `18.10`  ·  2 maintenance actions pending"
    )


async def test_the_list_says_what_is_not_known_and_why(hearing: Ears) -> None:
    hidden = member("orders", "eu-west-1", Role.SECONDARY).model_copy(
        update={"unread": "AccessDenied", "instances": ()}
    )
    orders = global_cluster()
    hearing.desk.found = (orders.model_copy(update={"members": (orders.members[0], hidden)}),)
    hearing.desk.targets = hearing.desk.pending = Unread(why="AccessDenied")
    _, said = await types(hearing, "list")
    assert said.splitlines()[2:] == [
        "`eu-west-1`  secondary  `orders-eu-west-1`  not known: AccessDenied",
        "can go to: not known: AccessDenied  ·  pending maintenance: not known: AccessDenied",
    ]


async def test_what_is_not_upgraded_here_is_shown_as_rds_writes_it_and_says_why(hearing: Ears) -> None:
    mysql = {"engine": "aurora-mysql", "version_text": "8.0.mysql_aurora.3.08.2"}
    hearing.desk.found = (global_cluster("legacy").model_copy(update=mysql),)
    _, listed = await types(hearing, "list")
    assert listed.startswith("`legacy`  aurora-mysql 8.0.mysql_aurora.3.08.2  ·  available\n")
    assert listed.endswith("\ncannot be upgraded here")
    _, shown = await types(hearing, "show legacy")
    assert "It cannot be upgraded here: RDS upgrades the minor version of a whole global cluster for Aurora" in shown
    assert "this is aurora-mysql" in shown
    assert "not known" not in shown


async def test_more_than_a_page_says_how_many_are_left(hearing: Ears) -> None:
    hearing.desk.found = tuple(global_cluster(f"db{number:02}") for number in range(45))
    _, first = await types(hearing, "list")
    assert "`db19`" in first
    assert "`db20`" not in first
    assert first.endswith("25 more: `/aurora list 2`")
    _, last = await types(hearing, "list 3")
    assert last.count("aurora-postgresql") == 5
    assert "more:" not in last
    assert (await types(hearing, "list 4"))[1] == "There are only 3 pages: `/aurora list`."


async def test_show_tells_targets_in_numeric_order_and_the_open_upgrade(ears: Ears) -> None:
    _, said = await types(ears, "show orders")
    assert ears.desk.asked == [("show", "orders")]
    assert "Can go to `18.6`, `18.10`." in said
    assert "`/aurora upgrade orders 18.10`" in said
    assert "No maintenance is pending." in said
    assert "*waiting for approval*" in said
    assert "<https://sandbox.slack.com/archives/C0DBOPS/p1|Open the card>" in said


async def test_a_proposal_says_where_its_card_is_and_who_is_needed(ears: Ears) -> None:
    _, said = await types(ears, "upgrade orders 18.6 “patch for CVE”")
    assert ears.desk.asked == [("propose", "U0AKI", "orders", "18.6", "patch for CVE")]
    assert said.startswith(
        "Proposed: `orders` from 18.4 to 18.6. It needs 1 approval from <!subteam^S0DBA> and expires"
    )
    assert said.endswith("\n<https://sandbox.slack.com/archives/C0DBOPS/p1|Open the card>")


async def test_a_card_that_is_not_there_yet_is_said_to_come_where_it_will(hearing: Ears) -> None:
    hearing.desk.link = None
    _, said = await types(hearing, "upgrade orders 18.6")
    assert said.endswith("\nLook for its card in <#C0DBOPS>")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("not_in_channel", "Invite me to that channel, and the card comes by itself. Another channel in `aurora.toml`"),
        ("is_archived", "Let me post in that channel, and the card comes by itself. Another channel in `aurora.toml`"),
        ("invalid_auth", "Tell those who run this bot; the card comes by itself once that is mended."),
    ],
)
async def test_a_card_that_could_not_be_posted_is_never_said_to_be_there(hearing: Ears, code: str, advice: str) -> None:
    hearing.desk.link, hearing.desk.card_trouble = None, code
    hearing.desk.standings = (Standing(proposal(), None, code),)
    answers = [(await types(hearing, asking))[1] for asking in ("upgrade orders 18.6", "status", "show orders")]
    hearing.desk.trouble = Refused("One at a time.", channel="C0DBOPS", trouble=code)
    for said in (*answers, (await types(hearing, "upgrade orders 18.6"))[1]):
        assert f"Its card could not be posted in <#C0DBOPS>: Slack says `{code}`. {advice}" in said


async def test_a_refusal_without_a_link_names_the_channel(hearing: Ears) -> None:
    hearing.desk.trouble = Refused("One at a time.", channel="C0DBOPS")
    assert (await types(hearing, "upgrade orders 18.6"))[1] == "One at a time.\nLook for its card in <#C0DBOPS>"


async def test_a_command_with_the_word_payload_is_not_lost(ears: Ears) -> None:
    await types(ears, "upgrade orders 18.6 shrink the payload=x & more")
    assert ears.desk.asked == [("propose", "U0AKI", "orders", "18.6", "shrink the payload=x & more")]


async def test_status_when_something_is_open_and_when_nothing_is(hearing: Ears) -> None:
    assert (await types(hearing, "status"))[1] == "No upgrade is open."
    assert (await types(hearing, "status orders"))[1] == "No upgrade was ever proposed for `orders`."
    hearing.desk.standings = (Standing(approved(proposal()), "https://x.slack.com/p1"),)
    _, said = await types(hearing, "status")
    assert said.startswith("`orders` from 18.4 to 18.6  ·  *approved*\nProposed by <@U0AKI> <!date^")
    over = approved(proposal()).model_copy(update={"status": Status.SUCCEEDED, "finished_at": proposal().expires_at})
    hearing.desk.standings = (Standing(over, None),)
    _, said = await types(hearing, "status orders")
    assert said.startswith("No upgrade is open for `orders`. The last one:\n")


def succeeded(at: datetime, measured: tuple[Measurement, ...] = ()) -> Past:
    intended, _ = moves.intend(approved(proposal()), (UserId("U0MINA"),), NOW)
    running, _ = moves.accepted(intended, NOW)
    over, (ending,) = moves.finish(running, Status.SUCCEEDED, "", {}, measured, at)
    return Past(over, ending, "https://x.slack.com/p1")


async def test_history_tells_how_each_ended_who_took_part_and_what_it_cost(hearing: Ears) -> None:
    measured = Measurement(
        region=Region("us-east-1"), use="writer", vantage="us-east-1", since=NOW, until=NOW + timedelta(seconds=192), attempts=90, failed=0,
        unknown=0, outages=(), resolution=timedelta(seconds=0.5),
    )  # fmt: skip
    running, _ = moves.accepted(moves.intend(approved(proposal()), (), NOW)[0], NOW)
    failed, (end,) = moves.finish(running, Status.FAILED, "orders-us needs a human", {}, (), NOW)
    declined, (no,) = moves.decline(proposal(), UserId("U0MINA"), NOW, "not in the\nweek of <!here>")
    refused, (why,) = moves.not_ordered(moves.intend(approved(proposal()), (), NOW)[0], "AccessDenied", "no", NOW)
    lost, (trace,) = moves.not_ordered(moves.intend(approved(proposal()), (), NOW)[0], "", "", NOW)
    by_the_bot, (changed,) = moves.cancel(approved(proposal()), None, NOW, "the plan <changed>.")
    by_aki, (back,) = moves.cancel(proposal(), UserId("U0AKI"), NOW)
    hearing.desk.past = (
        succeeded(NOW + timedelta(seconds=192), (measured,)),
        Past(declined, no, None, "not_in_channel"),
        *(Past(each, end, "https://x.slack.com/p2") for each, end in ((refused, why), (lost, trace))),
        *(Past(each, end, "https://x.slack.com/p2") for each, end in ((by_the_bot, changed), (by_aki, back))),
        Past(declined, None, None),
        Past(failed, end, "https://x.slack.com/p2"),
    )
    _, said = await types(hearing, "history orders")
    assert hearing.desk.asked == [("history", "U0AKI", "orders")]
    head, at = "`orders` from 18.4 to 18.6", "<!date^1775902800^{date_short_pretty} {time}|2026-04-11 10:20:00 UTC>"
    unposted = (
        "Its card could not be posted in <#C0DBOPS>: Slack says `not_in_channel`. Invite me to that channel, and the card "
        "comes by itself. Another channel in `aurora.toml` counts from the next proposal on."
    )
    approvers, card = "approved by <@U0MINA>", "<https://x.slack.com/p2|Open the card>"
    assert said.splitlines() == [
        f"{head}  ·  *succeeded*  ·  {at.replace('2800', '2992').replace('20:00', '23:12')}  ·  took 3 min 12 s from the order on",
        "Downtime (new connections): us-east-1 writer none seen in 90 attempts, so none above 0.5 s",
        f"Proposed by <@U0AKI>, {approvers}  ·  <https://x.slack.com/p1|Open the card>",
        f"{head}  ·  *declined*  ·  {at}",
        ">not in the",
        ">week of &lt;!here&gt;",
        f"Proposed by <@U0AKI>, declined by <@U0MINA>  ·  {unposted}",
        f"{head}  ·  *refused by AWS*  ·  {at}  ·  took 0 s from the order on",
        "AccessDenied: no",
        f"Proposed by <@U0AKI>, {approvers}  ·  {card}",
        f"{head}  ·  *refused by AWS*  ·  {at}  ·  took 0 s from the order on",
        "The order left no trace in AWS.",
        f"Proposed by <@U0AKI>, {approvers}  ·  {card}",
        f"{head}  ·  *cancelled*  ·  {at}",
        "the plan &lt;changed&gt;.",
        f"Proposed by <@U0AKI>, {approvers}  ·  {card}",
        f"{head}  ·  *cancelled*  ·  {at}",
        f"Proposed by <@U0AKI>, cancelled by <@U0AKI>  ·  {card}",
        f"{head}  ·  *declined*  ·  {at}",
        "Proposed by <@U0AKI>, declined by <@U0MINA>  ·  Look for its card in <#C0DBOPS>",
        f"{head}  ·  *failed*  ·  {at}  ·  took 0 s from the order on",
        "orders-us needs a human",
        "Downtime (new connections): nothing was measured",
        f"Proposed by <@U0AKI>, {approvers}  ·  {card}",
    ]


@pytest.mark.parametrize(
    ("past", "text", "said"),
    [
        (0, "history", "No upgrade is over yet. `/aurora status` shows what is open."),
        (0, "history orders", "No upgrade of `orders` is over yet. `/aurora status` shows what is open."),
        (11, "history orders", "1 older one is left out."),
        (15, "history", "5 older ones are left out. `/aurora history CLUSTER` shows those of one cluster."),
        (200, "history orders", "190 or more older ones are left out."),
    ],
)
async def test_history_says_what_it_leaves_out(hearing: Ears, past: int, text: str, said: str) -> None:
    hearing.desk.past = (succeeded(NOW),) * past
    lines = (await types(hearing, text))[1].splitlines()
    assert lines[-1] == said
    assert sum("*succeeded*" in line for line in lines) == min(past, 10)


async def test_cancel_by_the_name_of_the_cluster(ears: Ears) -> None:
    _, said = await types(ears, "cancel orders")
    assert ears.desk.asked == [("cancel_cluster", "U0AKI", "orders")]
    assert said == "You cancelled `orders` from 18.4 to 18.6. Nothing was changed."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "shwo orders",
            "I do not know `shwo`. Did you mean `/aurora show CLUSTER`? `/aurora help` shows all I can do.",
        ),
        ("xyzzy", "I do not know `xyzzy`. `/aurora help` shows all I can do."),
        ("<!everyone>", "I do not know `@everyone`. `/aurora help` shows all I can do."),
        ("show", "Which cluster? Usage: `/aurora show CLUSTER`. `/aurora list` shows all clusters."),
        ("show a b", "One cluster at a time. Usage: `/aurora show CLUSTER`."),
        ("list zero", "Usage: `/aurora list [PAGE]`. Pages are numbered from 1."),
    ],
)
async def test_what_cannot_be_understood_is_answered_with_what_can(hearing: Ears, text: str, sentence: str) -> None:
    assert (await types(hearing, text))[1] == sentence
    assert hearing.desk.asked == []


async def test_a_refusal_has_its_sentence_its_link_and_who_could(ears: Ears) -> None:
    ears.desk.trouble = Refused(
        "There is no global cluster `<!channel>`.", link="https://x.slack.com/p?a=1&b=2", approvers=("S0DBA", "U0MINA")
    )
    sent, said = await types(ears, "upgrade &lt;!channel&gt; 18.6")
    assert ears.desk.asked == [("propose", "U0AKI", "<!channel>", "18.6", "")]
    assert said == (
        "There is no global cluster `&lt;!channel&gt;`.\n"
        "Approvers: <!subteam^S0DBA>, <@U0MINA>\n"
        "<https://x.slack.com/p?a=1&amp;b=2|Open it>"
    )
    assert "<!channel>" not in pings(sent.answers[0])


@pytest.mark.parametrize("what", [("Redis", "ConnectionError", ""), ("RDS", "Throttling", "no <rds:Describe>")])
async def test_an_outside_system_that_is_down_is_named_with_its_code(hearing: Ears, what: tuple[str, str, str]) -> None:
    hearing.desk.trouble = Unavailable(*what)
    _, said = await types(hearing, "list")
    assert said.startswith(f"{what[0]} did not answer (`{what[1]}`).")
    assert ("Nothing was saved half" if what[0] == "Redis" else "Nothing was changed.") in said
    assert "Try again in a minute" in said
    assert "<rds" not in said
    hearing.desk.trouble = None
    assert (await types(hearing, "list"))[1].startswith("`orders`")


@pytest.mark.parametrize(
    ("what", "mend"),
    [
        (("AWS RDS in eu-central-1", "AccessDenied", "not authorized"), "what it may do in AWS is in deploy/iam"),
        (("Slack", "missing_scope", ""), "what it may do in Slack is in deploy/slack-manifest.yaml"),
        (("Redis", "WRONGPASS", "invalid username-password pair"), "its name and password are in REDIS_URL"),
    ],
)
async def test_who_refuses_is_named_and_who_can_mend_it(hearing: Ears, what: tuple[str, str, str], mend: str) -> None:
    hearing.desk.trouble = Unavailable(*what)
    _, said = await types(hearing, "list")
    assert said.startswith(f"{what[0]} refused (`{what[1]}`).")
    assert "Nothing was changed. Those who run this bot have to mend it" in said
    assert mend in said
    assert "Try again" not in said


@pytest.mark.parametrize(
    "text",
    [
        "list",
        "show orders",
        "status",
        "help",
        "",
        "shwo",
        "history",
        "upgrade orders 18.6",
        "upgrade orders",
        "cancel orders",
    ],
)
def test_which_commands_may_change_something(text: str) -> None:
    assert may_change(text) is text.startswith(("upgrade", "cancel"))


async def test_whoever_comes_second_is_told(hearing: Ears) -> None:
    hearing.desk.trouble = Conflict()
    assert (await types(hearing, "upgrade orders 18.6"))[1].startswith("Somebody else was faster")


async def test_what_breaks_is_logged_and_answered_with_the_same_reference(
    ears: Ears, caplog: pytest.LogCaptureFixture
) -> None:
    ears.desk.trouble = ZeroDivisionError("boom")
    _, said = await types(ears, "list")
    assert said.startswith("Something broke (ref `")
    assert said.split("`")[1] in caplog.text
    assert "boom" in caplog.text
    assert "boom" not in said


async def test_odd_text_reaches_the_desk_clean_and_comes_back_harmless(ears: Ears) -> None:
    odd = "upgrade orders\t18.6\u00a0\x00 <!channel> &amp; &lt;b&gt; 🚀 שלום \u202egnp.exe <@U0MINA|mina>"
    sent, _ = await types(ears, odd)
    assert ears.desk.asked == [("propose", "U0AKI", "orders", "18.6", "@channel & <b> 🚀 שלום gnp.exe @mina")]
    assert pings(sent.answers[0]) == ["<!subteam^S0DBA>", "<!subteam^S0DBA>"]


async def test_a_reason_that_is_too_long_is_cut_with_a_mark(ears: Ears) -> None:
    await types(ears, "upgrade orders 18.6 " + "x" * 3500)
    reason = ears.desk.asked[0][4]
    assert len(reason) == 3000
    assert reason.endswith("x …")


async def test_a_cluster_name_without_end_is_answered_too(hearing: Ears) -> None:
    hearing.desk.trouble = Refused("There is no global cluster `" + "é`<" * 3000 + "`.")
    sent, said = await types(hearing, "show " + "x" * 3900)
    assert len(hearing.desk.asked[0][1]) == 101
    assert said.endswith("…")
    assert sent.answers[0].blocks


def frozen(cluster: str | None) -> Freeze:
    until = NOW + timedelta(hours=2)
    return Freeze(cluster=cluster, by=UserId("U0MINA"), name="Mina", at=NOW, until=until, why="month <end>")


async def test_a_freeze_says_until_when_and_what_it_came_instead_of(hearing: Ears) -> None:
    hearing.desk.frozen = (frozen("orders"),)
    _, said = await types(hearing, "freeze orders until 18:00 audit")
    assert hearing.desk.asked == [("freeze", "U0AKI", "orders", "18:00", "audit")]
    assert said.startswith("🧊 `orders` is frozen until <!date^")
    assert "no order is given before, whatever is approved. “audit”" in said
    assert "This came instead of: 🧊 `orders` is frozen until" in said
    assert "“month &lt;end&gt;”" in said
    assert said.endswith("`/aurora unfreeze orders` ends the freeze.")


async def test_a_thaw_says_what_freezes_it_still(hearing: Ears) -> None:
    _, said = await types(hearing, "unfreeze all")
    assert said == "The freeze of all clusters is over. Orders that are approved and waited for it are given now."
    hearing.desk.frozen = (frozen(None),)
    _, said = await types(hearing, "unfreeze orders")
    assert said.startswith(
        "The freeze of `orders` is over.\nOrders of it wait all the same: 🧊 every cluster is frozen"
    )


async def test_the_status_shows_what_is_frozen(hearing: Ears) -> None:
    hearing.desk.frozen = (frozen("billing"), frozen(None), Unreadable(cluster="orders"), Unreadable(cluster=None))
    _, said = await types(hearing, "status")
    assert [line.partition(" is frozen")[0] for line in said.splitlines()] == [
        "🧊 `billing`", "🧊 every cluster", "🧊 `orders`", "🧊 every cluster", "No upgrade is open.",
    ]  # fmt: skip
    assert "cannot be read. `/aurora unfreeze orders` ends it." in said
    assert "`billing`" not in (await types(hearing, "status orders"))[1]
    hearing.desk.frozen = tuple(frozen(f"c{n}") for n in range(25))
    assert "5 more freezes." in (await types(hearing, "status"))[1]


async def test_a_proposal_says_what_its_order_would_wait_for(hearing: Ears) -> None:
    hearing.desk.waits = ("orders is frozen until 2026-04-11 12:00 UTC by Mina: month end",)
    _, said = await types(hearing, "upgrade orders 18.6")
    assert "\nThe order would wait now, though it were approved: orders is frozen until 2026-04-11 12:00 UTC" in said


async def test_a_refusal_says_who_is_still_needed(hearing: Ears) -> None:
    needs = (Need(approvers=("S0DBA",)), Need(approvers=("S0OWNER", "U0OLA"), approvals=2))
    hearing.desk.trouble = Refused("Not counted.", needs=needs)
    _, said = await types(hearing, "upgrade orders 18.6")
    assert said == "Not counted.\nNeeded: one of <!subteam^S0DBA> and two of <!subteam^S0OWNER>, <@U0OLA>."
