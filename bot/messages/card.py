"""The card: one message in the channel, edited in place, that shows where an upgrade stands."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bot.domain.attempts import Outcome
from bot.domain.budget import written
from bot.domain.buttons import Button
from bot.domain.plan import Step, differences
from bot.domain.preflight import Severity
from bot.domain.status import Status, said
from bot.domain.story import Story, Watched
from bot.domain.topology import Role
from bot.messages.downtime import budget_kept, downtime
from bot.messages.expected import expected
from bot.messages.markup import (
    TEXT,
    Block,
    bounds,
    button,
    code,
    context,
    cut,
    mentions,
    plain,
    quoted,
    section,
    user,
    when,
)
from bot.messages.message import Message
from bot.messages.needs import needs
from bot.messages.rules import rule_changes
from bot.messages.sparkline import in_words, sparklines
from bot.messages.zero_downtime import forecast

MARKS = {
    Status.PROPOSED: "⏳",
    Status.APPROVED: "✅",
    Status.ORDERING: "▶️",
    Status.UPGRADING: "🔄",
    Status.SUCCEEDED: "🟢",
    Status.ROLLED_BACK: "↩️",
    Status.FAILED: "🔴",
    Status.REFUSED: "⛔",
    Status.DECLINED: "🚫",
    Status.EXPIRED: "⌛",
    Status.CANCELLED: "🚫",
}


NO_BUTTONS: Final[Mapping[str, Button]] = MappingProxyType({})
BUTTONS: Final[Mapping[str, tuple[str, str, str | None]]] = {  # action: label, how one says yes, style
    "approve": ("Approve", "Approve upgrade", "primary"),
    "decline": ("Decline", "Decline", "danger"),
    "withdraw": ("Withdraw", "Withdraw", None),
    "cancel": ("Cancel", "Cancel upgrade", None),
    "propose_again": ("Propose again", "Propose", None),
}


def card(story: Story, buttons: Mapping[str, Button] = NO_BUTTONS) -> Message:
    """The card of an upgrade, as far as its timeline tells. It carries the tokens of its buttons and nothing else of them."""
    title, body, people = _title(story), _regions(story), _people(story)
    parts = _changed(story), _rule_changed(story), _expected(story), _forecast(story), _downtime(story), _budget(story)
    blocks: list[Block] = [section(f"{MARKS[story.status]} *{title}*"), section(body), context(_preflight(story))]
    blocks += [context(each) for each in (*parts, sparklines(story)) if each]
    blocks.append(context(people))
    blocks += _buttons(story, buttons)
    heard = in_words(story), _people(story, mentioned=False)
    text = "\n".join(filter(None, (title, body, _preflight(story), *parts, *heard)))
    return Message(text=cut(text, TEXT), blocks=tuple(blocks))


def _title(story: Story) -> str:
    plan = story.plan
    overdue = ", longer than it should" if story.overdue and not story.ended_at else ""
    return (
        f"Upgrade {code(plan.global_cluster)} from {plan.from_version} to {plan.target} · {_standing(story)}{overdue}"
    )


def _standing(story: Story) -> str:
    """An order that left no trace was not refused by anybody."""
    lost = story.not_ordered is not None and not story.not_ordered.code
    return "not ordered" if lost else said(story.status)


def _regions(story: Story) -> str:
    return "\n".join(_region(step, story) for step in story.plan.steps)


def _region(step: Step, story: Story) -> str:
    count = len(step.instances)
    instances = f"{count} instance" + ("s" if count != 1 else "")
    running = _running(step, story)
    note = (
        " (restarts; readers are never upgraded without downtime)"
        if step.role is Role.SECONDARY and _ahead(story)
        else ""
    )
    return f"`{step.region}`  {step.role}  {running}  {instances}{note}{_state(step, story)}"


def _ahead(story: Story) -> bool:
    return story.status in (Status.PROPOSED, Status.APPROVED)


def _running(step: Step, story: Story) -> str:
    if story.finished:
        return plain(story.finished.versions.get(step.region, "version unknown"))
    told = story.version_of(step.region)
    shown = story.members[step.region].version if step.region in story.members else None
    there = next((each for each in (told, shown) if each and f"{each}.".startswith(f"{step.to_version}.")), None)
    return plain(there, 100) if there else f"{plain(told or str(step.from_version), 100)} → {step.to_version}"


def _state(step: Step, story: Story) -> str:
    seen = story.members.get(step.region)
    if seen is None or story.ended_at:
        return ""
    statuses = sorted({seen.status, *seen.instances})
    return f"  ·  {plain(', '.join(statuses))}"


def _preflight(story: Story) -> str:
    """Counts, then every finding that is not fine; an endpoint that cannot be measured is one more unknown."""
    findings = story.findings
    cannot = [
        f"{each.region} {each.use} cannot be measured: {each.cannot}" for each in story.watched.values() if each.cannot
    ]
    counted = Counter(finding.severity for finding in findings)
    counted[Severity.UNKNOWN] += len(cannot)
    counts = ", ".join(
        f"{counted[severity]} {severity}{'s' if counted[severity] > 1 and severity is not Severity.FINE else ''}"
        for severity in reversed(Severity)
        if counted[severity]
    )
    texts = [finding.text for finding in findings if finding.severity is not Severity.FINE] + cannot
    details = f": {plain('; '.join(texts), 1500)}" if texts else ""
    undone = "" if story.ended_at else " · Cannot be undone once it succeeds."
    return f"Preflight: {counts}{details}{undone}"


def _changed(story: Story) -> str:
    """Item by item, how the plan differs from what was proposed, until the order."""
    said = differences(story.proposed.plan, story.plan) if story.replanned and _ahead(story) else ()
    if not said:
        return ""
    again = f" · {mentions(story.asked_again)} approved it before that" if story.asked_again else ""
    return f"Changed since it was proposed: {plain('; '.join(said), 1500)}{again}"


def _rule_changed(story: Story) -> str:
    said = rule_changes(story.proposed.rule, story.rule) if _ahead(story) else ""
    return f"The rule has changed since it was proposed: {said}" if said else ""


def _forecast(story: Story) -> str:
    """Until the order: from then on it is seen what is dropped."""
    return forecast(story.forecast) if story.forecast and _ahead(story) else ""


def _people(story: Story, *, mentioned: bool = True) -> str:
    proposed = story.proposed
    by = f"Proposed by {user(proposed.by)}"
    approvals = "".join(f" · approved by {user(each.by)}" for each in story.approved)
    rule = f" · rule {code(story.rule.version)}" if _ahead(story) else ""
    if story.status is Status.PROPOSED:
        need = needs(story.asked, more=bool(story.approved), mentioned=mentioned)
        need += f", not from {user(proposed.by)}" if mentioned else ""
        return f"{by}{approvals} · {need} · expires {_expires(proposed.expires_at)}{rule}"
    held = ""
    if story.held_for and _ahead(story):
        held = f" · the order waits: {plain('; '.join(story.held_for), 1000)} · expires {_expires(proposed.expires_at)}"
    end = f" · {_ending(story)} {when(story.ended_at, '{date_short_pretty} {time}')}" if story.ended_at else ""
    why = f"\n{quoted(story.declined.why)}" if story.declined and story.declined.why else ""
    return f"{by}{approvals}{held}{rule}{end}{why}"


def _expires(at: datetime) -> str:
    """With a countdown, which the reader's own Slack keeps."""
    return when(at, "{date_short_pretty} {time} ({ago})")


