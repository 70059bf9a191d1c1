"""A rule that changed is told in words, old and new."""

import pytest

from bot.domain.hours import Hours
from bot.domain.policy import Rule
from bot.domain.quorum import Need
from bot.messages.rules import rule_changes
from tests.domain.making import AP, DBA, MINA, SORA, rule

SEATS = (Need(approvers=(DBA,)), Need(approvers=(SORA,), approvals=2))
SEATED = rule([DBA, SORA], approvals=3).model_copy(update={"needs": SEATS})
MORE = SEATED.model_copy(update={"needs": (Need(approvers=(DBA,), approvals=2), SEATS[1]), "approvals": 4})
DAYTIME = Hours(zone="UTC", allowed=("09:00-17:00",))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (rule(), rule(), ""),
        (rule(), rule(minutes=5), ""),
        (rule(), rule(approvals=2), "approvals 1 → 2"),
        (rule(), rule([MINA]), "approvals 1 of <!subteam^S0DBA> → 1 of <@U0MINA>"),
        (rule(), SEATED, "approvals 1 of <!subteam^S0DBA> → 1 of <!subteam^S0DBA> and 2 of <@U0SORA>"),
        (SEATED, MORE, "approvals of <!subteam^S0DBA> 1 → 2"),
        (
            rule(),
            rule(approvals=2).model_copy(update={"reason": "required", "forbidden_regions": (AP,), "hours": DAYTIME}),
            (
                "approvals 1 → 2; reason optional → required; forbidden Regions none → ap-northeast-1; "
                f"hours any → {DAYTIME}"
            ),
        ),
    ],
)
def test_what_is_asked_for_otherwise_is_said(before: Rule, now: Rule, said: str) -> None:
    assert rule_changes(before, now) == said


def test_the_version_is_that_of_what_is_written() -> None:
    written = {"clusters": ["orders"], "channel": "C0DBOPS", "approvers": [DBA]}
    named = Rule.model_validate(written | {"approvals": 1, "reason": "optional"})
    assert named.version == Rule.model_validate(written).version, "what is left out is what it is by default"
    assert len({named.version, rule(approvals=2).version, rule(minutes=5).version}) == 3
