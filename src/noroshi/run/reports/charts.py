"""Charts as inline SVG: few lines, colours by class from report.css, words as searchable text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.intervals import Interval
from noroshi.run.mapping.basemap import nice_below
from noroshi.run.reports.html import Html, joined, tag

Floats = NDArray[np.float64]

CHAR_PX = 6.4
"""About how wide a letter of 11 px is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A curve with its interval.

    Attributes:
        class_: its colour in the style sheet.
        x, y, low, high: (n,) each.
    """

    class_: str
    x: Floats
    y: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something on a row of the timeline.

    Attributes:
        at_s: when.
        kind: which, for its shape and colour.
        title: what happened, in words.
        until_s: when it ends, if it lasts; then it is a bar, with `told` beside it.
        told: a few words.
    """

    at_s: float
    kind: str
    title: str
    until_s: float | None = None
    told: str = ""


def svg(width: float, height: float, *children: Html, title: str, class_: str = "chart") -> Html:
    """Return a drawing that is as wide as there is room for, up to its own width."""
    return tag(
        "svg", tag("title", title), *children, viewBox=f"0 0 {_n(width)} {_n(height)}", width=_n(width), role="img",
        class_=class_,
    )  # fmt: skip


def whisker(found: Interval, reach: float, *, shown: bool) -> Html:
    """Return a difference with its interval beside zero, small enough for a table's cell.

    Args:
        found: the difference.
        reach: what the half width of the drawing stands for.
        shown: whether a difference is shown.
    """
    width, height = 120.0, 16.0
    if not all(map(math.isfinite, found)) or not reach:
        return Html("")
    low, middle, high = (
        width / 2.0 + (width / 2.0 - 4.0) * min(1.0, max(-1.0, each / reach))
        for each in (found.low, found.value, found.high)
    )
    kind = "whisker shown" if shown else "whisker"
    return svg(
        width, height,
        _line(width / 2.0, 1.0, width / 2.0, height - 1.0, "zero"),
        _line(low, height / 2.0, high, height / 2.0, kind),
        tag("circle", cx=_n(middle), cy=_n(height / 2.0), r="3.2", class_=kind),
        title="the difference and its interval beside zero", class_="spark",
    )  # fmt: skip


def curves(bands: Sequence[Band], *, title: str, unit: str, width: float = 340.0, height: float = 200.0,
           top: float | None = None) -> Html:  # fmt: skip
    """Return curves over seconds of the exercise, each with its interval as a band."""
    left, right, above, below = 46.0, 8.0, 28.0, 34.0
    x_max = max(float(each.x.max()) for each in bands)
    finite = np.concatenate([each.y for each in bands])
    y_max = top or max(1.4 * float(np.nanmax(finite, initial=0.0)), 1e-9)

    def x_px(x: float) -> float:
        return left + (width - left - right) * x / x_max

    def y_px(y: float) -> float:
        return height - below - (height - above - below) * min(max(y, 0.0), y_max) / y_max

    parts = [tag("text", title, x="0", y="12", class_="head")]
    for value in _ticks(y_max, 4):
        parts.append(_line(left, y_px(value), width - right, y_px(value), "grid"))
        parts.append(_text(left - 6.0, y_px(value) + 4.0, f"{value:,.6g}", "tick end"))
    for value in _ticks(x_max, 6):
        parts.append(_text(x_px(value), height - below + 15.0, f"{value:,.6g}", "tick middle"))
    parts.append(_text(width - right, height - 3.0, f"seconds since the start · {unit}", "tick end"))
    for each in bands:
        for part in _pieces(each.low + each.high):
            x_edge = np.append(each.x[part], each.x[part][::-1])
            y_edge = np.append(each.high[part], each.low[part][::-1])
            points = " ".join(f"{_n(x_px(x))},{_n(y_px(y))}" for x, y in zip(x_edge, y_edge, strict=True))
            parts.append(tag("polygon", points=points, class_=f"band {each.class_}"))
        for part in _pieces(each.y):
            points = " ".join(f"{_n(x_px(x))},{_n(y_px(y))}" for x, y in zip(each.x[part], each.y[part], strict=True))
            parts.append(tag("polyline", points=points, class_=f"curve {each.class_}"))
    return svg(width, height, *parts, title=f"{title}, over time")


def _pieces(values: Floats) -> list[NDArray[np.int64]]:
    """Return the indices of each stretch without a gap, of two values or more."""
    known = np.flatnonzero(np.isfinite(values))
    return [part for part in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if len(part) > 1]


