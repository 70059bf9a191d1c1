"""What is answered when it did not work."""

from typing import Final

from bot.domain.errors import Refused
from bot.domain.upgrade import Upgrade
from bot.messages.answers.wording import card_link, message
from bot.messages.markup import code, link, mentions, plain
from bot.messages.message import Message
from bot.messages.needs import one_of_each

DENIALS: Final = {  # who may not, in the words of AWS, Slack and Redis: waiting does not help
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthFailure"),
    *("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "OptInRequired"),
    *("ExpiredToken", "ExpiredTokenException"),
    *("missing_scope", "no_permission", "not_allowed_token_type", "invalid_auth", "not_authed", "account_inactive"),
    *("token_revoked", "token_expired"),
    *("NOAUTH", "WRONGPASS", "NOPERM", "AuthenticationError", "NoPermissionError"),
}


def refused(no: Refused) -> Message:
    return message(
        plain(no.sentence),
        f"Approvers: {mentions(no.approvers)}" if no.approvers else "",
        f"Needed: {one_of_each(no.needs)}." if no.needs else "",
        _in_the_way(no),
    )


def _in_the_way(no: Refused) -> str:
    if no.link:
        return link(no.link, "Open it")
    return card_link(no.channel, None, no.trouble) if no.channel else ""


def unavailable(what: str, reason: str, detail: str = "") -> Message:
    """`reason` is the outside system's own word for its trouble. A store that fell silent may have saved all the same."""
    said_so = f" It says: {plain(detail, 500)}" if detail else ""
    if reason in DENIALS:
        return message(f"{plain(what, 100)} refused ({code(reason)}).{said_so}", _to_mend(what))
    sure = "Nothing was saved half, and asking twice is safe." if what == "Redis" else "Nothing was changed."
    return message(
        f"{plain(what, 100)} did not answer ({code(reason)}).{said_so}",
        f"{sure} Try again in a minute; if it stays so, tell those who run this bot.",
    )


def _to_mend(what: str) -> str:
    rights = {
        "Slack": "what it may do in Slack is in deploy/slack-manifest.yaml",
        "Redis": "its name and password are in REDIS_URL",
    }.get(what, "what it may do in AWS is in deploy/iam")
    return f"Nothing was changed. Those who run this bot have to mend it: {rights}."


def overtaken() -> Message:
    return message(
        "Somebody else was faster, so yours was not done. Look at the card, and ask again if it is needed still."
    )


def too_slow(seconds: float, *, changes: bool) -> Message:
    """`changes`: what was asked for may change something."""
    sure = (
        "It may have been done or not: look at `/aurora status` before you ask again."
        if changes
        else "Nothing was changed. Ask again in a minute; if it stays so, tell those who run this bot."
    )
    return message(f"This took longer than {seconds:g} s, so I stopped waiting. {sure}")


def still_asking(*, changes: bool, here: bool = True) -> Message:
    """Goes before an answer that takes long; whom it waits for is not known here, but it hardly ever is anyone else."""
    if not here:
        return message(
            "Still waiting, and not settled yet. The answer follows in the channel of the card; `/aurora status` shows how it stands."
        )
    if changes:
        return message(
            "Still waiting, most likely for AWS, and not settled yet. The answer follows here. "
            "Should none come within a minute, look at `/aurora status`, then ask again."
        )
    return message("Still waiting, most likely for AWS. The answer follows here.")


def interrupted() -> Message:
    return message(
        "I am being restarted and could not finish this. Look at `/aurora status`, then ask again in a moment."
    )


def broken(reference: str) -> Message:
    """The log has the details under the same reference."""
    return message(
        f"Something broke (ref `{reference}`). Nothing was saved half. Try again, or show the reference to those who run this bot."
    )


def no_form(upgrade: Upgrade, reason: str) -> Message:
    """`reason` is Slack's own word for why it did not open the form."""
    command = f"/aurora decline {upgrade.cluster} REASON"
    return message(
        f"The form did not open ({code(reason)}), and nothing was changed. Click Decline again, or type {code(command)}."
    )


def unknown_form() -> Message:
    return message("I do not know this form, so nothing was done. `/aurora status` shows what is open.")
