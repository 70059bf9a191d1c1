"""What a script of an upgrade acts upon: the members and their servers, a clock that can run faster, and RDS's voice."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from .postgres import DOWN, Server
from .state import Account, Cluster, GlobalCluster, Instance


class CurtainError(Exception):
    """The world ends in the middle of an upgrade."""


@dataclass(frozen=True)
class Member:
    """One Region's part: what the API shows of it, and the server that plays it."""

    cluster: Cluster
    instance: Instance
    server: Server


@dataclass(frozen=True)
class Restart:
    """What one restart really was."""

    milliseconds: int
    startup_microseconds: int
    preserved: int
    dropped: int


@dataclass(frozen=True)
class Stage:
    """All waits are divided by `pace`. `secondary_again`: readers of the secondaries restart when the writer does."""

    account: Account
    subject: GlobalCluster
    servers: Mapping[str, Server]
    target: str
    pace: float
    curtain: Event
    secondary_again: bool = False

    @property
    def writer(self) -> Member:
        return self._member(self.subject.members[0])

    @property
    def secondaries(self) -> list[Member]:
        return [self._member(each) for each in self.subject.members[1:]]

    @property
    def members(self) -> list[Member]:
        return [*self.secondaries, self.writer]

    def _member(self, cluster: Cluster) -> Member:
        return Member(cluster, cluster.instances[0], self.servers[cluster.region])

    def wait(self, seconds: float) -> None:
        if self.curtain.wait(seconds / self.pace):
            raise CurtainError

    def of_cluster(self, member: Member, message: str, *categories: str) -> None:
        self.account.say(member.cluster, message, *categories)

    def of_instance(self, member: Member, message: str, *categories: str) -> None:
        self.account.say(member.cluster, message, *categories, instance=member.instance)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Changes that the API must show together."""
        with self.account.lock:
            yield

    def shut_down(self, member: Member) -> "Halt":
        began = time.monotonic()
        member.server.stop()
        return Halt(began)

    def pause(self, member: Member, quiet_seconds: float) -> "Halt":
        """Shut it down, but hold the sessions that can be; `quiet_seconds` of the script's time to come to rest."""
        began = time.monotonic()
        member.server.stop(quiet_seconds / self.pace)
        return Halt(began)

    def bring_up(self, member: Member, version: str, halt: "Halt", down_seconds: float) -> Restart:
        """Start the server on this version when it has been down for `down_seconds` of the script's time."""
        self.wait(max(0.0, down_seconds - (time.monotonic() - halt.began) * self.pace))
        began = time.perf_counter_ns()
        fates = member.server.start(version)
        took = (time.perf_counter_ns() - began) // 1000
        preserved = sum(each.is_preserved for each in fates)
        lasted = round(member.server.downs()[-1].seconds * 1000)
        return Restart(lasted, took, preserved, len(fates) - preserved)

    def give_up(self) -> None:
        """Leaves nothing dark: whoever is down comes up on the version it had, and all shows that a human is needed."""
        for member in self.members:
            if member.server.answer() == DOWN:
                member.server.stop()
                member.server.start(member.server.ran)
        with self.change():
            for member in self.members:
                member.cluster.status = member.instance.status = "upgrade-failed"
            self.subject.status = "available"


@dataclass(frozen=True)
class Halt:
    """A shutdown that happened, and when it was asked for."""

    began: float
