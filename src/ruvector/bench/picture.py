"""How does it look? Line charts as SVG text, drawn here: no library for some lines and letters.

Colours hold on white and on dark pages alike; each line carries its name at its end, so that
nothing depends on telling colours apart.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ruvector.bench.curves import Curve
from ruvector.errors import BadInput

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 74, 170, 58, 58
COLOURS = (
    "#d62728",
    "#1f77b4",
    "#2ca02c",
    "#9467bd",
    "#ff7f0e",
    "#17a2b8",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
)
INK, GRID = "#888", "#8884"
LABEL_HEIGHT = 15
FULL_RECALL = 0.9995  # a recall of 1 has no place on a scale of misses; it is drawn here


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points (x, y), in the order in which they are joined."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows; `scale` is linear, log or recall (the logarithm of what is missed)."""

    label: str
    scale: str = "linear"


SCALES: dict[str, Callable[[float], float]] = {
    "linear": float,
    "log": math.log10,
    "recall": lambda recall: -math.log10(1 - min(recall, FULL_RECALL)),
}
RECALL_TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)


def chart(title: str, subtitle: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """Return an SVG; lines without points are left out, log scales want positive numbers."""
    drawn = [line for line in lines if line.points]
    across = _Ruler(x, [point[0] for line in drawn for point in line.points], LEFT, WIDTH - RIGHT)
    along = _Ruler(y, [point[1] for line in drawn for point in line.points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">',
        _text(LEFT, 24, title, size=17, weight="bold"),
        _text(LEFT, 43, subtitle),
        *(_grid(across.place(tick), None, across.text(tick)) for tick in across.ticks),
        *(_grid(None, along.place(tick), along.text(tick)) for tick in along.ticks),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x.label, anchor="middle"),
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(y.label)}</text>',
    ]
    ends = [along.place(line.points[-1][1]) for line in drawn]
    for number, (line, height) in enumerate(zip(drawn, _apart(ends), strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        places = [(across.place(a), along.place(b)) for a, b in line.points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        width = 3 if number == 0 else 1.8
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        )
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in places]
        parts.append(
            f'<path d="M{places[-1][0] + 4:.1f} {places[-1][1]:.1f}L{WIDTH - RIGHT + 8} '
            f'{height:.1f}" stroke="{colour}" stroke-width="0.6" fill="none"/>'
        )
        parts.append(_text(WIDTH - RIGHT + 12, height + 4, line.name, fill=colour))
    return "\n".join([*parts, "</svg>\n"])


def recall_chart(title: str, subtitle: str, curves: Sequence[Curve]) -> str:
    """Return the picture of curves: recall across, queries per second upwards."""
    lines = [
        Line(curve.name, sorted((point.recall, point.qps) for point in curve.points))
        for curve in curves
    ]
    across, upwards = Axis("recall@10", "recall"), Axis("queries per second", "log")
    return chart(title, subtitle, across, upwards, lines)


class _Ruler:
    """Where the values of an axis stand between two places, and which of them are named."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float) -> None:
        self.axis, self.start, self.end = axis, start, end
        self.of = SCALES[axis.scale]
        self.low, self.high = min(values, default=0.1), max(values, default=1.0)
        if axis.scale == "linear":
            self.low, self.high = min(self.low, 0.0), self.high or 1.0
        if self.low == self.high:
            self.low, self.high = self.low / 1.1, self.high * 1.1
        self.ticks = self._ticks()

    def place(self, value: float) -> float:
        """Return where a value stands."""
        low, high = self.of(self.low), self.of(self.high)
        share = 0.02 + 0.96 * (self.of(value) - low) / (high - low or 1.0)
        return self.start + share * (self.end - self.start)

    def text(self, tick: float) -> str:
        """Return how a tick is written."""
        if self.axis.scale == "recall":
            return f"{tick:.3f}".rstrip("0")
        return f"{tick:,.10g}"

    def _ticks(self) -> list[float]:
        if self.axis.scale == "recall":
            return [tick for tick in RECALL_TICKS if self.low <= tick <= self.high]
        if self.axis.scale == "log":
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        else:
            step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
            step *= next(by for by in (1, 2, 5, 10) if (self.high - self.low) / step / by <= 6)
            first = math.ceil(self.low / step)
            ticks = [number * step for number in range(first, math.floor(self.high / step) + 1)]
        return [tick for tick in ticks if self.low <= tick <= self.high]


def _apart(heights: Sequence[float]) -> list[float]:
    """Return heights near the given ones, in their order, no two closer than a label is high."""
    placed = list(heights)
    above = -math.inf
    for number in sorted(range(len(heights)), key=heights.__getitem__):
        placed[number] = above = max(heights[number], above + LABEL_HEIGHT)
    over = max(placed, default=0.0) - (HEIGHT - BOTTOM)
    return [height - max(0.0, over) for height in placed]


def _grid(x: float | None, y: float | None, label: str) -> str:
    if y is None:
        line = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
        text = _text(x or 0, HEIGHT - BOTTOM + 18, label, anchor="middle")
    else:
        line = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
        text = _text(LEFT - 8, y + 4, label, anchor="end")
    return f'<line {line} stroke="{GRID}"/>{text}'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 13,
    weight: str = "normal",
    fill: str = INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
    )


def write(file: Path, svg: str) -> None:
    """Write a picture; BadInput where that is not possible."""
    try:
        file.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror or error}") from error
