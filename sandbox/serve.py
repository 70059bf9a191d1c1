"""The world left running, for one's own clients."""

import asyncio
import shlex
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from sandbox.world import Wish, World, world

TRY = (
    'aws rds describe-global-clusters --endpoint-url "$AWS_ENDPOINT_URL_RDS"',
    'aws rds describe-events --source-type db-cluster --duration 60 --endpoint-url "$AWS_ENDPOINT_URL_RDS"',
    'aws rds modify-global-cluster --global-cluster-identifier nosuch --engine-version 18.6 --endpoint-url "$AWS_ENDPOINT_URL_RDS"',
    'psql "$WRITER_DSN" -c "select aurora_version()"',
    'redis-cli -u "$REDIS_URL" --scan',
    "curl -s http://127.0.0.1:$PORT/readyz",
)


async def serve(console: Console, wish: Wish) -> None:
    """Until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    with TemporaryDirectory(prefix="aurora-world-") as temporary:
        async with world(Path(temporary), wish) as here:
            console.print(f"# The world is up after {here.ready_seconds:.1f} s; Ctrl-C ends it. In another terminal:")
            for name, value in (here.environment | dsns(here)).items():
                console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True, markup=False, highlight=False)
            console.print(
                "# then for example", *(f"#   {line}" for line in TRY), sep="\n", markup=False, highlight=False
            )
            await stopped.wait()


def dsns(here: World) -> dict[str, str]:
    """How psql reaches the servers, as the probe role."""
    regions = {"WRITER_DSN": "us-east-1", "READER_DSN": "ap-northeast-1"}
    return {name: here.aurora.server(region).dsn(here.aurora.probe_user) for name, region in regions.items()}
