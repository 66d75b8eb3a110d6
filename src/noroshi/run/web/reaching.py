"""Where a node's sensors see targets of one height, as outlines, by what the tracker itself believes of them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic, geodetic_from_ecef
from noroshi.run.web.situation import Situation

AZIMUTHS = 72
DISTANCES = 160
FURTHEST_RAD = math.radians(82.0)  # from a geostationary satellite to the Earth's limb
FURTHEST_GROUND_RAD = 3_600_000.0 / MEAN_RADIUS_M
HOLE_MIN = 3  # steps within which a sensor may be blind and no hole is drawn


def coverage(situation: Situation, height_m: float) -> list[dict[str, Any]]:
    """Return the outlines of where each sensor has any chance to see a target at a height in one look.

    A sensor whose place is not known is left out, and one that tells positions of no place of its own.
    """
    rows = []
    for name in situation.sensors:
        origin_m = situation.origin_of(name)
        if origin_m is not None:
            rings = _rings(situation, name, origin_m, height_m)
            if rings:
                rows.append({"name": name, "rings_deg": rings})
    return rows


def _rings(situation: Situation, name: str, origin_m: NDArray[np.float64], height_m: float) -> list[list[list[float]]]:
    lat_rad, lon_rad, own_height_m = (float(one) for one in geodetic_from_ecef(origin_m))
    furthest = FURTHEST_RAD if own_height_m > 100_000.0 else FURTHEST_GROUND_RAD
    azimuth = np.linspace(0.0, 2.0 * math.pi, AZIMUTHS, endpoint=False)
    distance = np.linspace(furthest / DISTANCES, furthest, DISTANCES)
    lat, lon = _along(lat_rad, lon_rad, azimuth[:, None], distance[None, :])
    states = np.zeros((AZIMUTHS * DISTANCES, 6))
    states[:, :3] = ecef_from_geodetic(lat.ravel(), lon.ravel(), height_m)
    chance = situation.sensors[name].detection_probability(states, np.broadcast_to(origin_m, (len(states), 3)).copy())
    seen: NDArray[np.bool_] = np.asarray(chance > 0.0).reshape(AZIMUTHS, DISTANCES)
    any_seen: NDArray[np.bool_] = np.asarray(seen.any(axis=1))
    if not any_seen.any():
        return []
    first, last = seen.argmax(axis=1), DISTANCES - 1 - seen[:, ::-1].argmax(axis=1)
    rows = np.arange(AZIMUTHS)
    outer = np.degrees(np.stack([lat[rows, last], lon[rows, last]], axis=1)).round(4).tolist()
    inner = np.degrees(np.stack([lat[rows, first], lon[rows, first]], axis=1)).round(4).tolist()
    if any_seen.all():
        has_hole = int(first.min()) >= HOLE_MIN
        return [outer, inner[::-1]] if has_hole else [outer]
    rings = []
    begin = int(np.flatnonzero(any_seen & ~np.roll(any_seen, 1))[0])
    run: list[int] = []
    for step in range(AZIMUTHS + 1):
        i = (begin + step) % AZIMUTHS
        if step < AZIMUTHS and any_seen[i]:
            run.append(i)
        elif run:
            rings.append([outer[j] for j in run] + [inner[j] for j in reversed(run)])
            run = []
    return rings


def around(
    lat_rad: float, lon_rad: float, distance_rad: float, points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (points,) latitudes and longitudes of a circle over ground."""
    azimuth = np.linspace(0.0, 2.0 * math.pi, points, endpoint=False)
    return _along(lat_rad, lon_rad, azimuth, np.full(points, distance_rad))


def _along(
    lat_rad: float, lon_rad: float, azimuth_rad: NDArray[np.float64], distance_rad: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places at angles over ground from a place, on a sphere.

    Source: Snyder (1987), Map Projections, USGS PP 1395, equations 5-5 and 5-6.
    """
    sine = math.sin(lat_rad) * np.cos(distance_rad) + math.cos(lat_rad) * np.sin(distance_rad) * np.cos(azimuth_rad)
    lat = np.arcsin(np.clip(sine, -1.0, 1.0))
    lon = lon_rad + np.arctan2(
        np.sin(distance_rad) * np.sin(azimuth_rad),
        math.cos(lat_rad) * np.cos(distance_rad) - math.sin(lat_rad) * np.sin(distance_rad) * np.cos(azimuth_rad),
    )
    return lat, (lon + math.pi) % (2.0 * math.pi) - math.pi
