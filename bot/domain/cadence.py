"""How often an endpoint is tried: seldom while nothing happens to it, often from before its restart until it is well again.

To be hot too early costs some queries, too late it costs the bounds. What RDS says is some seconds old when it is heard, so
no sign of RDS's is early enough to wait for. So the order itself is the first sign: an endpoint is hot from then on until
RDS shows its member done. After that only what happens to it makes it hot: a restart of the primary may take a secondary
down once more (User Guide, limitations of Aurora global databases).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.ids import Region
from bot.domain.topology import AVAILABLE
from bot.domain.upgrade import Upgrade


@dataclass(frozen=True)
class Signs:
    """What is known of an endpoint. `done_at`: since when RDS shows its member done, None while it does not.

    `ill_at`: when the latest attempt began that did not succeed.
    """

    ordered_at: datetime | None
    done_at: datetime | None = None
    ill_at: datetime | None = None

    def are_hot(self, now: datetime, well: timedelta) -> bool:
        """Whether it may be about to restart, or was not well for so long yet."""
        if self.ordered_at is None:
            return False
        return self.done_at is None or now - max(self.done_at, self.ill_at or self.done_at) < well


@dataclass(frozen=True)
class Cadence:
    """Attempts a second in each way, calm and hot; the deadline of each; and for how long to be well before it is calm."""

    calm: float = 2.0
    hot: float = 10.0
    deadline: timedelta = timedelta(seconds=5)
    well: timedelta = timedelta(seconds=30)

    def rate(self, signs: Signs, now: datetime) -> float:
        return self.hot if signs.are_hot(now, self.well) else self.calm


def offset(number: int, of: int, rate: float) -> float:
    """Seconds from the beginning after which this lane is due first, of so many that begin together: spread over a step."""
    return number / of / rate


def is_done(upgrade: Upgrade, region: Region) -> bool:
    """Whether RDS shows the member there available on the target, with all its instances."""
    target = str(upgrade.plan.target.minor_version)
    return any(
        member.region == region
        and f"{member.version}.".startswith(f"{target}.")
        and {member.status, *member.instances} == {AVAILABLE}
        for member in upgrade.members
    )
