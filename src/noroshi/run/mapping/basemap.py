"""The ground of a picture: projection, frame, land, borders, graticule, scale."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path as Outline
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.run.coast import Lines, borders, coast

SPACE, SEA, LAND = "#070d14", "#0b1622", "#19242f"
COAST, BORDER, GRID, GRID_TEXT = "#5d7d92", "#5a6670", "#2a3a48", "#6f8494"
FINE_M_PER_PX = 4000.0
TINY_M = 1e-6

Floats = NDArray[np.float64]
Write = Callable[..., None]
"""Writes a text into the axes: x, y [m], text, and Matplotlib's text properties."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Azimuthal equidistant about a place: distance and direction from there are true.

    The direction is the azimuth of the ellipsoid's normal section. The distance is, on the sphere of the mean curvature
    there, the arc over the chord, and far away the arc that the chord's dip below the horizon gives, which stays right
    up to the antipode: within 0.002 % of the geodesic at 1000 km, 0.6 % all over the Earth.

    Source: Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, pages 191 to 202.
    """

    lat_rad: float
    lon_rad: float

    @property
    def radius_m(self) -> float:
        """Radius of the sphere that touches the ellipsoid at the centre best."""
        meridian_m, across_m = radii_of_curvature_m(self.lat_rad)
        return math.sqrt(float(meridian_m) * float(across_m))

    @property
    def edge_m(self) -> float:
        """Distance of the antipode, where the map ends."""
        return math.pi * self.radius_m

    def xy_from_geodetic(self, lat_rad: Floats, lon_rad: Floats) -> Floats:
        """Return (n, 2) map positions [m], east and north of the centre, of (n,) latitudes and longitudes."""
        offset = ecef_from_geodetic(lat_rad, lon_rad, 0.0) - ecef_from_geodetic(self.lat_rad, self.lon_rad, 0.0)
        enu = np.matvec(enu_axes(self.lat_rad, self.lon_rad), offset)
        chord_m = np.maximum(np.linalg.norm(enu, axis=-1), TINY_M)
        ground_m = np.maximum(np.hypot(enu[..., 0], enu[..., 1]), TINY_M)
        by_chord = np.arcsin(np.minimum(chord_m / (2.0 * self.radius_m), 1.0))
        far = (enu[..., 2] / chord_m) ** 2
        half = (1.0 - far) * by_chord + far * np.arctan2(-enu[..., 2], ground_m)
        xy: Floats = enu[..., :2] * (2.0 * self.radius_m * half / ground_m)[..., None]
        return xy

    def geodetic_from_xy(self, xy: Floats) -> tuple[Floats, Floats]:
        """Return (n,) latitudes and longitudes of (n, 2) map positions [m]; beyond the edge, of the edge."""
        arc_m = np.hypot(xy[..., 0], xy[..., 1])
        half = np.minimum(arc_m / (2.0 * self.radius_m), math.pi / 2.0)
        chord_m = 2.0 * self.radius_m * np.sin(half)
        ground = xy * (chord_m * np.cos(half) / np.maximum(arc_m, TINY_M))[..., None]
        enu = np.concatenate([ground, -(chord_m * np.sin(half))[..., None]], axis=-1)
        origin = ecef_from_geodetic(self.lat_rad, self.lon_rad, 0.0)
        lat_rad, lon_rad, _ = geodetic_from_ecef(origin + np.vecmat(enu, enu_axes(self.lat_rad, self.lon_rad)))
        return lat_rad, lon_rad


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of the map that is drawn, and how large.

    Attributes:
        west_m, south_m: map position of the lower left corner.
        metres_per_px: at the centre of the projection.
        width_px, height_px: size of the drawing.
    """

    west_m: float
    south_m: float
    metres_per_px: float
    width_px: float
    height_px: float

    @property
    def east_m(self) -> float:
        """Map position of the right edge."""
        return self.west_m + self.width_px * self.metres_per_px

    @property
    def north_m(self) -> float:
        """Map position of the upper edge."""
        return self.south_m + self.height_px * self.metres_per_px

    def px(self, xy: Floats) -> Floats:
        """Return (n, 2) drawing positions [px] from the lower left corner."""
        px: Floats = (xy - np.array([self.west_m, self.south_m])) / self.metres_per_px
        return px

    def xy(self, px: Floats) -> Floats:
        """Return (n, 2) map positions [m]; the inverse of `px`."""
        xy: Floats = px * self.metres_per_px + np.array([self.west_m, self.south_m])
        return xy

    def inside(self, xy: Floats, margin_px: float = 0.0) -> NDArray[np.bool_]:
        """Return which (n,) of (n, 2) map positions are in the drawing or at most `margin_px` outside."""
        px = self.px(xy)
        size = np.array([self.width_px, self.height_px])
        within: NDArray[np.bool_] = np.all((px >= -margin_px) & (px <= size + margin_px), axis=-1)
        return within


