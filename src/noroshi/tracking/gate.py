"""Which plot may belong to which track, coarsely: over a grid of the plots, in Cartesian metres."""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records.identity import ABSENT
from noroshi.sensors.rows import FIRST, LINE, N_ROWS, RADIUS, WIDTH
from noroshi.tracking.store import Bound, Near, Store, Whole

Integers = NDArray[np.int64]
CELLS_A_PLOT = 4
PAIRS_A_PLOT = 16  # room for so many at first
NO_CODE, SAME_CODE, SAME_ADDRESS = 0, 1, 2
"""What a track and a plot say of each other's identity; different addresses make no pair at all."""


def coarse_pairs(
    store: Store,
    form: Floats,
    time_s: Floats,
    codes: Integers,
    *,
    growth: float,
    gates: Floats,
    keeps_velocity: bool,
) -> tuple[Integers, Integers, Integers]:
    """Return all pairs that the exact gate could let pass: row, plot and agreement, ordered by row and then by plot.

    A track reaches as far as its gate's standard deviations of where it may be at the plot's time, whatever its
    direction. Plots lie in the cells of a grid over the plane that touches the Earth among them; each track looks into
    the cells that it can reach, so that a wide one does not widen the others' search. Where all models keep a target's
    velocity, what is left is put to the gate itself, with a covariance that is a little too wide.

    Args:
        store: the tracks.
        form: (n, w) the plots' forms (`sensors.rows`).
        time_s: (n,) their times since the store's epoch.
        codes: (n, 3) ICAO address, Mode 3/A code, MMSI.
        growth: variance [m2/s3] that the position gains by unforeseen acceleration over the cube of the time.
        gates: (10,) see `Bank.confront`.
        keeps_velocity: whether all models do (`Motion.KEEPS_VELOCITY`).
    """
    return _pair_up(
        store.bounds, store.near, store.whole, store.real, store.n_used, store.offsets, store.sizes, form, time_s,
        codes, growth, gates, store.sigmas[0], max(store.sigmas), keeps_velocity,
    )  # fmt: skip


@kernel
def _pair_up(
    bounds: Floats,
    near: Floats,
    whole: Integers,
    real: Floats,
    n_used: int,
    offsets: Integers,
    sizes: Integers,
    form: Floats,
    time_s: Floats,
    codes: Integers,
    growth: float,
    gates: Floats,
    sigmas_first: float,
    sigmas_max: float,
    keeps_velocity: bool,
) -> tuple[Integers, Integers, Integers]:
    plane, frame, size, shape, place = _lay_out(form, time_s)
    here, plot, begin = _sort_into_cells(form, time_s, place, size, shape)
    rows = _near_by(bounds, n_used, frame, plane, growth, sigmas_max)
    within = np.empty((2, PAIRS_A_PLOT * form.shape[0] + 64), np.int64)
    found = _search(rows, near, here, growth, plane, frame, size, shape, begin, within)
    if found > within.shape[1]:
        within = np.empty((2, found), np.int64)
        _search(rows, near, here, growth, plane, frame, size, shape, begin, within)
    return _sift(
        within, found, near, whole, real, offsets, sizes, form, here, plot, codes, growth, gates, sigmas_first,
        keeps_velocity,
    )  # fmt: skip


