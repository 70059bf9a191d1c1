"""Opening a connection phase by phase: libpq says how far it is, and the clock is noted whenever it gets further."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import waiting
from psycopg.abc import PQGenConn
from psycopg.conninfo import make_conninfo
from psycopg.pq import ConnStatus, PGconn, PollingStatus
from psycopg.pq import abc as pq
from psycopg.waiting import Wait

from bot.adapters.names import Addresses
from bot.domain.phases import NO_PHASES, Phases

LOOK_UP_SECONDS: Final = 1.0  # how often psycopg wakes up while nothing comes; only Windows needs it
_WAITS: Final[Mapping[int, Wait]] = {PollingStatus.READING: Wait.R, PollingStatus.WRITING: Wait.W}


@dataclass
class Progress:
    """How far an attempt has come: which addresses its host has, which of them was tried last, and the phases finished there."""

    addresses: Addresses = field(default_factory=list)
    phases: Phases = NO_PHASES
    _tried: str = ""
    _since: int = field(default_factory=time.monotonic_ns)

    @property
    def places(self) -> tuple[str, ...]:
        """The addresses, first the one that was tried last."""
        return tuple(dict.fromkeys([self._tried, *self.addresses])) if self._tried else tuple(self.addresses)

    def begin(self, address: str) -> None:
        """At that address all begins anew, but for what was resolved."""
        self._tried, self.phases = address, Phases(resolve=self.phases.resolve)
        self._since = time.monotonic_ns()

    def finished(self, phase: str) -> None:
        """The next one begins now. What is done a second time, as when libpq tries again without TLS, counts anew."""
        now = time.monotonic_ns()
        self.phases = self.phases._replace(**{phase: (now - self._since) // 1000})
        self._since = now


async def connected(parameters: Mapping[str, Any], progress: Progress) -> pq.PGconn:
    """At the first address that lets us in. psycopg.Error for none, with what each of them said, the last one first."""
    errors: list[str] = []
    for address in progress.addresses or [""]:
        progress.begin(address)
        connecting = _connecting(_conninfo(**parameters, hostaddr=address or None), progress)
        try:
            return await waiting.wait_conn_async(connecting, LOOK_UP_SECONDS)
        except psycopg.Error as error:
            errors.insert(0, str(error))
        finally:
            connecting.close()
    raise psycopg.OperationalError("\n".join(errors))


@lru_cache(maxsize=256)  # to check and quote them takes 70 µs each time
def _conninfo(**parameters: Any) -> bytes:
    return make_conninfo(**parameters).encode()


def _connecting(conninfo: bytes, progress: Progress) -> PQGenConn[pq.PGconn]:
    """As psycopg's own generator, which does not let go of the connection before it stands. What does not stand is closed."""
    pgconn, polled = PGconn.connect_start(conninfo), PollingStatus.WRITING
    try:
        while pgconn.status != ConnStatus.BAD:
            # Not before it can be written to (libpq 34.1): libpq takes a socket that is still connecting for a connected one.
            if pgconn.status != ConnStatus.MADE:  # then nothing is sent yet, so there is room to send
                while not (yield pgconn.socket, _WAITS[polled]):
                    pass
            before, polled = pgconn.status, PollingStatus(pgconn.connect_poll())
            if phase := _finished(before, pgconn.status):
                progress.finished(phase)
            if polled == PollingStatus.OK:
                pgconn.nonblocking = 1
                return pgconn
            if polled == PollingStatus.FAILED:
                raise psycopg.OperationalError(f"connection failed: {pgconn.get_error_message()}")
        raise psycopg.OperationalError(f"connection is bad: {pgconn.get_error_message()}")
    except BaseException:
        pgconn.finish()
        raise


def _finished(before: int, now: int) -> str:
    """Which phase a step of libpq ended; empty for none."""
    if before == now or now == ConnStatus.BAD:
        return ""
    if before == ConnStatus.STARTED and now in (ConnStatus.MADE, ConnStatus.SSL_STARTUP):
        return "connect"
    if before == ConnStatus.SSL_STARTUP and now == ConnStatus.MADE:
        return "tls"
    return "authenticate" if now == ConnStatus.OK else ""
