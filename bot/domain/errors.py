"""The three ways a request can end without what was asked for."""


class Refused(Exception):
    """No, and why: `sentence` is plain text that the person reads as it stands.

    `link` points to what stands in the way. An upgrade in the way without one has its card in `channel`, or `trouble`
    is Slack's word for why it is not there. `approvers` are the Slack ids of those who could say yes.
    """

    def __init__(
        self,
        sentence: str,
        *,
        link: str | None = None,
        channel: str | None = None,
        trouble: str | None = None,
        approvers: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.link = link
        self.channel = channel
        self.trouble = trouble
        self.approvers = approvers


class Conflict(Exception):
    """The record is no longer the one that was read."""


class Unavailable(Exception):
    """An outside system gave no useful answer. `what` names it, `code` is its own word for the trouble."""

    def __init__(self, what: str, code: str, detail: str = "") -> None:
        super().__init__(f"{what}: {code}" + (f": {detail}" if detail else ""))
        self.what = what
        self.code = code
        self.detail = detail