@kernel
def _lay_out(form: Floats, time_s: Floats) -> tuple[Floats, Floats, float, tuple[int, int], Floats]:
    """Return the plane of the grid, how far the plots reach, the cells' side [m], their numbers, the plots' places.

    The plane's (3, 3) rows are its two axes and the corner that the places (n, 2) are counted from. The (5,) reach is
    the extent along either axis, the middle and half of the span of times, the largest radius of a plot.
    """
    n = form.shape[0]
    plane, frame, place = np.empty((3, 3)), np.empty(5), np.empty((n, 2))
    axes, corner, middle = plane[:2], plane[2], np.empty(3)
    for c in range(3):
        axes[0, c], axes[1, c], middle[c] = 0.0, 0.0, 0.0
    for j in range(n):
        for c in range(3):
            middle[c] += form[j, c]
    for c in range(3):
        middle[c] /= n
    # East, and north of a sphere; anything at right angles to up near the poles and in the laboratory.
    level = math.hypot(middle[0], middle[1])
    whole = math.hypot(level, middle[2])
    if level < 1e-3 * whole or whole == 0.0:
        axes[0, 0], axes[1, 1] = 1.0, 1.0
    else:
        axes[0, 0], axes[0, 1] = -middle[1] / level, middle[0] / level
        axes[1, 0], axes[1, 1] = -middle[0] * middle[2] / (level * whole), -middle[1] * middle[2] / (level * whole)
        axes[1, 2] = level / whole
    # Turned along the plots: a sector of a radar's turn fills its box better.
    along, across, both = 0.0, 0.0, 0.0
    for j in range(n):
        x, y, z = form[j, 0] - middle[0], form[j, 1] - middle[1], form[j, 2] - middle[2]
        u, v = x * axes[0, 0] + y * axes[0, 1], x * axes[1, 0] + y * axes[1, 1] + z * axes[1, 2]
        along, across, both = along + u * u, across + v * v, both + u * v
    turn = 0.5 * math.atan2(2.0 * both, along - across)
    cos, sin = math.cos(turn), math.sin(turn)
    for c in range(3):
        east, north = axes[0, c], axes[1, c]
        axes[0, c], axes[1, c] = cos * east + sin * north, cos * north - sin * east
    low_u, low_v, high_u, high_v = math.inf, math.inf, -math.inf, -math.inf
    early, late, widest = math.inf, -math.inf, 0.0
    for j in range(n):
        x, y, z = form[j, 0] - middle[0], form[j, 1] - middle[1], form[j, 2] - middle[2]
        u = x * axes[0, 0] + y * axes[0, 1] + z * axes[0, 2]
        v = x * axes[1, 0] + y * axes[1, 1] + z * axes[1, 2]
        place[j, 0], place[j, 1] = u, v
        low_u, high_u, low_v, high_v = min(low_u, u), max(high_u, u), min(low_v, v), max(high_v, v)
        early, late, widest = min(early, time_s[j]), max(late, time_s[j]), max(widest, form[j, RADIUS])
    for j in range(n):
        place[j, 0] -= low_u
        place[j, 1] -= low_v
    for c in range(3):
        corner[c] = middle[c] + low_u * axes[0, c] + low_v * axes[1, c]
    width, length = high_u - low_u, high_v - low_v
    frame[0], frame[1] = width, length
    frame[2], frame[3], frame[4] = 0.5 * (early + late), 0.5 * (late - early), widest
    cells = CELLS_A_PLOT * n
    size = max(math.sqrt((width + 1.0) * (length + 1.0) / cells), (width + length + 2.0) / cells)
    return plane, frame, size, (int(width / size) + 1, int(length / size) + 1), place


@kernel
def _sort_into_cells(
    form: Floats, time_s: Floats, place: Floats, size: float, shape: tuple[int, int]
) -> tuple[Floats, Integers, Integers]:
    """Return the plots in the order of their cells, which those are, and where each cell begins.

    A plot's (12,) row is its position, radius, time, first measurement (three of H, y, variance) and number of those;
    of a line, its direction and variance [rad2] in their place, and last the range of its position.
    """
    n, n_cells = form.shape[0], shape[0] * shape[1]
    here, plot, begin = np.empty((n, 12)), np.empty(n, np.int64), np.empty(n_cells + 1, np.int64)
    cell = np.empty(n, np.int64)
    for c in range(n_cells + 1):
        begin[c] = 0
    for j in range(n):
        cell[j] = int(place[j, 0] / size) * shape[1] + int(place[j, 1] / size)
        begin[cell[j] + 1] += 1
    for c in range(n_cells):
        begin[c + 1] += begin[c]
    for j in range(n):
        at = begin[cell[j]]
        begin[cell[j]] += 1
        plot[at] = j
        for c in range(4):
            here[at, c] = form[j, c]
        here[at, 4], here[at, 9], here[at, 10] = time_s[j], math.inf, form[j, N_ROWS]
        if form[j, N_ROWS] > 0.0 and _is_of_place(form, j, 0):
            for c in range(3):
                here[at, 5 + c] = form[j, FIRST + c]
            here[at, 8], here[at, 9] = form[j, FIRST + 6], form[j, FIRST + 7]
        if form[j, N_ROWS] == LINE:
            for c in range(3):
                here[at, 5 + c] = form[j, FIRST + 3 + c]
            here[at, 8], here[at, 11] = form[j, FIRST + 10] + form[j, FIRST + 12], form[j, FIRST + 9]
    for c in range(n_cells, 0, -1):
        begin[c] = begin[c - 1]
    begin[0] = 0
    return here, plot, begin


