"""Boost-glide flight: a generic boost, the fall back into the air, and a glide with bank manoeuvres."""

import math
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from noroshi.exercise.dynamics.boost import (
    Boost,
    Leg,
    Site,
    falling,
    fitted_to_burn_out,
    flight_of_legs,
    rise,
    typical_burn_s,
)
from noroshi.exercise.dynamics.dormand_prince import Stop, march
from noroshi.exercise.dynamics.forces import Physics, height_of
from noroshi.exercise.dynamics.paths import flights_within, samples
from noroshi.exercise.fields import Latitude, Longitude, Part, Seconds, Spread, Uniform, drawn, increasing
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.records import Kind

PHYSICS = Physics(
    mach=False
)  # its coefficient and its lift over drag are those of hypersonic flight, which it keeps to
EASE_S_M = {"equilibrium": 0.02, "skip": 0.0}
GLIDES_BELOW_M = 80e3


class Bank(Part):
    """A bank held for a while."""

    from_s: float = Field(ge=0.0, le=7_200.0, description="seconds since lift-off")
    for_s: float = Field(gt=0.0, le=7_200.0, description="how long, rolling in and out included")
    bank_deg: float = Field(ge=-85.0, le=85.0, description="of its lift from upwards, to the right")


class Mover(Part):
    """A generic glider: boosted to a speed and climb at burn-out, it falls into the air and glides as far as it goes.

    Lift is a fixed multiple of drag. As it is (`glide = "skip"`) the path then skips in long waves; with
    "equilibrium" lift eases while it climbs, and the waves die down into the equilibrium glide. Below `slowest_m_s`
    it gives up its lift and falls.

    Source: drag and lift as Li and Jilkov (2010), Survey of Maneuvering Target Tracking, Part II; ballistic coefficient
    and lift over drag as published in the programme behind Wright and Tracy (2020), Science & Global Security 28(3).
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lat_deg": 40.0,
                    "lon_deg": 130.0,
                    "bearing_deg": 75.0,
                    "burn_out_speed_m_s": 5_000.0,
                    "banks": [{"from_s": 420.0, "for_s": 120.0, "bank_deg": 40.0}],
                },
            ]
        }
    )

    lat_deg: Latitude
    lon_deg: Longitude
    height_m: float = Field(default=0.0, ge=-500.0, le=9_000.0, description="of the site above the ellipsoid")
    start_s: Seconds = Field(default=0.0, description="lift-off")
    bearing_deg: float = Field(ge=0.0, le=360.0, description="course at burn-out")
    burn_out_speed_m_s: float = Field(default=5_000.0, ge=1_500.0, le=7_500.0, description="relative to the ground")
    burn_out_climb_deg: float = Field(default=5.0, ge=0.0, le=60.0, description="above the horizontal there")
    burn_time_s: Spread | None = Field(default=None, description="left out: typical of the speed, give or take 10 %")
    growth: Spread = Field(
        default=Uniform(low=6.0, high=10.0), description="acceleration at burn-out over that at lift-off"
    )
    upright_s: float = Field(default=10.0, ge=0.0, le=60.0, description="how long it rises straight up")
    leant_s: float = Field(default=60.0, gt=0.0, le=200.0, description="by when it has leant over to its pitch")
    boost_coefficient_kg_m2: float = Field(default=20_000.0, gt=0.0, description="ballistic coefficient at lift-off")
    ballistic_coefficient_kg_m2: Spread = Field(
        default=13_002.0, description="mass / (drag coefficient * area) of the glider"
    )
    lift_over_drag: Spread = Field(default=2.6, description="of the glider")
    glide: Literal["equilibrium", "skip"] = Field(default="equilibrium", description="whether it damps its skips")
    banks: tuple[Bank, ...] = Field(default=(), description="manoeuvres, one after another")
    bank_rate_deg_s: float = Field(default=5.0, gt=0.0, le=90.0, description="how fast it rolls")
    slowest_m_s: float = Field(default=1_500.0, ge=300.0, le=5_000.0, description="speed at which it gives up its lift")
    heat_w_sr: Spread = Field(default=Uniform(low=1e5, high=1e6), description="radiant intensity of the plume")
    glide_heat_w_sr: float = Field(
        default=1_000.0, ge=0.0, description="radiant intensity of the hot glider in the air"
    )
    cross_section_m2: float = Field(default=0.1, gt=0.0, le=1e4, description="mean radar cross-section")

    @model_validator(mode="after")
    def _in_order(self) -> "Mover":
        if self.slowest_m_s >= self.burn_out_speed_m_s:
            raise ValueError(f"slowest_m_s = {self.slowest_m_s:g} is not below burn_out_speed_m_s")
        if self.leant_s <= self.upright_s:
            raise ValueError(f"leant_s = {self.leant_s:g} is not after upright_s = {self.upright_s:g}")
        for bank in self.banks:
            if 2 * abs(bank.bank_deg) / self.bank_rate_deg_s >= bank.for_s:
                raise ValueError(f"the bank from {bank.from_s:g} s on has no time to roll in and out: a longer for_s")
        increasing([second for bank in self.banks for second in (bank.from_s, bank.from_s + bank.for_s)], "banks")
        return self

    def boost(self, draws: Draws) -> Boost:
        """Return the generic boost, fitted.

        Raises:
            ValueError: if none fits; the line says why.
        """
        if self.burn_time_s is None:
            burn_s = typical_burn_s(self.burn_out_speed_m_s) * drawn(Uniform(low=0.9, high=1.1), draws, "burn time")
        else:
            burn_s = drawn(self.burn_time_s, draws, "burn time")
        if burn_s <= 0.0:
            raise ValueError(f"burn_time_s came out as {burn_s:g}: say a narrower distribution")
        leant_s = min(self.leant_s, 0.6 * burn_s)
        plan = Boost(
            level_m_s2=math.nan,
            pitch_rad=math.nan,
            azimuth_rad=math.nan,
            burn_s=(burn_s,),
            growth=max(drawn(self.growth, draws, "growth"), 1.0 + 1e-6),
            upright_s=min(self.upright_s, 0.5 * leant_s),
            leant_s=leant_s,
            coefficient_kg_m2=self.boost_coefficient_kg_m2,
        )
        return fitted_to_burn_out(
            self._site(),
            plan,
            PHYSICS,
            speed_m_s=self.burn_out_speed_m_s,
            climb_rad=math.radians(self.burn_out_climb_deg),
            bearing_rad=math.radians(self.bearing_deg),
        )

    def _site(self) -> Site:
        return Site(lat_rad=math.radians(self.lat_deg), lon_rad=math.radians(self.lon_deg), height_m=self.height_m)

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:
        """Return its one flight; see `Mover.fly` of the room."""
        lift_off_ns = start_ns + round(self.start_s * NS_PER_S)
        until_s = (end_ns - lift_off_ns) / NS_PER_S
        if until_s <= 0.0:
            return []
        legs = rise(self._site(), self.boost(draws), PHYSICS, step_s=1.0)
        legs += self._glide(legs[-1], until_s, draws)
        flight = flight_of_legs(
            name,
            lift_off_ns,
            legs,
            PHYSICS,
            heat_w_sr={Kind.BOOSTING: drawn(self.heat_w_sr, draws, "heat"), Kind.GLIDING: self.glide_heat_w_sr},
            cross_section_m2=self.cross_section_m2,
        )
        return flights_within([flight], start_ns, end_ns)

    def _glide(self, burnt: Leg, until_s: float, draws: Draws) -> list[Leg]:
        """Return what follows the boost: up and down to the air, the glide, and the fall without lift."""
        now_s, state, legs = float(burnt.time_s[-1]), burnt.states[-1], list[Leg]()
        coefficient = drawn(self.ballistic_coefficient_kg_m2, draws, "ballistic coefficient")
        lift = drawn(self.lift_over_drag, draws, "lift over drag")
        if coefficient <= 0.0 or lift < 0.0:
            raise ValueError(f"{coefficient:g} kg/m2 and a lift over drag of {lift:g} were drawn: say narrower ones")
        row = PHYSICS.row(coefficient_kg_m2=coefficient, lift=lift, ease_s_m=EASE_S_M[self.glide])
        bank_s, bank_rad = self._schedule()
        for kind, stop, value in (
            (Kind.BALLISTIC, Stop.TOP, 0.0),
            (Kind.BALLISTIC, Stop.BELOW, GLIDES_BELOW_M),
            (Kind.GLIDING, Stop.SLOW, self.slowest_m_s),
        ):
            if stop == Stop.TOP and state[:3] @ state[3:] <= 0.0:
                continue
            if stop == Stop.BELOW and height_of(state, row) <= GLIDES_BELOW_M:
                continue
            if now_s >= until_s:
                return legs
            marched = march(
                now_s,
                state,
                samples(now_s, until_s, 0.5),
                row,
                stop=stop,
                value=value,
                bank_s=bank_s,
                bank_rad=bank_rad,
            )
            legs.append(Leg(marched.time_s, marched.states, kind))
            now_s, state = float(marched.time_s[-1]), marched.states[-1]
            if not marched.stopped:
                return legs
        plain = PHYSICS.row(coefficient_kg_m2=coefficient)
        return [*legs, falling(now_s, state, plain, until_s=until_s)]

    def _schedule(self) -> tuple[Floats, Floats]:
        """Return the bank's times and angles; linear between them."""
        seconds, angles = [0.0], [0.0]
        for bank in self.banks:
            roll_s = abs(bank.bank_deg) / self.bank_rate_deg_s
            end_s, angle = bank.from_s + bank.for_s, math.radians(bank.bank_deg)
            seconds += [bank.from_s, bank.from_s + roll_s, end_s - roll_s, end_s]
            angles += [0.0, angle, angle, 0.0]
        return np.array(seconds), np.array(angles)
