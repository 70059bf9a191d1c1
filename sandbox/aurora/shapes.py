"""The state in the words of the RDS API."""

from .asking import Answer
from .catalogue import EngineVersion, targets
from .state import Account, Cluster, GlobalCluster, Instance, RdsEvent, arn, family


def global_cluster(given: GlobalCluster) -> Answer:
    return {
        "GlobalClusterIdentifier": given.identifier,
        "GlobalClusterResourceId": f"cluster-{fingerprint(given.arn)}",
        "GlobalClusterArn": given.arn,
        "Status": given.status,
        "Engine": given.engine,
        "EngineVersion": given.version,
        "EngineLifecycleSupport": "open-source-rds-extended-support",
        "StorageEncrypted": True,
        "DeletionProtection": given.deletion_protection,
        "GlobalClusterMembers": [member(given, each) for each in given.members],
        "TagList": [],
    }


def member(owner: GlobalCluster, cluster: Cluster) -> Answer:
    writer, *secondaries = owner.members
    shape: Answer = {
        "DBClusterArn": cluster.arn,
        "IsWriter": cluster is writer,
        "Readers": [each.arn for each in secondaries] if cluster is writer else [],
    }
    if cluster is not writer:
        shape |= {"GlobalWriteForwardingStatus": "disabled", "SynchronizationStatus": "connected"}
    return shape


def cluster(account: Account, given: Cluster) -> Answer:
    owner = account.global_of(given)
    return {
        "DBClusterIdentifier": given.identifier,
        "DBClusterArn": given.arn,
        "DbClusterResourceId": f"cluster-{fingerprint(given.arn)}",
        "Status": given.status,
        "Engine": given.engine,
        "EngineVersion": given.version,
        "EngineMode": "provisioned",
        "Endpoint": given.host,
        "ReaderEndpoint": given.host.replace(".cluster-", ".cluster-ro-"),
        "Port": given.port,
        "DatabaseName": "orders",
        "MasterUsername": "postgres",
        "GlobalClusterIdentifier": owner.identifier,
        "DBClusterParameterGroup": given.parameter_group,
        "IAMDatabaseAuthenticationEnabled": False,
        "MultiAZ": len(given.instances) > 1,
        "StorageEncrypted": True,
        "DeletionProtection": False,
        "AutoMinorVersionUpgrade": False,
        "ActivityStreamStatus": "stopped",
        "BackupRetentionPeriod": 14,
        "DBClusterMembers": [cluster_member(owner, given, each) for each in given.instances],
    }


def cluster_member(owner: GlobalCluster, given: Cluster, instance: Instance) -> Answer:
    return {
        "DBInstanceIdentifier": instance.identifier,
        "IsClusterWriter": given is owner.members[0] and instance is given.instances[0],
        "DBClusterParameterGroupStatus": "in-sync",
        "PromotionTier": 1,
    }


def instance(owner: Cluster, given: Instance) -> Answer:
    own = arn(owner.region, "db", given.identifier)
    return {
        "DBInstanceIdentifier": given.identifier,
        "DBInstanceArn": own,
        "DbiResourceId": f"db-{fingerprint(own)}",
        "DBInstanceClass": given.instance_class,
        "DBInstanceStatus": given.status,
        "Engine": owner.engine,
        "EngineVersion": given.version,
        "DBClusterIdentifier": owner.identifier,
        "Endpoint": {"Address": owner.host.replace(".cluster-", "."), "Port": owner.port},
        "AvailabilityZone": f"{owner.region}a",
        "DBParameterGroups": [
            {"DBParameterGroupName": owner.parameter_group, "ParameterApplyStatus": "in-sync"},
        ],
        "AutoMinorVersionUpgrade": False,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "PromotionTier": 1,
        "PubliclyAccessible": False,
    }


def event(given: RdsEvent) -> Answer:
    return {
        "SourceIdentifier": given.source_identifier,
        "SourceType": given.source_type,
        "SourceArn": given.source_arn,
        "Message": given.message,
        "EventCategories": list(given.categories),
        "Date": given.date,
    }


def engine_version(region: str, given: EngineVersion) -> Answer:
    return {
        "Engine": given.engine,
        "EngineVersion": given.version,
        "DBParameterGroupFamily": family(given.engine, given.version),
        "DBEngineDescription": "Aurora",
        "DBEngineVersionDescription": description(given),
        "Status": given.status,
        "SupportedEngineModes": ["provisioned"],
        "SupportsGlobalDatabases": given.supports_global,
        "SupportsLimitlessDatabase": given.limitless,
        "ValidUpgradeTarget": [target(given, each) for each in targets(region, given.engine, given.version)],
    }


def target(source: EngineVersion, given: EngineVersion) -> Answer:
    return {
        "Engine": given.engine,
        "EngineVersion": given.version,
        "Description": description(given),
        "AutoUpgrade": False,
        "IsMajorVersionUpgrade": given.major != source.major,
        "SupportedEngineModes": ["provisioned"],
        "SupportsGlobalDatabases": given.supports_global,
        "SupportsLimitlessDatabase": given.limitless,
    }


def description(given: EngineVersion) -> str:
    product = "Aurora PostgreSQL" if given.engine == "aurora-postgresql" else "Aurora MySQL"
    return f"{product} (Compatible with {given.version})"


def fingerprint(arn: str) -> str:
    """A stable resource id in RDS's alphabet."""
    number = int.from_bytes(arn.encode(), "big") % 36**26
    digits = ""
    for _ in range(26):
        number, digit = divmod(number, 36)
        digits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[digit]
    return digits
