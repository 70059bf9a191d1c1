"""Whose approvals are still asked for, in words."""

from collections.abc import Sequence

from bot.domain.quorum import Need
from bot.messages.markup import mentions

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def needs(asked: Sequence[Need], *, more: bool, mentioned: bool = True) -> str:
    """`needs 1 more approval from @dba`, or of several groups `needs one of @dba and one of @service-owner`."""
    count = sum(each.approvals for each in asked)
    if len(asked) == 1 or not mentioned:
        whom = f" from {mentions(asked[0].approvers)}" if mentioned else ""
        return f"needs {count} {'more ' if more else ''}approval{'s' if count > 1 else ''}{whom}"
    return f"needs {one_of_each(asked)}"


def one_of_each(asked: Sequence[Need]) -> str:
    return " and ".join(f"{NUMBERS[each.approvals]} of {mentions(each.approvers)}" for each in asked)
