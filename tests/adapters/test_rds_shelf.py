"""The shelf: what is asked once, parsed once and waited for once."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from bot.adapters.rds_shelf import Shelf
from bot.domain.errors import Unavailable
from tests.adapters.aws import Shared

MINUTE = timedelta(minutes=1)
NAMES = TypeAdapter(list[str])


class Asked:
    """A question to AWS, which counts how often it was put."""

    def __init__(self, *answer: str) -> None:
        self.answer = [*answer]
        self.times = 0

    async def __call__(self) -> list[str]:
        self.times += 1
        await asyncio.sleep(0.01)
        return self.answer


async def test_what_one_process_put_there_another_finds() -> None:
    cache, question = Shared(), Asked("orders", "billing")
    assert await Shelf(cache).kept("names", NAMES, MINUTE, question) == ["orders", "billing"]
    assert await Shelf(cache).kept("names", NAMES, MINUTE, Asked("never")) == ["orders", "billing"]
    assert question.times == 1


async def test_trouble_is_kept_for_a_moment_so_that_many_who_ask_are_one_question() -> None:
    times = 0

    async def denied() -> list[str]:
        nonlocal times
        times += 1
        raise Unavailable("AWS RDS in us-east-1", "AccessDenied", "not authorized")

    cache = Shared()
    for shelf in (Shelf(cache), Shelf(cache), Shelf(cache)):
        with pytest.raises(Unavailable, match="AWS RDS in us-east-1: AccessDenied: not authorized"):
            await shelf.kept("names", NAMES, MINUTE, denied)
    assert times == 1
    assert await Shelf(cache).fresh("names", NAMES, MINUTE, Asked("orders")) == ["orders"]
    assert await Shelf(cache).kept("names", NAMES, MINUTE, denied) == ["orders"]


async def test_whoever_looks_meanwhile_shares_the_look_and_the_question() -> None:
    question = Asked("orders")
    shelf = Shelf(Shared())
    first, *others = await asyncio.gather(*(shelf.kept("names", NAMES, MINUTE, question) for _ in range(20)))
    assert question.times == 1
    assert all(each is first for each in others)


async def test_a_text_is_parsed_when_it_changed_only() -> None:
    cache = Shared()
    writer, reader = Shelf(cache), Shelf(cache)
    await writer.fresh("names", NAMES, MINUTE, Asked("orders"))
    first = await reader.kept("names", NAMES, MINUTE, Asked("never"))
    assert await reader.kept("names", NAMES, MINUTE, Asked("never")) is first
    await writer.fresh("names", NAMES, MINUTE, Asked("orders", "billing"))
    assert await reader.kept("names", NAMES, MINUTE, Asked("never")) == ["orders", "billing"]
