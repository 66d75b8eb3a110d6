"""What lies on the ground of a picture: plots, tracks, sensors, towns, and their labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from noroshi.geo.units import FOOT_M, KNOT_M_S, NAUTICAL_MILE_M
from noroshi.records import SensorSite
from noroshi.run.coast import towns
from noroshi.run.mapping.basemap import Frame, Projection, nice_below, thin
from noroshi.run.mapping.labels import Room
from noroshi.run.mapping.panel import BRIGHT, DPI, MONO, PLAIN, AltitudeScale, rgba, write
from noroshi.run.mapping.rows import Rows

HALO, UNKNOWN, TOWN = "#0b1622", "#9aa7b0", "#8fa1ae"
SENSOR_COLOURS = ("#5fa8d8", "#62b58a", "#9c90d6", "#4fb3b8", "#a9ad6d", "#8d99a6")
TRACK_COLOURS = ("#f0c05a", "#56b4e9", "#e07b53", "#3ec79a", "#cc8fc0", "#d9dfe3", "#7f9cf0", "#b9d65c")
N_PLOTS_MAX, N_LABELS_MAX, N_TOWNS_MAX = 200_000, 60, 24
LEADERS_S = (60.0, 300.0, 30.0, 10.0, 5.0, 1.0)
LEADER_PX = (5.0, 120.0)
RING_LABELS = np.array([0, 120, 60, 180])
"""Where a ring's distance may stand, of its 241 vertices: north, south, east, west."""
LABEL_PT, TOWN_PT = 6.8, 7.0
PX_PER_PT = DPI / 72.0
CLIMBING_M_S = 1.5
SPACE_FROM_M = 30_000.0

Floats = NDArray[np.float64]
ToXY = Callable[[Floats], Floats]
"""Map positions (n, 2) [m] of ECEF positions (n, 3) [m]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canvas:
    """What every layer needs: where to draw, and how a place on Earth gets there."""

    axes: Axes
    frame: Frame
    to_xy: ToXY
    ground: Projection | None
    laboratory: bool


def sensor_colour(index: int) -> str:
    """Return the colour of a sensor and its plots."""
    return SENSOR_COLOURS[index % len(SENSOR_COLOURS)]


def plot_stride(n: int) -> int:
    """Return which share of n plots is drawn: one in so many."""
    return max(1, -(-n // N_PLOTS_MAX))


def row_colours(rows: Rows, scale: AltitudeScale | None, *, by_track: bool) -> Floats:
    """Return the (n, 4) colour of each row: by track or by altitude."""
    if by_track:
        palette = rgba(TRACK_COLOURS)
        cycled: Floats = palette[rows.track % len(palette)]
        return cycled
    if scale is None:
        return np.tile(rgba((UNKNOWN,)), (len(rows.track), 1))
    by_altitude: Floats = np.concatenate([scale.colours(), rgba((UNKNOWN,))])[scale.step(rows.altitude_m)]
    return by_altitude


def draw_plots(canvas: Canvas, plots: Mapping[str, Floats], names: Sequence[str]) -> None:
    """Draw plots as faint dots in their sensor's colour, thinned if there are very many."""
    stride = plot_stride(sum(map(len, plots.values())))
    for name, positions in plots.items():
        positions = positions[::stride]
        xy = canvas.to_xy(positions[np.all(np.isfinite(positions), axis=1)])
        xy = xy[canvas.frame.inside(xy)]
        colour = sensor_colour(names.index(name))
        alpha = float(np.clip(60.0 / np.sqrt(len(xy) + 1.0), 0.22, 0.8))
        dots = Line2D(*xy.T, linestyle="none", marker="o", markersize=1.5, markeredgewidth=0.0)
        dots.set(color=colour, alpha=alpha, zorder=4, rasterized=True)
        canvas.axes.add_line(dots)


def draw_tracks(canvas: Canvas, rows: Rows, xy: Floats, colours: Floats) -> None:
    """Draw each track as a line, thin where it is not firm; colours change along it."""
    kept = thin(canvas.frame.px(xy), rows.track, 0.8)
    step = np.rint(colours[kept] * 255.0).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1, 0])
    style = 2 * step + rows.sure[kept]
    joined = rows.track[kept][1:] == rows.track[kept][:-1]
    joined &= np.hypot(*np.diff(xy[kept], axis=0).T) < 5e6
    change = np.flatnonzero(~joined[1:] | ~joined[:-1] | (style[2:] != style[1:-1])) + 1
    firsts = np.concatenate([[0], change])
    lasts = np.concatenate([change, [len(joined)]])
    drawn = joined[firsts] if len(joined) else np.zeros(0, bool)
    firsts, lasts = firsts[: len(drawn)][drawn], lasts[: len(drawn)][drawn]
    lines = [xy[kept[a : b + 1]] for a, b in zip(firsts, lasts, strict=True)]
    sure = rows.sure[kept][firsts + 1] if len(firsts) else np.zeros(0, bool)
    shades = colours[kept][firsts + 1] if len(firsts) else np.zeros((0, 4))
    crowding = _crowding(len(rows.last))
    shades[:, 3] = np.where(sure, 0.95, 0.5) * crowding**0.5
    widths = np.where(sure, 1.3, 0.6) * crowding
    canvas.axes.add_collection(
        LineCollection(lines, colors=shades, linewidths=widths, capstyle="round", zorder=5), autolim=False
    )


