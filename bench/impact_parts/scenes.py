"""Flights, satellites and a radar of the impact benches: what is seen of a flight each second, and its truth.

The flights are those of `exercise` (another integrator than the forecast's, in other axes, drag by the Mach number);
the satellites fly circular orbits at 1,000 km and see all that is above their limb, warm or cold unless said otherwise.
"""

import importlib
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import (
    GRAVITATIONAL_PARAMETER_M3_S2,
    MEAN_RADIUS_M,
    ROTATION_RATE_RAD_S,
    ecef_from_geodetic,
    enu_axes,
    geodetic_from_ecef,
)
from noroshi.records import Detections, SensorSite
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange

Floats = NDArray[np.float64]
START_NS, NS = 1_893_456_000 * 10**9, 10**9  # 2030-01-01
ORBIT_M = 1_000e3
RADAR = ("range_m", "azimuth_rad", "elevation_rad")


@dataclass(frozen=True, eq=False)
class Truth:
    """One flight.

    Attributes:
        burn_out_s, impact_s: since lift-off.
        states: returns (n, 6) Earth-fixed at (n,) times since lift-off.
        lat_rad, lon_rad: of the impact.
    """

    burn_out_s: float
    impact_s: float
    flight: Any
    lat_rad: float
    lon_rad: float

    def states(self, time_s: Floats) -> Floats:
        """Return (n, 6) Earth-fixed states."""
        states: Floats = self.flight.at(START_NS + np.round(time_s * NS).astype(np.int64))
        return states


def truth_of(flight: Any, kinds: tuple[int, ...]) -> Truth:
    """Return the truth of a flight that ends on the ground; its burn ends with its last row of these kinds."""
    last = int(np.flatnonzero(np.isin(flight.kind, kinds))[-1]) + 1
    lat, lon, _ = geodetic_from_ecef(flight.state_ecef[-1, :3])
    return Truth(
        float(flight.time_ns[last] - START_NS) / NS, float(flight.time_ns[-1] - START_NS) / NS, flight, float(lat),
        float(lon),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Eye:
    """One sensor.

    Attributes:
        name: of it.
        sensor: how it sees.
        up, ahead: of a satellite, (3,) unit vectors to where it is at `at_s` and of its motion, inertial; else None.
        at_s: see there.
    """

    name: str
    sensor: Sensor
    up: Floats | None = None
    ahead: Floats | None = None
    at_s: float = 0.0

    def origins(self, time_s: Floats) -> Floats:
        """Return (n, 3) where it is, Earth-fixed."""
        if self.up is None or self.ahead is None:
            return np.tile(self.sensor.origin_ecef_m, (len(time_s), 1))
        radius, since = MEAN_RADIUS_M + ORBIT_M, time_s - self.at_s
        angle = math.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / radius**3) * since
        place = radius * (np.cos(angle)[:, None] * self.up + np.sin(angle)[:, None] * self.ahead)
        turn = -ROTATION_RATE_RAD_S * since
        x, y = (
            np.cos(turn) * place[:, 0] - np.sin(turn) * place[:, 1],
            np.sin(turn) * place[:, 0] + np.cos(turn) * place[:, 1],
        )
        return np.stack([x, y, place[:, 2]], axis=1)


def satellite(name: str, lat_deg: float, lon_deg: float, heading_deg: float, at_s: float, sigma_rad: float) -> Eye:
    """Return an infrared satellite that is over a place at a time, on such a course."""
    lat, lon, heading = (math.radians(each) for each in (lat_deg, lon_deg, heading_deg))
    east, north, _ = enu_axes(lat, lon)
    up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    ahead = math.sin(heading) * east + math.cos(heading) * north
    ahead -= up * (ahead @ up)
    parameters = {"line_sigma_rad": sigma_rad, "scan_period_s": 1.0, "detection_probability": 0.99}
    parameters |= {"height_prior_m_max": 500_000.0, "speed_sigma_m_s": 3_000.0}
    parameters["cold_detection_probability"] = 0.99  # these see the cold body as well
    site = SensorSite(sensor=name, type="infrared", parameters=parameters)
    return Eye(name, _load("infrared").at(site), up, ahead / np.linalg.norm(ahead), at_s)


