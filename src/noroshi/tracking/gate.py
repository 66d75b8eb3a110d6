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
SOME_A_PLOT = 8  # of what lies near enough to be looked at, so much is looked at in one go
WIDE_CELLS = 4.0  # an area: what may be wider is asked first whether it may be worth it
SMALLEST = 1e-30
SLACK = 1.0  # of that, as a logarithm: it is asked of the middle of the plots' times alone
LITTLE = 1e-12  # so much of what a form's radius says of the position is known of it in any direction
KNOWN = 27  # numbers of a track that tell where a model has it, see `_learn`
ROUNDED = 1e-4, 1e-9  # of the gate; of a determinant beside its diagonal's product, below which its digits are lost
LOG_2_PI = math.log(2.0 * math.pi)
AT_S, NOISE, MOVED, VOLUME, KIND = 4, 5, 11, 14, 15
"""Columns of a sorted plot after its position and radius: its time; the covariance of its position by the measurements
of the place alone (six), where these put it beside the position (three), the logarithm of the volume [m3] in which it
may be false (infinite where they do not tell the place), number of measurements. Of a line the covariance gives way to
its direction, variance [rad2], range."""

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
    has_codes, volume = False, -math.inf
    for j in range(codes.shape[0]):
        has_codes |= codes[j, 0] != ABSENT or codes[j, 1] != ABSENT or codes[j, 2] != ABSENT
        volume = max(volume, here[j, VOLUME])
    if has_codes or not keeps_velocity:
        volume = math.inf
    # What all rows and candidates go through decides only how much of a list is kept: a branch that the processor
    # cannot foresee costs more than the sums.
    span, most = _reach(rows, near, real, offsets, sizes, growth, least, volume, plane, frame, size, shape)
    some = SOME_A_PLOT * form.shape[0]
    row_of, at_of, said = np.empty(some, np.int64), np.empty(some, np.int64), np.zeros(some, np.int64)
    room = PAIRS_A_PLOT * form.shape[0] + 64
    while True:
        found = np.empty((3, room), np.int64)
        n = done = int(np.int64(0))  # a plain 0 is a type of its own, for which callees would be compiled once more
        while done < rows.shape[0]:
            done, left = _look_round(rows, done, span, most, shape, begin, near, here, growth, row_of, at_of)
            if has_codes:
                left = _agreeing(left, whole, codes, plot, row_of, at_of, said)
            if keeps_velocity:
                left = _in_the_gate(
                    left, near, real, offsets, sizes, here, growth, gates, sigmas_first, least, row_of, at_of, said
                )
            n = _put_in_order(left, plot, row_of, at_of, said, found, n)
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
    """Return the plots in the order of their cells (n, 16; see `AT_S`), which those are, and where each cell begins."""
    n, n_cells = form.shape[0], shape[0] * shape[1]
    here, plot, begin = np.empty((n, KIND + 1)), np.empty(n, np.int64), np.empty(n_cells + 1, np.int64)
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
        here[at, AT_S], here[at, VOLUME], here[at, KIND] = time_s[j], math.inf, form[j, N_ROWS]
        if form[j, N_ROWS] > 0.0:
            place_by_rows(form, j, here, at)
        elif form[j, N_ROWS] == LINE:
            for c in range(3):
                here[at, NOISE + c] = form[j, FIRST + 3 + c]
            here[at, NOISE + 3] = form[j, FIRST + 10] + form[j, FIRST + 12]
            here[at, NOISE + 4] = form[j, FIRST + 9]
    for c in range(n_cells, 0, -1):
        begin[c] = begin[c - 1]
    begin[0] = 0
    return here, plot, begin


