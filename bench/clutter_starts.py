"""How often clutter alone makes a firm track that boosts, falls or glides, and how soon a true one is firm beside it.

    uv run bench/clutter_starts.py [--radar jpn-north] [--hours 200] [--flights 60] [--first 100] [--share 1.0] [--json]

A radar of the shipped scenario `trilateral`, the soft tracker with the scenario's models, and no node, link or warning.

`false`: nothing flies; false plots are Poisson, even over the area (of a 3-D radar over elevation too). Counted are
firm tracks of which some row says missile with more than 0.5, by hour (exact 95 % interval of a Poisson rate), beside
the false ones that they claim to be (one less the existence, added up) and the true ones that the tracker expects the
radar to begin to see (`births_a_look` times the shares).

`true`: one free flight each (1.5 to 4 km/s, first 40 to 150 km high), seen with 0.9, in the same clutter: from its
first plot to the first firm row within 60 km that says missile, with more than 0.5; `never` within 12 looks.

With `--share` what the fast models state of what is new is multiplied.
"""

import argparse
import dataclasses
import importlib
import json
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.stats import chi2

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, enu_axes_at
from noroshi.motion import Motion
from noroshi.records import Detections, Kind, SensorSite, Tracks, TrackStatus
from noroshi.run import kernel_cache
from noroshi.run.batches import in_time
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.trackers.soft import Parameters, Tracker

START_NS, CHUNK_H, LOOKS, NEAR_M, BATCH_S = 1_893_456_000 * NS_PER_S, 5.0, 12, 60e3, 2.5
MODELS = ("constant_velocity", "ballistic", "boost", "glide")
MISSILE = [Kind.BOOSTING, Kind.BALLISTIC, Kind.GLIDING]
RADARS: dict[str, dict[str, Any]] = {  # as in data/nations
    "jpn-north": {
        "at": (40.05, 141.86, 220.0), "rotates": True, "false": 5.0, "elevations_deg": None, "highest_deg": 45.0,
        "parameters": {"range_sigma_m": 70.0, "azimuth_sigma_rad": 0.0014, "scan_period_s": 10.0, "range_m_max": 4e5},
    },
    "jpn-east": {
        "at": (35.76, 140.78, 190.0), "rotates": False, "false": 4.0, "elevations_deg": (-2.0, 85.0),
        "highest_deg": 85.0,
        "parameters": {"range_sigma_m": 60.0, "azimuth_sigma_rad": 0.0012, "elevation_sigma_rad": 0.0016,
                       "scan_period_s": 5.0, "range_m_max": 1e6},
    },
}  # fmt: skip


def sensor_of(name: str) -> Sensor:
    """Return the radar as its tracker believes it to be."""
    lat_deg, lon_deg, height_m = RADARS[name]["at"]
    site = SensorSite(sensor=name, type="search_radar", lat_rad=np.radians(lat_deg), lon_rad=np.radians(lon_deg),
                      height_m=height_m, parameters=RADARS[name]["parameters"])  # fmt: skip
    return Sensor.at(site)


def plots_of(sensor: Sensor, name: str, time_ns: Any, values: Any) -> Detections:
    """Return plots at the radar's place."""
    plots = Detections.of(sensor=name, components=sensor.COMPONENTS, time_ns=time_ns, values=values)
    return plots.replace(origin_ecef_m=np.tile(sensor.origin_ecef_m, (len(time_ns), 1)))


def clutter(name: str, hours: float, rng: np.random.Generator) -> Detections:
    """Return the false plots of some hours."""
    sensor, radar = sensor_of(name), RADARS[name]
    period_s, reach_m = (sensor.parameters[each] for each in ("scan_period_s", "range_m_max"))
    n_looks = round(hours * 3_600.0 / period_s)
    look = np.repeat(np.arange(n_looks), rng.poisson(radar["false"], n_looks))
    turn, values = rng.uniform(size=len(look)), np.full((len(look), 5), np.nan)
    values[:, 0] = np.sqrt(500.0**2 + rng.uniform(size=len(look)) * (reach_m**2 - 500.0**2))
    values[:, 1] = 2.0 * np.pi * turn
    if radar["elevations_deg"]:
        values[:, 2] = np.radians(rng.uniform(*radar["elevations_deg"], len(look)))
    since_s = look * period_s + (turn * period_s if radar["rotates"] else 0.0)
    return plots_of(sensor, name, START_NS + np.round(since_s * NS_PER_S).astype(np.int64), values)


def models(share: float) -> list[Motion]:
    """Return the scenario's models, of which what is new moves by the fast ones so many times as often."""
    found = []
    for name in MODELS:
        motion = importlib.import_module(f"noroshi.motion.{name}").Motion
        if share != 1.0 and hasattr(motion, "STARTS"):
            starts = dataclasses.replace(motion.STARTS, share=share * motion.STARTS.share)
            motion = type(motion.__name__, (motion,), {"STARTS": starts})
        found.append(motion.of())
    return found


def missiles(rows: Tracks) -> Any:
    """Return (n,) which rows are firm and say missile."""
    return (rows.status != TrackStatus.LOST) & (rows.kind_probability[:, MISSILE].sum(axis=1) > 0.5)


def false_starts(name: str, seed: int, hours: float, share: float) -> dict[int, float]:
    """Return the greatest existence of each false missile."""
    sensor, tracker, found = sensor_of(name), Tracker(node="n", sensor_names=(name,), motions=models(share)), {}
    plots = clutter(name, hours, np.random.default_rng([seed, 7]))
    for _, batch in in_time([plots], {name: sensor}, batch_s=BATCH_S):
        rows = tracker.step(arrange(batch, sensor), sensor)
        assert rows is not None
        for i in np.flatnonzero(missiles(rows)).tolist():
            number, existence = int(rows.track_id[i]), float(rows.existence[i])
            found[number] = max(existence, found.get(number, 0.0))
    return found


