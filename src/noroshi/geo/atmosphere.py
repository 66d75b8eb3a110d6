"""The density of the U.S. Standard Atmosphere 1976, and the force of air that turns with the Earth."""

import math

import numpy as np

from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import inlined, kernel

# Source: U.S. Standard Atmosphere, 1976, NOAA-S/T 76-1562: section 1.2 (constants) and table 4 (layers).
STANDARD_GRAVITY_M_S2 = 9.80665
EFFECTIVE_RADIUS_M = 6_356_766.0
MOLAR_MASS_KG_MOL = 0.0289644
GAS_CONSTANT_J_MOL_K = 8.31432
GROUND_PRESSURE_PA = 101_325.0
HEAT_RATIO = 1.4
LAYER_GEOPOTENTIAL_M = np.array([0.0, 11e3, 20e3, 32e3, 47e3, 51e3, 71e3])
LAYER_LAPSE_K_M = np.array([-6.5e-3, 0.0, 1e-3, 2.8e-3, 0.0, -2.8e-3, -2e-3])
LAYER_TEMPERATURE_K = np.array([288.15, 216.65, 216.65, 228.65, 270.65, 270.65, 214.65])
HYDROSTATIC_K_M = STANDARD_GRAVITY_M_S2 * MOLAR_MASS_KG_MOL / GAS_CONSTANT_J_MOL_K

LOWEST_M, LAYERS_END_M = -5e3, 86e3  # what the standard's layers cover

# Source: U.S. Standard Atmosphere, 1976, table I: geometric height [m] and total mass density [kg/m3].
UPPER = np.array(
    [
        (86e3, 6.958e-6),
        (90e3, 3.416e-6),
        (95e3, 1.393e-6),
        (100e3, 5.604e-7),
        (105e3, 2.325e-7),
        (110e3, 9.708e-8),
        (115e3, 4.289e-8),
        (120e3, 2.222e-8),
        (125e3, 1.291e-8),
        (130e3, 8.152e-9),
        (140e3, 3.831e-9),
        (150e3, 2.076e-9),
        (160e3, 1.233e-9),
        (170e3, 7.815e-10),
        (180e3, 5.194e-10),
        (190e3, 3.581e-10),
        (200e3, 2.541e-10),
        (250e3, 6.073e-11),
        (300e3, 1.916e-11),
        (350e3, 7.014e-12),
        (400e3, 2.803e-12),
        (450e3, 1.184e-12),
        (500e3, 5.215e-13),
        (600e3, 1.137e-13),
        (700e3, 3.070e-14),
        (800e3, 1.136e-14),
        (900e3, 5.759e-15),
        (1_000e3, 3.561e-15),
    ]
)

SLOWEST_M_S = 1.0  # below this a speed along the horizontal gives lift no direction
FORCE_MAX_M_S2 = 3_000.0  # 300 g: going back in time drag feeds on itself and would reach infinity within seconds
SLOWING_STEP, DENSITY_STEP = 0.125, 0.25  # how far drag may slow, and the density change, in one Runge-Kutta step
THIN_LOG_DENSITY = math.log(1e-11)  # the air at some 330 km: above it no step need be short


def _layer_log_densities() -> Floats:
    """Return ln(density) at the base of each layer, by the hydrostatic equation upwards from the ground."""
    pressure = [math.log(GROUND_PRESSURE_PA)]
    for i in range(len(LAYER_LAPSE_K_M) - 1):
        lapse, base_k, top_k = LAYER_LAPSE_K_M[i], LAYER_TEMPERATURE_K[i], LAYER_TEMPERATURE_K[i + 1]
        thick_m = LAYER_GEOPOTENTIAL_M[i + 1] - LAYER_GEOPOTENTIAL_M[i]
        fall = thick_m / base_k if lapse == 0.0 else math.log(top_k / base_k) / lapse
        pressure.append(pressure[-1] - HYDROSTATIC_K_M * fall)
    per_mass = MOLAR_MASS_KG_MOL / (GAS_CONSTANT_J_MOL_K * LAYER_TEMPERATURE_K)
    log_densities: Floats = np.array(pressure) + np.log(per_mass)
    return log_densities


LAYER_LOG_DENSITY = _layer_log_densities()
UPPER_HEIGHT_M, UPPER_LOG_DENSITY = UPPER[:, 0].copy(), np.log(UPPER[:, 1])


