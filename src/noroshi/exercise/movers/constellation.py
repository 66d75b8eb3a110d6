"""Satellites in a Walker pattern, carried by SGP4."""

import math
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from noroshi.exercise.dynamics.paths import flight_of, samples
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.orbits import DELTA_SPAN_RAD, STAR_SPAN_RAD, Orbits, satellites, states, walker
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind

STEP_S = 10.0  # a cubic over it is true to a millimetre


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

    def orbits(self) -> Orbits:
        """Return the orbits, plane by plane."""
        return walker(
            self.satellites,
            self.planes,
            self.phasing,
            inclination_rad=math.radians(self.inclination_deg),
            altitude_m=1_000.0 * self.altitude_km,
            node_span_rad=STAR_SPAN_RAD if self.pattern == "star" else DELTA_SPAN_RAD,
            first_node_rad=math.radians(self.node_deg),
            first_argument_rad=math.radians(self.first_deg),
        )

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:  # noqa: ARG002
        """Return a flight for each satellite; see `Mover.fly` of the room."""
        if start_ns >= end_ns:
            return []
        seconds = samples(0.0, (end_ns - start_ns) / NS_PER_S, STEP_S)
        time_ns = start_ns + np.round(seconds * NS_PER_S).astype(np.int64)
        every = states(satellites(self.orbits(), start_ns), time_ns)
        if not np.all(np.isfinite(every)):
            raise ValueError(f"SGP4 cannot carry orbits at altitude_km = {self.altitude_km:g}: say another")
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
            for number, state in enumerate(every)
        ]
