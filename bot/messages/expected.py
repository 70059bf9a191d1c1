"""What is to be expected, and that it was surpassed, in words."""

from datetime import timedelta
from typing import Final

from bot.domain.expectation import ENOUGH, ROOM, Expectation, Usual
from bot.domain.recorded import WHICH
from bot.domain.timeline import Slower
from bot.messages.markup import TENTH, lasting, when

MINUTE: Final = timedelta(minutes=1)


def expected(expectation: Expectation) -> str:
    """Upper bounds, and where they come from."""
    parts = (
        f"the writer is unreachable up to {_usual(expectation.writer)}",
        f"a secondary's readers up to {_usual(expectation.secondary)}",
        f"over after {_usual(expectation.lasting)}",
    )
    return f"Expected {_source(expectation)}: {' · '.join(parts)}"


def _source(expectation: Expectation) -> str:
    each = (expectation.writer, expectation.secondary, expectation.lasting)
    if all(one.is_recorded_only for one in each):
        return f"as in the one recorded upgrade ({WHICH}), for want of past ones here"
    if any(one.with_recorded for one in each):
        return f"from past upgrades and, fewer than {ENOUGH} as they are, the recorded one ({WHICH})"
    return "from past upgrades"


def _usual(usual: Usual) -> str:
    if usual.is_recorded_only:
        return _time(usual.worst)
    return f"{_time(usual.median)} (median of {usual.of}; at worst {_time(usual.worst)})"


def slower(entry: Slower) -> str:
    worst, of = _time(entry.usual.worst), entry.usual.of
    if entry.usual.with_recorded:
        known = "the recorded upgrade" if of == 1 else f"the worst of {of}, one of them the recorded upgrade"
        seen = f"more than {ROOM} × the {worst} of {known}, all there is to compare with"
    else:
        seen = f"more than {worst}, the worst of {of} in past upgrades"
    if entry.use is None:
        return f"Slower than ever seen: this takes {seen}. Nothing is stopped, and the bot keeps following."
    return f"{when(entry.at)}  {entry.region}  {entry.use}  slower than ever seen: unreachable for {seen}"


def _time(duration: timedelta) -> str:
    """Rounded up: none was longer."""
    return lasting(duration) if duration >= MINUTE else f"{-(-duration // TENTH) / 10:.1f} s"
