"""The one order: at most one request, and an answer for every way in which it can end."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs

import pytest

from bot.adapters import rds_wire
from bot.adapters.rds import FRESH_FOR, RdsAurora
from bot.domain.ids import Account, Region
from bot.domain.plan import Plan, Step
from bot.domain.topology import Role
from bot.domain.version import EngineVersion
from bot.ports.aurora import Accepted, NoAnswer, Rejected
from tests.adapters.aws import Dead, error, http, rude, serving

pytest_plugins = ["tests.adapters.aws_fixtures"]
pytestmark = pytest.mark.usefixtures("aws_environment")

FROM, TO = EngineVersion(18, 4), EngineVersion(18, 6)
NOT_ROLLED_OUT = (
    "ModifyGlobalCluster doesn't support minor version upgrades for Aurora global databases. To upgrade to a newer "
    "minor version, call ModifyDBCluster for each member of your global cluster."
)
MAJOR_ONLY = (
    "ModifyGlobalCluster only supports Major Version Upgrades. To patch the members of your global cluster to a newer "
    "minor version you need to call ModifyDbCluster in each one of them."
)
NOT_FOR_MYSQL = "Amazon RDS can't perform minor version upgrades through ModifyGlobalCluster for this database engine."


def step(region: str, role: Role) -> Step:
    return Step(
        region=Region(region), cluster=f"orders-{region}", role=role, from_version=FROM, to_version=TO, instances=()
    )


SECONDARY, WRITER = step("us-east-1", Role.SECONDARY), step("ap-northeast-1", Role.WRITER)
PLAN = Plan(
    global_cluster="orders",
    account=Account("123456789012"),
    from_version=FROM,
    target=TO,
    steps=(SECONDARY, WRITER),
    endpoints=(),
)


@pytest.fixture
async def rds() -> AsyncIterator[RdsAurora]:
    aurora = RdsAurora("us-east-1", Dead(), FRESH_FOR)
    yield aurora
    await aurora.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_it_is_given_once_from_the_writers_region_for_a_minor_version(
    rds: RdsAurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as (aws, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", url)
        assert await rds.order(PLAN) == Accepted()
    (call,) = aws.calls
    assert (call.operation, call.region) == ("ModifyGlobalCluster", "ap-northeast-1")
    assert dict(call.params) == {"GlobalClusterIdentifier": "orders", "EngineVersion": "18.6"}
    assert [(each.global_cluster, each.version) for each in aws.account.orders] == [("orders", "18.6")]


async def test_what_goes_over_the_wire(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = "<ModifyGlobalClusterResponse><ModifyGlobalClusterResult/></ModifyGlobalClusterResponse>"
    with rude(http("200 OK", taken)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        assert await rds.order(PLAN) == Accepted()
    assert [parse_qs(each.decode()) for each in server.requests] == [
        {
            "Action": ["ModifyGlobalCluster"],
            "Version": ["2014-10-31"],
            "GlobalClusterIdentifier": ["orders"],
            "EngineVersion": ["18.6"],
        }
    ]
    assert b"aurora-upgrade-bot" in server.heads[0]


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        ("400 Bad Request", "InvalidParameterValue", NOT_ROLLED_OUT),
        ("400 Bad Request", "InvalidParameterValue", MAJOR_ONLY),
        ("400 Bad Request", "InvalidParameterValue", NOT_FOR_MYSQL),
        ("400 Bad Request", "InvalidGlobalClusterStateFault", "Global cluster orders is upgrading"),
        ("400 Bad Request", "Throttling", "Rate exceeded"),
        ("403 Forbidden", "AccessDenied", "User: arn:aws:iam::123456789012:user/bot is not authorized"),
        ("404 Not Found", "GlobalClusterNotFoundFault", "Global cluster orders not found."),
    ],
)
async def test_a_refusal_is_aws_own_code_and_words(
    rds: RdsAurora, monkeypatch: pytest.MonkeyPatch, status: str, code: str, message: str
) -> None:
    with rude(http(status, error(code, message))) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        assert await rds.order(PLAN) == Rejected(code, message)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "ConnectionClosedError: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<Modify", "ResponseParserError: "),
        (http("200 OK", "<html>Welcome to our proxy"), "ResponseParserError: "),
        (http("307 Temporary Redirect", error("Moved", "Elsewhere")), "Moved (HTTP 307): Elsewhere"),
        (http("500 Internal Server Error", error("InternalFailure", "Oops")), "InternalFailure (HTTP 500): Oops"),
        (http("503 Service Unavailable", error("ServiceUnavailable", "Later")), "ServiceUnavailable (HTTP 503): Later"),
        (http("503 Service Unavailable", error("Throttling", "Rate exceeded")), "Throttling (HTTP 503): Rate"),
        (http("502 Bad Gateway", "<html>"), ""),
    ],
)
async def test_a_lost_or_doubtful_answer_is_no_answer_and_nothing_is_sent_again(
    rds: RdsAurora, monkeypatch: pytest.MonkeyPatch, reply: bytes, why: str
) -> None:
    with rude(reply) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        answer = await rds.order(PLAN)
        await asyncio.sleep(0.2)
    assert isinstance(answer, NoAnswer)
    assert answer.why.startswith(why)
    assert len(server.requests) == 1


async def test_silence_is_no_answer(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rds_wire.ORDER, "read_timeout", 0.3)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    with rude(silent=True) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        answer = await rds.order(PLAN)
        await asyncio.sleep(0.5)
    assert isinstance(answer, NoAnswer)
    assert answer.why.startswith("ReadTimeoutError: ")
    assert len(server.requests) == 1


async def test_where_nothing_listens_nothing_was_sent(
    rds: RdsAurora, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", f"http://127.0.0.1:{closed_port}")
    answer = await rds.order(PLAN)
    assert isinstance(answer, Rejected)
    assert answer.code == "EndpointConnectionError"
    assert answer.message.startswith("The order was not sent: Could not connect")


async def test_a_name_that_does_not_resolve_was_sent_nothing(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", "http://rds.invalid")
    monkeypatch.setenv("NO_PROXY", "*")
    answer = await rds.order(PLAN)
    assert isinstance(answer, Rejected)
    assert answer.code == "EndpointConnectionError"


async def test_without_credentials_nothing_is_sent(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with rude() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        answer = await rds.order(PLAN)
    assert answer == Rejected("NoCredentials", "The order was not sent: Unable to locate credentials")
    assert server.requests == []


async def test_a_malformed_endpoint_or_a_plan_without_writer_sends_nothing(
    rds: RdsAurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", "nonsense")
    assert isinstance(await rds.order(PLAN), Rejected)
    answer = await rds.order(PLAN.model_copy(update={"steps": (SECONDARY,)}))
    assert answer == Rejected("NoWriter", "The order was not sent: the plan names no writer.")


async def test_an_order_that_comes_late_is_not_sent(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rds_wire, "SEND_WITHIN", 0.0)
    with rude() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        answer = await rds.order(PLAN)
    assert answer == Rejected("Withdrawn", "The order was not sent: it was not ready within 0 s")
    assert server.requests == []


async def test_an_order_whose_caller_is_gone_is_not_sent(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that ended while credentials were looked for: another turn may by now have called this order lost."""
    make = rds_wire.RdsWire._make

    def slowly(*arguments: object) -> object:
        time.sleep(0.3)
        return make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rds_wire.RdsWire, "_make", slowly)
    with rude() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await rds.order(PLAN)
        await asyncio.sleep(1)
    assert server.requests == []


async def test_an_order_does_not_wait_for_reads(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    with rude(silent=True, expect=8) as silence, serving() as (_, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", silence.url)
        reads = [asyncio.create_task(rds.global_cluster(f"orders-{n}", fresh=True)) for n in range(20)]
        assert await asyncio.to_thread(silence.got.wait, 5)
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", url)
        assert await rds.order(PLAN) == Accepted()
        for read in reads:
            read.cancel()
        silence.released.set()
        await asyncio.gather(*reads, return_exceptions=True)


async def test_after_closing_nothing_is_sent(rds: RdsAurora) -> None:
    await rds.close()
    answer = await rds.order(PLAN)
    assert isinstance(answer, Rejected)
    assert answer.message.startswith("The order was not sent: ")
