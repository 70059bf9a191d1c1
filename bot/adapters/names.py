"""Names to addresses, without a name that hangs keeping anybody else waiting."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread

Addresses = list[str]


class Names:
    """One look-up at a time for each name, on a thread of its own; whoever asks meanwhile gets its answer.

    So a resolver that is silent holds one thread for each name, however often it is asked, and not even an exit waits
    for it. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Future[Addresses]] = {}

    async def addresses(self, host: str, port: int, within: float) -> Addresses:
        """All of them. TimeoutError after `within` seconds; OSError or ValueError for a name that has none."""
        asked = self._asked.get((host, port)) or self._ask(host, port)
        await asyncio.wait({asked}, timeout=within)
        if not asked.done():
            raise TimeoutError
        return asked.result()

    def _ask(self, host: str, port: int) -> asyncio.Future[Addresses]:
        answer: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
        Thread(target=_look_up, args=(host, port, answer), name=f"look up {host}", daemon=True).start()
        answer.add_done_callback(lambda done: self._forget((host, port), done))
        self._asked[host, port] = answer
        return answer

    def _forget(self, name: tuple[str, int], answer: asyncio.Future[Addresses]) -> None:
        del self._asked[name]
        answer.exception()  # perhaps nobody waits for it any more


def _look_up(host: str, port: int, answer: asyncio.Future[Addresses]) -> None:
    give: Callable[[], None]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        give = partial(answer.set_result, [str(address[0]) for *_, address in found])
    except Exception as error:  # whatever it is, somebody waits for it
        give = partial(answer.set_exception, error)
    with suppress(RuntimeError):  # the loop is closed, and those who asked are gone
        answer.get_loop().call_soon_threadsafe(give)