def _ending(story: Story) -> str:
    if story.declined:
        return f"declined by {user(story.declined.by)}"
    if story.cancelled:
        return f"cancelled by {user(story.cancelled.by)}" if story.cancelled.by else "cancelled by the bot"
    return _standing(story)


def _downtime(story: Story) -> str:
    """What the endpoints said so far; in the end what the report says."""
    if story.finished:
        return downtime(story.finished.measured)
    parts = [text for each in story.watched.values() if (text := _endpoint(each))]
    return (
        ("Downtime so far (new connections): " if not story.ended_at else "Downtime (new connections): ")
        + " · ".join(parts)
        if parts
        else ""
    )


def _budget(story: Story) -> str:
    """What is allowed, which endpoints are beyond it so far, and in the end whether it was kept."""
    if story.budget is None:
        return ""
    if story.finished:
        return budget_kept(story.finished.measured, story.budget)
    broken = ", ".join(f"{each.region} {each.use}" for each in story.over_budget)
    return f"Downtime budget: {written(story.budget)} for each endpoint" + (
        f" · *broken* by {broken}" if broken else ""
    )


def _expected(story: Story) -> str:
    expectation = story.proposed.expectation
    return expected(expectation) if expectation and not story.ended_at else ""


def _endpoint(watched: Watched) -> str:
    where = f"{watched.region} {watched.use}"
    if watched.down_since:
        fell = "unreachable or slow" if watched.fell is Outcome.TIMEOUT else "unreachable"
        return f"{where} {fell} since {when(watched.down_since)}"
    return f"{where} {bounds(watched.at_least, watched.at_most)}" if watched.outages or watched.unobserved else ""


def _buttons(story: Story, buttons: Mapping[str, Button]) -> list[Block]:
    """Each asks back, but for the one that opens a form."""
    plan = story.plan
    what = f"{plan.global_cluster} from {plan.from_version} to {plan.target}"
    asked = {
        "approve": (
            "Approve this upgrade?",
            f"This cannot be undone once it succeeds. {what}: every instance in {', '.join(plan.regions)} restarts.",
        ),
        "withdraw": ("Withdraw your approval?", f"It will not count any more for {what}."),
        "cancel": ("Cancel this upgrade?", f"{what} will not be done."),
        "propose_again": ("Propose this again?", f"{what}, planned and checked anew; you will be its proposer."),
    }
    made = []
    for token, each in buttons.items():
        label, yes, style = BUTTONS[each.action]
        title, text = asked.get(each.action, ("", ""))
        confirm = {"title": title, "text": text, "confirm": yes, "deny": "Back"} if title else None
        made.append(button(label, each.action, token, confirm, style))
    return [{"type": "actions", "elements": made}] if made else []
