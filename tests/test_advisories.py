"""What the audit of the lock file says: that there is something, that there is nothing, or that nobody could be asked."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNREACHABLE = """\
error: Request failed after 3 retries
  cause: error sending request for url (https://api.osv.dev/v1/querybatch)
  cause: client error (Connect)
  cause: dns error
"""
SENTENCE = (
    "audit: the advisories of osv.dev cannot be reached from here, so nothing is known about the packages in uv.lock.\n"
)


def audited(tmp_path: Path, said: str, status: int) -> tuple[int, str, str]:
    """With a uv that only pretends; its words are those of uv 0.13.9."""
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\ncat <<'END' >&2\n{said}END\nexit {status}\n")
    uv.chmod(0o755)
    ended = subprocess.run(
        [ROOT / ".ci" / "audit"],
        env={"PATH": "/usr/bin:/bin", "UV": str(uv)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    "said", [UNREACHABLE, "error: Auditing requires network access and cannot be performed in offline mode\n"]
)
def test_advisories_that_cannot_be_reached_are_no_good_news(said: str, tmp_path: Path) -> None:
    assert audited(tmp_path, said, 2) == (3, "", SENTENCE)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Found no known vulnerabilities and no adverse project statuses in 150 packages\n", 0),
        ("idna 3.4 has 1 known vulnerability:\n\n- PYSEC-2024-60: a request failed\n", 1),
        ("error: Unable to find lockfile at `uv.lock`\n", 2),
    ],
)
def test_what_the_advisories_say_is_passed_on(said: str, status: int, tmp_path: Path) -> None:
    assert audited(tmp_path, said, status) == (status, said, "")
