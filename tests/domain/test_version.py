"""Versions are numbers with dots, and a typing error gets a helping word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bot.domain.suggest import closest
from bot.domain.version import EngineVersion

parse = EngineVersion.parse
numbers = st.integers(min_value=0, max_value=999_999)
versions = st.builds(EngineVersion, numbers, numbers, st.none() | numbers)


class Plan(BaseModel):
    target: EngineVersion
    steps: dict[EngineVersion, str] = {}


def test_ten_comes_after_nine() -> None:
    assert parse("17.10") > parse("17.9")
    assert [str(v) for v in sorted(map(parse, ["18.1", "17.10", "17.5.4", "17.9", "17.5", "17.5.10"]))] == [
        "17.5",
        "17.5.4",
        "17.5.10",
        "17.9",
        "17.10",
        "18.1",
    ]


def test_a_minor_version_comes_before_all_its_patches() -> None:
    assert parse("17.5") < parse("17.5.0") < parse("17.5.4") < parse("17.6")


def test_the_patch_can_be_left_out() -> None:
    assert parse("17.5.4").minor_version == parse("17.5")
    assert parse("17.5.4").same_minor(parse("17.5.2"))
    assert not parse("17.5.4").same_minor(parse("17.4.4"))


def test_white_space_around_a_version_does_not_count() -> None:
    assert parse(" 17.5\n") == EngineVersion(17, 5)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("", "No version was given: write one like 17.5."),
        ("   ", "No version was given: write one like 17.5."),
        ("17", "`17` is only a major version: name the minor version too, like 17.5."),
        ("v17.5", "`v17.5` is not an engine version: write it in digits, like 17.5 or 17.5.4."),
        ("16.4-limitless", "`16.4-limitless` is a version of Aurora Limitless Database, which is not upgraded here."),
        ("17. 5", "`17. 5` is not an engine version: write it in digits, like 17.5 or 17.5.4."),
        ("1" * 60 + "x", f"`{'1' * 40}…` is not an engine version: write it in digits, like 17.5 or 17.5.4."),
    ],
)
def test_what_is_no_version_is_answered_with_a_sentence(written: str, answer: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 -- the whole sentence is compared
        parse(written)
    assert str(refusal.value) == answer


@pytest.mark.parametrize("written", ["17.05", "17.5.4.1", "-17.5", "17.5.", "１７.５", "17,5", "17.5-1", "17.1234567"])
def test_near_misses_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not an engine version"):
        parse(written)


@given(versions)
def test_text_and_version_are_the_same_thing(version: EngineVersion) -> None:
    assert parse(str(version)) == version
    assert hash(parse(str(version))) == hash(version)


@given(versions, versions)
def test_the_order_is_total(one: EngineVersion, other: EngineVersion) -> None:
    assert (one < other) + (one == other) + (one > other) == 1
    assert (one <= other) == (not one > other)


def test_a_version_is_compared_with_versions_only() -> None:
    with pytest.raises(TypeError):
        assert EngineVersion(17, 5) < "17.5"


def test_a_version_travels_through_json_as_its_text() -> None:
    plan = Plan(target=parse("17.5"), steps={parse("17.5.4"): "after"})
    assert plan.model_dump_json() == '{"target":"17.5","steps":{"17.5.4":"after"}}'
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert Plan.model_validate({"target": "17.5", "steps": {"17.5.4": "after"}}) == plan
    assert plan.model_dump(mode="json")["target"] == "17.5"
    assert Plan.model_json_schema()["properties"]["target"]["type"] == "string"


def test_json_with_a_wrong_version_is_refused_with_the_same_sentence() -> None:
    with pytest.raises(ValidationError, match=r"write it in digits, like 17\.5 or 17\.5\.4"):
        Plan.model_validate_json('{"target": "v17.5"}')


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("18.60", "18.6"), ("ordres", "orders"), ("ORDERS", "orders"), (" 18.6 ", "18.6"), ("zebra", None), ("", None)],
)
def test_a_typing_error_finds_the_nearest_legal_word(wanted: str, meant: str | None) -> None:
    assert closest(wanted, ["18.5", "18.6", "orders", "Payments"]) == meant


def test_a_suggestion_keeps_the_legal_spelling() -> None:
    assert closest("paymnets", ["Payments"]) == "Payments"


@given(st.text(max_size=5000))
def test_any_text_at_all_can_be_asked_about(wanted: str) -> None:
    assert closest(wanted, ["18.6"]) in (None, "18.6")
