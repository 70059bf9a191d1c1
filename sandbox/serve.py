"""The world left running, for one's own clients."""

import asyncio
import shlex

from rich.console import Console

from sandbox.leash import leashed_directory
from sandbox.world import Wish, World, world

# Version 1 of the CLI, as PyPI has it, does not read the variable.
RDS = '.venv/bin/aws rds --endpoint-url "$AWS_ENDPOINT_URL_RDS"'
TRY = (
    f"{RDS} describe-global-clusters",
    f"{RDS} describe-events --source-type db-cluster --duration 60",
    f"{RDS} modify-global-cluster --global-cluster-identifier nosuch --engine-version 18.6",
    'psql "$WRITER_DSN" -c "select aurora_version()"',
    'redis-cli -u "$REDIS_URL" --scan',
    "curl -s http://127.0.0.1:$PORT/readyz",
)


async def serve(console: Console, wish: Wish) -> None:
    """Until it is cancelled. All that it prints can be sourced by a shell."""

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    with leashed_directory("aurora-world-") as directory:
        async with world(directory, wish, lambda line: say(f"# {line}")) as here:
            say(f"# The world is up after {here.ready_seconds:.1f} s; Ctrl-C ends it. In another terminal:")
            for name, value in (here.environment | dsns(here)).items():
                say(f"export {name}={shlex.quote(value)}")
            say("# then for example")
            for line in TRY:
                say(f"#   {line}")
            await asyncio.Event().wait()


def dsns(here: World) -> dict[str, str]:
    """How psql reaches the servers, as the probe role."""
    regions = {"WRITER_DSN": "us-east-1", "READER_DSN": "ap-northeast-1"}
    return {name: here.aurora.server(region).dsn(here.aurora.probe_user) for name, region in regions.items()}
