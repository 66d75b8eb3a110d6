"""What is still under thrust: a fan, since nobody knows how long it will burn; then a cone; then an ellipse."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtr

from noroshi.geo.atmosphere import density_kg_m3
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, MEAN_RADIUS_M, Floats, enu_axes, geodetic_from_ecef
from noroshi.kernel import kernel
from noroshi.warning.falling import COEFFICIENT_KG_M2, SLOW_DRAG_MAX, unrest
from noroshi.warning.forecast import Forecast
from noroshi.warning.points import normal_points, spread
from noroshi.warning.ways import (
    BURN_OUT,
    COEFFICIENT,
    HYPERSONIC_M_S,
    RATIO,
    SLOW_DRAG,
    SOUND_M_S,
    THRUST,
    TOWARDS,
    bodies,
    fly,
)

N_WAYS = 512
UNREST_M2_S3 = 1.0  # of what is not measured; the filter's is more, since it knows less of how thrust is steered

# What is believed beforehand of boosts.
N_BOOSTS, N_MOMENTS = 2_048, 128
SPEED_M_S = (1_500.0, 7_500.0)  # at burn-out, relative to the ground; 300 km of range to an orbit, nearly
CLIMB_RAD = (math.radians(5.0), math.radians(85.0))  # at burn-out: of a glider to lofted
# Source: American Physical Society (2004), Rev. Mod. Phys. 76, S1: 60 s of a short-range one, 180 s (solid) to 240 s
# (liquid) of an intercontinental one; a line through it, a tenth either way.
BURN_S, BURN_S2_M, BURN_SHARE = 25.0, 0.022, 0.1
LONGEST_S = (BURN_S + BURN_S2_M * SPEED_M_S[1]) * (1.0 + BURN_SHARE)  # no unrest of thrust lasts longer
GROWTH = (6.0, 10.0)  # of the acceleration from ignition to burn-out
UPRIGHT_S, LEANT_S, LEANT_SHARE = 10.0, 60.0, 0.6  # straight up until, at its pitch from; not later than a share
LIFT_OFF_KG_M2 = 20_000.0  # ballistic coefficient at hypersonic speed; what rises is slender: see `SLOW_DRAG_MAX`
SUBSONIC_M_S = 240.0  # Mach 0.8: slower, a slender launcher's drag is that of Mach 5 again (M-V)
SHOOTING = (32, 5), (N_MOMENTS, 2)  # steps and rounds of aiming: all end within two thousandths of their goal

# How near to a state of that library a track's must be, beside what the track itself does not know.
NEAR_HEIGHT, NEAR_HEIGHT_M = 0.02, 300.0
NEAR_SPEED, NEAR_SPEED_M_S = 0.01, 10.0
NEAR_MIN, FARTHER = 40.0, 0.7  # so many must count; else all farther off count more
HEIGHT_SIGMAS = 8.0
NOTHING = 80.0  # sigma^2 beyond which what counts is lost in rounding
STEERING_RAD = 0.015  # off the plane in which it rises, and in it


@dataclass(frozen=True, slots=True, eq=False)
class _Boosts:
    """Boosts believed possible: all moments of all of them, n rows.

    Attributes:
        held: (3, n) height [m], and upward and level velocity relative to the ground [m/s].
        told: (4, n) time until burn-out [s], logarithms of the acceleration by thrust [m/s2] and of the mass burnt a
            second over mass left [1/s], and pitch of the mean thrust from then on [rad].
        weight: (n,) of each, by the time for which it lasts.
    """

    held: Floats
    told: Floats
    weight: Floats


def boost_from(
    state_ecef: Floats,
    covariance_ecef: Floats,
    time_ns: int,
    *,
    unseen_s: float = 0.0,
    dark_s: float | None = None,
    n_ways: int = N_WAYS,
) -> Forecast:
    """Return how what is under thrust may go on, in ways of equal weight.

    Beforehand speed and climb at burn-out are uniform from 1,500 to 7,500 m/s and from 5 to 85 degrees, the burn is a
    line in the speed (58 s to 190 s) give or take a tenth, its acceleration grows by 6 to 10 times, and it rises, leans
    over within a minute and keeps its pitch. Of all moments of such boosts, those near the track's height and velocity
    say how much longer it may burn. So the fan of an early track is as wide as what is
    believed beforehand, and no burn-out is claimed before it is seen. After burn-out as `falling.fall_from`.

    Args:
        state_ecef: (6,) Earth-fixed position [m] and velocity [m/s].
        covariance_ecef: (6, 6).
        time_ns: when the state holds, Unix UTC nanoseconds.
        unseen_s: for how long nobody has measured it since; meanwhile a filter's noise has gone on, that of thrust no
            longer than the longest burn.
        dark_s: it was not seen any more so long after the state, when it would have been under thrust: the burn
            ended by then, evenly.
        n_ways: how many ways; even.
    """
    z = normal_points(n_ways, 12)
    covariance = covariance_ecef + unrest(min(unseen_s, LONGEST_S), UNREST_M2_S3)
    states = spread(state_ecef, covariance, z[:, :6])
    lat, lon, _ = geodetic_from_ecef(state_ecef[:3])
    axes = enu_axes(lat, lon)
    left_s, thrust, ratio, pitch = _going_on(axes, states, covariance, ndtr(z[:, 6]))
    rows = bodies(n_ways)
    rows[:, THRUST], rows[:, RATIO] = thrust, ratio
    rows[:, BURN_OUT] = left_s if dark_s is None else dark_s * ndtr(z[:, 6])
    pitch = pitch + STEERING_RAD * z[:, 11]
    east, north = (states[:, 3:] @ axes.T)[:, :2].T
    course = np.arctan2(east, north) + STEERING_RAD * z[:, 10]
    towards = np.stack([np.cos(pitch) * np.sin(course), np.cos(pitch) * np.cos(course), np.sin(pitch)], axis=1)
    rows[:, TOWARDS : TOWARDS + 3] = towards @ axes
    low, high = (math.log(each) for each in COEFFICIENT_KG_M2)
    rows[:, COEFFICIENT] = low + (high - low) * ndtr(z[:, 7])
    rows[:, SLOW_DRAG] = SLOW_DRAG_MAX * ndtr(z[:, 8])
    return fly(states, rows, time_ns)


def _going_on(
    axes: Floats,
    states: Floats,
    covariance: Floats,
    shares: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return time left [s], thrust [m/s2], ratio [1/s] and pitch [rad] of m ways, each from a boost near to the track.

    Boosts count by how near they are to the track's mean, and are taken at these shares (m,) of their weight in the
    order of what is left of their burns. What a boost's numbers are at a way's own height, velocity and thrust, and not
    at the boost's, a linear regression over all that are near tells.

    Source: Beaumont, Zhang and Balding (2002), Approximate Bayesian computation in population genetics, Genetics 162,
    2025-2035 (local linear regression).
    """
    boosts, mean = _boosts(), states.mean(axis=0)
    velocity = axes @ mean[3:]
    level = math.hypot(velocity[0], velocity[1])
    root = np.zeros((3, 6))
    root[0, :3], root[1, 3:], root[2, 3:] = axes[2], axes[2], velocity[:2] / max(level, 1e-9) @ axes[:2]
    near = root @ covariance @ root.T
    height_m = float(geodetic_from_ecef(mean[:3])[2])
    off_m_s = NEAR_SPEED_M_S + NEAR_SPEED * math.hypot(level, velocity[2])
    near += np.diag([(NEAR_HEIGHT_M + NEAR_HEIGHT * height_m) ** 2, off_m_s**2, off_m_s**2])
    reach_m = HEIGHT_SIGMAS * math.sqrt(near[0, 0])
    first, last = np.searchsorted(boosts.held[0], [height_m - reach_m, height_m + reach_m])
    first, last = (first, last) if last > first else (0, len(boosts.weight))
    own = np.stack([geodetic_from_ecef(states[:, :3])[2], *(states[:, 3:] @ root[1:, 3:].T).T])
    apart = np.empty(last - first)
    whiten = np.linalg.inv(np.linalg.cholesky(near))
    farthest = _apart(boosts.held, first, np.array([height_m, velocity[2], level]), whiten, apart)
    while True:
        some = np.flatnonzero(apart < NOTHING)
        weight = boosts.weight[first + some] * np.exp(-0.5 * apart[some])
        if weight.sum() ** 2 >= NEAR_MIN * np.square(weight).sum() or farthest < 1.0:
            break
        apart *= FARTHER
        farthest *= FARTHER
    weight /= weight.sum()
    spans = boosts.told[:, first:last]
    least, most = spans.min(axis=1), spans.max(axis=1)  # a track far from all that is believed is not led farther
    least[0] = 0.0
    held, told = boosts.held[:, first + some], spans[:, some]
    order = np.argsort(told[0], kind="stable")
    chosen = order[np.searchsorted(np.cumsum(weight[order]), shares).clip(0, len(order) - 1)]
    scale, bends, leans = np.empty(3), np.empty((3, 3)), np.empty((3, 4))
    _regress(held, told, weight, scale, bends, leans)
    slopes = np.linalg.pinv(bends, hermitian=True) @ leans
    numbers = told[:, chosen] - slopes.T @ ((held[:, chosen] - own) / scale[:, None])
    left_s, thrust, ratio, pitch = np.clip(numbers, least[:, None], most[:, None])
    return left_s, np.exp(thrust), np.exp(ratio), pitch


