"""A real PostgreSQL behind many doors: every endpoint can be cut off by itself."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.aurora.door import Door
from sandbox.aurora.postgres import Server
from sandbox.aurora.site import Site, site

VERSION = "18.6"
ROOM = 900  # connections: whoever waited at a door comes in at once when it opens


@dataclass(frozen=True)
class Ground:
    site: Site
    server: Server
    doors: tuple[Door, ...]

    def dsns(self) -> list[str]:
        return [self.server.dsn(port=each.port) for each in self.doors]

    def dsns_past_doors(self, number: int) -> list[str]:
        """As many names of the server's Unix socket: no TLS, and nothing of this process in between."""
        return [self._past_doors(Path(f"{self.server.socket.parent}-{each}")) for each in range(number)]

    def _past_doors(self, alias: Path) -> str:
        if not alias.is_symlink():
            alias.symlink_to(self.server.socket.parent)
        return self.server.dsn_past_door(home=alias)


@contextmanager
def ground(doors: int, *, cheap_login: bool = False) -> Iterator[Ground]:
    """With a `cheap_login` a password is hashed once and not 4,096 times: for what is not about how much work that is."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, site(Path(directory)) as place:
        server = Server(place, "here")
        server.settings |= {"max_connections": str(ROOM), "shared_buffers": "64MB"}
        opened = [Door(server.socket, place.tls) for _ in range(doors)]
        try:
            server.initialise(VERSION)
            server.ask("ALTER ROLE aurora_probe CONNECTION LIMIT -1")
            if cheap_login:
                server.ask(
                    f"SET scram_iterations = 1; ALTER ROLE aurora_probe PASSWORD '{place.passwords['aurora_probe']}'"
                )
            for each in opened:
                each.open()
            yield Ground(place, server, tuple(opened))
        finally:
            for each in opened:
                each.remove()
            server.remove()
