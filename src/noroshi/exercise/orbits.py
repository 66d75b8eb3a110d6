"""Constellations: circular orbits in a Walker pattern, as an ideal circle or moved by SGP4.

The altitude of an orbit is its mean semi-major axis less the Earth's equatorial radius. Under SGP4 the Earth's
flattening moves a satellite some kilometres off the mean circle, and its radius above the ground varies by 21 km more.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sgp4.api import WGS72, Satrec, SatrecArray

from noroshi.geo.inertial import EARTH_ROTATION_RAD_S, teme_from_ecef_matrix
from noroshi.geo.time import julian_date_from_utc_ns
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, SEMI_MAJOR_AXIS_M, Floats
from noroshi.kernel import kernel

DELTA_SPAN_RAD = 2.0 * math.pi
"""Planes round the whole equator: ascending and descending satellites everywhere."""
STAR_SPAN_RAD = math.pi
"""Planes round half of the equator: neighbours fly the same way, but for the two on either side of a seam."""
N_SATELLITES_MAX = 10_000
SGP4_EPOCH_JD = 2433281.5  # 1949-12-31T00:00:00 UTC, where `Satrec.sgp4init` counts its days from
KOZAI_STEPS = 8  # each step gains a factor of J2: exact after three


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Orbits:
    """n circular orbits, plane by plane.

    Attributes:
        radius_m: (n,) mean semi-major axis.
        inclination_rad: (n,).
        node_rad: (n,) right ascension of the ascending node.
        argument_rad: (n,) of latitude: the angle from the ascending node to the satellite at the epoch.
        plane: (n,) which plane, from 0.
    """

    radius_m: Floats
    inclination_rad: Floats
    node_rad: Floats
    argument_rad: Floats
    plane: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many satellites there are."""
        return len(self.radius_m)

    @property
    def period_s(self) -> Floats:
        """(n,) time of a revolution about a point mass."""
        period_s: Floats = 2.0 * math.pi * np.sqrt(self.radius_m**3 / GRAVITATIONAL_PARAMETER_M3_S2)
        return period_s


