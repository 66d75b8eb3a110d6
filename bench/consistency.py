"""Do the filters' covariances tell the truth? One NEES and one NIS a cell of motion model, sensors and range.

    uv run bench/consistency.py [--runs 200] [--seed 1] [--cells TEXT] [--json]

Each run is one target with draws of its own, tracked by what the trackers are made of: the first plot starts a track
where its sensor's prior puts the target, every other goes through `Bank.confront` and `settle`, and a height that
nobody measures is bounded as in a tracker (not of missiles and balloons: the bound is made for the depth of the air
that aircraft fly in). Who is whose is given, and nothing is gated: this is about the filter alone.

NEES: of position and velocity as given out, after the last plot, mean over the runs. NIS: of all plots of the second
half of the looks, mean over runs and plots. Both a degree of freedom, so that 1 is right; the p-value is two-sided by
the chi-square law, and each family (matched, mismatched) is judged at 95 % with Holm's correction (Holm (1979), A
simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70).

Matched: the truth is drawn from the model itself. Mismatched: from `consistency_parts/truths.py`, which integrates
other and richer equations by scipy's DOP853. There a filter can be right only as far as its process noise stands for
what it does not know: `low` says that it claims less than it knows (safe), `high` that it claims more.
"""

import argparse
import importlib
import json
import math
import os
import platform
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from consistency_parts import truths
from numpy.typing import NDArray
from scipy.stats import chi2

from noroshi.assessment.consistency import bounds, nees
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic, enu_axes, enu_axes_at
from noroshi.motion import Motion
from noroshi.records import Detections, Identity, SensorSite
from noroshi.run import kernel_cache
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.sensors.rows import form_of, start_of
from noroshi.tracking.height import HEIGHT_SIGMA_M, bound_height
from noroshi.tracking.settling import settle
from noroshi.tracking.store import Near, Store, Whole
from noroshi.tracking.trackers.nearest_neighbour import Tracker

Floats = NDArray[np.float64]
START_NS, NS = 1_700_000_000 * 10**9, 10**9
LAT, LON = 0.6, 0.4
UNGATED = np.full(10, np.inf)
ORBIT_M_S, CARRIER_M_S = 7_400.0, 200.0
RANGES = {"10 km": 10e3, "1,000 km": 1_000e3}
RADAR_3D = ("range_m", "azimuth_rad", "elevation_rad")
RADAR_ALTITUDE = ("range_m", "azimuth_rad", "altitude_m")
RADAR_2D = ("range_m", "azimuth_rad")
LINE = ("line_azimuth_rad", "line_elevation_rad")


@dataclass(frozen=True)
class Flight:
    """How targets begin: (low, high) of each, uniform.

    Attributes:
        height_m, speed_m_s, climb_deg: of the start.
        beyond: of each state component beyond the sixth.
        other: the mismatched truth.
        missile: whether it is fast enough that the radar's prior velocity has to be wide in all directions.
        period_s, looks: of the sensors.
    """

    height_m: tuple[float, float]
    speed_m_s: tuple[float, float]
    climb_deg: tuple[float, float]
    beyond: tuple[tuple[float, float], ...]
    other: truths.Truth
    missile: bool = False
    period_s: float = 1.0
    looks: int = 30
    tuning: Mapping[str, float] = field(default_factory=dict)


def _aircraft(turns: float, climbs: float) -> truths.Truth:
    return lambda start, times, rng: truths.aircraft(start, times, rng, turns=turns, climbs=climbs)


def _near_and_far(near: Flight | None, far: Flight | None) -> dict[str, Flight | None]:
    return {"10 km": near, "1,000 km": far}


def _air(beyond: tuple[tuple[float, float], ...], other: truths.Truth) -> dict[str, Flight | None]:
    near = Flight((2e3, 4e3), (150.0, 250.0), (-2.0, 2.0), beyond, other)
    far = Flight((10.5e3, 12.5e3), (200.0, 280.0), (-0.3, 0.3), beyond, other, period_s=5.0)
    return _near_and_far(near, far)


def _missile(beyond: tuple[tuple[float, float], ...], other: truths.Truth, near: Any, far: Any) -> dict[str, Any]:
    made = [each and Flight(*each, beyond, other, missile=True) for each in (near, far)]
    return _near_and_far(*made)


