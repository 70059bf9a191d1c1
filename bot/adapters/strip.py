"""The door to matplotlib: a strip becomes a PNG that can be read on a phone."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Patch

from bot.messages.strip import Row, Shade, Stretch, Strip

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
ROW_INCHES, HEAD_INCHES, FOOT_INCHES = 0.95, 0.9, 0.95
STEPS: Final = tuple(
    timedelta(seconds=each) for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)
)
LEAST: Final = 0.004  # of the width: what is shorter is drawn as wide as that, or nobody would see it


def png(strip: Strip) -> bytes:
    height = HEAD_INCHES + FOOT_INCHES + ROW_INCHES * len(strip.rows)
    figure = Figure(figsize=(WIDE, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.04, FOOT_INCHES / height, 0.92, ROW_INCHES * len(strip.rows) / height))
    _lay_out(axes, strip)
    for number, row in enumerate(strip.rows):
        _draw(axes, strip, row, -number)
    for mark in strip.marks:
        axes.axvline(_x(strip, mark.at), color=INK, linewidth=1.5, linestyle=":")
        axes.text(
            _x(strip, mark.at),
            0.62,
            f" {_drawable(mark.text)}",
            fontsize=11,
            color=INK,
            va="top",
            clip_on=True,
            parse_math=False,
        )
    figure.text(
        0.04,
        1 - 0.16 / height,
        _drawable(strip.title),
        fontsize=17,
        weight="bold",
        color=INK,
        va="top",
        parse_math=False,
    )
    figure.text(0.04, 1 - 0.56 / height, strip.note, fontsize=11.5, color=INK, va="top", parse_math=False)
    shades = [Patch(facecolor=COLOURS[each], hatch=HATCHES[each], edgecolor=INK, linewidth=0.5) for each in Shade]
    figure.legend(shades, list(Shade), loc="lower center", ncols=len(shades), frameon=False, fontsize=12)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Title": strip.title, "Description": strip.alt})
    return drawn.getvalue()


def _drawable(text: str) -> str:
    """With a mark for each character that the font does not have; the alt text has them all."""
    font = get_font(findfont("DejaVu Sans"))
    return "".join(each if font.get_char_index(ord(each)) else "?" for each in text)


def _x(strip: Strip, at: datetime) -> float:
    return (at - strip.since).total_seconds()


def _lay_out(axes: Axes, strip: Strip) -> None:
    wide = max(_x(strip, strip.until), 0.001)
    axes.set_xlim(0, wide)
    axes.set_ylim(0.65 - len(strip.rows), 0.65)
    axes.set_yticks([])
    ticks = list(_ticks(strip))
    form = "%H:%M:%S" if ticks[0].microsecond == ticks[-1].microsecond == 0 else "%S.%f"
    axes.set_xticks([_x(strip, each) for each in ticks], [each.strftime(form)[:8] for each in ticks])
    axes.tick_params(axis="x", labelsize=12.5, colors=INK)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def _ticks(strip: Strip) -> Iterator[datetime]:
    """At round instants, three to six of them."""
    lasting = strip.until - strip.since
    step = next((each for each in STEPS if lasting / each < 6.5), lasting)
    midnight = strip.since.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + -(-(strip.since - midnight) // step) * step
    while at <= strip.until:
        yield at
        at += step


def _draw(axes: Axes, strip: Strip, row: Row, y: float) -> None:
    axes.text(0, y + 0.6, _drawable(row.label), fontsize=12.5, weight="bold", color=INK, va="top", parse_math=False)
    axes.text(0, y + 0.37, _drawable(row.verdict), fontsize=12, color=INK, va="top", parse_math=False)
    for shade in Shade:
        for stretch in row.stretches:
            if stretch.shade is shade:
                _paint(axes, strip, stretch, y - 0.06)


def _paint(axes: Axes, strip: Strip, stretch: Stretch, y: float) -> None:
    since, until = _x(strip, max(stretch.since, strip.since)), _x(strip, min(stretch.until, strip.until))
    if until < since:
        return
    width = max(until - since, LEAST * _x(strip, strip.until))
    height = HEIGHTS[stretch.shade]
    axes.barh(
        y, width, height, left=since, color=COLOURS[stretch.shade], hatch=HATCHES[stretch.shade],
        edgecolor=INK if stretch.shade is not Shade.UP else COLOURS[Shade.UP], linewidth=0.6,
    )  # fmt: skip
