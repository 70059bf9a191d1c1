"""What is answered to a command or a click, for one person's eyes."""

from bot.messages.answers.deciding import approved, cancelled, declined, proposed, withdrawn
from bot.messages.answers.freezing import frozen, thawed
from bot.messages.answers.showing import cluster, clusters, help_, history, status
from bot.messages.answers.troubles import (
    broken,
    interrupted,
    no_form,
    overtaken,
    refused,
    still_asking,
    too_slow,
    unavailable,
    unknown_form,
)

__all__ = [
    "approved",
    "broken",
    "cancelled",
    "cluster",
    "clusters",
    "declined",
    "frozen",
    "help_",
    "history",
    "interrupted",
    "no_form",
    "overtaken",
    "proposed",
    "refused",
    "status",
    "still_asking",
    "thawed",
    "too_slow",
    "unavailable",
    "unknown_form",
    "withdrawn",
]
