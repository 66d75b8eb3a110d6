"""Launches seen by infrared satellites: truths by scipy's DOP853 in axes that do not turn, circular orbits, lines.

Nothing of a filter is in them: the launchers have two stages with a gap of thrust between, steer by some degrees, have
drag that follows the Mach number, and cool after the second. The sensors' own measurement function makes the lines.
"""

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from consistency_parts.truths import DENSITY, DRAG, MACH, SOUND_M_S, SPIN, _gravity, _turned
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from noroshi.geo.wgs84 import (
    GRAVITATIONAL_PARAMETER_M3_S2,
    ROTATION_RATE_RAD_S,
    SEMI_MAJOR_AXIS_M,
    ecef_from_geodetic,
    enu_axes,
)
from noroshi.records import Detections, SensorSite
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange

Floats = NDArray[np.float64]
START_NS, NS = 1_893_456_000 * 10**9, 10**9  # 2030-01-01
LAT_RAD, LON_RAD = math.radians(39.0), math.radians(127.0)  # where the launches are, give or take
ORBIT_M, PERIOD_S = 1_000e3, 5.0
RADAR = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s")
STAGES = ((22.0, 1.0 / 105.0, 62.0), (24.0, 1.0 / 95.0, 58.0))  # thrust over mass at first, burnt a second, seconds
GAP_S, RISE_S, KICK_S, STEER_RAD = 2.0, 8.0, 4.0, 0.03
LOG_DENSITY = np.log(DENSITY)


@dataclass(frozen=True)
class Launch:
    """One launch.

    Attributes:
        at_s: lift-off, since the start.
        state: returns (6,) Earth-fixed at a time since the start, after lift-off.
        until_s: when it has cooled and is not seen any more.
    """

    at_s: float
    state: Callable[[float], Floats]
    until_s: float


def launch(
    lat_rad: float,
    lon_rad: float,
    azimuth_rad: float,
    kick_rad: float,
    rng: np.random.Generator,
    *,
    at_s: float,
    until_s: float,
) -> Launch:
    """Return a launch from the ground: upright, then a kick from the vertical, and a gravity turn from then on.

    The thrust follows the velocity but for a degree or so of steering, slow and random.
    """
    place = ecef_from_geodetic(np.array([lat_rad]), np.array([lon_rad]), np.array([10.0]))
    east, north, up = enu_axes(np.array([lat_rad]), np.array([lon_rad]))[0]
    ahead = math.sin(azimuth_rad) * east + math.cos(azimuth_rad) * north
    ends = [STAGES[0][2], STAGES[0][2] + GAP_S + STAGES[1][2]]

    def push(t: float) -> float:
        since = t if t < ends[0] else t - ends[0] - GAP_S
        first, ratio, _ = STAGES[0] if t < ends[0] else STAGES[1]
        return first / (1.0 - ratio * since) if since >= 0.0 and t < ends[1] else 0.0

    def rate(t: float, y: Floats) -> Floats:
        r, flow = y[:3], y[3:] - np.cross(SPIN, y[:3])
        speed = max(float(np.linalg.norm(flow)), 1e-6)
        if t < RISE_S + KICK_S:
            lean = kick_rad if t > RISE_S else 0.0
            course = _turned(math.cos(lean) * up + math.sin(lean) * ahead, ROTATION_RATE_RAD_S * t)
        else:
            off = STEER_RAD * np.sin(2.0 * np.pi * t / wave_s + phase)
            course = flow / speed + off[0] * np.cross(flow / speed, side) + off[1] * side
        distance = float(np.linalg.norm(r))
        height = distance - SEMI_MAJOR_AXIS_M * (1.0 - (float(r[2]) / distance) ** 2 / 298.257)
        density = math.exp(np.interp(height / 1e4, np.arange(11.0), LOG_DENSITY))
        drag = 0.5 * density * speed**2 / 6_000.0 * np.interp(speed / SOUND_M_S, MACH, DRAG)
        return np.hstack([y[3:], _gravity(r[None])[0] + push(t) * course - drag / speed * flow])

    side, wave_s, phase = np.cross(ahead, up), rng.uniform(20.0, 120.0, 2), rng.uniform(0.0, 2.0 * np.pi, 2)
    y = np.hstack([place[0], np.cross(SPIN, place[0])])
    legs = []
    last = max(until_s - at_s, 0.0) + 1.0
    edges = [0.0, *(edge for edge in (ends[0], ends[0] + GAP_S, ends[1]) if edge < last), last]
    for begin, end in pairwise(edges):
        flown = solve_ivp(rate, (begin, end), y, method="DOP853", rtol=1e-6, atol=1e-3, max_step=5.0, dense_output=True)
        legs.append((end, flown.sol))
        y = flown.y[:, -1]

    def state(t: float) -> Floats:
        since = t - at_s
        at = next((sol for end, sol in legs if since <= end), legs[-1][1])(since)
        back = -ROTATION_RATE_RAD_S * since
        return np.hstack([_turned(at[:3], back), _turned(at[3:] - np.cross(SPIN, at[:3]), back)])

    return Launch(at_s, state, at_s + ends[1])


