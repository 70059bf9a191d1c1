"""What is said when AWS gives no answer, without secrets; and tokens."""

import socket
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.adapters import rds_shelf
from bot.adapters.rds import RdsAurora
from bot.adapters.rds_tokens import IamTokens
from bot.adapters.rds_trouble import clean
from bot.adapters.rds_wire import READ
from bot.domain.errors import Unavailable
from bot.domain.preflight import blockers, preflight
from bot.domain.topology import Endpoint
from bot.domain.version import EngineVersion
from tests.adapters.aws import AP, DENIED, EU, NOW, US, Aws, error, http, rude

pytest_plugins = ["tests.adapters.aws_fixtures"]
pytestmark = pytest.mark.usefixtures("aws_environment")


@pytest.mark.parametrize("code", ["AccessDenied", "ThrottlingException"])
async def test_what_aws_refuses_is_said_with_its_code_and_region(aws: Aws, rds: RdsAurora, code: str) -> None:
    aws.refuse("DescribeDBClusters", code, DENIED, AP)
    with pytest.raises(Unavailable) as trouble:
        await rds.global_cluster("orders")
    assert (trouble.value.what, trouble.value.code, trouble.value.detail) == ("AWS RDS in ap-northeast-1", code, DENIED)
    with pytest.raises(Unavailable, match=code):
        await rds.global_cluster("orders", fresh=True)


async def test_a_region_that_cannot_be_read_hides_its_own_members_only(aws: Aws, rds: RdsAurora) -> None:
    aws.refuse("DescribeDBClusters", "AccessDenied", DENIED, EU)
    shown = {each.identifier: each for each in await rds.global_clusters()}
    assert [shown["orders"].unread, shown["sessions"].unread] == [None, None]
    writer, hidden = shown["billing"].members
    assert (writer.identifier, writer.status) == ("billing-us", "available")
    assert (hidden.identifier, hidden.region, hidden.unread) == ("billing-eu", EU, "AccessDenied")


async def test_nobody_takes_what_is_not_shown_for_fine(aws: Aws, rds: RdsAurora) -> None:
    aws.refuse("DescribeDBInstances", "AccessDenied", DENIED, EU)
    (billing,) = await rds.global_clusters({"billing"})
    assert billing.status == "available"
    assert not billing.is_settled_on(billing.engine_version)
    grave = blockers(preflight(await rds.facts(billing), EngineVersion(17, 10), NOW))
    assert grave[0].text == "billing-eu in eu-central-1 is not shown (AccessDenied)"
    for fresh in (False, True):
        with pytest.raises(Unavailable, match="AWS RDS in eu-central-1: AccessDenied"):
            await rds.global_cluster("billing", fresh=fresh)


async def test_being_prepared_asks_nobody_and_leaves_trouble_to_the_first_question(
    aws: Aws, rds: RdsAurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as astray:
        astray.setenv("AWS_ENDPOINT_URL_RDS", "nowhere")
        await rds.prepare()
        with pytest.raises(Unavailable, match="AWS RDS in us-east-1: ValueError"):
            await rds.global_cluster("orders", fresh=True)
    await rds.prepare()
    assert aws.calls == []
    assert await rds.names()


async def test_a_list_that_is_denied_is_not_an_empty_one(aws: Aws, rds: RdsAurora) -> None:
    aws.refuse("DescribeGlobalClusters", "AccessDenied", DENIED)
    for fresh in (False, True):
        with pytest.raises(Unavailable, match="AWS RDS in us-east-1: AccessDenied"):
            await rds.global_cluster("orders", fresh=fresh)


async def test_an_unreachable_endpoint_is_said_soon(lonely: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", f"http://someone:hunter2@127.0.0.1:{bound.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(Unavailable) as trouble:
            await lonely.global_clusters()
    assert trouble.value.code == "EndpointConnectionError"
    assert "hunter2" not in str(trouble.value)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"", "ConnectionClosedError"),
        (http("200 OK", "<html>Welcome to our proxy"), "ResponseParserError"),
        (http("503 Service Unavailable", error("ServiceUnavailable", "Try later")), "ServiceUnavailable"),
    ],
)
async def test_a_bad_answer_is_unavailable_after_two_tries_at_most(
    lonely: RdsAurora, monkeypatch: pytest.MonkeyPatch, reply: bytes, code: str
) -> None:
    with rude(reply) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        with pytest.raises(Unavailable) as trouble:
            await lonely.global_clusters()
    assert trouble.value.code == code
    assert 1 <= len(server.requests) <= 2


