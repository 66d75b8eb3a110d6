"""A nation whose radar is off, in a coalition: with registration and without, at its own node and at a partner's.

uv run bench/registration_shared.py [--seeds 4] [--first 31] [--minutes 10] [--partners right …] [--json]

Two nations with a link, one radar each (generic class, 3-D, 10 s, no transponders: plots carry no identity), over the
same real flights (the sample `switzerland` of the PyPI package `traffic`, moved rigidly off Honshu). JPN's radar is
off by 0.3 degrees, 100 m and 1 s, and JPN has a receiver of position reports; USA has no receiver, and a radar that is
right, or right and 2-D, or as far off as JPN's and not registered: none of which may spoil what JPN knows. Each
scenario is run twice, JPN's file with `registration = true` and without it, on the same world and noise.

Pictures are each node's own and the shared one, every 4 s from the fourth minute on, against the truth: tracks a flight
(ambiguity; 1 is no dual track), completeness, mean position error (SIAP), NEES of position a degree
of freedom and how often it is below its 95 % (1 and 0.95 are right).
Flights are judged where JPN's radar sees them. USA's own picture is the yardstick where its radar is right. All that
twice: with position reports that are stamped right, and with senders whose own delays are even from 0 to 0.3 s (the
simulated world's usual), which is a clock error of the reference that nobody knows of.
"""

import argparse
import json
import platform
import tempfile
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from noroshi.assessment import consistency, siap
from noroshi.assessment.pictures import View
from noroshi.exercise.flight import truth_of
from noroshi.geo.time import NS_PER_S
from noroshi.records import Tracks, Truth, take
from noroshi.run.exercises.running import Plan, Ran, run
from noroshi.run.exercises.staging import PICTURE_S
from noroshi.run.setup import Setup, Site, make_sensors

SCENARIO = """
name = "One radar is off"
seed = {seed}
start = 2030-01-01T00:00:00Z
duration_s = {duration_s}
nations = ["./jpn.toml", "./usa.toml"]
[[traffic]]
name = "traffic"
flights = "sample:switzerland"
lat_deg = 36.6
lon_deg = 142.0
from_s = 10800.0
number_max = 60
"""
NATION = """
name = "{code}"
code = "{code}"
{registration}
[[sensors]]
name = "{code}-radar"
type = "search_radar"
lat_deg = {lat_deg}
lon_deg = {lon_deg}
height_m = 200.0
delay_s = 0.5
[sensors.parameters]
range_sigma_m = 70.0
azimuth_sigma_rad = 0.0014
elevation_sigma_rad = 0.0016
scan_period_s = 10.0
range_m_max = 400000.0
[sensors.world]
scan_time_s = 10.0
measures_elevation = {measures_elevation}
reference_range_m = 220000.0
range_m_max = 400000.0
{biases}
"""
BIASES = "azimuth_bias_deg = 0.3\nrange_bias_m = 100.0\ntime_bias_s = 1.0"
RECEIVER = """
[[sensors]]
name = "JPN-adsb"
type = "position_report"
lat_deg = 36.4
lon_deg = 140.6
height_m = 150.0
delay_s = 0.5
[sensors.parameters]
scan_period_s = 5.0
[sensors.world]
report_interval_s = 5.0
delay_s_max = {delay_s_max}
"""
PARTNERS = {
    "right": {"measures_elevation": "true", "biases": ""},
    "2-D": {"measures_elevation": "false", "biases": ""},
    "off": {"measures_elevation": "true", "biases": BIASES},
}
LINK = '\n[[links]]\nto = "USA"\ndelay_s = 0.3\n'
WARM_UP_S = 180.0
CUTOFF_M = 5_000.0
VIEW = View(age_s_max=1.5 * PICTURE_S)
HONEST = ("position_anees", "position_nees_below_95_share")
NAMES = ("ambiguity", "completeness", "spuriousness", "position_accuracy_m")


