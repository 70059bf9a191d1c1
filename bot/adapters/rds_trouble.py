"""What can go wrong on the way to RDS, in our words and without secrets."""

import re
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from bot.domain.errors import Unavailable
from bot.domain.ids import Region
from bot.ports.aurora import NoAnswer, Rejected

SHOWN: Final = 500  # characters of a text that is not ours
NEVER_CONNECTED: Final = (EndpointConnectionError, ConnectTimeoutError)
_SECRETS: Final = (
    (
        re.compile(r"(?i)\b(x-amz-[\w-]+|signature|credential|secret\w*|\w*token|password)([\"']?\s*[:=]\s*[\"']?)[^\s&,;'\"]+"),
        r"\1\2…",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "…"),
    (re.compile(r"(?<=//)[^/@\s]+@"), ""),
    (re.compile(r"[\w+/=%-]{80,}"), "…"),
)  # fmt: skip


def troubles() -> tuple[type[Exception], ...]:
    """All that a question to RDS can raise; KeyError and ValueError stand for an answer or endpoint we cannot read.

    Asked for only when something was raised, since botocore's parsers are costly to import.
    """
    from botocore.parsers import ResponseParserError

    return ClientError, BotoCoreError, ResponseParserError, OSError, KeyError, ValueError


def unavailable(region: Region, error: Exception) -> Unavailable:
    return Unavailable(f"AWS RDS in {region}", code_of(error), text_of(error))


def answer_to_order(error: Exception, *, sent: bool) -> Rejected | NoAnswer:
    """What an order that did not end well came to.

    Rejected only when nothing can have been started: AWS answered 4xx (throttling too: it was not taken), the request
    never got as far as the socket, or no connection came about. Everything else is in doubt.
    """
    code, text = code_of(error), text_of(error)
    if not sent or isinstance(error, NEVER_CONNECTED):
        return Rejected(code, f"The order was not sent: {text}")
    if not isinstance(error, ClientError):
        return NoAnswer(f"{code}: {text}")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Rejected(code, text) if 400 <= status < 500 else NoAnswer(f"{code} (HTTP {status}): {text}")


def code_of(error: Exception) -> str:
    """AWS's own error code, or botocore's name for the trouble."""
    if isinstance(error, ClientError):
        return clean(str(error.response.get("Error", {}).get("Code", "Unknown")))
    return type(error).__name__.replace("NoCredentialsError", "NoCredentials")


def text_of(error: Exception) -> str:
    if isinstance(error, ClientError):
        return clean(str(error.response.get("Error", {}).get("Message", "")))
    return clean(str(error))


def clean(text: str) -> str:
    """Without keys, signatures and tokens (a refused signature is answered with all that was signed), and not too long."""
    for secret, instead in _SECRETS:
        text = secret.sub(instead, text)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