@dataclass(frozen=True)
class Satellite:
    """One infrared satellite on a circular orbit.

    Attributes:
        name: of it, and of its sensor.
        sensor: how it sees.
        phase_s: when in a period it looks.
        radius_m, up, ahead: the orbit: (3,) unit vectors to where it is at the start and of its motion, inertial.
    """

    name: str
    sensor: Sensor
    phase_s: float
    radius_m: float
    up: Floats
    ahead: Floats

    def origin(self, t: float) -> Floats:
        """Return (3,) where it is, Earth-fixed."""
        angle = math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / self.radius_m**3) * t
        place = self.radius_m * (math.cos(angle) * self.up + math.sin(angle) * self.ahead)
        return _turned(place, -ROTATION_RATE_RAD_S * t)


def satellites(n: int, rng: np.random.Generator, parameters: Mapping[str, float] | None = None) -> list[Satellite]:
    """Return n satellites that see the place of the launches for some minutes, all around, on courses of their own."""
    found = []
    axes = enu_axes(np.array([LAT_RAD]), np.array([LON_RAD]))[0]
    turn = rng.uniform(0.0, 2.0 * np.pi)
    for k in range(n):
        bearing = turn + 2.0 * np.pi * (k + rng.uniform(-0.25, 0.25)) / n
        away = rng.uniform(5.0, 17.0) * np.pi / 180.0
        level = math.sin(bearing) * axes[0] + math.cos(bearing) * axes[1]
        up = math.cos(away) * axes[2] + math.sin(away) * level
        across = np.cross(up, axes[2])
        across /= np.linalg.norm(across)
        course = rng.uniform(0.0, 2.0 * np.pi)
        ahead = math.cos(course) * across + math.sin(course) * np.cross(up, across)
        site = SensorSite(
            sensor=f"ir-{k}", type="infrared",
            parameters={"scan_period_s": PERIOD_S, "height_prior_m_max": 500_000.0, **(parameters or {})},
        )  # fmt: skip
        sensor = importlib.import_module("noroshi.sensors.infrared").Sensor.at(site)
        phase = PERIOD_S * (k + rng.uniform(0.1, 0.9)) / n
        found.append(Satellite(f"ir-{k}", sensor, phase, 6_371e3 + ORBIT_M, up, ahead))
    return found


@dataclass(frozen=True)
class Look:
    """What one satellite or radar saw in one look.

    Attributes:
        sensor: whose.
        plots: arranged.
        owner: (n,) which launch; -1 for a false line.
    """

    sensor: Sensor
    plots: Detections
    owner: NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """Launches and what is seen of them, in order of time.

    Attributes:
        launches: of it.
        eyes: the satellites.
        looks: with something in them.
        first_s, second_s: (launches,) when each was first seen, and first by a second satellite; NaN if never.
        names: of the sensors.
    """

    launches: list[Launch]
    eyes: list[Satellite]
    looks: list[Look]
    first_s: Floats
    second_s: Floats
    names: tuple[str, ...]