async def test_a_silent_aws_is_named_while_there_is_time_to_say_so(
    lonely: RdsAurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = READ["retries"]["total_max_attempts"]
    assert READ["read_timeout"] * tries < 12
    monkeypatch.setitem(READ, "read_timeout", 0.5)
    began = time.monotonic()
    with rude(silent=True) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", server.url)
        with pytest.raises(Unavailable, match="AWS RDS in us-east-1: ReadTimeoutError"):
            await lonely.global_clusters()
        assert time.monotonic() - began < 5 * tries  # it did not wait as long as it may otherwise
    assert len(server.requests) == tries == 2


async def test_without_credentials_and_then_with_them(rds: RdsAurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rds_shelf, "NOT_AGAIN", timedelta())
    with monkeypatch.context() as without:
        without.delenv("AWS_ACCESS_KEY_ID")
        without.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(Unavailable, match="AWS RDS in us-east-1: NoCredentials"):
            await rds.global_clusters()
    assert len(await rds.global_clusters()) == 5


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("The Canonical String should have been 'POST\nx-amz-security-token:IQoJb3JpZ2luX2VjEX//w==\nhost'", "IQoJ"),
        ("Could not connect to https://h/?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F1&X-Amz-Signature=deadbeef01", "deadbeef01"),
        ("The key AKIAIOSFODNN7EXAMPLE is unknown", "AKIA"),
        ("Cannot read {'SecretAccessKey': 'wJalrXUtnFEMI'}", "wJalr"),
        ("via http://me:hunter2@proxy:3128", "hunter2"),
        ("token " + "Ab1/" * 50, "Ab1/Ab1/"),
    ],
)  # fmt: skip
def test_no_secret_gets_into_a_text(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in clean(text)
    assert len(clean(text * 99)) <= 501


async def test_a_token_is_signed_for_the_region_of_the_endpoint_and_kept() -> None:
    tokens = IamTokens()
    endpoint = Endpoint(
        region=AP, use="reader", host="orders-ap.cluster-def.ap-northeast-1.rds.amazonaws.com", port=5432
    )
    token = await tokens.auth_token(endpoint, "aurora_probe")
    url = urlsplit(f"https://{token}")
    asked = parse_qs(url.query)
    assert (url.hostname, url.port, asked["DBUser"]) == (endpoint.host, 5432, ["aurora_probe"])
    assert asked["X-Amz-Credential"][0].split("/")[2:4] == [AP, "rds-db"]
    assert await tokens.auth_token(endpoint, "aurora_probe") is token
    assert await tokens.auth_token(endpoint, "another") != token
    tokens.close()


async def test_a_token_that_was_refused_is_not_used_again() -> None:
    tokens = IamTokens()
    endpoint, other = (Endpoint(region=US, use="writer", host=host, port=5432) for host in ("h", "i"))
    refused, kept = await tokens.auth_token(endpoint, "aurora_probe"), await tokens.auth_token(other, "aurora_probe")
    tokens.forget(endpoint, "aurora_probe")
    tokens.forget(endpoint, "aurora_probe")
    assert await tokens.auth_token(endpoint, "aurora_probe") is not refused
    assert await tokens.auth_token(other, "aurora_probe") is kept
    tokens.close()


async def test_a_token_is_made_anew_in_time_and_needs_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = IamTokens(keep=timedelta(0))
    endpoint = Endpoint(region=US, use="writer", host="h", port=5432)
    first = await tokens.auth_token(endpoint, "aurora_probe")
    assert await tokens.auth_token(endpoint, "aurora_probe") is not first
    tokens.close()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    bare = IamTokens()
    with pytest.raises(Unavailable, match="NoCredentials"):
        await bare.auth_token(endpoint, "aurora_probe")
    bare.close()