@kernel
def _near_by(bounds: Floats, n_used: int, frame: Floats, plane: Floats, growth: float, sigmas: float) -> Integers:
    """Return the tracks that may reach the box in which all plots lie: a plain test that runs over all tracks."""
    middle_s, half_s, nearest = frame[2], frame[3], sigmas * frame[4]
    x, y, z = bounds[Bound.POSITION], bounds[Bound.POSITION + 1], bounds[Bound.POSITION + 2]
    sure, rate, time_s = bounds[Bound.REACH], bounds[Bound.RATE], bounds[Bound.TIME_S]
    is_near = np.empty(n_used, np.bool_)
    for i in range(n_used):
        over = abs(time_s[i] - middle_s) + half_s
        reach = nearest + sure[i] + over * (rate[i] + sigmas * math.sqrt(growth * over))
        dx, dy, dz = x[i] - plane[2, 0], y[i] - plane[2, 1], z[i] - plane[2, 2]
        u = abs(dx * plane[0, 0] + dy * plane[0, 1] + dz * plane[0, 2] - 0.5 * frame[0]) - 0.5 * frame[0]
        v = abs(dx * plane[1, 0] + dy * plane[1, 1] + dz * plane[1, 2] - 0.5 * frame[1]) - 0.5 * frame[1]
        is_near[i] = (u <= reach) & (v <= reach)
    found, rows = 0, np.empty(n_used, np.int64)
    for i in range(n_used):
        rows[found] = i
        found += is_near[i]
    return rows[:found]


@kernel
def _search(
    rows: Integers,
    near: Floats,
    here: Floats,
    growth: float,
    plane: Floats,
    frame: Floats,
    size: float,
    shape: tuple[int, int],
    begin: Integers,
    found: Integers,
) -> int:
    """Write the pairs within reach, row and place in `here`, and return how many; no more are written than fit."""
    n, middle, half, widest = 0, frame[2], frame[3], frame[4]
    room, cells = found.shape[1], 1.0 / size
    for i in rows:
        sigmas, own_s = near[i, Near.SIGMAS], near[i, Near.TIME_S]
        x, y, z = near[i, 0], near[i, 1], near[i, 2]
        vx, vy, vz = near[i, Near.VELOCITY], near[i, Near.VELOCITY + 1], near[i, Near.VELOCITY + 2]
        sure, rate = near[i, Near.POSITION_SIGMA], near[i, Near.VELOCITY_SIGMA]
        dt = middle - own_s
        longest = abs(dt) + half
        spread = sure + longest * rate
        reach = sigmas * math.sqrt(spread * spread + growth * longest * longest * longest + widest * widest)
        reach += half * math.sqrt(vx * vx + vy * vy + vz * vz)
        ax, ay, az = x + dt * vx - plane[2, 0], y + dt * vy - plane[2, 1], z + dt * vz - plane[2, 2]
        u = ax * plane[0, 0] + ay * plane[0, 1] + az * plane[0, 2]
        v = ax * plane[1, 0] + ay * plane[1, 1] + az * plane[1, 2]
        if u + reach < 0.0 or v + reach < 0.0 or u - reach > frame[0] or v - reach > frame[1]:
            continue
        first_x, last_x = max(0, int((u - reach) * cells)), min(shape[0] - 1, int((u + reach) * cells))
        first_y, last_y = max(0, int((v - reach) * cells)), min(shape[1] - 1, int((v + reach) * cells))
        squared_sigmas = sigmas * sigmas
        for cx in range(first_x, last_x + 1):
            for at in range(begin[cx * shape[1] + first_y], begin[cx * shape[1] + last_y + 1]):
                dt = here[at, 4] - own_s
                spread = sure + abs(dt) * rate
                squared = spread * spread + growth * abs(dt * dt * dt)
                dx, dy, dz = here[at, 0] - x - dt * vx, here[at, 1] - y - dt * vy, here[at, 2] - z - dt * vz
                away = dx * dx + dy * dy + dz * dz
                if here[at, 10] == LINE:
                    along = dx * here[at, 5] + dy * here[at, 6] + dz * here[at, 7]
                    range_m = here[at, 11] - along
                    if range_m > 0.0:  # else it is behind, and as far off as its own position is
                        away -= along * along
                        squared += here[at, 8] * range_m * range_m
                else:
                    squared += here[at, 3] * here[at, 3]
                if away <= squared_sigmas * squared:
                    if n < room:
                        found[0, n], found[1, n] = i, at
                    n += 1
    return n


