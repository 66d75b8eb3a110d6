"""Footprints, Walker constellations and Ballard's rosettes, by the kernel that `noroshi coverage` counts with."""

import math

import numpy as np
from scripts.validation import Check

from noroshi.exercise.coverage import SpaceSight, fold, largest_gap_rad, ring_angles, rings_from_space
from noroshi.exercise.orbits import DELTA_SPAN_RAD, STAR_SPAN_RAD, circles, walker
from noroshi.geo.wgs84 import Floats

RADIUS_M = 6_371_000.0
ALTITUDE_M = 1_000_000.0
PHASES = 720
POINTS = 20_000
ROSETTES = (
    # satellites, planes, phasing, inclination [deg], largest angle from any place to the nearest satellite [deg]
    (5, 5, 1, 43.66, 69.15),
    (6, 6, 4, 53.13, 66.42),
    (7, 7, 5, 55.69, 60.26),
    (8, 8, 6, 61.86, 56.52),
    (9, 9, 7, 70.54, 54.81),
    (10, 10, 7, 47.93, 51.53),
    (11, 11, 4, 53.79, 47.62),
    (13, 13, 5, 58.44, 43.76),
    (14, 7, 4, 53.98, 41.96),
    (15, 3, 1, 53.51, 42.13),
)


def checks() -> list[Check]:
    """Return all checks of coverage."""
    return [*_footprints(), *_walkers(), *map(_rosette, ROSETTES)]


def _footprints() -> list[Check]:
    found = []
    for elevation_deg, percent in ((0.0, 6.78), (5.0, 4.90), (15.0, 2.56)):
        sight = SpaceSight(elevation_rad_min=math.radians(elevation_deg))
        [(_, angle)] = ring_angles(np.array([RADIUS_M + ALTITUDE_M]), RADIUS_M, RADIUS_M, sight)
        found.append(
            Check(
                what=f"footprint of a satellite at 1,000 km, seen at {elevation_deg:.0f} degrees or higher",
                unit="% of the Earth",
                expected=percent,
                computed=50.0 * (1.0 - math.cos(angle[0])),
                tolerance=0.005,
                source="closed form on a sphere of 6,371 km: Wertz (2001), Mission Geometry, section 9.1",
            )
        )
    return found


def _walkers() -> list[Check]:
    found = []
    for name, span_rad, percent in (("star", STAR_SPAN_RAD, 99.8), ("delta", DELTA_SPAN_RAD, 83.7)):
        orbits = walker(
            28, 4, 1, inclination_rad=math.radians(81.0), altitude_m=ALTITUDE_M, node_span_rad=span_rad,
            earth_radius_m=RADIUS_M,
        )  # fmt: skip
        track = circles(orbits, np.arange(PHASES) / PHASES * orbits.period_s[0]).swapaxes(0, 1)
        counts = fold(rings_from_space(track, SpaceSight(), 0.0, earth_m=(RADIUS_M, RADIUS_M)), _sphere(POINTS))
        found.append(
            Check(
                what=f"mean coverage of a Walker {name} 28/4/1 at 81 degrees, 1,000 km, 0 degrees elevation",
                unit="% of the Earth",
                expected=percent,
                computed=100.0 * float(np.mean(counts >= 1)),
                tolerance=0.5,
                source="issue 4; phasing 1, sphere of 6,371 km, mean over a revolution",
            )
        )
    return found


def _rosette(rosette: tuple[int, int, int, float, float]) -> Check:
    n, planes, phasing, inclination_deg, angle_deg = rosette
    orbits = walker(n, planes, phasing, inclination_rad=math.radians(inclination_deg), altitude_m=ALTITUDE_M)
    track = circles(orbits, np.arange(PHASES) / PHASES * orbits.period_s[0]) / orbits.radius_m[0]
    return Check(
        what=f"Ballard's rosette ({n},{planes},{phasing}) at {inclination_deg} degrees: largest angle to a satellite",
        unit="degrees",
        expected=angle_deg,
        computed=math.degrees(max(map(largest_gap_rad, track))),
        tolerance=0.01,
        source="Ballard (1980), Rosette constellations of Earth satellites, IEEE TAES 16(5), best rosettes",
    )


def _sphere(n: int) -> Floats:
    i = np.arange(n)
    z, lon = 1.0 - (2 * i + 1) / n, i * math.pi * (3.0 - math.sqrt(5.0))
    across = np.sqrt(1.0 - z**2)
    return np.stack([across * np.cos(lon), across * np.sin(lon), z], axis=1)