def density_kg_m3(height_m: Floats) -> Floats:
    """Return the (n,) densities [kg/m3] of the air at (n,) geometric heights.

    Up to 86 km the layers of the standard, four digits of its tables. Above, where the standard is a table too, the
    table's values with the logarithm linear between them: within 1 % of the table to 200 km, some 3 % beyond. Above
    1,000 km it goes on falling as it does last; below -5 km it is that of -5 km.

    Source: U.S. Standard Atmosphere, 1976, NOAA-S/T 76-1562, sections 1.2 and 1.3 and table I.
    """
    density = np.empty(len(height_m))
    _densities(np.ascontiguousarray(height_m), density)
    return density


@kernel
def _densities(height_m: Floats, density: Floats) -> None:
    for i in range(len(height_m)):
        density[i] = math.exp(log_density(height_m[i])[0])


@inlined
def log_density(height_m: float) -> tuple[float, float]:
    """Return ln(density / (kg/m3)) at a geometric height, and its derivative [1/m]."""
    if height_m >= LAYERS_END_M:
        i = 0
        while i < len(UPPER_HEIGHT_M) - 2 and height_m >= UPPER_HEIGHT_M[i + 1]:
            i += 1
        slope = (UPPER_LOG_DENSITY[i + 1] - UPPER_LOG_DENSITY[i]) / (UPPER_HEIGHT_M[i + 1] - UPPER_HEIGHT_M[i])
        return UPPER_LOG_DENSITY[i] + slope * (height_m - UPPER_HEIGHT_M[i]), slope
    ratio = EFFECTIVE_RADIUS_M / (EFFECTIVE_RADIUS_M + max(height_m, LOWEST_M))
    geopotential_m = ratio * max(height_m, LOWEST_M)
    i = 0
    while i < len(LAYER_GEOPOTENTIAL_M) - 1 and geopotential_m >= LAYER_GEOPOTENTIAL_M[i + 1]:
        i += 1
    above_m, lapse = geopotential_m - LAYER_GEOPOTENTIAL_M[i], LAYER_LAPSE_K_M[i]
    temperature_k = LAYER_TEMPERATURE_K[i] + lapse * above_m
    slope = -(HYDROSTATIC_K_M + lapse) / temperature_k
    if lapse == 0.0:
        value = LAYER_LOG_DENSITY[i] + slope * above_m
    else:
        value = LAYER_LOG_DENSITY[i] - (HYDROSTATIC_K_M / lapse + 1.0) * math.log(
            temperature_k / LAYER_TEMPERATURE_K[i]
        )
    return value, slope * ratio * ratio if height_m > LOWEST_M else 0.0


@kernel
def sound_m_s(height_m: float) -> float:
    """Return the speed of sound [m/s] at a geometric height; above 86 km that of 86 km, below -5 km that of -5 km.

    Source: U.S. Standard Atmosphere, 1976, NOAA-S/T 76-1562, section 1.3, equation 50.
    """
    held_m = min(max(height_m, LOWEST_M), LAYERS_END_M)
    geopotential_m = EFFECTIVE_RADIUS_M / (EFFECTIVE_RADIUS_M + held_m) * held_m
    i = len(LAYER_GEOPOTENTIAL_M) - 1
    while i > 0 and geopotential_m < LAYER_GEOPOTENTIAL_M[i]:
        i -= 1
    temperature_k = LAYER_TEMPERATURE_K[i] + LAYER_LAPSE_K_M[i] * (geopotential_m - LAYER_GEOPOTENTIAL_M[i])
    return math.sqrt(HEAT_RATIO * GAS_CONSTANT_J_MOL_K / MOLAR_MASS_KG_MOL * temperature_k)


@kernel
def log_density_at(x: Floats, gradient: Floats) -> float:
    """Return ln(density / (kg/m3)) at the position x[:3], and write its (3,) gradient [1/m]."""
    ux, uy, uz, height_m = vertical_at(x[0], x[1], x[2])
    value, slope = log_density(height_m)
    gradient[0], gradient[1], gradient[2] = slope * ux, slope * uy, slope * uz
    return value