def thin(px: Floats, line: NDArray[np.int64], step_px: float) -> NDArray[np.int64]:
    """Return the indices of the vertices that one can see: those in another cell than the one before, and line ends."""
    cell = np.floor(px / step_px)
    first = np.diff(line, prepend=-1) != 0
    last = np.diff(line, append=-1) != 0
    moved = np.any(np.diff(cell, axis=0, prepend=np.nan) != 0, axis=1)
    return np.flatnonzero(first | last | moved)


def draw_land(axes: Axes, projection: Projection, frame: Frame) -> None:
    """Draw sea, land, coasts and borders."""
    corners = frame.xy(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) * (frame.width_px, frame.height_px))
    whole = bool(np.hypot(*corners.T).max() > projection.edge_m)
    axes.set_facecolor(SPACE if whole else SEA)
    if whole:
        axes.add_patch(Circle((0.0, 0.0), projection.edge_m, facecolor=SEA, edgecolor=COAST, linewidth=0.8, zorder=0))
    shore = coast()
    xy = projection.xy_from_geodetic(shore.lat_rad, shore.lon_rad)
    fill = PathPatch(_land(xy, shore.line, projection, frame), facecolor=LAND, edgecolor="none", zorder=1)
    axes.add_artist(fill)  # add_patch would search each of its vertices for the limits
    width = 0.7 if frame.metres_per_px < FINE_M_PER_PX else 0.4
    _strokes(axes, xy, shore, frame, color=COAST, linewidth=width, zorder=2.2)
    limits = borders()
    xy = projection.xy_from_geodetic(limits.lat_rad, limits.lon_rad)
    _strokes(axes, xy, limits, frame, color=BORDER, linewidth=width, linestyle=(0, (5, 3)), zorder=2.1)


def _land(xy: Floats, line: NDArray[np.int64], projection: Projection, frame: Frame) -> Outline:
    """Return the land in the frame as one outline.

    Land runs clockwise, so that its rings enclose a negative area; if the whole is positive, the antipode is on land,
    the rings enclose the sea instead, and the edge of the map closes the land.
    """
    start = np.flatnonzero(np.diff(line, prepend=-1))
    stop = np.append(start[1:], len(line))
    low, high = np.minimum.reduceat(xy, start), np.maximum.reduceat(xy, start)
    frame_low, frame_high = frame.xy(np.array([[-9.0, -9.0], [frame.width_px + 9.0, frame.height_px + 9.0]]))
    seen = np.all((low < frame_high) & (high > frame_low) & (high - low > 0.3 * frame.metres_per_px), axis=1)
    kept = np.zeros(len(line), bool)
    kept[thin(frame.px(xy), line, 0.5)] = True
    rings = [xy[a:b][kept[a:b]] for a, b in zip(start[seen], stop[seen], strict=True)]
    area = xy[:-1, 0] * xy[1:, 1] - xy[1:, 0] * xy[:-1, 1]
    if float(np.sum(area[line[1:] == line[:-1]])) > 0.0:
        turn = np.linspace(2.0 * math.pi, 0.0, 361)
        rings.append(projection.edge_m * np.stack([np.cos(turn), np.sin(turn)], axis=1))
    if not rings:
        return Outline(np.zeros((0, 2)))
    outline = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
    window = Bbox([tuple(frame_low), tuple(frame_high)])
    clipped: Outline = outline.clip_to_bbox(window)
    return clipped


def _strokes(axes: Axes, xy: Floats, lines: Lines, frame: Frame, **style: object) -> None:
    """Draw the parts of lines that are in the frame."""
    kept = thin(frame.px(xy), lines.line, 0.5)
    xy, line = xy[kept], lines.line[kept]
    near = frame.inside(xy, margin_px=40.0)
    near = near | np.roll(near, 1) | np.roll(near, -1)
    jump = np.hypot(*np.diff(xy, axis=0, prepend=np.nan).T) > 5e6
    breaks = np.diff(line, prepend=-1).astype(bool) | jump | (np.diff(near.astype(np.int8), prepend=0) != 0)
    parts = np.split(np.arange(len(line)), np.flatnonzero(breaks))
    seen = [xy[part] for part in parts if len(part) > 1 and near[part[0]]]
    axes.add_collection(LineCollection(seen, **style), autolim=False)  # type: ignore[arg-type]


STEPS_MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800)
"""Spacings of the graticule, minutes of arc."""


