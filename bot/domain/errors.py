"""The three ways a request can end without what was asked for."""

from bot.domain.quorum import Need


class Refused(Exception):
    """No, and why: `sentence` is plain text that the person reads as it stands.

    `link` points to what stands in the way. An upgrade in the way without one has its card in `channel`, or `trouble`
    is Slack's word for why it is not there. `approvers` are the Slack ids of those who could say yes,
    `needs` whose approvals are still asked for.
    """

    def __init__(
        self,
        sentence: str,
        *,
        link: str | None = None,
        channel: str | None = None,
        trouble: str | None = None,
        approvers: tuple[str, ...] = (),
        needs: tuple[Need, ...] = (),
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.link = link
        self.channel = channel
        self.trouble = trouble
        self.approvers = approvers
        self.needs = needs


class Conflict(Exception):
    """The record is no longer the one that was read."""


class Frozen(Conflict):
    """The cluster was frozen before the intent of its order was saved, so it was not saved."""


class Unavailable(Exception):
    """An outside system gave no useful answer. `what` names it, `code` is its own word for the trouble."""

    def __init__(self, what: str, code: str, detail: str = "") -> None:
        super().__init__(f"{what}: {code}" + (f": {detail}" if detail else ""))
        self.what = what
        self.code = code
        self.detail = detail
