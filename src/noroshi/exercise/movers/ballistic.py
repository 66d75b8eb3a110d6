"""Ballistic flight: a generic boost fitted to published figures, then a fall; stages, failures and debris."""

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from noroshi.exercise.dynamics.boost import (
    STEERED_S,
    Boost,
    Leg,
    Site,
    ellipse,
    falling,
    fitted,
    fitted_to_burn_out,
    flight_of_legs,
    rise,
    typical_burn_s,
)
from noroshi.exercise.dynamics.dormand_prince import Stop, march
from noroshi.exercise.dynamics.forces import ALONG, IGNITION, PITCH, THRUST, UP, Physics
from noroshi.exercise.dynamics.paths import flights_within, samples
from noroshi.exercise.fields import Latitude, Longitude, Part, Seconds, Spread, Uniform, drawn
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.wander import wander
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, Floats
from noroshi.records import Kind

PHYSICS = Physics()
KICK_M_S2 = 15.0  # of the stage that makes an orbit of an arc at its top
STEERING_S = 120.0  # mean period of the waves by which thrust is off
KICK_S = 10.0  # for so long it keeps a direction; it holds its height


class Mover(Part):
    """A generic ballistic flight: its boost is fitted to range and apogee, or to speed and climb at burn-out.

    What is left open is drawn: burn time, growth of the acceleration, drag, heat. Steered thrust wanders, and the fit
    knows how. After burn-out there are gravity with
    J2, the Earth's rotation and drag in the U.S. Standard Atmosphere 1976 that follows the Mach number. Spent stages
    fall as "NAME stage 1", debris as "NAME debris 1". With `orbit` the figures are those of the last spent stage, and
    what goes on burns at the top of its arc until its speed is that of a circle.

    Source: see `exercise.dynamics`; the fit is to published figures only, and stands for no machine.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lat_deg": 40.0, "lon_deg": 130.0, "bearing_deg": 75.0, "range_km": 3_000.0, "apogee_km": 650.0},
                {
                    "lat_deg": 40.0,
                    "lon_deg": 130.0,
                    "bearing_deg": 90.0,
                    "burn_out_speed_m_s": 3_000.0,
                    "burn_out_climb_deg": 40.0,
                    "stages": 2,
                    "separates": True,
                    "debris": 3,
                },
                {
                    "lat_deg": 40.0,
                    "lon_deg": 130.0,
                    "bearing_deg": 75.0,
                    "range_km": 3_000.0,
                    "apogee_km": 650.0,
                    "failure_at_s": {"mean": 80.0, "sigma": 5.0},
                    "debris": 5,
                },
                {
                    "lat_deg": 40.0,
                    "lon_deg": 130.0,
                    "bearing_deg": 170.0,
                    "range_km": 2_800.0,
                    "apogee_km": 500.0,
                    "stages": 2,
                    "orbit": True,
                },
            ]
        }
    )

    lat_deg: Latitude
    lon_deg: Longitude
    height_m: float = Field(default=0.0, ge=-500.0, le=9_000.0, description="of the site above the ellipsoid")
    start_s: Seconds = Field(default=0.0, description="lift-off")
    bearing_deg: float = Field(
        ge=0.0, le=360.0, description="as bearing_of says; without a range the course at burn-out"
    )
    bearing_of: Literal["impact", "launch"] = Field(
        default="impact",
        description="with a range: of the impact along the great circle, or of the launch, in which it leans over",
    )
    range_km: float | None = Field(
        default=None, ge=30.0, le=15_000.0, description="to the impact along the great circle"
    )
    apogee_km: float | None = Field(
        default=None, ge=10.0, le=12_000.0, description="greatest height above the ellipsoid"
    )
    burn_out_speed_m_s: float | None = Field(default=None, ge=300.0, le=9_000.0, description="relative to the ground")
    burn_out_climb_deg: float | None = Field(default=None, ge=0.0, le=89.0, description="above the horizontal there")
    burn_time_s: Spread | None = Field(
        default=None, description="of all stages together; left out: typical of the speed, +-10 %"
    )
    stages: int = Field(default=1, ge=1, le=4, description="how many burn one after another, each as long")
    stage_coast_s: float = Field(default=0.0, ge=0.0, le=300.0, description="between burn-out and next ignition")
    separates: bool = Field(default=False, description="whether spent stages fall as flights of their own")
    growth: Spread | None = Field(
        default=None,
        description="acceleration at burn-out over that at ignition; left out: 6 to 10 of one stage, 3 to 5 of more",
    )
    upright_s: float = Field(default=10.0, ge=0.0, le=60.0, description="how long it rises straight up")
    leant_s: float = Field(default=60.0, gt=0.0, le=200.0, description="by when it has leant over to its pitch")
    steering_deg: float = Field(
        default=0.0,
        ge=0.0,
        le=10.0,
        description="standard deviation by which its thrust wanders off its plane, and off its pitch, in two minutes",
    )
    boost_coefficient_kg_m2: Spread = Field(
        default=20_000.0, description="ballistic coefficient of the whole at lift-off"
    )
    ballistic_coefficient_kg_m2: Spread = Field(
        default=Uniform(low=3_000.0, high=8_000.0),
        description="mass / (drag coefficient * area) after burn-out, hypersonic",
    )
    stage_coefficient_kg_m2: Spread = Field(
        default=Uniform(low=500.0, high=2_000.0), description="ballistic coefficient of spent stages, which tumble"
    )
    failure_at_s: Spread | None = Field(default=None, description="when after lift-off its thrust ends and it breaks")
    figures: Literal["intended", "flown"] = Field(
        default="intended", description="with a failure: whether range and apogee were meant, or what came of it"
    )
    debris: int = Field(default=0, ge=0, le=200, description="how many pieces fly off at the failure, or at burn-out")
    debris_speed_m_s: float = Field(default=20.0, ge=0.0, le=1_000.0, description="standard deviation on each axis")
    orbit: bool = Field(default=False, description="whether its last part goes into orbit at the top")
    heat_w_sr: Spread = Field(
        default=Uniform(low=1e5, high=1e6), description="radiant intensity of the plume in the satellites' band"
    )
    body_heat_w_sr: float = Field(default=0.0, ge=0.0, description="radiant intensity after burn-out")
    cross_section_m2: float = Field(default=0.5, gt=0.0, le=1e4, description="mean radar cross-section")
    stage_cross_section_m2: float = Field(default=5.0, gt=0.0, le=1e4, description="of spent stages and debris")

    @model_validator(mode="after")
    def _determined(self) -> "Mover":
        far, fast = (self.range_km, self.apogee_km), (self.burn_out_speed_m_s, self.burn_out_climb_deg)
        if sum(None not in pair for pair in (far, fast)) != 1 or any(
            (pair[0] is None) != (pair[1] is None) for pair in (far, fast)
        ):
            raise ValueError(
                "say range_km and apogee_km, or burn_out_speed_m_s and burn_out_climb_deg: both of one pair"
            )
        if self.leant_s <= self.upright_s:
            raise ValueError(f"leant_s = {self.leant_s:g} is not after upright_s = {self.upright_s:g}")
        if self.orbit and (self.range_km is None or self.failure_at_s is not None):
            raise ValueError("orbit needs range_km and apogee_km, and goes with no failure_at_s")
        return self

    @property
    def site(self) -> Site:
        """Where it lifts off."""
        return Site(lat_rad=math.radians(self.lat_deg), lon_rad=math.radians(self.lon_deg), height_m=self.height_m)

    def boost(self, draws: Draws) -> Boost:
        """Return the generic boost, fitted.

        Raises:
            ValueError: if none fits; the line says why.
        """
        far_m, high_m = 1e3 * (self.range_km or 0.0), 1e3 * (self.apogee_km or 0.0)
        speed = self.burn_out_speed_m_s or ellipse(far_m, high_m)[0]
        if self.burn_time_s is None:
            burn_s = typical_burn_s(speed) * drawn(Uniform(low=0.9, high=1.1), draws, "burn time")
        else:
            burn_s = drawn(self.burn_time_s, draws, "burn time")
        growth = self.growth
        if growth is None:
            growth = Uniform(low=6.0, high=10.0) if self.stages == 1 else Uniform(low=3.0, high=5.0)
        if burn_s <= 0.0:
            raise ValueError(f"burn_time_s came out as {burn_s:g}: say a narrower distribution")
        leant_s = min(self.leant_s, 0.6 * burn_s)
        total_s = burn_s + self.stage_coast_s * (self.stages - 1)
        off = wander(
            draws,
            "steering",
            seconds=np.arange(0.0, total_s, STEERED_S),
            sigma=math.radians(self.steering_deg),
            period_s=STEERING_S,
            n=2,
        )
        plan = Boost(
            level_m_s2=math.nan,
            pitch_rad=math.nan,
            azimuth_rad=math.nan,
            burn_s=(burn_s / self.stages,) * self.stages,
            coast_s=self.stage_coast_s,
            growth=max(drawn(growth, draws, "growth"), 1.0 + 1e-6),
            upright_s=min(self.upright_s, 0.5 * leant_s),
            leant_s=leant_s,
            coefficient_kg_m2=_positive(self.boost_coefficient_kg_m2, draws, "boost coefficient"),
            off_rad=tuple((float(right), float(above)) for right, above in off) if self.steering_deg else (),
        )
        cut_s = math.inf if self.failure_at_s is None else drawn(self.failure_at_s, draws, "failure")
        if cut_s <= 1.0:
            raise ValueError(f"failure_at_s = {cut_s:g} is within a second of lift-off: say a later one")
        if self.figures == "flown":
            plan = replace(plan, cut_s=cut_s)
        bearing = math.radians(self.bearing_deg)
        if self.range_km is not None:
            coefficient = self._coefficient(draws, stage=self.orbit or (self.figures == "flown" and _fails(plan)))
            found = fitted(
                self.site,
                plan,
                PHYSICS,
                range_m=far_m,
                apogee_m=high_m,
                bearing_rad=bearing,
                coefficient_kg_m2=coefficient,
                bearing_of=self.bearing_of,
            )
        else:
            climb = math.radians(self.burn_out_climb_deg or 0.0)
            found = fitted_to_burn_out(self.site, plan, PHYSICS, speed_m_s=speed, climb_rad=climb, bearing_rad=bearing)
        return replace(found, cut_s=cut_s)

    def _coefficient(self, draws: Draws, *, stage: bool) -> float:
        if stage:
            return _positive(self.stage_coefficient_kg_m2, draws, f"stage coefficient {self.stages}")
        return _positive(self.ballistic_coefficient_kg_m2, draws, "ballistic coefficient")

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:
        """Return the flight itself, then its spent stages and its debris; see `Mover.fly` of the room."""
        lift_off_ns = start_ns + round(self.start_s * NS_PER_S)
        until_s = (end_ns - lift_off_ns) / NS_PER_S
        if until_s <= 0.0:
            return []
        boost = self.boost(draws)
        legs = rise(self.site, boost, PHYSICS, step_s=1.0)
        failed = _fails(boost)
        after_s, state = float(legs[-1].time_s[-1]), legs[-1].states[-1]
        coefficient = self._coefficient(draws, stage=failed)
        parts: list[tuple[str, list[Leg], float]] = []
        if self.separates or self.orbit:
            burns = [leg for leg in legs if leg.kind == Kind.BOOSTING]
            spent = burns[: len(burns) - (0 if self.orbit else 1)]
            for number, leg in enumerate(spent, start=1):
                stage = _positive(self.stage_coefficient_kg_m2, draws, f"stage coefficient {number}")
                row = PHYSICS.row(coefficient_kg_m2=stage)
                piece = falling(float(leg.time_s[-1]), leg.states[-1], row, until_s=until_s)
                parts.append((f"{name} stage {number}", [piece], self.stage_cross_section_m2))
        if failed or self.debris:
            parts += self._debris(name, after_s, state, until_s, draws)
        row = PHYSICS.row(coefficient_kg_m2=coefficient)
        after = (
            self._orbit(after_s, state, row, until_s) if self.orbit else [falling(after_s, state, row, until_s=until_s)]
        )
        flights = [
            flight_of_legs(
                each,
                lift_off_ns,
                pieces,
                PHYSICS,
                heat_w_sr={
                    Kind.BOOSTING: drawn(self.heat_w_sr, draws, "heat"),
                    Kind.BALLISTIC: self.body_heat_w_sr,
                    Kind.SPACE: self.body_heat_w_sr,
                },
                cross_section_m2=area,
            )
            for each, pieces, area in [(name, [*legs, *after], self.cross_section_m2), *parts]
            if sum(len(piece.time_s) for piece in pieces) > 1
        ]
        return flights_within(flights, start_ns, end_ns)

    def _debris(
        self, name: str, after_s: float, state: Floats, until_s: float, draws: Draws
    ) -> list[tuple[str, list[Leg], float]]:
        if not self.debris:
            return []
        kicks = draws.normals("debris", first_look=0, n_looks=self.debris, per_look=4)
        parts = []
        for number, kick in enumerate(kicks, start=1):
            thrown = state.copy()
            thrown[3:] += self.debris_speed_m_s * kick[:3]
            row = PHYSICS.row(coefficient_kg_m2=500.0 * math.exp(0.7 * kick[3]))
            piece = falling(after_s, thrown, row, until_s=until_s)
            parts.append((f"{name} debris {number}", [piece], 0.1 * self.stage_cross_section_m2))
        return parts

    def _orbit(self, after_s: float, state: Floats, row: Floats, until_s: float) -> list[Leg]:
        """Return the coast to the top, the burn there and the orbit that follows."""
        if until_s <= after_s:
            return [falling(after_s, state, row, until_s=until_s)]
        top = march(after_s, state, samples(after_s, max(until_s, after_s + 3_600.0), 1.0), row, stop=Stop.TOP)
        now_s, at = float(top.time_s[-1]), top.states[-1]
        legs = [Leg(top.time_s, top.states, Kind.BALLISTIC)]
        while now_s < until_s:
            radius, speed = float(np.linalg.norm(at[:3])), float(np.linalg.norm(at[3:]))
            missing = math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / radius) - speed
            if missing < 0.1:
                break
            rising = float(at[:3] @ at[3:]) / radius
            faster = speed + 0.5 * KICK_M_S2 * KICK_S  # in the middle of this piece
            weight = max(GRAVITATIONAL_PARAMETER_M3_S2 / radius**2 - faster**2 / radius, 0.0) - rising / KICK_S
            kick = row.copy()
            kick[THRUST], kick[IGNITION], kick[PITCH] = (
                KICK_M_S2,
                now_s,
                math.asin(min(max(weight / KICK_M_S2, -1.0), 1.0)),
            )
            kick[UP : UP + 3] = at[:3] / radius
            level = at[3:] - at[:3] * float(at[:3] @ at[3:]) / radius**2
            kick[ALONG : ALONG + 3] = level / np.linalg.norm(level)
            end_s = now_s + min(KICK_S, missing / (KICK_M_S2 * math.cos(kick[PITCH])))
            burn = march(now_s, at, samples(now_s, end_s, 1.0), kick)
            legs.append(Leg(burn.time_s, burn.states, Kind.BOOSTING))
            now_s, at = end_s, burn.states[-1]
        around = falling(now_s, at, row, until_s=until_s)
        return [*legs, Leg(around.time_s, around.states, Kind.SPACE)]


def _fails(boost: Boost) -> bool:
    """Return whether its thrust is cut before it would have ended."""
    return boost.cut_s < sum(boost.burn_s) + boost.coast_s * (len(boost.burn_s) - 1)


def _positive(spread: Spread, draws: Draws, purpose: str) -> float:
    value = drawn(spread, draws, purpose)
    if value <= 0.0:
        raise ValueError(f"a {purpose} of {value:g} kg/m2 was drawn: say a narrower distribution above 0")
    return value
