"""Following waypoints over the ellipsoid: turns limited by bank and its rate, climbs and speeds by what they take.

A point mass: the course turns as fast as the bank allows in a coordinated turn, speed and climb follow what the leg
asks for. Source: Stevens, Lewis, Johnson (2015), Aircraft Control and Simulation, 3rd ed., section 3.6 (steady-state
turn: the rate is g tan(bank) / speed, the load 1 / cos(bank)).
"""

import math
from dataclasses import dataclass

import numpy as np

from noroshi.geo.wgs84 import (
    ECCENTRICITY_SQUARED,
    MEAN_RADIUS_M,
    SEMI_MAJOR_AXIS_M,
    Floats,
    ecef_from_geodetic,
    enu_axes,
)
from noroshi.kernel import kernel

GRAVITY_M_S2 = 9.80665
SAMPLE_STEPS = 10  # how many steps to a sample
AHEAD_S = 2.0  # how far ahead a course and the ground are looked at
N_WAVES = 24
SHARPEST_RAD = 0.5 * math.pi  # by sharper corners it flies as by this, and comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the craft can do.

    Attributes:
        bank_rad: steepest bank; a ship has none, but turns as if it had.
        bank_rate_rad_s: how fast it rolls.
        acceleration_m_s2: along the course.
        climb_m_s: fastest climb and descent.
        climb_acceleration_m_s2: how fast the climb changes.
        step_s: in which its motion is worked out.
    """

    bank_rad: float
    bank_rate_rad_s: float
    acceleration_m_s2: float
    climb_m_s: float = 0.0
    climb_acceleration_m_s2: float = 1.0
    step_s: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A smooth made-up ground: a sum of waves in space, the same wherever it is crossed.

    Attributes:
        waves_rad_m: (w, 3) wave vectors, Earth-fixed.
        phases_rad: (w,).
        amplitudes_m: (w,).
        mean_m: height about which they swing; nowhere below 0.
    """

    waves_rad_m: Floats
    phases_rad: Floats
    amplitudes_m: Floats
    mean_m: float = 0.0

    @classmethod
    def flat(cls) -> "Ground":
        """Return the sea."""
        return cls(np.zeros((0, 3)), np.zeros(0), np.zeros(0))

    @classmethod
    def rolling(cls, uniforms: Floats, sigma_m: float, length_m: float) -> "Ground":
        """Return hills of such a standard deviation and wave lengths from `length_m` to four times that.

        Args:
            uniforms: (N_WAVES, 4) numbers in (0, 1).
            sigma_m: standard deviation of the height.
            length_m: shortest wave.
        """
        z = 2.0 * uniforms[:, 0] - 1.0
        turn, across = 2 * np.pi * uniforms[:, 1], np.sqrt(1.0 - z * z)
        direction = np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)
        waves = 2 * np.pi / (length_m * 4.0 ** uniforms[:, 2:3]) * direction
        amplitudes = np.full(N_WAVES, sigma_m * math.sqrt(2.0 / N_WAVES))
        return cls(waves, 2 * np.pi * uniforms[:, 3], amplitudes, 2.0 * sigma_m)

    def height_m(self, position_ecef_m: Floats) -> Floats:
        """Return the (n,) heights of the ground below (n, 3) positions."""
        swings = np.cos(position_ecef_m @ self.waves_rad_m.T + self.phases_rad) @ self.amplitudes_m
        return np.maximum(self.mean_m + swings, 0.0)


