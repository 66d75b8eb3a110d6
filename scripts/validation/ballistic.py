"""Free flight: the truth's integrator beside closed forms, and what leaving things out does."""

import math

import numpy as np
from scripts.validation import Check

from noroshi.exercise.dynamics.boost import Boost, Site, fall, fitted, rise
from noroshi.exercise.dynamics.dormand_prince import Stop, march
from noroshi.exercise.dynamics.forces import Physics
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, Floats, geodetic_from_ecef

RADIUS_M = 6_371_000.0
BARE = Physics(spin_rad_s=0.0, oblate=False, sphere_m=RADIUS_M, air=False)
CLOSED = "Wheelon (1959), Free flight of a ballistic missile, ARS Journal 29(12); Bate, Mueller, White (1971), Fundamentals of Astrodynamics, ch. 6"
MEASURED = "research note of this project: the same flight by another program (two bodies, scipy)"
MINIMUM_ENERGY = {  # range [km]: speed [km/s], apogee [km], time [s]
    1_000: (3.0161, 239.94, 474.36),
    3_700: (5.2775, 778.70, 1_019.88),
    10_000: (7.1981, 1_319.48, 1_930.96),
}
RELATIVE = 1e-4
COEFFICIENT_KG_M2 = 5_000.0


def checks() -> list[Check]:
    """Return all checks of free flight."""
    return [check for range_km in MINIMUM_ENERGY for check in _minimum_energy(range_km)] + _left_out()


def _minimum_energy(range_km: int) -> list[Check]:
    """Return the checks of the slowest throw that reaches so far on a ball that does not turn.

    The speed is the closed form's; height, time and range are integrated.
    """
    speed_km_s, apogee_km, time_s = MINIMUM_ENERGY[range_km]
    half = 0.5e3 * range_km / RADIUS_M
    speed = math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / RADIUS_M * 2.0 * math.sin(half) / (1.0 + math.sin(half)))
    climb = 0.25 * (math.pi - 2.0 * half)
    start = np.array([RADIUS_M, 0.0, 0.0, speed * math.sin(climb), speed * math.cos(climb), 0.0])
    row, late = BARE.row(coefficient_kg_m2=1.0), np.array([1e5])
    top = march(0.0, start, late, row, stop=Stop.TOP)
    impact = march(0.0, start, late, row, stop=Stop.BELOW)
    end = impact.states[-1]
    height = float(np.linalg.norm(top.states[-1, :3])) - RADIUS_M
    reached = math.atan2(end[1], end[0]) * RADIUS_M
    what = f"minimum-energy flight over {range_km:,} km, ball that does not turn"
    rows = (
        ("speed", "km/s", speed_km_s, speed / 1e3),
        ("apogee", "km", apogee_km, height / 1e3),
        ("time", "s", time_s, float(impact.time_s[-1])),
        ("range, integrated", "km", float(range_km), reached / 1e3),
    )
    return [
        Check(
            what=f"{what}: {name}",
            unit=unit,
            expected=expected,
            computed=computed,
            tolerance=RELATIVE * expected,
            source=CLOSED,
        )
        for name, unit, expected, computed in rows
    ]


def _left_out() -> list[Check]:
    """Return what leaving out the Earth's turning, J2 or air after burn-out does to a flight of 3,700 km."""
    site = Site(lat_rad=math.radians(39.200159), lon_rad=math.radians(125.673256))
    whole = Physics(air=False)
    plan = Boost(level_m_s2=math.nan, pitch_rad=math.nan, azimuth_rad=math.nan, burn_s=(141.0,))
    boost = fitted(
        site,
        plan,
        whole,
        range_m=3_700e3,
        apogee_m=800e3,
        bearing_rad=math.radians(72.0),
        coefficient_kg_m2=COEFFICIENT_KG_M2,
    )
    last = rise(site, boost, whole)[-1]
    burn_out_s, state = float(last.time_s[-1]), last.states[-1]
    with_all = _impact(whole, burn_out_s, state)
    held = whole.ecef_from_inertial(state, burn_out_s)  # the Earth stops at burn-out; the speed in space stays
    held[3] -= whole.spin_rad_s * held[1]
    held[4] += whole.spin_rad_s * held[0]
    rows = (
        ("the Earth's rotation", 365.0, _impact(Physics(spin_rad_s=0.0, air=False), burn_out_s, held)),
        ("J2", 5.4, _impact(Physics(oblate=False, air=False), burn_out_s, state)),
        ("drag of 5,000 kg/m2", 0.43, _impact(Physics(), burn_out_s, state)),
    )
    return [
        Check(
            what=f"flight of 3,700 km with 800 km of apogee: leaving out {name} after burn-out moves the impact by",
            unit="km",
            expected=expected,
            computed=float(distance_and_bearing(*with_all, *without)[0]) / 1e3,
            tolerance=0.05 * expected,
            source=MEASURED,
        )
        for name, expected, without in rows
    ]


def _impact(physics: Physics, start_s: float, state: Floats) -> tuple[float, float]:
    """Return latitude and longitude [rad] of the impact."""
    _, impact = fall(start_s, state, physics.row(coefficient_kg_m2=COEFFICIENT_KG_M2))
    fixed = physics.ecef_from_inertial(impact.states[-1], impact.time_s[-1])
    lat, lon, _ = geodetic_from_ecef(fixed[:3])
    return float(lat), float(lon)
