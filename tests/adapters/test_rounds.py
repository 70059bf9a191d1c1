"""Rounds: however many ask, one question is under way, and nobody gets an answer to one from before they came."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import rounds
from bot.adapters.rounds import Rounds
from bot.domain.errors import Unavailable


@dataclass
class Source:
    """Answers with the number of the question, once it is let go."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    put: int = 0
    open: int = 0
    most: int = 0

    async def __call__(self) -> int:
        self.put += 1
        number = self.put
        self.open += 1
        self.most = max(self.most, self.open)
        await self.gate.wait()
        self.open -= 1
        return number


async def breathe() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whoever_comes_while_one_is_asked_shares_the_next() -> None:
    rounds, source = Rounds(), Source()
    first = [asyncio.create_task(rounds.ask("orders", source)) for _ in range(3)]
    await breathe()
    late = [asyncio.create_task(rounds.ask("orders", source)) for _ in range(20)]
    await breathe()
    assert source.put == 1
    source.gate.set()
    assert await asyncio.gather(*first) == [1] * 3
    assert await asyncio.gather(*late) == [2] * 20
    assert (source.put, source.most) == (2, 1)


async def test_another_key_is_another_question() -> None:
    rounds, source = Rounds(), Source()
    source.gate.set()
    assert [*await asyncio.gather(rounds.ask("orders", source), rounds.ask("billing", source))] == [1, 2]


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    rounds, source = Rounds(), Source()
    one, other = (asyncio.create_task(rounds.ask("orders", source)) for _ in range(2))
    await breathe()
    one.cancel()
    source.gate.set()
    assert await other == 1


async def test_trouble_is_everybodys_and_the_next_round_asks_anew() -> None:
    rounds = Rounds()

    async def denied() -> int:
        raise Unavailable("AWS RDS in us-east-1", "Throttling")

    outcomes = await asyncio.gather(*(rounds.ask("orders", denied) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [Unavailable] * 3
    source = Source()
    source.gate.set()
    assert await rounds.ask("orders", source) == 1


async def test_a_question_that_hangs_keeps_the_next_one_waiting_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "HANGING", rounds.HANGING / 20)
    asked, hanging, source = Rounds(), Source(), Source()
    stuck = asyncio.create_task(asked.ask("orders", hanging))
    await breathe()
    source.gate.set()
    assert await asked.ask("orders", source) == 1
    assert not stuck.done()
    await asked.close()
    with pytest.raises(asyncio.CancelledError):
        await stuck


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=12))
def test_every_answer_is_of_a_question_put_after_it_was_asked_for(plan: list[tuple[int, int]]) -> None:
    """Each comes some steps after the one before, and each answer takes some steps."""

    async def play() -> None:
        asked, put = Rounds(), 0

        def question(steps: int) -> Callable[[], Awaitable[int]]:
            async def answer() -> int:
                nonlocal put
                put += 1
                number = put
                for _ in range(steps):
                    await asyncio.sleep(0)
                return number

            return answer

        async def one(steps: int) -> None:
            before = put
            assert await asked.ask("orders", question(steps)) > before

        coming = []
        for wait, steps in plan:
            for _ in range(wait):
                await asyncio.sleep(0)
            coming.append(asyncio.create_task(one(steps)))
        await asyncio.gather(*coming)

    asyncio.run(play())
