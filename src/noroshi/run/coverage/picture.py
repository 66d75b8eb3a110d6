"""The map of `noroshi coverage`: how many sensors on the ground see a target at one height, and who owns them."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from noroshi.exercise.coverage import GroundSight, seen_from_ground
from noroshi.exercise.coverage_report import FOLDS, SpaceCover
from noroshi.geo.units import NAUTICAL_MILE_M
from noroshi.geo.wgs84 import Floats, ecef_from_geodetic, geodetic_from_ecef
from noroshi.run.coverage.command import Covered, moved
from noroshi.run.coverage.tables import height_text
from noroshi.run.mapping.basemap import (
    Frame,
    Projection,
    draw_graticule,
    draw_land,
    draw_scale,
)
from noroshi.run.mapping.labels import Room
from noroshi.run.mapping.layers import HALO, Canvas, draw_label, draw_towns, sensor_colour
from noroshi.run.mapping.panel import BRIGHT, DIM, DPI, MONO, PLAIN, Panel, rgba, symbol, write
from noroshi.run.outputs import replace
from noroshi.run.plot import EDGE_IN, FOOT_IN, MAP_HEIGHT_IN, PANEL_IN, WIDTH_IN, draw_margins, fit_frame, image_of

FOLD_COLOURS = ("#4f7de0", "#22b39f", "#8bdc63", "#fde047")
FOLD_ALPHA = 0.58
CELL_PX = 2.0  # of the drawing to a side of what is asked at once
NOBODY, STAR = "#ff5a5a", "#ffb020"
MARGIN = 0.03
CHART_PX = (190.0, 150.0)
FLIGHT_PX, ADDED_PX = 150.0, 90.0  # what a flight, and one more sensor, take of the panel
CREDIT = "smooth Earth, radio horizon at 4/3 of its radius; no terrain"


def draw_cover(path: Path, covered: Covered) -> None:
    """Write the map of the first height; the ending of the name says the format.

    Raises:
        OutputError: if it cannot be written.
    """
    replace(path, image_of(partial(_figure, covered), path.suffix.lower()))


def _figure(covered: Covered) -> Figure:
    height_m = covered.ground[0].height_m
    ground, low, high = _extent(covered)
    width_in = WIDTH_IN - PANEL_IN - 3.0 * EDGE_IN
    height_in = float(np.clip(width_in * (high - low)[1] / (high - low)[0], *MAP_HEIGHT_IN))
    wanted = covered.wanted
    head = [
        f"Targets at {height_text(height_m)}, {wanted.target.cross_section_m2:g} m², seen in a look with a chance of "
        f"{wanted.target.probability:g} or more  ·  {CREDIT}"
    ]
    total_in = height_in + FOOT_IN + 0.52 + 0.18 * len(head)
    figure = Figure(figsize=(WIDTH_IN, total_in), dpi=DPI)
    FigureCanvasAgg(figure)
    title = f"{covered.title}: cover at {height_text(height_m)}"
    draw_margins(figure.add_axes((0.0, 0.0, 1.0, 1.0)), total_in * DPI, title, head, ground)
    bottom, height = FOOT_IN / total_in, height_in / total_in
    axes = figure.add_axes((EDGE_IN / WIDTH_IN, bottom, width_in / WIDTH_IN, height))
    side = figure.add_axes(((2.0 * EDGE_IN + width_in) / WIDTH_IN, bottom, PANEL_IN / WIDTH_IN, height))
    frame = fit_frame(low, high, width_in * DPI, height_in * DPI)
    _draw_map(axes, covered, ground, frame, height_m)
    _tell(Panel(side, PANEL_IN * DPI, height_in * DPI), covered)
    return figure


def _extent(covered: Covered) -> tuple[Projection, Floats, Floats]:
    """Return the projection about the region's middle, and the lower left and upper right of the region on it."""
    region = covered.region
    width_rad = (region.east_rad - region.west_rad) % (2.0 * math.pi) or 2.0 * math.pi
    ground = Projection((region.south_rad + region.north_rad) / 2.0, region.west_rad + width_rad / 2.0)
    if width_rad > math.pi:
        return ground, np.full(2, -ground.edge_m), np.full(2, ground.edge_m)
    along = np.linspace(0.0, 1.0, 61)
    lat = region.south_rad + along * (region.north_rad - region.south_rad)
    lon = region.west_rad + along * width_rad
    edge_lat = np.concatenate([lat, lat, np.full(61, region.south_rad), np.full(61, region.north_rad)])
    edge_lon = np.concatenate([np.full(61, region.west_rad), np.full(61, region.west_rad + width_rad), lon, lon])
    xy = ground.xy_from_geodetic(edge_lat, edge_lon)
    low, high = xy.min(axis=0), xy.max(axis=0)
    margin = MARGIN * np.max(high - low)
    return ground, np.maximum(low - margin, -ground.edge_m), np.minimum(high + margin, ground.edge_m)