@kernel
def _apart(held: Floats, first: int, at: Floats, whiten: Floats, apart: Floats) -> float:
    """Write the squared distances of boosts from the first one on from a place, less the least; return the greatest."""
    least, most = math.inf, 0.0
    for i in range(len(apart)):
        x, y, z = held[0, first + i] - at[0], held[1, first + i] - at[1], held[2, first + i] - at[2]
        a = whiten[0, 0] * x
        b = whiten[1, 0] * x + whiten[1, 1] * y
        c = whiten[2, 0] * x + whiten[2, 1] * y + whiten[2, 2] * z
        apart[i] = a * a + b * b + c * c
        least, most = min(least, apart[i]), max(most, apart[i])
    for i in range(len(apart)):
        apart[i] -= least
    return most - least


@kernel
def _regress(held: Floats, told: Floats, weight: Floats, scale: Floats, bends: Floats, leans: Floats) -> None:
    """Write the spread of what is held (3, n), and weighted products of it, so scaled, with itself and what is told."""
    middle, usual = np.zeros(3), np.zeros(4)
    scale[:], bends[:], leans[:] = 0.0, 0.0, 0.0
    for i in range(len(weight)):
        for a in range(3):
            middle[a] += weight[i] * held[a, i]
        for b in range(4):
            usual[b] += weight[i] * told[b, i]
    for i in range(len(weight)):
        for a in range(3):
            off = held[a, i] - middle[a]
            scale[a] += weight[i] * off * off
            for c in range(3):
                bends[a, c] += weight[i] * off * (held[c, i] - middle[c])
            for b in range(4):
                leans[a, b] += weight[i] * off * (told[b, i] - usual[b])
    for a in range(3):
        scale[a] = math.sqrt(scale[a]) + 1e-12
    for a in range(3):
        for c in range(3):
            bends[a, c] /= scale[a] * scale[c]
        for b in range(4):
            leans[a, b] /= scale[a]


