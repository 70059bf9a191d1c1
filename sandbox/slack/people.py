"""People: what they type, click and see is the only way tests act and look."""

from collections.abc import Callable, Mapping

from sandbox.slack import views
from sandbox.slack.args import Args
from sandbox.slack.courier import Courier
from sandbox.slack.deeds import Click, Confirm, Deeds, Sent, Submission
from sandbox.slack.delivery import Envelope
from sandbox.slack.errors import Json, SlackError
from sandbox.slack.message import ChangeKind, Message
from sandbox.slack.payloads import action_of, click_payload, command_payload, event_payload, submission_payload
from sandbox.slack.response_urls import ResponseUrls, answer
from sandbox.slack.transcript import block_lines, transcript
from sandbox.slack.workspace import Channel, User
from sandbox.slack.world import World


class NotOnScreenError(Exception):
    """A person looks for something that the screen does not show."""


class Front:
    """The client software of all people: it sends what they do and gives each answer to the deed it answers."""

    def __init__(self, world: World, courier: Courier, urls: ResponseUrls) -> None:
        self.world = world
        self._courier = courier
        self._urls = urls
        self._deeds = Deeds()
        world.board.subscribe(self._deeds.hear)

    async def command(self, user: User, channel: Channel, command: str, text: str) -> Sent:
        sent = self._begun(Sent(user.id, channel.id))
        self._note("command", sent, f"{command} {text}".rstrip())
        url = self._urls.issue(sent.id, channel.id, user.id, sent.hear)
        payload = command_payload(
            self.world.workspace, user, channel, command, text, trigger_id=self._trigger(user), response_url=url
        )
        await self._deliver(sent, Envelope("slash_commands", payload))
        self._show_ack(sent)
        return sent

    async def click(self, user: User, message: Message, block: Json, element: Json) -> Click:
        click = Click(user.id, message.channel, label=_label(element), confirm=Confirm.of(element))
        self._note("click", self._begun(click), click.label, message.thread_ts or message.ts)
        url = self._urls.issue(click.id, message.channel, user.id, click.hear, original=message.ts)
        action = action_of(block, element, self.world.board.new_ts())
        payload = click_payload(
            self.world.workspace, user, message, action, trigger_id=self._trigger(user), response_url=url
        )
        await self._deliver(click, Envelope("interactive", payload))
        return click

    async def submit(self, user: User, view: Json, typed: Mapping[str, str]) -> Submission:
        sent = Submission(user.id, "")
        payload = submission_payload(self.world.workspace, user, view, typed, trigger_id=self._trigger(user))
        await self._deliver(sent, Envelope("interactive", payload))
        if sent.acked:
            self._show_outcome(sent, view)
        return sent

    def _show_outcome(self, sent: Submission, view: Json) -> None:
        """An acknowledgement closes the form, shows errors in it, or puts another view in its place."""
        told = sent.ack_body or {}
        match told.get("response_action"):
            case "errors":
                sent.errors = told["errors"]
            case "update":
                shown = views.updated(self.world, view, told.get("view"))
                sent.said = "\n".join(block_lines(shown["blocks"], self.world.workspace))
                views.put_in_front(self.world, sent.user, shown)
            case _:
                views.put_in_front(self.world, sent.user, None)

    async def event(self, event: Json) -> Sent:
        sent = Sent(str(event.get("user", "")), str(event.get("channel", "")))
        payload = event_payload(self.world.workspace, event, self.world.now())
        await self._deliver(sent, Envelope("events_api", payload))
        return sent

    async def _deliver(self, sent: Sent, envelope: Envelope) -> None:
        sent.envelope = envelope
        sent.ack = await self._courier.deliver(envelope)

    def _begun(self, sent: Sent) -> Sent:
        self._deeds.begun(sent)
        return sent

    def _trigger(self, user: User) -> str:
        return self.world.triggers.issue(user.id)

    def _show_ack(self, sent: Sent) -> None:
        """The body of a command's acknowledgement is its first answer."""
        if sent.ack_body and (sent.ack_body.get("text") or sent.ack_body.get("blocks")):
            sent.hear(answer(self.world, sent.id, sent.channel, sent.user, Args(sent.ack_body)))

    def _note(self, kind: ChangeKind, sent: Sent, text: str, thread_ts: str | None = None) -> None:
        board = self.world.board
        deed = Message(channel=sent.channel, ts=board.new_ts(), author=sent.user, text=text, thread_ts=thread_ts)
        board.note(kind, deed)


