"""The arguments of a call: a query, a form or a JSON body, all read the same way."""

import json
from typing import Any

from aiohttp import web

from sandbox.slack.errors import Json, SlackError


class Args:
    def __init__(self, given: Json) -> None:
        self._given = given

    @classmethod
    async def of(cls, request: web.Request) -> "Args":
        given: Json = dict(request.query)
        if request.content_type == "application/json":
            given |= _json_body(await request.text())
        elif request.can_read_body:
            given |= dict(await request.post())
        return cls(given)

    def optional(self, name: str) -> str | None:
        value = self._given.get(name)
        return None if value is None or value == "" else str(value)

    def text(self, name: str) -> str:
        return self.optional(name) or ""

    def required(self, name: str) -> str:
        if (value := self.optional(name)) is None:
            raise SlackError("invalid_arguments", f"missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str, otherwise: int) -> int:
        value = self.text(name)
        if value and not value.isdecimal():
            raise SlackError("invalid_arguments", f"must be a number: {name}")
        return int(value) if value else otherwise

    def parsed(self, name: str, wrong: str = "invalid_arguments") -> Any:
        """A list or an object, which a form carries as JSON text; None when it is missing."""
        value = self._given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except json.JSONDecodeError:
            raise SlackError(wrong) from None


def _json_body(text: str) -> Json:
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body
