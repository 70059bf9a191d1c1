"""A Slack channel in a terminal: replies scroll by as they come, the card stays below them and changes in place."""

import re
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sandbox.slack import Change, Message
from sandbox.slack.transcript import content_lines
from sandbox.world import World

PLAIN_WIDTH = 150
COLOURS = {
    "unreachable": "red",
    "back after": "green",
    "Done in": "bold green",
    "Ordered:": "bold",
    "refused": "yellow",
    "Rolled back": "yellow",
    "/aurora": "cyan",
}
BOLD = re.compile(r"\*([^*\n]+)\*")


class Screen:
    """Everybody's view of the channel. In a pipe nothing moves: the card is printed whenever its first line changes."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PLAIN_WIDTH)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._card: Panel | None = None
        self._title = ""

    def show(self, here: World) -> Callable[[Change], None]:
        running = ", ".join(sorted(set(here.aurora.versions().values())))
        self.say(
            f"The world is ready after {here.ready_seconds:.1f} s: two PostgreSQL servers ({running}), the RDS API, a Slack, a Valkey, "
            f"and the bot: {', '.join(here.bot.commands)}.",
            "",
        )
        if self._console.is_terminal:
            self._live.start()
        return lambda change: self._take(change, here)

    def say(self, *lines: str) -> None:
        self._console.print(*lines, sep="\n", markup=False)

    def close(self) -> None:
        """The card as it ended stays on the screen."""
        self._live.stop()
        if self._card and self._console.is_terminal:
            self._console.print(self._card)

    def _take(self, change: Change, here: World) -> None:
        lines = content_lines(change.message, here.slack.workspace)
        if change.kind in ("posted", "edited") and not change.message.is_reply:
            self._show_card(lines)
        elif change.kind == "click":
            self._print(change.message, [f"clicks {change.message.text}"], here)
        elif change.kind != "edited":
            self._print(change.message, lines, here)

    def _show_card(self, lines: Sequence[str]) -> None:
        self._card = Panel(Group(*map(shown, lines)), title="#db-ops", title_align="left", expand=False)
        if self._console.is_terminal:
            self._live.update(self._card)
        elif lines[0] != self._title:
            self._title = lines[0]
            self._console.print(self._card)

    def _print(self, message: Message, lines: Sequence[str], here: World) -> None:
        user = here.slack.workspace.users.get(message.author)
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=8, style="dim")
        row.add_column(width=6, style="bold")
        row.add_column()
        whisper = " (only visible to one)" if message.ephemeral else ""
        body = Text("\n").join(shown(line) for line in [*lines[:-1], f"{lines[-1]}{whisper}"])
        row.add_row(f"{message.at:%H:%M:%S}", user.real_name if user else message.author, body)
        self._console.print(row)


def shown(line: str) -> Text:
    """Slack's bold as bold, and colour for what matters most."""
    text = Text(style=next((colour for words, colour in COLOURS.items() if words in line), ""))
    for index, part in enumerate(BOLD.split(line)):
        text.append(part, style="bold" if index % 2 else "")
    return text
