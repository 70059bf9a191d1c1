"""Names: one that hangs holds one thread, and keeps nobody else waiting."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.adapters.names import Names

SILENT = "silent.invalid"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The real one, but for a name about which it is silent until it is told to answer."""
    look_up, answer = socket.getaddrinfo, threading.Event()

    def look_up_or_hang(host: str, *given: Any, **named: Any) -> Any:
        if host != SILENT:
            return look_up(host, *given, **named)
        answer.wait()
        return look_up("127.0.0.1", *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_or_hang)
    yield answer.set
    answer.set()


def looking_up(host: str = SILENT) -> int:
    return sum(each.name == f"look up {host}" for each in threading.enumerate())


async def test_a_name_that_hangs_keeps_no_other_waiting(resolver: Callable[[], None]) -> None:  # noqa: ARG001
    names = Names()
    hanging = [asyncio.create_task(names.addresses(SILENT, 5432, 60)) for _ in range(100)]
    assert "127.0.0.1" in await names.addresses("localhost", 5432, 10)
    assert looking_up() == 1
    for each in hanging:
        each.cancel()


async def test_those_who_gave_up_leave_no_thread_behind_and_the_next_get_the_answer(
    resolver: Callable[[], None],
) -> None:
    names = Names()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await names.addresses(SILENT, 5432, 0.001)
    assert looking_up() == 1
    waiting = [asyncio.create_task(names.addresses(SILENT, 5432, 10)) for _ in range(3)]
    resolver()
    assert await asyncio.gather(*waiting) == [["127.0.0.1"]] * 3
    assert await names.addresses(SILENT, 5432, 10) == ["127.0.0.1"]


async def test_an_answer_that_nobody_waits_for_is_no_trouble() -> None:
    names = Names()
    with pytest.raises((TimeoutError, socket.gaierror)):  # whichever of the two threads is quicker
        await names.addresses("a.invalid", 5432, 0)
    async with asyncio.timeout(20):
        while looking_up("a.invalid"):  # noqa: ASYNC110 - a thread calls nobody
            await asyncio.sleep(0.01)


async def test_a_name_without_addresses_says_so_to_everybody() -> None:
    names = Names()
    answers = await asyncio.gather(*(names.addresses("b.invalid", 5432, 20) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in answers] == [socket.gaierror] * 3


def test_a_process_does_not_wait_for_a_name_that_hangs(resolver: Callable[[], None]) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await Names().addresses(SILENT, 5432, 0.001)

    asyncio.run(give_up())
    assert looking_up() == 1, "its loop has ended all the same"
    resolver()