def _draw_map(axes: Axes, covered: Covered, ground: Projection, frame: Frame, height_m: float) -> None:
    axes.set_xlim(frame.west_m, frame.east_m)
    axes.set_ylim(frame.south_m, frame.north_m)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(color="#2c3d4b", linewidth=0.8)
    inscribe = partial(write, axes)
    draw_land(axes, ground, frame)
    _draw_fold(axes, covered, ground, frame, height_m)
    draw_graticule(axes, ground, frame, inscribe)
    draw_scale(axes, frame, inscribe, (("km", 1000.0), ("NM", NAUTICAL_MILE_M)))
    canvas = Canvas(axes=axes, frame=frame, to_xy=partial(_xy, ground=ground), ground=ground, laboratory=False)
    room = Room(frame.width_px, frame.height_px, np.zeros((0, 2)))
    room.keep_out(np.array([[0.75 * frame.width_px, 0.0, frame.width_px, 84.0]]))
    _draw_region(axes, covered, ground)
    _draw_flights(canvas, covered, room)
    if covered.gains is not None:
        _draw_added(canvas, covered, room)
    _draw_sensors(canvas, covered, room)
    draw_towns(canvas, room)


def _xy(position_ecef_m: Floats, *, ground: Projection) -> Floats:
    lat_rad, lon_rad, _ = geodetic_from_ecef(position_ecef_m)
    return ground.xy_from_geodetic(lat_rad, lon_rad)


def _draw_fold(axes: Axes, covered: Covered, ground: Projection, frame: Frame, height_m: float) -> None:
    """Colour how many see each place, and outline what each nation sees."""
    nx, ny = (round(size / CELL_PX) for size in (frame.width_px, frame.height_px))
    x = frame.west_m + (np.arange(nx) + 0.5) * CELL_PX * frame.metres_per_px
    y = frame.south_m + (np.arange(ny) + 0.5) * CELL_PX * frame.metres_per_px
    xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    on_earth = np.flatnonzero(np.hypot(xy[:, 0], xy[:, 1]) < ground.edge_m)
    target_ecef_m = ecef_from_geodetic(*ground.geodetic_from_xy(xy[on_earth]), height_m)
    counts = np.zeros(nx * ny, np.int64)
    by_nation = {nation: np.zeros(nx * ny) for nation in covered.network.nations}
    for sight in covered.network.ground:
        seen = on_earth[_seen_near(sight, target_ecef_m, height_m)]
        counts[seen] += 1
        by_nation[sight.nation][seen] = 1.0
    colours = np.concatenate([np.zeros((1, 4)), rgba(FOLD_COLOURS)])
    colours[1:, 3] = FOLD_ALPHA
    image = colours[np.minimum(counts, len(FOLD_COLOURS))].reshape(ny, nx, 4)
    extent = (frame.west_m, frame.east_m, frame.south_m, frame.north_m)
    axes.imshow(image, extent=extent, origin="lower", interpolation="antialiased", aspect="auto", zorder=1.3)
    for index, seen_by in enumerate(by_nation.values()):
        if seen_by.any():
            style: dict[str, Any] = {"colors": [nation_colour(index)], "linewidths": 1.1, "zorder": 3.0}
            axes.contour(x, y, seen_by.reshape(ny, nx), levels=[0.5], **style)
    axes.set_xlim(frame.west_m, frame.east_m)
    axes.set_ylim(frame.south_m, frame.north_m)


def _seen_near(sight: GroundSight, target_ecef_m: Floats, height_m: float) -> NDArray[np.bool_]:
    """Return (n,) what `seen_from_ground` says, asked only of targets within range."""
    seen = np.asarray(np.linalg.norm(target_ecef_m - sight.position_ecef_m, axis=1) <= sight.range_m_max)
    seen[seen] = seen_from_ground(sight, target_ecef_m[seen], height_m)
    return seen


def nation_colour(index: int) -> str:
    """Return the colour of a nation, by its number in the scenario."""
    return sensor_colour(index) if index else "#e8eef2"


def _draw_region(axes: Axes, covered: Covered, ground: Projection) -> None:
    region = covered.region
    width_rad = (region.east_rad - region.west_rad) % (2.0 * math.pi) or 2.0 * math.pi
    if width_rad > math.pi:
        return
    along = np.linspace(0.0, 1.0, 121)
    lat = np.concatenate([region.south_rad + 0.0 * along, region.south_rad + along * _tall(covered)])
    lat = np.concatenate([lat, np.full(121, region.north_rad), region.north_rad - along * _tall(covered)])
    lon = np.concatenate([along, np.ones(121), along[::-1], np.zeros(121)]) * width_rad + region.west_rad
    xy = ground.xy_from_geodetic(lat, lon)
    axes.add_line(Line2D(*xy.T, color=DIM, linewidth=0.7, linestyle=(0, (6, 4)), zorder=2.5))


