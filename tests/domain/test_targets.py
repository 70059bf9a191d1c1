"""Which version an upgrade may go to, and the sentence for every one it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Refused
from bot.domain.ids import Region
from bot.domain.targets import UpgradeTarget, choose_target, legal_targets
from bot.domain.version import EngineVersion
from tests.domain.making import AP, US, cluster, member, v


def offer(version: str, *, is_major: bool = False, supports_global: bool = True) -> UpgradeTarget:
    return UpgradeTarget(version=version, is_major=is_major, supports_global=supports_global)


MINORS = (offer("17.7"), offer("17.10"), offer("17.9"))
OFFERS = {
    US: (*MINORS, offer("17.11"), offer("18.6", is_major=True), offer("17.9-limitless")),
    AP: (*MINORS, offer("17.8", supports_global=False), offer("18.6", is_major=True)),
}
LEGAL = "`orders` can go to `17.7`, `17.9`, `17.10`"


def choose(wanted: str | None, offers: dict[Region, tuple[UpgradeTarget, ...]] = OFFERS) -> EngineVersion:
    return choose_target(wanted, cluster(version="17.5"), offers)


def refusal(wanted: str | None, offers: dict[Region, tuple[UpgradeTarget, ...]] = OFFERS) -> str:
    with pytest.raises(Refused) as refused:
        choose(wanted, offers)
    return refused.value.sentence


def test_what_every_region_offers_is_legal_and_10_comes_after_9() -> None:
    assert legal_targets(OFFERS) == (v("17.7"), v("17.9"), v("17.10"))
    assert choose("17.10") == v("17.10")
    assert choose(" 17.7 ") == v("17.7")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("18.6", f"18.6 is a major upgrade from 17.5; this bot carries minor ones only. {LEGAL}; the closest is `17.10`."),
        ("17.4", f"17.4 is older than 17.5, and Aurora has no way back. {LEGAL}; the closest is `17.7`."),
        ("16.9", f"16.9 is older than 17.5, and Aurora has no way back. {LEGAL}; the closest is `17.7`."),
        ("17.5", f"`orders` runs 17.5 already. {LEGAL}; the closest is `17.7`."),
        ("17.11", f"17.11 is not offered in ap-northeast-1 yet. {LEGAL}; the closest is `17.10`."),
        ("17.6", f"RDS does not offer 17.6 to a global database on 17.5. {LEGAL}; the closest is `17.7`."),
        (
            "17.9.2",
            f"17.9.2 names a patch. RDS takes major.minor and chooses the patch itself. {LEGAL}; the closest is `17.9`.",
        ),
        (
            "17.l0",
            f"`17.l0` is not an engine version: write it in digits, like 17.5 or 17.5.4. Did you mean `17.10`? {LEGAL}.",
        ),
        (
            "newest",
            f"`newest` is not an engine version: write it in digits, like 17.5 or 17.5.4. Did you mean `17.10`? {LEGAL}.",
        ),
        (
            "17",
            f"`17` is only a major version: name the minor version too, like 17.5. Did you mean `17.9`? {LEGAL}.",
        ),
        (
            "17.9-limitless",
            (
                "`17.9-limitless` is a version of Aurora Limitless Database, which is not upgraded here. "
                f"Did you mean `17.10`? {LEGAL}."
            ),
        ),
        (None, f"Which version? `orders` runs 17.5. {LEGAL}."),
        ("  ", f"Which version? `orders` runs 17.5. {LEGAL}."),
    ],
)  # fmt: skip
def test_what_is_not_legal_is_refused_with_why_and_what_is(wanted: str | None, sentence: str) -> None:
    assert refusal(wanted) == sentence


def test_a_version_without_global_support_is_not_offered_to_a_global_database() -> None:
    lone = (offer("17.8", supports_global=False), offer("17.9"))
    assert refusal("17.8", {US: lone, AP: lone}) == (
        "RDS does not offer 17.8 to a global database on 17.5. `orders` can go to `17.9`."
    )


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("17.6", "17.6 is not offered in ap-northeast-1 yet. "),
        ("17.x", "`17.x` is not an engine version: write it in digits, like 17.5 or 17.5.4. "),
        (None, "Which version? `orders` runs 17.5. "),
    ],
)
def test_where_nothing_is_legal_the_refusal_says_so(wanted: str | None, why: str) -> None:
    nothing = "No newer minor version than 17.5 is offered in all Regions of `orders`."
    assert refusal(wanted, {US: (offer("17.6"),), AP: ()}) == why + nothing
    assert legal_targets({}) == ()


def test_a_cluster_that_is_half_there_is_sent_another_way() -> None:
    half = cluster(member(US, "17.5"), member(AP, "17.9"), version="17.5")
    with pytest.raises(Refused) as refused:
        choose_target("17.9", half, {US: (offer("17.9"),), AP: ()})
    assert refused.value.sentence.startswith(
        "`orders-ap` in ap-northeast-1 runs 17.9 already, and the others do not: bring those there one by one with ModifyDBCluster."
    )


def test_aurora_mysql_is_sent_another_way() -> None:
    mysql = cluster(member(US, "8.0"), version="8.0", engine="aurora-mysql")
    with pytest.raises(Refused, match=r"`orders` runs aurora-mysql\. .* one by one with ModifyDBCluster"):
        choose_target("8.4", mysql, {})


def test_a_text_that_is_no_number_is_no_target() -> None:
    assert not offer("16.9-limitless").is_legal
    assert not offer("8.0.mysql_aurora.3.05.2").is_legal
    assert legal_targets({US: (offer("16.9-limitless"), offer("16.9"), offer("soon"))}) == (v("16.9"),)


numbers = st.builds(lambda minor: f"17.{minor}", st.integers(min_value=1, max_value=12))
texts = st.one_of(numbers, numbers.map(lambda each: f"{each}-limitless"), st.sampled_from(["18.1", "soon", ""]))
targets = st.builds(UpgradeTarget, version=texts, is_major=st.booleans(), supports_global=st.booleans())
some_offers = st.dictionaries(st.sampled_from([US, AP]), st.lists(targets, max_size=8).map(tuple), max_size=2)


@given(some_offers)
def test_legal_is_what_every_region_offers_as_minor_and_global_in_the_order_of_numbers(
    offers: dict[Region, tuple[UpgradeTarget, ...]],
) -> None:
    legal = legal_targets(offers)
    assert list(legal) == sorted(set(legal), key=lambda each: (each.major, each.minor))
    for version in {each.version for offered in offers.values() for each in offered}:
        everywhere = all(
            any(each.version == version and not each.is_major and each.supports_global for each in offered)
            for offered in offers.values()
        )
        assert (version in map(str, legal)) == (everywhere and version.replace(".", "").isdigit())


@given(some_offers, st.one_of(st.none(), texts, st.text(max_size=50)))
def test_whatever_is_typed_is_legal_or_refused_with_a_sentence(
    offers: dict[Region, tuple[UpgradeTarget, ...]], wanted: str | None
) -> None:
    try:
        assert choose(wanted, offers) in legal_targets(offers)
    except Refused as refused:
        assert refused.sentence.endswith((".", "?"))  # noqa: PT017 - either of the two must hold
        assert all(f"`{each}`" in refused.sentence for each in legal_targets(offers))  # noqa: PT017
