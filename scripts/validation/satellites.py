"""Satellites: SGP4's own verification vectors, and a constellation's period."""

import math

import numpy as np
from scripts.validation import Check
from sgp4.api import WGS72, Satrec, SatrecArray

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.constellation import Mover
from noroshi.geo.inertial import teme_from_ecef
from noroshi.geo.time import utc_ns_from_iso

# Source: AIAA 2006-6753, SGP4-VER.TLE and tcppver.out, satellite 00005 (WGS 72): minutes, position [km], velocity.
LINES = (
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
)
VECTORS = {
    0.0: (7022.46529266, -1400.08296755, 0.03995155, 1.893841015, 6.405893759, 4.534807250),
    360.0: (-7154.03120202, -3783.17682504, -3536.19412294, 4.741887409, -4.151817765, -2.093935425),
}
SOURCE = "Vallado, Crawford, Hujsak, Kelso (2006), AIAA 2006-6753, verification output of satellite 00005"
AXES = ("x", "y", "z")


def checks() -> list[Check]:
    """Return all checks of satellites."""
    return _vectors() + _constellation()


def _vectors() -> list[Check]:
    satellite = Satrec.twoline2rv(*LINES, WGS72)
    satellites = SatrecArray([satellite])
    minutes = np.array(list(VECTORS))
    day = np.full(len(minutes), satellite.jdsatepoch)
    _, position, velocity = satellites.sgp4(day, satellite.jdsatepochF + minutes / 1_440.0)
    return [
        Check(
            what=f"satellite 00005, {minute:g} min: {name} {axis}",
            unit=unit,
            expected=VECTORS[minute][column + offset],
            computed=float(values[0, row, column]),
            tolerance=tolerance,
            source=SOURCE,
        )
        for row, minute in enumerate(VECTORS)
        for offset, name, unit, values, tolerance in (
            (0, "position", "km", position, 1e-5),
            (3, "velocity", "km/s", velocity, 1e-8),
        )
        for column, axis in enumerate(AXES)
    ]


def _constellation() -> list[Check]:
    """Return the period of a satellite of a constellation at 1,000 km, from its flight as the sensors see it."""
    start_ns = utc_ns_from_iso("2030-01-01T00:00:00Z")
    mover = Mover(satellites=4, planes=2, phasing=1, pattern="star", altitude_km=1_000.0, inclination_deg=81.0)
    flights = mover.fly("s", start_ns, start_ns + 7_200 * 10**9, Draws(0, 0, "s"))
    state = teme_from_ecef(flights[0].state_ecef, flights[0].time_ns)
    z, seconds = state[:, 2], (flights[0].time_ns - start_ns) / 1e9
    rising = np.flatnonzero((z[:-1] <= 0.0) & (z[1:] > 0.0))
    begin, end = (seconds[i] - z[i] / state[i, 5] for i in (rising[0], rising[-1]))
    return [
        Check(
            what="constellation at 1,000 km: node to node",
            unit="min",
            expected=2 * math.pi * math.sqrt((6_378.135 + 1_000.0) ** 3 / 398_600.8) / 60.0,
            computed=float(end - begin) / 60.0,
            tolerance=0.2,
            source="Kepler's third law with WGS 72 (104.97 min in the research note); J2 moves nodes by a tenth of a percent",
        )
    ]