@kernel
def add_air_force(
    x: Floats,
    log_coefficient: float,
    turn_ratio: float,
    climb_ratio: float,
    unknown_m2_s2: float,
    force_max_m_s2: float,
    rate: Floats,
    by_state: Floats,
    by_parameters: Floats,
) -> float:
    """Add what the air does to the state x to rate[3:6] and by_state[3:6, :6]; return the longest step [s] to trust.

    With k = density / 2 / exp(log_coefficient), n the direction away from the Earth's centre, V = |v| and w = |n x v|
    (smoothed at 1 m/s): a = k (-V v + turn V^2 (n x v) / w + climb V (n V^2 - v (n.v)) / w): drag against the velocity,
    lift to its left and, across both, upwards. The drag k V^2 goes no higher than force_max_m_s2.

    Args:
        x: position and velocity relative to the air, which turns with the Earth, Earth-fixed.
        log_coefficient: logarithm of the ballistic coefficient m / (C_D S) [kg/m2].
        turn_ratio: lift to the left over drag.
        climb_ratio: lift upwards over drag.
        unknown_m2_s2: sum of the velocity's variances: where w^2 is less, nobody knows where lift points, and w is held
            to that.
        force_max_m_s2: what the drag is held to; the lift in proportion.
        rate: (6+,) of which rate[3:6] is added to.
        by_state: (6+, 6+) of which by_state[3:6, :6] is added to.
        by_parameters: (3, 3), overwritten: derivatives of the acceleration by log_coefficient and the two ratios.

    Source: Li and Jilkov (2010), Survey of Maneuvering Target Tracking, Part II: Motion Models of Ballistic and Space
    Targets, IEEE Trans. Aerospace and Electronic Systems 46(1), 96-119, sections II and V.
    """
    gradient, n, side, lift, into = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    density = log_density_at(x, gradient)
    v = x[3:6]
    r = max(math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]), 1.0)
    for i in range(3):
        n[i] = x[i] / r
    speed = max(math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), 1e-9)
    climb = n[0] * v[0] + n[1] * v[1] + n[2] * v[2]
    side[0], side[1], side[2] = n[1] * v[2] - n[2] * v[1], n[2] * v[0] - n[0] * v[2], n[0] * v[1] - n[1] * v[0]
    across_m2_s2 = side[0] * side[0] + side[1] * side[1] + side[2] * side[2]
    w = math.sqrt(max(across_m2_s2, unknown_m2_s2) + SLOWEST_M_S * SLOWEST_M_S)
    by_w = 1.0 / (w * w) if across_m2_s2 > unknown_m2_s2 else 0.0
    k = 0.5 * math.exp(min(density - log_coefficient, 100.0))
    free, k_by_v = 1.0, 0.0
    if k * speed * speed > force_max_m_s2:
        k = force_max_m_s2 / (speed * speed)
        free, k_by_v = 0.0, -2.0 / (speed * speed)
    turning, climbing = turn_ratio * speed * speed / w, climb_ratio * speed / w
    density_rate = 0.0
    for i in range(3):
        lift[i] = n[i] * speed * speed - v[i] * climb
        into[i] = (v[i] - climb * n[i]) * by_w  # of ln(w), by v
        density_rate += gradient[i] * v[i]
    for i in range(3):
        force = k * (turning * side[i] + climbing * lift[i] - speed * v[i])
        rate[3 + i] += force
        by_parameters[i, 0] = -free * force
        by_parameters[i, 1] = k * speed * speed / w * side[i]
        by_parameters[i, 2] = k * speed / w * lift[i]
        along = 0.0  # what each component of n does, summed with n, for the projection in the derivative of n by p
        for j in range(3):
            by_n = climbing * (-v[i] * v[j] - lift[i] * lift[j] * by_w) - turning * side[i] * lift[j] * by_w
            by_n += _skewed(v, i, j) * -turning
            if i == j:
                by_n += climbing * speed * speed
            along += by_n * n[j]
            by_v = -v[i] * v[j] / speed + turning * (side[i] * (2.0 * v[j] / (speed * speed) - into[j]))
            by_v += turning * _skewed(n, i, j) + climbing * (2.0 * n[i] * v[j] - v[i] * n[j])
            by_v += climbing * lift[i] * (v[j] / (speed * speed) - into[j])
            if i == j:
                by_v -= speed + climbing * climb
            by_state[3 + i, 3 + j] += k * by_v + k_by_v * force * v[j]
            by_state[3 + i, j] += k * by_n / r + free * force * gradient[j]
        for j in range(3):
            by_state[3 + i, j] -= k * along * n[j] / r
    step_s = SLOWING_STEP / (k * speed * (1.0 + abs(turn_ratio) + abs(climb_ratio)))
    if density > THIN_LOG_DENSITY:
        step_s = min(step_s, DENSITY_STEP / abs(density_rate))
    return step_s


@kernel
def _skewed(a: Floats, i: int, j: int) -> float:
    """Return the element (i, j) of the matrix that takes b to a x b."""
    if i == j:
        return 0.0
    sign = -1.0 if (i + 1) % 3 == j else 1.0
    return sign * float(a[3 - i - j])