class Person:
    def __init__(self, user: User, front: Front) -> None:
        self.user = user
        self._front = front
        self._world = front.world

    async def command(self, channel: str, command: str, text: str = "") -> Sent:
        """Types a slash command; returns when it is acknowledged, or when Slack gives up after three seconds."""
        return await self._front.command(self.user, self._world.workspace.channel(channel), command, text)

    async def click(self, message: Message, action_id: str, *, value: str | None = None, stale: bool = False) -> Click:
        """Clicks a button that the message shows now, or, with `stale`, one that it showed when it was read."""
        shown = message if stale else self._reads(message)
        block, element = _button(shown, action_id, value)
        return await self._front.click(self.user, shown, block, element)

    async def sees_form(self, callback_id: str, within: float = 5.0) -> Json:
        """The form in front of this person."""

        def form() -> Json | None:
            view = self._world.modals.get(self.user.id)
            return view if view and view.get("callback_id") == callback_id else None

        try:
            return await self._world.board.bell.until(form, within)
        except TimeoutError:
            raise TimeoutError(f"{self.user.real_name} waited {within:g} s for a form in vain.") from None

    async def submit(self, form: Json, **typed: str) -> Submission:
        """Fills the form in, by the `block_id` of its inputs, and submits it."""
        for block in form["blocks"]:
            most = block.get("element", {}).get("max_length", 3000)
            if len(typed.get(block["block_id"], "")) > most:
                raise NotOnScreenError(f"Slack lets nobody type more than {most} characters there")
        return await self._front.submit(self.user, form, typed)

    def closes_form(self) -> None:
        views.put_in_front(self._world, self.user.id, None)

    def says(self, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Writes a message, as people do."""
        return self._world.board.post(channel, self.user.id, text=text, thread_ts=thread_ts)

    async def sees(
        self, channel: str, predicate: Callable[[Message], bool] = lambda _: True, within: float = 5.0
    ) -> Message:
        """The oldest message of the channel and its threads, ephemeral ones for this person included, that fits."""
        try:
            return await self._world.board.bell.until(
                lambda: next(filter(predicate, self.screen(channel)), None), within
            )
        except TimeoutError:
            shown = "\n".join(transcript(self.screen(channel), self._world.workspace))
            raise TimeoutError(
                f"{self.user.real_name} waited {within:g} s in vain.\nThe screen shows:\n{shown}"
            ) from None

    def screen(self, channel: str) -> list[Message]:
        """All that this person can see in the channel, oldest first."""
        here = self._world.workspace.channel(channel)
        if self.user.id not in here.members:
            raise NotOnScreenError(f"{self.user.real_name} is not in #{here.name}")
        whispers = [m for m in self._world.board.ephemerals(self.user.id) if m.channel == here.id]
        return sorted([*self._world.board.everything(here.id), *whispers], key=lambda m: m.ts)

    async def opens_home(self) -> Sent:
        return await self._front.event({"type": "app_home_opened", "user": self.user.id, "tab": "home"})

    def _reads(self, message: Message) -> Message:
        try:
            return self._world.board.find(message.channel, message.ts)
        except SlackError:
            raise NotOnScreenError("the message is gone") from None


def _button(message: Message, action_id: str, value: str | None) -> tuple[Json, Json]:
    fitting = [
        (block, element)
        for block, element in message.elements()
        if element["action_id"] == action_id and value in (None, element.get("value"))
    ]
    if len(fitting) != 1:
        raise NotOnScreenError(f"{len(fitting)} buttons {action_id!r} on a message that shows {message.buttons}")
    return fitting[0]


def _label(element: Json) -> str:
    label = element.get("text", {}).get("text") or element["action_id"]
    return str(label)
