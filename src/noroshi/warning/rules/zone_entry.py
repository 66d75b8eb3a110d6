"""An aircraft or a ship that is about to enter a zone, or is in it."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Certainty, Kind, Stage, Tracks, TrackStatus
from noroshi.warning.rules import Base, Finding

STEPS = 60  # of the way ahead
SIGMA = 2.0
"""Entry is timed for a target that is so many sigma ahead, and so many behind, of where it is expected."""


class Rule(Base):
    """Tells of those of some kinds that go on straight into a zone within a time, or are in it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"polygon_deg": [[34.0, 139.0], [34.0, 143.0], [38.0, 143.0], [38.0, 139.0]]}]}
    )

    polygon_deg: tuple[tuple[float, float], ...] = Field(
        min_length=3, description="corners in order, latitude and longitude; edges are straight in both"
    )
    kinds: tuple[Literal["aircraft", "ship"], ...] = Field(default=("aircraft",), description="which are told")
    kind_probability: float = Field(default=0.5, ge=0.0, le=1.0, description="how likely it must be one of the kinds")
    ahead_s: float = Field(default=600.0, gt=0.0, le=86_400.0, description="how long before entry it is told")
    unidentified_only: bool = Field(default=True, description="whether those that say who they are are left out")
    height_m_min: float = Field(default=-1_000.0, description="the zone's lowest height above the ellipsoid")
    height_m_max: float = Field(default=1e6, description="and its highest")

    @field_validator("polygon_deg")
    @classmethod
    def _on_earth(cls, corners: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        for lat, lon in corners:
            if abs(lat) > 90.0 or abs(lon) > 180.0:
                raise ValueError(f"has a corner at {lat:g}, {lon:g}: give latitude and longitude in degrees")
        return corners

    def look(self, picture: Tracks, heard_ns: Mapping[str, int], now_ns: int) -> list[Finding]:
        """Return those that enter; see `warning.rules.Rule`."""
        chosen = sorted({Kind[kind.upper()] for kind in self.kinds})
        wanted = picture.kind_probability[:, chosen].sum(axis=1) >= self.kind_probability
        wanted &= (picture.status != TrackStatus.TENTATIVE) & (picture.status != TrackStatus.LOST)
        if self.unidentified_only:
            who = picture.identity
            wanted &= (who.icao_address < 0) & (who.mmsi < 0) & (who.call_sign == "")
        rows = np.flatnonzero(wanted)
        if not len(rows):
            return []
        times_s, inside = self._ahead(picture.state_ecef[rows])
        found = []
        for row, within in zip(rows.tolist(), inside, strict=True):
            if within.any():
                found.append(self._finding(picture, row, float(times_s[int(within.argmax())]), now_ns))
        return found

    def _ahead(self, states: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (k,) times and (n, k) whether each is in the zone then, if it goes on straight."""
        times_s = np.linspace(0.0, self.ahead_s, STEPS + 1)
        ahead = states[:, None, :3] + states[:, None, 3:] * times_s[None, :, None]
        lat, lon, height = geodetic_from_ecef(ahead)
        middle = self.polygon_deg[0][1]
        lon_deg = (np.degrees(lon) - middle + 180.0) % 360.0 - 180.0 + middle  # on the zone's side of 180 degrees
        corners = [(middle + (lon - middle + 180.0) % 360.0 - 180.0, lat) for lat, lon in self.polygon_deg]
        inside = shapely.contains_xy(shapely.Polygon(corners), lon_deg, np.degrees(lat))
        level = height[:, :1]  # straight on is level on: the chord rises from the round Earth
        return times_s, np.asarray(inside & (level >= self.height_m_min) & (level <= self.height_m_max), np.bool_)

    def _finding(self, picture: Tracks, row: int, entry_s: float, now_ns: int) -> Finding:
        speed_m_s = max(float(np.linalg.norm(picture.state_ecef[row, 3:])), 0.1)
        sigma_m = math.sqrt(max(float(np.trace(picture.covariance_ecef[row, :3, :3])), 0.0))
        spread_s = SIGMA * sigma_m / speed_m_s + self.ahead_s / STEPS if entry_s else 0.0
        kind = (
            "ship"
            if picture.kind_probability[row, Kind.SHIP] > picture.kind_probability[row, Kind.AIRCRAFT]
            else "aircraft"
        )
        number = int(picture.track_id[row])
        return Finding(
            key=f"{number:016x}",
            number=number,
            hazard=kind,
            stage=Stage.ENTERING if entry_s else Stage.ENTERED,
            certainty=Certainty.LIKELY if entry_s else Certainty.OBSERVED,
            updated_ns=int(picture.updated_ns[row]),
            code=self.name,
            name=self.name,
            probability=float(picture.existence[row]) if np.isfinite(picture.existence[row]) else 1.0,
            first_ns=now_ns + round(max(entry_s - spread_s, 0.0) * NS_PER_S),
            last_ns=now_ns + round((entry_s + spread_s) * NS_PER_S),
            is_lost=bool(picture.status[row] == TrackStatus.COASTING),
        )