def scene(
    n_launches: int,
    n_satellites: int,
    seed: int,
    *,
    false_a_look: float = 2.0,
    detection: float = 0.9,
    until_s: float = 120.0,
    apart_m: float = 60_000.0,
    stagger_s: float = 0.0,
    parameters: Mapping[str, float] | None = None,
    radar_m: float | None = None,
) -> Scene:
    """Return a scene: the launches of one salvo lie within `apart_m`, their courses within some degrees.

    With `radar_m` there is a radar so far away from their middle that looks at all, as the satellites, every 5 s.
    """
    rng = np.random.default_rng([seed, n_launches, n_satellites])
    azimuth, launches = rng.uniform(0.0, 2.0 * np.pi), []
    for k in range(n_launches):
        lat = LAT_RAD + rng.uniform(-0.5, 0.5) * apart_m / 6.37e6
        lon = LON_RAD + rng.uniform(-0.5, 0.5) * apart_m / 6.37e6 / math.cos(LAT_RAD)
        course, kick = azimuth + rng.normal() * 0.1, math.radians(rng.uniform(10.0, 25.0))
        launches.append(launch(lat, lon, course, kick, rng, at_s=k * stagger_s, until_s=until_s))
    eyes = satellites(n_satellites, rng, parameters)
    n_looks = int(until_s / PERIOD_S)
    events = sorted((eye.phase_s + PERIOD_S * k, i) for i, eye in enumerate(eyes) for k in range(n_looks))
    looks, seen_s = [], np.full((n_launches, n_satellites), np.inf)
    for t, i in events:
        eye = eyes[i]
        origin, up = eye.origin(t), eye.origin(t) / np.linalg.norm(eye.origin(t))
        states, owner = [], []
        for k, each in enumerate(launches):
            if each.at_s <= t < each.until_s:
                state = each.state(t)[None]
                hidden = eye.sensor.detection_probability(state, origin[None])[0] == 0.0
                if not hidden and rng.uniform() < detection:
                    states.append(state[0])
                    owner.append(k)
                    seen_s[k, i] = min(t, seen_s[k, i])
        n_false = int(rng.poisson(false_a_look))
        if n_false:  # from the ground and the air above, evenly within 25 degrees of arc below the satellite
            angle = np.arccos(rng.uniform(math.cos(math.radians(25.0)), 1.0, n_false))
            round_ = rng.uniform(0.0, 2.0 * np.pi, n_false)
            side = np.cross(up, [0.0, 0.0, 1.0])
            side /= np.linalg.norm(side)
            level = np.cos(round_)[:, None] * side + np.sin(round_)[:, None] * np.cross(up, side)
            at = 6_400e3 * (np.cos(angle)[:, None] * up + np.sin(angle)[:, None] * level)
            states += list(np.hstack([at, np.zeros((n_false, 3))]))
            owner += [-1] * n_false
        if not states:
            continue
        origins = np.tile(origin, (len(states), 1))
        exact = eye.sensor.measure(np.array(states), origins)
        values = exact + np.sqrt(np.diagonal(eye.sensor.noise(exact), axis1=1, axis2=2)) * rng.normal(size=exact.shape)
        plots = Detections.of(
            sensor=eye.name, components=eye.sensor.COMPONENTS, origin_ecef_m=origins, values=values,
            time_ns=np.full(len(states), START_NS + round(t * NS)),
        )  # fmt: skip
        looks.append(Look(eye.sensor, arrange(plots, eye.sensor), np.array(owner)))
    seen_s = np.sort(np.where(np.isfinite(seen_s), seen_s, np.nan), axis=1)
    second_s = seen_s[:, 1] if n_satellites > 1 else np.full(n_launches, np.nan)
    names = [eye.name for eye in eyes]
    if radar_m is not None:
        looks += radar_looks(launches, radar_m, int(until_s / PERIOD_S), detection, rng)
        looks.sort(key=lambda look: int(look.plots.time_ns[0]))
        names.append("radar")
    return Scene(launches, eyes, looks, seen_s[:, 0], second_s, tuple(names))


def radar_looks(
    launches: list[Launch], away_m: float, n_looks: int, detection: float, rng: np.random.Generator
) -> list[Look]:
    """Return what a three-dimensional radar sees of the launches, each at its own azimuth's time."""
    bearing = rng.uniform(0.0, 2.0 * np.pi)
    parameters = {"scan_period_s": PERIOD_S, "range_m_max": 1_500e3, "speed_sigma_m_s": 1_500.0}
    site = SensorSite(
        sensor="radar", type="search_radar", height_m=500.0, lat_rad=LAT_RAD + away_m / 6.37e6 * math.cos(bearing),
        lon_rad=LON_RAD + away_m / 6.37e6 * math.sin(bearing) / math.cos(LAT_RAD),
        parameters={**parameters, "climb_sigma_m_s": 1_500.0},
    )  # fmt: skip
    sensor = importlib.import_module("noroshi.sensors.search_radar").Sensor.at(site)
    columns = [sensor.COMPONENTS.index(name) for name in RADAR]
    found = []
    for k in range(n_looks):
        values, times_s, owner = [], [], []
        for i, each in enumerate(launches):
            t = PERIOD_S * k
            for _ in range(2):  # when the beam points to where it is
                state = each.state(max(t, each.at_s + 1e-3))[None]
                exact = sensor.measure(state, sensor.origin_ecef_m[None])
                t = PERIOD_S * (k + float(exact[0, 1]) % (2.0 * np.pi) / (2.0 * np.pi))
            is_there = each.at_s < t and sensor.detection_probability(state, sensor.origin_ecef_m[None])[0] > 0.0
            if is_there and rng.uniform() < detection:
                exact = sensor.measure(each.state(t)[None], sensor.origin_ecef_m[None])
                noise = np.sqrt(np.diagonal(sensor.noise(exact), axis1=1, axis2=2))
                values.append((exact + noise * rng.normal(size=exact.shape))[0, columns])
                times_s.append(t)
                owner.append(i)
        if values:
            plots = Detections.of(
                sensor="radar", components=RADAR, values=np.array(values),
                time_ns=START_NS + np.round(np.array(times_s) * NS).astype(np.int64),
            )  # fmt: skip
            found.append(Look(sensor, arrange(plots, sensor), np.array(owner)))
    return found
