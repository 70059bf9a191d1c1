"""Facts → findings: each blocker, each warning, and that what is not known is never fine."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.preflight import Facts, Finding, Maintenance, Severity, Unread, blockers, preflight
from bot.domain.topology import GlobalCluster, Role
from tests.domain.making import AP, MINUTE, NOON, US, cluster, facts, instance, member, v

HIDDEN = Unread(why="AccessDenied from RDS in us-east-1")
CHECKS = {
    "global cluster", "members", "instances", "versions", "replication", "failover", "parameters", "snapshot",
    "maintenance", "blue/green", "rpo",
}  # fmt: skip


def found(given_facts: Facts, target: str = "18.6") -> dict[str, Finding]:
    return {finding.check: finding for finding in preflight(given_facts, v(target), NOON)}


def of(check: str, seen: GlobalCluster | None = None, **other: Any) -> tuple[str, str]:
    finding = found(facts(seen, **other))[check]
    return finding.severity, finding.text


def with_secondary(**other: Any) -> GlobalCluster:
    return cluster(member(US), member(AP, **other))


def test_a_healthy_cluster_is_fine_in_every_respect() -> None:
    findings = preflight(facts(), v("18.6"), NOON)
    assert {finding.check for finding in findings} == CHECKS
    assert {finding.severity for finding in findings} == {Severity.FINE}
    assert blockers(findings) == ()


@pytest.mark.parametrize(
    ("check", "seen", "text"),
    [
        ("global cluster", cluster(status="modifying"), "the global cluster is modifying"),
        ("members", with_secondary(status="backing-up"), "orders-ap in ap-northeast-1 is backing-up"),
        ("members", cluster(member(US, role=Role.SECONDARY)), "the global cluster has no writer"),
        ("instances", with_secondary(instances=0), "orders-ap in ap-northeast-1 has no instance"),
        (
            "instances",
            with_secondary(instances=0).model_copy(
                update={"members": (member(US), member(AP).model_copy(update={"instances": (instance("a", status="rebooting"),)}))}
            ),
            "instance a is rebooting",
        ),
        ("versions", with_secondary(version="18.7"), "orders-ap runs 18.7, above 18.6"),
        ("replication", with_secondary(synchronization="pending-resync"), "orders-ap in ap-northeast-1 is pending-resync"),
        ("failover", cluster(failover="switching-over"), "a switchover or failover is going on (switching-over)"),
    ],
)  # fmt: skip
def test_a_state_that_the_upgrade_would_not_survive_blocks_it(check: str, seen: GlobalCluster, text: str) -> None:
    assert of(check, seen) == ("blocker", text)


def test_a_blue_green_deployment_blocks() -> None:
    assert of("blue/green", blue_green=("next",)) == ("blocker", "blue/green deployment next exists")


@pytest.mark.parametrize(
    ("minutes", "severity", "text"),
    [
        (None, "warning", "system-update is pending on orders-us"),
        (61, "warning", "system-update is pending on orders-us"),
        (60, "blocker", "system-update of orders-us is due within the hour"),
        (-5, "blocker", "system-update of orders-us is due within the hour"),
    ],
)
def test_maintenance_warns_and_blocks_once_it_is_near(minutes: int | None, severity: str, text: str) -> None:
    applies_at = None if minutes is None else NOON + minutes * MINUTE
    pending = Maintenance(resource="orders-us", region=US, action="system-update", applies_at=applies_at)
    assert of("maintenance", maintenance=(pending,)) == (severity, text)


@pytest.mark.parametrize(
    ("hours", "severity"), [(None, "warning"), (24.001, "warning"), (24, "fine"), (0, "fine")]
)  # fmt: skip
def test_a_snapshot_older_than_a_day_is_none(hours: float | None, severity: str) -> None:
    taken_at = None if hours is None else NOON - timedelta(hours=hours)
    assert of("snapshot", snapshot_at=taken_at)[0] == severity


def test_members_of_different_versions_are_worth_a_look() -> None:
    assert of("versions", with_secondary(version="18.5")) == ("warning", "members run different versions: 18.4, 18.5")


def test_a_member_that_is_on_the_target_already_is_not_above_it() -> None:
    assert of("versions", with_secondary(version="18.6"))[0] == "warning"


def test_pending_parameters_are_named_once_per_member() -> None:
    pending = with_secondary(parameters=("pending-reboot", "in-sync", "pending-reboot"))
    assert of("parameters", pending) == ("warning", "parameters of orders-ap in ap-northeast-1 are pending-reboot")


def test_an_instances_own_parameters_count_too() -> None:
    applying = member(US).model_copy(update={"instances": (instance("orders-us-1", parameters=("applying",)),)})
    assert of("parameters", cluster(applying)) == ("warning", "parameters of orders-us in us-east-1 are applying")


def test_a_recovery_point_objective_can_stall_commits() -> None:
    assert of("rpo", rpo={US: 20, AP: -1}) == (
        "warning",
        "rds.global_db_rpo is 20 s in us-east-1: commits may stall while the secondary restarts",
    )


@pytest.mark.parametrize(
    ("check", "subject", "field"),
    [
        ("snapshot", "manual snapshots", "snapshot_at"),
        ("maintenance", "pending maintenance", "maintenance"),
        ("blue/green", "blue/green deployments", "blue_green"),
        ("rpo", "rds.global_db_rpo", "rpo"),
    ],
)
def test_what_aws_does_not_tell_is_unknown(check: str, subject: str, field: str) -> None:
    shown = facts().model_copy(update={field: HIDDEN})
    finding = found(shown)[check]
    assert (finding.severity, finding.text) == (
        "unknown",
        f"{subject} could not be read: AccessDenied from RDS in us-east-1",
    )


def test_a_secondary_whose_replication_rds_does_not_show_is_unknown() -> None:
    assert of("replication", with_secondary(synchronization=None)) == (
        "unknown",
        "RDS does not show the replication state of orders-ap in ap-northeast-1",
    )


def test_one_broken_replication_outweighs_one_that_is_not_shown() -> None:
    both = cluster(member(US), member(AP, synchronization=None), member(AP, synchronization="pending-resync"))
    assert of("replication", both)[0] == "blocker"


@pytest.mark.parametrize(
    "hidden", [member(AP, parameters=()), member(AP).model_copy(update={"instances": (instance("a", parameters=()),)})]
)
def test_parameters_that_rds_does_not_show_are_unknown(hidden: object) -> None:
    seen = cluster().model_copy(update={"members": (member(US), hidden)})
    assert of("parameters", seen) == (
        "unknown",
        "RDS does not show the parameter status of orders-ap in ap-northeast-1",
    )


members = st.builds(
    member,
    region=st.sampled_from([US, AP]),
    version=st.sampled_from(["18.4", "18.6", "18.7"]),
    instances=st.integers(0, 2),
    status=st.sampled_from(["available", "upgrading"]),
    synchronization=st.sampled_from([None, "connected", "pending-resync"]),
    parameters=st.sampled_from([(), ("in-sync",), ("pending-reboot",)]),
)
all_facts = st.builds(
    lambda seen, **other: facts(cluster(*seen), **other),
    st.lists(members, min_size=1, max_size=3),
    snapshot_at=st.sampled_from([None, HIDDEN, NOON, NOON - timedelta(days=2)]),
    maintenance=st.sampled_from([HIDDEN, (), (Maintenance(resource="a", region=US, action="b", applies_at=NOON),)]),
    blue_green=st.sampled_from([HIDDEN, (), ("next",)]),
    rpo=st.sampled_from([HIDDEN, {}, {US: 20}]),
)


@given(all_facts)
def test_every_check_speaks_once_and_the_gravest_first(shown: Facts) -> None:
    findings = preflight(shown, v("18.6"), NOON)
    assert {finding.check for finding in findings} == CHECKS
    assert len(findings) == len(CHECKS)
    gravity = [list(Severity).index(finding.severity) for finding in findings]
    assert gravity == sorted(gravity)
    assert blockers(findings) == findings[: gravity.count(0)]
    assert all(finding.text for finding in findings)


@given(all_facts)
def test_what_is_not_known_is_never_fine(shown: Facts) -> None:
    said = found(shown)
    fields = {
        "snapshot": shown.snapshot_at,
        "maintenance": shown.maintenance,
        "blue/green": shown.blue_green,
        "rpo": shown.rpo,
    }
    for check, fact in fields.items():
        assert (said[check].severity is Severity.UNKNOWN) == isinstance(fact, Unread)
    if any(not each.is_writer and each.synchronization is None for each in shown.cluster.members):
        assert said["replication"].severity in (Severity.UNKNOWN, Severity.BLOCKER)
    if any(not each.parameters for each in shown.cluster.members):
        assert said["parameters"].severity in (Severity.UNKNOWN, Severity.WARNING)
