"""Scripted engineers and approvers. They act and look through Slack alone, as people do."""

from sandbox.slack import Message, SlackDouble

CARD_SECONDS = 15.0


class Team:
    """Aki proposes, Mina and Ren of @dba decide; all in #db-ops."""

    def __init__(self, slack: SlackDouble, channel: str) -> None:
        self.channel = channel
        self.aki = slack.person("U0AKI")
        self.mina = slack.person("U0MINA")
        self.ren = slack.person("U0REN")

    async def propose(self, words: str = 'upgrade orders 18.6 "patch for CVE"') -> Message:
        """Aki types the command; gives the card."""
        sent = await self.aki.command(self.channel, "/aurora", words)
        await sent.answer(within=CARD_SECONDS)
        return await self.card()

    async def card(self) -> Message:
        return await self.mina.sees(self.channel, lambda message: "approve" in message.buttons, within=CARD_SECONDS)

    async def approve(self, card: Message) -> None:
        await (await self.mina.click(card, "approve")).answer(within=CARD_SECONDS)

    async def decline(self, card: Message) -> None:
        await (await self.mina.click(card, "decline")).answer(within=CARD_SECONDS)

    async def read_to_the_end(self, card: Message, ending: str, within: float) -> Message:
        """Waits for the card to show how it ended."""
        return await self.aki.sees(self.channel, lambda seen: seen.ts == card.ts and ending in seen.text, within=within)
