"""What somebody typed after `/aurora` → what they ask for."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.domain import budget
from bot.domain.errors import Refused
from bot.domain.freezing import EXAMPLES
from bot.domain.suggest import closest
from bot.messages.forms import LONGEST_WHY

LONGEST_REASON: Final = 3000  # characters
LONGEST_WORD: Final = 100
ELLIPSIS: Final = "…"
UNTIL: Final = "until"


@dataclass(frozen=True)
class Help:
    """What can be asked at all."""


@dataclass(frozen=True)
class ListClusters:
    page: int = 1


@dataclass(frozen=True)
class Show:
    cluster: str


@dataclass(frozen=True)
class Propose:
    """`version` is None when none was named: the desk then says which ones are legal."""

    cluster: str
    version: str | None = None
    reason: str = ""
    budget: timedelta | None = None


@dataclass(frozen=True)
class StatusOf:
    cluster: str | None = None


@dataclass(frozen=True)
class HistoryOf:
    cluster: str | None = None


@dataclass(frozen=True)
class Decline:
    cluster: str
    reason: str = ""


@dataclass(frozen=True)
class Cancel:
    cluster: str


@dataclass(frozen=True)
class Freeze:
    """`cluster` is None for all. `until` is as it was typed: what it means depends on who typed it, and when."""

    cluster: str | None
    until: str
    reason: str


@dataclass(frozen=True)
class Unfreeze:
    cluster: str | None


Request = Help | ListClusters | Show | Propose | StatusOf | HistoryOf | Decline | Cancel | Freeze | Unfreeze

USAGE: Final[Mapping[str, str]] = {
    "help": "help",
    "list": "list [PAGE]",
    "show": "show CLUSTER",
    "upgrade": "upgrade CLUSTER VERSION [budget TIME] [REASON]",
    "status": "status [CLUSTER]",
    "history": "history [CLUSTER]",
    "decline": "decline CLUSTER [REASON]",
    "cancel": "cancel CLUSTER",
    "freeze": "freeze CLUSTER|all until TIME REASON",
    "unfreeze": "unfreeze CLUSTER|all",
}


def parse(text: str) -> Request:
    """The request, or Refused with the nearest command or the usage of the one that was meant."""
    command, rest = _split(typed(text))
    name = command.casefold()
    if name in ("", "?", "-h", "--help"):
        return Help()
    if name not in _READERS:
        raise Refused(_unknown(command))
    return _READERS[name](rest)


_SPACE: Final = re.compile(r"\s+")
_TOKEN: Final = re.compile(r"<([^<>]*)>")
_ENTITY: Final = re.compile(r"&(lt|gt|amp);")
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&"}
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff\ud800-\udfff]"
)


def typed(text: str) -> str:
    """The text as its writer typed it: Slack wraps names and links in `<…>` and escapes `&`, `<` and `>`."""
    shown = _ENTITY.sub(lambda found: _ENTITIES[found[1]], _TOKEN.sub(lambda found: _unwrapped(found[1]), text))
    return _UNSEEN.sub("", shown).strip()


def _unwrapped(token: str) -> str:
    """`@U0AKI|aki` was typed as `@aki`, `!here` as `@here`, `http://a.b|a.b` as `a.b`."""
    target, _, label = token.partition("|")
    sign, name = target[:1], target[1:]
    if sign in ("@", "#"):
        return sign + (label or name)
    if sign == "!":
        return label if label.startswith("@") else "@" + (label or name.partition("^")[0])
    return label or target


def _split(text: str) -> tuple[str, str]:
    """The first word, without the quotes people put around names, and all after it."""
    first, _, rest = _SPACE.sub(" ", text.strip(), count=1).partition(" ")
    word = first.strip(_QUOTES)
    return word if len(word) <= LONGEST_WORD else word[:LONGEST_WORD] + ELLIPSIS, rest


_OPENING: Final = "\"'“”„‟‘’‚«»「『"
_CLOSING: Final = "\"'“”‟‘’«»」』"
_QUOTES: Final = f"{_OPENING}{_CLOSING}`"


def why_of(text: str) -> str:
    """What was typed into a form, line by line; Slack escapes nothing there, and lets nobody type more than that."""
    why = _UNSEEN.sub("", text).strip()
    return why if len(why) <= LONGEST_WHY else f"{why[: LONGEST_WHY - 2]} {ELLIPSIS}"


def _reason(text: str, longest: int = LONGEST_REASON) -> str:
    """One line, so that it can look like nothing else in the thread. Quotes around the whole are left out; a longer text
    than is kept gets a mark at its end.
    """
    text = " ".join(text.split())
    quoted = len(text) > 1 and text[0] in _OPENING and text[-1] in _CLOSING
    inside = text[1:-1].strip() if quoted else text
    reason = text if quoted and (text[0] in inside or text[-1] in inside) else inside
    return reason if len(reason) <= longest else f"{reason[: longest - 2]} {ELLIPSIS}"


def _help(_rest: str) -> Request:
    return Help()


def _list(rest: str) -> Request:
    if not rest:
        return ListClusters()
    if not re.fullmatch("[1-9][0-9]{0,3}", rest):
        raise Refused(f"{_usage('list')} Pages are numbered from 1.")
    return ListClusters(int(rest))


def _show(rest: str) -> Request:
    return Show(_one_cluster("show", rest))


def _upgrade(rest: str) -> Request:
    cluster, rest = _split(rest)
    if not cluster:
        raise Refused(f"Which cluster? {_usage('upgrade')} `/aurora list` shows all clusters.")
    version, rest = _split(rest)
    allowed, rest = _budget(rest)
    return Propose(cluster, version or None, _reason(rest), allowed)


_BUDGET: Final = re.compile(r"budget(?:\s*[=:]\s*|\s+|$)", re.IGNORECASE)


def _budget(text: str) -> tuple[timedelta | None, str]:
    """What comes after the word, and the rest. A reason that begins with that word has quotes, so that none is overlooked."""
    word = _BUDGET.match(text.strip())
    if word is None:
        return None, text
    after = text.strip()[word.end() :]
    time = budget.WRITTEN.match(after)
    rest = after[time.end() :] if time else ""
    if time is None or not (rest[:1].isspace() or rest[:1] in _OPENING):
        raise Refused(
            f"Which downtime budget? {_usage('upgrade')} TIME is for instance {budget.EXAMPLES}; "
            "put a reason that begins with “budget” in quotes."
        )
    try:
        return budget.read(time[0]), rest
    except ValueError as wrong:
        raise Refused(f"{_capital(str(wrong))}.") from None


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _status(rest: str) -> Request:
    return StatusOf(_one_cluster("status", rest) if rest else None)


def _history(rest: str) -> Request:
    return HistoryOf(_one_cluster("history", rest) if rest else None)


def _decline(rest: str) -> Request:
    cluster, rest = _split(rest)
    if not cluster:
        raise Refused(f"Which cluster? {_usage('decline')} `/aurora status` shows what is open.")
    return Decline(cluster, _reason(rest, LONGEST_WHY))


def _cancel(rest: str) -> Request:
    return Cancel(_one_cluster("cancel", rest))


def _freeze(rest: str) -> Request:
    cluster, rest = _split(rest)
    word, rest = _split(rest)
    until, rest = _split(rest)
    reason = _reason(rest)
    if not cluster or cluster.casefold() == UNTIL:
        raise Refused(f"Which cluster, or `all`? {_usage('freeze')}")
    if word.casefold() != UNTIL or not until:
        raise Refused(f"Until when? {_usage('freeze')} TIME is for instance {EXAMPLES}.")
    if not reason:
        raise Refused(f"Say why, for those who are held up. {_usage('freeze')}")
    return Freeze(_or_all(cluster), until, reason)


def _unfreeze(rest: str) -> Request:
    return Unfreeze(_or_all(_one_cluster("unfreeze", rest)))


def _or_all(cluster: str) -> str | None:
    return None if cluster.casefold() == "all" else cluster


_READERS: Final[Mapping[str, Callable[[str], Request]]] = {
    "help": _help,
    "list": _list,
    "show": _show,
    "upgrade": _upgrade,
    "status": _status,
    "history": _history,
    "decline": _decline,
    "cancel": _cancel,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
}


def _one_cluster(command: str, text: str) -> str:
    cluster, more = _split(text)
    if not cluster:
        raise Refused(f"Which cluster? {_usage(command)} `/aurora list` shows all clusters.")
    if more:
        raise Refused(f"One cluster at a time. {_usage(command)}")
    return cluster


def _usage(command: str) -> str:
    return f"Usage: `/aurora {USAGE[command]}`."


def _unknown(command: str) -> str:
    near = closest(command, USAGE)
    meant = f" Did you mean `/aurora {USAGE[near]}`?" if near else ""
    return f"I do not know `{command.replace('`', 'ˋ')}`.{meant} `/aurora help` shows all I can do."
