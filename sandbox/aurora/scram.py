"""Logging a client in a second time without its password.

A server keeps two keys per role, from which nobody can log in. But whoever has them and hears one real login can: that
login's proof gives away the client's own key (RFC 5802, 3; PgBouncer passes logins on in the same way). So a session is
put on another server by the role's real authentication, and not past it.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import Final

from . import packets
from .packets import AUTHENTICATION, PASSWORD, Message

MECHANISM: Final = "SCRAM-SHA-256"
OK, SASL, CONTINUE, FINAL = 0, 10, 11, 12


class StrangeLoginError(Exception):
    """It cannot be repeated: of another kind, or with a password that is no longer the role's."""


@dataclass
class Login:
    """What was said in one login, as it passed by."""

    client_first: str = ""
    server_first: str = ""
    client_final: str = ""

    def client_said(self, message: Message) -> None:
        said = message.body.decode("latin-1")
        if said.startswith(f"{MECHANISM}\0"):
            self.client_first = said[len(MECHANISM) + 5 :]
        else:
            self.client_final = said

    def server_said(self, message: Message) -> None:
        if step(message) == CONTINUE:
            self.server_first = message.body[4:].decode("latin-1")

    def key(self, verifier: str) -> bytes:
        """The client's key, given what the server keeps of the role's password. Raises StrangeLoginError."""
        without_proof, _, proof = self.client_final.rpartition(",p=")
        if not proof or not verifier.startswith(MECHANISM):
            raise StrangeLoginError("a login without a password of SCRAM")
        stored = base64.b64decode(verifier.split("$")[2].split(":")[0])
        bare = self.client_first.split(",", 2)[2]
        key = _mixed(base64.b64decode(proof), stored, f"{bare},{self.server_first},{without_proof}")
        if hashlib.sha256(key).digest() != stored:
            raise StrangeLoginError("the role has another password now")
        return key


def step(message: Message) -> int:
    """Which kind of AuthenticationRequest this is."""
    (kind,) = struct.unpack_from("!i", message.body)
    return int(kind)


class Again:
    """The client's side of a login by its key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._bare = f"n=,r={secrets.token_urlsafe(18)}"

    def answer(self, asked: Message) -> bytes:
        """What to send when the server asks; nothing when it is content. Raises StrangeLoginError."""
        assert asked.kind == AUTHENTICATION
        match step(asked):
            case 10:
                said = f"n,,{self._bare}"
                return Message(
                    PASSWORD, packets.text(MECHANISM) + struct.pack("!i", len(said)) + said.encode("latin-1")
                ).whole
            case 11:
                return Message(PASSWORD, self._final(asked.body[4:].decode("latin-1")).encode("latin-1")).whole
            case 0 | 12:
                return b""
            case other:
                raise StrangeLoginError(f"the server asks for authentication of kind {other}")

    def _final(self, server_first: str) -> str:
        nonce = server_first.split(",")[0].removeprefix("r=")
        without_proof = f"c=biws,r={nonce}"
        stored = hashlib.sha256(self._key).digest()
        proof = _mixed(self._key, stored, f"{self._bare},{server_first},{without_proof}")
        return f"{without_proof},p={base64.b64encode(proof).decode()}"


def _mixed(one: bytes, stored: bytes, said: str) -> bytes:
    """From the key the proof, and from the proof the key."""
    signature = hmac.digest(stored, said.encode("latin-1"), "sha256")
    return bytes(a ^ b for a, b in zip(one, signature, strict=True))