def _tall(covered: Covered) -> float:
    return covered.region.north_rad - covered.region.south_rad


def _draw_sensors(canvas: Canvas, covered: Covered, room: Room) -> None:
    nations = covered.network.nations
    positions = np.array([sight.position_ecef_m for sight in covered.network.ground]).reshape(-1, 3)
    for sight, xy in zip(covered.network.ground, canvas.to_xy(positions), strict=True):
        colour = nation_colour(nations.index(sight.nation))
        if not canvas.frame.inside(xy):
            continue
        marker = Line2D(*xy[:, None], marker="^", markersize=7.0, markeredgewidth=1.0, zorder=7.5, linestyle="none")
        marker.set(markerfacecolor=HALO, markeredgecolor=colour)
        canvas.axes.add_line(marker)
        at = canvas.frame.px(xy)
        room.keep_out(np.concatenate([at - 7.0, at + 7.0])[None])
        draw_label(canvas, room, xy, sight.name, colour=colour, size_pt=7.6, bold=True)


def _draw_flights(canvas: Canvas, covered: Covered, room: Room) -> None:
    """Draw each flight, in the colour of how many see it, ground and space together."""
    for each in covered.flights:
        xy = canvas.to_xy(ecef_from_geodetic(each.lat_rad, each.lon_rad, 0.0))
        colours = np.concatenate([rgba((NOBODY,)), rgba(FOLD_COLOURS)])[np.minimum(each.fold, len(FOLD_COLOURS))]
        pieces = np.stack([xy[:-1], xy[1:]], axis=1)
        lines = LineCollection(list(pieces), colors=HALO, linewidths=4.2, capstyle="round", zorder=5.9)
        canvas.axes.add_collection(lines, autolim=False)
        lines = LineCollection(list(pieces), colors=colours[:-1], linewidths=2.4, capstyle="round", zorder=6.0)
        canvas.axes.add_collection(lines, autolim=False)
        if canvas.frame.inside(xy[0]):
            draw_label(canvas, room, xy[0], each.name, colour=BRIGHT, size_pt=7.6, bold=True)


def _draw_added(canvas: Canvas, covered: Covered, room: Room) -> None:
    """Draw where one more sensor would help most, and what it would see."""
    gains, height_m = covered.gains, covered.ground[0].height_m
    if gains is None or canvas.ground is None:
        return
    like = next(sight for sight in covered.network.ground if sight.name == gains.like)
    best = moved(like, gains.places[0])
    bearing = np.linspace(0.0, 2.0 * math.pi, 241)
    about = Projection(*map(float, gains.places[0]))
    reach = np.linspace(0.0, min(best.range_m_max, about.edge_m), 601)[1:]
    lines = reach[:, None, None] * np.stack([np.sin(bearing), np.cos(bearing)], axis=1)
    lat_rad, lon_rad = about.geodetic_from_xy(lines.reshape(-1, 2))
    seen = _seen_near(best, ecef_from_geodetic(lat_rad, lon_rad, height_m), height_m).reshape(len(reach), -1)
    last = len(reach) - 1 - np.argmax(seen[::-1], axis=0)
    rows = np.arange(len(bearing))
    edge = np.ravel_multi_index((last, rows), seen.shape)
    ring = canvas.ground.xy_from_geodetic(lat_rad[edge], lon_rad[edge])
    canvas.axes.add_line(Line2D(*ring.T, color=STAR, linewidth=1.3, linestyle=(0, (5, 3)), zorder=3.4))
    xy = canvas.ground.xy_from_geodetic(*gains.places[:1].T)[0]
    star = Line2D(*xy[:, None], marker="*", markersize=13.0, linestyle="none", color=STAR, zorder=7.6)
    star.set_markeredgecolor(HALO)
    canvas.axes.add_line(star)
    at = canvas.frame.px(xy)
    room.keep_out(np.concatenate([at - 10.0, at + 10.0])[None])
    draw_label(canvas, room, xy, "best place", colour=STAR, size_pt=7.6, bold=True)