@kernel
def place_by_rows(form: Floats, j: int, here: Floats, at: int) -> None:
    """Write what a plot's measurements make of its place by least squares, and the volume in which it may be false.

    The volume is that in the units of its measurements, by how much narrower the place is than they are together.
    """
    little = LITTLE / (form[j, RADIUS] * form[j, RADIUS])
    xx, xy, xz, yy, yz, zz, x, y, z = little, 0.0, 0.0, little, 0.0, little, 0.0, 0.0, 0.0
    product, n = 1.0, int(form[j, N_ROWS])
    for k in range(n):
        row = FIRST + WIDTH * k
        product *= form[j, row + 7]
        # What measures the velocity is left out.
        if form[j, row + 3] != 0.0 or form[j, row + 4] != 0.0 or form[j, row + 5] != 0.0:
            continue
        a, b, c, weight = form[j, row], form[j, row + 1], form[j, row + 2], 1.0 / form[j, row + 7]
        xx, xy, xz = xx + weight * a * a, xy + weight * a * b, xz + weight * a * c
        yy, yz, zz = yy + weight * b * b, yz + weight * b * c, zz + weight * c * c
        pull = weight * form[j, row + 6]
        x, y, z = x + pull * a, y + pull * b, z + pull * c
    determinant = determinant_of(xx, xy, xz, yy, yz, zz)
    if determinant <= ROUNDED[1] * xx * yy * zz:
        return
    scale = 1.0 / determinant
    xx, xy, xz, yy, yz, zz = (
        scale * (yy * zz - yz * yz),
        scale * (xz * yz - xy * zz),
        scale * (xy * yz - xz * yy),
        scale * (xx * zz - xz * xz),
        scale * (xy * xz - xx * yz),
        scale * (xx * yy - xy * xy),
    )
    here[at, NOISE], here[at, NOISE + 1], here[at, NOISE + 2] = xx, xy, xz
    here[at, NOISE + 3], here[at, NOISE + 4], here[at, NOISE + 5] = yy, yz, zz
    here[at, MOVED] = xx * x + xy * y + xz * z
    here[at, MOVED + 1] = xy * x + yy * y + yz * z
    here[at, MOVED + 2] = xz * x + yz * y + zz * z
    here[at, VOLUME] = form[j, LOG_VOLUME] - 0.5 * ((n - 3) * LOG_2_PI + math.log(product * determinant))


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
def _reach(
    rows: Integers,
    near: Floats,
    real: Floats,
    offsets: Integers,
    sizes: Integers,
    growth: float,
    least: float,
    volume: float,
    plane: Floats,
    frame: Floats,
    size: float,
    shape: tuple[int, int],
) -> tuple[Integers, Floats]:
    """Return the first and last cell along either axis (r, 4), and how many squared standard deviations (r,) it is."""
    span, most, known = np.empty((rows.shape[0], 4), np.int64), np.empty(rows.shape[0]), np.empty(KNOWN)
    cells, middle, half, widest = 1.0 / size, frame[2], frame[3], frame[4]
    end_x, end_y = float(shape[0] - 1), float(shape[1] - 1)
    for r in range(rows.shape[0]):
        i = rows[r]
        dt = middle - near[i, Near.TIME_S]
        longest = abs(dt) + half
        spread = near[i, Near.POSITION_SIGMA] + longest * near[i, Near.VELOCITY_SIGMA]
        variance = spread * spread + growth * longest * longest * longest + widest * widest
        odds, squared = near[i, Near.LOG_ODDS] - least, near[i, Near.SIGMAS] * near[i, Near.SIGMAS]
        if squared * variance > WIDE_CELLS * size * size and odds + volume < math.inf:
            smallest = math.inf
            for k in range(sizes.shape[0]):
                _learn(real, i, offsets[k], sizes[k], known)
                xx, xy, xz, yy, yz, zz = spread_of(known, dt)
                smallest = min(smallest, determinant_of(xx, xy, xz, yy, yz, zz))
            worth = 2.0 * (odds + volume + SLACK) - 3.0 * LOG_2_PI - math.log(max(smallest, SMALLEST))
            squared = min(squared, max(worth, 0.0))
        vx, vy, vz = near[i, Near.VELOCITY], near[i, Near.VELOCITY + 1], near[i, Near.VELOCITY + 2]
        reach = math.sqrt(squared * variance) + half * math.sqrt(vx * vx + vy * vy + vz * vz)
        x = near[i, 0] + dt * vx - plane[2, 0]
        y = near[i, 1] + dt * vy - plane[2, 1]
        z = near[i, 2] + dt * vz - plane[2, 2]
        u = x * plane[0, 0] + y * plane[0, 1] + z * plane[0, 2]
        v = x * plane[1, 0] + y * plane[1, 1] + z * plane[1, 2]
        most[r] = squared
        span[r, 0], span[r, 1] = int(max((u - reach) * cells, 0.0)), int(min((u + reach) * cells, end_x))
        span[r, 2], span[r, 3] = int(max((v - reach) * cells, 0.0)), int(min((v + reach) * cells, end_y))
    return span, most


