"""`make` sets up what it needs, also over what an interrupted setup left behind; with a Python that only pretends."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRETENDER = """\
#!/bin/sh
case "$1 $2" in
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; touch "$3/pip"; echo made a venv ;;
"-m pip") test -e "${0%/bin/*}/pip" || exit 1
    test "$3" = --version && exit 0
    printf '#!/bin/sh\\necho uv "$1"\\n' >"${0%/*}/uv"; chmod +x "${0%/*}/uv"; echo installed uv ;;
esac
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def nothing(_: Path) -> None:
    pass


def without_pip(venv: Path) -> None:
    program(venv / "bin" / "python", PRETENDER)


def of_a_python_that_is_gone(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/nowhere/python")


def with_half_a_uv(venv: Path) -> None:
    without_pip(venv)
    (venv / "pip").touch()
    program(venv / "bin" / "uv", "exit 1")


def that_lacks_nothing(venv: Path) -> None:
    without_pip(venv)
    program(venv / "bin" / "uv", '#!/bin/sh\necho uv "$1"\n')


@pytest.mark.parametrize(
    ("left", "done"),
    [
        (nothing, ["made a venv", "installed uv"]),
        (without_pip, ["made a venv", "installed uv"]),
        (of_a_python_that_is_gone, ["made a venv", "installed uv"]),
        (with_half_a_uv, ["installed uv"]),
        (that_lacks_nothing, []),
    ],
)
def test_a_setup_carries_on_from_whatever_is_there(
    left: Callable[[Path], None], done: list[str], tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    left(venv)
    pretender = program(tmp_path / "python3", PRETENDER)
    make = ["make", "--silent", "setup", f"VENV={venv}", f"PYTHON={pretender}"]
    said = subprocess.run(make, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said == [*done, f"Installing into {venv} …", "uv sync"]
    assert (venv / ".ready").exists()
