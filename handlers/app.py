"""The Bolt app: what is listened to, and by whom. Building it calls nobody."""

import json
import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.logger import messages as bolt_says

from bot.adapters.slack import Slack, SlackForms
from bot.messages import answers
from bot.messages.forms import DECLINE, instead
from bot.settings import EarsSettings
from handlers.actions import BUTTONS, click_listener, stranger_listener
from handlers.answering import Answering
from handlers.commands import command_listener
from handlers.desk import Desk
from handlers.forms import ask_why_listener, decline_listener
from handlers.middleware import SeenBefore, deduplication, replay_guard, stranger_guard

log = logging.getLogger(__name__)

COMMAND: Final = "/aurora"
ANY: Final = re.compile("")


def make_app(
    settings: EarsSettings, slack: Slack, desk: Desk, answering: Answering, seen_before: SeenBefore
) -> AsyncApp:
    app = _bolt(settings, slack)
    app.middleware(replay_guard(seen_before, answering))
    app.middleware(stranger_guard(settings.slack_team_id, settings.slack_app_id, answering))
    app.middleware(deduplication(seen_before))
    app.command(COMMAND)(command_listener(desk, answering))
    for action in BUTTONS:
        app.action(action)(click_listener(desk, answering, action))
    app.action(DECLINE)(ask_why_listener(desk, answering, SlackForms(slack)))
    app.view(DECLINE)(decline_listener(desk, answering))
    app.command(ANY)(stranger_listener(answering, "I do not know this command. `/aurora help` shows all I can do."))
    app.action(ANY)(stranger_listener(answering, "I do not know this button. `/aurora status` shows what is open."))
    app.error(_on_error)
    return app


def _bolt(settings: EarsSettings, slack: Slack) -> AsyncApp:
    """`authorize` spares Bolt its auth.test; a token that is wrong shows when Slack is asked for something."""
    secret, token = settings.slack_signing_secret, settings.slack_bot_token.get_secret_value()

    async def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    return AsyncApp(
        name="handlers",
        logger=_bolt_log(),
        client=slack.calm,
        signing_secret=secret.get_secret_value() if secret else "",
        authorize=authorize,
        raise_error_for_unhandled_request=True,
    )


def _bolt_log() -> logging.Logger:
    """Bolt gives its loggers the root's level, and at DEBUG they write whole payloads with all that is secret in them."""
    bolt_log = logging.getLogger("slack_bolt")
    bolt_log.setLevel(max(logging.INFO, logging.root.level))
    bolt_log.addFilter(_is_news)
    return bolt_log


_KNOWN: Final = (bolt_says.warning_client_prioritized_and_token_skipped(), bolt_says.warning_token_skipped())


_BARES: Final = "Invalid request signature detected"  # and then the whole body


def _is_news(record: logging.LogRecord) -> bool:
    """That we give Bolt both a client and a way to authorize is on purpose; who is turned away is told in handlers.web."""
    return (said := record.getMessage()) not in _KNOWN and not said.startswith(_BARES)


async def _on_error(error: Exception, body: Mapping[str, Any], ack: AsyncAck) -> BoltResponse | None:
    """The last resort: what nobody listens to is acknowledged, and what broke before its acknowledgement answered."""
    if isinstance(error, BoltUnhandledRequestError):
        log.info("nobody listens to %s", body.get("type") or body.get("command"))
        return (
            _json({"response_action": "update", "view": instead(answers.unknown_form())})
            if body.get("type") == "view_submission"
            else BoltResponse(status=200, body="")
        )
    reference = secrets.token_hex(4)
    log.error("a request broke before it was asked, ref %s", reference, exc_info=error)
    if ack.response is not None:
        return None
    told = {"response_type": "ephemeral", "text": answers.broken(reference).text} if "command" in body else None
    return _json(told)


def _json(told: Mapping[str, Any] | None) -> BoltResponse:
    body = json.dumps(told) if told else ""
    return BoltResponse(status=200, body=body, headers={"content-type": ["application/json"]})
