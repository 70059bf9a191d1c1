"""What a request must look like to be listened to: everything that Bolt and the listeners take for granted."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Id = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,39}$")]  # in `<@…>` it can be nothing else


class Shaped(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Named(Shaped):
    id: Id
    team_id: Id | None = None
    enterprise_id: Id | None = None


class Action(Shaped):
    type: str
    action_id: str
    block_id: str
    action_ts: str | None = None


class View(Shaped):
    id: str
    type: str
    callback_id: str
    app_installed_team_id: Id | None = None
    team_id: Id | None = None


class Event(Shaped):
    type: str


class Authorization(Shaped):
    team_id: Id | None = None
    enterprise_id: Id | None = None
    is_enterprise_install: bool | str | None = None


class AnswerHere(Shaped):
    response_url: str


class Payload(Shaped):
    type: str | None = None
    command: str | None = None
    text: str | None = None
    callback_id: str | None = None
    trigger_id: str | None = None
    response_url: str | None = None
    event_id: str | None = None
    api_app_id: str | None = None
    team_id: Id | None = None
    enterprise_id: str | None = None
    user_id: Id | None = None
    channel_id: Id | None = None
    is_enterprise_install: bool | str | None = None
    user: Named | None = None
    team: Named | None = None
    enterprise: Named | None = None
    channel: Named | None = None
    view: View | None = None
    event: Event | None = None
    authorizations: list[Authorization] | None = None
    response_urls: list[AnswerHere] = Field(default_factory=list)  # missing or a list: Bolt counts them
    message: dict[str, Any] | None = None
    state: dict[str, Any] | None = None
    container: dict[str, Any] | None = None
    function_data: dict[str, Any] | None = None
    assistant_thread: dict[str, Any] | None = None
    workflow_step: dict[str, Any] | None = None
    actions: Annotated[list[Action], Field(min_length=1)] = Field(default_factory=list)  # missing, or one at least


FORMS: Final = ("view_submission", "view_closed")
_PAYLOAD: Final = TypeAdapter(Payload)


def is_readable(body: Any) -> bool:
    """Slack sends nothing else; whatever does is nobody that can be answered."""
    try:
        payload = _PAYLOAD.validate_python(body)
    except ValidationError:
        return False
    who = payload.user_id if payload.command is not None else payload.user and payload.user.id
    if payload.type in FORMS and payload.view is None:
        return False
    asks = payload.command is not None or payload.actions or payload.view is not None
    return who is not None or not asks
