"""The panel beside a picture: headings, rows with their symbols, the altitude scale."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from noroshi.geo.units import FOOT_M
from noroshi.run.mapping.basemap import nice_below

SANS, MONO = "DejaVu Sans", "DejaVu Sans Mono"
"""The two fonts that come with Matplotlib, so that a picture is the same everywhere."""
BRIGHT, PLAIN, DIM = "#eef4f8", "#c5d3dc", "#8599a8"
N_COLOURS = 48
DPI = 140
RAMP = ("#6f63f5", "#b765e0", "#ef7396", "#fb9c5c", "#fbd15c", "#fdf7b8")
"""Altitude from low to high: ever lighter, so that the order survives colour blindness and grey print."""
FLIGHT_LEVELS_UP_TO_M = 20_000.0
HIGH_SHARE = 0.4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AltitudeScale:
    """Which colour an altitude has: violet is low, pale yellow is high.

    Attributes:
        base_m, top_m: altitudes of the darkest and of the brightest colour.
        in_flight_levels: whether it is marked in flight levels and metres, else in kilometres alone.
    """

    base_m: float
    top_m: float
    in_flight_levels: bool

    @classmethod
    def of(cls, altitude_m: Floats) -> "AltitudeScale | None":
        """Return a scale for (n,) altitudes, NaN where unknown; None if none is known.

        It begins on the ground, unless all fly so high that this would leave most colours unused.
        """
        known = altitude_m[np.isfinite(altitude_m)]
        if not len(known):
            return None
        low_m, high_m = np.percentile(known, (0.5, 99.5))
        in_flight_levels = bool(high_m <= FLIGHT_LEVELS_UP_TO_M)
        step_m = 5000.0 * FOOT_M if in_flight_levels else nice_below(high_m / 4.0)
        top_m = max(math.ceil(high_m / step_m), 2) * step_m
        base_m = math.floor(low_m / step_m) * step_m
        return cls(base_m if base_m >= HIGH_SHARE * top_m else 0.0, top_m, in_flight_levels)

    @staticmethod
    def colours() -> Floats:
        """Return the (k, 4) colours from low to high."""
        knots, at = np.linspace(0.0, 1.0, len(RAMP)), np.linspace(0.0, 1.0, N_COLOURS)
        channels = rgba(RAMP).T
        return np.stack([np.interp(at, knots, channel) for channel in channels], axis=1)

    def step(self, altitude_m: Floats) -> NDArray[np.int64]:
        """Return (n,) which of the colours; -1 where the altitude is unknown."""
        known = np.isfinite(altitude_m)
        height = np.where(known, altitude_m, 0.0) - self.base_m
        share = np.clip(height / (self.top_m - self.base_m), 0.0, 1.0 - 1e-9)
        return np.where(known, np.floor(share * N_COLOURS), -1.0).astype(np.int64)

    def marks(self) -> list[tuple[float, str, str]]:
        """Return (altitude [m], mark left, mark right)."""
        span_m = self.top_m - self.base_m
        if not self.in_flight_levels:
            heights = np.arange(self.base_m, self.top_m + 1.0, nice_below(span_m / 4.0))
            return [(m, "", f"{m / 1000.0:,.10g} km") for m in heights]
        step = 50.0 if span_m < 9000.0 else 100.0
        base, top = self.base_m / FOOT_M / 100.0, self.top_m / FOOT_M / 100.0
        levels = np.arange(base, top + 1.0, step)
        metres = levels * 100.0 * FOOT_M
        return [(m, f"FL{level:03.0f}", f"{m:,.0f} m") for level, m in zip(levels, metres, strict=True)]


def write(axes: Axes, x: float, y: float, text: str, *, font: str = SANS, **style: Any) -> None:
    """Write plain text: no mathematics in it, and nothing that the font cannot show."""
    shown = "".join(letter if ord(letter) in _letters(font) or letter == "\n" else "□" for letter in text)
    axes.text(x, y, shown, family=font, parse_math=False, **style)


@cache
def _letters(font: str) -> frozenset[int]:
    return frozenset(get_font(findfont(font, fallback_to_default=False)).get_charmap())


class Panel:
    """Rows from the top down, in an axes whose unit is one pixel."""

    def __init__(self, axes: Axes, width_px: float, height_px: float) -> None:
        """Start at the top."""
        self.axes, self.width_px, self.y = axes, width_px, height_px + 6.0
        axes.set_xlim(0.0, width_px)
        axes.set_ylim(0.0, height_px)
        axes.set_axis_off()

    @property
    def n_letters(self) -> int:
        """How many letters fit into a row after its symbol."""
        return int((self.width_px - 62.0) / 9.2)

    def heading(self, text: str) -> None:
        """Write a heading."""
        self.y -= 36.0
        write(self.axes, 14.0, self.y, text, fontsize=7.2, fontweight="bold", color=DIM)
        self.y -= 6.0

    def row(self, text: str, *, beside: str = "", colour: str = PLAIN, symbol: Line2D | None = None) -> None:
        """Write a row: a symbol (its x data are pixels from the left edge), a text, and one at the right edge."""
        self.y -= 21.0
        if symbol is not None:
            symbol.set_ydata(np.full(len(np.atleast_1d(symbol.get_xdata())), self.y + 4.5))
            self.axes.add_line(symbol)
        room = self.n_letters - len(beside) - (0 if symbol is None else 1)
        shown = text if len(text) <= room else text[: max(room - 1, 1)] + "…"
        write(self.axes, 14.0 if symbol is None else 52.0, self.y, shown, fontsize=8.2, color=colour)
        if beside:
            write(self.axes, self.width_px - 14.0, self.y, beside, font=MONO, fontsize=7.8, color=DIM, ha="right")

    def scale(self, scale: AltitudeScale, height_px: float) -> None:
        """Draw the altitude's colours with their marks."""
        self.y -= 18.0 + height_px
        left, right = (62.0, 82.0) if scale.in_flight_levels else (14.0, 34.0)
        edges = self.y + np.linspace(0.0, height_px, N_COLOURS + 1)
        boxes = [[(left, a), (right, a), (right, b), (left, b)] for a, b in itertools.pairwise(edges)]
        self.axes.add_collection(PolyCollection(boxes, facecolors=scale.colours(), edgecolors="face", linewidths=0.3))
        for altitude_m, left_mark, right_mark in scale.marks():
            y = self.y + height_px * (altitude_m - scale.base_m) / (scale.top_m - scale.base_m)
            style: dict[str, Any] = {"font": MONO, "fontsize": 7.4, "color": PLAIN, "va": "center"}
            write(self.axes, left - 8.0, y, left_mark, ha="right", **style)
            write(self.axes, right + 8.0, y, right_mark, ha="left", **style)
        self.y -= 4.0


def symbol(**style: Any) -> Line2D:
    """Return a symbol for a row: a stroke unless `linestyle` says none, then a marker alone."""
    x = [30.0] if style.get("linestyle") == "none" else [18.0, 44.0]
    return Line2D(x, [0.0] * len(x), **style)


def rgba(colours: Sequence[str]) -> Floats:
    """Return (n, 4) channels from 0 to 1 of colours written as #rrggbb."""
    return np.array([[int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)] + [1.0] for colour in colours])
