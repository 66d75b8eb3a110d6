"""Does a track's velocity tell the truth from its second plot on? NEES by what moves and who sees it.

    uv run bench/first_plots.py [--runs 200] [--first 40000] [--kinds TEXT] [--radars TEXT] [--json]

One target a run, begun anew and seen in every look, no false plots, by the default tracker with the models of a
scenario of missiles. It is first seen anywhere above the horizon and below 45 degrees. Truth is `motion.ballistic` of
20,000 kg/m2 (satellites, what falls), a trimmed `motion.glide`, a steady `motion.boost`, a great circle; headings are
even.

Told is of the track that has the newest plot, after plots 2 to 5: `held`, in which share of runs it is the track of the
first plot and has taken every one since; NEES of the velocity, all runs, over its three degrees of freedom, beside the
95 % bounds (1 is right; `high`: it claims more than it knows); medians of the error and of the sigma claimed (root of
the trace); mean model probabilities. The tracker allows for plots that are not its own: without any it claims less than
it knows (`low`).
"""

import argparse
import importlib
import json
import platform
import zlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.consistency import bounds
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, ROTATION_RATE_RAD_S, ecef_from_geodetic, enu_axes_at
from noroshi.motion import Motion
from noroshi.records import Detections, SensorSite
from noroshi.run import kernel_cache
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.store import Whole
from noroshi.tracking.trackers.soft import Tracker

Floats = NDArray[np.float64]
START_NS, LAT, LON, HIGHEST_DEG, PLOTS, TRIES = 1_893_456_000 * NS_PER_S, 0.61, 2.45, 45.0, 5, 2_000
THRUST = [50.0, 0.01, 5.0]
MODELS = ("constant_velocity", "left_turn", "right_turn", "ballistic", "boost", "glide")
COARSE = {"range_sigma_m": 60.0, "azimuth_sigma_rad": 0.0012, "elevation_sigma_rad": 0.0016}
RADARS: dict[str, tuple[bool, dict[str, float]]] = {  # whether it measures elevation, and what it is
    "2-D, 10 s": (False, {"azimuth_sigma_rad": 0.0014, "scan_period_s": 10.0}),
    "3-D, 10 s": (True, {"scan_period_s": 10.0, "range_m_max": 1e6}),
    "3-D, 5 s": (True, {**COARSE, "scan_period_s": 5.0, "range_m_max": 1e6}),
    "3-D, 2 s": (True, {**COARSE, "scan_period_s": 2.0, "range_m_max": 1e6}),
    "3-D, 1 s": (True, {**COARSE, "scan_period_s": 1.0, "range_m_max": 1e6}),
}
KINDS: dict[str, tuple[tuple[float, float], tuple[float, float], float]] = {  # height [m], speed [m/s], steepest [deg]
    "satellite": ((400e3, 900e3), (0.0, 0.0), 0.0),  # in a circle, as fast as that is
    "falls": ((80e3, 500e3), (2_000.0, 7_000.0), 40.0),
    "glider": ((40e3, 60e3), (3_000.0, 6_000.0), 1.0),
    "rises": ((40e3, 150e3), (800.0, 4_000.0), 60.0),
    "aircraft": ((3e3, 12e3), (80.0, 300.0), 3.0),
}


def model(name: str) -> Motion:
    """Return a motion model."""
    found: Motion = importlib.import_module(f"noroshi.motion.{name}").Motion.of()
    return found


def radar(name: str) -> Sensor:
    """Return a radar."""
    site = SensorSite(
        sensor="radar", type="search_radar", lat_rad=LAT, lon_rad=LON, height_m=200.0, parameters=RADARS[name][1]
    )
    return Sensor.at(site)


def begun(kind: str, sensor: Sensor, rng: np.random.Generator) -> Floats | None:
    """Return a (6,) state where the sensor sees it; None if it is never there."""
    heights, speeds, steepest_deg = KINDS[kind]
    for _ in range(TRIES):
        angle, bearing = np.arccos(1.0 - rng.uniform() * (1.0 - np.cos(0.2))), rng.uniform(0.0, 2.0 * np.pi)
        sine = np.sin(LAT) * np.cos(angle) + np.cos(LAT) * np.sin(angle) * np.cos(bearing)
        lat = np.arcsin(sine)
        lon = LON + np.arctan2(np.sin(bearing) * np.sin(angle) * np.cos(LAT), np.cos(angle) - np.sin(LAT) * sine)
        place = ecef_from_geodetic(lat, lon, rng.uniform(*heights)).reshape(3)
        course, climb = rng.uniform(0.0, 2.0 * np.pi), np.radians(rng.uniform(-steepest_deg, steepest_deg))
        climb = abs(climb) if kind == "rises" else climb
        speed = rng.uniform(*speeds) if speeds[1] else np.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / np.linalg.norm(place))
        level = np.cos(climb)
        own = np.array([level * np.sin(course), level * np.cos(course), np.sin(climb)])
        velocity = speed * own @ enu_axes_at(place[None])[0]
        if not speeds[1]:
            velocity -= np.cross([0.0, 0.0, ROTATION_RATE_RAD_S], place)
        state = np.concatenate([place, velocity])
        values = sensor.measure(state[None], sensor.origin_ecef_m[None])[0]
        seen = sensor.detection_probability(state[None], sensor.origin_ecef_m[None])[0]
        if seen > 0.0 and values[2] < np.radians(HIGHEST_DEG):
            return state
    return None


