"""What Slack says of the people and groups that a rule is about, put together for the policy to decide on."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from bot.domain.ids import TeamId, UserId
from bot.domain.policy import Case, Directory, Rule, Ruling, ruling_on
from bot.domain.quorum import Groups
from bot.ports.rules import People


async def look_up(people: People, home: TeamId, rule: Rule, ids: Iterable[UserId]) -> Directory:
    """Unavailable when Slack does not answer for one of them: then nothing is decided."""
    groups, found = await asyncio.gather(
        members_of(people, rule.groups), asyncio.gather(*(people.person(each) for each in ids))
    )
    return Directory(home=home, people={each.id: each for each in found if each}, groups=groups)


async def ruling(people: People, home: TeamId, rule: Rule, case: Case, now: datetime) -> Ruling:
    """What the rule says of this case, as far as Slack knows the people of it."""
    return ruling_on(rule, case, await look_up(people, home, rule, case.approved_by), now)


async def members_of(people: People, groups: Iterable[str]) -> Groups:
    return {group: await people.members(group) for group in groups}
