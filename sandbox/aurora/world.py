"""Aurora as the rest of the sandbox sees it: a control plane to call, two servers to connect to, and the truth about both."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final, Self

from . import seed
from .asking import AwsError
from .catalogue import EngineVersion
from .control_plane import ControlPlane
from .lateness import Stretch, watched
from .modifying import NOT_ROLLED_OUT, no_way
from .postgres import DATABASE, Server
from .script import SCRIPTS
from .seed import SECONDARY, WRITER
from .site import WHEELS, Site, site
from .stage import CurtainError, Stage
from .state import Account, GlobalCluster, Order, RdsEvent
from .truth import ZERO_DOWNTIME, Down, Fate, unwritable
from .weather import Weather

VERSION: Final = "18.4"
PLAYED: Final = "orders"  # the one global cluster that stands on real servers
SCENARIOS: Final = ("happy", "rollback", "refused", "failed", "cancelled", "stuck")


class Aurora:
    """Made by `start`; safe to ask from any thread. What talks to the servers blocks for some milliseconds."""

    endpoint_url: str
    account: Account
    control_plane: ControlPlane
    weather: Weather
    probe_user: Final = "aurora_probe"

    def __init__(self, directory: Path, scenario: str = "happy", pace: float = 1.0) -> None:
        if scenario not in SCENARIOS:
            raise ValueError(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
        self._directory = directory
        self.scenario = scenario  # what the next order comes to
        self.secondary_again = False  # whether the secondary goes down once more in it, when the writer restarts
        self._pace = pace
        self._servers: dict[str, Server] = {}
        self._curtain = Event()
        self._scripts: list[Thread] = []
        self.accidents: list[str] = []  # what went wrong with this world itself, in sentences
        self._stack = ExitStack()

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path, *, scenario: str = "happy", pace: float = 1.0) -> AsyncIterator[Self]:
        """Logs and the CA stay in `directory`. Nothing else is left behind, even when this process is killed."""
        aurora = cls(directory, scenario, pace)
        opening = asyncio.ensure_future(asyncio.to_thread(aurora.open))
        try:
            await asyncio.shield(opening)
            yield aurora
        finally:
            await asyncio.wait([opening])
            opening.exception()  # whoever waited for it has it, or is gone
            await asyncio.to_thread(aurora.close)

    def open(self) -> None:
        with ExitStack() as opened:
            importing = opened.enter_context(ThreadPoolExecutor(1)).submit(import_wire)
            self.late: list[Stretch] = opened.enter_context(watched())  # this process itself, in time order
            self._site = opened.enter_context(site(self._directory))
            self._servers = opened.enter_context(servers(self._site))
            opened.callback(self._drop_curtain)
            addresses = {region: seed.Address(each.host, each.port) for region, each in self._servers.items()}
            self.account = seed.account(addresses, VERSION)
            self.control_plane = ControlPlane(self.account, self._carry_out, self._object)
            self.weather = Weather(self.control_plane.answer)
            importing.result()
            from .wire import served  # moto takes a second or two to import: PostgreSQL starts meanwhile

            self.endpoint_url = opened.enter_context(served(self.weather.answer))
            self._stack = opened.pop_all()

    def close(self) -> None:
        self._stack.close()

    def _object(self, given: GlobalCluster, target: EngineVersion) -> AwsError | None:
        if self.scenario == "refused":
            return AwsError("InvalidParameterValue", NOT_ROLLED_OUT)
        return unplayable(given, target)

    def _carry_out(self, order: Order) -> None:
        subject = self.account.global_cluster(order.global_cluster)
        assert subject is not None
        stage = Stage(
            self.account, subject, self._servers, order.version, self._pace, self._curtain, self.secondary_again
        )
        thread = Thread(target=self._play, args=(stage,), name=f"upgrade-{order.global_cluster}", daemon=True)
        self._scripts.append(thread)
        thread.start()

    def _play(self, stage: Stage) -> None:
        try:
            SCRIPTS[self.scenario](stage)
        except CurtainError:
            return
        except Exception as error:
            (self._directory / "script.log").write_text(traceback.format_exc())
            try:
                stage.give_up()  # first: whoever hears of it looks at once
            finally:
                subject = stage.subject.identifier
                self.accidents.append(f"The upgrade of {subject} broke off in the sandbox itself: {error!r}")

    def _drop_curtain(self) -> None:
        self._curtain.set()
        for thread in self._scripts:
            thread.join(timeout=30)

    @property
    def site(self) -> Site:
        return self._site

    @property
    def ca_file(self) -> Path:
        return self._site.ca_file

    @property
    def probe_password(self) -> str:
        return self._site.passwords[self.probe_user]

    @property
    def orders_accepted(self) -> int:
        return len(self.account.orders)

    def server(self, region: str) -> Server:
        return self._servers[region]

    def versions(self) -> dict[str, str]:
        """What the servers themselves answer, by Region; `down` where one does not."""
        return {region: each.answer() for region, each in self._servers.items()}

    def truth(self) -> list[Down]:
        """When each endpoint really took no new connections, in the order in which it happened."""
        return sorted(
            (down for each in self._servers.values() for down in each.downs()), key=lambda down: down.down_from
        )

    def fates(self) -> list[Fate]:
        """What zero-downtime patching did to the sessions that there were."""
        befallen = [fate for region in self._servers for fate in self.befallen(region)]
        return [each for each in befallen if each.kind == ZERO_DOWNTIME]

    def befallen(self, region: str) -> list[Fate]:
        """What befell the sessions in that Region, whatever did it."""
        return self.server(region).door.fates

    def unwritable(self) -> list[Down]:
        """When nothing could be written to the writer."""
        writer = self.server(WRITER)
        return list(unwritable(writer.downs(), writer.door.fates))

    def instances(self) -> list[tuple[str, str]]:
        """Region and identifier of each that has an endpoint on a real server."""
        played = self.account.global_cluster(PLAYED)
        assert played is not None
        return [(member.region, each.identifier) for member in played.members for each in member.instances]

    def rds_events(self) -> list[RdsEvent]:
        """What RDS has said since the first order."""
        with self.account.lock:
            since = self.account.orders[0].at if self.account.orders else None
            return [each for each in self.account.events if since is not None and each.date >= since]

    def environment(self) -> dict[str, str]:
        """What a client process needs to find this world, and no real one."""
        return {
            "AWS_ENDPOINT_URL_RDS": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "AKIASANDBOX000000000",
            "AWS_SECRET_ACCESS_KEY": "secret-access-key-of-the-sandbox",
            "AWS_REGION": WRITER,
            "AWS_DEFAULT_REGION": WRITER,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PROBE_USER": self.probe_user,
            "PROBE_PASSWORD": self.probe_password,
            "PROBE_SSLROOTCERT": str(self.ca_file),
            "PROBE_DBNAME": DATABASE,
        }


def unplayable(given: GlobalCluster, target: EngineVersion) -> AwsError | None:
    """RDS would take the order, but there are no servers here to carry it out on, or no programs to start them with."""
    if given.identifier != PLAYED:
        return AwsError("InvalidDBClusterStateFault", f"{given.identifier} has no servers in this sandbox.")
    return None if target.version in WHEELS else no_way(given, target.version)


def import_wire() -> None:
    from . import wire  # noqa: F401


@contextmanager
def servers(ground: Site) -> Iterator[dict[str, Server]]:
    """The writer's server and its streaming standby, by Region."""
    with ExitStack() as running:
        writer, secondary = Server(ground, WRITER), Server(ground, SECONDARY)
        running.callback(writer.remove)
        running.callback(secondary.remove)
        writer.initialise(VERSION)
        secondary.follow(writer, VERSION)
        yield {WRITER: writer, SECONDARY: secondary}
