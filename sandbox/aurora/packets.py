"""PostgreSQL's protocol 3 as bytes: packets that begin a connection, and the messages after them."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

TLS_REQUEST: Final = 80877103
GSS_REQUEST: Final = 80877104
CANCEL_REQUEST: Final = 80877102
LONGEST_START: Final = 10_000  # bytes; the server's own limit

QUERY, SYNC, CALL, PASSWORD, BYE = b"Q", b"S", b"F", b"p", b"X"
PARSE, BIND, DESCRIBE, EXECUTE, CLOSE = b"P", b"B", b"D", b"E", b"C"
AUTHENTICATION, PARAMETER, KEY, READY, ROW, ERROR = b"R", b"S", b"K", b"Z", b"D", b"E"
NOTICE, NOTIFICATION = b"N", b"A"


@dataclass(frozen=True)
class Message:
    kind: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        return self.kind + struct.pack("!i", len(self.body) + 4) + self.body


@dataclass
class Splitter:
    """Cuts one direction of a connection into messages; what has not come whole yet waits for the rest."""

    rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[Message]:
        self.rest += data
        whole, at = [], 0
        while len(self.rest) >= at + 5:
            end = at + 1 + int.from_bytes(self.rest[at + 1 : at + 5], "big")
            if len(self.rest) < end:
                break
            whole.append(Message(bytes(self.rest[at : at + 1]), bytes(self.rest[at + 5 : end])))
            at = end
        del self.rest[:at]
        return whole


def text(value: str) -> bytes:
    """Bytes of any encoding come and go as Latin-1, which changes none of them."""
    return value.encode("latin-1") + b"\0"


def code(packet: bytes) -> int:
    """What a packet that begins a connection asks for, or the protocol's version."""
    return int.from_bytes(packet[4:8], "big")


def start_parameters(packet: bytes) -> dict[str, str]:
    """`user`, `database`, `application_name` … of a start-up packet."""
    parts = packet[8:].decode("latin-1").split("\0")
    return dict(zip(parts[0::2], parts[1::2], strict=False))


def query(sql: str) -> bytes:
    return Message(QUERY, text(sql)).whole


def parse(name: str, sql: str, types: Sequence[int] = ()) -> bytes:
    return Message(PARSE, text(name) + text(sql) + struct.pack(f"!h{len(types)}I", len(types), *types)).whole


def call(statement: str, *arguments: str) -> bytes:
    """Bind arguments to a statement and execute it; all as text."""
    given = b"".join(struct.pack("!i", len(each)) + each for each in (text(value)[:-1] for value in arguments))
    bound = b"\0" + text(statement) + struct.pack("!hh", 0, len(arguments)) + given + struct.pack("!h", 0)
    return Message(BIND, bound).whole + Message(EXECUTE, b"\0" + struct.pack("!i", 0)).whole


def synced(*packets: bytes) -> bytes:
    return b"".join(packets) + Message(SYNC, b"").whole


def failure(sqlstate: str, words: str) -> bytes:
    """A FATAL error, after which the server hangs up."""
    fields: Mapping[str, str] = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": words}
    return Message(ERROR, b"".join(name.encode() + text(value) for name, value in fields.items()) + b"\0").whole


def words_of(error: Message) -> str:
    """What an ErrorResponse says."""
    return _field(error, b"M")


def sqlstate_of(error: Message) -> str:
    return _field(error, b"C")


def _field(error: Message, name: bytes) -> str:
    fields = {each[:1]: each[1:] for each in error.body.split(b"\0") if each}
    return fields.get(name, b"").decode("latin-1")


def first_value(row: Message) -> str:
    """The first column of a DataRow."""
    (size,) = struct.unpack_from("!i", row.body, 2)
    return row.body[6 : 6 + size].decode("latin-1")


def parameter(message: Message) -> tuple[str, str]:
    """The name and value of a ParameterStatus."""
    name, value, _ = message.body.decode("latin-1").split("\0")
    return name, value
