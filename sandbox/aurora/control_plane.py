"""The control plane: every operation it knows, and what happens when an upgrade is ordered."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from . import describing, modifying
from .asking import Answer, AwsError, Call, check_read
from .state import Account, Order

DESCRIBE: Final[Mapping[str, Callable[[Account, Call], Answer]]] = {
    "DescribeGlobalClusters": describing.global_clusters,
    "DescribeDBClusters": describing.db_clusters,
    "DescribeDBInstances": describing.db_instances,
    "DescribeDBEngineVersions": describing.engine_versions,
    "DescribeEvents": describing.events,
    "DescribePendingMaintenanceActions": describing.pending_maintenance,
    "DescribeDBClusterSnapshots": describing.cluster_snapshots,
    "DescribeBlueGreenDeployments": describing.blue_green_deployments,
    "DescribeDBClusterParameters": describing.cluster_parameters,
}
# Parameters that an operation reads, besides Filters and pages; or need not read, as all here is of one account.
READ: Final[Mapping[str, Collection[str]]] = {
    "DescribeGlobalClusters": ("GlobalClusterIdentifier",),
    "DescribeDBClusters": ("DBClusterIdentifier", "IncludeShared"),
    "DescribeDBInstances": ("DBInstanceIdentifier",),
    "DescribeDBEngineVersions": ("Engine", "EngineVersion", "DBParameterGroupFamily", "DefaultOnly", "IncludeAll"),
    "DescribeEvents": ("SourceIdentifier", "SourceType", "StartTime", "EndTime", "Duration", "EventCategories"),
    "DescribePendingMaintenanceActions": ("ResourceIdentifier",),
    "DescribeDBClusterSnapshots": (
        "DBClusterIdentifier", "DBClusterSnapshotIdentifier", "SnapshotType", "IncludeShared", "IncludePublic",
    ),
    "DescribeBlueGreenDeployments": ("BlueGreenDeploymentIdentifier",),
    "DescribeDBClusterParameters": ("DBClusterParameterGroupName", "Source"),
}  # fmt: skip


class ControlPlane:
    """`answer` is the one way in, so whatever makes a control plane moody can be wrapped around it."""

    def __init__(
        self,
        account: Account,
        carry_out: Callable[[Order], None],
        objection: modifying.Objection = lambda *_: None,
    ) -> None:
        self.account = account
        self._carry_out = carry_out
        self._objection = objection

    def answer(self, call: Call) -> Answer:
        """Raises AwsError."""
        with self.account.lock:
            if call.operation == "ModifyGlobalCluster":
                return self._modify(call)
            describe = DESCRIBE.get(call.operation)
            if describe is None:
                raise AwsError("InvalidAction", f"The action {call.operation} is not valid for this endpoint.")
            check_read(call, {*READ[call.operation], "Filters", "MaxRecords", "Marker"})
            return describe(self.account, call)

    def _modify(self, call: Call) -> Answer:
        answer, order = modifying.global_cluster(self.account, call, self._objection)
        if order is not None:
            self._carry_out(order)
        return answer
