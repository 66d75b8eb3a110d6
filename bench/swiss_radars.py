"""Real flights over Switzerland past three simulated radars: how good is the picture?

uv run bench/swiss_radars.py [--hours 2] [--from-hour 8] [--seed 1] [--json]

Truth: the sample `switzerland` of the PyPI package `traffic` (2018-08-01, above flight level 300), cleaned. Radars:
three notional sites of the generic class (70 m, 0.08 degrees, Mode C to 25 ft, detection probability 0.9, one rotation
in 10 s) with 50 false plots a scan each. No transponder identity is used.
"""

import argparse
import json
import math
import platform
import time

import numpy as np

import noroshi
from noroshi.assessment import ed142, siap
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import SensorSite, take
from noroshi.run.recordings import read
from noroshi.run.rooms import load

SITES = (("west", 46.55, 6.60, 700.0), ("north", 47.45, 8.20, 600.0), ("south", 46.35, 9.30, 1_200.0))
FALSE_PLOTS_A_SCAN = 50.0
TRUTH_MOTION = {"horizontal_psd_m2_s3": 4.0, "vertical_psd_m2_s3": 1.0}
PERIOD_S = 8.0  # the output period of the ED-142 en-route lines


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--from-hour", type=float, default=8.0, help="UTC")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tracker", default="soft")
    parser.add_argument("--motion", default=None)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(
        arguments.from_hour,
        arguments.hours,
        arguments.seed,
        {k: float(v) for k, v in (s.split("=") for s in arguments.set)},
        arguments.tracker,
        arguments.motion,
    )
    if not arguments.json:
        print(figures.pop("ed142_table"))
    print(json.dumps(figures))


def measure(
    from_hour: float, hours: float, seed: int, parameters: dict[str, float], tracker: str, motion: str | None
) -> dict[str, object]:
    """Return the figures of one watch."""
    reports = read("sample:switzerland").decoded.detections
    truth, removed = truth_from_reports(reports)
    truth = smoothed(truth, load("motion", "constant_velocity").Motion.of(**TRUTH_MOTION))
    midnight = int(truth.time_ns.min()) // (86_400 * NS_PER_S) * 86_400 * NS_PER_S
    start_ns = midnight + round(from_hour * 3600) * NS_PER_S
    end_ns = start_ns + round(hours * 3600) * NS_PER_S
    truth = take(truth, (truth.time_ns >= start_ns) & (truth.time_ns <= end_ns))
    sites = [
        SensorSite(
            sensor=name, type="search_radar", lat_rad=math.radians(lat), lon_rad=math.radians(lon), height_m=height
        )
        for name, lat, lon, height in SITES
    ]
    plots = []
    for site in sites:
        sensor = load("sensors", site.type).Sensor.at(site)
        watch = Watch(
            site=site, sensor=sensor, start_ns=start_ns, end_ns=end_ns, false_plots_a_scan=FALSE_PLOTS_A_SCAN, seed=seed
        )
        plots.append(observe(truth, watch)[0])
    since = time.process_time()
    tracked = noroshi.track(plots, sites, period_s=PERIOD_S, parameters=parameters, tracker=tracker, motion=motion)
    cpu_s = time.process_time() - since
    tracks = tracked.tracks
    times_ns = np.arange(start_ns + 60 * NS_PER_S, end_ns, round(PERIOD_S * NS_PER_S))
    lines = ed142.lines(truth, tracks, times_ns=times_ns)
    return {
        "from": iso_from_utc_ns(start_ns),
        "hours": hours,
        "seed": seed,
        "tracker": tracker,
        "motion": tracked.setup.motion,
        "flights": len(np.unique(truth.target)),
        "rows_removed_from_truth": dict(removed),
        "plots": sum(map(len, plots)),
        "output_period_s": PERIOD_S,
        "siap": dict(siap.measure(truth, tracks, times_ns=times_ns)),
        "ed142": [{k: None if v != v else v for k, v in line._asdict().items()} for line in lines],
        "ed142_table": ed142.table(lines),
        "tracking_cpu_s": round(cpu_s, 2),
        "digest": tracked.digest,
        "versions": {"noroshi": noroshi.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }


if __name__ == "__main__":
    main()
