"""What could come in: what people type, what buttons carry, and payloads that no Slack would send."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from bot.domain.errors import Conflict, Refused, Unavailable
from bot.messages.forms import DECLINE, WHY
from handlers.actions import BUTTONS
from handlers.parse import USAGE

Kind = Literal["command", "click", "form", "odd command", "odd click", "odd form", "view", "body"]
PEOPLE = ("U0AKI", "U0MINA", "U0REN")
NOT_MEANT = (
    "<!channel>", "<!here>", "<!everyone>", "<!channel|x>", "<@U0VICTIM>", "<@U0VICTIM|aki>", "<!subteam^S0VICTIM>",
    "<!subteam^S0VICTIM|@dba>", "&lt;!channel&gt;", "&amp;lt;!here&amp;gt;", "<<!here>>", "<https://a.b|<!channel>>",
    "<!date^1^{date}|<!here>>", "@channel", "@here",
)  # fmt: skip
ODD = (
    "`", "```", "*", "|", "<", ">", "&", "&lt;", "&#60;", "\\", '"', "“", "”", "'", "\n", "\t", "\r", "\x00", "\u00a0",
    "\u202e", "\u2066", "\u200b", "🚀", "שלום", "payload=", "%70ayload", "{", "}", "%s", "{0}", "x" * 3100, "é" * 1500,
)  # fmt: skip
WORDS = (
    *USAGE,
    "orders",
    "orders-k3v9qd2m",
    "18.6",
    "18.10",
    "1",
    "0",
    "-1",
    "all",
    "until",
    "None",
    "{aurora}:record",
)

pieces = st.one_of(st.sampled_from(WORDS), st.sampled_from(NOT_MEANT), st.sampled_from(ODD), st.text(max_size=20))
texts = st.builds(
    lambda parts, gap: gap.join(parts), st.lists(pieces, max_size=8), st.sampled_from([" ", " ", "  ", ""])
)
typed = st.one_of(texts, st.builds(lambda first, rest: f"{first} {rest}", st.sampled_from([*USAGE]), texts))
on_the_wire = typed.map(lambda text: text.encode("utf-8", "replace").decode())  # a form has no halves of surrogates
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts, st.just("\ud800")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
ids = st.one_of(st.just("orders-k3v9qd2m"), texts)
tokens = st.text("ABCxyz019-_", min_size=24, max_size=24)
carried = st.builds(
    lambda upgrade, digest: {"upgrade": upgrade, "digest": digest}, ids, texts
)  # by cards of older bots
values = st.one_of(tokens, carried.map(json.dumps), junk.map(json.dumps), texts, st.just("[" * 1999))
moods = st.one_of(
    st.none(),
    texts.map(lambda text: Refused(f"There is no global cluster `{text}`.", approvers=("S0DBA",))),
    texts.map(lambda text: Refused(text, link=f"https://sandbox.slack.com/{text}")),
    texts.map(lambda text: Refused(text, channel="C0DBOPS", trouble=text)),
    st.builds(Unavailable, texts, texts, texts),
    st.just(Conflict()),
)


@dataclass(frozen=True)
class Case:
    """`mood` is what the desk does: an answer, or what it raises. `changes` are made to a payload that is right."""

    kind: Kind
    who: str
    text: str = ""
    action: str = "approve"
    mood: Exception | None = None
    changes: tuple[tuple[int, Any], ...] = ()
    body: bytes = b""
    typed: str = ""

    @property
    def is_slacks(self) -> bool:
        """Whether Slack could have sent it, so that somebody waits for an answer."""
        return self.kind in ("command", "click", "form")


GONE = object()
people = st.sampled_from(PEOPLE)
actions = st.one_of(st.sampled_from([*BUTTONS, DECLINE]), texts.filter(bool))
changes = st.lists(st.tuples(st.integers(0, 200), st.one_of(st.just(GONE), junk)), min_size=1, max_size=3).map(tuple)
bodies = st.one_of(
    st.binary(max_size=200),
    junk.map(lambda made: json.dumps(made).encode()),
    junk.map(lambda made: b"payload=" + json.dumps(made).encode()),
    st.just(b'{"a":' * 50_000),
)
commands = st.builds(Case, st.just("command"), people, on_the_wire, mood=moods)
clicks = st.builds(Case, st.just("click"), people, values, actions, moods)
cases = st.one_of(
    *[commands] * 3,  # what Slack does send comes more often
    *[clicks] * 2,
    *[st.builds(Case, st.just("form"), people, values, mood=moods, typed=texts)] * 2,
    st.builds(Case, st.just("odd form"), people, values, mood=moods, typed=texts, changes=changes),
    st.builds(Case, st.just("odd command"), people, on_the_wire, mood=moods, changes=changes),
    st.builds(Case, st.just("odd click"), people, values, mood=moods, changes=changes),
    st.builds(Case, st.just("view"), people, texts, changes=st.one_of(st.just(()), changes)),
    st.builds(Case, st.just("body"), people, body=bodies),
)


def changed(payload: Mapping[str, Any], changes: tuple[tuple[int, Any], ...]) -> dict[str, Any]:
    """A copy in which some of its parts are others, or gone."""
    copy = deepcopy(dict(payload))
    for number, instead in changes:
        places = [*_places(copy)]
        if places:
            holder, name = places[number % len(places)]
            if instead is GONE:
                del holder[name]
            else:
                holder[name] = instead
    return copy


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    names = part.keys() if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for name in names:
        yield part, name
        yield from _places(part[name])


def view(case: Case, team: str, app: str) -> dict[str, Any]:
    """Of a form that nobody knows, or of the one that Decline opens."""
    form, typed = ("reason", case.text) if case.kind == "view" else (DECLINE, case.typed)
    shown = {
        "id": "V0000001", "hash": "1.0", "type": "modal", "callback_id": form, "private_metadata": case.text,
        "team_id": team, "state": {"values": {WHY: {WHY: {"type": "plain_text_input", "value": typed}}}},
        "blocks": [], "title": {"type": "plain_text", "text": "Reason"},
    }  # fmt: skip
    return {
        "type": "view_submission", "team": {"id": team, "domain": "sandbox"}, "api_app_id": app, "token": "legacy-token",
        "user": {"id": case.who, "team_id": team, "username": "aki"}, "trigger_id": "1.2", "view": shown, "response_urls": [],
    }  # fmt: skip
