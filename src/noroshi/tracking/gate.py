"""Which plot may belong to which track, coarsely: in Cartesian metres, over a grid of the plots."""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records.identity import ABSENT
from noroshi.tracking.store import Near, Store, Whole

Integers = NDArray[np.int64]
CELLS_A_PLOT_MAX = 4
NO_CODE, SAME_CODE, SAME_ADDRESS = 0, 1, 2
"""What a track and a plot say of each other's identity; different addresses make no pair at all."""


def coarse_pairs(
    store: Store, position_ecef_m: Floats, radius_m: Floats, time_s: Floats, codes: Integers, growth: float
) -> tuple[Integers, Integers, Integers]:
    """Return all pairs that the exact gate could let pass: row, plot and agreement, ordered by row and then by plot.

    A track reaches as far as its gate's standard deviations of where it may be at the plot's time, whatever its
    direction. Plots lie in the cells of a grid over the plane that touches the Earth among them; each track looks into
    the cells that it can reach, so that a wide one does not widen the others' search.

    Args:
        store: the tracks.
        position_ecef_m: (n, 3) where the plots are.
        radius_m: (n,) standard deviation of each plot's position, whatever the direction.
        time_s: (n,) the plots' times since the store's epoch.
        codes: (n, 3) ICAO address, Mode 3/A code, MMSI.
        growth: variance [m2/s3] that the position gains by unforeseen acceleration over the cube of the time.
    """
    if not len(time_s):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    centre = position_ecef_m.mean(axis=0)
    plane = _plane(centre)
    place = (position_ecef_m - centre) @ plane
    low = place.min(axis=0)
    place -= low
    extent = place.max(axis=0)
    size, shape = _cells(extent, len(time_s))
    cell = (place / size).astype(np.int64) @ np.array([shape[1], 1])
    plot = np.argsort(cell, kind="stable")
    begin = np.zeros(shape[0] * shape[1] + 1, np.int64)
    np.cumsum(np.bincount(cell, minlength=len(begin) - 1), out=begin[1:])
    n_pairs = 8 * len(time_s) + 64
    while True:
        pairs = np.empty((3, n_pairs), np.int64)
        found = _search(
            store.near, store.whole, store.n_used, position_ecef_m, radius_m, time_s, codes, growth,
            centre + plane @ low, plane, extent, size, shape, begin, plot, pairs,
        )  # fmt: skip
        if found <= n_pairs:
            return pairs[0, :found], pairs[1, :found], pairs[2, :found]
        n_pairs = found


def _plane(centre: Floats) -> Floats:
    """Return (3, 2) two unit vectors at right angles to `centre` and to each other."""
    x, y, z = centre.tolist()
    level, whole = math.hypot(x, y), math.sqrt(x * x + y * y + z * z)
    if level < 1e-3 * whole or whole == 0.0:
        return np.eye(3)[:, :2]
    # East, and north of a sphere.
    return np.array(
        [[-y / level, -x * z / (level * whole)], [x / level, -y * z / (level * whole)], [0.0, level / whole]]
    )


def _cells(extent: Floats, n: int) -> tuple[float, tuple[int, int]]:
    """Return the side of the grid's cells [m] and how many there are along each axis: about one plot in each."""
    width, length = float(extent[0]), float(extent[1])
    size = max(np.sqrt((width + 1.0) * (length + 1.0) / n), (width + length + 2.0) / (CELLS_A_PLOT_MAX * n))
    return float(size), (int(width / size) + 1, int(length / size) + 1)