@kernel
def _look_round(
    rows: Integers,
    done: int,
    span: Integers,
    most: Floats,
    shape: tuple[int, int],
    begin: Integers,
    near: Floats,
    here: Floats,
    growth: float,
    row_of: Integers,
    at_of: Integers,
) -> tuple[int, int]:
    """Write what each track reaches at the plot's time, for as many of the rows, from `done` on, as there is room for.

    Of each is written which row and which of the sorted plots. Return up to where the rows are done, and how many were
    written.
    """
    n = 0
    while done < rows.shape[0] and n + begin[shape[0] * shape[1]] <= row_of.shape[0]:
        i, reach = rows[done], most[done]
        x, y, z, vx, vy, vz = near[i, 0], near[i, 1], near[i, 2], near[i, 3], near[i, 4], near[i, 5]
        place, speed, time_s = near[i, Near.POSITION_SIGMA], near[i, Near.VELOCITY_SIGMA], near[i, Near.TIME_S]
        first, last = span[done, 0], span[done, 1] if span[done, 2] <= span[done, 3] else span[done, 0] - 1
        for cx in range(first, last + 1):
            for at in range(begin[cx * shape[1] + span[done, 2]], begin[cx * shape[1] + span[done, 3] + 1]):
                dt = here[at, AT_S] - time_s
                spread = place + abs(dt) * speed
                variance = spread * spread + growth * abs(dt * dt * dt)
                dx, dy, dz = here[at, 0] - x - dt * vx, here[at, 1] - y - dt * vy, here[at, 2] - z - dt * vz
                away = dx * dx + dy * dy + dz * dz
                if here[at, KIND] == LINE:
                    along = dx * here[at, NOISE] + dy * here[at, NOISE + 1] + dz * here[at, NOISE + 2]
                    range_m = here[at, NOISE + 4] - along
                    if range_m > 0.0:  # else it is behind, and as far off as its own position is
                        away -= along * along
                        variance += here[at, NOISE + 3] * range_m * range_m
                else:
                    variance += here[at, RADIUS] * here[at, RADIUS]
                row_of[n], at_of[n] = i, at
                n += away <= reach * variance
        done += 1
    return done, n


@kernel
def _agreeing(
    left: int, whole: Integers, codes: Integers, plot: Integers, row_of: Integers, at_of: Integers, said: Integers
) -> int:
    """Keep what no address speaks against, write what is said of each (`SAME_CODE`), and return how many are left."""
    n = 0
    for e in range(left):
        i, at = row_of[e], at_of[e]
        agreement = _agreement(whole, i, codes, plot[at])
        row_of[n], at_of[n], said[n] = i, at, agreement
        n += agreement >= 0
    return n


@kernel
def _in_the_gate(
    left: int,
    near: Floats,
    real: Floats,
    offsets: Integers,
    sizes: Integers,
    here: Floats,
    growth: float,
    gates: Floats,
    sigmas_first: float,
    least: float,
    row_of: Integers,
    at_of: Integers,
    said: Integers,
) -> int:
    """Keep what is not sure to be outside the gate of all models, or worth too little; return how many are left.

    The distance is that of the positions alone, with process noise that is no less in any direction than the models',
    so it is too short, if anything. Same addresses are not asked, nor plots that do not tell their place.
    """
    n, last = 0, -1
    known = np.empty((sizes.shape[0], KNOWN))
    for e in range(left):
        i, at = row_of[e], at_of[e]
        if i != last:
            last = i
            for k in range(sizes.shape[0]):
                _learn(real, i, offsets[k], sizes[k], known[k])
        dt = here[at, AT_S] - near[i, Near.TIME_S]
        grown = growth * abs(dt * dt * dt)
        stays = said[e] == SAME_ADDRESS or here[at, VOLUME] == math.inf
        gate = gates[0] if near[i, Near.SIGMAS] == sigmas_first else gates[max(int(here[at, KIND]), 0)]
        gate *= 1.0 + ROUNDED[0]
        most = 2.0 * (near[i, Near.LOG_ODDS] - least + here[at, VOLUME]) - 3.0 * LOG_2_PI
        if said[e] != NO_CODE:
            most = math.inf
        for k in range(sizes.shape[0]):
            stays |= is_near(known[k], dt, here[at], grown, gate, most)
        row_of[n], at_of[n], said[n] = i, at, said[e]
        n += stays
    return n


