"""Who can see what: how many sensors at once, where, how high and when.

At a given height every sensor sees a ring about a direction from the Earth's centre: a satellite a disc, or a ring
where only cold sky will do as a background; a radar on the ground a disc out to its range or its horizon. So one kernel
counts them all, a point at a time, by a product against two cosines.

These are figures for placing our own sensors and knowing where our own picture is thin. Nothing here looks for a
flight, a time or a loss that would defeat the network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, cKDTree

from noroshi.estimation.blocks import Executor, map_blocks
from noroshi.geo.horizon import EARTH_FACTOR, great_circle_m, radar_horizon_m
from noroshi.geo.wgs84 import (
    SEMI_MAJOR_AXIS_M,
    SEMI_MINOR_AXIS_M,
    Floats,
    ecef_from_geodetic,
    enu_axes_at,
    geodetic_from_ecef,
)
from noroshi.kernel import kernel

Counts = NDArray[np.uint16]
EARTH = (SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M)
"""Equatorial and polar radius; a sphere for the figures of the literature is (R, R)."""
TURN = 2.0 * math.pi
NOWHERE = 2.0  # a cosine that nothing reaches
POINTS_A_TIME = 1024  # of doubles: what stays in the nearest cache
EPOCHS_A_BLOCK = 64  # part of how work is cut, not of the result: each row stands alone


class Rings(NamedTuple):
    """Where each of s sensors sees, in each of k rows: epochs, or heights.

    Attributes:
        axis: (k, s, 3) unit vectors.
        cosine_min, cosine_max: (k, s) it sees the directions whose product with the axis is within these.
    """

    axis: Floats
    cosine_min: Floats
    cosine_max: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpaceSight:
    """What a satellite's sensor can see of the targets in question.

    What lies behind a target decides how far off it is seen: the Earth, where the ray ends there; the limb, where the
    ray passes lower than `limb_height_m`, before the target or beyond it; else cold sky. By default nothing but the
    Earth itself hides anything. For `seen_from_space` the ranges may be (k,): the target's heat changes.

    Attributes:
        line_height_m: the line of sight must stay above this, and so must the target: cloud tops, or 0 for the ground.
        elevation_rad_min: how high the satellite must stand above the target's horizontal plane.
        off_nadir_rad: least and largest angle at the satellite between target and centre of the Earth.
        limb_height_m: up to which the air glows.
        earth_range_m, limb_range_m, sky_range_m: how far off a target is seen before each of the three; 0: not at all.
    """

    line_height_m: float = 0.0
    elevation_rad_min: float = -math.pi / 2.0
    off_nadir_rad: tuple[float, float] = (0.0, math.pi)
    limb_height_m: float = 0.0
    earth_range_m: float | Floats = math.inf
    limb_range_m: float | Floats = math.inf
    sky_range_m: float | Floats = math.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundSight:
    """A sensor that stands on the Earth, and what it can see of the targets in question.

    Attributes:
        name, nation: whose it is.
        position_ecef_m: (3,).
        range_m_min, range_m_max: slant range within which it finds them (see `detection_range_m`).
        earth_factor: what the air makes of the Earth's radius; infinite if nothing hides targets (sky wave).
        elevation_rad: lowest and highest elevation of its beam.
        sectors_rad: pairs of azimuths (from, clockwise to) in which it looks; none: all round.
        dead_rad: likewise, in which it does not look.
        height_m: lowest and highest target it can find: a receiver of ships' reports finds none in the air.
    """

    name: str
    nation: str
    position_ecef_m: Floats
    range_m_min: float
    range_m_max: float
    earth_factor: float = EARTH_FACTOR
    elevation_rad: tuple[float, float] = (-math.pi / 2.0, math.pi / 2.0)
    sectors_rad: tuple[tuple[float, float], ...] = ()
    dead_rad: tuple[tuple[float, float], ...] = ()
    height_m: tuple[float, float] = (-math.inf, math.inf)


def rings_from_space(
    position_ecef_m: Floats, sight: SpaceSight, target_height_m: float, *, earth_m: tuple[float, float] = EARTH
) -> Rings:
    """Return the rings in which satellites see targets of one height: one a satellite, or more, that do not overlap.

    The Earth and cloud are those of the ellipsoid: the axes are stretched along its axis until it is a sphere, which
    keeps lines straight. Angles and ranges are then a little off: see tests/exercise/test_coverage.py.

    Args:
        position_ecef_m: (s, k, 3) of s satellites at k epochs.
        sight: of all of them.
        target_height_m: above the ellipsoid.
        earth_m: equatorial and polar radius.
    """
    stretched = np.ascontiguousarray(position_ecef_m.swapaxes(0, 1)) * _stretch(sight, earth_m)
    radius_m = np.linalg.norm(stretched, axis=2)
    there = np.isfinite(radius_m)
    axis = np.where(there[..., None], stretched / radius_m[..., None], 0.0)
    pieces = ring_angles(radius_m, earth_m[0] + target_height_m, earth_m[0], sight)
    pieces = [(low, np.where(there, high, -1.0)) for low, high in pieces]
    pieces = [(low, high) for low, high in pieces if np.any(high >= low)] or pieces[:1]
    return Rings(
        np.concatenate([axis] * len(pieces), axis=1),
        np.concatenate([np.where(high >= low, np.cos(high), NOWHERE) for low, high in pieces], axis=1),
        np.concatenate([np.where(low > 0.0, np.cos(low), NOWHERE) for low, _ in pieces], axis=1),
    )


def ring_angles(
    radius_m: Floats, target_radius_m: Floats | float, earth_radius_m: float, sight: SpaceSight
) -> list[tuple[Floats, Floats]]:
    """Return between which angles [rad] at the Earth's centre satellites see targets: pieces that do not overlap.

    The largest angle of a piece is below its smallest where there is no such piece.

    Args:
        radius_m: (...) of the satellites.
        target_radius_m: of the targets, broadcasts.
        earth_radius_m: of the sphere that heights count from.
        sight: what limits them.

    Source: spherical trigonometry; Wertz (2001), Mission Geometry, section 9.1.
    """
    target_m = np.broadcast_to(np.asarray(target_radius_m, np.float64), radius_m.shape)
    high = _clear_up_to(radius_m, target_m, earth_radius_m + sight.line_height_m)
    if sight.elevation_rad_min > -math.pi / 2.0:
        lean = target_m * math.cos(sight.elevation_rad_min) / radius_m
        overhead = math.pi / 2.0 - sight.elevation_rad_min - np.arcsin(np.minimum(lean, 1.0))
        high = np.minimum(high, np.where(lean > 1.0, -1.0, overhead))
    pieces = [(np.zeros_like(high), high)]
    ranges_m = sight.earth_range_m, sight.limb_range_m, sight.sky_range_m
    if any(np.any(np.isfinite(range_m)) for range_m in ranges_m):
        pieces = _overlaps(pieces, _by_background(radius_m, target_m, earth_radius_m, sight))
    if sight.off_nadir_rad != (0.0, math.pi):
        pieces = _overlaps(pieces, _by_off_nadir(radius_m, target_m, *sight.off_nadir_rad))
    return pieces


def directions(
    lat_rad: Floats,
    lon_rad: Floats,
    height_m: float,
    sight: SpaceSight | None = None,
    *,
    earth_m: tuple[float, float] = EARTH,
) -> Floats:
    """Return the (n, 3) unit vectors to one height above (n,) places, as `fold` wants them for the same sight."""
    equatorial_m, polar_m = earth_m
    sine, cosine = np.sin(lat_rad), np.cos(lat_rad)
    normal_m = equatorial_m**2 / np.hypot(equatorial_m * cosine, polar_m * sine)
    across_m = (normal_m + height_m) * cosine
    along_m = (normal_m * (polar_m / equatorial_m) ** 2 + height_m) * sine
    place = np.stack([across_m * np.cos(lon_rad), across_m * np.sin(lon_rad), along_m], axis=-1)
    place = place * _stretch(sight or SpaceSight(), earth_m)
    unit: Floats = place / np.linalg.norm(place, axis=-1, keepdims=True)
    return unit


def seen_from_space(position_ecef_m: Floats, sight: SpaceSight, target_ecef_m: Floats) -> NDArray[np.bool_]:
    """Return (s, k) which of s satellites at (s, k, 3) see a target at (k, 3) as it flies; a NaN is not seen."""
    factors = _stretch(sight, EARTH)
    satellite, target = position_ecef_m * factors, target_ecef_m * factors
    radius_m, target_radius_m = np.linalg.norm(satellite, axis=-1), np.linalg.norm(target, axis=-1)
    angle = _arccos(np.vecdot(satellite, target) / (radius_m * target_radius_m))
    pieces = ring_angles(radius_m, target_radius_m, EARTH[0], sight)
    return np.asarray(np.any([(angle >= low) & (angle <= high) for low, high in pieces], axis=0))


def fold(rings: Rings, points: Floats, *, executor: Executor | None = None) -> Counts:
    """Return (k, n) how many of the s sensors see each of (n, 3) directions, in each of the k rows."""
    columns = np.ascontiguousarray(points.T)
    return map_blocks(
        partial(_fold_block, columns), rings.axis, rings.cosine_min, rings.cosine_max, executor=executor,
        rows=EPOCHS_A_BLOCK,
    )  # fmt: skip


def _fold_block(columns: Floats, axis: Floats, cosine_min: Floats, cosine_max: Floats) -> Counts:
    counts = np.empty((len(axis), columns.shape[1]), np.uint16)
    _count(
        np.ascontiguousarray(axis), np.ascontiguousarray(cosine_min), np.ascontiguousarray(cosine_max), columns, counts
    )
    return counts


@kernel
def _count(axis: Floats, cosine_min: Floats, cosine_max: Floats, columns: Floats, counts: Counts) -> None:
    n = columns.shape[1]
    running = np.zeros(POINTS_A_TIME, np.int64)  # as wide as what is compared, so that it goes four at a time
    for row in range(axis.shape[0]):
        for start in range(0, n, POINTS_A_TIME):
            m = min(POINTS_A_TIME, n - start)
            px, py, pz = columns[0, start : start + m], columns[1, start : start + m], columns[2, start : start + m]
            seen = running[:m]
            seen[:] = 0
            for sensor in range(axis.shape[1]):
                x, y, z = axis[row, sensor, 0], axis[row, sensor, 1], axis[row, sensor, 2]
                low, high = cosine_min[row, sensor], cosine_max[row, sensor]
                for i in range(m):
                    cosine = x * px[i] + y * py[i] + z * pz[i]
                    seen[i] += (cosine >= low) & (cosine <= high)
            for i in range(m):
                counts[row, start + i] = seen[i]


class Revisit(NamedTuple):
    """How often each of n places is seen by so many sensors at once.

    Attributes:
        share: (n,) of the time.
        mean_gap_s: (n,) mean length of the times in which it is not; 0 if there are none.
        longest_gap_s: (n,).
    """

    share: Floats
    mean_gap_s: Floats
    longest_gap_s: Floats


def revisit(counts: Counts, step_s: float, *, least: int = 1) -> Revisit:
    """Return how often places are seen by at least `least` sensors at once, of (k, n) counts a step apart.

    A gap is as many steps long as there are epochs in it; what the first and the last epoch cut off counts as it is.
    """
    k, n = counts.shape
    found = np.zeros((4, n), np.int64)
    _gaps(counts, least, found)
    seen, gaps, longest = found[:3]
    mean_gap_s = (k - seen) * step_s / np.maximum(gaps, 1)
    return Revisit(seen / k, mean_gap_s, longest * step_s)


@kernel
def _gaps(counts: Counts, least: int, found: NDArray[np.int64]) -> None:
    seen, gaps, longest, running = found[0], found[1], found[2], found[3]
    for row in range(counts.shape[0]):
        for i in range(counts.shape[1]):
            missing = counts[row, i] < least
            gaps[i] += missing & (running[i] == 0)
            running[i] = (running[i] + 1) * missing
            longest[i] = max(longest[i], running[i])
            seen[i] += not missing


def seen_from_ground(sight: GroundSight, target_ecef_m: Floats, height_m: Floats | float) -> NDArray[np.bool_]:
    """Return (n,) whether a sensor on the ground sees targets.

    Args:
        sight: the sensor.
        target_ecef_m: (n, 3); a NaN is not seen.
        height_m: (n,) or one, their heights above the ellipsoid, which the caller has at hand.
    """
    offset_m = target_ecef_m - sight.position_ecef_m
    range_m = np.linalg.norm(offset_m, axis=1)
    lowest_m, highest_m = sight.height_m
    seen = (range_m >= sight.range_m_min) & (range_m <= sight.range_m_max)
    seen &= (height_m >= lowest_m) & (height_m <= highest_m)
    if math.isfinite(sight.earth_factor):
        antenna_m = geodetic_from_ecef(sight.position_ecef_m)[2]
        horizon_m = radar_horizon_m(antenna_m, height_m, earth_factor=sight.earth_factor)
        seen &= great_circle_m(target_ecef_m, sight.position_ecef_m) <= horizon_m
    east, north, up = np.matvec(enu_axes_at(sight.position_ecef_m), offset_m).T
    elevation = np.arctan2(up, np.hypot(east, north))
    seen &= (elevation >= sight.elevation_rad[0]) & (elevation <= sight.elevation_rad[1])
    azimuth = np.arctan2(east, north)
    if sight.sectors_rad:
        seen &= is_within(azimuth, sight.sectors_rad)
    seen &= ~is_within(azimuth, sight.dead_rad)
    return np.asarray(seen)


def gains(
    candidates: Sequence[GroundSight], points: Floats, height_m: float, missing: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return (c,) at how many missing points each candidate sensor would see a target.

    Args:
        candidates: c sensors that look all round.
        points: (n, 2) geodetic latitude and longitude [rad].
        height_m: of the target above them.
        missing: (n,) the points that still lack a sensor.
    """
    lat_rad, lon_rad = points[missing].T
    target_ecef_m = ecef_from_geodetic(lat_rad, lon_rad, height_m)
    near = cKDTree(target_ecef_m)
    found = np.zeros(len(candidates), np.int64)
    for i, sight in enumerate(candidates):
        rows = near.query_ball_point(sight.position_ecef_m, min(sight.range_m_max, EARTH[0]))
        found[i] = np.count_nonzero(seen_from_ground(sight, target_ecef_m[rows], height_m))
    return found


