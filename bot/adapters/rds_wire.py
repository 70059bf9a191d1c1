"""The wire to RDS: boto3's blocking clients, one per Region, on threads of their own."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bot.adapters.rds_trouble import answer_to_order, code_of, troubles, unavailable
from bot.domain.ids import Region
from bot.ports.aurora import Accepted, OrderAnswer

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import PaginatorConfigTypeDef

T = TypeVar("T")
Question = Callable[["RDSClient"], T]

READ: Final[dict[str, Any]] = {  # a silent AWS is given up after 11 s, so a command that asks more can still say so
    "connect_timeout": 2,
    "read_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
ORDER: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "read_timeout": 30,
    "retries": {"mode": "standard", "total_max_attempts": 1},
}
PAGES: "Final[PaginatorConfigTypeDef]" = {"PageSize": 100}  # the most that RDS gives
SEND_WITHIN: Final = 15.0  # seconds; with ORDER's timeouts it is over within a minute, before anybody calls it lost
USER_AGENT: Final = "aurora-upgrade-bot"


class Withdrawn(Exception):
    """An order did not get as far as the socket before it was too late, or before nobody waited for it any more."""


class RdsWire:
    """Endpoint and credentials come from the environment, as boto3 reads it. Nothing is imported or made before its use."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(8, "rds-read")
        self._orderers = ThreadPoolExecutor(4, "rds-order")  # an order never queues behind reads
        self._lock = Lock()  # neither making a Session nor making a client is safe in two threads
        self._session: Session | None = None
        self._clients: dict[Region, RDSClient] = {}

    async def prepare(self, region: Region) -> None:
        """Import and make now what the first question needs; trouble with it shows when it is asked."""
        await asyncio.get_running_loop().run_in_executor(self._readers, self._prepared, region)

    async def ask(self, region: Region, question: Question[T]) -> T:
        """Put a question to the Region's RDS. Raises Unavailable with AWS's code, or with botocore's name of the trouble."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._asked, region, question)

    async def order(self, region: Region, global_cluster: str, version: str) -> OrderAnswer:
        """ModifyGlobalCluster, at most one request. An order whose caller is gone, or that comes late, is not sent."""
        order = _Order(global_cluster, version)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._orderers, partial(order.give, partial(self._make, region, ORDER))
            )
        except asyncio.CancelledError:
            order.withdraw()
            raise
        except RuntimeError as closed:
            return answer_to_order(closed, sent=order.is_sent)

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._orderers.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _prepared(self, region: Region) -> None:
        with suppress(*troubles()):
            self._client(region)

    def _asked(self, region: Region, question: Question[T]) -> T:
        try:
            return question(self._client(region))
        except troubles() as error:
            if code_of(error) == "NoCredentials":
                self._clients.pop(region, None)  # it would look for credentials never again
            raise unavailable(region, error) from None

    def _client(self, region: Region) -> "RDSClient":
        if region not in self._clients:
            client = self._make(region, READ)
            if self._clients.setdefault(region, client) is not client:
                client.close()
        return self._clients[region]

    def _make(self, region: Region, options: dict[str, Any]) -> "RDSClient":
        import boto3
        from botocore.config import Config

        with self._lock:
            self._session = self._session or boto3.Session()
            config = Config(user_agent_extra=USER_AGENT, **options)
            return self._session.client("rds", region_name=region, config=config)


class _Order:
    """One order on its way. Its client is its own, so no stale connection of another order carries it."""

    def __init__(self, global_cluster: str, version: str) -> None:
        self._global_cluster = global_cluster
        self._version = version
        self._until = time.monotonic() + SEND_WITHIN
        self._withdrawn = Event()
        self._sent = Event()

    @property
    def is_sent(self) -> bool:
        return self._sent.is_set()

    def withdraw(self) -> None:
        self._withdrawn.set()

    def give(self, make: Callable[[], "RDSClient"]) -> OrderAnswer:
        """Every exception becomes an answer: none may leave behind an order whose fate nobody wrote down."""
        try:
            with closing(make()) as client:
                client.meta.events.register("before-send.rds.ModifyGlobalCluster", self._on_send)
                client.modify_global_cluster(GlobalClusterIdentifier=self._global_cluster, EngineVersion=self._version)
        except Exception as error:
            return answer_to_order(error, sent=self.is_sent)
        return Accepted()

    def _on_send(self, **_: object) -> None:
        """The last instruction before the socket: looking for credentials may have taken long."""
        if self._withdrawn.is_set():
            raise Withdrawn("nobody waited for its answer any more")
        if time.monotonic() > self._until:
            raise Withdrawn(f"it was not ready within {SEND_WITHIN:.0f} s")
        self._sent.set()
