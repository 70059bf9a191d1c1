"""IAM tokens in the place of passwords, for those who connect to the databases themselves."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.adapters.rds_wire import RdsWire
from bot.domain.topology import Endpoint

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

KEPT: Final = timedelta(minutes=10)


class IamTokens:
    """A token opens connections for 15 minutes (User Guide, IAM database authentication), so one is used for ten.

    It is good only for the endpoint's own name, as RDS shows it, and is signed for the Region of that endpoint.
    """

    def __init__(self, keep: timedelta = KEPT) -> None:
        self._keep = keep
        self._wire = RdsWire()
        self._signed: dict[tuple[str, int, str], tuple[float, str]] = {}

    async def auth_token(self, endpoint: Endpoint, user: str) -> str:
        """The password to give. Made without asking AWS; raises Unavailable when there are no credentials to sign with."""
        key = (endpoint.host, endpoint.port, user)
        made_at, token = self._signed.get(key, (float("-inf"), ""))
        if time.monotonic() - made_at >= self._keep.total_seconds():
            made_at, token = (
                time.monotonic(),
                await self._wire.ask(endpoint.region, lambda rds: _sign(rds, endpoint, user)),
            )
            self._signed[key] = made_at, token
        return token

    def forget(self, endpoint: Endpoint, user: str) -> None:
        """A token that was refused is not used again: the credentials that signed it may have expired since."""
        self._signed.pop((endpoint.host, endpoint.port, user), None)

    def close(self) -> None:
        self._wire.close()


def _sign(rds: "RDSClient", endpoint: Endpoint, user: str) -> str:
    return rds.generate_db_auth_token(
        DBHostname=endpoint.host, Port=endpoint.port, DBUsername=user, Region=endpoint.region
    )
