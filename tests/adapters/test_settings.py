"""What is wrong with a setting is said in a sentence that names it."""

from pathlib import Path

import pytest

from bot.domain.attempts import AT_ONCE
from bot.settings import ProberSettings, read


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    told = {
        "REDIS_URL": "redis://localhost", "PROBE_REGIONS": "us-east-1", "PROBE_SSLROOTCERT": str(bundle),
        "PROBE_AUTH": "iam",
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_as_many_attempts_at_once_as_the_role_has_connections_for(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PROBE_DEADLINE_SECONDS", "5")
    assert read(ProberSettings).probe_hot_rate * 5 == AT_ONCE


@pytest.mark.parametrize("rate", ["PROBE_CALM_RATE", "PROBE_HOT_RATE"])
def test_more_attempts_at_once_are_refused(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rate: str
) -> None:
    environment.setenv(rate, "11")
    with pytest.raises(SystemExit):
        read(ProberSettings)
    assert capsys.readouterr().err == (
        f"PROBE_DEADLINE_SECONDS: 5 s at {rate}=11 are 55 connections at once to an endpoint that is silent; "
        "lower one of the two, for no more than 50 are made\n"
    )
