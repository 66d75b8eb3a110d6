"""Real manoeuvring flights past simulated radars: what do several motion models buy?

uv run bench/manoeuvres.py [--seeds 3] [--split test] [--tracker soft] [--json]

Truth: the samples `calibration/*`, `military/*` and `zero_gravity` of the PyPI package `traffic`, cleaned and smoothed.
Radars: two notional sites of the generic class (70 m, 0.08 degrees, Mode C to 25 ft, detection probability 0.9, one
rotation in 10 s) some 60 km and 90 km from where the flight is in the middle, 20 false plots a scan each. Every second
flight of the sorted list is for tuning, the others for the test. A target turns while its course changes by more than
half a degree a second or its speed by more than 1 m/s2; it flies straight while both stay below a fifth of that.

The figure is the root mean square over time of GOSPA's localisation (c = 2,000 m, p = 2) of the picture shown every two
seconds, over the moments at which the target is tracked; how often it is, is told beside.
"""

import argparse
import json
import math
import platform

import numpy as np

import noroshi
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.estimation.interpolation import hermite
from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, geodetic_from_ecef
from noroshi.records import SensorSite, take
from noroshi.run.recordings import read
from noroshi.run.rooms import load
from noroshi.run.samples import sample_names, sample_path

FALSE_PLOTS_A_SCAN, CUTOFF_M, PERIOD_S = 20.0, 2_000.0, 2.0
TRUTH_MOTION = {"horizontal_psd_m2_s3": 20.0, "vertical_psd_m2_s3": 5.0}
SINGLE = {f"constant_velocity q={q:g}": ("constant_velocity", {"horizontal_psd_m2_s3": q}) for q in (0.5, 2, 8, 32)}
SINGLE |= {
    f"coordinated_turn q={q:g}": ("coordinated_turn", {"horizontal_psd_m2_s3": q, "turn_rate_psd_rad2_s3": 1e-5})
    for q in (0.5, 2)
}


def flights(split: str) -> list[str]:
    """Return the names of the flights of one half."""
    names = [
        name
        for name in sample_names()
        if sample_path(name).parent.name in ("calibration", "military") or name == "zero_gravity"
    ]
    return names[::2] if split == "tuning" else names[1::2]


