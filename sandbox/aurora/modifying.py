"""ModifyGlobalCluster: what RDS refuses, in its own words, and what it accepts."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from . import shapes
from .asking import Answer, AwsError, Call, required
from .catalogue import POSTGRES, EngineVersion, find, numbers, targets
from .state import Account, GlobalCluster, Order

NOT_ROLLED_OUT: Final = (
    "ModifyGlobalCluster doesn't support minor version upgrades for Aurora global databases. To upgrade to a newer "
    "minor version, call ModifyDBCluster for each member of your global cluster."
)
NOT_FOR_MYSQL: Final = (
    "Amazon RDS can't perform minor version upgrades through ModifyGlobalCluster for this database engine."
)
Objection = Callable[[GlobalCluster, EngineVersion], AwsError | None]


def global_cluster(account: Account, call: Call, objection: Objection) -> tuple[Answer, Order | None]:
    """The answer, and the order when one was accepted. `objection` has the last word on an order that is in order."""
    wanted = required(call, "GlobalClusterIdentifier")
    found = account.global_cluster(wanted)
    if found is None:
        raise AwsError("GlobalClusterNotFoundFault", f"Global cluster {wanted} not found.")
    if call.params.get("NewGlobalClusterIdentifier"):
        raise AwsError("InvalidParameterValue", "Global clusters cannot be renamed here.")
    order = accept(account, found, call, objection) if "EngineVersion" in call.params else None
    if (protected := call.params.get("DeletionProtection")) is not None:
        found.deletion_protection = protected
    return {"GlobalCluster": shapes.global_cluster(found)}, order


def accept(account: Account, given: GlobalCluster, call: Call, objection: Objection) -> Order:
    version = str(call.params["EngineVersion"])
    check_state(given)
    target = check_version(given, version)
    check_kind(given, target, bool(call.params.get("AllowMajorVersionUpgrade")))
    if objected := objection(given, target):
        raise objected
    order = Order(given.identifier, version, call.region, datetime.now(UTC))
    account.orders.append(order)
    given.status = "upgrading"
    return order


def no_way(given: GlobalCluster, version: str) -> AwsError:
    return AwsError("InvalidParameterCombination", f"Cannot upgrade {given.engine} from {given.version} to {version}")


def check_state(given: GlobalCluster) -> None:
    if given.status != "available":
        raise AwsError(
            "InvalidGlobalClusterStateFault", f"Global cluster {given.identifier} is upgrading. Try again when it is available."
        )  # fmt: skip
    for member in given.members:
        if not member.instances:
            raise AwsError(
                "InvalidDBClusterStateFault", "Cannot modify engine version without a primary instance in DB cluster"
            )


def check_version(given: GlobalCluster, version: str) -> EngineVersion:
    """The version must be newer, and offered to a global database in the Region of every member."""
    regions = [member.region for member in given.members]
    known = find(regions[0], given.engine, version)
    if known is not None and numbers(version) <= numbers(given.version):
        raise no_way(given, version)
    offers = [{each.version for each in targets(region, given.engine, given.version)} for region in regions]
    if known is None or not known.supports_global or not all(version in offer for offer in offers):
        raise AwsError(
            "InvalidParameterValue",
            "The requested engine version was not found or does not support global functionality",
        )
    return known


def check_kind(given: GlobalCluster, target: EngineVersion, allow_major: bool) -> None:
    current = EngineVersion(given.engine, given.version)
    if target.major == current.major and given.engine != POSTGRES:
        raise AwsError("InvalidParameterValue", NOT_FOR_MYSQL)
    if target.major != current.major and not allow_major:
        raise AwsError(
            "InvalidParameterCombination",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        )