def flight(name: str, rng: np.random.Generator) -> tuple[Detections, Any, Any] | None:
    """Return a free flight's plots, a function of the seconds since it was first there, and its first second."""
    sensor, radar, falls, first_s = sensor_of(name), RADARS[name], models(1.0)[1], 120.0
    period_s, reach_m = (sensor.parameters[each] for each in ("scan_period_s", "range_m_max"))
    ground, bearing, course = reach_m * np.sqrt(rng.uniform(0.02, 0.7)), *rng.uniform(0.0, 2.0 * np.pi, 2)
    speed, height = rng.uniform(1_500.0, 4_000.0), rng.uniform(40e3, 150e3)
    climb = rng.uniform(-1.0, 1.0) * min(1_500.0, 0.6 * speed)
    level = np.sqrt(speed**2 - climb**2)
    place = np.array([[ground * np.sin(bearing), ground * np.cos(bearing), height]])
    position = ecef_from_enu(place, sensor.origin_ecef_m)
    velocity = np.vecmat(np.array([[level * np.sin(course), level * np.cos(course), climb]]), enu_axes_at(position))
    begin = np.hstack([position, velocity, [[np.log(5_000.0)]]])

    def at(time_s: float) -> Any:
        return falls.propagate(begin, np.array([time_s - first_s]))[:, :6]

    times_s, values = [], []
    for k in range(LOOKS):
        time_s = first_s + k * period_s
        if radar["rotates"]:
            azimuth = sensor.measure(at(time_s), sensor.origin_ecef_m[None])[0, 1]
            time_s += azimuth % (2.0 * np.pi) / (2.0 * np.pi) * period_s
        state = at(time_s)
        value = sensor.measure(state, sensor.origin_ecef_m[None])[0]
        is_seen = sensor.detection_probability(state, sensor.origin_ecef_m[None])[0] > 0.0
        if not is_seen or value[2] > np.radians(radar["highest_deg"]):
            break
        if rng.uniform() < 0.9:
            value[:3] += rng.normal(size=3) * np.sqrt(np.diagonal(sensor.own_noise)[:3])
            value[1] %= 2.0 * np.pi
            value[2 if radar["elevations_deg"] is None else 3 :] = np.nan
            times_s.append(time_s)
            values.append(value)
    if len(values) < LOOKS // 2:
        return None
    time_ns = START_NS + np.round(np.array(times_s) * NS_PER_S).astype(np.int64)
    return plots_of(sensor, name, time_ns, np.array(values)), at, times_s[0]


def found_after_s(name: str, seed: int, share: float) -> float | None:
    """Return from a flight's first plot to its firm track; NaN if there is none, None if the radar hardly sees it."""
    rng = np.random.default_rng([seed, 99])
    sensor, flown, around = sensor_of(name), flight(name, rng), clutter(name, 0.1, rng)
    if flown is None:
        return None
    plots, at, first_s = flown
    tracker = Tracker(node="n", sensor_names=(name,), motions=models(share))
    for now_ns, batch in in_time([around, plots], {name: sensor}, batch_s=BATCH_S):
        rows = tracker.step(arrange(batch, sensor), sensor)
        assert rows is not None
        for i in np.flatnonzero(missiles(rows)).tolist() if now_ns >= plots.time_ns[0] else []:
            truth = at((int(rows.time_ns[i]) - START_NS) / NS_PER_S)
            if np.linalg.norm(truth[0, :3] - rows.state_ecef[i, :3]) < NEAR_M:
                return (now_ns - START_NS) / NS_PER_S - first_s
        if now_ns >= plots.time_ns[-1]:
            break
    return float("nan")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--radar", choices=RADARS, default="jpn-north")
    parser.add_argument("--hours", type=float, default=200.0)
    parser.add_argument("--flights", type=int, default=60)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    begin, n = time.process_time(), round(given.hours / CHUNK_H)
    claims: list[float] = []
    for seed in range(given.first, given.first + n):
        claims += false_starts(given.radar, seed, CHUNK_H, given.share).values()
    hours, few = n * CHUNK_H, len(claims)
    low, high = (chi2.ppf(0.025, 2 * few) / 2.0 if few else 0.0), chi2.ppf(0.975, 2 * few + 2) / 2.0
    share = sum(each.STARTS.share for each in models(given.share) if hasattr(each, "STARTS"))
    looks_an_hour = 3_600.0 / RADARS[given.radar]["parameters"]["scan_period_s"]
    after = [found_after_s(given.radar, seed, given.share) for seed in range(given.flights)]
    seen = np.array([each for each in after if each is not None])
    found = seen[~np.isnan(seen)]
    figures = {
        "bench": "clutter_starts", "radar": given.radar, "share": given.share, "first": given.first,
        "false": {"hours": hours, "missiles": few, "claimed_false": round(sum(1.0 - each for each in claims), 4),
                  "an_hour": few / max(hours, 1e-9), "an_hour_95": [low / max(hours, 1e-9), high / max(hours, 1e-9)],
                  "expected_true_an_hour": round(share * Parameters().births_a_look * looks_an_hour, 2)},
        "true": {"flights": len(seen), "never": float(np.mean(np.isnan(seen))) if len(seen) else None,
                 "after_s_median": float(np.median(found)) if len(found) else None,
                 "after_s_p90": float(np.quantile(found, 0.9)) if len(found) else None},
        "cpu_s": round(time.process_time() - begin, 1), "versions": {"noroshi": version("noroshi")},
    }  # fmt: skip
    print(json.dumps(figures, indent=None if given.json else 1))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
