"""The door to matplotlib: a strip becomes a PNG that can be read on a phone. As a program: a strip in, its PNG out."""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Patch

from bot.messages.strip import Mark, Row, Shade, Stretch, Strip

COLOURS: Final = {  # Okabe and Ito's, told apart by those who do not see red or green; and each has a height and hatching
    Shade.UP: "#009E73",
    Shade.UNOBSERVED: "#C9C9C9",
    Shade.PERHAPS: "#F5C9A8",
    Shade.DOWN: "#D55E00",
}
HATCHES: Final = {Shade.UP: "", Shade.UNOBSERVED: "...", Shade.PERHAPS: "///", Shade.DOWN: ""}
HEIGHTS: Final = {Shade.UP: 0.18, Shade.UNOBSERVED: 0.34, Shade.PERHAPS: 0.34, Shade.DOWN: 0.34}
INK: Final = "#1A1A1A"
WIDE, DPI = 7.2, 150  # 1080 pixels across, as a phone has them
LEFT, ACROSS = 0.04, 0.92
ROW, SPAN, AXIS, BADGES, SAID, NOTE, TITLE, FOOT, GAP = 0.95, 0.36, 0.42, 0.3, 0.25, 0.23, 0.54, 0.5, 0.2  # inches
EDGE: Final = 0.025  # of the width: the words of a tick that is nearer to an end would be cut
BADGE: Final = 0.035  # of the width, between two of them at least
STEPS: Final = tuple(
    timedelta(seconds=each) for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)
)
LEAST: Final = 0.006  # of the width: what is shorter is drawn as wide as that, or nobody would see it


def png(strip: Strip) -> bytes:
    sheet = _Sheet(_height(strip))
    sheet.write(strip.title, 17, 0.4, bold=True)
    for line in strip.note.splitlines():
        sheet.write(line, 11.5, NOTE)
    sheet.skip(GAP)
    numbers = strip.marks if strip.rows else ()
    panel = sheet.panel(strip.since, strip.until, strip.rows, BADGES if numbers else 0)
    for number, (mark, x) in enumerate(zip(numbers, _apart(strip), strict=False), 1):
        panel.mark(mark, x, number)
    for number, mark in enumerate(numbers, 1):
        sheet.write(f"{number}  {mark.at:%H:%M:%S}  {mark.text}", 12, SAID)
    for each in strip.closeups:
        sheet.skip(GAP)
        sheet.panel(each.since, each.until, [each.row], 0)
    sheet.legend()
    return sheet.drawn({"Title": strip.title, "Description": strip.alt})


def _height(strip: Strip) -> float:
    marks = BADGES + SAID * len(strip.marks) if strip.marks else 0
    panels = sum(map(_tall, strip.rows)) + AXIS + sum(GAP + _tall(each.row) + AXIS for each in strip.closeups)
    return TITLE + NOTE * len(strip.note.splitlines()) + GAP + panels + marks + FOOT


def _tall(row: Row) -> float:
    return ROW + SPAN * len(row.spans)


def _apart(strip: Strip) -> list[float]:
    """Where the numbers of the marks stand, from 0 to 1: near their instants, and none on another."""
    whole = (strip.until - strip.since) / timedelta(seconds=1) or 1.0
    wanted = [(mark.at - strip.since) / timedelta(seconds=1) / whole for mark in strip.marks]
    places: list[float] = []
    for each in wanted:
        places.append(max(each, places[-1] + BADGE if places else BADGE / 2))
    limit = 1 - BADGE / 2
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - BADGE
    return places