def stacked(
    rows: Sequence[tuple[str, Mapping[str, float]]], stages: Sequence[str], *, title: str, names: Mapping[str, str]
) -> Html:
    """Return one bar a row, split into stages; a stage's seconds stand in it where there is room."""
    label, width, bar, step = 190.0, 1124.0, 22.0, 32.0
    longest = max((sum(parts.values()) for _, parts in rows), default=0.0) or 1.0
    scale = (width - label - 60.0) / longest
    height = step * len(rows) + 26.0
    parts = []
    for tick in _ticks(longest, 8):
        parts.append(_line(label + tick * scale, 0.0, label + tick * scale, height - 22.0, "grid"))
        parts.append(_text(label + tick * scale, height - 8.0, f"{tick:,.6g} s", "tick middle"))
    for i, (name, spent) in enumerate(rows):
        y, x = step * i + 4.0, label
        parts.append(_text(label - 8.0, y + 15.0, name, "label end"))
        for stage in stages:
            px = spent.get(stage, 0.0) * scale
            if px <= 0.0:
                continue
            told = f"{names[stage]}: {spent[stage]:.1f} s"
            parts.append(
                tag("rect", tag("title", told), x=_n(x), y=_n(y), width=_n(px), height=_n(bar), class_=f"stage {stage}")
            )
            if px > CHAR_PX * 4.5:
                parts.append(_text(x + px / 2.0, y + 15.0, f"{spent[stage]:,.0f}", f"inside {stage}"))
            x += px
        parts.append(_text(x + 6.0, y + 15.0, f"{sum(spent.values()):,.0f} s", "label"))
    return svg(width, height, *parts, title=title)


SHAPES = {
    "launch": "M-5,5 L0,-6 L5,5 Z",
    "plot": "M-1,-6 h2 v12 h-2 Z",
    "notice": "M0,-5 L5,0 L0,5 L-5,0 Z",
    "firm": "M-4,-4 h8 v8 h-8 Z",
    "threat": "M0,-5.5 L5.5,4 L-5.5,4 Z",
    "proposal": "M-5,-5 h10 v3 h-10 Z M-5,2 h10 v3 h-10 Z",
    "alert": "M-3,-6 h6 v8 h-6 Z M-3,4 h6 v3 h-6 Z",
    "near": "M-5,-1 L0,6 L5,-1 Z",
}


def mark(kind: str, x: float, y: float, title: str) -> Html:
    """Return a mark of the timeline."""
    return tag("path", tag("title", title), d=SHAPES[kind], transform=f"translate({_n(x)} {_n(y)})",
               class_=f"mark {kind}")  # fmt: skip


def timeline(groups: Sequence[tuple[str, Sequence[tuple[str, Sequence[Mark]]]]], *, end_s: float, title: str) -> Html:
    """Return marks over time: groups of rows, each a name and its marks; what a mark is stands in its title."""
    label, width, step = 130.0, 1124.0, 26.0
    n_rows = sum(len(rows) for _, rows in groups)
    height = step * n_rows + 24.0 * len(groups) + 28.0

    def x_px(at_s: float) -> float:
        return label + (width - label - 16.0) * at_s / end_s

    parts, y = [], 4.0
    for tick in (0.0, *_ticks(end_s, 9)):
        parts.append(_line(x_px(tick), 0.0, x_px(tick), height - 24.0, "grid"))
        parts.append(_text(x_px(tick), height - 8.0, clock(tick), "tick middle"))
    for name, rows in groups:
        parts.append(_text(0.0, y + 15.0, name, "head"))
        y += 24.0
        for row, marks in rows:
            parts.append(_text(label - 12.0, y + 12.0, row, "label end"))
            parts.append(_line(label, y + 8.0, width - 16.0, y + 8.0, "row"))
            for each in marks:
                if each.until_s is None:
                    parts.append(mark(each.kind, x_px(each.at_s), y + 8.0, each.title))
                else:
                    parts += _bar(each, x_px(each.at_s), x_px(min(each.until_s, end_s)), y + 8.0, width - 16.0)
            y += step
    return svg(width, height, *parts, title=title)


def _bar(lasting: Mark, x1: float, x2: float, y: float, right: float) -> list[Html]:
    """Return what lasts as a bar, its words behind it, or before it where there is no room."""
    bar = tag("rect", tag("title", lasting.title), x=_n(x1), y=_n(y - 5.0), width=_n(max(x2 - x1, 2.0)), height="10",
              class_=f"bar {lasting.kind}")  # fmt: skip
    if x2 + 6.0 + CHAR_PX * len(lasting.told) <= right:
        return [bar, _text(x2 + 6.0, y + 4.0, lasting.told, "label")]
    return [bar, _text(x1 - 6.0, y + 4.0, lasting.told, "label end")]


def clock(seconds: float) -> str:
    """Return seconds since the start as minutes and seconds."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _ticks(top: float, number: int) -> list[float]:
    step = nice_below(top / number * 1.6) if top > 0.0 else 1.0
    return [step * i for i in range(1, int(top / step + 1e-9) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Html:
    return tag("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=class_)


def _text(x: float, y: float, text: str, class_: str) -> Html:
    return tag("text", text, x=_n(x), y=_n(y), class_=class_)


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def legend(entries: Sequence[tuple[Html, str]]) -> Html:
    """Return what colours and shapes mean."""
    return tag("p", *(tag("span", joined(sign, " ", name)) for sign, name in entries), class_="legend")


def swatch(class_: str) -> Html:
    """Return a little field of a colour."""
    return svg(14.0, 12.0, tag("rect", x="0", y="0", width="14", height="12", class_=class_), title="", class_="key")


def sign(kind: str) -> Html:
    """Return a mark of the timeline for a legend."""
    return svg(16.0, 14.0, mark(kind, 8.0, 7.0, kind), title="", class_="key")
