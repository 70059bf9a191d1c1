"""What all operations share: the call as it came in, the errors as they go out, lookups, filters and pages."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .state import Account, Cluster

T = TypeVar("T")
Answer = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One signed request: an operation, the Region it was signed for, and its parsed parameters."""

    operation: str
    region: str
    params: Mapping[str, Any]


class AwsError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def names(identifier: str, arn: str, given: str) -> bool:
    """RDS takes an identifier, in any case, or an ARN."""
    return given.lower() in (identifier.lower(), arn.lower())


def cluster_named(account: Account, region: str, given: str) -> Cluster:
    for cluster in account.clusters(region):
        if names(cluster.identifier, cluster.arn, given):
            return cluster
    raise AwsError("DBClusterNotFoundFault", f"DBCluster {given} not found.")


def filtered(items: Sequence[T], call: Call, known: Mapping[str, Callable[[T], Sequence[str]]]) -> list[T]:
    """Items that have one of the values of every filter; `known` says what an item's values are."""
    kept = list(items)
    for wanted in call.params.get("Filters") or []:
        values_of = known.get(wanted["Name"])
        if values_of is None:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {wanted['Name']}")
        kept = [item for item in kept if set(values_of(item)) & set(wanted["Values"])]
    return kept


def page(key: str, items: Sequence[Any], call: Call) -> Answer:
    size = int(call.params.get("MaxRecords") or 100)
    if not 20 <= size <= 100:
        raise AwsError("InvalidParameterValue", f"Invalid value {size} for MaxRecords. Must be between 20 and 100")
    start = offset(call.params.get("Marker"))
    answer: Answer = {key: list(items[start : start + size])}
    if start + size < len(items):
        answer["Marker"] = base64.b64encode(str(start + size).encode()).decode()
    return answer


def offset(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        return int(base64.b64decode(marker, validate=True))
    except (binascii.Error, ValueError):
        raise AwsError("InvalidParameterValue", "The request is invalid: Marker is not valid.") from None