def follow(
    lat_rad: Floats,
    lon_rad: Floats,
    height_m: Floats,
    speed_m_s: Floats,
    limits: Limits,
    *,
    for_s: float,
    again: bool = False,
    ground: Ground | None = None,
) -> tuple[Floats, Floats]:
    """Return (n,) seconds since the first of (w,) waypoints and (n, 6) Earth-fixed states, each tenth step.

    It begins at the first waypoint on the course to the second, and flies by each corner. It ends at the last one
    unless it is to begin `again`, or after `for_s`.

    Args:
        lat_rad, lon_rad: geodetic places.
        height_m: above the ellipsoid, or above the ground if there is any: where each is passed.
        speed_m_s: over the ground, from each waypoint on.
        limits: what the craft can do.
        for_s: longest duration.
        again: whether the first waypoint follows the last.
        ground: what the heights are above.
    """
    ground_is, land = ground is not None, ground or Ground.flat()
    rows = np.empty((int(for_s / (limits.step_s * SAMPLE_STEPS)) + 2, 6))
    numbers = np.array(
        [
            limits.bank_rad,
            limits.bank_rate_rad_s,
            limits.acceleration_m_s2,
            limits.climb_m_s,
            limits.climb_acceleration_m_s2,
            limits.step_s,
        ]
    )
    n = _follow(
        np.ascontiguousarray(lat_rad),
        np.ascontiguousarray(lon_rad),
        np.ascontiguousarray(height_m),
        np.ascontiguousarray(speed_m_s),
        numbers,
        again,
        ground_is,
        land.waves_rad_m,
        land.phases_rad,
        land.amplitudes_m,
        land.mean_m,
        rows,
    )
    lat, lon, height, east, north, up = rows[:n].T
    velocity = np.vecmat(np.stack([east, north, up], axis=1), enu_axes(lat, lon))
    states: Floats = np.concatenate([ecef_from_geodetic(lat, lon, height), velocity], axis=1)
    return np.arange(float(n)) * (limits.step_s * SAMPLE_STEPS), states


@kernel
def _to(lat: float, lon: float, to_lat: float, to_lon: float) -> tuple[float, float]:
    """Return distance [m] and bearing [rad] along the great circle of a sphere."""
    east = to_lon - lon
    across = math.sin(east) * math.cos(to_lat)
    along = math.cos(lat) * math.sin(to_lat) - math.sin(lat) * math.cos(to_lat) * math.cos(east)
    up = math.sin(lat) * math.sin(to_lat) + math.cos(lat) * math.cos(to_lat) * math.cos(east)
    return MEAN_RADIUS_M * math.atan2(math.sqrt(across * across + along * along), up), math.atan2(across, along)


@kernel
def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


@kernel
def _ground_m(lat: float, lon: float, waves: Floats, phases: Floats, amplitudes: Floats, mean_m: float) -> float:
    normal = SEMI_MAJOR_AXIS_M / math.sqrt(1.0 - ECCENTRICITY_SQUARED * math.sin(lat) ** 2)
    x, y = normal * math.cos(lat) * math.cos(lon), normal * math.cos(lat) * math.sin(lon)
    z = normal * (1.0 - ECCENTRICITY_SQUARED) * math.sin(lat)
    height = mean_m
    for i in range(len(phases)):
        height += amplitudes[i] * math.cos(waves[i, 0] * x + waves[i, 1] * y + waves[i, 2] * z + phases[i])
    return max(height, 0.0)


@kernel
def _towards(now: float, goal: float, most: float) -> float:
    return now + min(max(goal - now, -most), most)


