"""The order of an approved upgrade: checked once more, and given at most once, in three commits (law 1)."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_never

from bot.crew.checking import Changed, Checking, Pointless, TooFew
from bot.crew.foretelling import foretold
from bot.domain import moves
from bot.domain.driving import is_time_to_remind
from bot.domain.errors import Conflict, Frozen, Refused, Unavailable
from bot.domain.ids import UpgradeId, UserId
from bot.domain.moves import Move
from bot.domain.plan import Plan
from bot.domain.policy import Rule
from bot.domain.preflight import Finding
from bot.domain.status import Status
from bot.domain.upgrade import Upgrade
from bot.ports.aurora import Accepted, Aurora, NoAnswer, OrderAnswer, Rejected
from bot.ports.clock import Clock
from bot.ports.upgrades import Upgrades

log = logging.getLogger(__name__)

STALE_INTENT = timedelta(seconds=10)  # whoever slept this long between intent and call does not call any more
WRITING = timedelta(seconds=15)  # as long the answer is tried to be written down; then it is only observed
WRITE_AGAIN = timedelta(seconds=0.5)
TO_THE_END = timedelta(seconds=20)  # for a cancelled turn to end the order it has begun; a stop kills after 30 s or so


@dataclass(frozen=True)
class Ordering:
    aurora: Aurora
    upgrades: Upgrades
    checking: Checking
    clock: Clock

    async def give(self, upgrade: Upgrade) -> None:
        """Check once more, write the intent, call once, write the answer; or write down what keeps it from that."""
        try:
            await self.checking.check(upgrade, fresh=False)
            upgrade = await foretold(self.upgrades, upgrade, self.clock)
            rule, approved_by = await self.checking.check(upgrade, fresh=True)
        except Pointless as gone:
            await self.upgrades.save(*moves.cancel(upgrade, None, self.clock.now(), str(gone)))
            return
        except Changed as changed:
            await self._replan(upgrade, changed.plan, changed.findings)
            return
        except TooFew as lacking:
            ruled = lacking.ruling
            reopened = moves.reopen(upgrade, lacking.rule, ruled.counting, self.clock.now(), ruled.missing)
            await self.upgrades.save(*reopened)
            return
        except (Refused, Unavailable) as hindrance:
            await self.hold(upgrade, str(hindrance))
            return
        moves.check_open(upgrade, self.clock.now())  # the check may have taken long
        try:
            await _to_the_end(self._order(upgrade, approved_by, rule))
        except Frozen as frozen:
            await self.hold(upgrade, str(frozen))

    async def hold(self, upgrade: Upgrade, reason: str) -> None:
        """What waits may expire as well, so that is told as of a proposal that waits for approvals."""
        now = self.clock.now()
        held, news = moves.hold(upgrade, (reason,), now)
        if news:
            held = await self.upgrades.save(held, news)
        if is_time_to_remind(held, now):
            await self.upgrades.save(*moves.remind(held, now))

    async def _replan(self, upgrade: Upgrade, plan: Plan, findings: tuple[Finding, ...]) -> None:
        """The order is given in a later turn: for what was approved already the next one, else when the rest is."""
        now = self.clock.now()
        rule, ruled = await self.checking.ruling(moves.replanned(upgrade, plan), now)
        await self.upgrades.save(*moves.replan(upgrade, plan, findings, rule, ruled.missing, now))

    async def _order(self, upgrade: Upgrade, approved_by: tuple[UserId, ...], rule: Rule) -> None:
        began = asyncio.get_running_loop().time()
        intended = await self.upgrades.save(*moves.intend(upgrade, approved_by, self.clock.now(), rule))
        if not await self.upgrades.make_durable():
            log.warning("%s: the store cannot promise that the intent outlives a power cut", upgrade.id)
        answer = await self._call(intended, began)
        if isinstance(answer, NoAnswer):
            log.warning("%s: the order got no answer, from now on it is only observed: %s", upgrade.id, answer.why)
        else:
            await self._write_answer(upgrade.id, answer)

    async def _call(self, intended: Upgrade, began: float) -> OrderAnswer:
        """By the shared clock, which goes on while a machine is suspended, and by the other one, which nobody sets back."""
        slept = timedelta(seconds=asyncio.get_running_loop().time() - began)
        if intended.intent_at is None or max(slept, self.clock.now() - intended.intent_at) > STALE_INTENT:
            return NoAnswer("this turn slept after its intent and must not call any more")
        return await self.aurora.order(intended.plan)

    async def _write_answer(self, id: UpgradeId, answer: Accepted | Rejected) -> None:
        """Whoever else saves meanwhile, and though the store be away for a while: a refusal can be observed nowhere."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WRITING.total_seconds()
        while not await self._is_written(id, answer):
            if loop.time() > until:
                log.error("%s: this answer could not be written down, from now on it is only observed: %s", id, answer)
                return
            await asyncio.sleep(WRITE_AGAIN.total_seconds())

    async def _is_written(self, id: UpgradeId, answer: Accepted | Rejected) -> bool:
        """There is one intent of one upgrade, so the answer is to the one on record, whatever its revision."""
        try:
            upgrade = await self.upgrades.get(id)
            if upgrade and upgrade.status is Status.ORDERING:
                await self.upgrades.save(*self._answered(upgrade, answer))
        except (Conflict, Unavailable) as trouble:
            log.warning("%s: the answer is not written down yet: %s", id, trouble)
            return False
        return True

    def _answered(self, upgrade: Upgrade, answer: Accepted | Rejected) -> Move:
        now = self.clock.now()
        match answer:
            case Accepted():
                return moves.accepted(upgrade, now)
            case Rejected(code=code, message=message):
                return moves.not_ordered(upgrade, code, message, now)
            case _:
                assert_never(answer)


async def _to_the_end(order: Coroutine[Any, Any, None]) -> None:
    """What was begun is ended though the turn be cancelled, and cancelled again, within bounds: a stop stops soon."""
    ordering = asyncio.create_task(order)
    loop, cancelled = asyncio.get_running_loop(), None
    until = float("inf")
    while not ordering.done() and loop.time() < until:
        try:
            await asyncio.wait({ordering}, timeout=min(until - loop.time(), 60))
        except asyncio.CancelledError as again:
            cancelled = again
            until = min(until, loop.time() + TO_THE_END.total_seconds())
    ordering.cancel()
    [came_to] = await asyncio.gather(ordering, return_exceptions=True)
    if cancelled:
        raise cancelled
    if isinstance(came_to, BaseException):
        raise came_to