@kernel
def is_near(known: Floats, dt: float, here: Floats, added: float, gate: float, most: float) -> bool:
    """Return whether a plot is not sure to be outside one model's gate, or worth too little, dt after what is known.

    Args:
        known: see `_learn`.
        dt: from then to the plot [s].
        here: of the plot, see `AT_S`.
        added: variance of the position that comes on top [m2].
        gate: squared Mahalanobis distance at the gate.
        most: what that distance and the log determinant may sum to.
    """
    ahead_x, ahead_y, ahead_z = ahead_of(known, dt)
    x, y, z = here[0] + here[MOVED], here[1] + here[MOVED + 1], here[2] + here[MOVED + 2]
    x, y, z = x - ahead_x, y - ahead_y, z - ahead_z
    xx, xy, xz, yy, yz, zz = spread_of(known, dt)
    xx, yy, zz = xx + here[NOISE] + added, yy + here[NOISE + 3] + added, zz + here[NOISE + 5] + added
    xy, xz, yz = xy + here[NOISE + 1], xz + here[NOISE + 2], yz + here[NOISE + 4]
    determinant = determinant_of(xx, xy, xz, yy, yz, zz)
    distance = x * x * (yy * zz - yz * yz) + y * y * (xx * zz - xz * xz) + z * z * (xx * yy - xy * xy)
    distance += 2.0 * (x * y * (xz * yz - xy * zz) + x * z * (xy * yz - xz * yy) + y * z * (xy * xz - xx * yz))
    near = distance <= gate * determinant
    if near and most < math.inf:
        near = distance / determinant + math.log(determinant) <= most
    is_degenerate: bool = determinant <= ROUNDED[1] * xx * yy * zz
    return near or is_degenerate


@kernel
def _put_in_order(
    left: int, plot: Integers, row_of: Integers, at_of: Integers, said: Integers, found: Integers, n: int
) -> int:
    """Write what is left after the n pairs that are there, and return how many there are then.

    A track's are put in the order of the plots. No more are written than fit.
    """
    first, last = n, -1
    for e in range(left):
        i = row_of[e]
        if i != last:
            _sort_plots(found, first, n)
            first, last = n, i
        if n < found.shape[1]:
            found[0, n], found[1, n], found[2, n] = i, plot[at_of[e]], said[e]
        n += 1
    _sort_plots(found, first, n)
    return n


@kernel
def _sort_plots(found: Integers, first: int, end: int) -> None:
    """Sort a track's pairs by Shell's method with Ciura's gaps: mostly one or two, of one that is lost a hundred."""
    end = min(end, found.shape[1])
    for gap in (57, 23, 10, 4, 1):
        for at in range(first + gap, end):
            j, agreement, to = found[1, at], found[2, at], at
            while to >= first + gap and found[1, to - gap] > j:
                found[1, to], found[2, to] = found[1, to - gap], found[2, to - gap]
                to -= gap
            found[1, to], found[2, to] = j, agreement


@kernel
def _learn(real: Floats, i: int, own: int, d: int, known: Floats) -> None:
    """Write what the next two ask of a model whose state of d components begins at `own` in a row.

    Position, velocity and what the bend of the way adds; then the covariance of the position, that of position and
    velocity, both ways about, and that of the velocity, each xx, xy, xz, yy, yz, zz.
    """
    for c in range(6):
        known[c] = real[i, own + c]
    x, y, z, vx, vy, vz = known[0], known[1], known[2], known[3], known[4], known[5]
    square = max(x * x + y * y + z * z, 1.0)
    along, speed = 0.5 * (x * vx + y * vy + z * vz) / square, 0.5 * (vx * vx + vy * vy + vz * vz) / square
    at = 9
    for a in range(3):
        known[6 + a] = along * known[3 + a] - speed * known[a]
        for b in range(a, 3):
            p, q = own + d + a * d, own + d + b * d
            known[at] = real[i, p + b]
            known[at + 6] = real[i, p + 3 + b] + real[i, q + 3 + a]
            known[at + 12] = real[i, p + 3 * d + 3 + b]
            at += 1


@kernel
def ahead_of(known: Floats, dt: float) -> tuple[float, float, float]:
    """Return where a model has a track after dt: the velocity is kept, but turns (`motion.constant_velocity`)."""
    return (
        known[0] + dt * (known[3] + dt * known[6]),
        known[1] + dt * (known[4] + dt * known[7]),
        known[2] + dt * (known[5] + dt * known[8]),
    )


@kernel
def spread_of(known: Floats, dt: float) -> tuple[float, float, float, float, float, float]:
    """Return the covariance xx, xy, xz, yy, yz, zz of that position, process noise left out."""
    return (
        known[9] + dt * (known[15] + dt * known[21]),
        known[10] + dt * (known[16] + dt * known[22]),
        known[11] + dt * (known[17] + dt * known[23]),
        known[12] + dt * (known[18] + dt * known[24]),
        known[13] + dt * (known[19] + dt * known[25]),
        known[14] + dt * (known[20] + dt * known[26]),
    )


@kernel
def determinant_of(xx: float, xy: float, xz: float, yy: float, yz: float, zz: float) -> float:
    """Return the determinant of such a covariance."""
    return xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)


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