def way(kind: str, state: Floats) -> Callable[[float], Floats]:
    """Return how it goes on, a function of the seconds."""
    name = {"glider": "glide", "aircraft": "constant_velocity", "rises": "boost"}.get(kind, "ballistic")
    beyond = {"glide": [np.log(13_000.0), 0.0, 2.6], "ballistic": [np.log(20_000.0)], "boost": THRUST}.get(name, [])
    moves, start = model(name), np.concatenate([state, beyond])[None]
    return lambda time_s: moves.propagate(start, np.array([time_s]))[0, :6]


def once(kind: str, name: str, number: int) -> list[tuple[bool, Floats, Floats, Floats] | None] | None:
    """Return if the first track has each of plots 2 to 5, error, covariance, models' probabilities; None: no track."""
    rng = np.random.default_rng([number, zlib.crc32(f"{kind}|{name}".encode())])
    sensor, measures_elevation = radar(name), RADARS[name][0]
    start = begun(kind, sensor, rng)
    if start is None:
        return None
    goes = way(kind, start)
    tracker = Tracker(node="n", sensor_names=("radar",), motions=[model(each) for each in MODELS])
    found: list[Any] = []
    first = 0
    for k in range(PLOTS):
        time_s = k * sensor.parameters["scan_period_s"]
        state = goes(time_s)
        value = sensor.measure(state[None], sensor.origin_ecef_m[None])[0]
        value[:3] += rng.normal(size=3) * np.sqrt(np.diagonal(sensor.own_noise)[:3])
        value[1] %= 2.0 * np.pi
        value[3:] = np.nan
        if not measures_elevation:
            value[2] = np.nan
        plot = Detections.of(
            sensor="radar", components=sensor.COMPONENTS, time_ns=np.array([START_NS + round(time_s * NS_PER_S)]),
            values=value[None],
        ).replace(origin_ecef_m=sensor.origin_ecef_m[None])  # fmt: skip
        tracker.step(arrange(plot, sensor), sensor)
        store = tracker.store
        rows = store.in_use()
        now = rows[store.whole[rows, Whole.MEASURED] == START_NS + round(time_s * NS_PER_S)]
        if not k:
            first = int(store.whole[now[0], Whole.ID])
            continue
        if not now.size:
            found.append(None)
            continue
        own = now[np.argmax(store.real[now, 0])]
        mean, covariance = store.moments(np.array([own]))
        is_held = int(store.whole[own, Whole.ID]) == first and int(store.whole[own, Whole.HITS]) == k + 1
        found.append((is_held, mean[0] - state, covariance[0], store.real[own, 1 : 1 + len(MODELS)].copy()))
    return found


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=40_000)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--radars", default=";".join(RADARS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kernel_cache.prepare()
    figures = []
    for kind in arguments.kinds.split(","):
        for name in arguments.radars.split(";"):
            made = [once(kind, name, arguments.first + i) for i in range(arguments.runs)]
            every = [run for run in made if run is not None]
            if not every:
                continue
            low, high = bounds(len(every), 3)
            low, high = low / 3.0, high / 3.0
            for k in range(PLOTS - 1):
                tracks = [run[k] for run in every if run[k] is not None]
                held = [t for t in tracks if t[0]]
                nees = [float(t[1][3:] @ np.linalg.solve(t[2][3:, 3:], t[1][3:])) / 3.0 for t in tracks]
                mean = float(np.mean(nees))
                inside = "yes" if low <= mean <= high else "low" if mean < low else "high"
                errors = [float(np.linalg.norm(t[1][3:])) for t in tracks]
                sigmas = [float(np.sqrt(np.trace(t[2][3:, 3:]))) for t in tracks]
                figures.append(
                    {
                        "kind": kind, "radar": name, "plot": k + 2, "held": round(len(held) / len(every), 3),
                        "nees": round(mean, 3), "inside": inside, "bounds": [round(low, 3), round(high, 3)],
                        "error_m_s": round(float(np.median(errors)), 1),
                        "sigma_m_s": round(float(np.median(sigmas)), 1),
                        "models": np.round(np.mean([t[3] for t in tracks], axis=0), 2).tolist(),
                    }
                )  # fmt: skip
                if not arguments.json:
                    print(", ".join(f"{key} {value}" for key, value in figures[-1].items()), flush=True)
    versions = {"noroshi": version("noroshi"), "numpy": np.__version__, "python": platform.python_version()}
    if arguments.json:
        told = {"bench": "first_plots", "runs": arguments.runs, "first": arguments.first}
        print(json.dumps(told | {"figures": figures, "versions": versions}))


if __name__ == "__main__":
    main()