def ran(seed: int, minutes: float, partner: str, *, registered: bool, delay_s_max: float) -> Ran:
    """Run the scenario."""
    with tempfile.TemporaryDirectory(prefix="noroshi-registration-") as name:
        folder = Path(name)
        told = {"registration": "registration = true" if registered else "", "biases": BIASES}
        told["measures_elevation"] = "true"
        radar = NATION.format(code="JPN", lat_deg=36.4, lon_deg=140.6, **told)
        (folder / "jpn.toml").write_text(radar + RECEIVER.format(delay_s_max=delay_s_max) + LINK)
        other = NATION.format(code="USA", lat_deg=37.8, lon_deg=141.0, registration="", **PARTNERS[partner])
        (folder / "usa.toml").write_text(other)
        (folder / "scenario.toml").write_text(SCENARIO.format(seed=seed, duration_s=60.0 * minutes))
        return run(Plan(scenario=str(folder / "scenario.toml"), folder=None))


def figures(truth: Truth, tracks: Tracks, times_ns: Any) -> dict[str, float]:
    """Return what is told of a picture."""
    found = siap.measure(truth, tracks, times_ns=times_ns, cutoff_m=CUTOFF_M, view=VIEW)
    honest = consistency.measure(truth, tracks, times_ns=times_ns, cutoff_m=CUTOFF_M, view=VIEW)
    return {name: float(found[name]) for name in NAMES} | {name: float(honest[name]) for name in HONEST}


def seen_by_radar(done: Ran, truth: Truth) -> Truth:
    """Return the truth where the radar that is off can see it."""
    site = next(each.site for each in done.scenario.nations[0].sensors if each.site.sensor == "JPN-radar")
    sensor = make_sensors(Setup(sites=[Site.of(site)]))["JPN-radar"]
    origin = np.broadcast_to(sensor.origin_ecef_m, (len(truth), 3))
    return take(truth, sensor.detection_probability(truth.state_ecef, origin) > 0.0)


def measure(seed: int, minutes: float, partner: str, delay_s_max: float) -> dict[str, Any]:
    """Return the figures of one seed, with registration and without."""
    row: dict[str, Any] = {"seed": seed}
    for name, registered in (("without", False), ("with", True)):
        done = ran(seed, minutes, partner, registered=registered, delay_s_max=delay_s_max)
        start_ns, end_ns = done.scenario.start_ns, done.scenario.end_ns
        times_ns = np.arange(start_ns + round(WARM_UP_S * NS_PER_S), end_ns, round(PICTURE_S * NS_PER_S))
        truth = seen_by_radar(done, truth_of(done.cast.bodies, times_ns))
        row[name] = {"flights": len(np.unique(truth.target))}
        for code in ("JPN", "USA"):
            own = done.tracks[code]
            assert own is not None
            row[name] |= {
                f"{code} own": figures(truth, own, times_ns),
                f"{code} shared": figures(truth, done.fused[code], times_ns),
            }
    return row


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=31)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--partners", nargs="+", choices=PARTNERS, default=list(PARTNERS))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {}
    for partner, delay_s_max in product(asked.partners, (0.0, 0.3)):
        seeds = range(asked.first, asked.first + asked.seeds)
        rows = [measure(seed, asked.minutes, partner, delay_s_max) for seed in seeds]
        mean = {
            which: {
                name: {
                    key: round(float(np.mean([row[which][name][key] for row in rows])), 4)
                    for key in rows[0][which][name]
                }
                for name in ("JPN own", "JPN shared", "USA own", "USA shared")
            }
            for which in ("without", "with")
        }
        found[f"partner {partner}, reports delayed by up to {delay_s_max:g} s"] = {"mean": mean, "rows": rows}
    if not asked.json:
        for how, figures_of in found.items():
            for which, each in figures_of["mean"].items():
                for name, told in each.items():
                    print(f"{how}, {which:8} {name:11}", told)
    versions = {**{each: version(each) for each in ("noroshi", "numpy")}, "python": platform.python_version()}
    about = {"seeds": asked.seeds, "first": asked.first, "minutes": asked.minutes}
    print(json.dumps({**about, **found, "versions": versions}))


if __name__ == "__main__":
    main()