def radar(name: str, lat_deg: float, lon_deg: float, sigma_rad: float) -> Eye:
    """Return a radar that measures range to 30 m, azimuth and elevation."""
    parameters = {"range_sigma_m": 30.0, "azimuth_sigma_rad": sigma_rad, "elevation_sigma_rad": sigma_rad}
    parameters |= {"range_m_max": 4_000e3, "scan_period_s": 1.0, "detection_probability": 0.99}
    parameters |= {"speed_sigma_m_s": 3_000.0, "climb_sigma_m_s": 3_000.0}
    site = SensorSite(
        sensor=name, type="search_radar", lat_rad=math.radians(lat_deg), lon_rad=math.radians(lon_deg), height_m=300.0,
        parameters=parameters,
    )  # fmt: skip
    return Eye(name, _load("search_radar").at(site))


def eyes_about(truth: Truth, rng: np.random.Generator) -> list[Eye]:
    """Return two satellites and a radar about the place of burn-out."""
    lat, lon, _ = geodetic_from_ecef(truth.states(np.array([truth.burn_out_s]))[0, :3])
    at = math.degrees(lat), math.degrees(lon)
    pair = [
        satellite(
            name, at[0] + rng.uniform(-10.0, 10.0), at[1] + side * rng.uniform(5.0, 15.0), rng.uniform(0.0, 360.0),
            truth.burn_out_s, 50e-6,
        )
        for name, side in (("a", -1.0), ("b", 1.0))
    ]  # fmt: skip
    return [*pair, radar("r", at[0] + rng.uniform(-5.0, 5.0), at[1] + rng.uniform(-6.0, 6.0), 1e-3)]


@cache
def _load(kind: str) -> Any:
    return importlib.import_module(f"noroshi.sensors.{kind}").Sensor


def columns_of(eye: Eye) -> list[int]:
    """Return which of the type's components it measures."""
    wanted = RADAR if eye.up is None else eye.sensor.COMPONENTS
    return [eye.sensor.COMPONENTS.index(name) for name in wanted]


def looks(
    truth: Truth,
    eyes: list[Eye],
    time_s: Floats,
    rng: np.random.Generator,
    *,
    off: dict[str, Floats] | None = None,
    late_s: dict[str, float] | None = None,
) -> list[tuple[Eye, Detections]]:
    """Return what each sensor sees at each of these times, in their order, one plot each.

    Args:
        truth: the flight.
        eyes: the sensors; where the Earth is in between, nothing is seen.
        time_s: since lift-off.
        rng: of the noise.
        off: what a sensor of that name measures too much, in its own components.
        late_s: by how much its stamps are late.
    """
    states, found = truth.states(time_s), []
    for phase, eye in enumerate(eyes):
        when = time_s + 0.1 * phase  # no two at once
        held = when < truth.impact_s
        states, origins = truth.states(when[held]), eye.origins(when[held])
        seen = eye.sensor.detection_probability(states, origins) > 0.0
        exact = eye.sensor.measure(states, origins)
        root = np.sqrt(np.diagonal(eye.sensor.noise(exact), axis1=1, axis2=2))
        values = exact + root * rng.normal(size=exact.shape)
        columns = columns_of(eye)
        values = values[:, columns]
        if off and eye.name in off:
            values = values + off[eye.name]
        names, late = tuple(eye.sensor.COMPONENTS[c] for c in columns), (late_s or {}).get(eye.name, 0.0)
        for i in np.flatnonzero(seen):
            plots = Detections.of(
                sensor=eye.name, components=names, origin_ecef_m=origins[i : i + 1], values=values[i : i + 1],
                time_ns=np.array([START_NS + round((float(when[held][i]) + late) * NS)]),
            )  # fmt: skip
            found.append((int(plots.time_ns[0]), eye, arrange(plots, eye.sensor)))
    found.sort(key=lambda each: each[0])
    return [(eye, plots) for _, eye, plots in found]


