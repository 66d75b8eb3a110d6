"""Satellites in a Walker pattern, carried by SGP4."""

import math
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from scipy.optimize import brentq
from sgp4.api import WGS72, Satrec, SatrecArray

from noroshi.exercise.dynamics.paths import flight_of, samples
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.geo.inertial import ecef_from_teme
from noroshi.geo.time import NS_PER_S, julian_date_from_utc_ns
from noroshi.records import Kind

# Source: WGS 72 as SGP4 has it: Vallado et al. (2006), AIAA 2006-6753, section V.
RADIUS_KM, MU_KM3_S2, J2 = 6378.135, 398600.8, 0.001082616
SGP4_EPOCH_JD = 2433281.5  # Source: sgp4init counts days from 1949-12-31T00:00
STEP_S = 10.0  # a cubic over it is true to a millimetre
SPAN_DEG = {"star": 180.0, "delta": 360.0}


class Mover(Part):
    """A Walker constellation T/P/F of circular orbits; its satellites are called "NAME-01" and so on, plane by plane.

    A delta spreads the ascending nodes of its planes over 360 degrees, a star over 180 (near-polar planes that all go
    up on one side of the Earth and down on the other). From one plane to the next satellites lead by F * 360 / T.

    Source: Walker (1984), Satellite constellations, J. British Interplanetary Society 37, 559-571; SGP4 by
    Vallado et al. (2006), AIAA 2006-6753.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"satellites": 24, "planes": 4, "phasing": 1, "pattern": "star", "inclination_deg": 81.0},
            ]
        }
    )

    satellites: int = Field(ge=1, le=2_000, description="T: how many in all")
    planes: int = Field(default=1, ge=1, le=200, description="P: in how many planes")
    phasing: int = Field(default=0, ge=0, description="F: from plane to plane satellites lead by F * 360 / T degrees")
    pattern: Literal["delta", "star"] = Field(default="delta", description="nodes spread over 360 degrees, or 180")
    altitude_km: float = Field(default=1_000.0, ge=250.0, le=36_000.0, description="mean, above the equator's radius")
    inclination_deg: float = Field(ge=0.0, le=180.0, description="of all planes")
    node_deg: float = Field(
        default=0.0, ge=-360.0, le=360.0, description="right ascension of the first plane's ascending node"
    )
    first_deg: float = Field(
        default=0.0, ge=-360.0, le=360.0, description="where the first satellite is, from its node on"
    )
    cross_section_m2: float = Field(default=5.0, gt=0.0, le=1e4, description="mean radar cross-section of each")

    @model_validator(mode="after")
    def _walker(self) -> "Mover":
        if self.satellites % self.planes:
            raise ValueError(f"{self.satellites} satellites do not fill {self.planes} planes: give each as many")
        if self.phasing >= self.planes:
            raise ValueError(f"phasing = {self.phasing} is not below planes = {self.planes}: Walker's F goes to P - 1")
        return self

    def elements(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the (t,) right ascensions of the nodes and the (t,) anomalies from them [rad], plane by plane."""
        each = self.satellites // self.planes
        plane, place = np.divmod(np.arange(self.satellites), each)
        node = self.node_deg + plane * SPAN_DEG[self.pattern] / self.planes
        anomaly = self.first_deg + place * 360.0 / each + plane * self.phasing * 360.0 / self.satellites
        return np.radians(node % 360.0), np.radians(anomaly % 360.0)

    def satellites_at(self, epoch_ns: int) -> list[Satrec]:
        """Return the satellites with their mean elements at an instant."""
        day, fraction = julian_date_from_utc_ns(epoch_ns)
        motion = _mean_motion_rad_min(self.altitude_km, math.radians(self.inclination_deg))
        satellites = []
        for number, (node, anomaly) in enumerate(zip(*self.elements(), strict=True)):
            satellite = Satrec()
            satellite.sgp4init(
                WGS72,
                "i",
                number + 1,
                float(day - SGP4_EPOCH_JD + fraction),
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                math.radians(self.inclination_deg),
                float(anomaly),
                motion,
                float(node),
            )
            satellites.append(satellite)
        return satellites

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:  # noqa: ARG002
        """Return a flight for each satellite; see `Mover.fly` of the room."""
        if start_ns >= end_ns:
            return []
        seconds = samples(0.0, (end_ns - start_ns) / NS_PER_S, STEP_S)
        time_ns = start_ns + np.round(seconds * NS_PER_S).astype(np.int64)
        day, fraction = julian_date_from_utc_ns(time_ns)
        wrong, position_km, velocity_km_s = SatrecArray(self.satellites_at(start_ns)).sgp4(day, fraction)
        if wrong.any():
            raise ValueError(f"SGP4 cannot carry orbits at altitude_km = {self.altitude_km:g}: say another")
        states = ecef_from_teme(1e3 * np.concatenate([position_km, velocity_km_s], axis=2), time_ns)
        digits = max(2, len(str(self.satellites)))
        return [
            flight_of(
                f"{name}-{number + 1:0{digits}d}",
                start_ns,
                seconds,
                state,
                kind=Kind.SPACE,
                heat_w_sr=0.0,
                cross_section_m2=self.cross_section_m2,
            )
            for number, state in enumerate(states)
        ]


def _mean_motion_rad_min(altitude_km: float, inclination_rad: float) -> float:
    """Return the mean motion [rad/min] that SGP4 takes for a circular orbit whose mean semi-major axis is so.

    SGP4 takes Kozai's mean motion, and makes Brouwer's of it, which is that of the axis.

    Source: Hoots and Roehrich (1980), Spacetrack Report No. 3, section 6, the first five equations, with e = 0.
    """
    root_k = 60.0 * math.sqrt(MU_KM3_S2 / RADIUS_KM**3)
    bend = 0.75 * J2 * (3.0 * math.cos(inclination_rad) ** 2 - 1.0)
    wanted = root_k * (1.0 + altitude_km / RADIUS_KM) ** -1.5

    def brouwer(kozai: float) -> float:
        first = (root_k / kozai) ** (2.0 / 3.0)
        delta = bend / first**2
        axis = first * (1.0 - delta / 3.0 - delta**2 - 134.0 / 81.0 * delta**3)
        return float(kozai / (1.0 + bend / axis**2))

    return float(brentq(lambda kozai: brouwer(kozai) - wanted, 0.9 * wanted, 1.1 * wanted, xtol=1e-14))
