"""Ways to the ground, many at once: gravity, the Earth's rotation, air, lift with a bank, and what is left of a burn.

One kernel flies them all. The forces are those of the motion models (`geo.gravity`, `geo.atmosphere`); what each
way is, is a row of numbers, by the names below.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.atmosphere import FORCE_MAX_M_S2, SLOWEST_M_S, log_density
from noroshi.geo.gravity import fall_rate, lowest_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ROTATION_RATE_RAD_S, SEMI_MAJOR_AXIS_M, Floats, vertical_at
from noroshi.kernel import inlined, kernel
from noroshi.warning.forecast import Forecast

COEFFICIENT = 0  # logarithm of the ballistic coefficient m / (C_D S) at hypersonic speed [kg/m2]
SLOW_DRAG = 1  # by how much of itself the drag is greater at the speed of sound
THRUST = 2  # acceleration by thrust at the start [m/s2]
RATIO = 3  # mass burnt a second over the mass at the start [1/s]
BURN_OUT = 4  # end of the thrust after the start [s]
TOWARDS = 5  # and 6, 7: Earth-fixed direction of the thrust at the start; it does not turn with the Earth
LIFT = 8  # lift over drag
SLOWEST = 9  # speed below which it gives up its lift [m/s]
COLUMNS = 10

STEP_S = 10.0  # between the times of a forecast
LONGEST_S = 7_200.0  # what is not down after this is no longer told
ROUND_S = 1_800.0  # nor after this what goes on round the Earth: it comes over everybody in the end
AIR_M = 100e3  # above, drag is below 0.02 m/s2 even on what is light
AIRLESS_M = SEMI_MAJOR_AXIS_M + AIR_M  # farther from the Earth's centre it is surely higher
FREE_STEP_S, THRUST_STEP_S, GLIDE_STEP_S = 60.0, 5.0, 5.0
SLOWING_STEP, DENSITY_STEP = 0.25, 0.75  # as in `geo.atmosphere`, but metres are enough here
SHORTEST_S = 0.05
STEPS_MAX = 20_000
SOUND_M_S, HYPERSONIC_M_S = 300.0, 1_500.0  # Mach 1 and 5; within a tenth up to 90 km
EASE_S_M = 0.02  # by how much of itself lift eases for each m/s of climb: skips die down
GROUND_M, CLOSINGS = 1e-6, 40  # so near to the ground is on it; Illinois steps to get there
LIGHTEST_LOG = math.log(30.0)


def bodies(n: int) -> Floats:
    """Return (n, COLUMNS) rows of what nothing drives or carries, and no air slows."""
    rows = np.zeros((n, COLUMNS))
    rows[:, COEFFICIENT] = math.log(1e12)
    return rows


def fly(
    states: Floats,
    rows: Floats,
    time_ns: int,
    *,
    weight: Floats | None = None,
    bank_rad: Floats | None = None,
    bank_step_s: float = STEP_S,
    longest_s: float = LONGEST_S,
    step_s: float = STEP_S,
) -> Forecast:
    """Return the forecast of m ways.

    Args:
        states: (m, 6) Earth-fixed position [m] and velocity [m/s] at the start.
        rows: (m, COLUMNS) what each is.
        time_ns: the start, Unix UTC nanoseconds.
        weight: (m,) of each; equal if left out.
        bank_rad: (m, b) bank of the lift from upwards, to the right, at multiples of `bank_step_s`; linear between
            them, then held.
        bank_step_s: see there.
        longest_s: what is not down after this is no longer told; what goes on round the Earth after half an hour.
        step_s: between the times of the forecast.

    Places of the ends are good to some metres for what falls; where the air carries it, to 1e-3 of the way.
    """
    m = len(states)
    positions = np.empty((int(longest_s / step_s) + 2, m, 3))  # what comes early together: most of it is never touched
    end_s, lands = np.empty(m), np.zeros(m, np.bool_)
    bank = np.zeros((m, 1)) if bank_rad is None else np.ascontiguousarray(bank_rad)
    _fly(
        np.ascontiguousarray(states),
        np.ascontiguousarray(rows),
        bank,
        bank_step_s,
        longest_s,
        step_s,
        positions,
        end_s,
        lands,
    )
    k = math.ceil(float(end_s.max()) / step_s) + 1
    positions = np.ascontiguousarray(positions[:k].swapaxes(0, 1))
    _stay(positions, end_s, step_s)
    return Forecast(
        time_ns=time_ns + np.round(np.arange(k) * (step_s * NS_PER_S)).astype(np.int64),
        position_ecef_m=positions,
        end_ns=time_ns + np.round(end_s * NS_PER_S).astype(np.int64),
        lands=lands,
        weight=np.full(m, 1.0 / m) if weight is None else weight / weight.sum(),
    )


@kernel
def _fly(
    states: Floats,
    rows: Floats,
    banks: Floats,
    bank_step_s: float,
    longest_s: float,
    step_s: float,
    positions: Floats,
    end_s: Floats,
    lands: NDArray[np.bool_],
) -> None:
    """Write the (k, m, 3) places of each way up to its end, which is the place at the first time not before it."""
    rate = np.empty(6)
    x, y, total, at = np.empty(6), np.empty(6), np.empty(6), np.empty(6)
    for way in range(len(states)):
        row, bank, t, done, told_s = rows[way], banks[way], 0.0, 0, longest_s
        for i in range(6):
            x[i] = states[way, i]
        ux, uy, uz, height = vertical_at(x[0], x[1], x[2])
        for _ in range(STEPS_MAX):
            if height > AIR_M and told_s > ROUND_S and row[BURN_OUT] <= t and lowest_m(x) > MEAN_RADIUS_M + AIR_M:
                told_s = max(t, ROUND_S)
            if height <= 0.0 or t >= told_s:
                break
            burns = t < row[BURN_OUT]
            trusted_s = _slopes(t, burns, x, ux, uy, uz, height, row, bank, bank_step_s, rate)
            h = min(max(trusted_s, SHORTEST_S), told_s - t)
            if t < row[BURN_OUT] < t + h:
                h = row[BURN_OUT] - t
            for i in range(6):
                total[i] = x[i] + h / 6.0 * rate[i]
            vertical = ux, uy, uz, height
            for stage in range(1, 4):
                reach = 1.0 if stage == 3 else 0.5
                share = h / 6.0 if stage == 3 else h / 3.0
                for i in range(6):
                    y[i] = x[i] + h * reach * rate[i]
                if y[0] * y[0] + y[1] * y[1] + y[2] * y[2] < AIRLESS_M * AIRLESS_M:
                    ux, uy, uz, height = _vertical_near(x, vertical, y)
                else:
                    height = AIR_M  # or more: nothing hangs on it
                _slopes(t + h * reach, burns, y, ux, uy, uz, height, row, bank, bank_step_s, rate)
                for i in range(6):
                    total[i] += share * rate[i]
            ux, uy, uz, height = vertical_at(total[0], total[1], total[2])
            over = 1.0
            if height <= 0.0:
                over = _meeting(x, total, h, at)
            while done * step_s < t + over * h and done < positions.shape[0]:
                _between(x, total, h, (done * step_s - t) / h, at)
                for i in range(3):
                    positions[done, way, i] = at[i]
                done += 1
            _between(x, total, h, over, at)
            for i in range(3):
                x[i] = at[i]
                x[3 + i] = total[3 + i]
            t += over * h
        end_s[way], lands[way] = t, height <= 0.0
        for i in range(3):
            positions[min(done, positions.shape[0] - 1), way, i] = x[i]


@inlined
def _vertical_near(
    x: Floats, vertical: tuple[float, float, float, float], y: Floats
) -> tuple[float, float, float, float]:
    """Return `vertical_at` of y from that of x within a step's length, on a ball that touches there.

    Over 20 km that is right to 0.2 m and 2.5e-5 rad.
    """
    ux, uy, uz, height = vertical
    dx, dy, dz = y[0] - x[0], y[1] - x[1], y[2] - x[2]
    rise = ux * dx + uy * dy + uz * dz
    curvature = 1.0 / (MEAN_RADIUS_M + height)
    height += rise + 0.5 * curvature * (dx * dx + dy * dy + dz * dz - rise * rise)
    ax, ay, az = curvature * (dx - rise * ux), curvature * (dy - rise * uy), curvature * (dz - rise * uz)
    return ux + ax, uy + ay, uz + az, height


@kernel
def _meeting(x: Floats, y: Floats, h: float, at: Floats) -> float:
    """Return at which share of the step from x to y, which lies below it, the ground is met.

    Source: Dowell and Jarratt (1971), A modified regula falsi method for computing the root of an equation, BIT 11,
    168-174 (the Illinois method).
    """
    low, over = 0.0, 1.0
    above, below = vertical_at(x[0], x[1], x[2])[3], vertical_at(y[0], y[1], y[2])[3]
    for _ in range(CLOSINGS):
        share = low + (over - low) * above / (above - below)
        _between(x, y, h, share, at)
        height = vertical_at(at[0], at[1], at[2])[3]
        if abs(height) < GROUND_M:
            return share
        if height > 0.0:
            low, above, below = share, height, 0.5 * below
        else:
            over, below, above = share, height, 0.5 * above
    return over


@inlined
def _slopes(
    t: float,
    burns: bool,
    x: Floats,
    ux: float,
    uy: float,
    uz: float,
    height: float,
    row: Floats,
    bank: Floats,
    bank_step_s: float,
    rate: Floats,
) -> float:
    """Write f(x) and return the longest step [s] to trust.

    Whether it burns is said by the step, which ends with the burn: at its very end it does too.
    """
    fall_rate(x, rate)
    climb = ux * x[3] + uy * x[4] + uz * x[5]
    step_s = FREE_STEP_S
    if height < AIR_M:
        step_s = _add_air(t, x, ux, uy, uz, height, climb, row, bank, bank_step_s, rate)
    elif climb < 0.0:
        step_s = min(step_s, 2.0 + 0.5 * (height - AIR_M) / -climb)
    if burns:
        push = row[THRUST] / max(1.0 - row[RATIO] * t, 0.05)
        cos, sin = math.cos(ROTATION_RATE_RAD_S * t), math.sin(ROTATION_RATE_RAD_S * t)
        rate[3] += push * (cos * row[TOWARDS] + sin * row[TOWARDS + 1])
        rate[4] += push * (cos * row[TOWARDS + 1] - sin * row[TOWARDS])
        rate[5] += push * row[TOWARDS + 2]
        step_s = min(step_s, THRUST_STEP_S)
    return step_s


@inlined
def _add_air(
    t: float,
    x: Floats,
    ux: float,
    uy: float,
    uz: float,
    height: float,
    climb: float,
    row: Floats,
    bank: Floats,
    bank_step_s: float,
    rate: Floats,
) -> float:
    """Add drag and lift as `geo.atmosphere.add_air_force` does, without derivatives; return the step to trust."""
    density, density_slope = log_density(height)
    speed = math.sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5]) + 1e-9
    slow = min(max((HYPERSONIC_M_S - speed) / (HYPERSONIC_M_S - SOUND_M_S), 0.0), 1.0)
    k = 0.5 * math.exp(density - max(row[COEFFICIENT], LIGHTEST_LOG)) * (1.0 + row[SLOW_DRAG] * slow)
    k = min(k, FORCE_MAX_M_S2 / (speed * speed))
    for i in range(3, 6):
        rate[i] -= k * speed * x[i]
    step_s = min(DENSITY_STEP / abs(density_slope * climb), SLOWING_STEP / (k * speed * (1.0 + row[LIFT])))
    if row[LIFT] <= 0.0 or speed < row[SLOWEST]:
        return float(min(step_s, FREE_STEP_S))
    place = min(t / bank_step_s, len(bank) - 1.0)
    before = int(place)
    after = min(before + 1, len(bank) - 1)
    angle = bank[before] + (place - before) * (bank[after] - bank[before])
    sx, sy, sz = x[4] * uz - x[5] * uy, x[5] * ux - x[3] * uz, x[3] * uy - x[4] * ux  # to the right: v x u
    across = math.sqrt(sx * sx + sy * sy + sz * sz) + SLOWEST_M_S
    lift = k * speed * row[LIFT] * min(max(1.0 - EASE_S_M * climb, 0.0), 1.0)
    up, side = lift * math.cos(angle) / across, lift * math.sin(angle) * speed / across
    rate[3] += up * (ux * speed * speed - climb * x[3]) + side * sx
    rate[4] += up * (uy * speed * speed - climb * x[4]) + side * sy
    rate[5] += up * (uz * speed * speed - climb * x[5]) + side * sz
    return float(min(step_s, GLIDE_STEP_S))


@kernel
def _between(x: Floats, y: Floats, h: float, share: float, at: Floats) -> None:
    """Write the place between two states h seconds apart: the cubic with their places and velocities."""
    s2 = share * share
    s3 = s2 * share
    for i in range(3):
        at[i] = (2.0 * s3 - 3.0 * s2 + 1.0) * x[i] + (3.0 * s2 - 2.0 * s3) * y[i]
        at[i] += h * ((s3 - 2.0 * s2 + share) * x[3 + i] + (s3 - s2) * y[3 + i])


@kernel
def _stay(positions: Floats, end_s: Floats, step_s: float) -> None:
    """Let each way stay where it ended."""
    for way in range(len(positions)):
        last = min(math.ceil(end_s[way] / step_s), positions.shape[1] - 1)
        for j in range(last + 1, positions.shape[1]):
            for i in range(3):
                positions[way, j, i] = positions[way, last, i]
