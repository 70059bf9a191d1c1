"""One client's session as the door carries it: watched, and held while the server behind is exchanged for another.

Held means: the client keeps its connection and finds its server slow. Afterwards its session is a new backend that was
told all that the old one had been told. What *survived* is the connection, with the identity that the client was given
at log-in: `PQbackendPID` and the key for cancelling stay as they were, and the door translates when somebody cancels.
SQL knows better: `pg_backend_pid()` and `backend_start` are those of the new backend. What they are in Aurora is not
documented. So whoever wants to know whether a session survived asks whether its connection did.
"""

import select
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Final

from . import packets
from .keepsake import Keepsake, own_settings, question, read
from .packets import Message, Splitter
from .scram import Again, Login, StrangeLoginError
from .truth import Fate

ANSWER_SECONDS: Final = 5.0  # for the server to answer the door
LOCK_SECONDS: Final = 0.2
IN_TRANSACTION: Final = "in a transaction"
BUSY: Final = "a query under way"
TERMINATED: Final = "57P01"
FAREWELL: Final = packets.failure(TERMINATED, "terminating connection due to administrator command")


class RefusedError(Exception):
    """The server says no to what the door asked of it."""


class Session:
    """Of a client that has said who it is. One thread carries it; others may hold it, bring it back or drop it."""

    def __init__(self, client: ssl.SSLSocket, backend: Path, start: bytes) -> None:
        self._client = client
        self._backend = backend
        self._start = start
        self._server = socket.socket(socket.AF_UNIX)
        self._lock = Lock()
        self._may_go_on = Event()
        self._may_go_on.set()
        self.is_over = False
        self._from_client, self._from_server = Splitter(), Splitter()
        self._login = Login()
        self._own: set[str] = set()
        self._owed = 1  # times that the server has still to say it is ready
        self._is_halfway = False  # through a request that ends with Sync
        self._status = b""
        self._parameters: dict[str, str] = {}
        self.key = b""  # for cancelling, as the client has it
        self.key_behind = b""  # and as the server has it
        self._keepsake: Keepsake | None = None
        self.held_at = self.back_at = datetime.now(UTC)
        self._is_awaited = False
        self.answers: dict[datetime, datetime] = {}  # the first after each time that it went on, if it was waited for
        self.is_logged_in = False
        self.was_terminated = False  # by the server

    @property
    def user(self) -> str:
        return packets.start_parameters(self._start).get("user", "")

    def carry(self, pause: Callable[[], None]) -> None:
        """Until one side ends. `pause` is called before anything is passed on, and may take its time. Raises OSError."""
        server = self._server
        try:
            server.connect(str(self._backend))
            server.sendall(self._start)
            while self._carry_on(server, pause) and self._goes_on():
                server.close()
                server = self._server
        finally:
            server.close()

    def _goes_on(self) -> bool:
        self._may_go_on.wait()
        return not self.is_over

    def _carry_on(self, server: socket.socket, pause: Callable[[], None]) -> bool:
        """Until it is held, which is True, or over. A TLS record is never longer than one read, so none is left behind."""
        with selectors.DefaultSelector() as ready:
            for each in (self._client, server):
                ready.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    pause()
                    with self._lock:
                        if not self._may_go_on.is_set() or server is not self._server:
                            return True
                        if self.is_over or not self._pass_on(key.fileobj is server):
                            return False

    def _pass_on(self, from_server: bool) -> bool:
        try:
            data = self._server.recv(65536, socket.MSG_DONTWAIT) if from_server else self._client.recv(65536)
        except BlockingIOError:  # it was the answer to a question of the door's, which has read it
            return True
        splitter, hear = (
            (self._from_server, self._hear_server) if from_server else (self._from_client, self._hear_client)
        )
        for message in splitter.feed(data):
            hear(message)
        (self._client if from_server else self._server).sendall(data)
        if from_server and self._is_awaited:
            self.answers[self.back_at] = datetime.now(UTC)
            self._is_awaited = False
        return bool(data)

    def _hear_client(self, message: Message) -> None:
        match message.kind:
            case packets.PASSWORD if not self.is_logged_in:
                self._login.client_said(message)
            case packets.QUERY | packets.SYNC | packets.CALL:
                self._owed += 1
                self._is_halfway = False
            case packets.PARSE | packets.BIND | packets.DESCRIBE | packets.EXECUTE | packets.CLOSE:
                self._is_halfway = True
        if message.kind in (packets.QUERY, packets.PARSE):
            self._own |= own_settings(message.body.decode("latin-1"))

    def _hear_server(self, message: Message) -> None:
        match message.kind:
            case packets.READY:
                self._owed, self._status, self.is_logged_in = self._owed - 1, message.body, True
            case packets.PARAMETER:
                self._parameters.update([packets.parameter(message)])
            case packets.AUTHENTICATION:
                self._login.server_said(message)
            case packets.ERROR if packets.sqlstate_of(message) == TERMINATED:
                self.was_terminated = True
            case packets.KEY:
                self.key = self.key_behind = message.body

    def hold(self) -> str:
        """Hold it, if nothing of it would be lost; otherwise what is in the way, and it goes on as before."""
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            return BUSY  # somebody does not read what is sent
        try:
            if self._status in (b"T", b"E"):
                return IN_TRANSACTION
            if self._owed or self._is_halfway or self._from_client.rest or self._from_server.rest:
                return BUSY
            return self._hold_idle()
        finally:
            self._lock.release()

    def _hold_idle(self) -> str:
        try:
            self._keepsake = self._asked()
        except (RefusedError, ValueError, LookupError) as trouble:
            return f"it does not say what it has: {trouble}"
        except OSError as trouble:  # a late answer must not reach the client
            hang_up(self._server)
            return f"it does not say what it has: {trouble}"
        if not self._keepsake.hindrance:
            self.held_at = datetime.now(UTC)
            self._may_go_on.clear()
        return self._keepsake.hindrance

    @property
    def is_held(self) -> bool:
        return not self._may_go_on.is_set()

    def _asked(self) -> Keepsake:
        self._server.sendall(packets.query(question(self.user, self._own)))
        rows: list[str] = []
        for message in self._answers(self._server, self._from_server):
            if message.kind == packets.ROW:
                rows.append(packets.first_value(message))
            elif message.kind in (packets.NOTICE, packets.NOTIFICATION, packets.PARAMETER):
                self._client.sendall(message.whole)
        return read(rows[0])

    def _answers(self, server: socket.socket, splitter: Splitter) -> Iterator[Message]:
        """Until the server is ready again. Raises RefusedError with its words when it objects; OSError."""
        objection, deadline = "", time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            server.settimeout(ANSWER_SECONDS)
            data = server.recv(65536)
            server.settimeout(None)
            if not data:
                raise ConnectionError(objection or "the server hung up")
            for message in splitter.feed(data):
                yield message
                if message.kind == packets.ERROR:
                    objection = packets.words_of(message)
                elif message.kind == packets.READY:
                    if objection:
                        raise RefusedError(objection)
                    return
        raise TimeoutError("no answer in time")

    def bring_back(self, verifiers: Mapping[str, str]) -> str:
        """Put it on the server that is there now and let it go on; or drop it, and why that had to be."""
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._backend))
            news = self._log_in_again(server, self._login.key(verifiers.get(self.user, "")))
            assert self._keepsake is not None
            for packet in self._keepsake.restoring():
                server.sendall(packet)
                news += [each for each in self._answers(server, Splitter()) if each.kind == packets.PARAMETER]
            self._tell_news(news)
        except (OSError, RefusedError, StrangeLoginError) as trouble:
            server.close()
            self.drop()
            return str(trouble)
        with self._lock:
            self._server = server
            self.goes_on()
            self._may_go_on.set()
        return ""

    def goes_on(self) -> None:
        """Its next answer is its first again, if somebody waits for one."""
        self.back_at, self._is_awaited = datetime.now(UTC), self._is_asked()

    def _is_asked(self) -> bool:
        """Whether something has come that was not passed on."""
        waits = select.poll()
        with suppress(ValueError):  # closed
            for each in (self._client, self._server):
                waits.register(each, select.POLLIN)
        return bool(waits.poll(0))

    def _log_in_again(self, server: socket.socket, key: bytes) -> list[Message]:
        """Replay the start-up and swallow the handshake; gives the parameters that the server reported."""
        login, reported = Again(key), []
        server.sendall(self._start)
        for message in self._answers(server, Splitter()):
            if message.kind == packets.AUTHENTICATION:
                server.sendall(login.answer(message))
            elif message.kind == packets.KEY:
                self.key_behind = message.body
            elif message.kind == packets.PARAMETER:
                reported.append(message)
        return reported

    def _tell_news(self, reported: list[Message]) -> None:
        """The client hears of parameters that came out otherwise, such as `server_version`."""
        now = dict(packets.parameter(each) for each in reported)
        whole = {name: each.whole for each in reported for name, _ in [packets.parameter(each)]}
        for name, value in now.items():
            if self._parameters.get(name) != value:
                self._client.sendall(whole[name])
        self._parameters.update(now)

    def drop(self) -> None:
        """As an administrator's command ends it."""
        self.is_over = True
        if self._lock.acquire(timeout=LOCK_SECONDS):
            with suppress(OSError):
                self._client.sendall(FAREWELL)
            self._lock.release()
        else:
            hang_up(self._client)
        hang_up(self._server)
        self._may_go_on.set()

    def fate(self, since: datetime, until: datetime, kind: str, dropped_because: str = "") -> Fate:
        said, pid = packets.start_parameters(self._start), int.from_bytes(self.key[:4], "big")
        return Fate(pid, self.user, said.get("application_name", ""), since, until, dropped_because, kind)


def hang_up(connection: socket.socket) -> None:
    """Whoever waits for something from it wakes up."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
