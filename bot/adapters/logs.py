"""The door to the logs: whatever is written, by whom and at which level, goes out without what is secret."""

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
SHORTEST: Final = 4  # characters; to hide a shorter secret would black out ordinary words and so give it away
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOUD: Final = ("slack_bolt", "slack_sdk", "botocore", "boto3", "urllib3", "aiohttp", "asyncio")  # whole bodies at DEBUG
_VALUE: Final = r"""b?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:Bearer +)?[^\s&,;)}\]"'<>|]+)"""
_SHAPES: Final = tuple(
    (re.compile(shape), instead)
    for shape, instead in (
        (r"\bxox[a-z](?:\.xox[a-z])*-[\w.-]+|\bxapp-[\w-]+", HIDDEN),  # tokens of Slack
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b", HIDDEN),  # access keys of AWS
        (r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@'\"]*):[^\s'\"]*@", rf"\1:{HIDDEN}@"),  # a password in a URL
        (r"\b(https?://hooks\.[\w.-]+/)[^\s'\"|>]+", rf"\1{HIDDEN}"),  # who knows it can answer in our name
        (r"(?i)(\bv0=|\bsignature['\"]?\s*[=:]\s*['\"]?)[0-9a-f]{64}\b", rf"\1{HIDDEN}"),
        (rf"(?i)(X-Amz-(?:Signature|Security-Token|Credential)['\"]?\s*[=:]\s*){_VALUE}", rf"\1{HIDDEN}"),
        (
            rf"(?i)(\b[\w-]*(?:password|passwd|secret|token|ticket|authorization)['\"]?\s*[=:]\s*){_VALUE}",
            rf"\1{HIDDEN}",
        ),
    )
)


class Discretion:
    """Takes out what looks like a secret, and those that are known, in every way they may be spelled."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {each for secret in secrets if len(secret) >= SHORTEST for each in _spellings(secret)}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if spelled else None

    def __call__(self, text: str) -> str:
        text = self._known.sub(HIDDEN, text) if self._known else text
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text


def _spellings(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1])


class DiscreetFormatter(logging.Formatter):
    """Looks at the finished line: the message, its arguments, the text of exceptions and their tracebacks."""

    def __init__(self, discreet: Discretion) -> None:
        super().__init__(FORMAT)
        self._discreet = discreet

    def format(self, record: logging.LogRecord) -> str:
        try:
            text = super().format(record)
        except Exception:  # logging itself would print the arguments, and what went wrong with them, as they are
            text = f"{record.levelname} {record.name}: its arguments do not fit: {record.msg}"
        return self._discreet(text)


def start(level: str, secrets: Iterable[str]) -> None:
    """All loggers write to stderr through one formatter; so do warnings, and what ends the process or a thread of it."""
    handler = logging.StreamHandler()
    handler.setFormatter(DiscreetFormatter(Discretion(secrets)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in LOUD:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
    logging.captureWarnings(capture=True)
    sys.excepthook = _last_words
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread_ended


def _last_words(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        logging.getLogger(__name__).critical("this process ends", exc_info=(kind, error, traceback))


def _unraisable(broke: "sys.UnraisableHookArgs") -> None:
    told = (broke.exc_type, broke.exc_value, broke.exc_traceback) if broke.exc_value else None
    logging.getLogger(__name__).error(
        "%s: %s", broke.err_msg or "an exception is ignored in", broke.object, exc_info=told
    )


def _thread_ended(broke: threading.ExceptHookArgs) -> None:
    told = (broke.exc_type, broke.exc_value, broke.exc_traceback) if broke.exc_value else None
    logging.getLogger(__name__).error("a thread ends", exc_info=told)
