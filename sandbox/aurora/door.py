"""The TLS door of a server: PostgreSQL's own handshake on a TCP port, in front of its Unix socket.

The servers' binaries were built without OpenSSL, so TLS ends here. Like `rds.force_ssl`, it lets nobody in without. The
door carries every session, so it can hold the idle ones while the server restarts; Aurora does that inside its engine.
And it can go wrong in ways that a server cannot be told to.
"""

import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from . import packets
from .outage import Kind, Outage, Spell
from .session import BUSY, IN_TRANSACTION, Session
from .truth import RESTART, ZERO_DOWNTIME, Fate

NO_TLS: Final = packets.failure("28000", 'no pg_hba.conf entry for host "127.0.0.1", no encryption')
STARTING_UP: Final = packets.failure("57P03", "the database system is starting up")
HANDSHAKE_SECONDS: Final = 10.0
PARTING_SECONDS: Final = 0.5
FILLING_SECONDS: Final = 0.05
AT_ONCE: Final = 8  # sessions held or brought back
AGAIN_SECONDS: Final = 0.002
Instant = tuple[datetime, datetime]  # no earlier, no later: on a busy machine a thread may be kept waiting in between


class Manner(Enum):
    """How the port behaves towards who connects."""

    REFUSES = auto()  # bound without listening: nobody else can take it
    LISTENS = auto()
    FULL = auto()  # listening with a full queue: Linux drops further packets without a word


@dataclass
class Guest:
    came: float = field(default_factory=time.monotonic)
    session: Session | None = None


