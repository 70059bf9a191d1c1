"""The chain: who wrote each entry, and the hash of the entry before; the same as lines of text."""

import hashlib
import json

import pytest
from hypothesis import given

from bot.domain.chain import Chain, Link, person, seal, written
from bot.domain.timeline import ENTRY, Cancelled, Entry, Expired
from bot.domain.upgrade import Upgrade
from tests.domain.making import AKI, HOME, NOON, ORDERS, proposed, rds_said
from tests.domain.walking import walks


def test_each_link_names_the_hash_of_the_one_before() -> None:
    first, second = seal("", [("T0HOME/U0AKI", "{}"), ("worker", '{"kind":"expired"}')])
    assert (first.prev, second.prev) == ("", hashlib.sha256(b'["", "T0HOME/U0AKI", "{}"]').hexdigest())
    assert seal(first.hash, [("worker", '{"kind":"expired"}')]) == (second,)
    assert seal(first.hash, []) == ()


def test_the_hash_is_over_who_too() -> None:
    assert Link(who="web", prev="", entry="{}").hash != Link(who="worker", prev="", entry="{}").hash


def test_a_person_acted_or_nobody() -> None:
    assert person(proposed(), HOME) == "T0HOME/U0AKI"
    assert person(Cancelled(at=NOON, by=AKI), HOME) == "T0HOME/U0AKI"
    assert person(Cancelled(at=NOON, by=None), HOME) is None
    assert person(Expired(at=NOON), HOME) is None


@given(walks)
def test_what_is_written_is_read_and_written_again_to_the_byte(walked: tuple[Upgrade, tuple[Entry, ...]]) -> None:
    for entry in walked[1]:
        text = written(entry)
        assert ENTRY.validate_json(text) == entry
        assert json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False) == text


def test_lines_give_back_the_chain() -> None:
    told = (proposed(reason="line\u2028separator, 東京 and \x85"), rds_said("said\n"))
    links = seal("", [("worker", written(each)) for each in told])
    odd = (Link(entry='{"kind": "older"}'), Link(who="web", prev="x", entry="no JSON"), Link(entry="[1]"))
    chain = Chain(upgrade=ORDERS, links=(*links, *odd), head=links[-1].hash)
    lines = list(chain.lines())
    assert json.loads(lines[1])["entry"]["reason"].endswith("and \x85")
    assert json.loads(lines[0]) == {"upgrade": ORDERS, "head": chain.head}
    assert Chain.of_lines("\n".join(lines)) == Chain.of_lines("\n".join(lines) + "\n") == chain


@pytest.mark.parametrize("first", ["", "no JSON", "[]", "1", '{"upgrade":1}', '{"head":""}', "[" * 100_000])
def test_what_is_no_export_is_not_read(first: str) -> None:
    with pytest.raises(ValueError, match="its first line is not what `export` writes"):
        Chain.of_lines(f"{first}\n")


@pytest.mark.parametrize(
    "line", ["", "no JSON", "[1]", '{"who":"web"}', '{"entry": {}}', '{"entry":1,"who":2}', "[" * 100_000]
)
def test_a_line_that_no_export_writes_is_an_entry_that_nobody_can_read(line: str) -> None:
    made = Chain.of_lines(f'{{"upgrade":"{ORDERS}","head":""}}\n{line}\n\n')
    assert made.links == (Link(entry=line), Link(entry=""))
