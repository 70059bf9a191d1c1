"""Block Kit's smaller objects, checked as Slack checks them: texts, buttons, menus, confirm dialogs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.errors import Json

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")


@dataclass
class Findings:
    """What is wrong, each with the place where it is, in Slack's words."""

    reasons: list[str] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)
    markdown_length: int = 0
    tables: int = 0

    def add(self, what: str, at: str) -> None:
        self.reasons.append(f"{what} [json-pointer:{at}]")

    def length(self, value: Any, at: str, most: int, least: int = 0) -> bool:
        if not isinstance(value, str):
            self.add("must be a string", at)
        elif len(value) < least:
            self.add(f"must be more than {least - 1} characters", at)
        elif len(value) > most:
            self.add(f"must be less than {most + 1} characters", at)
        else:
            return True
        return False

    def optional(self, holder: Json, at: str, most: Mapping[str, int]) -> None:
        for name, limit in most.items():
            if name in holder:
                self.length(holder[name], f"{at}/{name}", limit, least=1)

    def items(self, holder: Json, name: str, at: str, most: int, least: int = 1) -> list[Any]:
        """The list under that name; a finding when it is missing, too short or too long."""
        held = holder.get(name)
        if not isinstance(held, list):
            self.add(f"missing required field: {name}", at)
            return []
        if len(held) > most:
            self.add(f"no more than {most} items allowed", f"{at}/{name}")
        if len(held) < least:
            self.add(f"no fewer than {least} items allowed", f"{at}/{name}")
        return held

    def one_of(self, holder: Json, name: str, at: str, allowed: Iterable[str]) -> None:
        if name in holder and holder[name] not in allowed:
            self.add("value must be one of the allowed values", f"{at}/{name}")


def check_text(found: Findings, holder: Json, name: str, at: str, most: int, kinds: tuple[str, ...] = ANY_TEXT) -> None:
    if holder.get(name) is None:
        found.add(f"missing required field: {name}", at)
    else:
        check_text_object(found, holder[name], f"{at}/{name}", most, kinds)


def check_text_object(found: Findings, text: Any, at: str, most: int, kinds: tuple[str, ...] = ANY_TEXT) -> None:
    if not isinstance(text, dict):
        found.add("must be an object", at)
    elif text.get("type") not in kinds:
        found.add(f"must be a valid {' or '.join(kinds)} object", f"{at}/type")
    else:
        found.length(text.get("text"), f"{at}/text", most, least=1)


def check_confirm(found: Findings, confirm: Json, at: str) -> None:
    check_text(found, confirm, "title", at, 100, PLAIN)
    check_text(found, confirm, "text", at, 300)
    check_text(found, confirm, "confirm", at, 30, PLAIN)
    check_text(found, confirm, "deny", at, 30, PLAIN)
    found.one_of(confirm, "style", at, ("primary", "danger"))


def check_element(found: Findings, element: Any, at: str) -> None:
    """One element of an actions block, an accessory or an input."""
    if not isinstance(element, dict) or element.get("type") not in _ELEMENTS:
        kind = element.get("type") if isinstance(element, dict) else element
        found.add(f"unsupported type: {kind}", f"{at}/type")
        return
    found.optional(element, at, {"action_id": 255})
    if "confirm" in element:
        check_confirm(found, element["confirm"], f"{at}/confirm")
    if "placeholder" in element:
        check_text(found, element, "placeholder", at, 150, PLAIN)
    _ELEMENTS[element["type"]](found, element, at)


def check_elements(found: Findings, elements: list[Any], at: str) -> None:
    """The elements of one block, whose action ids must differ."""
    seen: set[str] = set()
    for number, element in enumerate(elements):
        check_element(found, element, f"{at}/{number}")
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if action_id in seen:
            found.add(f"`action_id` {action_id!r} already exists", f"{at}/{number}/action_id")
        seen |= {action_id} if action_id else set()


def _button(found: Findings, button: Json, at: str) -> None:
    check_text(found, button, "text", at, 75, PLAIN)
    found.optional(button, at, {"url": 3000, "accessibility_label": 75})
    if "value" in button:
        found.length(button["value"], f"{at}/value", 2000)
    found.one_of(button, "style", at, ("primary", "danger"))


def _options(most: int) -> Callable[[Findings, Json, str], None]:
    def check(found: Findings, menu: Json, at: str) -> None:
        if "option_groups" in menu:
            found.items(menu, "option_groups", at, 100)
            return
        for number, option in enumerate(found.items(menu, "options", at, most)):
            check_text(found, option, "text", f"{at}/options/{number}", 75)
            found.length(option.get("value"), f"{at}/options/{number}/value", 150, least=1)

    return check


def check_image(found: Findings, image: Json, at: str) -> None:
    if "image_url" not in image and "slack_file" not in image:
        found.add("missing required field: image_url", at)
    found.optional(image, at, {"image_url": 3000})
    found.length(image.get("alt_text"), f"{at}/alt_text", 2000, least=1)
    if "title" in image:
        check_text(found, image, "title", at, 2000, PLAIN)


def _anything(_found: Findings, _element: Json, _at: str) -> None:
    """Accepted with the checks that every element gets."""


_ELEMENTS: Mapping[str, Callable[[Findings, Json, str], None]] = {
    "button": _button,
    "workflow_button": _button,
    "image": check_image,
    "overflow": _options(5),
    "static_select": _options(100),
    "multi_static_select": _options(100),
    "radio_buttons": _options(10),
    "checkboxes": _options(10),
    **dict.fromkeys(("external_select", "users_select", "conversations_select", "channels_select"), _anything),
    **dict.fromkeys(("multi_external_select", "multi_users_select", "multi_conversations_select"), _anything),
    **dict.fromkeys(("datepicker", "timepicker", "datetimepicker", "plain_text_input", "rich_text_input"), _anything),
    **dict.fromkeys(("number_input", "email_text_input", "url_text_input", "file_input"), _anything),
    **dict.fromkeys(("feedback_buttons", "icon_button"), _anything),
}
