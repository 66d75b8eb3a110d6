"""The picture of a recording as one image: `noroshi track ... --plot map.png`."""

import io
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from noroshi.geo.units import NAUTICAL_MILE_M
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic, enu_from_ecef, geodetic_from_ecef
from noroshi.records import SensorSite, Tracks
from noroshi.run.mapping.basemap import (
    Frame,
    Projection,
    draw_graticule,
    draw_land,
    draw_plane_grid,
    draw_scale,
)
from noroshi.run.mapping.labels import Room
from noroshi.run.mapping.layers import (
    SPACE_FROM_M,
    UNKNOWN,
    Canvas,
    ToXY,
    draw_heads,
    draw_labels,
    draw_plots,
    draw_sensors,
    draw_towns,
    draw_tracks,
    leader_lines,
    leader_seconds,
    plot_stride,
    row_colours,
    sensor_colour,
)
from noroshi.run.mapping.panel import BRIGHT, DIM, DPI, PLAIN, AltitudeScale, Panel, symbol, write
from noroshi.run.mapping.rows import Rows

ENDINGS = (".png", ".svg", ".pdf")
BACKGROUND, CAUTION = "#0a121b", "#e8b04b"
WIDTH_IN, PANEL_IN, EDGE_IN, FOOT_IN = 14.0, 2.3, 0.12, 0.3
MAP_HEIGHT_IN = (6.8, 8.8)
EXTENT_PERCENT = (0.1, 99.9)
EXTENT_MARGIN = 0.07
EXTENT_M_MIN = 30_000.0
SITE_STRETCH = 1.6
"""A sensor is brought into the picture if that widens it to at most so many times what counts."""
KILOMETRES_FROM_M = 10_000.0
GLOBAL_BELOW = 0.5
"""What counts is all over the world if its middle is so near the centre of the Earth (in radii)."""
N_HEAD_LINES_MAX = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapContent:
    """What a picture shows.

    Attributes:
        tracks: any rows in any order; where a row was revised, its last revision counts. None if there are none.
        plots: batches of plots, each the name of its sensor and (n, 3) ECEF positions [m].
        sites: the sensors; those without a position are only named. If all of them are laboratory sensors or stand at
            0N 0E exactly, the picture is a plain plane in metres and shows no Earth.
        title, source: what it is, and which recording it comes from.
        notes: what was assumed, in plain words.
    """

    tracks: Tracks | None
    plots: tuple[tuple[str, Floats], ...] = ()
    sites: tuple[SensorSite, ...] = ()
    title: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()


def draw(path: Path, picture: MapContent) -> None:
    """Write the picture; the ending of the name says the format (.png, .svg, .pdf).

    Raises:
        ValueError: for another ending.
        OSError: if the file cannot be written.
    """
    path.write_bytes(render(picture, path.suffix.lower()))


def render(picture: MapContent, ending: str = ".png") -> bytes:
    """Return the picture as an image: the same content gives the same bytes, whatever the user's matplotlibrc says.

    Raises:
        ValueError: for an ending that is not in `ENDINGS`.
    """
    if ending not in ENDINGS:
        raise ValueError(f"cannot draw a picture as '{ending}'; end the name in one of {', '.join(ENDINGS)}")
    return image_of(partial(_figure, picture), ending)


def image_of(make: Callable[[], Figure], ending: str) -> bytes:
    """Return a figure as an image; `make` makes it under Matplotlib's own settings."""
    undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    settings: dict[Any, Any] = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
    settings["svg.hashsalt"] = "noroshi"
    with matplotlib.rc_context(settings):
        figure = make()
        image = io.BytesIO()
        figure.savefig(image, format=ending[1:], dpi=DPI, facecolor=BACKGROUND, metadata=undated[ending])
    return image.getvalue()


