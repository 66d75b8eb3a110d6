"""Ships along waypoints."""

import math

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from noroshi.exercise.dynamics.paths import flight_of, flights_within
from noroshi.exercise.dynamics.waypoints import GRAVITY_M_S2, Limits, follow
from noroshi.exercise.fields import Latitude, Longitude, Part, Seconds, Transponder
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind

STEP_S = 0.5  # a ship turns slowly


class Waypoint(Part):
    """A place on the way."""

    lat_deg: Latitude = Field(ge=-85.0, le=85.0)
    lon_deg: Longitude
    speed_m_s: float = Field(
        default=7.5, ge=0.1, le=40.0, description="over the ground, from here on; 1 kn is 0.514 m/s"
    )


class Mover(Part):
    """A ship. It begins at its first waypoint; at the last it is gone (made fast), unless it goes round again.

    Source of the turns: see `exercise.dynamics.waypoints`; a ship turns at a rate, which is a bank at its speed.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "waypoints": [
                        {"lat_deg": 34.0, "lon_deg": 139.0, "speed_m_s": 8.0},
                        {"lat_deg": 34.03, "lon_deg": 139.02, "speed_m_s": 6.0},
                        {"lat_deg": 34.0, "lon_deg": 139.05},
                    ],
                    "again": True,
                },
            ]
        }
    )

    waypoints: tuple[Waypoint, ...] = Field(min_length=2, description="the way, two places at least")
    start_s: Seconds = Field(
        default=0.0, description="when it is at the first waypoint; negative: it is under way at the start"
    )
    again: bool = Field(default=False, description="whether the first waypoint follows the last: a patrol")
    turn_deg_s: float = Field(default=0.5, gt=0.0, le=10.0, description="how fast it turns at its fastest speed")
    acceleration_m_s2: float = Field(default=0.05, gt=0.0, le=5.0, description="along its course")
    height_m: float = Field(default=0.0, ge=-120.0, le=120.0, description="of the sea above the ellipsoid there")
    transponder: Transponder = Field(default=Transponder(), description="what it says of itself")
    cross_section_m2: float = Field(default=5_000.0, gt=0.0, le=1e7, description="mean radar cross-section")
    heat_w_sr: float = Field(default=0.0, ge=0.0, description="radiant intensity in the band of infrared satellites")

    @model_validator(mode="after")
    def _moves(self) -> "Mover":
        for before, after in zip(self.waypoints[:-1], self.waypoints[1:], strict=True):
            if (before.lat_deg, before.lon_deg) == (after.lat_deg, after.lon_deg):
                raise ValueError(
                    f"two waypoints at {before.lat_deg}, {before.lon_deg} follow each other: leave one out"
                )
        return self

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:  # noqa: ARG002
        """Return its one voyage; see `Mover.fly` of the room."""
        begin_ns = start_ns + round(self.start_s * NS_PER_S)
        if begin_ns >= end_ns:
            return []
        lat, lon, speed = np.array([(w.lat_deg, w.lon_deg, w.speed_m_s) for w in self.waypoints]).T.copy()
        bank = math.atan(math.radians(self.turn_deg_s) * float(speed.max()) / GRAVITY_M_S2)
        time_s, states = follow(
            np.radians(lat),
            np.radians(lon),
            np.full(len(lat), self.height_m),
            speed,
            Limits(bank_rad=bank, bank_rate_rad_s=bank / 5.0, acceleration_m_s2=self.acceleration_m_s2, step_s=STEP_S),
            for_s=(end_ns - begin_ns) / NS_PER_S,
            again=self.again,
        )
        flight = flight_of(
            name,
            begin_ns,
            time_s,
            states,
            kind=Kind.SHIP,
            heat_w_sr=self.heat_w_sr,
            cross_section_m2=self.cross_section_m2,
            identity=self.transponder.identity(),
        )
        return flights_within([flight], start_ns, end_ns)
