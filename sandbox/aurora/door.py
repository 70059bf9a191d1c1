"""The TLS door of a server: PostgreSQL's own handshake on a TCP port, in front of its Unix socket.

The servers' binaries were built without OpenSSL, so TLS ends here. Like `rds.force_ssl`, it lets nobody in without.
"""

import selectors
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Final

TLS_REQUEST: Final = struct.pack("!ii", 8, 80877103)
GSS_REQUEST: Final = struct.pack("!ii", 8, 80877104)
CANCEL_REQUEST: Final = struct.pack("!ii", 16, 80877102)
NO_TLS: Final = b'SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host "127.0.0.1", no encryption\0\0'
HANDSHAKE_SECONDS: Final = 10.0
PARTING_SECONDS: Final = 0.5
Instant = tuple[datetime, datetime]  # no earlier, no later: on a busy machine a thread may be kept waiting in between


class Door:
    """While closed it keeps its port bound without listening: connections are refused, and nobody else can take it."""

    def __init__(self, backend: Path, tls: ssl.SSLContext) -> None:
        self._backend = backend
        self._tls = tls
        self._socket = reserved(0)
        self.port: Final[int] = self._socket.getsockname()[1]
        self.opened: list[Instant] = []
        self.closed: list[Instant] = []
        self._speaks = Event()
        self._speaks.set()
        self.silent: list[tuple[datetime, datetime]] = []  # when it took connections and said nothing
        self._inside: dict[socket.socket, float] = {}  # and when each came in

    def open(self) -> None:
        began = datetime.now(UTC)
        self._socket.listen(128)
        self.opened.append((began, datetime.now(UTC)))
        Thread(target=self._serve, args=(self._socket,), name=f"door-{self.port}", daemon=True).start()

    def present(self, tls: ssl.SSLContext) -> None:
        """Show another certificate to whoever comes from now on."""
        self._tls = tls

    def fall_silent(self) -> Callable[[], None]:
        """Take connections and say nothing to them, until what this gives is called; then they are served after all."""
        since = datetime.now(UTC)
        self._speaks.clear()

        def speak() -> None:
            self.silent.append((since, datetime.now(UTC)))
            self._speaks.set()

        return speak

    def close(self) -> None:
        """From now on connections are refused. Who has just come in gets a moment to finish; all others are the server's to end."""
        closing = datetime.now(UTC)
        self._end()
        self.closed.append((closing, datetime.now(UTC)))
        self._socket = reserved(self.port)
        began = time.monotonic()
        while self._has_guests(since=began - PARTING_SECONDS) and time.monotonic() < began + PARTING_SECONDS:
            time.sleep(0.001)

    def _has_guests(self, since: float) -> bool:
        return any(came > since for came in list(self._inside.values()))

    def remove(self) -> None:
        """Close for good and give the port back."""
        self._end()

    def _end(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # a bare close would leave accept() listening
        self._socket.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._inside[client] = time.monotonic()
            Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        try:
            self._speaks.wait()
            self._welcome(client)
        finally:
            del self._inside[client]

    def _welcome(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            client.settimeout(HANDSHAKE_SECONDS)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.connect(str(self._backend))
            head = first_packet(client)
            if head == TLS_REQUEST:
                self._guide(client, server)
            elif head == CANCEL_REQUEST:  # libpq sends these in the clear
                server.sendall(head)
                relay(client, server)
            else:
                client.sendall(b"E" + struct.pack("!i", len(NO_TLS) + 4) + NO_TLS)

    def _guide(self, client: socket.socket, server: socket.socket) -> None:
        client.sendall(b"S")
        with self._tls.wrap_socket(client, server_side=True) as secure:
            secure.settimeout(None)
            relay(secure, server)
            secure.settimeout(0)
            with suppress(OSError, ValueError):  # ValueError: the client had left before there was any TLS
                secure.unwrap()  # says goodbye; does not wait for the answer


def reserved(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def first_packet(client: socket.socket) -> bytes:
    while (head := read_exactly(client, 8)) == GSS_REQUEST:
        client.sendall(b"N")
    return head


def read_exactly(client: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        more = client.recv(size - len(read))
        if not more:
            raise ConnectionError("the client left during the handshake")
        read += more
    return read


def relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends. A TLS record is never longer than one read, so none is left behind."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, (one, other))
        ready.register(other, selectors.EVENT_READ, (other, one))
        while True:
            for key, _ in ready.select():
                source, sink = key.data
                data = source.recv(65536)
                if not data:
                    return
                sink.sendall(data)