class _Sheet:
    """Filled from top to bottom; all lengths are inches."""

    def __init__(self, height: float) -> None:
        self._height = height
        self._left = height - 0.14
        self._figure = Figure(figsize=(WIDE, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self._figure)

    def skip(self, inches: float) -> None:
        self._left -= inches

    def write(self, text: str, size: float, inches: float, *, bold: bool = False) -> None:
        y, weight = self._left / self._height, "bold" if bold else "normal"
        self._figure.text(LEFT, y, _drawable(text), fontsize=size, weight=weight, color=INK, va="top", parse_math=False)
        self.skip(inches)

    def panel(self, since: datetime, until: datetime, rows: Sequence[Row], above: float) -> "_Panel":
        inches = sum(map(_tall, rows))
        self.skip(above + inches)
        place = (LEFT, self._left / self._height, ACROSS, inches / self._height)
        panel = _Panel(self._figure.add_axes(place), since, until, inches)
        for row in rows:
            panel.draw(row)
        self.skip(AXIS)
        return panel

    def legend(self) -> None:
        shades = [Patch(facecolor=COLOURS[each], hatch=HATCHES[each], edgecolor=INK, linewidth=0.5) for each in Shade]
        self._figure.legend(shades, list(Shade), loc="lower center", ncols=len(shades), frameon=False, fontsize=12)

    def drawn(self, about: dict[str, str]) -> bytes:
        drawn = io.BytesIO()
        self._figure.savefig(drawn, format="png", metadata=about)
        return drawn.getvalue()


class _Panel:
    """Lanes over one stretch of time; y is inches from below."""

    def __init__(self, axes: Axes, since: datetime, until: datetime, inches: float) -> None:
        self._axes = axes
        self._since = since
        self._until = until
        self._wide = max(self._x(until), 0.001)
        self._high = self._top = inches
        axes.set_xlim(0, self._wide)
        axes.set_ylim(0, inches)
        axes.set_yticks([])
        room = EDGE * (until - since)
        ticks = list(_ticks(since + room, until - room)) or [since]
        whole = all(each.microsecond == 0 for each in ticks)
        axes.set_xticks(
            [self._x(each) for each in ticks], [f"{each:%H:%M:%S.%f}"[: 8 if whole else 10] for each in ticks]
        )
        axes.tick_params(axis="x", labelsize=12.5, colors=INK)
        for side in ("left", "right", "top"):
            axes.spines[side].set_visible(False)

    def _x(self, at: datetime) -> float:
        return (at - self._since).total_seconds()

    def draw(self, row: Row) -> None:
        self._write(row.label, 12.5, self._top - 0.05, bold=True)
        self._write(row.verdict, 12, self._top - 0.28)
        for shade in Shade:
            for stretch in row.stretches:
                if stretch.shade is shade:
                    self._paint(stretch, self._top - 0.71)
        self._top -= ROW
        for span in row.spans:
            since, until = self._x(span.since), self._x(span.until)
            self._axes.annotate(
                "", (since, self._top), (until, self._top),
                arrowprops={"arrowstyle": "|-|,widthA=0.25,widthB=0.25", "color": INK, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
            self._axes.text(
                (since + until) / 2, self._top - 0.06, span.text, fontsize=12, color=INK, ha="center", va="top",
                parse_math=False,
            )  # fmt: skip
            self._top -= SPAN

    def _write(self, text: str, size: float, y: float, *, bold: bool = False) -> None:
        weight = "bold" if bold else "normal"
        self._axes.text(
            0, y, _drawable(text), fontsize=size, weight=weight, color=INK, va="top", parse_math=False, zorder=4,
            bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip

    def _paint(self, stretch: Stretch, y: float) -> None:
        since, until = self._x(max(stretch.since, self._since)), self._x(min(stretch.until, self._until))
        if until < since:
            return
        self._axes.barh(
            y, max(until - since, LEAST * self._wide), HEIGHTS[stretch.shade], left=since,
            color=COLOURS[stretch.shade], hatch=HATCHES[stretch.shade], linewidth=0.6, zorder=2,
            edgecolor=INK if stretch.shade is not Shade.UP else COLOURS[Shade.UP],
        )  # fmt: skip

    def mark(self, mark: Mark, x: float, number: int) -> None:
        """A line through all lanes, and its number above them."""
        at, place = self._x(mark.at), x * self._wide
        self._axes.plot([at, at], [0, self._high], color=INK, linewidth=1.2, linestyle=":", zorder=1, clip_on=False)
        self._axes.plot([at, place], [self._high, self._high + 0.1], color=INK, linewidth=0.8, zorder=1, clip_on=False)
        self._axes.text(
            place, self._high + 0.19, str(number), fontsize=10.5, weight="bold", color="white", ha="center", va="center",
            bbox={"boxstyle": "circle,pad=0.22", "facecolor": INK, "edgecolor": "none"}, zorder=5,
        )  # fmt: skip


def _drawable(text: str) -> str:
    """With a mark for each character that the font does not have; the alt text has them all."""
    font = get_font(findfont("DejaVu Sans"))
    return "".join(each if font.get_char_index(ord(each)) else "?" for each in text)


def _ticks(since: datetime, until: datetime) -> Iterator[datetime]:
    """At round instants, three to six of them."""
    lasting = until - since
    step = next((each for each in STEPS if lasting / each < 5.7), lasting)
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + -(-(since - midnight) // step) * step
    while at <= until:
        yield at
        at += step