def walker(
    n_satellites: int,
    n_planes: int,
    phasing: float,
    *,
    inclination_rad: float,
    altitude_m: float,
    node_span_rad: float = DELTA_SPAN_RAD,
    first_node_rad: float = 0.0,
    first_argument_rad: float = 0.0,
    earth_radius_m: float = SEMI_MAJOR_AXIS_M,
) -> Orbits:
    """Return the Walker constellation t/p/f: t satellites in p planes, evenly spaced in each.

    Args:
        n_satellites: t, a multiple of the planes.
        n_planes: p.
        phasing: f: when a satellite of one plane is at its ascending node, that of the next plane to the east is past
            its own by f 360/t degrees. Any number; a delta closes evenly on itself only if it is whole.
        inclination_rad: of all planes.
        altitude_m: above `earth_radius_m`.
        node_span_rad: the planes' nodes are `node_span_rad`/p apart: `DELTA_SPAN_RAD`, `STAR_SPAN_RAD`, or any other
            (a star whose seam is narrower than its other gaps).
        first_node_rad, first_argument_rad: of the first satellite.
        earth_radius_m: what the altitude counts from.

    Raises:
        ValueError: if t is not a multiple of p, or there are none or too many.

    Source: Walker (1984), Satellite constellations, J. British Interplanetary Society 37, 559-571. Ballard's rosettes
    are deltas: Ballard (1980), Rosette constellations of Earth satellites, IEEE TAES 16(5), 656-673.
    """
    if not 1 <= n_satellites <= N_SATELLITES_MAX or n_planes < 1 or n_satellites % n_planes:
        raise ValueError(
            f"{n_satellites} satellites do not fill {n_planes} planes evenly: make the satellites a multiple of the "
            f"planes, up to {N_SATELLITES_MAX}"
        )
    plane, slot = np.divmod(np.arange(n_satellites), n_satellites // n_planes)
    turn = 2.0 * math.pi
    argument_rad = first_argument_rad + turn * (slot * n_planes + phasing * plane) / n_satellites
    return Orbits(
        radius_m=np.full(n_satellites, earth_radius_m + altitude_m),
        inclination_rad=np.full(n_satellites, inclination_rad),
        node_rad=(first_node_rad + node_span_rad * plane / n_planes) % turn,
        argument_rad=argument_rad % turn,
        plane=plane,
    )


def together(orbits: list[Orbits]) -> Orbits:
    """Return several constellations as one; planes of different ones stay different."""
    first_plane = np.cumsum([0] + [int(one.plane.max()) + 1 for one in orbits])
    moved = [replace(one, plane=one.plane + first) for one, first in zip(orbits, first_plane, strict=False)]
    columns = {
        name: np.concatenate([getattr(one, name) for one in moved])
        for name in ("radius_m", "inclination_rad", "node_rad", "argument_rad", "plane")
    }
    return Orbits(**columns)


def circles(orbits: Orbits, time_s: Floats) -> Floats:
    """Return (k, n, 3) inertial positions [m] at (k,) times since the epoch, on circles about a point mass.

    For geometry, where the literature's figures are of circles; not for real satellites.
    """
    angle = orbits.argument_rad + 2.0 * math.pi * np.asarray(time_s)[:, None] / orbits.period_s
    along, across = orbits.radius_m * np.cos(angle), orbits.radius_m * np.sin(angle)
    sin_node, cos_node = np.sin(orbits.node_rad), np.cos(orbits.node_rad)
    sin_tilt, cos_tilt = np.sin(orbits.inclination_rad), np.cos(orbits.inclination_rad)
    x = along * cos_node - across * cos_tilt * sin_node
    y = along * sin_node + across * cos_tilt * cos_node
    return np.stack([x, y, across * sin_tilt], axis=2)


def satellites(orbits: Orbits, epoch_ns: int) -> SatrecArray:
    """Return the orbits as SGP4's satellites, all in one; see `satrecs`."""
    return SatrecArray(satrecs(orbits, epoch_ns))


def satrecs(orbits: Orbits, epoch_ns: int) -> list[Satrec]:
    """Return the orbits as SGP4's satellites, without drag; nodes are right ascensions in TEME at the epoch."""
    jd, fraction = julian_date_from_utc_ns(epoch_ns)
    epoch = float(jd - SGP4_EPOCH_JD + fraction)
    n_rad_min = kozai_rad_min(orbits.radius_m, orbits.inclination_rad)
    records = []
    for number, (node, argument, tilt, motion) in enumerate(
        zip(orbits.node_rad, orbits.argument_rad, orbits.inclination_rad, n_rad_min, strict=True), start=1
    ):
        record = Satrec()
        record.sgp4init(WGS72, "i", number, epoch, 0.0, 0.0, 0.0, 0.0, 0.0, tilt, argument, motion, node)
        records.append(record)
    return records


def kozai_rad_min(radius_m: Floats, inclination_rad: Floats) -> Floats:
    """Return the (n,) Kozai mean motion [rad/min] that element sets carry, of mean semi-major axes of circular orbits.

    SGP4 turns it back into its own (Brouwer's) mean motion; taken as Kepler's it would be kilometres a revolution off.

    Source: Hoots and Roehrich (1980), Spacetrack Report No. 3, section 6 (a1, delta1, a0, delta0).
    """
    earth = Satrec()
    earth.sgp4init(WGS72, "i", 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.06, 0.0)
    own_rad_min = earth.xke * (radius_m / (1000.0 * earth.radiusearthkm)) ** -1.5
    k = 0.75 * earth.j2 * (3.0 * np.cos(inclination_rad) ** 2 - 1.0)
    kozai_rad_min = own_rad_min
    for _ in range(KOZAI_STEPS):
        axis = (earth.xke / kozai_rad_min) ** (2.0 / 3.0)
        delta = k / axis**2
        axis = axis * (1.0 - delta * (1.0 / 3.0 + delta * (1.0 + 134.0 / 81.0 * delta)))
        kozai_rad_min = own_rad_min * (1.0 + k / axis**2)
    return np.asarray(kozai_rad_min, np.float64)


def positions(records: SatrecArray, time_ns: NDArray[np.int64]) -> Floats:
    """Return (n, k, 3) Earth-fixed positions [m] of n satellites at (k,) times; NaN where SGP4 finds none any more."""
    return _moved(records, time_ns, 3)


def states(records: SatrecArray, time_ns: NDArray[np.int64]) -> Floats:
    """Return (n, k, 6) Earth-fixed positions [m] and velocities [m/s] of n satellites at (k,) times; NaN as above.

    UT1 counts as UTC and the pole does not move: as `geo.inertial.ecef_from_teme`, which this is checked against.
    """
    return _moved(records, time_ns, 6)


def _moved(records: SatrecArray, time_ns: NDArray[np.int64], width: int) -> Floats:
    wrong, position_km, velocity_km_s = records.sgp4(*julian_date_from_utc_ns(time_ns))
    position_km[wrong != 0] = np.nan  # of a decayed one SGP4 gives numbers all the same
    matrix = teme_from_ecef_matrix(time_ns)
    # Positions are turned where they are: memory that is touched for the first time costs more than the turning.
    fixed: Floats = position_km if width == 3 else np.empty((*position_km.shape[:2], width))
    _turn(
        position_km, velocity_km_s, np.ascontiguousarray(matrix[:, 0, 0]), np.ascontiguousarray(matrix[:, 1, 0]), fixed
    )
    return fixed


@kernel
def _turn(position_km: Floats, velocity_km_s: Floats, cosine: Floats, sine: Floats, fixed: Floats) -> None:
    """Turn TEME [km] to Earth-fixed axes [m], about the pole by the sidereal angle; velocities too if there is room."""
    for i in range(fixed.shape[0]):
        for j in range(fixed.shape[1]):
            c, s = 1000.0 * cosine[j], 1000.0 * sine[j]
            x = c * position_km[i, j, 0] + s * position_km[i, j, 1]
            y = c * position_km[i, j, 1] - s * position_km[i, j, 0]
            fixed[i, j, 0], fixed[i, j, 1], fixed[i, j, 2] = x, y, 1000.0 * position_km[i, j, 2]
            if fixed.shape[2] == 6:
                speed_x = c * velocity_km_s[i, j, 0] + s * velocity_km_s[i, j, 1]
                speed_y = c * velocity_km_s[i, j, 1] - s * velocity_km_s[i, j, 0]
                fixed[i, j, 3] = speed_x + EARTH_ROTATION_RAD_S * y
                fixed[i, j, 4] = speed_y - EARTH_ROTATION_RAD_S * x
                fixed[i, j, 5] = 1000.0 * velocity_km_s[i, j, 2]