def scene(name: str, seed: int, minutes: float):
    """Return truth, sites and plots of one flight (of its longest leg), or None if it is too short."""
    truth, _ = truth_from_reports(read(f"sample:{name}").decoded.detections)
    targets, number = np.unique(truth.target, return_counts=True)
    if not len(targets) or number.max() < 100:
        return None
    truth = take(truth, truth.target == targets[np.argmax(number)])
    truth = smoothed(truth, load("motion", "constant_velocity").Motion.of(**TRUTH_MOTION))
    truth = take(truth, truth.time_ns < truth.time_ns[0] + round(60 * minutes) * NS_PER_S)
    middle = truth.state_ecef[len(truth) // 2, :3]
    sites, plots = [], []
    for sensor, east_m, north_m in (("west", -60e3, 10e3), ("north", 20e3, 88e3)):
        place = ecef_from_enu(np.array([[east_m, north_m, 0.0]]), middle[None])
        lat, lon, _ = geodetic_from_ecef(place)
        site = SensorSite(
            sensor=sensor, type="search_radar", lat_rad=float(lat[0]), lon_rad=float(lon[0]), height_m=300.0
        )
        watch = Watch(
            site=site, sensor=load("sensors", site.type).Sensor.at(site), start_ns=int(truth.time_ns[0]),
            end_ns=int(truth.time_ns[-1]), false_plots_a_scan=FALSE_PLOTS_A_SCAN, seed=seed,
        )  # fmt: skip
        sites.append(site)
        plots.append(observe(truth, watch)[0])
    return truth, sites, plots


def errors(truth, tracks, period_s: float):
    """Return at each time the error [m] (NaN: not tracked), whether the target turns, whether it flies straight."""
    step = round(period_s * NS_PER_S)
    times = np.arange(truth.time_ns[0] // step * step + 60 * NS_PER_S, truth.time_ns[-1] - 30 * NS_PER_S, step)
    around = [hermite(truth.time_ns, truth.state_ecef, times + d * NS_PER_S, gap_s_max=30.0) for d in (-4, 0, 4)]
    here = around[1]
    before, after = around[0][:, 3:], around[2][:, 3:]
    cross = np.linalg.norm(np.cross(before, after), axis=1)
    rate = np.degrees(np.arctan2(cross, np.vecdot(before, after))) / 8.0
    pull = np.abs(np.linalg.norm(after, axis=1) - np.linalg.norm(before, axis=1)) / 8.0
    known = np.isfinite(here).all(axis=1) & np.isfinite(rate)
    error = np.full(len(times), np.nan)
    order = np.argsort(tracks.time_ns, kind="stable")
    low, high = (np.searchsorted(tracks.time_ns[order], times, side) for side in ("left", "right"))
    for i, (a, b) in enumerate(zip(low, high, strict=True)):
        if b > a and known[i]:
            apart = np.linalg.norm(tracks.state_ecef[order[a:b], :3] - here[i, :3], axis=1).min()
            error[i] = apart if apart < CUTOFF_M else np.nan
    return error, known & ((rate > 0.5) | (pull > 1.0)), known & (rate < 0.1) & (pull < 0.2)


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", choices=("tuning", "test"), default="test")
    parser.add_argument("--tracker", default="soft")
    parser.add_argument("--multiple", default="", help="models joined by +; by default those of the tracker's default")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--flights", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60.0, help="how much of each flight")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    own = {k: float(v) for k, v in (s.split("=") for s in arguments.set)}
    candidates = {**SINGLE, "multiple": (arguments.multiple or None, own)}
    found = {key: ([], [], []) for key in candidates}
    names = flights(arguments.split)[: arguments.flights]
    for name in names:
        for seed in range(arguments.seeds):
            made = scene(name, seed, arguments.minutes)
            if made is None:
                continue
            truth, sites, plots = made
            for key, (motion, parameters) in candidates.items():
                tracks = noroshi.track(
                    plots, sites, tracker=arguments.tracker, motion=motion, parameters=parameters, period_s=PERIOD_S
                ).tracks
                error, turns, straight = errors(truth, tracks, PERIOD_S)
                for part, values in zip(found[key], (error[turns], error[straight], error), strict=True):
                    part.append(values)
    table = {}
    for key, parts in found.items():
        turning, straight, every = (np.concatenate(part) for part in parts)
        table[key] = {
            "turning_m": math.sqrt(np.nanmean(turning**2)),
            "straight_m": math.sqrt(np.nanmean(straight**2)),
            "all_m": math.sqrt(np.nanmean(every**2)),
            "tracked_turning": float(np.isfinite(turning).mean()),
            "tracked_straight": float(np.isfinite(straight).mean()),
        }
        if not arguments.json:
            print(f"{key:28s}", {k: round(v, 3) for k, v in table[key].items()})
    best = min(SINGLE, key=lambda key: table[key]["all_m"])
    figures = {
        "flights": names,
        "split": arguments.split,
        "seeds": arguments.seeds,
        "minutes": arguments.minutes,
        "tracker": arguments.tracker,
        "motion": arguments.multiple,
        "settings": own,
        "moments_turning": int(sum(map(len, found["multiple"][0]))),
        "moments_straight": int(sum(map(len, found["multiple"][1]))),
        "table": table,
        "best_single": best,
        "turning_better_by": 1.0 - table["multiple"]["turning_m"] / table[best]["turning_m"],
        "straight_better_by": 1.0 - table["multiple"]["straight_m"] / table[best]["straight_m"],
        "versions": {"noroshi": noroshi.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
