"""Carries envelopes to the app: to its request URL when it has one, otherwise over a socket."""

import asyncio

from sandbox.slack.delivery import Ack, Envelope, Transport
from sandbox.slack.signed_http import SignedHttp
from sandbox.slack.sockets import SocketMode


class Courier:
    def __init__(self, sockets: SocketMode) -> None:
        self._sockets = sockets
        self.http: SignedHttp | None = None
        self.delivered = 0
        self.doubled = 0  # how many of the next envelopes arrive twice
        self.unacked = 0
        self.slowest_ack_ms = 0.0

    async def deliver(self, envelope: Envelope) -> Ack:
        transport: Transport = self.http or self._sockets
        if self.doubled > 0:
            self.doubled -= 1
            ack, _ = await asyncio.gather(transport.deliver(envelope), transport.deliver(envelope))
        else:
            ack = await transport.deliver(envelope)
        self.delivered += 1
        self.unacked += not ack.acked
        self.slowest_ack_ms = max(self.slowest_ack_ms, ack.ms)
        return ack

    async def close(self) -> None:
        if self.http:
            await self.http.close()