def draw_graticule(axes: Axes, projection: Projection, frame: Frame, write: Write) -> None:
    """Draw meridians and parallels, with their degrees at the lower and the left edge."""
    grid = np.stack(np.meshgrid(np.linspace(0, frame.width_px, 41), np.linspace(0, frame.height_px, 41)), axis=-1)
    lat_rad, lon_rad = projection.geodetic_from_xy(frame.xy(grid.reshape(-1, 2)))
    lat = np.rad2deg(lat_rad) * 60.0
    lon = np.rad2deg((lon_rad - projection.lon_rad + math.pi) % (2.0 * math.pi) - math.pi) * 60.0
    poles = projection.xy_from_geodetic(np.array([-math.pi / 2, math.pi / 2]), np.zeros(2))
    south, north = frame.inside(poles)
    lat_low, lat_high = (-5400.0 if south else lat.min()), (5400.0 if north else lat.max())
    lon_low, lon_high = (-10800.0, 10800.0) if south or north else (lon.min(), lon.max())
    centre = math.degrees(projection.lon_rad) * 60.0
    lat_step, lon_step = _step(lat_high - lat_low), _step(lon_high - lon_low)
    along_lat, along_lon = np.linspace(lat_low, lat_high, 181), np.linspace(lon_low, lon_high, 361)
    for minutes in np.arange(math.ceil((lon_low + centre) / lon_step), (lon_high + centre) / lon_step) * lon_step:
        xy = projection.xy_from_geodetic(_radians(along_lat), np.full(181, _radians(minutes)))
        _grid_line(axes, xy, frame, write, _degrees(minutes, "E", "W"), edge=1)
    for minutes in np.arange(math.ceil(lat_low / lat_step), lat_high / lat_step + 1e-9) * lat_step:
        xy = projection.xy_from_geodetic(np.full(361, _radians(minutes)), _radians(along_lon + centre))
        _grid_line(axes, xy, frame, write, _degrees(minutes, "N", "S"), edge=0)


def draw_plane_grid(axes: Axes, frame: Frame, write: Write, unit: tuple[str, float]) -> None:
    """Draw lines of equal x and y, marked in a unit (name, metres), for data that is not on the Earth."""
    axes.set_facecolor(SEA)
    step = nice_below((frame.east_m - frame.west_m) / 6.0)
    for edge, low, high in ((1, frame.west_m, frame.east_m), (0, frame.south_m, frame.north_m)):
        for value in np.arange(math.ceil(low / step), high / step) * step:
            line = np.array([[value, frame.south_m], [value, frame.north_m]])
            if edge == 0:
                line = np.array([[frame.west_m, value], [frame.east_m, value]])
            name = f"{'yx'[edge]} {value / unit[1] + 0.0:,.10g} {unit[0]}"
            _grid_line(axes, line, frame, write, name, edge=edge)


def _grid_line(axes: Axes, xy: Floats, frame: Frame, write: Write, name: str, *, edge: int) -> None:
    """Draw one line, and its name where it crosses the left (0) or the lower (1) edge."""
    jump = np.hypot(*np.diff(xy, axis=0).T) > 5e6
    parts = np.split(xy, np.flatnonzero(jump) + 1)
    axes.add_collection(LineCollection(parts, color=GRID, linewidth=0.6, zorder=1.5), autolim=False)
    px = frame.px(xy)
    inset, other = 4.0, 1 - edge
    side = px[:, edge] - inset
    crossing = np.flatnonzero((side[:-1] * side[1:] <= 0.0) & (side[:-1] != side[1:]))
    if not len(crossing):
        return
    i = crossing[0]
    share = side[i] / (side[i] - side[i + 1])
    at = px[i] + share * (px[i + 1] - px[i])
    if 40.0 < at[other] < (frame.width_px, frame.height_px)[other] - 40.0:
        x, y = frame.xy(at + np.array([3.0, 3.0]))
        write(x, y, name, fontsize=7.0, color=GRID_TEXT, ha="left", va="bottom", zorder=3)


def draw_scale(axes: Axes, frame: Frame, write: Write, units: tuple[tuple[str, float], ...]) -> None:
    """Draw a bar of a round length for each unit (name, metres), in the lower right corner."""
    right, bottom = frame.width_px - 18.0, 26.0
    for row, (name, metres) in enumerate(units):
        length = nice_below(0.2 * frame.width_px * frame.metres_per_px / metres)
        px = length * metres / frame.metres_per_px
        y = bottom + 26.0 * (len(units) - 1 - row)
        bar = np.array([[right - px, y + 5], [right - px, y], [right, y], [right, y + 5]])
        axes.add_collection(LineCollection([frame.xy(bar)], color="#c5d3dc", linewidth=1.1, zorder=9), autolim=False)
        x, y_m = frame.xy(np.array([right - px / 2.0, y + 3.0]))
        write(x, y_m, f"{length:,.10g} {name}", fontsize=7.5, color="#c5d3dc", ha="center", va="bottom", zorder=9)


def nice_below(value: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above `value`."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1.0, 2.0, 5.0) if factor * power <= value * (1.0 + 1e-9))


def _step(span_minutes: float) -> float:
    return next((float(step) for step in STEPS_MINUTES if span_minutes / step <= 9.0), 1800.0)


def _radians(minutes: Floats | float) -> Floats:
    radians: Floats = np.asarray(minutes) * (math.pi / 10800.0)
    return radians


def _degrees(minutes: float, positive: str, negative: str) -> str:
    wrapped = round(minutes)
    if positive == "E":
        wrapped = (wrapped + 10800) % 21600 - 10800
    whole, rest = divmod(abs(wrapped), 60)
    letter = "" if wrapped in (0, -10800) else positive if wrapped > 0 else negative
    return f"{whole}°{rest:02d}′{letter}" if rest else f"{whole}°{letter}"
