"""Reading what others recorded: an `attempts.csv`, or the log of a psql loop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.domain.errors import Refused
from bot.domain.psql_loop import Loop, read_loop
from bot.domain.recording import backwards, is_recording, read_recording
from bot.domain.watched import Watched, watched
from bot.domain.ways import Lane, Use, Way
from bot.measure.files import read_text
from bot.messages.measured import conclusions, of_loop, outage_table, went_back, why


@dataclass(frozen=True)
class Replayed:
    """`about` says for each lane that came from a psql loop what such a loop can see; `guessed`, of which how long it slept."""

    watched: tuple[Watched, ...]
    about: tuple[str, ...]
    guessed: Mapping[Lane, timedelta] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        table = list(outage_table(self.watched, self.guessed))
        yield from table
        if table:
            yield ""
        yield from self.about
        yield from conclusions(self.watched, self.guessed)


def replay(paths: Sequence[Path], sleep: timedelta | None, read: Callable[[Path], str] = read_text) -> Replayed:
    """Refused for what cannot be read, and when nothing that was recorded was ever up."""
    uses: list[Use] = []
    loops: dict[Lane, tuple[Loop, timedelta]] = {}
    back: list[str] = []
    for path in paths:
        text = read(path)
        if is_recording(text):
            recorded = read_recording(text, path.name)
            back += went_back(path.name, backwards(recorded))
            uses += recorded
            continue
        lane, loop = Lane(endpoint=path.name.split(".")[0], way=Way.CONNECT), read_loop(text, path.name)
        slept = loop.guessed_sleep if sleep is None else sleep
        uses += (Use(lane=lane, attempt=each) for each in loop.attempts(slept))
        loops[lane] = (loop, slept)
    found = watched(uses)
    require_up(found)
    about = (line for each in found if each.lane in loops for line in of_loop(*loops[each.lane], sleep is None, each))
    guessed = {lane: slept for lane, (_, slept) in loops.items() if slept and sleep is None}
    return Replayed(found, (*back, *about), guessed)


def require_up(found: Sequence[Watched]) -> None:
    if not found:
        raise Refused("Nothing was measured: it ended before the first attempt did.")
    if not any(each.was_up for each in found):
        last = found[0]
        raise Refused(
            f"{last.lane.endpoint} was never up in {last.attempts} attempts ({why(last.last)}), so nothing is known of an outage: one is "
            "measured from success to success. Check the address, and watch until it answers."
        )
