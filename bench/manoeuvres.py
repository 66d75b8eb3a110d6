"""Real manoeuvring flights past simulated radars: what do several motion models buy?

uv run bench/manoeuvres.py [--seeds 5] [--minutes 45] [--tracker soft] [--json]

Truth: the samples `calibration/*`, `military/*` and `zero_gravity` of the PyPI package `traffic`, cleaned and smoothed
as turns (their positions are seconds old here and there: smoothed as straight flight they would surge and brake as no
aircraft does). Every second flight of the sorted list is for tuning, the others for the test. Radars: two notional
sites of the generic class (70 m, 0.08 degrees, Mode C to 25 ft, detection probability 0.9) about where the flight is in
the middle: en route, 60 km and 90 km away, one rotation in 10 s; terminal, 30 km away with 4.8 s, beside the one 90 km
away. A target turns while its course changes by more than half a degree a second or its speed by more than 1 m/s2; it
flies straight while both stay below a fifth of that.

The figure is the root mean square over time of GOSPA's localisation (c = 2,000 m, p = 2) of the picture shown every two
seconds, over the moments at which the target is tracked. Without `--tracker` it is of the shipped bank of filters alone
(`manoeuvres_parts/alone.py`), whose plot is whose being given; with it, of the whole program, 5 false plots a scan.

The best single model is that of the least figure over whole flights on the tuning half, of all those in `SINGLE`; told
beside are the best of constant velocity alone and the single model that is best in turns. The several models' numbers
were chosen on the tuning half with seeds 11 and 12. Intervals: 95 % of 2,000 bootstraps over flights. `told`: a filter
that is told every acceleration, which no filter can beat by much.
"""

import argparse
import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence

import numpy as np
from manoeuvres_parts.alone import TOLD_PSD_M2_S3, Scene, told, tracked

import noroshi
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.estimation.interpolation import hermite
from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, geodetic_from_ecef
from noroshi.records import SensorSite, Truth, concatenate, take
from noroshi.run import kernel_cache
from noroshi.run.recordings import read
from noroshi.run.rooms import load
from noroshi.run.samples import sample_names, sample_path
from noroshi.sensors.prepare import arrange

FALSE_PLOTS_A_SCAN, CUTOFF_M, PERIOD_S = 5.0, 2_000.0, 2.0
SEEDS = {"tuning": 11, "test": 1}  # the first of each half
RADARS = {
    "en route": (("west", -60e3, 10e3, 10.0), ("north", 20e3, 88e3, 10.0)),
    "terminal": (("west", -30e3, 10e3, 4.8), ("north", 20e3, 88e3, 10.0)),
}
Model = tuple[str, Mapping[str, float]]
SINGLE: dict[str, Model] = {
    f"constant_velocity q={q:g}": ("constant_velocity", {"horizontal_psd_m2_s3": q})
    for q in (0.5, 2, 8, 16, 24, 32, 64)
}
SINGLE |= {
    f"coordinated_turn q={q:g} w={w:g}": (
        "coordinated_turn",
        {"horizontal_psd_m2_s3": q, "turn_rate_psd_rad2_s3": w},
    )
    for q, w in ((2, 1e-5), (8, 4e-6), (16, 2e-6), (16, 4e-6), (32, 2e-6))
}
SINGLE |= {
    f"singer {s:g} m/s2 {m:g} s": ("singer", {"horizontal_sigma_m_s2": s, "memory_s": m})
    for s, m in ((1.5, 10), (2, 5), (2, 10))
}
SEVERAL: dict[str, tuple[str, dict[str, float]]] = {
    "two": ("constant_velocity+singer", {"constant_velocity.horizontal_psd_m2_s3": 0.5}),
    "three": (
        "constant_velocity+left_turn+right_turn",
        {
            "constant_velocity.horizontal_psd_m2_s3": 1.0,
            "vertical_psd_m2_s3": 0.1,
            "sojourn_s": 120.0,
            "manoeuvre_s": 40.0,
        },
    ),
    "four": (
        "constant_velocity+left_turn+right_turn+coordinated_turn",
        {
            "constant_velocity.horizontal_psd_m2_s3": 1.0,
            "coordinated_turn.horizontal_psd_m2_s3": 16.0,
            "coordinated_turn.turn_rate_psd_rad2_s3": 2e-6,
            "vertical_psd_m2_s3": 0.1,
            "sojourn_s": 90.0,
            "manoeuvre_s": 40.0,
        },
    ),
}


