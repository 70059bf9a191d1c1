"""A plan and its digest: an approval is for exactly this."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import Account, Region
from bot.domain.plan import Plan, differences, make_plan
from bot.domain.topology import GlobalCluster, Role
from tests.domain.making import AP, EU, US, cluster, instance, member, plan, v


def test_the_plan_says_what_happens_to_each_member() -> None:
    made = plan(cluster(member(US, instances=2), member(AP)))
    assert (made.global_cluster, made.account, str(made.from_version), str(made.target)) == (
        "orders", "123456789012", "18.4", "18.6",
    )  # fmt: skip
    assert [(step.region, step.role, step.instances) for step in made.steps] == [
        (US, Role.WRITER, ("orders-us-1", "orders-us-2")),
        (AP, Role.SECONDARY, ("orders-ap-1",)),
    ]
    assert {str(step.to_version) for step in made.steps} == {"18.6"}
    assert made.regions == (US, AP)
    assert made.writer_region == US
    assert [endpoint.key for endpoint in made.endpoints] == ["us-east-1/writer", "ap-northeast-1/reader"]


def test_the_order_is_given_where_the_writer_is_now() -> None:
    switched = cluster(member(US, role=Role.SECONDARY, synchronization="connected"), member(AP, role=Role.WRITER))
    assert plan(switched).writer_region == AP


def changed(**other: object) -> Plan:
    return plan().model_copy(update=other)


def with_writer(**other: object) -> GlobalCluster:
    return cluster(member(US).model_copy(update=other), member(AP))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (plan(target="18.5"), ("the target is 18.5, not 18.6",)),
        (plan(cluster(member(US))), ("orders-ap in ap-northeast-1 is no longer a member",)),
        (plan(cluster(member(US), member(AP), member(EU))), ("orders-eu in eu-west-1 is a new member",)),
        (plan(with_writer(engine_version=v("18.5"))), ("orders-us in us-east-1 runs 18.5 now, not 18.4",)),
        (
            plan(with_writer(role=Role.SECONDARY)),
            ("orders-us in us-east-1 is secondary now, not writer",),
        ),
        (
            plan(with_writer(instances=(instance("orders-us-2"),))),
            (
                "instance orders-us-1 is gone from orders-us in us-east-1",
                "instance orders-us-2 is new in orders-us in us-east-1",
            ),
        ),
        (
            plan(cluster(member(AP), member(US))),
            ("the order of its members changed",),
        ),
        (
            plan(cluster(member(US), member(AP), version="18.5")),
            ("the global cluster runs 18.5, not 18.4",),
        ),
        (changed(account=Account("999999999999")), ("it is orders of account 999999999999 now",)),
    ],
)
def test_what_is_not_as_it_was_approved_is_said_item_by_item(now: Plan, said: tuple[str, ...]) -> None:
    assert differences(plan(), now) == said
    assert now.digest != plan().digest


def test_two_members_of_the_same_name_in_two_regions_are_two() -> None:
    """Cluster identifiers are unique within a Region only."""
    both = cluster(member(US, identifier="orders"), member(AP, identifier="orders"))
    only_one = cluster(member(US, identifier="orders"))
    assert differences(plan(both), plan(only_one)) == ("orders in ap-northeast-1 is no longer a member",)
    moved_on = cluster(member(US, "18.5", identifier="orders"), member(AP, identifier="orders"), version="18.4")
    assert differences(plan(both), plan(moved_on)) == ("orders in us-east-1 runs 18.5 now, not 18.4",)


def test_how_to_reach_it_and_how_it_does_are_not_what_is_done() -> None:
    elsewhere = with_writer(endpoint="other.example", port=6432, status="backing-up", synchronization="connected")
    assert plan(elsewhere).digest == plan().digest
    assert differences(plan(), plan(elsewhere)) == ()


shapes = st.lists(
    st.builds(
        member,
        region=st.sampled_from([US, AP, EU]),
        version=st.sampled_from(["18.4", "18.5"]),
        instances=st.integers(min_value=0, max_value=2),
        identifier=st.sampled_from(["orders", "stock"]),
        status=st.sampled_from(["available", "upgrading"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.region,
)
plans = st.builds(
    lambda members, version, target: make_plan(cluster(*members, version=version), v(target)),
    shapes, st.sampled_from(["18.4", "18.5"]), st.sampled_from(["18.5", "18.6"]),
)  # fmt: skip


def steps(made: Plan) -> list[tuple[object, ...]]:
    return [(step.region, step.cluster, step.role, str(step.from_version), step.instances) for step in made.steps]


def head(made: Plan) -> tuple[str, ...]:
    return made.global_cluster, made.account, str(made.from_version), str(made.target)


@given(plans, plans)
def test_the_digest_changes_exactly_when_what_is_done_changes_and_then_something_is_said(one: Plan, two: Plan) -> None:
    same = head(one) == head(two) and steps(one) == steps(two)
    assert (one.digest == two.digest) == same
    assert bool(differences(one, two)) == (one.digest != two.digest)


@given(plans, plans)
def test_only_a_changed_order_is_called_that(one: Plan, two: Plan) -> None:
    if "the order of its members changed" in differences(one, two):
        assert head(one) == head(two)
        assert sorted(steps(one), key=str) == sorted(steps(two), key=str)


@given(plans)
def test_a_plan_survives_the_store(made: Plan) -> None:
    again = Plan.model_validate_json(made.model_dump_json())
    assert again == made
    assert again.digest == made.digest
    assert len(made.digest) == 16


@pytest.mark.parametrize("reorder", [lambda each: each, lambda each: tuple(reversed(each))])
def test_the_order_in_which_rds_lists_instances_changes_nothing(
    reorder: Callable[[tuple[object, ...]], tuple[object, ...]],
) -> None:
    two = member(US, instances=2)
    listed = two.model_copy(update={"instances": reorder(two.instances)})
    assert plan(cluster(listed)).digest == plan(cluster(two)).digest


def test_the_region_is_part_of_what_is_done() -> None:
    moved = cluster(member(US), member(Region("eu-west-1"), identifier="orders-ap", instances=0))
    still = cluster(member(US), member(AP, instances=0))
    assert plan(moved).digest != plan(still).digest
