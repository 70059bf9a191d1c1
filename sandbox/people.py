"""Scripted engineers and approvers. They act and look through Slack alone, as people do."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from sandbox.slack import Message, Person, Sent, SlackDouble

CARD_SECONDS = 15.0
NOT_YET = "Still waiting"  # an answer before the answer
TRY_AGAIN = "Try again in a minute"  # says the bot when somebody it needs does not answer
FREEZE = "freeze orders until +2h month end"
A_MINUTE = 2.0  # seconds, for people who are in a hurry


class Team:
    """Aki proposes, Mina and Ren of @dba decide; all in #db-ops."""

    def __init__(
        self, slack: SlackDouble, channel: str, thinking_seconds: float = 0.0, tries: int = 1, patience: float = 1.0
    ) -> None:
        """Each decision comes `thinking_seconds` after its card. Who gets no answer asks again, up to `tries` times.

        With a `patience` of 2 they wait twice as long as usual.
        """
        self.channel = channel
        self._slack = slack
        self._tries = tries
        self._card_seconds = CARD_SECONDS * patience
        self._thinking_seconds = thinking_seconds
        self.aki = slack.person("U0AKI")
        self.mina = slack.person("U0MINA")
        self.ren = slack.person("U0REN")

    async def propose(self, words: str = 'upgrade orders 18.6 "patch for CVE"') -> Message:
        """Aki types the command; gives the card."""
        await self._ask(lambda: self.aki.command(self.channel, "/aurora", words), "Aki's command")
        return await self.card()

    async def card(self) -> Message:
        return await self.mina.sees(
            self.channel, lambda message: "approve" in message.buttons, within=self._card_seconds
        )

    async def approve(self, card: Message) -> None:
        await self._decide(card, "approve", self.mina)

    async def reconsider(self, card: Message) -> None:
        """Mina approves, reads that the order waits, and takes it back; Ren ends what it waited for, and approves."""
        await self._decide(card, "approve", self.mina)
        await self.sees_reply(card, lambda seen: "the order waits" in seen.text, self._card_seconds)
        await self._offered(card, "withdraw")
        await self._decide(card, "withdraw", self.mina)
        await self._offered(card, "approve")
        await self._ask(lambda: self.ren.command(self.channel, "/aurora", "unfreeze orders"), "Ren's unfreeze")
        await self._decide(card, "approve", self.ren)

    async def _offered(self, card: Message, action: str) -> None:
        await self.mina.sees(
            self.channel, lambda seen: seen.ts == card.ts and action in seen.buttons, self._card_seconds
        )

    async def freeze(self) -> None:
        await self._ask(lambda: self.ren.command(self.channel, "/aurora", FREEZE), "Ren's freeze")

    async def decline(self, card: Message, why: str) -> None:
        """Through the form that Decline opens."""
        await asyncio.sleep(self._thinking_seconds)
        for _ in range(self._tries):
            now = self._slack.board.find(card.channel, card.ts)
            if "decline" not in now.buttons:
                return
            await self.mina.click(now, "decline")
            try:
                form = await self.mina.sees_form("decline", CARD_SECONDS / self._tries)
            except TimeoutError:
                continue
            if (await self.mina.submit(form, why=why)).said.startswith("You declined"):
                return
        raise TimeoutError(f"Mina could not decline within {CARD_SECONDS:g} s.")

    async def _decide(self, card: Message, action: str, person: Person) -> None:
        await asyncio.sleep(self._thinking_seconds)

        async def click() -> Sent | None:
            now = self._slack.board.find(card.channel, card.ts)
            return await person.click(now, action) if action in now.buttons else None

        await self._ask(click, f"The click on {action}")

    async def _ask(self, ask: Callable[[], Awaitable[Sent | None]], what: str) -> None:
        """Nothing to ask, None, is as good as an answer: the first try was heard. Who is told to try again does.

        So does who is told to wait, and waits in vain; but not those who try only once.
        """
        within = self._card_seconds / self._tries

        def is_answer(heard: Message) -> bool:
            return self._tries == 1 or not heard.text.startswith(NOT_YET)

        for _ in range(self._tries):
            sent = await ask()
            try:
                if sent is None or TRY_AGAIN not in (await sent.answer(within, is_answer)).text:
                    return
                await asyncio.sleep(A_MINUTE)
            except TimeoutError:
                continue
        raise TimeoutError(f"{what} got no answer within {self._card_seconds:g} s.")

    async def sees_reply(self, card: Message, predicate: Callable[[Message], bool], within: float) -> None:
        await self.aki.sees(self.channel, lambda seen: seen.thread_ts == card.ts and predicate(seen), within=within)

    async def read_to_the_end(self, card: Message, endings: Collection[str], within: float) -> Message:
        """Waits for the card to show how it ended, in one of these ways."""
        return await self.aki.sees(
            self.channel,
            lambda seen: seen.ts == card.ts and any(ending in seen.text for ending in endings),
            within=within,
        )
