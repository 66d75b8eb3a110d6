"""What glides: where its lift can carry it, from bounds of what lift over drag and bank can be."""

import math
from functools import cache

import numpy as np
from scipy.special import ndtr

from noroshi.geo.atmosphere import log_density
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, ROTATION_RATE_RAD_S, Floats, vertical_at
from noroshi.kernel import kernel
from noroshi.warning.falling import unrest
from noroshi.warning.forecast import Forecast
from noroshi.warning.points import normal_points, spread
from noroshi.warning.ways import AIR_M, COEFFICIENT, LIFT, LONGEST_S, SLOWEST, bodies, fly

N_WAYS = 256
# Source: 2.6 of HTV-2 (Wright and Tracy (2020), Science & Global Security 28(3), 135-170) to 3.5 of the CAV-H of many
# papers; blunter bodies with less.
LIFT_TO_DRAG = (1.5, 3.5)
COEFFICIENT_KG_M2 = (5_000.0, 20_000.0)  # about the 13,000 of HTV-2
LEVEL = math.sin(math.radians(2.0))  # of its speed: what climbs or dives no faster holds its height
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
    held = _holding(states, rows[:, LIFT] * np.cos(bank[:, 0]))
    rows[:, COEFFICIENT] = np.where((low <= held) & (held <= high), held + WAVE_SIGMA * z[:, 7], rows[:, COEFFICIENT])
    speed = np.linalg.norm(states[:, 3:], axis=1)
    rows[:, SLOWEST] = SLOWEST_M_S + np.maximum(speed - SLOWEST_M_S, 0.0) * ndtr(z[:, 8])
    return fly(states, rows, time_ns, bank_rad=bank, bank_step_s=BANK_STEP_S, longest_s=longest_s)


def _holding(states: Floats, lift_to_drag: Floats) -> Floats:
    """Return (n,) the logarithm of the ballistic coefficient that holds a height; NaN if it is not held.

    Lift carries what the way around the Earth, in axes that stand still, does not.
    """
    held = np.empty(len(states))
    _hold(states, lift_to_drag, held)
    return held


@kernel
def _hold(states: Floats, lift_to_drag: Floats, held: Floats) -> None:
    for way in range(len(states)):
        x, y, z = states[way, 0], states[way, 1], states[way, 2]
        u, v, w = states[way, 3], states[way, 4], states[way, 5]
        ux, uy, uz, height = vertical_at(x, y, z)
        held[way] = math.nan
        speed = math.sqrt(u * u + v * v + w * w)
        if abs(ux * u + uy * v + uz * w) > LEVEL * speed or not 0.0 < height < AIR_M:
            continue
        r2 = x * x + y * y + z * z
        around2 = (u - ROTATION_RATE_RAD_S * y) ** 2 + (v + ROTATION_RATE_RAD_S * x) ** 2 + w * w
        weight = GRAVITATIONAL_PARAMETER_M3_S2 / r2 - around2 / math.sqrt(r2)
        if weight > 0.0 and lift_to_drag[way] > 0.0:
            held[way] = log_density(height)[0] + math.log(0.5 * speed * speed * lift_to_drag[way] / weight)


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