MASS = (math.log(3_000.0), math.log(8_000.0))
FLIGHTS: dict[str, dict[str, Flight | None]] = {
    "constant_velocity": _air((), _aircraft(0.0, 2.0)),
    "coordinated_turn": _air(((-0.05, 0.05),), _aircraft(1.0, 2.0)),
    "singer": _air(((-3.0, 3.0),) * 3, _aircraft(0.7, 5.0)),
    "hover": _near_and_far(
        Flight((200.0, 500.0), (0.0, 3.0), (-2.0, 2.0), (), truths.hovering, looks=60),
        Flight((18e3, 22e3), (0.0, 3.0), (-2.0, 2.0), (), truths.hovering, period_s=5.0, looks=60),
    ),
    "ballistic": _missile(
        (MASS,),
        truths.falling,
        ((4e3, 6e3), (500.0, 700.0), (20.0, 40.0)),
        ((200e3, 300e3), (2_500.0, 4_000.0), (-30.0, 30.0)),
    ),
    "boost": _missile(
        ((20.0, 40.0), (0.004, 0.01), (0.0, 15.0)),
        truths.boosting,
        ((3e3, 5e3), (250.0, 400.0), (50.0, 70.0)),
        ((90e3, 130e3), (1_500.0, 3_000.0), (20.0, 50.0)),
    ),
    "glide": _missile(
        ((math.log(9_000.0), math.log(18_000.0)), (-0.5, 0.5), (2.2, 3.0)),
        truths.gliding,
        None,
        ((55e3, 60e3), (5_000.0, 6_000.0), (-1.0, 1.0)),
    ),
}


@dataclass(frozen=True)
class Eye:
    """One sensor: what it measures, when it looks within a period, and where it is (n, 3) at a time."""

    sensor: Sensor
    components: tuple[str, ...]
    phase: float
    origin: Callable[[float], Floats]
    round_m: float = 0.0


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    motions: tuple[str, ...]
    sensors: str
    range_m: float
    where: str
    flight: Flight | None
    components: tuple[str, ...] = ()
    height_m: float = 500.0
    parameters: Mapping[str, float] = field(default_factory=dict)
    round_m: float = 0.0
    is_bounded: bool = True
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{'+'.join(self.motions)}, {self.sensors}, {self.where}"


def cells() -> list[Cell]:
    """Return the grid, and after it what else is looked at."""
    found = []
    for motion, by_range in FLIGHTS.items():
        for where, range_m in RANGES.items():
            for sensors in ("radar", "infrared", "mixed"):
                far = range_m > 1e5
                flight = by_range[where]
                note = "glides above 30 km" if flight is None else ""
                if far and flight and not flight.missile and sensors != "infrared":
                    note = "below the radar's horizon"
                components = RADAR_3D if far or (flight and flight.missile) else RADAR_ALTITUDE
                height_m = 3_000.0 if far else 500.0
                found.append(
                    Cell((motion,), sensors, range_m, where, flight, components, height_m,
                         is_bounded=not far and not (flight and flight.missile), note=note)
                )  # fmt: skip
    en_route = Flight((8e3, 11e3), (200.0, 250.0), (-1.0, 1.0), (), _aircraft(0.0, 2.0), period_s=10.0, looks=20)
    for km in (30, 100, 300):
        found.append(Cell(("constant_velocity",), "radar, no height", 1e3 * km, f"{km} km", en_route, RADAR_2D))
    for km in (10, 100):
        flight = FLIGHTS["constant_velocity"]["10 km"] if km == 10 else en_route
        step = {"altitude_step_m": 7.62, "altitude_sigma_m": 1.0}
        found.append(
            Cell(("constant_velocity",), "radar, Mode C in 25 ft", 1e3 * km, f"{km} km", flight, RADAR_ALTITUDE,
                 parameters=step, round_m=7.62)
        )  # fmt: skip
    with_rate = (*RADAR_3D, "range_rate_m_s")
    found.append(Cell(("constant_velocity",), "radar, range rate", 100e3, "100 km", en_route, with_rate))
    far = FLIGHTS["ballistic"]["1,000 km"]
    found.append(Cell(("ballistic",), "radar, range rate", 1_000e3, "1,000 km", far, with_rate, 3_000.0))
    turning = Flight(
        (8e3, 11e3), (200.0, 250.0), (-1.0, 1.0), ((0.0, 0.0),), _aircraft(1.0, 2.0), period_s=5.0, looks=30
    )
    found.append(Cell(("constant_velocity", "coordinated_turn"), "radar", 100e3, "100 km", turning, RADAR_ALTITUDE))
    return found