def largest_gap_rad(directions: Floats) -> float:
    """Return the largest angle from any direction at all to the nearest of (n, 3) unit vectors.

    Source: the circumcircles of the spherical Delaunay triangles, which are the faces of the convex hull; Ballard
    (1980), IEEE TAES 16(5), section II.
    """
    hull = ConvexHull(directions)
    # Each face's plane is at its circle's distance from the centre; negative where the centre lies outside the hull.
    return float(np.arccos(np.clip(np.min(-hull.equations[:, 3]), -1.0, 1.0)))


def _clear_up_to(radius_m: Floats, target_m: Floats, obstacle_m: float) -> Floats:
    """Return up to which angle a sphere does not come between satellites and targets; -1 if these are inside it."""
    angle = _arccos(obstacle_m / radius_m) + _arccos(obstacle_m / target_m)
    return np.where(target_m < obstacle_m, -1.0, angle)


def _by_background(
    radius_m: Floats, target_m: Floats, earth_radius_m: float, sight: SpaceSight
) -> list[tuple[Floats, Floats]]:
    """Return the pieces in which targets are near enough for what is behind them.

    From below the satellite outwards: the Earth, the limb beyond the target, the sky, and the limb before the target.
    """
    edges = []
    for height_m in (0.0, sight.limb_height_m):
        sphere_m = earth_radius_m + height_m
        tangent, beyond = _arccos(sphere_m / radius_m), _arccos(sphere_m / target_m)
        # Behind a target above its satellite there is always the sky; behind one inside the sphere never.
        near = np.where(target_m < radius_m, np.maximum(tangent - beyond, 0.0), 0.0)
        inside = target_m < sphere_m
        edges.append((np.where(inside, math.pi, near), np.where(inside, math.pi, tangent + beyond)))
    (earth, last), (limb, sky) = edges
    limb, sky = np.maximum(limb, earth), np.minimum(sky, last)
    pieces = []
    for low, high, range_m in (
        (np.zeros_like(earth), earth, sight.earth_range_m),
        (earth, limb, sight.limb_range_m),
        (limb, sky, sight.sky_range_m),
        (np.maximum(sky, limb), last, sight.limb_range_m),
    ):
        squares = radius_m**2 + target_m**2 - np.minimum(range_m, 1e12) ** 2
        cosine = squares / (2.0 * radius_m * target_m)
        pieces.append((low, np.minimum(high, np.where(cosine > 1.0, -1.0, _arccos(cosine)))))
    return pieces