@kernel
def _follow(
    lats: Floats,
    lons: Floats,
    heights: Floats,
    speeds: Floats,
    limits: Floats,
    again: bool,
    ground_is: bool,
    waves: Floats,
    phases: Floats,
    amplitudes: Floats,
    mean_m: float,
    rows: Floats,
) -> int:
    """Write latitude, longitude, height and east, north, up velocities at each sample; return how many."""
    bank_max, bank_rate, acceleration = limits[0], limits[1], limits[2]
    climb_max, climb_rate, step_s = limits[3], limits[4], limits[5]
    count = len(lats)
    lat, lon, height, speed, bank, climb = lats[0], lons[0], heights[0], speeds[0], 0.0, 0.0
    if ground_is:
        height += _ground_m(lat, lon, waves, phases, amplitudes, mean_m)
    target, before = 1, 0
    left_m, course = _to(lat, lon, lats[1], lons[1])
    leg_m, over = max(left_m, 1.0), False
    onward = _to(lats[1], lons[1], lats[2 % count], lons[2 % count])[1]  # course of the leg after this one
    radius_m_s2 = 1.0 / (GRAVITY_M_S2 * math.tan(bank_max))  # of a turn, over the speed squared
    n = 0
    while n < len(rows):
        for k in range(SAMPLE_STEPS):
            if k == 0:
                rows[n, 0], rows[n, 1], rows[n, 2] = lat, lon, height
                rows[n, 3], rows[n, 4], rows[n, 5] = speed * math.sin(course), speed * math.cos(course), climb
                n += 1
                if over:
                    return n
            left_m, bearing = _to(lat, lon, lats[target], lons[target])
            last = target == count - 1 and not again
            after = (target + 1) % count
            lead_m = speed * step_s
            if not last:
                turn = abs(_wrapped(onward - course))
                lead_m += radius_m_s2 * speed * speed * math.tan(
                    0.5 * min(turn, SHARPEST_RAD)
                ) + speed * bank_max / bank_rate * min(turn, 1.0)
                lead_m = min(lead_m, 0.5 * leg_m)
            if left_m <= lead_m or (abs(_wrapped(bearing - course)) > 1.6 and left_m < 0.2 * leg_m and bank == 0.0):
                if last:
                    over = True
                else:
                    before, target = target, after
                    left_m, bearing = _to(lat, lon, lats[target], lons[target])
                    leg_m = max(_to(lats[before], lons[before], lats[target], lons[target])[0], 1.0)
                    after = (target + 1) % count
                    onward = _to(lats[target], lons[target], lats[after], lons[after])[1]
            # the bank that turns the course onto the bearing within the time that rolling out again takes
            off = _wrapped(bearing - course)
            wanted = math.atan(speed * off / AHEAD_S / GRAVITY_M_S2)
            held = math.sqrt(2.0 * bank_rate * abs(off) * speed / GRAVITY_M_S2)
            wanted = min(max(wanted, -min(held, bank_max)), min(held, bank_max))
            next_bank = _towards(bank, wanted, bank_rate * step_s)
            next_speed = _towards(speed, speeds[before], acceleration * step_s)
            share = min(max(1.0 - left_m / leg_m, 0.0), 1.0)
            goal = heights[before] + share * (heights[target] - heights[before])
            slope = speed * (heights[target] - heights[before]) / leg_m
            if ground_is:
                ahead_m = speed * AHEAD_S / MEAN_RADIUS_M
                up_lat, up_lon = lat + ahead_m * math.cos(course), lon + ahead_m * math.sin(course) / math.cos(lat)
                goal += _ground_m(up_lat, up_lon, waves, phases, amplitudes, mean_m)
                slope = 0.0
            below = goal - height
            pull = min(abs(below) / AHEAD_S, math.sqrt(1.5 * climb_rate * abs(below)))
            wanted = min(max(slope + math.copysign(pull, below), -climb_max), climb_max)
            next_climb = _towards(climb, wanted, climb_rate * step_s)
            next_course = course + 0.5 * step_s * GRAVITY_M_S2 * (math.tan(bank) + math.tan(next_bank)) / max(
                speed, 1.0
            )
            middle, pace = 0.5 * (course + next_course), 0.5 * (speed + next_speed)
            bend = 1.0 - ECCENTRICITY_SQUARED * math.sin(lat) ** 2
            normal = SEMI_MAJOR_AXIS_M / math.sqrt(bend)
            north = normal * (1.0 - ECCENTRICITY_SQUARED) / bend + height
            step = pace * step_s
            sweep = 0.5 * (next_course - course)
            step *= math.sin(sweep) / sweep if abs(sweep) > 1e-9 else 1.0
            ahead_lat = lat + 0.5 * step * math.cos(middle) / north
            across = (normal + height) * math.cos(ahead_lat)
            east_rad = step * math.sin(middle) / across
            lat += step * math.cos(middle) / north
            lon = _wrapped(lon + east_rad)
            # meridians converge: a course that goes straight on turns against them
            course = _wrapped(next_course + east_rad * math.sin(ahead_lat))
            height += 0.5 * (climb + next_climb) * step_s
            speed, bank, climb = next_speed, next_bank, next_climb
    return n