def _place(cell: Cell, flight: Flight, motion: Motion, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return (n, d) states at the start and (n,) headings: at that slant range from the radar, all round."""
    height = rng.uniform(*flight.height_m, n)
    ours, theirs = MEAN_RADIUS_M + cell.height_m, MEAN_RADIUS_M + height
    cosine = (ours**2 + theirs**2 - cell.range_m**2) / (2.0 * ours * theirs)
    angle, bearing = np.arccos(np.minimum(cosine, 1.0)), rng.uniform(0.0, 2.0 * np.pi, n)
    sine = np.sin(LAT) * np.cos(angle) + np.cos(LAT) * np.sin(angle) * np.cos(bearing)
    lat = np.arcsin(sine)
    lon = LON + np.arctan2(np.sin(bearing) * np.sin(angle) * np.cos(LAT), np.cos(angle) - np.sin(LAT) * sine)
    side = rng.choice([-1.0, 1.0], n) * rng.uniform(np.pi / 3.0, 2.0 * np.pi / 3.0, n)
    heading, climb = bearing + side, np.radians(rng.uniform(*flight.climb_deg, n))
    level = np.cos(climb)
    course = np.stack([level * np.sin(heading), level * np.cos(heading), np.sin(climb)], axis=1)
    velocity = np.vecmat(rng.uniform(*flight.speed_m_s, n)[:, None] * course, enu_axes(lat, lon))
    beyond = [rng.uniform(*each, n) for each in flight.beyond[: len(motion.COMPONENTS) - 6]]
    return np.column_stack([ecef_from_geodetic(lat, lon, height), velocity, *beyond]), heading


def _radar(cell: Cell, flight: Flight, n: int) -> Eye:
    parameters = {"range_m_max": 3e6, "range_m_min": 0.0, "scan_period_s": flight.period_s, "altitude_sigma_m": 8.0,
                  "altitude_step_m": 1e-3, **cell.parameters}  # fmt: skip
    if flight.missile:
        speed = flight.speed_m_s[1] / math.sqrt(2.0)
        parameters |= {"speed_sigma_m_s": speed, "climb_sigma_m_s": speed}
    site = SensorSite(
        sensor="radar", type="search_radar", lat_rad=LAT, lon_rad=LON, height_m=cell.height_m, parameters=parameters
    )
    sensor = importlib.import_module("noroshi.sensors.search_radar").Sensor.at(site)
    origin = np.tile(sensor.origin_ecef_m, (n, 1))
    return Eye(sensor, cell.components, 0.0, lambda _: origin, cell.round_m)


def _infrared(
    cell: Cell, flight: Flight, start: Floats, heading: Floats, count: int, rng: np.random.Generator
) -> list[Eye]:
    """Return eyes around each target: satellites where that is possible, else aircraft that carry them along."""
    n, far = len(start), cell.range_m > 1e5
    top_m = 15e3 if not far else (600e3 if flight.height_m[1] > 150e3 else 150e3 if flight.missile else 30e3)
    parameters = {
        "scan_period_s": flight.period_s,
        "height_prior_m_max": top_m,
        "cloud_top_m": 10_000.0 if far else 0.0,
        "speed_sigma_m_s": flight.speed_m_s[1] / math.sqrt(2.0) if flight.missile else 300.0,
    }
    axes = enu_axes_at(start[:, :3])
    first, found = rng.uniform(0.0, 2.0 * np.pi, n), []
    for k in range(count):
        bearing = first + 2.0 * np.pi * k / count
        rise = np.radians(rng.uniform(30.0, 70.0, n) if far else rng.uniform(10.0, 50.0, n))
        way = np.stack([np.cos(rise) * np.sin(bearing), np.cos(rise) * np.cos(bearing), np.sin(rise)], axis=1)
        place = start[:, :3] + cell.range_m * np.vecmat(way, axes)
        course = rng.uniform(0.0, 2.0 * np.pi, n) if far else heading
        ahead = np.vecmat(np.stack([np.sin(course), np.cos(course), np.zeros(n)], axis=1), axes)
        up = place / np.linalg.norm(place, axis=1)[:, None]
        ahead -= np.vecdot(ahead, up)[:, None] * up
        ahead /= np.linalg.norm(ahead, axis=1)[:, None]
        speed = ORBIT_M_S if far else min(CARRIER_M_S, flight.speed_m_s[1])

        def origin(t: float, up: Floats = up, ahead: Floats = ahead, place: Floats = place, v: float = speed) -> Floats:
            radius = np.linalg.norm(place, axis=1)[:, None]
            return radius * (np.cos(v * t / radius) * up + np.sin(v * t / radius) * ahead)

        site = SensorSite(
            sensor=f"infrared {k}", type="infrared", lat_rad=LAT, lon_rad=LON, height_m=0.0, parameters=parameters
        )
        sensor = importlib.import_module("noroshi.sensors.infrared").Sensor.at(site)
        found.append(Eye(sensor, LINE, (k + 1.0) / (count + 1.0), origin))
    return found


def _plots(eye: Eye, name: str, states: Floats, t: float, rng: np.random.Generator) -> Detections:
    origin = eye.origin(t)
    exact = eye.sensor.measure(states[:, :6], origin)
    noise = np.sqrt(np.diagonal(eye.sensor.noise(exact), axis1=1, axis2=2))
    if eye.round_m:
        noise[:, eye.sensor.COMPONENTS.index("altitude_m")] = eye.sensor.parameters["altitude_sigma_m"]
    values = exact + noise * rng.normal(size=exact.shape)
    if eye.round_m:
        at = eye.sensor.COMPONENTS.index("altitude_m")
        values[:, at] = np.round(values[:, at] / eye.round_m) * eye.round_m
    columns = [eye.sensor.COMPONENTS.index(component) for component in eye.components]
    plots = Detections.of(
        sensor=name,
        components=eye.components,
        time_ns=np.full(len(states), START_NS + round(t * NS)),
        values=values[:, columns],
        origin_ecef_m=origin,
        identity=Identity.absent(len(states)).replace(icao_address=np.arange(1, len(states) + 1)),
    )
    return arrange(plots, eye.sensor)


def run(cell: Cell, n: int, seed: int, truth: str) -> dict[str, Any]:
    """Return the statistics of one cell."""
    flight = cell.flight
    rng = np.random.default_rng([seed, zlib.crc32(f"{cell.name}|{truth}".encode())])
    motions = tuple(importlib.import_module(f"noroshi.motion.{name}").Motion.of() for name in cell.motions)
    if flight is None:
        return {"not_applicable": cell.note}
    start, heading = _place(cell, flight, motions[-1], n, rng)
    eyes = [] if cell.sensors == "infrared" else [_radar(cell, flight, n)]
    if cell.sensors in ("infrared", "mixed"):
        eyes += _infrared(cell, flight, start, heading, 3 if cell.sensors == "infrared" else 2, rng)
    seen = [float(eye.sensor.detection_probability(start[:, :6], eye.origin(0.0)).min()) for eye in eyes]
    if min(seen) == 0.0:
        if not cell.note:
            raise RuntimeError(f"{cell.name}: a sensor does not see its targets")
        return {"not_applicable": cell.note}
    events = sorted(
        ((k + eye.phase) * flight.period_s, i, k) for i, eye in enumerate(eyes) for k in range(flight.looks)
    )
    times_s = np.array([t for t, _, _ in events])
    make = flight.other if truth == "mismatched" else lambda s, t, r: truths.matched(motions[0], s, t, r)
    ways = make(start, times_s, rng)
    names = tuple(str(i) for i in range(len(eyes)))
    tracker = Tracker(node="n", sensor_names=names, motions=motions)
    store, rows = tracker.store, np.arange(n)
    squared, measured, by_look = 0.0, 0, []
    for at, (t, i, look) in enumerate(events):
        plots = _plots(eyes[i], names[i], ways[at], t, rng)
        if len(plots) != n or plots.quality.any():
            raise RuntimeError(f"{cell.name}: plots were refused")
        if at == 0:
            _start(tracker, plots, eyes[i].sensor)
            continue
        form = form_of(eyes[i].sensor, plots)
        pairs = tracker.bank.confront(
            store, rows, rows, np.zeros(n, np.int64), plots, form, eyes[i].sensor, UNGATED, keep_prior=False
        )
        settle(store, pairs, np.ones(n), plots.time_ns, np.ones(n), tracker.bank)
        store.refresh(rows)
        if cell.is_bounded:
            _bound(store, rows)
        if look >= flight.looks // 2 and len(motions) == 1:
            squared += float(pairs.distance.sum())
            measured += int(pairs.fit[0, :, 2].sum())
        if i == 0:
            by_look.append(_nees(tracker, rows, ways[at], 0, 6).mean() / 6.0)
    last, error = _nees(tracker, rows, ways[-1], 0, 6), (ways[-1][:, :6] - store.moments(rows)[0])[:, :3]
    found: dict[str, Any] = {
        "nees": statistic(float(last.sum()), 6 * n),
        "position_nees": float(_nees(tracker, rows, ways[-1], 0, 3).mean() / 3.0),
        "velocity_nees": float(_nees(tracker, rows, ways[-1], 3, 6).mean() / 3.0),
        "nees_by_look": [round(float(x), 3) for x in by_look],
        "position_error_m": float(np.sqrt(np.mean(np.sum(error**2, axis=1)))),
    }
    if measured:
        found["nis"] = statistic(squared, measured)
    return found


def _start(tracker: Tracker, plots: Detections, sensor: Sensor) -> None:
    """Start a track at every plot, where the sensor's own prior puts its target."""
    store, rows = tracker.store, tracker.store.new_rows(len(plots))
    mean, covariance = start_of(sensor, plots, form_of(sensor, plots), rows)
    store.epoch_ns = int(plots.time_ns[0])
    tracker.bank.begin(store, rows, mean, covariance, np.ones(len(rows)))
    store.whole[rows] = 0
    store.whole[rows, Whole.TIME] = plots.time_ns
    store.refresh(rows)


def _bound(store: Store, rows: NDArray[np.int64]) -> None:
    """Bound the heights as `Keeper` does."""
    loose = rows[store.near[rows, Near.POSITION_SIGMA] > HEIGHT_SIGMA_M]
    for size, offset in zip(store.layout.sizes, store.layout.offsets, strict=True):
        spread = slice(offset + size, offset + size + size * size)
        covariance = store.real[loose, spread].reshape(-1, size, size)
        mean, covariance = bound_height(store.real[loose, offset : offset + size], covariance)
        store.real[loose, offset : offset + size] = mean
        store.real[loose, spread] = covariance.reshape(len(loose), size * size)
    store.refresh(loose)


def _nees(tracker: Tracker, rows: NDArray[np.int64], truth: Floats, low: int, high: int) -> Floats:
    mean, covariance = tracker.store.moments(rows)
    return nees((truth[:, :6] - mean)[:, low:high], covariance[:, low:high, low:high])


def statistic(total: float, dof: int) -> dict[str, float]:
    """Return a sum of squares by degree of freedom, its own bounds at 95 %, and its two-sided p-value."""
    low, high = bounds(1, dof)
    p = 2.0 * min(float(chi2.cdf(total, dof)), float(chi2.sf(total, dof))) if math.isfinite(total) else 0.0
    return {"value": total / dof, "low": low / dof, "high": high / dof, "dof": dof, "p": min(p, 1.0)}


def holm(statistics: list[dict[str, Any]]) -> None:
    """Write into each whether it is inside its bounds with all others of its family, at 95 %: "yes", "low", "high"."""
    still = True
    for rank, each in enumerate(sorted(statistics, key=lambda s: s["p"])):
        still = still and each["p"] <= 0.05 / (len(statistics) - rank)
        each["inside"] = "yes" if not still else "high" if not each["value"] < 1.0 else "low"


def measure(n: int, seed: int, only: str = "") -> Iterator[dict[str, Any]]:
    """Yield every cell's figures."""
    for cell in cells():
        if only in cell.name:
            line: dict[str, Any] = {
                "motion": "+".join(cell.motions), "sensors": cell.sensors, "range": cell.where,
                "is_grid": cell.sensors in ("radar", "infrared", "mixed") and cell.where in RANGES,
            }  # fmt: skip
            for truth in ("matched", "mismatched"):
                if truth == "mismatched" or len(cell.motions) == 1:
                    line[truth] = run(cell, n, seed, truth)
            yield line


def _show(line: dict[str, Any]) -> str:
    text = f"{line['motion']:36} {line['sensors']:23} {line['range']:9}"
    for truth in ("matched", "mismatched"):
        found = line.get(truth, {})
        if "not_applicable" in found:
            return f"{text} not applicable: {found['not_applicable']}"
        for name in ("nees", "nis"):
            each = found.get(name)
            text += f"{each['value']:9.3f} {each.get('inside', ''):4}" if each else " " * 14
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", default="", help="only those whose name has this in it")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    begin, lines = time.process_time(), []
    for line in measure(given.runs, given.seed, given.cells):
        lines.append(line)
        if not given.json:
            print(_show(line), flush=True)
    verdict = {}
    for truth in ("matched", "mismatched"):
        family = [
            line[truth][name] for line in lines if truth in line for name in ("nees", "nis") if name in line[truth]
        ]
        holm(family)
        verdict[truth] = {k: sum(each["inside"] == k for each in family) for k in ("yes", "low", "high")}
    head = f"{'motion':36} {'sensors':23} {'range':9}{'matched: NEES':>14}{'NIS':>12}{'mismatched: NEES':>18}{'NIS':>8}"
    if not given.json:
        print("\nWith Holm's correction:", verdict, head, *map(_show, lines), sep="\n")
        return
    versions = {"python": platform.python_version(), **{p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")}}
    found = {"cells": lines, "verdict": verdict, "runs": given.runs, "seed": given.seed, "versions": versions}
    print(json.dumps({**found, "cores": os.cpu_count(), "cpu_s": round(time.process_time() - begin, 1)}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
