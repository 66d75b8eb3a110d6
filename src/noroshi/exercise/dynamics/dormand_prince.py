"""The truth's integrator: Dormand and Prince's pair of orders 5 and 4, with steps as long as its error allows."""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from noroshi.exercise.dynamics.forces import SPIN, forces, height_of
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel

# Source: Dormand and Prince (1980), A family of embedded Runge-Kutta formulae, J. Comp. Appl. Math. 6, 19-26, table 2.
NODES = np.array([0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0])
STAGES = np.zeros((7, 6))
STAGES[1, :1] = [1 / 5]
STAGES[2, :2] = [3 / 40, 9 / 40]
STAGES[3, :3] = [44 / 45, -56 / 15, 32 / 9]
STAGES[4, :4] = [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729]
STAGES[5, :5] = [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]
STAGES[6, :6] = [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84]
ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])

POSITION_ERROR_M, VELOCITY_ERROR_M_S = 1e-4, 1e-6  # of a step
SHORTEST_S, LONGEST_S = 1e-7, 60.0
STEPS_MAX = 1_000_000
HALVINGS = 60


class Stop(IntEnum):
    """What ends a march before its last time; beside each what its value means."""

    NEVER = 0
    BELOW = 1  # it falls through this height [m]
    TOP = 2  # it no longer climbs (no value)
    SLOW = 3  # its speed in the air falls below this [m/s], or it is on the ground


@dataclass(frozen=True, slots=True, eq=False)
class Marched:
    """What came of a march.

    Attributes:
        time_s: (n,) times reached, the stop's own included as the last if it stopped.
        states: (n, 6) inertial states then.
        stopped: whether what was to end it came.
    """

    time_s: Floats
    states: Floats
    stopped: bool


NO_BANK = np.zeros(1)


def march(
    start_s: float,
    state: Floats,
    times_s: Floats,
    row: Floats,
    *,
    stop: Stop = Stop.NEVER,
    value: float = 0.0,
    bank_s: Floats = NO_BANK,
    bank_rad: Floats = NO_BANK,
) -> Marched:
    """Carry one inertial state through increasing times [s], not before `start_s`; see `forces` for the row.

    Errors are kept below 0.1 mm and 1 um/s in each step. Where the forces jump (ignition, burn-out) a march must end
    and another begin; a bank schedule may bend within one.

    Raises:
        ValueError: if the error cannot be kept that small, as with states that are not finite.
    """
    states = np.empty((len(times_s) + 1, 6))
    begin = np.ascontiguousarray(state, np.float64)
    times = np.ascontiguousarray(times_s, np.float64)
    done, stop_s = _march(start_s, begin, times, row, int(stop), value, bank_s, bank_rad, states)
    if done < 0:
        raise ValueError(f"no step is short enough {stop_s} s into the flight: its numbers are absurd")
    if math.isnan(stop_s):
        return Marched(times, states[:-1], stopped=False)
    return Marched(np.append(times[:done], stop_s), states[: done + 1], stopped=True)


@kernel
def _march(
    start_s: float,
    state: Floats,
    times_s: Floats,
    row: Floats,
    stop: int,
    value: float,
    bank_s: Floats,
    bank_rad: Floats,
    states: Floats,
) -> tuple[int, float]:
    """Write the states at the times; return how many were reached, and when it stopped (NaN: it did not).

    There is one call of each helper, since each is compiled into its caller: a step of no length comes first, for the
    slope there, and the search for the instant of a stop is a state of the same loop.
    """
    x, y, slopes = np.empty(6), np.empty(6), np.zeros((7, 6))
    for i in range(6):
        x[i] = state[i]
    t, h, step, done = start_s, 0.1, 0.0, 0
    begun, margin = False, 0.0
    halvings, low, high = 0, 0.0, 0.0
    for _ in range(STEPS_MAX):
        while begun and halvings == 0 and done < len(times_s) and times_s[done] <= t:
            _copy(x, states, done)
            done += 1
        if done == len(times_s):
            return done, math.nan
        if halvings > 0:
            step = 0.5 * (low + high) if halvings <= HALVINGS else high
        elif begun:
            step = min(h, times_s[done] - t)
        error = _step(t, x, step, row, bank_s, bank_rad, slopes, y)
        ahead = _margin(y, row, slopes[6], stop, value)
        if halvings > HALVINGS:
            _copy(y, states, done)
            return done, t + high
        if halvings > 0:
            if ahead > 0.0:
                low = step
            else:
                high = step
            halvings += 1
            continue
        if error > 1.0 and step > SHORTEST_S:
            h = max(step * max(0.2, 0.9 * error**-0.2), SHORTEST_S)
            continue
        if not error < np.inf:
            return -1, t
        if begun and stop != 0 and margin > 0.0 and ahead <= 0.0:
            halvings, low, high = 1, 0.0, step
            continue
        margin = ahead
        for i in range(6):
            slopes[0, i] = slopes[6, i]
        if begun:
            t = times_s[done] if step == times_s[done] - t else t + step
            for i in range(6):
                x[i] = y[i]
            longer = step * min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            h = min(max(h, longer) if step < h else longer, LONGEST_S)
        begun = True
    return -1, t


@kernel
def _copy(x: Floats, rows: Floats, row: int) -> None:
    for i in range(len(x)):
        rows[row, i] = x[i]


@kernel
def _step(
    t: float, x: Floats, h: float, row: Floats, bank_s: Floats, bank_rad: Floats, slopes: Floats, y: Floats
) -> float:
    """Write the state a step later into y and its slope into slopes[6]; return its error over what is allowed."""
    for stage in range(1, 7):
        for i in range(6):
            total = 0.0
            for j in range(stage):
                total += STAGES[stage, j] * slopes[j, i]
            y[i] = x[i] + h * total
        forces(t + NODES[stage] * h, y, row, bank_s, bank_rad, slopes[stage])
    worst = 0.0
    for i in range(6):
        total = 0.0
        for j in range(7):
            total += ERROR[j] * slopes[j, i]
        allowed = POSITION_ERROR_M if i < 3 else VELOCITY_ERROR_M_S
        error = abs(h * total) / allowed
        if not error <= worst:
            worst = error
    return worst


@kernel
def _margin(x: Floats, row: Floats, slope: Floats, stop: int, value: float) -> float:
    """Return what falls through zero when the stop comes."""
    if stop == 1:
        return height_of(x, row) - value
    if stop == 2:
        return float(x[0] * slope[0] + x[1] * slope[1] + x[2] * slope[2])
    if stop == 3:
        vx, vy, vz = x[3] + row[SPIN] * x[1], x[4] - row[SPIN] * x[0], x[5]
        return min(math.sqrt(vx * vx + vy * vy + vz * vz) - value, height_of(x, row))
    return 1.0
