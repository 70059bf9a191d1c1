"""What is asked of Slack, AWS and PostgreSQL at deployment is what the product uses, and what the sandbox grants: no more, no less."""

import json
import re
from pathlib import Path

import boto3
import pytest

from bot.settings import REGION
from sandbox.slack.world import SCOPES

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def scopes_of_the_manifest() -> set[str]:
    """The list below `bot:`, read by hand: `- chat:write # and why`."""
    _, _, below = (DEPLOY / "slack-manifest.yaml").read_text().partition("\n    bot:\n")
    listed, _, _ = below.partition("\nsettings:")
    return set(re.findall(r"^ +- (\S+)", listed, re.MULTILINE))


def allowed(policy: str) -> set[str]:
    statements = json.loads((DEPLOY / "iam" / policy).read_text())["Statement"]
    actions = [each["Action"] for each in statements]
    return {name for each in actions for name in ([each] if isinstance(each, str) else each)}


def words_of_the_adapters() -> set[str]:
    return {
        word for path in (ROOT / "bot" / "adapters").glob("rds*.py") for word in re.findall(r"\w+", path.read_text())
    }


def test_the_sandbox_grants_the_scopes_that_the_manifest_asks_for() -> None:
    assert scopes_of_the_manifest() == SCOPES


def test_the_policies_allow_the_operations_that_the_adapters_call() -> None:
    """An operation is called by its name in boto3, so each word of the source that is such a name is one."""
    operations = boto3.client("rds", region_name="us-east-1").meta.method_to_api_mapping
    called = {f"rds:{operations[word]}" for word in words_of_the_adapters() & operations.keys()}
    assert allowed("reader.json") | allowed("operator.json") == called
    assert allowed("operator.json") == {"rds:ModifyGlobalCluster"}
    assert allowed("prober.json") == {"rds-db:connect"}
    assert "generate_db_auth_token" in words_of_the_adapters()  # what `connect` is for


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_regions_of_every_partition_are_regions(region: str) -> None:
    assert re.match(REGION, region)


@pytest.mark.parametrize("region", ["us-east", "us-east-1a", "US-EAST-1", "us-east-1,eu-west-1"])
def test_what_is_no_region_is_named_at_the_start(region: str) -> None:
    assert not re.match(REGION, region)


def test_the_role_is_made_for_a_password_unless_somebody_chooses_iam() -> None:
    """Run as it stands, the file must suit the default: a live GRANT of rds_iam would switch the password off."""
    lines = (DEPLOY / "sql" / "probe-role.sql").read_text().splitlines()
    live = [line for line in lines if line and not line.startswith("--")]
    assert live == [
        "CREATE ROLE aurora_probe LOGIN CONNECTION LIMIT 80;",
        "\\password aurora_probe",
        "GRANT pg_monitor TO aurora_probe;",
    ]
