"""Socket Mode: single-use tickets, up to ten sockets, each envelope to exactly one of them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import Final, Literal
from uuid import uuid4

from aiohttp import WSMsgType, web

from sandbox.slack.bell import Bell
from sandbox.slack.delivery import ACK_WINDOW_S, Ack, Envelope
from sandbox.slack.errors import Json

MOST_SOCKETS: Final = 10
CLOSING_S: Final = 1.0  # a client that does not answer the closing handshake is not waited for

Reason = Literal["refresh_requested", "warning", "link_disabled", "too_many_websockets"]


class Socket:
    """One connected client."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.ws = web.WebSocketResponse(heartbeat=30, timeout=CLOSING_S)
        self.received: list[Envelope] = []

    async def accept(self) -> None:
        await self.ws.prepare(self._request)

    async def say(self, message: Json) -> None:
        await self.ws.send_str(json.dumps(message))

    async def part(self, reason: Reason) -> None:
        await self.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})

    def drop(self) -> None:
        """The connection is gone, without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()


class SocketMode:
    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._waiting: dict[str, list[asyncio.Future[Json | None]]] = {}
        self._turn = 0
        self._bell = Bell()
        self.sockets: list[Socket] = []
        self.refuse_tickets = False
        self.tickets_issued = 0
        self.handshakes_refused = 0
        self.late_acks = 0

    def issue_ticket(self) -> str:
        self.tickets_issued += 1
        ticket = str(uuid4())
        self._tickets.add(ticket)
        self._bell.ring()
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self._spend(request.query.get("ticket", "")) or self.refuse_tickets:
            self.handshakes_refused += 1
            self._bell.ring()
            return web.Response(status=403, text="invalid ticket")
        socket = Socket(request)
        await socket.accept()
        if len(self.sockets) >= MOST_SOCKETS:
            await self._send_away(socket, "too_many_websockets")
        else:
            await self._serve(socket)
        return socket.ws

    def _spend(self, ticket: str) -> bool:
        known = ticket in self._tickets
        self._tickets.discard(ticket)
        return known

    async def _serve(self, socket: Socket) -> None:
        self.sockets.append(socket)
        try:
            await socket.say(self._hello())
            self._bell.ring()
            async for message in socket.ws:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(json.loads(message.data))
        except ConnectionError:
            pass  # the client has gone
        finally:
            self.sockets.remove(socket)
            self._bell.ring()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.sockets),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _acknowledged(self, answer: Json) -> None:
        waiters = self._waiting.get(answer.get("envelope_id", ""), [])
        waiter = next((waiter for waiter in waiters if not waiter.done()), None)
        if waiter is None:
            self.late_acks += 1
        else:
            waiter.set_result(answer.get("payload"))

    async def deliver(self, envelope: Envelope) -> Ack:
        if not self.sockets:
            return Ack(0, error="dispatch_failed")
        try:
            async with asyncio.timeout(ACK_WINDOW_S):
                return await self._exchange(envelope)
        except TimeoutError:
            return Ack(ACK_WINDOW_S * 1000, error="operation_timeout")
        except ConnectionError:
            return Ack(0, error="dispatch_failed")

    async def _exchange(self, envelope: Envelope) -> Ack:
        started = perf_counter()
        with self._awaiting(envelope.envelope_id) as answer:
            await self._send(envelope)
            body = await answer
        return Ack((perf_counter() - started) * 1000, body)

    @contextmanager
    def _awaiting(self, envelope_id: str) -> Iterator[asyncio.Future[Json | None]]:
        """The same envelope may be under way twice, and is then acknowledged twice."""
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(envelope_id, [])
        waiters.append(answer)
        try:
            yield answer
        finally:
            waiters.remove(answer)
            if not waiters:
                self._waiting.pop(envelope_id, None)

    async def _send(self, envelope: Envelope) -> None:
        self._turn += 1
        socket = self.sockets[self._turn % len(self.sockets)]
        socket.received.append(envelope)
        await socket.ws.send_str(envelope.on_the_wire())

    async def connected(self, count: int = 1, within: float = 5.0) -> None:
        """Waits until exactly that many sockets are connected."""
        await self.until(lambda: len(self.sockets) == count, within)

    async def until(self, reached: Callable[[], bool], within: float = 5.0) -> None:
        """Waits for something about tickets and sockets; TimeoutError after `within` seconds."""
        await self._bell.until(lambda: reached() or None, within)

    async def disconnect(self, reason: Reason = "refresh_requested") -> None:
        """Asks every client to connect anew, as Slack does every few hours."""
        for socket in [*self.sockets]:
            with suppress(ConnectionError):
                await socket.part(reason)

    def drop(self) -> None:
        """Cuts every connection without a word."""
        for socket in [*self.sockets]:
            socket.drop()

    async def close(self) -> None:
        await asyncio.gather(*(socket.ws.close() for socket in self.sockets))

    async def _send_away(self, socket: Socket, reason: Reason) -> None:
        await socket.part(reason)
        await socket.ws.close()