def leader_seconds(rows: Rows, frame: Frame) -> float:
    """Return how far ahead a track's line points: a minute, if that can be seen and does not fill the picture."""
    speed_m_s = np.linalg.norm(rows.velocity_ecef_m_s[rows.last[rows.alive & rows.confirmed]], axis=1)
    known = speed_m_s[np.isfinite(speed_m_s)]
    px_per_s = float(np.median(known)) / frame.metres_per_px if len(known) else 0.0
    low, high = LEADER_PX
    return next((seconds for seconds in LEADERS_S if low <= px_per_s * seconds <= high), LEADERS_S[0])


def leader_lines(canvas: Canvas, rows: Rows, xy: Floats, seconds: float) -> list[Floats]:
    """Return from where (2,) to where each track that is there at the end will go within so many seconds."""
    now = rows.last[rows.alive & rows.confirmed]
    now = now[np.all(np.isfinite(rows.velocity_ecef_m_s[now]), axis=1)]
    ahead = canvas.to_xy(rows.position_ecef_m[now] + seconds * rows.velocity_ecef_m_s[now])
    return list(np.stack([xy[now], ahead], axis=1))


def draw_heads(canvas: Canvas, rows: Rows, xy: Floats, colours: Floats, leaders: Sequence[Floats]) -> None:
    """Draw where confirmed tracks are now and where they are going, and where the others ended."""
    canvas.axes.add_collection(LineCollection(leaders, colors=BRIGHT, linewidths=0.8, zorder=6), autolim=False)
    style: dict[str, Any] = {"linewidths": 0.7, "marker": "o"}
    ended = rows.last[~rows.alive & rows.confirmed]
    x, y = xy[ended].T
    canvas.axes.scatter(
        x, y, s=7.0 * _crowding(len(ended)), c=HALO, edgecolors=list(map(tuple, colours[ended])), zorder=6.5, **style
    )
    now = rows.last[rows.alive & rows.confirmed]
    x, y = xy[now].T
    canvas.axes.scatter(
        x, y, s=20.0 * _crowding(len(now)), c=list(map(tuple, colours[now])), edgecolors=BRIGHT, zorder=7, **style
    )


def _crowding(n: int) -> float:
    """Return by how much symbols shrink where there are n of them."""
    return float(np.clip((100.0 / max(n, 1)) ** 0.33, 0.4, 1.0))


def draw_sensors(
    canvas: Canvas, sites: Sequence[SensorSite], names: Sequence[str], positions: Floats, room: Room
) -> None:
    """Draw each placed sensor, its name, and its coverage with rings of round distances [NM]."""
    for site, xy in zip(sites, canvas.to_xy(positions), strict=True):
        if not np.all(np.isfinite(xy)):
            continue
        colour = sensor_colour(names.index(site.sensor))
        if range_m := site.parameters.get("range_m_max", 0.0):
            _draw_rings(canvas, site, xy, range_m, colour)
        marker = Line2D(*xy[:, None], marker="^", markersize=7.5, markeredgewidth=0.9, zorder=7.5, linestyle="none")
        marker.set(markerfacecolor=HALO, markeredgecolor=colour)
        canvas.axes.add_line(marker)
        at = canvas.frame.px(xy)
        room.keep_out(np.concatenate([at - 8.0, at + 8.0])[None])
        if canvas.frame.inside(xy):
            draw_label(canvas, room, xy, site.sensor, colour=colour, size_pt=8.0, bold=True)


def _draw_rings(canvas: Canvas, site: SensorSite, xy: Floats, range_m: float, colour: str) -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 241)
    circle = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    step = nice_below(range_m / NAUTICAL_MILE_M / 2.5) * NAUTICAL_MILE_M
    for radius_m in (*np.arange(step, range_m - 0.5 * step, step), range_m):
        ring = xy + radius_m * circle
        if canvas.ground is not None:
            about = Projection(site.lat_rad, site.lon_rad)
            ring = canvas.ground.xy_from_geodetic(*about.geodetic_from_xy(radius_m * circle))
        outer = radius_m == range_m
        line = Line2D(*ring.T, color=colour, linewidth=0.9 if outer else 0.5, zorder=3.5)
        line.set(alpha=0.75 if outer else 0.45, linestyle="-" if outer else (0, (2, 4)))
        canvas.axes.add_line(line)
        if outer:
            canvas.axes.fill(*ring.T, facecolor=colour, alpha=0.045, linewidth=0.0, zorder=1.2)
        seen = np.flatnonzero(canvas.frame.inside(ring[RING_LABELS], margin_px=-20.0))
        if len(seen):
            x, y = ring[RING_LABELS[seen[0]]]
            text = f"{radius_m / NAUTICAL_MILE_M:.0f} NM"
            write(
                canvas.axes,
                float(x),
                float(y),
                text,
                fontsize=6.2,
                color=colour,
                alpha=0.8,
                ha="center",
                va="bottom",
                zorder=3.6,
            )


