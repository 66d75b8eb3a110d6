"""Aircraft along waypoints: climbs, coordinated turns of up to 6 g, and cruise that follows the ground."""

import math
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from noroshi.exercise.dynamics.paths import flight_of, flights_within
from noroshi.exercise.dynamics.waypoints import GRAVITY_M_S2, N_WAVES, Ground, Limits, follow
from noroshi.exercise.fields import Latitude, Longitude, Part, Seconds, Transponder
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind


class Waypoint(Part):
    """A place on the way."""

    lat_deg: Latitude = Field(ge=-85.0, le=85.0)
    lon_deg: Longitude
    height_m: float = Field(
        default=10_000.0, ge=0.0, le=40_000.0, description="above the ellipsoid, or the ground if it has any"
    )
    speed_m_s: float = Field(default=230.0, ge=15.0, le=1_500.0, description="over the ground, from here on")


class Hills(Part):
    """A made-up smooth ground, drawn from the seed."""

    sigma_m: float = Field(default=100.0, gt=0.0, le=2_000.0, description="standard deviation of its height")
    length_m: float = Field(
        default=8_000.0, ge=500.0, le=200_000.0, description="shortest wave; the longest is four times that"
    )


class Mover(Part):
    """An aircraft. It begins at its first waypoint and flies by the corners; after the last it is gone.

    Source of the turns: see `exercise.dynamics.waypoints`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "waypoints": [
                        {"lat_deg": 35.0, "lon_deg": 138.0, "height_m": 9_000.0, "speed_m_s": 240.0},
                        {"lat_deg": 35.5, "lon_deg": 138.5, "height_m": 10_000.0, "speed_m_s": 220.0},
                        {"lat_deg": 35.2, "lon_deg": 139.5, "height_m": 9_500.0},
                    ],
                    "start_s": -60.0,
                },
                {
                    "waypoints": [
                        {"lat_deg": 35.0, "lon_deg": 138.0, "height_m": 100.0, "speed_m_s": 240.0},
                        {"lat_deg": 35.2, "lon_deg": 138.0, "height_m": 100.0, "speed_m_s": 240.0},
                        {"lat_deg": 35.1, "lon_deg": 138.3, "height_m": 100.0, "speed_m_s": 240.0},
                    ],
                    "load_g": 6.0,
                    "roll_deg_s": 120.0,
                    "climb_m_s": 100.0,
                    "climb_load_g": 2.0,
                    "ground": {"sigma_m": 80.0, "length_m": 10_000.0},
                },
            ]
        }
    )

    waypoints: tuple[Waypoint, ...] = Field(min_length=2, description="the way, two places at least")
    start_s: Seconds = Field(
        default=0.0, description="when it is at the first waypoint; negative: it is under way at the start"
    )
    again: bool = Field(default=False, description="whether the first waypoint follows the last: a patrol")
    load_g: float = Field(
        default=1.2, gt=1.0, le=6.0, description="load of its turns: 1.2 g is 34 degrees of bank, 6 g is 80"
    )
    roll_deg_s: float = Field(default=10.0, gt=0.0, le=360.0, description="how fast it rolls into a bank")
    acceleration_m_s2: float = Field(default=1.0, gt=0.0, le=30.0, description="along its course")
    climb_m_s: float = Field(default=15.0, gt=0.0, le=300.0, description="fastest climb and descent")
    climb_load_g: float = Field(
        default=0.2, gt=0.0, le=5.0, description="how hard it pulls up and pushes over, beside weight"
    )
    ground: Hills | None = Field(default=None, description="heights are above this ground, which it follows")
    transponder: Transponder = Field(default=Transponder(), description="what it says of itself")
    cross_section_m2: float = Field(default=10.0, gt=0.0, le=1e6, description="mean radar cross-section")
    heat_w_sr: float = Field(default=0.0, ge=0.0, description="radiant intensity in the band of infrared satellites")
    kind: Literal["aircraft", "unknown"] = Field(default="aircraft", description="what it truly is")

    @model_validator(mode="after")
    def _moves(self) -> "Mover":
        for before, after in zip(self.waypoints[:-1], self.waypoints[1:], strict=True):
            if (before.lat_deg, before.lon_deg) == (after.lat_deg, after.lon_deg):
                raise ValueError(
                    f"two waypoints at {before.lat_deg}, {before.lon_deg} follow each other: leave one out"
                )
        return self

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:
        """Return its one flight; see `Mover.fly` of the room."""
        begin_ns = start_ns + round(self.start_s * NS_PER_S)
        if begin_ns >= end_ns:
            return []
        lat, lon, height, speed = np.array(
            [(w.lat_deg, w.lon_deg, w.height_m, w.speed_m_s) for w in self.waypoints]
        ).T.copy()
        limits = Limits(
            bank_rad=math.acos(1.0 / self.load_g),
            bank_rate_rad_s=math.radians(self.roll_deg_s),
            acceleration_m_s2=self.acceleration_m_s2,
            climb_m_s=self.climb_m_s,
            climb_acceleration_m_s2=self.climb_load_g * GRAVITY_M_S2,
            step_s=0.05 if self.load_g > 2.0 or self.roll_deg_s > 30.0 or self.ground else 0.1,
        )
        ground = None
        if self.ground is not None:
            shape = draws.uniforms("ground", first_look=0, n_looks=N_WAVES, per_look=4)
            ground = Ground.rolling(shape, self.ground.sigma_m, self.ground.length_m)
        time_s, states = follow(
            np.radians(lat),
            np.radians(lon),
            height,
            speed,
            limits,
            for_s=(end_ns - begin_ns) / NS_PER_S,
            again=self.again,
            ground=ground,
        )
        flight = flight_of(
            name,
            begin_ns,
            time_s,
            states,
            kind=Kind[self.kind.upper()],
            heat_w_sr=self.heat_w_sr,
            cross_section_m2=self.cross_section_m2,
            identity=self.transponder.identity(),
        )
        return flights_within([flight], start_ns, end_ns)
