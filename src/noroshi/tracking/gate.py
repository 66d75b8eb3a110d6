"""Which plot may belong to which track, coarsely: over a grid of the plots, in Cartesian metres."""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records.identity import ABSENT
from noroshi.sensors.rows import FIRST, LINE, LOG_VOLUME, N_ROWS, RADIUS, WIDTH
from noroshi.tracking.store import Bound, Near, Store, Whole

Integers = NDArray[np.int64]
CELLS_A_PLOT = 4
PAIRS_A_PLOT = 64  # room for so many at first: more are searched for twice
WIDE_CELLS = 4.0  # an area: what may be wider is asked first whether it may be worth it
SMALLEST = 1e-30
SLACK = 1.0  # of that, as a logarithm: it is asked of the middle of the plots' times alone
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
    least: float,
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
        least: where they do, a tentative track's plot is left out if no identity speaks for it and the log odds of the
            track's existence, the log likelihood of the plot and `LOG_VOLUME` sum to less.
    """
    return _pair_up(
        store.bounds, store.near, store.whole, store.real, store.n_used, store.offsets, store.sizes, form, time_s,
        codes, growth, gates, store.sigmas[0], max(store.sigmas), keeps_velocity, least,
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
    least: float,
) -> tuple[Integers, Integers, Integers]:
    plane, frame, size, shape, place = _lay_out(form, time_s)
    here, plot, begin = _sort_into_cells(form, time_s, place, size, shape)
    rows = _near_by(bounds, n_used, frame, plane, growth, sigmas_max)
    room = PAIRS_A_PLOT * form.shape[0] + 64
    while True:
        found = np.empty((3, room), np.int64)
        n = _search(
            rows, near, whole, real, offsets, sizes, form, here, plot, codes, growth, gates, sigmas_first,
            keeps_velocity, least, plane, frame, size, shape, begin, found,
        )  # fmt: skip
        if n <= room:
            return found[0, :n].copy(), found[1, :n].copy(), found[2, :n].copy()
        room = n


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
    least: float,
    plane: Floats,
    frame: Floats,
    size: float,
    shape: tuple[int, int],
    begin: Integers,
    found: Integers,
) -> int:
    """Write the pairs (row, plot, agreement) and return how many there are; no more are written than fit.

    Their identities agree, they are within reach, and they are not sure to be outside the gate or worth nothing.
    """
    n, middle, half, widest = 0, frame[2], frame[3], frame[4]
    room, cells, has_codes, volume = found.shape[1], 1.0 / size, False, -math.inf
    for j in range(codes.shape[0]):
        has_codes |= codes[j, 0] != ABSENT or codes[j, 1] != ABSENT or codes[j, 2] != ABSENT
    if has_codes or not keeps_velocity or least == -math.inf:
        volume = math.inf
    else:
        for j in range(form.shape[0]):
            volume = max(volume, _volume(form, j))
    moved = np.empty((sizes.shape[0], 27))
    for i in rows:
        sigmas, own_s = near[i, Near.SIGMAS], near[i, Near.TIME_S]
        x, y, z = near[i, 0], near[i, 1], near[i, 2]
        vx, vy, vz = near[i, Near.VELOCITY], near[i, Near.VELOCITY + 1], near[i, Near.VELOCITY + 2]
        sure, rate = near[i, Near.POSITION_SIGMA], near[i, Near.VELOCITY_SIGMA]
        dt = middle - own_s
        longest = abs(dt) + half
        spread = sure + longest * rate
        squared_sigmas, first, is_moved = sigmas * sigmas, n, False
        squared = spread * spread + growth * longest * longest * longest + widest * widest
        odds = near[i, Near.LOG_ODDS] - least
        if squared_sigmas * squared > WIDE_CELLS * size * size and odds + volume < math.inf:
            is_moved, smallest = True, math.inf
            for k in range(sizes.shape[0]):
                _carry(real, i, offsets[k], sizes[k], dt, moved, k)
                smallest = min(smallest, _determinant(moved, k))
            worth = 2.0 * (odds + volume + SLACK) - math.log(max(smallest, SMALLEST))
            if worth < 0.0:
                continue
            squared_sigmas = min(squared_sigmas, worth)
        reach = math.sqrt(squared_sigmas * squared) + half * math.sqrt(vx * vx + vy * vy + vz * vz)
        ax, ay, az = x + dt * vx - plane[2, 0], y + dt * vy - plane[2, 1], z + dt * vz - plane[2, 2]
        u = ax * plane[0, 0] + ay * plane[0, 1] + az * plane[0, 2]
        v = ax * plane[1, 0] + ay * plane[1, 1] + az * plane[1, 2]
        if u + reach < 0.0 or v + reach < 0.0 or u - reach > frame[0] or v - reach > frame[1]:
            continue
        first_x, last_x = max(0, int((u - reach) * cells)), min(shape[0] - 1, int((u + reach) * cells))
        first_y, last_y = max(0, int((v - reach) * cells)), min(shape[1] - 1, int((v + reach) * cells))
        for cx in range(first_x, last_x + 1):
            for at in range(begin[cx * shape[1] + first_y], begin[cx * shape[1] + last_y + 1]):
                dt = here[at, 4] - own_s
                spread = sure + abs(dt) * rate
                grown = growth * abs(dt * dt * dt)
                squared = spread * spread + grown
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
                if away > squared_sigmas * squared:
                    continue
                j, agreement = plot[at], NO_CODE
                if has_codes:
                    agreement = _agreement(whole, i, codes, j)
                    if agreement < 0:
                        continue
                if keeps_velocity and agreement != SAME_ADDRESS and here[at, 9] < math.inf:
                    if not is_moved:
                        is_moved = True
                        for k in range(sizes.shape[0]):
                            _carry(real, i, offsets[k], sizes[k], middle - own_s, moved, k)
                    gate = gates[0] if sigmas == sigmas_first else gates[int(here[at, 10])]
                    most = math.inf
                    if agreement == NO_CODE:
                        most = 2.0 * (odds + form[j, LOG_VOLUME])
                    is_far = True
                    for k in range(sizes.shape[0]):
                        is_far = is_far and _is_far(
                            moved, k, here, at, form, j, here[at, 4] - middle, grown, gate, most
                        )
                    if is_far:
                        continue
                # A track's pairs are put in the order of the plots: there are few, and mostly in order.
                if n < room:
                    to = n
                    while to > first and found[1, to - 1] > j:
                        found[1, to], found[2, to] = found[1, to - 1], found[2, to - 1]
                        to -= 1
                    found[0, n], found[1, to], found[2, to] = i, j, agreement
                n += 1
    return n


@kernel
def _volume(form: Floats, j: int) -> float:
    """Return the logarithm of the volume [m3] in which a plot may be false, by its first three measurements.

    It is made smaller by how sure the plot is of the others; infinite where the three do not tell the place.
    """
    if form[j, N_ROWS] < 3.0 or not (
        _is_of_place(form, j, 0) and _is_of_place(form, j, 1) and _is_of_place(form, j, 2)
    ):
        return math.inf
    a, b = FIRST + WIDTH, FIRST + 2 * WIDTH
    product = form[j, FIRST] * (form[j, a + 1] * form[j, b + 2] - form[j, a + 2] * form[j, b + 1])
    product += form[j, FIRST + 1] * (form[j, a + 2] * form[j, b] - form[j, a] * form[j, b + 2])
    product += form[j, FIRST + 2] * (form[j, a] * form[j, b + 1] - form[j, a + 1] * form[j, b])
    scale = product * product
    for k in range(3, int(form[j, N_ROWS])):
        scale *= 2.0 * math.pi * form[j, FIRST + WIDTH * k + 7]
    return float(form[j, LOG_VOLUME] - 0.5 * math.log(scale))


@kernel
def _determinant(moved: Floats, k: int) -> float:
    """Return the determinant of the covariance of the position, times 2 pi, of what `_carry` wrote."""
    xx, xy, xz, yy, yz, zz = moved[k, 9], moved[k, 10], moved[k, 11], moved[k, 12], moved[k, 13], moved[k, 14]
    found = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    return float((2.0 * math.pi) ** 3 * found)


@kernel
def _carry(real: Floats, i: int, own: int, d: int, dt: float, moved: Floats, k: int) -> None:
    """Write (27,) how one model's position and its covariance go on about a time: each as a series to the square.

    The velocity is kept, but turns with the Earth's curve (`motion.constant_velocity`).
    """
    x, y, z, vx, vy, vz = (
        real[i, own],
        real[i, own + 1],
        real[i, own + 2],
        real[i, own + 3],
        real[i, own + 4],
        real[i, own + 5],
    )
    half = 0.5 / max(x * x + y * y + z * z, 1.0)
    along, speed = half * (x * vx + y * vy + z * vz), half * (vx * vx + vy * vy + vz * vz)
    n = 9
    for a in range(3):
        bend = along * real[i, own + 3 + a] - speed * real[i, own + a]
        moved[k, a] = real[i, own + a] + dt * (real[i, own + 3 + a] + dt * bend)
        moved[k, 3 + a], moved[k, 6 + a] = real[i, own + 3 + a] + 2.0 * dt * bend, bend
        for b in range(a, 3):
            of_a, of_b = own + d + (3 + a) * d, own + d + (3 + b) * d
            mixed, faster = real[i, of_a + b] + real[i, of_b + a], real[i, of_a + 3 + b]
            moved[k, n] = real[i, own + d + a * d + b] + dt * (mixed + dt * faster)
            moved[k, n + 6], moved[k, n + 12] = mixed + 2.0 * dt * faster, faster
            n += 1


@kernel
def _is_far(
    moved: Floats,
    model: int,
    here: Floats,
    at: int,
    form: Floats,
    j: int,
    dt: float,
    grown: float,
    gate: float,
    most: float,
) -> bool:
    """Return whether a plot is outside the gate of a model that keeps a target's velocity, or worth less than `most`.

    It takes the plot's rows in one after the other as `estimation.sequential` does, but of the position alone, with
    process noise that is no less in any direction than the model's: a distance that is too short, if anything.
    """
    dx = here[at, 0] - moved[model, 0] - dt * (moved[model, 3] + dt * moved[model, 6])
    dy = here[at, 1] - moved[model, 1] - dt * (moved[model, 4] + dt * moved[model, 7])
    dz = here[at, 2] - moved[model, 2] - dt * (moved[model, 5] + dt * moved[model, 8])
    p00, p01 = (
        moved[model, 9] + dt * (moved[model, 15] + dt * moved[model, 21]) + grown,
        moved[model, 10] + dt * (moved[model, 16] + dt * moved[model, 22]),
    )
    p02, p11 = (
        moved[model, 11] + dt * (moved[model, 17] + dt * moved[model, 23]),
        moved[model, 12] + dt * (moved[model, 18] + dt * moved[model, 24]) + grown,
    )
    p12, p22 = (
        moved[model, 13] + dt * (moved[model, 19] + dt * moved[model, 25]),
        moved[model, 14] + dt * (moved[model, 20] + dt * moved[model, 26]) + grown,
    )
    h0, h1, h2, y, variance = here[at, 5], here[at, 6], here[at, 7], here[at, 8], here[at, 9]
    k, n, rest, determinant = 0, int(here[at, 10]), gate, 1.0
    while True:
        g0, g1, g2 = p00 * h0 + p01 * h1 + p02 * h2, p01 * h0 + p11 * h1 + p12 * h2, p02 * h0 + p12 * h1 + p22 * h2
        spread = variance + h0 * g0 + h1 * g1 + h2 * g2
        residual = y + h0 * dx + h1 * dy + h2 * dz
        if residual * residual > rest * spread:
            return True
        inverse = 1.0 / spread
        weighed = residual * inverse
        rest -= residual * weighed
        determinant *= 2.0 * math.pi * spread
        dx, dy, dz = dx - g0 * weighed, dy - g1 * weighed, dz - g2 * weighed
        p00, p01, p02 = p00 - g0 * g0 * inverse, p01 - g0 * g1 * inverse, p02 - g0 * g2 * inverse
        p11, p12, p22 = p11 - g1 * g1 * inverse, p12 - g1 * g2 * inverse, p22 - g2 * g2 * inverse
        # What measures the velocity is left out.
        k += 1
        while k < n and not _is_of_place(form, j, k):
            determinant *= 2.0 * math.pi * form[j, FIRST + WIDTH * k + 7]
            k += 1
        if k >= n:
            return most < math.inf and gate - rest + math.log(determinant) > most
        row = FIRST + WIDTH * k
        h0, h1, h2, y, variance = form[j, row], form[j, row + 1], form[j, row + 2], form[j, row + 6], form[j, row + 7]


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