@kernel
def _sift(
    within: Integers,
    found: int,
    near: Floats,
    whole: Integers,
    real: Floats,
    offsets: Integers,
    sizes: Integers,
    form: Floats,
    here: Floats,
    plot: Integers,
    codes: Integers,
    growth: float,
    gates: Floats,
    sigmas_first: float,
    keeps_velocity: bool,
) -> tuple[Integers, Integers, Integers]:
    """Return those pairs (row, plot, agreement) whose identities agree and that are not sure to be outside the gate."""
    row, column, said = np.empty(found, np.int64), np.empty(found, np.int64), np.empty(found, np.int64)
    n, first = 0, 0
    has_codes = False
    for j in range(codes.shape[0]):
        has_codes |= codes[j, 0] != ABSENT or codes[j, 1] != ABSENT or codes[j, 2] != ABSENT
    for e in range(found):
        i, at = within[0, e], within[1, e]
        j, agreement = plot[at], NO_CODE
        if has_codes:
            agreement = _agreement(whole, i, codes, j)
            if agreement < 0:
                continue
        if keeps_velocity and agreement != SAME_ADDRESS and here[at, 9] < math.inf:
            gate = gates[0] if near[i, Near.SIGMAS] == sigmas_first else gates[int(here[at, 10])]
            dt = here[at, 4] - near[i, Near.TIME_S]
            grown = growth * abs(dt * dt * dt)
            is_far = True
            for k in range(sizes.shape[0]):
                is_far = is_far and _is_far(real, i, offsets[k], sizes[k], here, at, form, j, dt, grown, gate)
            if is_far:
                continue
        # A track's pairs are put in the order of the plots: there are few, and mostly in order.
        if n > 0 and row[n - 1] != i:
            first = n
        to = n
        while to > first and column[to - 1] > j:
            column[to], said[to] = column[to - 1], said[to - 1]
            to -= 1
        row[n], column[to], said[to] = i, j, agreement
        n += 1
    return row[:n].copy(), column[:n].copy(), said[:n].copy()