def _figure(picture: MapContent) -> Figure:
    rows = Rows.of(picture.tracks) if picture.tracks is not None else None
    if rows is not None and not len(rows.track):
        rows = None
    laboratory = bool(picture.sites) and all(map(_is_laboratory, picture.sites))
    relative = bool(picture.sites) and all(_is_laboratory(site) or _is_at_zero(site) for site in picture.sites)
    ground = None if relative else Projection(*_centre(rows, picture))
    to_xy = partial(_xy, ground=ground)
    low, high = _extent(rows, picture, to_xy, ground)
    head = _head(picture)
    width_in = WIDTH_IN - PANEL_IN - 3.0 * EDGE_IN
    height_in = float(np.clip(width_in * (high - low)[1] / (high - low)[0], *MAP_HEIGHT_IN))
    total_in = height_in + FOOT_IN + 0.52 + 0.18 * len(head)
    figure = Figure(figsize=(WIDTH_IN, total_in), dpi=DPI)
    FigureCanvasAgg(figure)
    draw_margins(figure.add_axes((0.0, 0.0, 1.0, 1.0)), total_in * DPI, picture.title, head, ground)
    bottom, height = FOOT_IN / total_in, height_in / total_in
    axes = figure.add_axes((EDGE_IN / WIDTH_IN, bottom, width_in / WIDTH_IN, height))
    side = figure.add_axes(((2.0 * EDGE_IN + width_in) / WIDTH_IN, bottom, PANEL_IN / WIDTH_IN, height))
    frame = fit_frame(low, high, width_in * DPI, height_in * DPI)
    plots = _plots_by_sensor(picture)
    names = list(dict.fromkeys([*(site.sensor for site in picture.sites), *plots]))
    scale = AltitudeScale.of(rows.altitude_m) if rows is not None and not laboratory else None
    canvas = Canvas(axes=axes, frame=frame, to_xy=to_xy, ground=ground, laboratory=laboratory)
    leader_s = leader_seconds(rows, frame) if rows is not None else 0.0
    draw_plots(canvas, plots, names)
    _draw_map(canvas, picture, rows, names, scale, leader_s)
    panel = Panel(side, PANEL_IN * DPI, height_in * DPI)
    if rows is not None:
        _tell_time(panel, rows)
    _tell_tracks(panel, rows, leader_s, laboratory=laboratory)
    if rows is not None and scale is not None:
        _tell_altitude(panel, rows, scale)
    _tell_sensors(panel, picture, plots, names)
    return figure


def _is_laboratory(site: SensorSite) -> bool:
    return site.type == "local_position" and not site.has_place


def _is_at_zero(site: SensorSite) -> bool:
    return site.lat_rad == 0.0 and site.lon_rad == 0.0


def _xy(position_ecef_m: Floats, *, ground: Projection | None) -> Floats:
    """Return (n, 2) map positions [m] of (n, 3) ECEF positions."""
    if ground is None:
        return enu_from_ecef(position_ecef_m, ecef_from_geodetic(0.0, 0.0, 0.0))[:, :2]
    lat_rad, lon_rad, _ = geodetic_from_ecef(position_ecef_m)
    return ground.xy_from_geodetic(lat_rad, lon_rad)


def _site_positions(picture: MapContent) -> Floats:
    """Return (n, 3) ECEF positions [m] of the sensors; NaN where one has none."""
    places = [ecef_from_geodetic(site.lat_rad, site.lon_rad, 0.0) for site in picture.sites]
    return np.reshape(places, (-1, 3))


def _what_counts(rows: Rows | None, picture: MapContent) -> Floats:
    """Return the (n, 3) ECEF positions that the picture is about: tracks, else plots, else sensors."""
    plots = [positions for _, positions in picture.plots]
    choices = [rows.position_ecef_m] if rows is not None else []
    choices += [np.concatenate(plots)] if plots else []
    for positions in [*choices, _site_positions(picture)]:
        finite = positions[np.all(np.isfinite(positions), axis=1)]
        if len(finite):
            return finite
    return np.zeros((0, 3))


def _centre(rows: Rows | None, picture: MapContent) -> tuple[float, float]:
    """Return latitude and longitude [rad] of the middle of what counts; 0, 0 if there is no such place."""
    positions = _what_counts(rows, picture)
    middle = np.median(positions, axis=0) if len(positions) else np.zeros(3)
    if np.linalg.norm(middle) < GLOBAL_BELOW * MEAN_RADIUS_M:
        return 0.0, 0.0
    lat_rad, lon_rad, _ = geodetic_from_ecef(middle)
    return float(lat_rad), float(lon_rad)


def _extent(rows: Rows | None, picture: MapContent, to_xy: ToXY, ground: Projection | None) -> tuple[Floats, Floats]:
    """Return the lower left and upper right (2,) map positions [m] that should be seen: stray ones left out."""
    xy = to_xy(_what_counts(rows, picture))
    if not len(xy):
        edge_m = 100.0 if ground is None else ground.edge_m
        return np.full(2, -edge_m), np.full(2, edge_m)
    low, high = np.percentile(xy, EXTENT_PERCENT, axis=0)
    smallest_m = max(float(np.max(high - low)), 10.0 if ground is None else EXTENT_M_MIN)
    for site in to_xy(_site_positions(picture)):
        wider_low, wider_high = np.minimum(low, site), np.maximum(high, site)
        if np.all(wider_high - wider_low <= SITE_STRETCH * smallest_m):
            low, high = wider_low, wider_high
    margin = EXTENT_MARGIN * np.max(high - low) + 0.0 * low
    margin = np.maximum(margin, (smallest_m - (high - low)) / 4.0)
    low, high = low - margin, high + margin
    return (low, high) if ground is None else (np.maximum(low, -ground.edge_m), np.minimum(high, ground.edge_m))