@cache
def _boosts() -> _Boosts:
    """Return the library, sorted by height."""
    u = ndtr(normal_points(N_BOOSTS, 4))
    speed = SPEED_M_S[0] + (SPEED_M_S[1] - SPEED_M_S[0]) * u[:, 0]
    climb = CLIMB_RAD[0] + (CLIMB_RAD[1] - CLIMB_RAD[0]) * u[:, 1]
    burn_s = (BURN_S + BURN_S2_M * speed) * (1.0 + BURN_SHARE * (2.0 * u[:, 2] - 1.0))
    growth = GROWTH[0] + (GROWTH[1] - GROWTH[0]) * u[:, 3]
    goal = np.stack([speed * np.cos(climb), speed * np.sin(climb)], axis=1)
    height, up, level, thrust, ratio, pitch, left = _aimed(goal, burn_s, growth)
    missed_m_s = np.abs(np.stack([level[:, -1], up[:, -1]], axis=1) - goal).max(axis=1)
    real = (missed_m_s < 0.02 * speed) & (height.min(axis=1) >= 0.0)
    weight = np.repeat(np.where(real, burn_s, 0.0)[:, None], N_MOMENTS, axis=1)
    order = np.argsort(height[:, :N_MOMENTS].ravel(), kind="stable")
    order = order[weight.ravel()[order] > 0.0]

    def sorted_(rows: Floats) -> Floats:
        return np.ascontiguousarray(rows[:, :N_MOMENTS].ravel()[order])

    return _Boosts(
        held=np.stack([sorted_(height), sorted_(up), sorted_(level)]),
        told=np.stack([sorted_(left), np.log(sorted_(thrust)), np.log(sorted_(ratio)), sorted_(pitch)]),
        weight=sorted_(weight),
    )