@kernel
def _is_far(
    real: Floats,
    i: int,
    own: int,
    d: int,
    here: Floats,
    at: int,
    form: Floats,
    j: int,
    dt: float,
    grown: float,
    gate: float,
) -> bool:
    """Return whether a plot is outside the gate of a model that keeps a target's velocity.

    It takes the plot's rows in one after the other as `estimation.sequential` does, but of the position alone, with
    process noise that is no less in any direction than the model's: a distance that is too short, if anything.
    """
    x, y, z = real[i, own], real[i, own + 1], real[i, own + 2]
    vx, vy, vz = real[i, own + 3], real[i, own + 4], real[i, own + 5]
    # The velocity turns with the Earth's curve (`motion.constant_velocity`).
    half = 0.5 * dt * dt / max(x * x + y * y + z * z, 1.0)
    along, speed = half * (x * vx + y * vy + z * vz), half * (vx * vx + vy * vy + vz * vz)
    dx = here[at, 0] - x - dt * vx - along * vx + speed * x
    dy = here[at, 1] - y - dt * vy - along * vy + speed * y
    dz = here[at, 2] - z - dt * vz - along * vz + speed * z
    s0 = own + d
    s1, s2, s3 = s0 + d, s0 + 2 * d, s0 + 3 * d
    s4, s5 = s3 + d, s3 + 2 * d
    p00 = real[i, s0] + grown + dt * (2.0 * real[i, s3] + dt * real[i, s3 + 3])
    p01 = real[i, s1] + dt * (real[i, s4] + real[i, s3 + 1] + dt * real[i, s4 + 3])
    p02 = real[i, s2] + dt * (real[i, s5] + real[i, s3 + 2] + dt * real[i, s5 + 3])
    p11 = real[i, s1 + 1] + grown + dt * (2.0 * real[i, s4 + 1] + dt * real[i, s4 + 4])
    p12 = real[i, s2 + 1] + dt * (real[i, s5 + 1] + real[i, s4 + 2] + dt * real[i, s5 + 4])
    p22 = real[i, s2 + 2] + grown + dt * (2.0 * real[i, s5 + 2] + dt * real[i, s5 + 5])
    h0, h1, h2, y_own, variance = here[at, 5], here[at, 6], here[at, 7], here[at, 8], here[at, 9]
    k, n = 0, int(here[at, 10])
    while True:
        g0, g1, g2 = p00 * h0 + p01 * h1 + p02 * h2, p01 * h0 + p11 * h1 + p12 * h2, p02 * h0 + p12 * h1 + p22 * h2
        spread = variance + h0 * g0 + h1 * g1 + h2 * g2
        residual = y_own + h0 * dx + h1 * dy + h2 * dz
        if residual * residual > gate * spread:
            return True
        inverse = 1.0 / spread
        weighed = residual * inverse
        gate -= residual * weighed
        dx, dy, dz = dx - g0 * weighed, dy - g1 * weighed, dz - g2 * weighed
        p00, p01, p02 = p00 - g0 * g0 * inverse, p01 - g0 * g1 * inverse, p02 - g0 * g2 * inverse
        p11, p12, p22 = p11 - g1 * g1 * inverse, p12 - g1 * g2 * inverse, p22 - g2 * g2 * inverse
        # What measures the velocity is left out.
        k += 1
        while k < n and not _is_of_place(form, j, k):
            k += 1
        if k >= n:
            return False
        row = FIRST + WIDTH * k
        h0, h1, h2 = form[j, row], form[j, row + 1], form[j, row + 2]
        y_own, variance = form[j, row + 6], form[j, row + 7]


@kernel
def _is_of_place(form: Floats, j: int, k: int) -> bool:
    """Return whether a plot's k-th measurement is of the position alone."""
    at = FIRST + WIDTH * k + 3
    return bool(form[j, at] == 0.0 and form[j, at + 1] == 0.0 and form[j, at + 2] == 0.0)


@kernel
def _agreement(whole: Integers, i: int, codes: Integers, j: int) -> int:
    """Return what a track and a plot say of each other, -1 where an address differs.

    The ICAO address and the MMSI identify a target. A Mode 3/A code may be shared or change: it speaks only for a pair.
    """
    agreement = NO_CODE
    if codes[j, 1] != ABSENT and codes[j, 1] == whole[i, Whole.MODE_3A]:
        agreement = SAME_CODE
    if codes[j, 0] != ABSENT and whole[i, Whole.ICAO_ADDRESS] != ABSENT:
        if codes[j, 0] != whole[i, Whole.ICAO_ADDRESS]:
            return -1
        agreement = SAME_ADDRESS
    if codes[j, 2] != ABSENT and whole[i, Whole.MMSI] != ABSENT:
        if codes[j, 2] != whole[i, Whole.MMSI]:
            return -1
        agreement = SAME_ADDRESS
    return agreement