def fit_frame(low: Floats, high: Floats, width_px: float, height_px: float) -> Frame:
    """Return the frame of a size that shows all from `low` to `high`, in the middle."""
    metres_per_px = float(np.max((high - low) / (width_px, height_px)))
    west_m, south_m = (low + high) / 2.0 - metres_per_px * np.array([width_px, height_px]) / 2.0
    return Frame(float(west_m), float(south_m), metres_per_px, width_px, height_px)


def _plots_by_sensor(picture: MapContent) -> dict[str, Floats]:
    """Return all plots of each sensor, in the order in which sensors first come."""
    batches: dict[str, list[Floats]] = {}
    for name, positions in picture.plots:
        batches.setdefault(name, []).append(positions)
    return {name: np.concatenate(parts) for name, parts in batches.items()}


def _draw_map(
    canvas: Canvas,
    picture: MapContent,
    rows: Rows | None,
    names: list[str],
    scale: AltitudeScale | None,
    leader_s: float,
) -> None:
    axes, frame = canvas.axes, canvas.frame
    axes.set_xlim(frame.west_m, frame.east_m)
    axes.set_ylim(frame.south_m, frame.north_m)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(color="#2c3d4b", linewidth=0.8)
    inscribe = partial(write, axes)
    if canvas.ground is None:
        unit = ("m", 1.0) if frame.width_px * frame.metres_per_px < KILOMETRES_FROM_M else ("km", 1000.0)
        draw_plane_grid(axes, frame, inscribe, unit)
        draw_scale(axes, frame, inscribe, (unit,))
    else:
        draw_land(axes, canvas.ground, frame)
        draw_graticule(axes, canvas.ground, frame, inscribe)
        draw_scale(axes, frame, inscribe, (("km", 1000.0), ("NM", NAUTICAL_MILE_M)))
    xy = canvas.to_xy(rows.position_ecef_m) if rows is not None else np.zeros((0, 2))
    leaders = leader_lines(canvas, rows, xy, leader_s) if rows is not None else []
    ink = [xy, *(start + (end - start) * np.linspace(0.0, 1.0, 20)[:, None] for start, end in leaders)]
    room = Room(frame.width_px, frame.height_px, frame.px(np.concatenate(ink)))
    room.keep_out(np.array([[0.75 * frame.width_px, 0.0, frame.width_px, 84.0]]))
    draw_sensors(canvas, picture.sites, names, _site_positions(picture), room)
    if rows is not None:
        colours = row_colours(rows, scale, by_track=canvas.laboratory)
        draw_tracks(canvas, rows, xy, colours)
        draw_heads(canvas, rows, xy, colours, leaders)
        draw_labels(canvas, rows, xy, room)
    draw_towns(canvas, room)


def _head(picture: MapContent) -> list[str]:
    """Return the lines below the title."""
    lines = [line for text in (picture.source, *picture.notes) for line in textwrap.wrap(text, 190)]
    return lines if len(lines) <= N_HEAD_LINES_MAX else [*lines[: N_HEAD_LINES_MAX - 1], "…"]


def draw_margins(back: Axes, height_px: float, title: str, head: list[str], ground: Projection | None) -> None:
    """Write what stands above and below the map."""
    width_px, left = WIDTH_IN * DPI, EDGE_IN * DPI
    back.set_xlim(0.0, width_px)
    back.set_ylim(0.0, height_px)
    back.set_axis_off()
    write(back, width_px - left, height_px - 40.0, "N O R O S H I", fontsize=9.5, color=DIM, ha="right")
    write(
        back,
        left,
        height_px - 44.0,
        textwrap.shorten(title, 110, placeholder="…"),
        fontsize=15.0,
        fontweight="bold",
        color=BRIGHT,
    )
    for number, line in enumerate(head):
        write(back, left, height_px - 70.0 - 25.0 * number, line, fontsize=8.5, color=PLAIN if number == 0 else DIM)
    credit = "Local plane, x to the east, y to the north"
    if ground is not None:
        lat, lon = math.degrees(ground.lat_rad), math.degrees(ground.lon_rad)
        place = f"{abs(lat):.1f}°{'N' if lat >= 0.0 else 'S'} {abs(lon):.1f}°{'W' if -179.95 < lon < 0.0 else 'E'}"
        credit = f"Coast and de facto borders: Natural Earth 1:10m  ·  azimuthal equidistant about {place}, WGS 84"
    write(back, left, 15.0, credit, fontsize=7.0, color=DIM)
    caution = "Research and exercise software — not for operational use"
    write(back, width_px - left, 15.0, caution, fontsize=7.5, fontweight="bold", color=CAUTION, ha="right")


