"""A rehearsal keeps the picture that came with the report where somebody finds it."""

import tempfile
from pathlib import Path

import pytest

from sandbox.__main__ import _kept
from sandbox.account import file_of, report_of
from sandbox.slack import File, Message


def test_it_lies_beside_the_report_or_where_it_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    beside = _kept(b"a picture", tmp_path / "r.json")
    assert (beside, beside.read_bytes()) == (tmp_path / "r-strip.png", b"a picture")
    first, second = _kept(b"one", None), _kept(b"another", None)
    assert (first.name, first.read_bytes(), second.read_bytes()) == ("strip.png", b"one", b"another")


def test_of_several_files_of_a_name_the_last_one_counts() -> None:
    files = [
        File(id=name, name=name, title=name, content=told) for name, told in (("a", b"1"), ("b", b"2"), ("a", b"3"))
    ]
    thread = [Message(channel="C", ts=f"{at}.0", author="U", text="", files=(each,)) for at, each in enumerate(files)]
    assert (file_of(thread, "a"), file_of(thread, "c"), report_of(thread)) == (b"3", None, None)
