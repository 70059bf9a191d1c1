"""Delivery to a request URL, signed as Slack signs."""

import hashlib
import hmac
import json
from collections.abc import Callable
from time import perf_counter
from urllib.parse import urlencode

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from sandbox.slack.delivery import ACK_WINDOW_S, Ack, Envelope
from sandbox.slack.errors import Json

FORM = "application/x-www-form-urlencoded"


class SignedHttp:
    def __init__(self, url: str, signing_secret: str, now: Callable[[], float]) -> None:
        self.url = url
        self.signing_secret = signing_secret
        self._now = now
        self._session = ClientSession(timeout=ClientTimeout(total=ACK_WINDOW_S))
        self._signed_at: dict[str, int] = {}  # by the id of the envelope

    async def deliver(self, envelope: Envelope) -> Ack:
        started = perf_counter()
        body, content_type = encoded(envelope)
        headers = self._signed(envelope, body) | {"Content-Type": content_type}
        try:
            async with self._session.post(self.url, data=body, headers=headers) as response:
                return await _ack(response, started)
        except TimeoutError:
            return Ack(ACK_WINDOW_S * 1000, error="operation_timeout", status=0)
        except ClientError:
            return Ack((perf_counter() - started) * 1000, error="dispatch_failed", status=0)

    def _signed(self, envelope: Envelope, body: bytes) -> dict[str, str]:
        """Each delivery of the same request has a second of its own, and so a signature of its own."""
        before = self._signed_at.get(envelope.envelope_id, 0)
        self._signed_at[envelope.envelope_id] = max(int(self._now()), before + 1)
        timestamp = str(self._signed_at[envelope.envelope_id])
        signature = sign(self.signing_secret, timestamp, body)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}

    async def close(self) -> None:
        await self._session.close()


def sign(secret: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def encoded(envelope: Envelope) -> tuple[bytes, str]:
    match envelope.kind:
        case "slash_commands":
            return urlencode(envelope.payload).encode(), FORM
        case "interactive":
            return urlencode({"payload": json.dumps(envelope.payload)}).encode(), FORM
        case "events_api":
            return json.dumps(envelope.payload).encode(), "application/json"


async def _ack(response: ClientResponse, started: float) -> Ack:
    text = await response.text()
    ms = (perf_counter() - started) * 1000
    if response.status != 200:
        return Ack(ms, error="dispatch_failed", status=response.status)
    return Ack(ms, _body(text, response.content_type), status=response.status)


def _body(text: str, content_type: str) -> Json | None:
    if not text:
        return None
    body: Json = json.loads(text) if content_type == "application/json" else {"text": text}
    return body
