"""The policy file: read anew every time, and when it cannot be read, nobody approves."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.policy_file import PolicyFile
from bot.domain.errors import Refused

RULE = '[[rule]]\nclusters = ["orders", "*-prod"]\nchannel = "C0DBOPS"\napprovers = ["S0DBA", "U0OLA"]\n'


def read(path: Path, text: str | bytes) -> PolicyFile:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return PolicyFile(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aurora.toml"


def test_a_rule_with_all_that_may_be_left_out(path: Path) -> None:
    rule = read(path, RULE).policy().rule_for("ORDERS")
    assert (rule.channel, rule.approvers, rule.approvals, rule.expires_after_minutes) == (
        "C0DBOPS", ("S0DBA", "U0OLA"), 1, 60,
    )  # fmt: skip


def test_the_first_rule_that_covers_a_cluster_holds_for_it(path: Path) -> None:
    policies = read(path, RULE + RULE.replace('"orders", ', '"*", ').replace("C0DBOPS", "C0OTHER"))
    assert [policies.policy().rule_for(each).channel for each in ("orders", "web-prod", "web-test")] == [
        "C0DBOPS", "C0DBOPS", "C0OTHER",
    ]  # fmt: skip


def test_a_change_counts_from_the_next_reading(path: Path) -> None:
    policies = read(path, RULE)
    assert policies.policy().rule_for("orders").approvals == 1
    read(path, RULE + "approvals = 2\n")
    assert policies.policy().rule_for("orders").approvals == 2
    path.unlink()
    with pytest.raises(Refused, match=r"aurora\.toml cannot be read \(No such file or directory\), so nobody"):
        policies.policy()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "rule: Field required"),
        ("rule = []", "rule: Tuple should have at least 1 item"),
        ("[[rule]\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (RULE + "approvals = 0\n", r"rule\.0\.approvals: Input should be greater than or equal to 1"),
        (RULE + "aprovals = 2\n", r"rule\.0\.aprovals: Extra inputs are not permitted"),
        (RULE.replace("C0DBOPS", "#db-ops"), r"rule\.0\.channel: String should match pattern"),
        (RULE.replace("S0DBA", "@dba"), r"rule\.0\.approvers\.0: String should match pattern"),
        (RULE.replace('"S0DBA", "U0OLA"', ""), r"rule\.0\.approvers: Tuple should have at least 1 item"),
        (RULE + "budget = 'soon'\n", r"rule\.0\.budget: a downtime budget is a time of at most 1 day with its unit"),
        (RULE + "budget = 5\n", r"rule\.0\.budget: a downtime budget has a unit, for instance 5 s, 800 ms or 1 min"),
        (RULE + "budget = '0 s'\n", r"rule\.0\.budget: a downtime budget of nothing could never be kept"),
        (RULE + "budget = []\n", r"rule\.0\.budget: Input should be a valid timedelta"),
        (RULE + "expires_after_minutes = 0\n", r"rule\.0\.expires_after_minutes: Input should be greater than 0"),
        (RULE + "needs = [{ approvers = ['S0DBA'] }]\n", r"rule\.0: write either approvers and approvals, or needs"),
        (RULE + "reason = 'always'\n", r"rule\.0\.reason: Input should be 'optional' or 'required'"),
        (RULE + "forbidden_regions = ['Tokyo']\n", r"rule\.0\.forbidden_regions\.0: String should match pattern"),
        (RULE + "hours = { zone = 'Asia/Edo', allowed = ['09:00-17:00'] }\n", r"hours\.zone: Asia/Edo is no time zone"),
        (
            RULE + "hours = { zone = 'Asia/Tokyo', allowed = ['nine to five'] }\n",
            r"allowed: 'nine to five' is no window",
        ),
        (RULE + "freezers = ['@sre']\n", r"rule\.0\.freezers\.0: String should match pattern"),
        (RULE + "expires_after_minutes = nan\n", r"rule\.0\.expires_after_minutes: Input should be"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_approves(path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(Refused, match=f"aurora.toml is .*{complaint}|{complaint}.*nobody can approve") as refused:
        read(path, text).policy()
    assert "nobody can approve" in refused.value.sentence
    assert "\n" not in refused.value.sentence


def test_a_directory_in_its_place_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"cannot be read \(Is a directory\)"):
        PolicyFile(tmp_path).policy()


def test_a_nesting_that_no_reader_bears_is_not_toml(path: Path) -> None:
    with pytest.raises(Refused, match="is not TOML"):
        read(path, "a = " + "[" * 100_000).policy()


def test_the_example_is_a_policy() -> None:
    """With all that can be written."""
    policy = PolicyFile(Path(__file__).parents[2] / "aurora.example.toml").policy()
    assert policy.freezers
    assert any(rule.needs and rule.hours and rule.forbidden_regions and rule.freezers for rule in policy.rule)
    assert {rule.reason for rule in policy.rule} == {"optional", "required"}
    assert {rule.budget for rule in policy.rule} == {None, timedelta(seconds=5)}


def test_no_rule_means_nobody(path: Path) -> None:
    with pytest.raises(Refused, match=r"No rule of aurora\.toml covers `billing`"):
        read(path, RULE).policy().rule_for("billing")
