"""What all operations share: the call as it came in, the errors as they go out, lookups, filters and pages."""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
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
    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        """`status` of HTTP, where it is not the one that goes with the code."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class CutOff(Exception):
    """The connection ends before there is an answer."""


def names(identifier: str, arn: str, given: str) -> bool:
    """RDS takes an identifier, in any case, or an ARN."""
    return given.lower() in (identifier.lower(), arn.lower())


def cluster_named(account: Account, region: str, given: str) -> Cluster:
    for cluster in account.clusters(region):
        if names(cluster.identifier, cluster.arn, given):
            return cluster
    raise AwsError("DBClusterNotFoundFault", f"DBCluster {given} not found.")


def required(call: Call, name: str) -> str:
    """The value of a parameter that must be there; it may be empty."""
    if (value := call.params.get(name)) is None:
        raise AwsError("MissingParameter", f"The request must contain the parameter {name}")
    return str(value)


def check_read(call: Call, read: Collection[str]) -> None:
    """A parameter that nobody would look at is refused: an answer that ignores a wish is a wrong answer."""
    for name, value in call.params.items():
        if name not in read and value not in (None, False, [], {}):
            raise AwsError("InvalidParameterCombination", f"{call.operation} does not support {name} in this sandbox.")


def filtered(items: Sequence[T], call: Call, known: Mapping[str, Callable[[T], Sequence[str]]]) -> list[T]:
    """Items that have one of the values of every filter, in any case; `known` says what an item's values are."""
    kept = list(items)
    for wanted in call.params.get("Filters") or []:
        name, values = wanted.get("Name"), {each.lower() for each in wanted.get("Values") or []}
        values_of = known.get(name)
        if values_of is None:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {name}")
        if not values:
            raise AwsError("InvalidParameterValue", f"The filter {name} has no values.")
        kept = [item for item in kept if {each.lower() for each in values_of(item)} & values]
    return kept


def page(key: str, items: Sequence[Any], call: Call) -> Answer:
    size = int(call.params.get("MaxRecords", 100))
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