def _by_off_nadir(radius_m: Floats, target_m: Floats, least_rad: float, most_rad: float) -> list[tuple[Floats, Floats]]:
    """Return the pieces in which targets are between two angles off nadir.

    That angle grows from 0 below the satellite to its largest where the target sees the satellite on its horizon, and
    shrinks beyond; for a target above its satellite it only shrinks, from 180 degrees.
    """
    (near_least, far_least), (near_most, far_most) = (
        _at_off_nadir(radius_m, target_m, angle) for angle in (least_rad, most_rad)
    )
    return [(near_least, near_most), (np.maximum(far_most, np.nextafter(near_most, np.inf)), far_least)]


def _at_off_nadir(radius_m: Floats, target_m: Floats, off_nadir_rad: float) -> tuple[Floats, Floats]:
    """Return the two angles at the Earth's centre at which targets are so far off nadir.

    If none are, both are where they are furthest off. Of a target above its satellite the nearer one is -1: there is
    none.
    """
    sine = radius_m * math.sin(off_nadir_rad) / target_m
    at_target = np.arcsin(np.minimum(sine, 1.0))
    turning = _arccos(target_m / radius_m)
    above = target_m >= radius_m
    if off_nadir_rad > math.pi / 2.0:
        # Looking up: only what is above can be seen there.
        return np.where(above, -1.0, turning), np.where(above, math.pi - off_nadir_rad - at_target, turning)
    near = np.where(sine >= 1.0, turning, at_target - off_nadir_rad)
    far = np.where(sine >= 1.0, turning, math.pi - at_target - off_nadir_rad)
    return np.where(above, -1.0, near), np.where(above, math.pi - off_nadir_rad - at_target, far)


def _overlaps(one: list[tuple[Floats, Floats]], other: list[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
    return [(np.maximum(a, c), np.minimum(b, d)) for a, b in one for c, d in other]


def _stretch(sight: SpaceSight, earth_m: tuple[float, float]) -> Floats:
    """Return the factors of the axes that make a sphere of the ellipsoid at the line's height."""
    equatorial_m, polar_m = (radius_m + sight.line_height_m for radius_m in earth_m)
    return np.array([1.0, 1.0, equatorial_m / polar_m])


def is_within(azimuth_rad: Floats, sectors_rad: tuple[tuple[float, float], ...]) -> NDArray[np.bool_]:
    """Return (n,) which azimuths are in any of the sectors, each from one azimuth clockwise to another."""
    within = np.zeros(len(azimuth_rad), np.bool_)
    for start, end in sectors_rad:
        within |= (azimuth_rad - start) % TURN <= (end - start) % TURN
    return within


def _arccos(cosine: Floats) -> Floats:
    angle: Floats = np.arccos(np.clip(cosine, -1.0, 1.0))
    return angle