def _aimed(goal: Floats, burn_s: Floats, growth: Floats) -> tuple[Floats, ...]:
    """Return `_risen` of those n boosts that end with such velocities (n, 2), level and up [m/s].

    Source: Broyden (1965), A class of methods for solving nonlinear simultaneous equations, Math. Comp. 19, 577-593.
    """
    push = goal + np.stack([np.zeros(len(goal)), 0.75 * 9.8 * burn_s], axis=1)
    slopes = np.tile(np.eye(2), (len(goal), 1, 1))  # of the velocity at the end over the push
    for n_steps, rounds in SHOOTING:
        rows = _risen(push, burn_s, growth, n_steps)
        missed = goal - _last(rows)
        for _ in range(rounds):
            step = np.linalg.solve(slopes, missed[:, :, None])[:, :, 0]
            push = push + step
            rows = _risen(push, burn_s, growth, n_steps)
            still = goal - _last(rows)
            length = np.maximum(np.square(step).sum(axis=1, keepdims=True), np.finfo(float).tiny)  # 0: it is there
            unforeseen = (missed - still - np.matvec(slopes, step)) / length
            slopes += unforeseen[:, :, None] * step[:, None, :]
            missed = still
    return rows


def _last(rows: tuple[Floats, ...]) -> Floats:
    """Return the (n, 2) velocities at burn-out, level and up."""
    return np.stack([rows[2][:, -1], rows[1][:, -1]], axis=1)


def _risen(push: Floats, burn_s: Floats, growth: Floats, n_steps: int) -> tuple[Floats, ...]:
    """Return (n, n_steps + 1) height, upward and level velocity, thrust, its ratio, pitch and time left of n boosts.

    Over a ball that does not turn, by midpoint steps; the thrust's whole change of velocity after the lean is `push`
    (n, 2), level and up, if it pointed that way all the time.
    """
    n = len(burn_s)
    pitch = np.arctan2(push[:, 1], push[:, 0])
    burnt = (1.0 - 1.0 / growth) / burn_s
    level_m_s2 = np.hypot(push[:, 0], push[:, 1]) * burnt / np.log(growth)
    leant_s = np.minimum(LEANT_S, LEANT_SHARE * burn_s)
    step_s = burn_s / n_steps
    state = np.zeros((4, n))  # height, up, level, way over ground
    rows = np.zeros((7, n_steps + 1, n))

    def thrust(t: Floats, y: Floats) -> tuple[Floats, Floats]:
        share = np.clip((t - UPRIGHT_S) / (leant_s - np.minimum(UPRIGHT_S, 0.5 * leant_s)), 0.0, 1.0)
        over_site = pitch + (1.0 - share) * (0.5 * math.pi - pitch)
        return level_m_s2 / (1.0 - burnt * t), over_site + y[3] / MEAN_RADIUS_M

    def rate(t: Floats, y: Floats) -> Floats:
        acceleration, angle = thrust(t, y)
        r = MEAN_RADIUS_M + np.maximum(y[0], 0.0)
        speed = np.hypot(y[1], y[2])
        rises = (speed - SUBSONIC_M_S) / (SOUND_M_S - SUBSONIC_M_S)
        slow = np.clip(np.minimum(rises, (HYPERSONIC_M_S - speed) / (HYPERSONIC_M_S - SOUND_M_S)), 0.0, 1.0)
        drag = 0.5 * density_kg_m3(y[0]) * speed / (LIFT_OFF_KG_M2 * (1.0 - burnt * t)) * (1.0 + SLOW_DRAG_MAX * slow)
        up = acceleration * np.sin(angle) - GRAVITATIONAL_PARAMETER_M3_S2 / r**2 + y[2] ** 2 / r - drag * y[1]
        level = acceleration * np.cos(angle) - y[1] * y[2] / r - drag * y[2]
        return np.stack([y[1], up, level, y[2] * MEAN_RADIUS_M / r])

    pushes = np.zeros((2, n_steps + 1, n))
    for k in range(n_steps + 1):
        t = k * step_s
        acceleration, angle = thrust(t, state)
        rows[:3, k], rows[3, k], rows[4, k] = state[:3], acceleration, burnt / (1.0 - burnt * t)
        pushes[:, k] = acceleration * np.cos(angle), acceleration * np.sin(angle)
        middle = state + 0.5 * step_s * rate(t, state)
        state = state + step_s * rate(t + 0.5 * step_s, middle)
    ahead = np.flip(np.cumsum(np.flip(pushes, axis=1), axis=1), axis=1)
    rows[5] = np.arctan2(ahead[1], ahead[0])
    rows[6] = (1.0 - np.arange(n_steps + 1) / n_steps)[:, None] * burn_s
    return tuple(rows.swapaxes(1, 2))