def _tell_time(panel: Panel, rows: Rows) -> None:
    first_ns, last_ns = int(rows.time_ns.min()), int(rows.time_ns.max())
    stamps = [np.datetime_as_string(np.datetime64(time_ns, "ns"), unit="s") for time_ns in (first_ns, last_ns)]
    days, clocks = zip(*(stamp.split("T") for stamp in stamps), strict=True)
    panel.heading("TIME")
    panel.row(days[0] if days[0] == days[1] else f"{days[0]} – {days[1]}", colour=BRIGHT)
    panel.row(f"{clocks[0]} – {clocks[1]} UTC", colour=BRIGHT)
    seconds = (last_ns - first_ns) // 10**9
    hours = f"{seconds // 3600} h " if seconds >= 3600 else ""
    panel.row(f"{hours}{seconds // 60 % 60} min {seconds % 60:02d} s")


def _tell_tracks(panel: Panel, rows: Rows | None, leader_s: float, *, laboratory: bool) -> None:
    panel.heading("TRACKS")
    if rows is None:
        panel.row("none")
        return
    firm, there = int(rows.confirmed.sum()), int((rows.alive & rows.confirmed).sum())
    dot = {"linestyle": "none", "marker": "o"}
    panel.row("firm", beside=f"{firm:,}", symbol=symbol(color=PLAIN, linewidth=1.5))
    if firm < len(rows.last):
        panel.row(
            "never firm", beside=f"{len(rows.last) - firm:,}", symbol=symbol(color=PLAIN, linewidth=0.6, alpha=0.6)
        )
    now = symbol(color=BRIGHT, linewidth=0.8, marker="o", markersize=4.5, markerfacecolor=PLAIN, markevery=[0])
    panel.row("alive at the end", beside=f"{there:,}", symbol=now)
    if firm > there:
        ended = symbol(color=PLAIN, markersize=3.0, markerfacecolor=BACKGROUND, **dot)
        panel.row("ended before", beside=f"{firm - there:,}", symbol=ended)
    panel.row(f"line ahead: {leader_s:.0f} s", colour=DIM)
    if not np.all(rows.sure):
        panel.row("thin: tentative or coasting", colour=DIM)
    if not laboratory:
        in_space = bool(np.any(rows.altitude_m[rows.last] > SPACE_FROM_M))
        panel.row("label: km ↑↓ km/s" if in_space else "label: FL, climb ↑↓, knots", colour=DIM)


def _tell_altitude(panel: Panel, rows: Rows, scale: AltitudeScale) -> None:
    panel.heading("ALTITUDE")
    panel.scale(scale, 190.0)
    if np.any(np.isnan(rows.altitude_m)):
        panel.row("not known", symbol=symbol(color=UNKNOWN, linewidth=1.6))


def _tell_sensors(panel: Panel, picture: MapContent, plots: dict[str, Floats], names: list[str]) -> None:
    n_plots = dict.fromkeys(names, 0) | {name: len(positions) for name, positions in plots.items()}
    placed = {site.sensor for site in picture.sites if site.has_place}
    if not names:
        return
    panel.heading("SENSORS AND PLOTS" if plots else "SENSORS")
    fit = max(int(panel.y / 21.0) - 3, 1)
    for index, name in enumerate(names[:fit]):
        mark = "^" if name in placed else "o"
        shape = symbol(
            color=sensor_colour(index), linestyle="none", marker=mark, markersize=6.0 if mark == "^" else 3.5
        )
        shape.set_markerfacecolor(BACKGROUND if mark == "^" else sensor_colour(index))
        panel.row(name, beside=f"{n_plots[name]:,}" if plots else "", symbol=shape)
    if len(names) > fit:
        panel.row(f"and {len(names) - fit} more", colour=DIM)
    stride = plot_stride(sum(n_plots.values()))
    if stride > 1:
        panel.row(f"1 plot in {stride} is drawn", colour=DIM)
