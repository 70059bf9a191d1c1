"""What a global cluster is made of, and when it has settled."""

import pytest

from bot.domain.plan import make_plan
from bot.domain.topology import Endpoint, GlobalCluster, Member, Role
from tests.domain.making import ACCOUNT, AP, US, cluster, instance, member, v


def test_the_account_and_the_members_are_read_off_the_cluster() -> None:
    both = cluster()
    assert both.account == ACCOUNT
    assert both.regions == (US, AP)
    assert both.writer == member(US)
    assert cluster(member(US, role=Role.SECONDARY)).writer is None


def test_the_writer_is_measured_at_its_cluster_endpoint_and_a_secondary_at_its_reader_endpoint() -> None:
    assert cluster().endpoints == (
        Endpoint(region=US, use="writer", host="orders.cluster-x.us-east-1.rds.amazonaws.com", port=5432),
        Endpoint(region=AP, use="reader", host="orders.cluster-ro-x.ap-northeast-1.rds.amazonaws.com", port=5432),
    )
    assert [endpoint.key for endpoint in cluster().endpoints] == ["us-east-1/writer", "ap-northeast-1/reader"]


@pytest.mark.parametrize(
    ("of", "host"),
    [
        (member(AP, reader_endpoint=None), "orders.cluster-x.ap-northeast-1.rds.amazonaws.com"),
        (member(AP, reader_endpoint=None, endpoint=None), None),
        (member(US, endpoint=None), None),
    ],
)
def test_without_its_usual_endpoint_a_secondary_has_another_and_a_writer_none(of: Member, host: str | None) -> None:
    measured_at = of.measured_at
    assert (measured_at and measured_at.host) == host
    assert cluster(of).endpoints == (() if measured_at is None else (measured_at,))


def test_events_belong_to_the_cluster_and_its_instances_in_their_region() -> None:
    assert cluster(member(US, instances=2), member(AP)).arns(US) == {
        f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:orders-us",
        f"arn:aws:rds:us-east-1:{ACCOUNT}:db:orders-us-1",
        f"arn:aws:rds:us-east-1:{ACCOUNT}:db:orders-us-2",
    }


@pytest.mark.parametrize(
    ("seen", "settled"),
    [
        (cluster(version="18.6"), True),
        (cluster(version="18.6.1"), True),
        (cluster(version="18.4"), False),
        (cluster(member(US, "18.6"), member(AP, "18.6"), version="18.4"), False),
        (cluster(version="18.6", status="upgrading"), False),
        (cluster(member(US, "18.6"), member(AP, "18.4"), version="18.6"), False),
        (cluster(member(US, "18.6"), member(AP, "18.6", status="upgrading"), version="18.6"), False),
        (cluster(member(US, "18.6", instances=0).model_copy(update={"instances": (instance("a"),)}), version="18.6"), False),
        (
            cluster(
                member(US, "18.6").model_copy(update={"instances": (instance("a", version="18.6", status="rebooting"),)}),
                version="18.6",
            ),
            False,
        ),
        (cluster(version="18.6").model_copy(update={"members": ()}), False),
    ],
)  # fmt: skip
def test_settled_is_the_global_cluster_every_member_and_every_instance(seen: GlobalCluster, *, settled: bool) -> None:
    assert seen.is_settled_on(v("18.6")) == settled


def test_a_version_is_shown_as_rds_writes_it_and_a_hidden_region_as_such() -> None:
    assert (cluster().runs, member().runs, cluster().unread) == ("18.4", "18.4", None)
    mysql, hidden = "8.0.mysql_aurora.3.08.0", member(AP, unread="AccessDenied")
    assert cluster(version_text=mysql).runs == member(version_text=mysql).runs == mysql
    assert cluster(member(), hidden).unread == "AccessDenied"


def test_instances_are_measured_by_themselves_where_the_rule_wishes_it() -> None:
    one, other = (instance(f"orders-us-{n}", endpoint=host) for n, host in ((1, "one.us"), (2, None)))
    seen = cluster(member(US).model_copy(update={"instances": (one, other)}), member(AP))
    assert [each.key for each in make_plan(seen, v("18.6")).endpoints] == ["us-east-1/writer", "ap-northeast-1/reader"]
    wished = make_plan(seen, v("18.6"), "instances")
    assert [each.key for each in wished.endpoints][2:] == ["us-east-1/orders-us-1"]
    assert (wished.endpoints[2].host, wished.endpoints[2].port) == ("one.us", 5432)
    assert wished.digest == make_plan(seen, v("18.6")).digest
