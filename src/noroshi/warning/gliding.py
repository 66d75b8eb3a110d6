"""What glides: where its lift can carry it, from bounds of what lift over drag and bank can be."""

import math
from functools import cache

import numpy as np
from scipy.special import ndtr

from noroshi.geo.atmosphere import log_density
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, ROTATION_RATE_RAD_S, Floats, vertical_at
from noroshi.warning.falling import unrest
from noroshi.warning.forecast import Forecast
from noroshi.warning.points import normal_points, spread
from noroshi.warning.ways import COEFFICIENT, LIFT, LONGEST_S, SLOWEST, bodies, fly

N_WAYS = 256
# Source: 2.6 of HTV-2 (Wright and Tracy (2020), Science & Global Security 28(3), 135-170) to 3.5 of the CAV-H of many
# papers; blunter bodies with less.
LIFT_TO_DRAG = (1.5, 3.5)
COEFFICIENT_KG_M2 = (5_000.0, 20_000.0)  # about the 13,000 of HTV-2
WAVE_SIGMA = 0.1  # of the logarithm of lift over what would hold the height: skips that die down
SLOWEST_M_S = 1_000.0  # by then it has given up its lift
UNREST_M2_S3 = 0.1  # of what is not measured: that of the filter (`motion.glide`)
BANK_STEP_S, BANK_MAX_RAD = 10.0, math.radians(60.0)
STRAIGHT_S, BANKED_S = 120.0, 60.0  # mean time between manoeuvres, and of one
SEED = 6


def glide_from(
    state_ecef: Floats,
    covariance_ecef: Floats,
    time_ns: int,
    *,
    unseen_s: float = 0.0,
    lift_to_drag: tuple[float, float] = LIFT_TO_DRAG,
    longest_s: float = LONGEST_S,
    n_ways: int = N_WAYS,
) -> Forecast:
    """Return how a glider may go on, in ways of equal weight: its reachable set, thicker where it is likelier.

    Beforehand lift over drag is uniform between two values; it flies straight or banks up to 60 degrees to either side,
    evenly, in turns that last a minute and come after two, both exponentially distributed; it gives up its lift at a
    speed that is uniform from 1,000 m/s to that which it has. Its ballistic coefficient is what lets it hold its height
    now, give or take a wave of 10 %; where it dives or climbs by more than 2 degrees, or would need a coefficient that
    no glider has, it is log-uniform from 5,000 to 20,000 kg/m2. Lift eases while it climbs, so that waves die down.

    Where it is after a gap is `forecast.region` of this.

    Args:
        state_ecef: (6,) Earth-fixed position [m] and velocity [m/s].
        covariance_ecef: (6, 6).
        time_ns: when the state holds, Unix UTC nanoseconds.
        unseen_s: for how long nobody has measured it since; meanwhile a filter's noise has gone on.
        lift_to_drag: least and greatest.
        longest_s: how far ahead it is told.
        n_ways: how many ways; even.

    Source: Eggers, Allen and Neice (1958), NACA Report 1382 (equilibrium glide); Vinh, Busemann and Culp (1980),
    Hypersonic and Planetary Entry Flight Mechanics (bank and footprint).
    """
    z = normal_points(n_ways, 9)
    states = spread(state_ecef, covariance_ecef + unrest(unseen_s, UNREST_M2_S3), z[:, :6])
    rows, bank = bodies(n_ways), _banks(n_ways)
    rows[:, LIFT] = lift_to_drag[0] + (lift_to_drag[1] - lift_to_drag[0]) * ndtr(z[:, 6])
    low, high = (math.log(each) for each in COEFFICIENT_KG_M2)
    rows[:, COEFFICIENT] = low + (high - low) * ndtr(z[:, 7])
    for row, state, angle, wave in zip(rows, states, bank[:, 0], z[:, 7], strict=True):
        held = _holding(state, float(row[LIFT] * math.cos(angle)))
        if low <= held <= high:
            row[COEFFICIENT] = held + WAVE_SIGMA * wave
    speed = np.linalg.norm(states[:, 3:], axis=1)
    rows[:, SLOWEST] = SLOWEST_M_S + np.maximum(speed - SLOWEST_M_S, 0.0) * ndtr(z[:, 8])
    return fly(states, rows, time_ns, bank_rad=bank, bank_step_s=BANK_STEP_S, longest_s=longest_s)


def _holding(state: Floats, lift_to_drag: float) -> float:
    """Return the logarithm of the ballistic coefficient that holds a height; NaN if it is not held.

    Lift carries what the way around the Earth, in axes that stand still, does not.
    """
    ux, uy, uz, height = vertical_at(state[0], state[1], state[2])
    climb = ux * state[3] + uy * state[4] + uz * state[5]
    speed = float(np.linalg.norm(state[3:]))
    if abs(climb) > math.sin(math.radians(2.0)) * speed or not 0.0 < height < 100e3:
        return math.nan
    r = float(np.linalg.norm(state[:3]))
    around = math.hypot(state[3] - ROTATION_RATE_RAD_S * state[1], state[4] + ROTATION_RATE_RAD_S * state[0], state[5])
    weight = GRAVITATIONAL_PARAMETER_M3_S2 / r**2 - around**2 / r
    if weight <= 0.0 or lift_to_drag <= 0.0:
        return math.nan
    return float(log_density(height)[0]) + math.log(0.5 * speed**2 * lift_to_drag / weight)


@cache
def _banks(n: int) -> Floats:
    """Return (n, b) banks at multiples of a step: straight and banked by turns, begun at any time of either."""
    rng = np.random.Generator(np.random.Philox(SEED))
    steps = int(LONGEST_S / BANK_STEP_S) // 3
    bank = np.zeros((n, steps))
    for way in range(n // 2):
        now_s = 0.0
        banked = way % 3 == 0  # the share of the time that a manoeuvre takes
        while now_s < steps * BANK_STEP_S:
            for_s = rng.exponential(BANKED_S if banked else STRAIGHT_S)
            if banked:
                first, last = (math.ceil(each / BANK_STEP_S) for each in (now_s, now_s + for_s))
                bank[way, first:last] = rng.uniform(-BANK_MAX_RAD, BANK_MAX_RAD)
            now_s, banked = now_s + for_s, not banked
    order = rng.permutation(n // 2)  # so that it goes with nothing else of a way
    bank[: n // 2] = bank[order]
    bank[n // 2 :] = -bank[: n // 2]
    bank.setflags(write=False)
    return bank
