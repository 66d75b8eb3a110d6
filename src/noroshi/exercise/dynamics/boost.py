"""A generic boost: a way up and over that ends with published figures, and stands for no machine in particular.

It rises, leans over to a fixed pitch and burns for a given time in stages whose acceleration grows as they lighten. The
level of that acceleration, the pitch and the bearing are what is left to fit to a published range, apogee and bearing.
It is a kinematic stand-in for tests of tracking and warning.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from noroshi.exercise.dynamics.dormand_prince import Marched, Stop, march
from noroshi.exercise.dynamics.forces import (
    ALONG,
    BURN,
    IGNITION,
    PITCH,
    RAMP_END,
    RAMP_START,
    THRUST,
    UP,
    Physics,
    height_of,
)
from noroshi.exercise.dynamics.paths import flight_of, samples
from noroshi.exercise.flight import Flight
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.wgs84 import (
    GRAVITATIONAL_PARAMETER_M3_S2,
    MEAN_RADIUS_M,
    Floats,
    ecef_from_geodetic,
    enu_axes,
    geodetic_from_ecef,
)
from noroshi.records import Kind

WEIGHT_M_S2 = 9.80665  # Source: ISO 80000-3, the standard acceleration of free fall
LIFT_OFF_MIN = 1.02  # thrust over weight
LATEST_S, LONGEST_S = 86_400.0, 864_000.0
THROUGH_M = 100.0
AIR_BEGINS_M = 90e3  # below, what falls is slowed within seconds
AGREES = 1e-6  # relative; noise of the numbers is a tenth of it
PROBE, BOLDEST = 1e-4, 0.2  # steps of the logarithm of the level and of angles [rad]
ROUNDS, HALVINGS = 50, 8
STEERED_S = 5.0  # for so long a steered thrust keeps to a direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a flight begins.

    Attributes:
        lat_rad, lon_rad, height_m: geodetic place.
    """

    lat_rad: float
    lon_rad: float
    height_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Boost:
    """How a generic boost goes.

    Attributes:
        level_m_s2: acceleration by thrust at each ignition.
        pitch_rad: of the thrust above the horizontal of the site, after leaning over; inertially fixed.
        azimuth_rad: direction in which it leans.
        burn_s: duration of each stage's burn.
        coast_s: between one stage's burn-out and the next one's ignition.
        growth: acceleration at burn-out over that at ignition, of each stage.
        upright_s, leant_s: until when it rises straight up, and when it has leant over.
        coefficient_kg_m2: ballistic coefficient of the whole at lift-off, and of what is left at each ignition.
        cut_s: when the thrust ends whatever was planned; infinite if it does not.
        off_rad: by how much it leans to the right of the azimuth and points above the pitch, in each 5 s from lift-off,
            then as in the last; empty if it keeps to its plane.
    """

    level_m_s2: float
    pitch_rad: float
    azimuth_rad: float
    burn_s: tuple[float, ...]
    coast_s: float = 0.0
    growth: float = 8.0
    upright_s: float = 10.0
    leant_s: float = 60.0
    coefficient_kg_m2: float = 20_000.0
    cut_s: float = math.inf
    off_rad: tuple[tuple[float, float], ...] = ()

    @property
    def burns_s(self) -> list[tuple[float, float]]:
        """When each stage burns, from and to, with what a cut leaves of it."""
        begin, burns = 0.0, []
        for burn_s in self.burn_s:
            burns.append((begin, min(begin + burn_s, self.cut_s)))
            begin += burn_s + self.coast_s
        return [(start, end) for start, end in burns if start < end]

    @property
    def end_s(self) -> float:
        """Burn-out of the last stage."""
        return self.burns_s[-1][1]


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A piece of a flight without jumps in its forces.

    Attributes:
        time_s: (n,) seconds since lift-off.
        states: (n, 6) inertial.
        kind: what it is meanwhile.
    """

    time_s: Floats
    states: Floats
    kind: Kind


def standing(site: Site, physics: Physics) -> Floats:
    """Return the (6,) inertial state at the site at lift-off."""
    if physics.sphere_m is not None:
        up = enu_axes(site.lat_rad, site.lon_rad)[2]
        fixed = np.concatenate([(physics.sphere_m + site.height_m) * up, np.zeros(3)])
    else:
        fixed = np.concatenate([ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m), np.zeros(3)])
    return physics.inertial_from_ecef(fixed, 0.0)


def rise(site: Site, boost: Boost, physics: Physics, *, step_s: float | None = None) -> list[Leg]:
    """Return the legs from lift-off to the last burn-out, in steps of `step_s` or of whole legs.

    Raises:
        ValueError: if it goes through the ground; steps of whole legs do not notice.
    """
    east, north, up = enu_axes(site.lat_rad, site.lon_rad)
    state, now, legs = standing(site, physics), 0.0, list[Leg]()
    for start, end in boost.burns_s:
        if start > now:
            legs.append(_leg(now, state, start, physics.row(coefficient_kg_m2=boost.coefficient_kg_m2), step_s))
            state = legs[-1].states[-1]
        row = physics.row(coefficient_kg_m2=boost.coefficient_kg_m2)
        row[THRUST], row[IGNITION] = boost.level_m_s2, start
        row[BURN] = (1.0 - 1.0 / boost.growth) / boost.burn_s[len([leg for leg in legs if leg.kind == Kind.BOOSTING])]
        row[RAMP_START], row[RAMP_END] = boost.upright_s, boost.leant_s
        row[UP : UP + 3] = up
        steered = STEERED_S * np.arange(1, len(boost.off_rad))
        bends = sorted({float(bend) for bend in (boost.upright_s, boost.leant_s, *steered) if start < bend < end})
        for begin, stop in zip([start, *bends], [*bends, end], strict=True):
            right, above = (
                boost.off_rad[min(int(begin / STEERED_S), len(boost.off_rad) - 1)] if boost.off_rad else (0.0, 0.0)
            )
            row[PITCH], azimuth_rad = boost.pitch_rad + above, boost.azimuth_rad + right
            row[ALONG : ALONG + 3] = math.sin(azimuth_rad) * east + math.cos(azimuth_rad) * north
            piece = _leg(begin, state, stop, row, step_s)
            state = piece.states[-1]
            if begin == start:
                legs.append(Leg(piece.time_s, piece.states, kind=Kind.BOOSTING))
            else:
                legs[-1] = _joined(legs[-1], piece)
        now = end
        lowest_m = min(height_of(state, row) for state in legs[-1].states)
        if step_s is not None and lowest_m < site.height_m - THROUGH_M:
            raise ValueError(
                "its boost goes through the ground: say a higher apogee_km or climb, or a longer burn_time_s"
            )
    return legs


def _leg(start_s: float, state: Floats, end_s: float, row: Floats, step_s: float | None) -> Leg:
    times = np.array([start_s, end_s]) if step_s is None else samples(start_s, end_s, step_s)
    marched = march(start_s, state, times, row)
    return Leg(marched.time_s, marched.states, kind=Kind.BOOSTING if row[THRUST] > 0.0 else Kind.BALLISTIC)


def _joined(first: Leg, second: Leg) -> Leg:
    return Leg(
        np.concatenate([first.time_s, second.time_s[1:]]),
        np.concatenate([first.states, second.states[1:]]),
        kind=first.kind,
    )


def falling(start_s: float, state: Floats, row: Floats, *, until_s: float) -> Leg:
    """Return the leg of what nothing drives down to the ground, or until a time: each second, in the air each quarter.

    Raises:
        ValueError: if it goes on for more than 10 days.
    """
    if until_s - start_s > LONGEST_S:
        raise ValueError(f"it would fly for {until_s - start_s:g} s: say a shorter exercise")
    now_s, at, leg = start_s, state, Leg(np.array([start_s]), state[None], Kind.BALLISTIC)
    rising_s = 1.0 if height_of(state, row) > AIR_BEGINS_M else 0.25
    for stop, value, step_s in ((Stop.TOP, 0.0, rising_s), (Stop.BELOW, AIR_BEGINS_M, 1.0), (Stop.BELOW, 0.0, 0.25)):
        if now_s >= until_s or (stop == Stop.TOP and at[:3] @ at[3:] <= 0.0) or height_of(at, row) <= value:
            continue
        marched = march(now_s, at, samples(now_s, until_s, step_s), row, stop=stop, value=value)
        leg = _joined(leg, Leg(marched.time_s, marched.states, Kind.BALLISTIC))
        now_s, at = float(marched.time_s[-1]), marched.states[-1]
    return leg


def flight_of_legs(
    name: str,
    origin_ns: int,
    legs: Sequence[Leg],
    physics: Physics,
    *,
    heat_w_sr: Mapping[Kind, float],
    cross_section_m2: float,
) -> Flight:
    """Return legs that join one another as a flight, with the heat that it has as each kind."""
    last = len(legs) - 1
    time_s = [leg.time_s if number == last else leg.time_s[:-1] for number, leg in enumerate(legs)]
    states = [leg.states[: len(times)] for leg, times in zip(legs, time_s, strict=True)]
    lengths = [len(times) for times in time_s]
    seconds = np.concatenate(time_s)
    return flight_of(
        name,
        origin_ns,
        seconds,
        physics.ecef_from_inertial(np.concatenate(states), seconds),
        kind=np.repeat(np.array([leg.kind for leg in legs], np.uint8), lengths),
        heat_w_sr=np.repeat([heat_w_sr.get(leg.kind, 0.0) for leg in legs], lengths),
        cross_section_m2=cross_section_m2,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arc:
    """The figures of a flight.

    Attributes:
        burn_out_s, top_s, impact_s: when, since lift-off.
        burn_out, top, impact: (6,) Earth-fixed states then.
        apogee_m: greatest height.
        range_m, bearing_rad: of the impact, along the great circle from the site.
    """

    burn_out_s: float
    burn_out: Floats
    top_s: float
    top: Floats
    impact_s: float
    impact: Floats
    apogee_m: float
    range_m: float
    bearing_rad: float


def arc(site: Site, boost: Boost, physics: Physics, coefficient_kg_m2: float) -> Arc:
    """Return the figures of a boost that is followed by a free fall to the ground.

    Raises:
        ValueError: if it does not come down within a day.
    """
    legs = rise(site, boost, physics)
    burn_out_s, state = float(legs[-1].time_s[-1]), legs[-1].states[-1]
    top, impact = fall(burn_out_s, state, physics.row(coefficient_kg_m2=coefficient_kg_m2))
    fixed = [
        physics.ecef_from_inertial(at, seconds)
        for at, seconds in (
            (state, burn_out_s),
            (top.states[-1], top.time_s[-1]),
            (impact.states[-1], impact.time_s[-1]),
        )
    ]
    lat, lon, _ = geodetic_from_ecef(fixed[2][:3])
    distance, bearing = distance_and_bearing(site.lat_rad, site.lon_rad, lat, lon)
    return Arc(
        burn_out_s=burn_out_s,
        burn_out=fixed[0],
        top_s=float(top.time_s[-1]),
        top=fixed[1],
        impact_s=float(impact.time_s[-1]),
        impact=fixed[2],
        apogee_m=float(geodetic_from_ecef(fixed[1][:3])[2]),
        range_m=float(distance),
        bearing_rad=float(bearing),
    )


def fall(start_s: float, state: Floats, row: Floats) -> tuple[Marched, Marched]:
    """Return the marches to the top of a free flight and from there to the ground.

    Raises:
        ValueError: if it is not there within a day.
    """
    late = np.array([start_s, start_s + LATEST_S])
    if state[:3] @ state[3:] > 0.0:
        top = march(start_s, state, late, row, stop=Stop.TOP)
    else:
        top = Marched(late[:1], state[None], stopped=True)
    impact = march(float(top.time_s[-1]), top.states[-1], late[1:], row, stop=Stop.BELOW)
    if not impact.stopped:
        raise ValueError("it does not come down within a day: say a lower speed, range or apogee")
    return top, impact


def ellipse(range_m: float, apogee_m: float) -> tuple[float, float]:
    """Return the speed [m/s] and climb angle [rad] at the surface of a sphere that reach so far and so high.

    Source: Bate, Mueller and White (1971), Fundamentals of Astrodynamics, section 6.2, of a symmetric arc.
    """
    radius, half = MEAN_RADIUS_M, 0.5 * range_m / MEAN_RADIUS_M
    eccentricity = apogee_m / (radius + apogee_m - radius * math.cos(half))
    axis_m = (radius + apogee_m) / (1.0 + eccentricity)
    speed = math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 * (2.0 / radius - 1.0 / axis_m))
    momentum = math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 * axis_m * (1.0 - eccentricity**2))
    return speed, math.acos(min(momentum / (radius * speed), 1.0))


def typical_burn_s(speed_m_s: float) -> float:
    """Return a burn time that is typical of such a speed: 60 s at 1.7 km/s, 140 s at 5.3, 180 s at 7.2.

    Source: a line through published round figures: some 60 s of a 300 km missile, 180 s (solid) to 240 s (liquid) of
    an intercontinental one (American Physical Society (2004), Rev. Mod. Phys. 76, S1).
    """
    return 25.0 + 0.022 * speed_m_s


def fitted(
    site: Site,
    boost: Boost,
    physics: Physics,
    *,
    range_m: float,
    apogee_m: float,
    bearing_rad: float,
    coefficient_kg_m2: float,
    bearing_of: Literal["impact", "launch"] = "impact",
) -> Boost:
    """Return the boost with the level, pitch and azimuth at which range, apogee and bearing come out.

    Args:
        site: of the launch.
        boost: all else of it.
        physics: of the world.
        range_m, apogee_m, bearing_rad: published; see `Arc`.
        coefficient_kg_m2: ballistic coefficient of what falls after burn-out.
        bearing_of: what the bearing is of: the impact, or the launch, which is the azimuth itself.

    Raises:
        ValueError: if no boost of such a burn time reaches both, or it does so backwards: the Earth turns away to the
            east under a lofted flight.
    """
    speed, climb = ellipse(range_m, apogee_m)

    def misses(tried: Boost) -> list[float]:
        found = arc(site, tried, physics, coefficient_kg_m2)
        came = found.bearing_rad if bearing_of == "impact" else tried.azimuth_rad
        turned = (came - bearing_rad + math.pi) % (2 * math.pi) - math.pi
        return [math.log(max(found.range_m, 1.0) / range_m), math.log(max(found.apogee_m, 1.0) / apogee_m), turned]

    what = f"a range of {range_m / 1e3:g} km with an apogee of {apogee_m / 1e3:g} km"
    best = _solved(boost, speed, climb, bearing_rad, misses, what)
    if math.cos(arc(site, best, physics, coefficient_kg_m2).bearing_rad - bearing_rad) < 0.0:
        raise ValueError(f"{what} would come down behind the launch: say bearing_of = 'impact'")
    return best


def fitted_to_burn_out(
    site: Site, boost: Boost, physics: Physics, *, speed_m_s: float, climb_rad: float, bearing_rad: float
) -> Boost:
    """Return the boost at whose burn-out speed, climb angle and course, relative to the ground, are so.

    Raises:
        ValueError: if no boost of such a burn time reaches them.
    """

    def misses(tried: Boost) -> list[float]:
        last = rise(site, tried, physics)[-1]
        fixed = physics.ecef_from_inertial(last.states[-1], float(last.time_s[-1]))
        lat, lon, _ = geodetic_from_ecef(fixed[:3])
        east, north, up = enu_axes(lat, lon) @ fixed[3:]
        turned = (math.atan2(east, north) - bearing_rad + math.pi) % (2 * math.pi) - math.pi
        speed = math.hypot(east, north, up)
        return [math.log(speed / speed_m_s), math.asin(up / speed) - climb_rad, turned]

    what = f"{speed_m_s:g} m/s at {math.degrees(climb_rad):g} degrees of climb"
    return _solved(boost, speed_m_s, climb_rad, bearing_rad, misses, what)


def _solved(
    boost: Boost,
    speed_m_s: float,
    climb_rad: float,
    bearing_rad: float,
    misses: Callable[[Boost], Sequence[float]],
    what: str,
) -> Boost:
    """Return the boost with the level, pitch and azimuth at which nothing misses: Newton's method, steps halved."""
    burn_s = sum(end - start for start, end in boost.burns_s)
    lost_m_s = 0.75 * WEIGHT_M_S2 * burn_s
    up, along = speed_m_s * math.sin(climb_rad) + lost_m_s, speed_m_s * math.cos(climb_rad)
    level = math.hypot(up, along) / burn_s * (1.0 - 1.0 / boost.growth) / max(math.log(boost.growth), 1e-9)

    def tried(unknown: Floats) -> Boost:
        return replace(
            boost,
            level_m_s2=float(level * math.exp(unknown[0])),
            pitch_rad=float(unknown[1]),
            azimuth_rad=float(unknown[2]),
        )

    def miss(unknown: Floats) -> Floats:
        at = tried(unknown)
        if at.level_m_s2 < LIFT_OFF_MIN * WEIGHT_M_S2:
            return np.full(3, np.inf)
        try:
            return np.array(misses(at))
        except ValueError:  # it does not come down, or goes through the Earth
            return np.full(3, np.inf)

    unknown = np.array([0.0, math.atan2(up, along), bearing_rad])
    missed = miss(unknown)
    while not np.isfinite(missed).all() and unknown[0] < 2.0:
        unknown[0] += 0.1
        missed = miss(unknown)
    for _ in range(ROUNDS):
        if np.abs(missed).max() < AGREES:
            return tried(unknown)
        slopes = np.stack([(miss(unknown + probe) - missed) / PROBE for probe in PROBE * np.eye(3)], axis=1)
        if not np.isfinite(slopes).all():
            break
        change = np.linalg.lstsq(slopes, -missed, rcond=None)[0]
        change *= min(1.0, BOLDEST / np.abs(change).max())
        for _ in range(HALVINGS):
            ahead = miss(unknown + change)
            if np.abs(ahead).max() < np.abs(missed).max():
                break
            change /= 2.0
        else:
            break
        unknown, missed = unknown + change, ahead
    raise ValueError(
        f"no generic boost of {burn_s:g} s reaches {what} with more thrust than its weight: say a shorter burn_time_s"
        if level * math.exp(unknown[0]) < 1.1 * WEIGHT_M_S2
        else f"no generic boost of {burn_s:g} s reaches {what}: say another burn_time_s"
    )