def flights(split: str) -> list[str]:
    """Return the names of the flights of one half."""
    names = [
        name
        for name in sample_names()
        if sample_path(name).parent.name in ("calibration", "military") or name == "zero_gravity"
    ]
    return names[::2] if split == "tuning" else names[1::2]


def truth_of(name: str, minutes: float) -> Truth:
    """Return the first minutes of one flight's longest leg, smoothed: the closer its reports, the more they say."""
    truth, _ = truth_from_reports(read(f"sample:{name}").decoded.detections)
    targets, number = np.unique(truth.target, return_counts=True)
    truth = take(truth, truth.target == targets[np.argmax(number)])
    truth = take(truth, truth.time_ns < truth.time_ns[0] + round(60 * minutes) * NS_PER_S)
    each_second = float(np.median(np.diff(truth.time_ns))) < 2 * NS_PER_S
    unrest = {"horizontal_psd_m2_s3": 20.0 if each_second else 0.5, "vertical_psd_m2_s3": 5.0}
    return smoothed(truth, load("motion", "coordinated_turn").Motion.of(**unrest, turn_rate_psd_rad2_s3=2e-4))


def watched(truth: Truth, radars: str, seed: int, false_plots: float):
    """Return the sites and each one's plots."""
    middle, sites, plots = truth.state_ecef[len(truth) // 2, :3], [], []
    for sensor, east_m, north_m, period_s in RADARS[radars]:
        place = ecef_from_enu(np.array([[east_m, north_m, 0.0]]), middle[None])
        lat, lon, _ = geodetic_from_ecef(place)
        site = SensorSite(
            sensor=sensor, type="search_radar", lat_rad=float(lat[0]), lon_rad=float(lon[0]), height_m=300.0,
            parameters={"scan_period_s": period_s},
        )  # fmt: skip
        watch = Watch(
            site=site, sensor=load("sensors", site.type).Sensor.at(site), start_ns=int(truth.time_ns[0]),
            end_ns=int(truth.time_ns[-1]), false_plots_a_scan=false_plots, seed=seed,
        )  # fmt: skip
        sites.append(site)
        plots.append(observe(truth, watch)[0])
    return sites, plots


def scene(truth: Truth, radars: str, seed: int) -> Scene:
    """Return one flight as `alone` takes it."""
    sites, plots = watched(truth, radars, seed, 0.0)
    sensors = [load("sensors", site.type).Sensor.at(site) for site in sites]
    every = [arrange(own, sensor).replace(sensor="radar") for own, sensor in zip(plots, sensors, strict=True)]
    joined = concatenate(every)
    joined = take(joined, np.argsort(joined.time_ns, kind="stable"))
    times, shown, turns, straight, known = moments(truth)
    true = hermite(truth.time_ns, truth.state_ecef, joined.time_ns)
    return Scene(joined, true, times, shown, turns, straight, known)


def moments(truth: Truth):
    """Return the times of the pictures, the truth then, and whether it turns, flies straight, is known at all."""
    step = round(PERIOD_S * NS_PER_S)
    times = np.arange(truth.time_ns[0] // step * step + 60 * NS_PER_S, truth.time_ns[-1] - 30 * NS_PER_S, step)
    around = [hermite(truth.time_ns, truth.state_ecef, times + d * NS_PER_S, gap_s_max=30.0) for d in (-4, 0, 4)]
    before, after = around[0][:, 3:], around[2][:, 3:]
    cross = np.linalg.norm(np.cross(before, after), axis=1)
    rate = np.degrees(np.arctan2(cross, np.vecdot(before, after))) / 8.0
    pull = np.abs(np.linalg.norm(after, axis=1) - np.linalg.norm(before, axis=1)) / 8.0
    known = np.isfinite(around[1]).all(axis=1) & np.isfinite(rate)
    return times, around[1], known & ((rate > 0.5) | (pull > 1.0)), known & (rate < 0.1) & (pull < 0.2), known


def program_errors(truth: Truth, radars: str, seed: int, tracker: str, motion: str, parameters: Mapping[str, float]):
    """Return the (m,) errors [m] of the whole program's picture; NaN where the target is not tracked."""
    sites, plots = watched(truth, radars, seed, FALSE_PLOTS_A_SCAN)
    tracks = noroshi.track(
        plots, sites, tracker=tracker, motion=motion, parameters=dict(parameters), period_s=PERIOD_S
    ).tracks
    times, shown, *_ = moments(truth)
    error = np.full(len(times), np.nan)
    order = np.argsort(tracks.time_ns, kind="stable")
    low, high = (np.searchsorted(tracks.time_ns[order], times, side) for side in ("left", "right"))
    for i, (a, b) in enumerate(zip(low, high, strict=True)):
        if b > a:
            error[i] = np.linalg.norm(tracks.state_ecef[order[a:b], :3] - shown[i, :3], axis=1).min()
    return error


def bank_of(motion: str, parameters: Mapping[str, float]):
    """Return the models of a setup and how long each is kept, as the soft tracker would."""
    names = motion.split("+")
    made = []
    for name in names:
        mover = load("motion", name).Motion
        own = {f.name: parameters.get(f"{name}.{f.name}", parameters.get(f.name)) for f in dataclasses.fields(mover)}
        made.append(mover.of(**{key: value for key, value in own.items() if value is not None}))
    first, later = parameters.get("sojourn_s", 120.0), parameters.get("manoeuvre_s", 20.0)
    return made, [first, *[later] * (len(names) - 1)]


def squares(scenes: Sequence[Scene], errors: Sequence[np.ndarray]) -> np.ndarray:
    """Return (scenes, 3, 3): of turns, straight flight and all, sum of squares, how many are tracked, and are."""
    found = np.zeros((len(scenes), 3, 3))
    for i, (one, error) in enumerate(zip(scenes, errors, strict=True)):
        error = np.where(error < CUTOFF_M, error, np.nan)
        for part, where in enumerate((one.turns, one.straight, one.known)):
            found[i, part] = np.nansum(error[where] ** 2), np.isfinite(error[where]).sum(), where.sum()
    return found


def row_of(sums: np.ndarray) -> dict[str, float]:
    """Return one line of the table."""
    total = sums.sum(axis=0)
    rms = np.sqrt(total[:, 0] / np.maximum(total[:, 1], 1.0))
    names = ("turning_m", "straight_m", "all_m")
    shares = {f"tracked_{name}": float(total[i, 1] / total[i, 2]) for i, name in enumerate(("turning", "straight"))}
    return {name: float(value) for name, value in zip(names, rms, strict=True)} | shares


def better(ours: np.ndarray, theirs: np.ndarray, flight: np.ndarray) -> dict[str, list[float]]:
    """Return by how much ours is better: the share, and its 95 % interval by bootstraps over flights."""
    rng, names = np.random.default_rng(1), np.unique(flight)
    by_flight = [np.array([sums[flight == name].sum(axis=0) for name in names]) for sums in (ours, theirs)]
    chosen = np.vstack([np.arange(len(names))[None], rng.integers(0, len(names), (2_000, len(names)))])
    totals = [each[chosen].sum(axis=1) for each in by_flight]
    rms = [np.sqrt(total[:, :, 0] / np.maximum(total[:, :, 1], 1.0)) for total in totals]
    share = 1.0 - rms[0] / rms[1]
    low, high = np.percentile(share[1:], (2.5, 97.5), axis=0)
    return {
        part: [float(share[0, i]), float(low[i]), float(high[i])]
        for i, part in enumerate(("turning", "straight", "all"))
    }


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--flights", type=int, default=100, help="of each half at most")
    parser.add_argument("--minutes", type=float, default=45.0, help="how much of each flight")
    parser.add_argument("--radars", choices=tuple(RADARS), action="append")
    parser.add_argument("--tracker", default="", help="measure the whole program with this tracker")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    kernel_cache.prepare()
    names = {split: flights(split)[: given.flights] for split in SEEDS}
    truths = {name: truth_of(name, given.minutes) for split in names.values() for name in split}
    figures = {"flights": names, "seeds": given.seeds, "minutes": given.minutes, "tracker": given.tracker, "radars": {}}
    for radars in given.radars or RADARS:
        sums: dict[str, dict[str, np.ndarray]] = {"tuning": {}, "test": {}}
        best: dict[str, str] = {}
        for split in SEEDS:
            pairs = [(name, SEEDS[split] + seed) for name in names[split] for seed in range(given.seeds)]
            scenes = [scene(truths[name], radars, seed) for name, seed in pairs]
            sensor = load("sensors", "search_radar").Sensor.at(watched(truths[pairs[0][0]], radars, 0, 0.0)[0][0])
            candidates = {
                key: (motion, {f"{motion}.{name}": value for name, value in own.items()})
                for key, (motion, own) in SINGLE.items()
            } | SEVERAL
            if best and given.tracker:
                candidates = {key: candidates[key] for key in (*dict.fromkeys(best.values()), *SEVERAL)}
            for key, (motion, parameters) in candidates.items():
                if given.tracker and split == "test":
                    errors = [
                        program_errors(truths[name], radars, seed, given.tracker, motion, parameters)
                        for name, seed in pairs
                    ]
                else:
                    errors = tracked(scenes, sensor, *bank_of(motion, parameters))
                sums[split][key] = squares(scenes, errors)
                if not given.json:
                    rounded = {k: round(float(v), 3) for k, v in row_of(sums[split][key]).items()}
                    print(f"{radars:9s} {split:6s} {key:32s}", rounded, flush=True)
            still = load("motion", "constant_velocity").Motion.of(horizontal_psd_m2_s3=TOLD_PSD_M2_S3)
            sums[split]["told"] = squares(scenes, told(scenes, sensor, still))
            if not best:
                rows = {key: row_of(sums[split][key]) for key in SINGLE}
                best["single"] = min(rows, key=lambda key: rows[key]["all_m"])
                best["constant velocity"] = min(
                    (key for key in rows if key.startswith("constant")), key=lambda key: rows[key]["all_m"]
                )
                best["in turns"] = min(rows, key=lambda key: rows[key]["turning_m"])
        flight = np.repeat(np.arange(len(names["test"])), given.seeds)
        figures["radars"][radars] = {
            "table": {split: {key: row_of(each) for key, each in sums[split].items()} for split in sums},
            "best": best,
            "moments": {
                k: int(sums["test"]["told"][:, i, 2].sum()) for i, k in enumerate(("turning", "straight", "all"))
            },
            "better_by": {
                key: {what: better(sums["test"][key], sums["test"][one], flight) for what, one in best.items()}
                for key in SEVERAL
            },
        }
        if not given.json:
            print(json.dumps({k: figures["radars"][radars][k] for k in ("best", "moments", "better_by")}, indent=1))
            print("told", row_of(sums["test"]["told"]))
    figures["several"] = {key: {"motion": motion, "parameters": own} for key, (motion, own) in SEVERAL.items()}
    figures["versions"] = {
        "noroshi": noroshi.__version__, "numpy": np.__version__, "python": platform.python_version(),
    }  # fmt: skip
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