class Door:
    """`opened` and `closed` are for the server's coming and going, `ailed` for outages that were ordered."""

    def __init__(self, backend: Path, tls: ssl.SSLContext) -> None:
        self._backend = backend
        self._tls = tls
        self._lock = Lock()  # nobody is let in while something changes, so each stamp is exact
        self._listener = reserved(0)
        self._manner = Manner.REFUSES
        self._fillers: list[socket.socket] = []
        self._has_server = False
        self._ailing: Kind | None = None
        self._flows, self._takes, self._removed = Event(), Event(), Event()
        self._flows.set()
        self._suffers = Lock()
        self._inside: dict[socket.socket, Guest] = {}
        self._hindered: dict[Session, str] = {}
        self._held: list[Session] = []
        self.port: Final[int] = self._listener.getsockname()[1]
        self.opened: list[Instant] = []
        self.closed: list[Instant] = []
        self.ailed: list[tuple[datetime, datetime, Kind]] = []
        self._ended = datetime.now(UTC), datetime.now(UTC)
        self._befell: list[tuple[Session, Fate]] = []

    @property
    def fates(self) -> list[Fate]:
        """What befell each session so far, in every restart and every outage that was ordered."""
        return [replace(fate, answered_at=session.answers.get(fate.until)) for session, fate in list(self._befell)]

    def open(self) -> None:
        with self._lock:
            began, self._has_server = datetime.now(UTC), True
            self._arrange()
            self.opened.append((began, datetime.now(UTC)))

    def present(self, tls: ssl.SSLContext) -> None:
        """Show another certificate to whoever comes from now on."""
        self._tls = tls

    def close(self) -> None:
        """From now on connections are refused. Who has just come in gets a moment to finish; all others are the server's to end."""
        with self._lock:
            began, self._has_server = datetime.now(UTC), False
            self._arrange()
            self.closed.append((began, datetime.now(UTC)))
        self._see_off(PARTING_SECONDS)

    def _see_off(self, seconds: float) -> None:
        """Wait for who has just come in to leave."""
        began = time.monotonic()
        while self._has_guests(since=began - PARTING_SECONDS) and time.monotonic() < began + seconds:
            time.sleep(0.001)

    def _has_guests(self, since: float) -> bool:
        return any(guest.came > since for guest in list(self._inside.values()))

    def remove(self) -> None:
        """Close for good and give the port back."""
        self._removed.set()
        with self._lock:
            self._has_server, self._ailing = False, None
            self._arrange()
            self._listener.close()
        self._flows.set()
        for each in self._held:
            each.drop()

    def _wanted(self) -> Manner:
        if self._ailing is Kind.BLACKHOLE:
            return Manner.FULL
        has_somebody = self._has_server or self._ailing is Kind.STARTING_UP
        return Manner.LISTENS if has_somebody and self._ailing is not Kind.REFUSE else Manner.REFUSES

    def _arrange(self) -> None:
        wanted, before = self._wanted(), self._manner
        if wanted is before:
            return
        if wanted is Manner.REFUSES:
            end(self._listener)
            self._listener = reserved(self.port)
        else:
            self._listener.listen(0 if wanted is Manner.FULL else 128)
            self._listener.settimeout(0)  # here, for it may be closed again before the thread begins
            if before is Manner.REFUSES:
                Thread(target=self._serve, args=(self._listener,), name=f"door-{self.port}", daemon=True).start()
        for each in self._fillers:
            each.close()
        self._fillers = list(filling(self.port)) if wanted is Manner.FULL else []
        self._manner = wanted
        if wanted is Manner.FULL:
            self._takes.clear()
        else:
            self._takes.set()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            self._takes.wait()
            knock = select.poll()
            try:
                knock.register(listener, select.POLLIN)
            except ValueError:  # it has just been closed
                return
            knock.poll()
            if not self._take(listener):
                return

    def _take(self, listener: socket.socket) -> bool:
        """Let the next one in; False when the listener is no more."""
        with self._lock:
            if self._manner is Manner.FULL:
                return True
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return True
            except OSError:
                return False
            self._inside[client] = guest = Guest()
            Thread(target=self._attend, args=(client, guest, self._ailing), daemon=True).start()
            return True

    def _attend(self, client: socket.socket, guest: Guest, ailing: Kind | None) -> None:
        """`ailing`: what was wrong when it came in. Who came before goes on as if nothing were."""
        try:
            if ailing is Kind.HANG:
                self._flows.wait()
            with client, suppress(OSError):
                client.settimeout(HANDSHAKE_SECONDS)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._welcome(client, guest, is_starting=ailing is Kind.STARTING_UP)
        finally:
            del self._inside[client]

    def _welcome(self, client: socket.socket, guest: Guest, *, is_starting: bool) -> None:
        packet = first_packet(client)
        match packets.code(packet):
            case packets.TLS_REQUEST:
                client.sendall(b"S")
                with self._tls.wrap_socket(client, server_side=True) as secure:
                    self._let_in(secure, guest, is_starting=is_starting)
                    secure.settimeout(0)
                    with suppress(OSError, ValueError):  # ValueError: the client had left before there was any TLS
                        secure.unwrap()  # says goodbye; does not wait for the answer
            case packets.CANCEL_REQUEST:  # libpq before 17 sends these in the clear
                self._cancel(packet)
            case _:
                client.sendall(STARTING_UP if is_starting else NO_TLS)

    def _let_in(self, client: ssl.SSLSocket, guest: Guest, *, is_starting: bool) -> None:
        packet = read_packet(client)
        if packets.code(packet) == packets.CANCEL_REQUEST:
            self._cancel(packet)
        elif is_starting:
            client.sendall(STARTING_UP)
        else:
            client.settimeout(None)
            guest.session = Session(client, self._backend, packet)
            with suppress(OSError):
                guest.session.carry(self._pausing(guest))

    def _cancel(self, packet: bytes) -> None:
        """With the key that the session has behind the door."""
        key = next((each.key_behind for each in self._sessions() if each.key == packet[8:]), packet[8:])
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._backend))
            server.sendall(struct.pack("!ii", len(key) + 8, packets.CANCEL_REQUEST) + key)
            server.recv(1)  # it hangs up when it has done so

    def _sessions(self) -> list[Session]:
        return [guest.session for guest in list(self._inside.values()) if guest.session and guest.session.is_logged_in]

    def _pausing(self, guest: Guest) -> Callable[[], None]:
        """What a session calls before it passes anything on: it waits while everything stands still."""

        def pause() -> None:
            if not self._flows.is_set() and time.monotonic() > guest.came + PARTING_SECONDS:
                self._flows.wait()

        return pause

    def hold(self, within: float) -> None:
        """Hold every session of which nothing would be lost. Who is busy gets `within` seconds to come to rest."""
        deadline, asked = time.monotonic() + within, self._sessions()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._hindered = dict(zip(asked, pool.map(Session.hold, asked), strict=True))
            while time.monotonic() < deadline and (busy := self._busy()):
                time.sleep(AGAIN_SECONDS)
                self._hindered.update(zip(busy, pool.map(Session.hold, busy), strict=True))
        self._held = [each for each, hindrance in self._hindered.items() if not hindrance]

    def _busy(self) -> list[Session]:
        return [each for each, why in self._hindered.items() if why in (BUSY, IN_TRANSACTION) and not each.is_over]

    def leave(self) -> None:
        """Hold nobody: all are the server's to end."""
        self._hindered = dict.fromkeys(self._sessions(), RESTART)

    def ended(self, since: datetime, until: datetime) -> None:
        """The server was told to end at the first of these, and had ended at the second."""
        self._ended = since, until

    def bring_back(self, verifiers: Mapping[str, str]) -> list[Fate]:
        """Let those who were held go on, on the server that is there now. What became of all who were inside."""
        held, hindered = self._held, self._hindered
        self._held, self._hindered = [], {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            troubles = list(pool.map(lambda session: session.bring_back(verifiers), held))
        befell = [
            (each, each.fate(each.held_at, datetime.now(UTC) if trouble else each.back_at, ZERO_DOWNTIME, trouble))
            for each, trouble in zip(held, troubles, strict=True)
        ]
        befell += [
            (each, each.fate(*self._ended, RESTART if why == RESTART else ZERO_DOWNTIME, why))
            for each, why in hindered.items()
            if why and each.was_terminated
        ]
        self._befell += befell
        return [fate for _, fate in befell]

    def suffer(self, outage: Outage) -> None:
        """Returns when it is over, and every spell of it is noted in `ailed`. One at a time: another has to wait."""
        with self._suffers:
            ordered = time.monotonic()
            for spell in outage.spells():
                self._wait_until(ordered, spell.begins)
                if self._removed.is_set():
                    return
                since = self._fall_ill(spell)
                still = self._stand_still(since)
                self._wait_until(ordered, spell.ends)
                until = self._recover()
                self._befell += [
                    (each, each.fate(at, each.back_at, spell.kind)) for each, at in still if at < each.back_at
                ]
                self.ailed.append((since, until, outage.kind))

    def _wait_until(self, ordered: float, after: timedelta) -> None:
        self._removed.wait(max(0.0, ordered + after.total_seconds() - time.monotonic()))

    def _fall_ill(self, spell: Spell) -> datetime:
        with self._lock:
            since, self._ailing = datetime.now(UTC), spell.kind
            if spell.kind in (Kind.HANG, Kind.BLACKHOLE):
                self._flows.clear()
            self._arrange()
        if self._flows.is_set():
            self._see_off(min(PARTING_SECONDS, (spell.ends - spell.begins).total_seconds()))
            for each in self._sessions():
                began = datetime.now(UTC)
                each.drop()
                self._befell.append((each, each.fate(began, datetime.now(UTC), spell.kind, spell.kind)))
        return since

    def _stand_still(self, since: datetime) -> list[tuple[Session, datetime]]:
        """Who does, and from when on: `pause` lets those go on for a moment who have just come."""
        if self._flows.is_set():
            return []
        monotonic, inside = time.monotonic(), list(self._inside.values())
        return [
            (each.session, since + timedelta(seconds=max(0.0, each.came + PARTING_SECONDS - monotonic)))
            for each in inside
            if each.session and each.session.is_logged_in
        ]

    def _recover(self) -> datetime:
        with self._lock:
            self._ailing = None
            if not self._removed.is_set():
                self._arrange()
            at = datetime.now(UTC)
            for each in self._sessions():
                each.goes_on()
            self._flows.set()
        return at


def reserved(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def end(listener: socket.socket) -> None:
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)  # a bare close would leave whoever waits for it waiting
    listener.close()


def filling(port: int) -> Iterator[socket.socket]:
    """Connect until nobody can any more; the queue stays full for as long as nobody takes them out of it."""
    while True:
        filler = socket.socket()
        filler.settimeout(FILLING_SECONDS)
        try:
            filler.connect(("127.0.0.1", port))
        except OSError:
            filler.close()
            return
        yield filler


def first_packet(client: socket.socket) -> bytes:
    while packets.code(packet := read_packet(client)) == packets.GSS_REQUEST:
        client.sendall(b"N")
    return packet


def read_packet(client: socket.socket) -> bytes:
    """One that begins a connection. Raises ConnectionError when it is none."""
    head = read_exactly(client, 8)
    size = int.from_bytes(head[:4], "big")
    if not 8 <= size <= packets.LONGEST_START:
        raise ConnectionError("no packet of PostgreSQL's")
    return head + read_exactly(client, size - 8)


def read_exactly(client: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        more = client.recv(size - len(read))
        if not more:
            raise ConnectionError("the client left during the handshake")
        read += more
    return read