@kernel
def _search(
    near: Floats,
    whole: Integers,
    n_used: int,
    position: Floats,
    radius: Floats,
    time_s: Floats,
    codes: Integers,
    growth: float,
    corner: Floats,
    plane: Floats,
    extent: Floats,
    size: float,
    shape: tuple[int, int],
    begin: Integers,
    plot: Integers,
    pairs: Integers,
) -> int:
    """Write the pairs and return how many there are, of which no more are written than there is room for."""
    early, late, widest = math.inf, -math.inf, 0.0
    for j in range(time_s.shape[0]):
        early, late, widest = min(early, time_s[j]), max(late, time_s[j]), max(widest, radius[j])
    found = 0
    middle, half = 0.5 * (early + late), 0.5 * (late - early)
    for i in range(n_used):
        sigmas = near[i, Near.SIGMAS]
        if sigmas == 0.0:
            continue
        dt = middle - near[i, Near.TIME_S]
        vx, vy, vz = near[i, Near.VELOCITY], near[i, Near.VELOCITY + 1], near[i, Near.VELOCITY + 2]
        x, y, z = near[i, 0] + dt * vx, near[i, 1] + dt * vy, near[i, 2] + dt * vz
        longest = abs(dt) + half
        spread = near[i, Near.POSITION_SIGMA] + longest * near[i, Near.VELOCITY_SIGMA]
        reach = sigmas * math.sqrt(spread * spread + growth * longest * longest * longest + widest * widest)
        reach += half * math.sqrt(vx * vx + vy * vy + vz * vz)
        x, y, z = x - corner[0], y - corner[1], z - corner[2]
        u = x * plane[0, 0] + y * plane[1, 0] + z * plane[2, 0]
        v = x * plane[0, 1] + y * plane[1, 1] + z * plane[2, 1]
        if u + reach < 0.0 or v + reach < 0.0 or u - reach > extent[0] or v - reach > extent[1]:
            continue
        first_x, last_x = max(0, int((u - reach) / size)), min(shape[0] - 1, int((u + reach) / size))
        first_y, last_y = max(0, int((v - reach) / size)), min(shape[1] - 1, int((v + reach) / size))
        first = found
        for cx in range(first_x, last_x + 1):
            for at in range(begin[cx * shape[1] + first_y], begin[cx * shape[1] + last_y + 1]):
                j = plot[at]
                dt = time_s[j] - near[i, Near.TIME_S]
                spread = near[i, Near.POSITION_SIGMA] + abs(dt) * near[i, Near.VELOCITY_SIGMA]
                squared = spread * spread + growth * abs(dt * dt * dt) + radius[j] * radius[j]
                dx = position[j, 0] - near[i, 0] - dt * vx
                dy = position[j, 1] - near[i, 1] - dt * vy
                dz = position[j, 2] - near[i, 2] - dt * vz
                if dx * dx + dy * dy + dz * dz > sigmas * sigmas * squared:
                    continue
                agreement = _agreement(whole[i], codes[j])
                if agreement < 0:
                    continue
                if found < pairs.shape[1]:
                    pairs[0, found], pairs[1, found], pairs[2, found] = i, j, agreement
                found += 1
        if found <= pairs.shape[1]:
            _sort(pairs, first, found)
    return found


@kernel
def _agreement(track: Integers, codes: Integers) -> int:
    """Return what track and plot say of each other, -1 where an address differs.

    The ICAO address and the MMSI identify a target. A Mode 3/A code may be shared or change: it speaks only for a pair.
    """
    agreement = NO_CODE
    if codes[1] != ABSENT and codes[1] == track[Whole.MODE_3A]:
        agreement = SAME_CODE
    if codes[0] != ABSENT and track[Whole.ICAO_ADDRESS] != ABSENT:
        if codes[0] != track[Whole.ICAO_ADDRESS]:
            return -1
        agreement = SAME_ADDRESS
    if codes[2] != ABSENT and track[Whole.MMSI] != ABSENT:
        if codes[2] != track[Whole.MMSI]:
            return -1
        agreement = SAME_ADDRESS
    return agreement


@kernel
def _sort(pairs: Integers, first: int, end: int) -> None:
    """Order the pairs of one track by plot, by insertion: there are few, and mostly in order."""
    for e in range(first + 1, end):
        plot, agreement = pairs[1, e], pairs[2, e]
        at = e
        while at > first and pairs[1, at - 1] > plot:
            pairs[1, at], pairs[2, at] = pairs[1, at - 1], pairs[2, at - 1]
            at -= 1
        pairs[1, at], pairs[2, at] = plot, agreement