def _tell(panel: Panel, covered: Covered) -> None:
    if covered.network.ground:
        _tell_ground(panel, covered)
    seen = [each for each in covered.space if each.whole.mean_fold > 0.0]
    if seen:
        _tell_space(panel, seen[0])
    for flight in covered.flights:
        if panel.y < FLIGHT_PX + ADDED_PX:
            break
        panel.heading(f"FLIGHT {flight.name.upper()}")
        for number, text in enumerate(("seen by nobody", "by 1", "by 2", "by 3", "by 4 or more")):
            of_time = float(np.mean(flight.fold == number if number < 4 else flight.fold >= number))
            colour = NOBODY if number == 0 else FOLD_COLOURS[number - 1]
            panel.row(text, beside=f"{100.0 * of_time:5.1f} %", symbol=symbol(color=colour, linewidth=2.4))
    if covered.gains is not None:
        gains = covered.gains
        panel.heading(f"ONE MORE LIKE {gains.like.upper()}")
        lat, lon = np.degrees(gains.places[0])
        mark = symbol(color=STAR, linestyle="none", marker="*", markersize=9.0)
        panel.row(f"{abs(lat):.1f}°{'N' if lat >= 0 else 'S'} {abs(lon):.1f}°{'E' if lon >= 0 else 'W'}", symbol=mark)
        panel.row("more", beside=f"{gains.gain_m2[0, 0] / 1e9:,.0f} 000 km²")


def _tell_ground(panel: Panel, covered: Covered) -> None:
    region, first = covered.region, covered.ground[0]
    panel.heading(f"SENSORS AT ONCE, {height_text(first.height_m).upper()}")
    for number, colour in enumerate(FOLD_COLOURS, start=1):
        mark = symbol(color=colour, linestyle="none", marker="s", markersize=7.5, alpha=0.85)
        share = f"≥{number}: {100.0 * first.area_m2[number] / region.area_m2:4.1f} %" if number in FOLDS else ""
        name = f"{number}" if number < len(FOLD_COLOURS) else f"{number} or more"
        panel.row(name, beside=share, symbol=mark)
    panel.row(f"region {region.area_m2 / 1e12:.3g} million km²", colour=DIM)
    panel.heading("NATIONS: ALONE, AND WITHOUT IT")
    for index, nation in enumerate(covered.network.nations):
        if nation not in first.alone_m2:
            continue
        alone = 100.0 * first.alone_m2[nation] / region.area_m2
        left = 100.0 * (first.area_m2[1] - first.lost_m2[nation]) / region.area_m2
        mark = symbol(color=nation_colour(index), linewidth=1.4)
        panel.row(nation, beside=f"{alone:5.1f} % {left:5.1f} %", symbol=mark)
    panel.heading("BY HEIGHT: SEEN BY 1, 2, 3")
    for each in sorted(covered.ground, key=lambda each: each.height_m):
        shares = "".join(f"{100.0 * each.area_m2[least] / region.area_m2:6.1f}" for least in FOLDS)
        panel.row(height_text(each.height_m), beside=f"{shares} %")


def _tell_space(panel: Panel, each: SpaceCover) -> None:
    """Draw by latitude the share of time in which one, two and three satellites see a place."""
    panel.heading(f"SATELLITES AT {height_text(each.height_m).upper()}, % OF TIME")
    width, height = CHART_PX
    left, low = 58.0, panel.y - height - 12.0
    panel.axes.add_patch(Rectangle((left, low), width, height, facecolor="#0d1822", edgecolor="#2c3d4b", linewidth=0.8))
    text: dict[str, Any] = {"font": MONO, "fontsize": 6.6, "color": DIM}
    for lat in (-60, -30, 0, 30, 60):
        y = low + height * (lat + 90.0) / 180.0
        panel.axes.add_line(Line2D([left, left + width], [y, y], color="#2a3a48", linewidth=0.5))
        name = "0°" if lat == 0 else f"{abs(lat)}°{'N' if lat > 0 else 'S'}"
        write(panel.axes, left - 6.0, y, name, ha="right", va="center", **text)
    for percent in (0, 50, 100):
        write(panel.axes, left + width * percent / 100.0, low - 15.0, f"{percent}", ha="center", **text)
    middle = np.array([math.degrees(band.south_rad + band.north_rad) / 2.0 for band in each.bands])
    for least, colour in zip(FOLDS, FOLD_COLOURS, strict=False):
        share = np.array([band.share[least] for band in each.bands])
        panel.axes.add_line(
            Line2D(left + width * share, low + height * (middle + 90.0) / 180.0, color=colour, linewidth=1.6)
        )
    panel.y = low - 18.0
    shares = "".join(f"{100.0 * each.region.share[least]:6.1f}" for least in FOLDS)
    panel.row("region", beside=f"{shares} %")
    panel.row("longest gap, by 1", beside=f"{each.region.longest_gap_s[1] / 60.0:.0f} min", colour=PLAIN)
