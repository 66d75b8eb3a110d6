"""Do the doctor's intervals hold? Recordings with known faults, and how often each 95 % interval holds the truth.

uv run bench/doctor.py [--seeds 20] [--minutes 5] [--json]

Flights, position reports and their errors as in `bench/registration.py`; one radar ("west") of the generic class is
off by 100 m, 0.3 degrees and 1 s, sees a target in 7 looks of 10 and gives 80 false plots a scan. The doctor is told
nothing of this, and takes position reports to be good to 30 m where they are to 15 m.
"""

import argparse
import json
import math
import platform
import time
from pathlib import Path

import numpy as np
import registration as scene
import scipy
from scipy import stats

import noroshi
from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.formats import Decoded
from noroshi.geo.time import NS_PER_S
from noroshi.records import SensorSite, take
from noroshi.run.doctor import examine
from noroshi.run.recordings import Recording
from noroshi.run.rooms import load

BIAS = {"range bias": 100.0, "azimuth bias": 0.3, "clock bias": 1.0}
TRUE = {**BIAS, "range noise": 70.0, "azimuth noise": 0.08, "detection probability": 0.7, "false plots": 80.0}


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    truth, start_ns = scene.traffic(arguments.minutes)
    found = {subject: [] for subject in TRUE}
    alarms: dict[str, int] = {}
    since = time.process_time()
    for seed in range(1, arguments.seeds + 1):
        for finding in examine([recording(truth, start_ns, arguments.minutes, seed)], [place()]):
            if finding.sensor == "west" and finding.subject in TRUE:
                found[finding.subject].append(finding.interval)
            elif finding.level == "fault":
                alarms[finding.subject] = alarms.get(finding.subject, 0) + 1
    figures = {
        "seeds": arguments.seeds, "minutes": arguments.minutes,
        "intervals": {subject: held(intervals, TRUE[subject]) for subject, intervals in found.items()},
        "false_alarms": alarms, "cpu_s_a_seed": round((time.process_time() - since) / arguments.seeds, 1),
        "versions": {"noroshi": noroshi.__version__, "numpy": np.__version__, "scipy": scipy.__version__,
                     "python": platform.python_version()},
    }  # fmt: skip
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=1))


def place(**parameters):
    name, lat, lon, height = scene.SITES[0]
    return SensorSite(
        sensor=name, type="search_radar", lat_rad=math.radians(lat), lon_rad=math.radians(lon), height_m=height,
        parameters=parameters,
    )  # fmt: skip


def recording(truth, start_ns, minutes, seed):
    """Return what a reader would have made of the radar's and the flights' recording."""
    site = place(detection_probability=TRUE["detection probability"])
    watch = Watch(
        site=site, sensor=load("sensors", site.type).Sensor.at(site), start_ns=start_ns, seed=seed,
        end_ns=start_ns + round(minutes * 60) * NS_PER_S, false_plots_a_scan=TRUE["false plots"],
    )  # fmt: skip
    plots, _ = observe(truth, watch)
    off = np.array([BIAS["range bias"], math.radians(BIAS["azimuth bias"]), 0.0])
    stamps_ns = plots.time_ns + round(BIAS["clock bias"] * NS_PER_S)
    values = plots.values + off
    values[:, 1] %= 2.0 * np.pi
    plots = plots.replace(values=values, time_ns=stamps_ns, received_ns=int(stamps_ns.max()))
    adsb = SensorSite(sensor="adsb", type="position_report", parameters={"position_sigma_m": scene.REPORT_SIGMA_M})
    reports = scene.position_reports(truth, adsb, np.random.default_rng(seed))
    reports = take(reports, np.argsort(reports.time_ns, kind="stable"))
    reports = reports.replace(received_ns=int(reports.time_ns[-1]))
    decoded = Decoded(detections=[plots, reports], n_records=len(plots) + len(reports))
    return Recording(Path("radar.csv"), "tables", decoded)


def held(intervals, true):
    """Return how many intervals hold the truth, between which shares that puts their coverage, and their width."""
    n = len(intervals)
    hits = sum(found.low <= true <= found.high for found in intervals)
    low, high = stats.binomtest(hits, n).proportion_ci(0.95, method="exact") if n else (math.nan, math.nan)
    return {
        "true": true, "n": n, "held": hits, "coverage_95": [round(float(low), 3), round(float(high), 3)],
        "mean": round(float(np.mean([found.value for found in intervals])), 4),
        "mean_width": round(float(np.mean([found.high - found.low for found in intervals])), 4),
    }  # fmt: skip


if __name__ == "__main__":
    main()