def information(
    truth: Truth, eyes: list[Eye], time_s: Floats, *, prior_m: float = 20e3, prior_m_s: float = 500.0
) -> Floats:
    """Return the (6, 6) Fisher information of the state at the last of these times, which are of free flight.

    Each sensor measures at each time where it sees the target; beforehand the state at the first time is known to so
    much along each axis. The way from one time to the next is the truth's own, without process noise: gravity with J2
    and rotation; air is left out.
    """
    motion = importlib.import_module("noroshi.motion.ballistic").Motion.of()
    states = truth.states(time_s)
    steps = np.diff(time_s)
    full = np.hstack([states, np.full((len(states), 1), math.log(1e12))])
    onward = motion.jacobian(full[:-1], steps)[:, :6, :6]
    total = np.diag([prior_m**-2.0] * 3 + [prior_m_s**-2.0] * 3)
    for k in range(len(time_s)):
        if k:
            back = np.linalg.inv(onward[k - 1])
            total = back.T @ total @ back
        for eye in eyes:
            origin = eye.origins(time_s[k : k + 1])
            if eye.sensor.detection_probability(states[k : k + 1], origin)[0] <= 0.0:
                continue
            columns = columns_of(eye)
            rows = eye.sensor.jacobian(states[k : k + 1], origin)[0][columns]
            noise = eye.sensor.noise(eye.sensor.measure(states[k : k + 1], origin))[0][np.ix_(columns, columns)]
            total = total + rows.T @ np.linalg.solve(noise, rows)
    return total


def follow(
    seen: list[tuple[Eye, Detections]],
    eyes: list[Eye],
    tracker: str,
    at_s: list[float],
    motions: list[Any],
    *,
    left: dict[str, Floats] | None = None,
) -> list[dict[str, Any] | None]:
    """Return the firm track's newest row at each of these times, None where there is none: the shipped tracker's.

    Args:
        seen: what the sensors saw, in order.
        eyes: the sensors.
        tracker: its name.
        at_s: since lift-off.
        motions: its models.
        left: (4, 4) covariance of what registration, which knows it, has left of the biases of radars.
    """
    room = importlib.import_module(f"noroshi.tracking.trackers.{tracker}")
    made = room.Tracker(node="n", sensor_names=tuple(eye.name for eye in eyes), motions=motions)
    if left:
        made.consider(tuple(left))
        made.left = np.array(list(left.values()))
    found: list[dict[str, Any] | None] = []
    newest: dict[int, dict[str, Any]] = {}
    wanted = sorted(at_s)
    for eye, plots in [*seen, (None, None)]:
        now_s = math.inf if plots is None else (int(plots.time_ns[0]) - START_NS) / NS
        while len(found) < len(wanted) and now_s > wanted[len(found)]:
            rows = list(newest.values())
            found.append(max(rows, key=lambda row: (row["updated_ns"], row["first"] * -1)) if rows else None)
        if plots is None or len(found) == len(wanted):
            break
        rows = made.step(plots, eye.sensor)
        for i in range(len(rows)):
            number = int(rows.track_id[i])
            if rows.status[i] == 3:  # lost
                continue
            first = newest.get(number, {"first": int(rows.time_ns[i])})["first"]
            newest[number] = {
                "time_ns": int(rows.time_ns[i]), "updated_ns": int(rows.updated_ns[i]), "first": first,
                "state": rows.state_ecef[i].copy(), "covariance": rows.covariance_ecef[i].copy(),
                "kind": rows.kind_probability[i].copy(), "status": int(rows.status[i]), "tracks": len(newest),
            }  # fmt: skip
    return found


def motions() -> list[Any]:
    """Return the motion models of the tracker in a missile scenario."""
    names = ("constant_velocity", "ballistic", "boost", "glide")
    return [importlib.import_module(f"noroshi.motion.{name}").Motion.of() for name in names]


def place(lat_deg: float, lon_deg: float, height_m: float) -> Floats:
    """Return (3,) Earth-fixed."""
    return ecef_from_geodetic(math.radians(lat_deg), math.radians(lon_deg), height_m)