def draw_labels(canvas: Canvas, rows: Rows, xy: Floats, room: Room) -> None:
    """Label tracks that are there at the end, the longest first; if there are none, the longest of all."""
    who = np.flatnonzero(rows.confirmed & (rows.alive if np.any(rows.alive & rows.confirmed) else True))
    who = who[canvas.frame.inside(xy[rows.last[who]])]
    heads = canvas.frame.px(xy[rows.last[rows.confirmed & rows.alive]])
    room.keep_out(np.concatenate([heads - 4.0, heads + 4.0], axis=1))
    placed = 0
    for track in who[np.lexsort((who, -rows.duration_ns[who]))]:
        row = int(rows.last[track])
        text = f"{rows.names[track]}\n{_flight(rows, row, laboratory=canvas.laboratory)}"
        placed += draw_label(canvas, room, xy[row], text, colour=BRIGHT, size_pt=LABEL_PT)
        if placed == N_LABELS_MAX:
            break


def draw_towns(canvas: Canvas, room: Room) -> None:
    """Draw towns and their names where there is room, the most important first."""
    if canvas.ground is None:
        return
    known = towns()
    xy = canvas.ground.xy_from_geodetic(known.lat_rad, known.lon_rad)
    placed = 0
    for index in np.flatnonzero(canvas.frame.inside(xy, margin_px=-12.0)):
        named = draw_label(canvas, room, xy[index], str(known.name[index]), colour=TOWN, size_pt=TOWN_PT, far=False)
        placed += named
        if named:
            style: dict[str, Any] = {
                "markersize": 3.2,
                "markerfacecolor": HALO,
                "markeredgecolor": TOWN,
                "markeredgewidth": 0.8,
            }
            canvas.axes.add_line(Line2D(*xy[index, :, None], marker="s", linestyle="none", zorder=3, **style))
        if placed == N_TOWNS_MAX:
            break


def draw_label(
    canvas: Canvas,
    room: Room,
    xy: Floats,
    text: str,
    *,
    colour: str,
    size_pt: float,
    bold: bool = False,
    far: bool = True,
) -> bool:
    """Write a label where there is room for it, with a line to its point if it is far; return whether there was."""
    lines = text.split("\n")
    em = size_pt * PX_PER_PT
    size = (0.61 * em * max(map(len, lines)) + 2.0, 1.17 * em * len(lines) + 1.0)
    at = canvas.frame.px(xy)
    box = room.place(at, size, far=far)
    if box is None:
        return False
    near = np.clip(at, box[:2], box[2:])
    if np.hypot(*(near - at)) > 12.0:
        tie = canvas.frame.xy(np.stack([at, near]))
        canvas.axes.add_collection(
            LineCollection([tie], colors=PLAIN, linewidths=0.4, alpha=0.7, zorder=7.8), autolim=False
        )
    x, y = canvas.frame.xy(np.array([box[0] + 1.0, (box[1] + box[3]) / 2.0]))
    halo = [withStroke(linewidth=2.0, foreground=HALO, alpha=0.85)]
    style: dict[str, Any] = {"fontsize": size_pt, "fontweight": "bold" if bold else "normal", "color": colour}
    style |= {"ha": "left", "va": "center", "linespacing": 1.05, "zorder": 8, "path_effects": halo}
    write(canvas.axes, float(x), float(y), text, font=MONO, **style)
    return True


def _flight(rows: Rows, row: int, *, laboratory: bool) -> str:
    """Return a label's second line: flight level, climb, speed in knots; in space km and km/s; in a laboratory m/s."""
    speed_m_s, climb_m_s, altitude_m = rows.speed_m_s[row], rows.climb_m_s[row], rows.altitude_m[row]
    if laboratory:
        return f"{speed_m_s:.3g} m/s"
    trend = "↑" if climb_m_s > CLIMBING_M_S else "↓" if climb_m_s < -CLIMBING_M_S else " "
    if altitude_m > SPACE_FROM_M:
        return f"{altitude_m / 1000.0:.0f}km{trend}{np.hypot(speed_m_s, climb_m_s) / 1000.0:.1f}km/s"
    speed = f"{speed_m_s / KNOT_M_S:.0f}" if np.isfinite(speed_m_s) else "---"
    level = f"{max(altitude_m, 0.0) / FOOT_M / 100.0:03.0f}" if np.isfinite(altitude_m) else "---"
    return f"{level}{trend}{speed}"
