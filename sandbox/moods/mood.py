"""What a mood is, how one is asked for, and the list of them all."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from sandbox.scenarios import Scenario
from sandbox.world import CHANNEL, World

LONGEST_WAIT: Final = 240.0  # seconds until the thread says what a mood waits for
MEASURED_ONLY: Final = ("unreachable", "back after ")  # what is said only where somebody looked
FORM: Final = re.compile(r"(?P<name>[a-z0-9-]+)(?::(?P<argument>[^@]*))?(?:@(?P<words>.+))?")


@dataclass(frozen=True)
class Asked:
    """One mood for one rehearsal: `NAME[:ARG][@WORDS]`. Random ones give the same for the same `seed`."""

    mood: "Mood"
    argument: str
    words: str
    seed: int = 1

    def __str__(self) -> str:
        return self.mood.name + (f":{self.argument}" if self.argument else "")

    @property
    def seconds(self) -> float:
        return float(self.argument)

    @property
    def times(self) -> int:
        return int(self.argument)

    def random(self) -> Random:
        return Random(f"{self.seed} {self}")  # noqa: S311 - to be repeated, not to be secret

    async def befall(self, here: World) -> None:
        """Wait until it is time, then strike; returns when it is over and what it broke has recovered."""
        await self.mood.prepare(here, self)
        if self.words:
            reader = here.slack.person("U0AKI")
            await reader.sees(CHANNEL, lambda message: self.words in message.text, within=LONGEST_WAIT)
        await self.mood.strike(here, self)


Strike = Callable[[World, Asked], Awaitable[None]]


async def _nothing(_here: World, _asked: Asked) -> None:
    """Most moods need no preparation."""


@dataclass(frozen=True)
class Mood:
    """`argument` names what may be given, `usual` is it otherwise; `at` are the words of the thread at which it begins.

    `settings` of the bot make a rehearsal of it short. `changes` says what becomes of a scenario under it.
    """

    name: str
    about: str
    strike: Strike
    argument: str = ""
    usual: str = ""
    at: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    changes: Callable[[Scenario], Scenario] = lambda scenario: scenario
    prepare: Strike = _nothing

    def usage(self) -> str:
        argument = f"[:{self.argument}={self.usual}]" if self.argument else ""
        return f"{self.name}{argument}" + (f"@{self.at}" if self.at else "")


MOODS: Final[dict[str, Mood]] = {}


def mood(
    about: str,
    *,
    argument: str = "",
    usual: str = "",
    at: str = "",
    settings: Mapping[str, str] | None = None,
    changes: Callable[[Scenario], Scenario] = lambda scenario: scenario,
    prepare: Strike = _nothing,
) -> Callable[[Strike], Strike]:
    """Add what follows to the list, under its own name."""

    def added(strike: Strike) -> Strike:
        name = str(getattr(strike, "__name__", "")).strip("_").replace("_", "-")
        MOODS[name] = Mood(name, about, strike, argument, usual, at, settings or {}, changes, prepare)
        return strike

    return added


def blinded(scenario: Scenario) -> Scenario:
    """Who cannot look does not say when an endpoint went and came back."""
    return replace(scenario, words=tuple(words for words in scenario.words if words not in MEASURED_ONLY))


def parse(text: str, seed: int = 1) -> Asked:
    """Read `NAME[:ARG][@WORDS]`. ValueError, with a sentence, when there is no such mood or its argument is none."""
    found = FORM.fullmatch(text)
    known = MOODS.get(found["name"]) if found else None
    if found is None or known is None:
        raise ValueError(f"{text!r} is no mood; there are {', '.join(MOODS)}")
    argument = found["argument"] or known.usual
    if known.usual.replace(".", "").isdigit() and not re.fullmatch(r"\d+(\.\d+)?", argument):
        raise ValueError(f"{known.name} takes {known.argument}, a number, not {argument!r}")
    if argument and not known.argument:
        raise ValueError(f"{known.name} takes nothing after a colon")
    return Asked(known, argument, found["words"] or known.at, seed)
