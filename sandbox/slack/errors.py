"""How Slack says no."""

from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """A call that Slack refuses, under Slack's own error name."""

    status = 200

    def __init__(self, error: str, *reasons: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.reasons = reasons
        self.more = more

    @property
    def headers(self) -> dict[str, str]:
        return {}

    def body(self) -> Json:
        body: Json = {"ok": False, "error": self.error, **self.more}
        if self.reasons:
            body["errors"] = list(self.reasons)
            body["response_metadata"] = {"messages": [f"[ERROR] {reason}" for reason in self.reasons]}
        return body


class RateLimitError(SlackError):
    """HTTP 429 with the whole seconds to wait."""

    status = 429

    def __init__(self, retry_after: int, *, on_purpose: bool = False) -> None:
        """`on_purpose`: not because there were too many calls."""
        super().__init__("ratelimited")
        self.on_purpose = on_purpose
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}
