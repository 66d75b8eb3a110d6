"""What one row of the fold needs of mathematics, as kernels over single states of six components.

A *tracklet* is the equivalent measurement that turns what a tracker said before into what it says now: with x0, P0 the
previous contribution, carried on to the time of the present one x1, P1 as x, P, it has the information

    Y = P1^-1 - P^-1,    y = P1^-1 x1 - P^-1 x,

whose errors are those of the plots in between, and no longer those of the tracker's past. Any earlier contribution will
do for x0, so lost ones do no harm.

Source: Drummond (1997), A hybrid sensor fusion algorithm architecture and tracklets, SPIE 3163, 485-502; Chong, Mori,
Barker, Chang (2000), Architectures and algorithms for track association and fusion, IEEE AES Systems Magazine 15(1),
5-13, "information de-correlation"; Bar-Shalom, Willett, Tian (2011), Tracking and Data Fusion, section 9.6.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.gravity import fall
from noroshi.kernel import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEP_S = 10.0
TURN_SIGMAS, TURN_OVER_S = 3.0, 30.0
CLOSE = 1.02
"""How well the density of process noise is found, as a ratio. Fused tracks take so much more."""
DENSITY_MIN, DENSITY_MAX = 1e-4, 1e4  # m2/s3: a ship that lies still; 100 m/s in a second
ROUNDING = 1e-9


@kernel
def cholesky(a: Floats, low: Floats) -> bool:
    """Write the lower factor of (6, 6) a and return whether a is positive definite.

    On the diagonal are the reciprocals of the factor's, since divisions are slow; above it nothing is written.
    """
    for i in range(6):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                low[i, i] = 1.0 / math.sqrt(total)
            else:
                low[i, j] = total * low[j, j]
    return True


@kernel
def sound(
    states: Floats,
    covariances: Floats,
    radius_m: tuple[float, float],
    speed_m_s_max: float,
    variance: tuple[float, float],
    slack: float,
    is_sound: NDArray[np.bool_],
) -> None:
    """Write which of n states and covariances can be a target's.

    It is between these distances from the Earth's centre and slower than that; variances lie between those two, and as
    correlations the covariance is symmetric and has no eigenvalue at or below -slack.
    """
    work, low, sigma = np.empty((6, 6)), np.empty((6, 6)), np.empty(6)
    for k in range(len(states)):
        x, spread = states[k], covariances[k]
        radius = math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
        speed = math.sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5])
        ok = radius > radius_m[0] and radius < radius_m[1] and speed < speed_m_s_max  # NaN is neither
        for i in range(6):
            ok = ok and spread[i, i] > variance[0] and spread[i, i] < variance[1]
            sigma[i] = math.sqrt(max(spread[i, i], 0.0))
        for i in range(6):
            for j in range(i + 1):
                work[i, j] = spread[i, j] / (sigma[i] * sigma[j])
                ok = ok and abs(work[i, j] - spread[j, i] / (sigma[j] * sigma[i])) <= slack
            work[i, i] += slack
        is_sound[k] = ok and cholesky(work, low)


@kernel
def invert(a: Floats, low: Floats, inverse: Floats) -> bool:
    """Write the inverse of a symmetric (6, 6) a and return whether it is positive definite."""
    if not cholesky(a, low):
        return False
    invert_factored(low, inverse)
    return True


@kernel
def invert_factored(low: Floats, inverse: Floats) -> None:
    """Write the inverse of the matrix that `low` is the factor of, as `cholesky` writes it; `low` is written over."""
    for j in range(6):  # the inverse of the factor, in its place
        for i in range(j + 1, 6):
            total = 0.0
            for k in range(j, i):
                total -= low[i, k] * low[k, j]
            low[i, j] = total * low[i, i]
    for i in range(6):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, 6):
                total += low[k, i] * low[k, j]
            inverse[i, j] = total
            inverse[j, i] = total


@kernel
def turn_shown(before: Floats, after: Floats, dt_s: float, covariance: Floats, after_covariance: Floats) -> float:
    """Return at what rate about the vertical, to the left, the velocity has turned [rad/s]; 0 if that may be chance."""
    r = math.sqrt(after[0] * after[0] + after[1] * after[1] + after[2] * after[2])
    up0, up1, up2 = after[0] / r, after[1] / r, after[2] / r
    u, v, w, x, y, z = before[3], before[4], before[5], after[3], after[4], after[5]
    across = up0 * (v * z - w * y) + up1 * (w * x - u * z) + up2 * (u * y - v * x)
    along = u * x + v * y + w * z - (up0 * u + up1 * v + up2 * w) * (up0 * x + up1 * y + up2 * z)
    angle, variance = math.atan2(across, along), 0.0
    for i in range(3, 6):
        variance += (covariance[i, i] + after_covariance[i, i]) * (1.0 / 3.0)
    if dt_s > TURN_OVER_S or angle * angle * (x * x + y * y + z * z) <= TURN_SIGMAS * TURN_SIGMAS * variance:
        return 0.0
    return angle / dt_s


@kernel
def _turn(state: Floats, dt_s: float, turn_rad_s: float) -> None:
    """Turn the velocity about the vertical, and move by what that changes of the way."""
    r = math.sqrt(state[0] * state[0] + state[1] * state[1] + state[2] * state[2])
    up0, up1, up2 = state[0] / r, state[1] / r, state[2] / r
    u, v, w = state[3], state[4], state[5]
    rise = up0 * u + up1 * v + up2 * w
    u, v, w = u - rise * up0, v - rise * up1, w - rise * up2
    left0, left1, left2 = up1 * w - up2 * v, up2 * u - up0 * w, up0 * v - up1 * u
    angle = dt_s * turn_rad_s
    ahead, aside = math.sin(angle) / turn_rad_s, (1.0 - math.cos(angle)) / turn_rad_s
    # The rest of the way is made with the turned velocity.
    state[3] += (math.cos(angle) - 1.0) * u + math.sin(angle) * left0
    state[4] += (math.cos(angle) - 1.0) * v + math.sin(angle) * left1
    state[5] += (math.cos(angle) - 1.0) * w + math.sin(angle) * left2
    state[0] += ahead * u + aside * left0 + dt_s * (rise * up0 - state[3])
    state[1] += ahead * v + aside * left1 + dt_s * (rise * up1 - state[4])
    state[2] += ahead * w + aside * left2 + dt_s * (rise * up2 - state[5])


@kernel
def carry_on(
    state: Floats, covariance: Floats, dt_s: float, falls: bool, turn_rad_s: float, ahead: Floats, spread: Floats
) -> None:
    """Write a state and covariance dt_s later, without process noise.

    What flies keeps its speed along a great circle; what falls falls freely (`geo.gravity.fall`, in steps of at most
    10 s).
    The covariance is carried as on a plane (`motion.constant_velocity`).
    """
    for i in range(6):
        ahead[i] = state[i]
    if turn_rad_s != 0.0 and not falls:
        _turn(ahead, dt_s, turn_rad_s)
    if falls:
        rate, by_state = np.empty(6), np.empty((6, 6))
        steps = max(1, math.ceil(abs(dt_s) / STEP_S))
        h = dt_s / steps
        middle = np.empty(6)
        for _ in range(steps):
            fall(ahead, rate, by_state)
            for i in range(3):
                middle[i] = ahead[i] + 0.5 * h * (ahead[3 + i] + 0.25 * h * rate[3 + i])
                middle[3 + i] = ahead[3 + i] + 0.5 * h * rate[3 + i]
            fall(middle, rate, by_state)
            for i in range(3):
                ahead[i] += h * (ahead[3 + i] + 0.5 * h * rate[3 + i])
                ahead[3 + i] += h * rate[3 + i]
    else:
        square = ahead[0] * ahead[0] + ahead[1] * ahead[1] + ahead[2] * ahead[2]
        along = (ahead[0] * ahead[3] + ahead[1] * ahead[4] + ahead[2] * ahead[5]) / square
        speed = (ahead[3] * ahead[3] + ahead[4] * ahead[4] + ahead[5] * ahead[5]) / square
        for i in range(3):
            change = dt_s * (ahead[3 + i] * along - ahead[i] * speed)
            ahead[i] += dt_s * (ahead[3 + i] + 0.5 * change)
            ahead[3 + i] += change
    for i in range(3):
        for j in range(3):
            mixed = covariance[i, 3 + j] + dt_s * covariance[3 + i, 3 + j]
            spread[i, 3 + j] = mixed
            spread[3 + j, i] = mixed
            if j <= i:
                placed = covariance[i, j] + dt_s * (mixed + covariance[3 + i, j])
                spread[i, j] = placed
                spread[j, i] = placed
                spread[3 + i, 3 + j] = covariance[3 + i, 3 + j]
                spread[3 + j, 3 + i] = covariance[3 + i, 3 + j]


@kernel
def add_noise(spread: Floats, dt_s: float, density: float) -> None:
    """Add white-noise acceleration of this density, the same along each axis, over |dt_s|."""
    noise, over = density * abs(dt_s), abs(dt_s)
    for i in range(3):
        spread[i, i] += noise * over * over * (1.0 / 3.0)
        spread[3 + i, i] += noise * dt_s * 0.5
        spread[i, 3 + i] = spread[3 + i, i]
        spread[3 + i, 3 + i] += noise


@kernel
def density_shown(spread: Floats, dt_s: float, after: Floats, first: float, work: Floats, low: Floats) -> float:
    """Return the least density of process noise with which `spread` (dt_s later) is no less than `after`; inf if none.

    No plots can have made a tracker less sure than its own prediction, so its process noise was at least this. Where
    fewer components were measured than there are, and of a single time, it was this: some direction was not measured,
    and there the prediction has stayed as it was.

    Args:
        spread: (6, 6) previous covariance, carried on over dt_s without process noise.
        dt_s: positive.
        after: (6, 6) present covariance.
        first: where to begin; the last one found takes two steps.
        work, low: (6, 6) scratch.
    """
    high, lowest, factor = math.inf, 0.0, CLOSE
    density = min(max(first, DENSITY_MIN), DENSITY_MAX)
    while True:
        for i in range(6):
            for j in range(i + 1):
                work[i, j] = spread[i, j] - after[i, j]
            work[i, i] += ROUNDING * spread[i, i]
        noise = density * dt_s
        for i in range(3):
            work[i, i] += noise * dt_s * dt_s * (1.0 / 3.0)
            work[3 + i, i] += noise * dt_s * 0.5
            work[3 + i, 3 + i] += noise
        if cholesky(work, low):
            high = density
            if high <= DENSITY_MIN:
                return high
        else:
            lowest = density
            if lowest >= DENSITY_MAX:
                return math.inf
        if high <= CLOSE * (1.0 + ROUNDING) * lowest:
            return high
        if lowest > 0.0 and high < math.inf:
            density = math.sqrt(high * lowest)
        elif lowest > 0.0:
            density, factor = min(lowest * factor, DENSITY_MAX), factor * factor
        else:
            density, factor = max(high / factor, DENSITY_MIN), factor * factor


@kernel
def intersect(
    state: Floats, covariance: Floats, other: Floats, other_covariance: Floats, work: Floats, low: Floats, both: Floats
) -> None:
    """Replace state and covariance by their covariance intersection with another; the least determinant.

    Whatever the two have in common, the result is no surer than it may be.

    Source: Julier, Uhlmann (1997), A non-divergent estimation algorithm in the presence of unknown correlations, Proc.
    American Control Conference, 2369-2373. The weight is where the derivative of log det, tr(P (P_a^-1 - P_b^-1)),
    is zero.

    Args:
        state, covariance: (6,), (6, 6), written to.
        other, other_covariance: likewise; if it is not positive definite nothing is done.
        work, low: (6, 6) scratch.
        both: (4, 6, 6) scratch.
    """
    left, right, weight = 0.0, 1.0, 1.0
    own, others, mixed = both[0], both[1], both[2]
    for step in range(14):
        # First the information of the other, then one's own, then of the mixtures.
        for i in range(6):
            for j in range(6):
                if step == 0:
                    work[i, j] = other_covariance[i, j]
                elif step == 1:
                    work[i, j] = covariance[i, j]
                else:
                    work[i, j] = weight * own[i, j] + (1.0 - weight) * others[i, j]
        if not invert(work, low, both[3]):
            return
        slope_here, slope_there = 0.0, 0.0
        for i in range(6):
            for j in range(6):
                if step == 0:
                    others[i, j] = both[3, i, j]
                elif step == 1:
                    own[i, j] = both[3, i, j]
                    slope_here += covariance[i, j] * (own[i, j] - others[i, j])
                    slope_there += other_covariance[i, j] * (own[i, j] - others[i, j])
                else:
                    mixed[i, j] = both[3, i, j]
                    slope_here += mixed[i, j] * (own[i, j] - others[i, j])
        if step == 1:
            if slope_here >= 0.0:
                return  # the other is nowhere so much better that it pays
            if slope_there <= 0.0:
                right = 0.0
        elif step > 1 and slope_here > 0.0:
            left = weight
        elif step > 1:
            right = weight
        if step < 13:
            weight = 0.5 * (left + right)
    shift = low[0]
    for i in range(6):
        shift[i] = 0.0
        for j in range(6):
            shift[i] += (1.0 - weight) * others[i, j] * (other[j] - state[j])
    for i in range(6):
        for j in range(6):
            state[i] += mixed[i, j] * shift[j]
            covariance[i, j] = mixed[i, j]


@kernel
def carry_rows(
    states: Floats, covariances: Floats, dt_s: Floats, falls: NDArray[np.bool_], turn_rad_s: Floats, density: Floats,
    ahead: Floats, spread: Floats,
) -> None:  # fmt: skip
    """Write (n, 6) states and (n, 6, 6) covariances dt_s (n,) later, with process noise."""
    for i in range(len(states)):
        carry_on(states[i], covariances[i], dt_s[i], falls[i], turn_rad_s[i], ahead[i], spread[i])
        add_noise(spread[i], dt_s[i], density[i])


@kernel
def intersect_rows(states: Floats, covariances: Floats, others: Floats, other_covariances: Floats) -> None:
    """Replace rows by their covariance intersection with others."""
    work, low, both = np.empty((6, 6)), np.empty((6, 6)), np.empty((4, 6, 6))
    for i in range(len(states)):
        intersect(states[i], covariances[i], others[i], other_covariances[i], work, low, both)


def carried(
    states: Floats, covariances: Floats, dt_s: Floats, falls: NDArray[np.bool_], turn_rad_s: Floats, density: Floats
) -> tuple[Floats, Floats]:
    """Return what `carry_rows` writes."""
    ahead, spread = np.empty((len(states), 6)), np.empty((len(states), 6, 6))
    carry_rows(
        np.ascontiguousarray(states), np.ascontiguousarray(covariances), np.ascontiguousarray(dt_s, np.float64),
        np.ascontiguousarray(falls), np.ascontiguousarray(turn_rad_s), np.ascontiguousarray(density), ahead, spread,
    )  # fmt: skip
    return ahead, spread


@kernel
def distance_squared(off: Floats, spread: Floats, low: Floats) -> float:
    """Return the squared Mahalanobis distance of (6,) with (6, 6); infinite if that is not positive definite.

    `off` is written over.
    """
    if not cholesky(spread, low):
        return math.inf
    total = 0.0
    for i in range(6):
        value = off[i]
        for k in range(i):
            value -= low[i, k] * off[k]
        off[i] = value * low[i, i]
        total += off[i] * off[i]
    return total
