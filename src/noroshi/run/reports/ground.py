"""The map of one repetition: what truly flew, where sensors stand, on the coast; as SVG in the colours of the page."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import MISSILES
from noroshi.run.coast import coast
from noroshi.run.exercises.staging import Cast
from noroshi.run.mapping.basemap import Frame, Projection, nice_below, thin
from noroshi.run.reports.charts import svg
from noroshi.run.reports.html import Html, tag

Floats = NDArray[np.float64]
WIDTH_PX, HEIGHT_PX = 1124.0, 620.0
POINTS = 160
MARGIN = 0.12


def ground_map(cast: Cast) -> Html:
    """Return the map of all that truly moved but satellites, and of the sensors that stand on the ground."""
    paths = [(flight, _places(flight)) for flight in cast.bodies]
    threats = [(flight, places) for flight, places in paths if np.isin(flight.kind, MISSILES).any()]
    sites = [entry.site for entries in cast.eyes.values() for entry in entries if math.isfinite(entry.site.lat_rad)]
    stands = np.array([[site.lat_rad, site.lon_rad] for site in sites]).reshape(-1, 2)
    shown = np.concatenate([*(places for _, places in (threats or paths)), stands])
    if not len(shown):
        return Html("")
    middle = np.median(ecef_from_geodetic(shown[:, 0], shown[:, 1], 0.0), axis=0)
    lat_rad, lon_rad, _ = geodetic_from_ecef(middle)
    projection = Projection(float(lat_rad), float(lon_rad))
    frame = _frame(projection.xy_from_geodetic(shown[:, 0], shown[:, 1]))
    parts = [tag("rect", x="0", y="0", width=f"{WIDTH_PX:g}", height=f"{HEIGHT_PX:g}", class_="sea")]
    parts += _coast(projection, frame)
    for flight, places in sorted(paths, key=lambda each: bool(np.isin(each[0].kind, MISSILES).any())):
        parts.append(_path(flight, _px(projection, frame, places)))
    for site, px in zip(sites, _px(projection, frame, stands), strict=True):
        x, y = px
        parts.append(tag("path", tag("title", f"{site.sensor} (notional)"), d=f"M{x - 6:.1f},{y + 5:.1f}h12l-6,-11z",
                         class_="site"))  # fmt: skip
    parts += _names(threats, projection, frame)
    parts += _scale(frame)
    return svg(WIDTH_PX, HEIGHT_PX, *parts, title="what truly flew, and where sensors stand", class_="chart map")


def _places(flight: Flight) -> Floats:
    """Return (n, 2) latitudes and longitudes of a flight."""
    rows = np.unique(np.linspace(0, len(flight.time_ns) - 1, POINTS).astype(np.int64))
    lat_rad, lon_rad, _ = geodetic_from_ecef(flight.state_ecef[rows, :3])
    return np.stack([lat_rad, lon_rad], axis=1)


def _frame(xy: Floats) -> Frame:
    low, high = xy.min(axis=0), xy.max(axis=0)
    size = np.maximum((high - low) * (1.0 + 2.0 * MARGIN), 50_000.0)
    metres = float(np.max(size / (WIDTH_PX, HEIGHT_PX)))
    west, south = (low + high) / 2.0 - metres * np.array([WIDTH_PX, HEIGHT_PX]) / 2.0
    return Frame(float(west), float(south), metres, WIDTH_PX, HEIGHT_PX)


def _px(projection: Projection, frame: Frame, places: Floats) -> Floats:
    """Return (n, 2) drawing positions of (n, 2) latitudes and longitudes, y downwards."""
    px = frame.px(projection.xy_from_geodetic(places[:, 0], places[:, 1]))
    return np.stack([px[:, 0], HEIGHT_PX - px[:, 1]], axis=1)


def _coast(projection: Projection, frame: Frame) -> list[Html]:
    """Return land as one path: closed rings that come into the frame, as fine as one can see."""
    shore = coast()
    xy = projection.xy_from_geodetic(shore.lat_rad, shore.lon_rad)
    px = frame.px(xy)
    kept = thin(px, shore.line, 1.0)
    px, line = np.stack([px[kept, 0], HEIGHT_PX - px[kept, 1]], axis=1), shore.line[kept]
    inside = frame.inside(xy[kept], margin_px=20.0)
    near = np.hypot(*xy[kept].T) < 0.9 * projection.edge_m
    found = []
    for part in np.split(np.arange(len(line)), np.flatnonzero(np.diff(line)) + 1):
        if len(part) > 2 and inside[part].any() and near[part].all():
            clipped = np.clip(px[part], -200.0, [WIDTH_PX + 200.0, HEIGHT_PX + 200.0])
            moved = np.any(np.diff(clipped, axis=0, prepend=np.nan) != 0.0, axis=1)
            found.append("M" + "L".join(f"{x:.0f},{y:.0f}" for x, y in clipped[moved]) + "Z")
    return [tag("path", d="".join(found), class_="land")] if found else []


def _path(flight: Flight, px: Floats) -> Html:
    threat = bool(np.isin(flight.kind, MISSILES).any())
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in px)
    return tag("polyline", tag("title", flight.name), points=points, class_="way threat" if threat else "way")


def _names(threats: Sequence[tuple[Flight, Floats]], projection: Projection, frame: Frame) -> list[Html]:
    found = []
    for flight, places in threats:
        (x0, y0), (x1, y1) = _px(projection, frame, places[[0, -1]])
        found.append(tag("circle", cx=f"{x0:.1f}", cy=f"{y0:.1f}", r="4", class_="launch"))
        found.append(tag("path", d=f"M{x1 - 5:.1f},{y1 - 5:.1f}l10,10m0,-10l-10,10", class_="arrival"))
        found.append(tag("text", flight.name, x=f"{x0 + 8:.1f}", y=f"{y0 + 14:.1f}", class_="name"))
    return found


def _scale(frame: Frame) -> list[Html]:
    length_km = nice_below(0.2 * WIDTH_PX * frame.metres_per_px / 1000.0)
    px = 1000.0 * length_km / frame.metres_per_px
    x, y = WIDTH_PX - 18.0, HEIGHT_PX - 16.0
    return [
        tag("path", d=f"M{x - px:.1f},{y - 5:.1f}v5h{px:.1f}v-5", class_="scale"),
        tag("text", f"{length_km:,.10g} km", x=f"{x - px / 2:.1f}", y=f"{y - 5:.1f}", class_="tick middle"),
    ]
