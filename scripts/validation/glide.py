"""Equilibrium glide: integrated beside its closed form."""

import math

import numpy as np
from scipy.optimize import brentq
from scripts.validation import Check

from noroshi.exercise.dynamics.dormand_prince import Stop, march
from noroshi.exercise.dynamics.forces import Physics
from noroshi.geo.atmosphere import density_kg_m3
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2

RADIUS_M = 6_371_000.0
COEFFICIENT_KG_M2, LIFT = 13_002.0, 2.6
FROM_M_S, TO_M_S = 6_000.0, 2_000.0
NUMERICAL = "research note of this project: the same glide by another program; coefficient and lift over drag as published in the programme behind Wright and Tracy (2020), Science & Global Security 28(3)"
CLOSED = "closed form of the equilibrium glide: Eggers, Allen, Neice (1958), NACA Report 1382, equations for the range and time of a glide vehicle"
RELATIVE = 0.02


def checks() -> list[Check]:
    """Return all checks of gliding."""
    physics = Physics(spin_rad_s=0.0, oblate=False, sphere_m=RADIUS_M, mach=False)

    def unsupported(height_m: float) -> float:
        """Return weight less centrifugal force less lift, level at such a height [m/s2]."""
        r = RADIUS_M + height_m
        lift = 0.5 * float(density_kg_m3(np.array([height_m]))[0]) * FROM_M_S**2 / COEFFICIENT_KG_M2 * LIFT
        return GRAVITATIONAL_PARAMETER_M3_S2 / r**2 - FROM_M_S**2 / r - lift

    r = RADIUS_M + float(brentq(unsupported, 30e3, 80e3))
    start = np.array([r, 0.0, 0.0, 0.0, FROM_M_S, 0.0])
    row = physics.row(coefficient_kg_m2=COEFFICIENT_KG_M2, lift=LIFT)
    glide = march(0.0, start, np.array([1e5]), row, stop=Stop.SLOW, value=TO_M_S)
    end = glide.states[-1]
    range_km = math.atan2(end[1], end[0]) * RADIUS_M / 1e3
    weight, circular = GRAVITATIONAL_PARAMETER_M3_S2 / r**2, math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / r)
    fast, slow = FROM_M_S / circular, TO_M_S / circular
    closed_km = LIFT * RADIUS_M / 2e3 * math.log((1.0 - slow**2) / (1.0 - fast**2))
    closed_s = LIFT * circular / (2.0 * weight) * math.log((1 + fast) * (1 - slow) / ((1 - fast) * (1 + slow)))
    what = "equilibrium glide from 6.0 to 2.0 km/s, 13,002 kg/m2, lift 2.6 times the drag"
    rows = (
        ("range, integrated", "km", 6_711.0, range_km, NUMERICAL),
        ("time, integrated", "s", 1_587.0, float(glide.time_s[-1]), NUMERICAL),
        ("range, closed form", "km", 6_630.0, closed_km, CLOSED),
        ("time, closed form", "s", 1_568.0, closed_s, CLOSED),
        ("range, integrated beside our closed form", "km", closed_km, range_km, CLOSED),
        ("time, integrated beside our closed form", "s", closed_s, float(glide.time_s[-1]), CLOSED),
    )
    return [
        Check(
            what=f"{what}: {name}",
            unit=unit,
            expected=expected,
            computed=computed,
            tolerance=RELATIVE * expected,
            source=source,
        )
        for name, unit, expected, computed, source in rows
    ]
