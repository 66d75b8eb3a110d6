"""Is a launch whose boost is short one track? Numbers that a node gave to it, by burn time and by who sees it.

    uv run bench/short_boosts.py [--runs 20] [--first 500] [--burns 58,70,80,95] [--sets TEXT] [--keep FOLDER] [--tell]

A run is one launch of its own (300 to 900 km, apogee a fifth to a third of that; what else is open the exercise draws)
past one nation's sensors, in the shipped simulator with clutter and clouds: a 3-D radar that turns in 10 s, one that
stares and looks each 5 s, both, 54 infrared satellites (`data/stands/ship_54.toml`), and these with the second radar.
Radars stand 100 to 400 km off. Counted are, until 150 s after burn-out or 20 s before it comes down, the numbers in the
node's pictures, one a second, that are within 10 km of it (or within 100 km and three sigma) twice: launches with
`none`, `one` and `more`, the mean `numbers`, and `after_s`, the median of when later ones began, after burn-out.

With `--tell` each launch that has several is told: first and last row of each number. `--keep` keeps the journals, for
`noroshi why`.
"""

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.run.exercises.running import Plan, run
from noroshi.run.sites import MISSILES, TURNS

SETS = ("radar 10 s", "radar 5 s", "two radars", "satellites", "satellites and radar")
START_S, AFTER_S, NEAR_M = 20.0, 150.0, 10e3
TURNING = """
[[sensors]]
name = "turning"
type = "search_radar"
lat_deg = {lat:.4f}
lon_deg = {lon:.4f}
height_m = 250.0
delay_s = 0.5
[sensors.parameters]
range_sigma_m = 70.0
azimuth_sigma_rad = 0.0016
elevation_sigma_rad = 0.0018
scan_period_s = 10.0
range_m_max = 600000.0
[sensors.world]
scan_time_s = 10.0
measures_elevation = true
reference_range_m = 450000.0
range_m_max = 600000.0
elevation_deg_max = 60.0
false_plots_per_scan = 5.0
"""
STARING = """
[[sensors]]
name = "staring"
type = "search_radar"
lat_deg = {lat:.4f}
lon_deg = {lon:.4f}
height_m = 190.0
delay_s = 0.5
[sensors.parameters]
range_sigma_m = 60.0
azimuth_sigma_rad = 0.0012
elevation_sigma_rad = 0.0016
scan_period_s = 5.0
range_m_max = 1000000.0
[sensors.world]
rotating = false
scan_time_s = 5.0
measures_elevation = true
reference_range_m = 700000.0
range_m_max = 1000000.0
elevation_deg_max = 85.0
azimuth_beam_deg = 1.2
elevation_beam_deg = 1.2
false_plots_per_scan = 4.0
"""


def scenario(folder: Path, which: str, burn_s: float, number: int) -> Path:
    """Write a scenario and return its path."""
    rng = np.random.default_rng([number, round(burn_s), 77])
    lat, lon = rng.uniform(30.0, 42.0), rng.uniform(130.0, 150.0)
    range_km, high = rng.uniform(300.0, 900.0), rng.uniform(0.2, 0.33)
    bearing = rng.uniform(0.0, 360.0)
    places = []
    for _ in range(2):
        off_km, course = rng.uniform(100.0, 400.0), rng.uniform(0.0, 2.0 * np.pi)
        north, east = off_km * np.cos(course) / 111.2, off_km * np.sin(course) / 111.2 / np.cos(np.radians(lat))
        places.append({"lat": lat + north, "lon": lon + east})
    parts = ['name = "One"\ncode = "ONE"\nsummary = "Sees launches."\n']
    if which in ("radar 10 s", "two radars"):
        parts.append(TURNING.format(**places[0]))
    if which in ("radar 5 s", "two radars", "satellites and radar"):
        parts.append(STARING.format(**places[1]))
    if "satellites" in which:
        eyes = (files("noroshi") / "data/stands/ship_54.toml").read_text()
        parts.append(eyes[eyes.index("[[constellations]]") : eyes.index("# 1,000 km class, on a ship.")])
    (folder / "one.toml").write_text("\n".join(parts))
    path = folder / "launch.toml"
    path.write_text(
        f"""name = "A short boost"
summary = "One launch."
seed = {number}
start = 2030-01-01T00:00:00Z
duration_s = {START_S + burn_s + AFTER_S:.0f}
nations = ["./one.toml"]
motion = "{TURNS + MISSILES}"

[weather]
cloud_top_m = {rng.uniform(0.0, 9_000.0):.0f}

[[flights]]
name = "launch"
mover = "ballistic"
lat_deg = {lat:.4f}
lon_deg = {lon:.4f}
start_s = {START_S}
bearing_deg = {bearing:.2f}
range_km = {range_km:.1f}
apogee_km = {range_km * high:.1f}
burn_time_s = {burn_s}
steering_deg = 0.86
"""
    )
    return path


def once(which: str, burn_s: float, number: int, keep: Path | None) -> list[tuple[int, list[dict[str, Any]]]] | None:
    """Return the numbers that a launch had and their rows, in the order in which they began; None: no such boost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = keep / f"{which.replace(' ', '-')}-{burn_s:.0f}-{number}" if keep else folder / "journals"
        out.mkdir(parents=True, exist_ok=True)
        try:
            ran = run(Plan(scenario=str(scenario(folder, which, burn_s, number)), folder=out, picture_s=1.0))
        except ValueError:
            return None
    flight = next(each for each in ran.cast.world.flights if each.name == "launch")
    burn_out_ns = int(flight.time_ns[flight.kind == Kind.BOOSTING][-1])
    last_ns = min(int(flight.time_ns[-1]) - 20 * NS_PER_S, burn_out_ns + round(AFTER_S * NS_PER_S))
    found: dict[int, list[dict[str, Any]]] = {}
    rows = ran.tracks["ONE"]
    for i in range(0 if rows is None else len(rows)):
        assert rows is not None
        if not flight.time_ns[0] <= rows.time_ns[i] <= last_ns:
            continue
        off = rows.state_ecef[i, :3] - flight.at(rows.time_ns[i : i + 1])[0, :3]
        off_m, sigmas = np.linalg.norm(off), np.sqrt(off @ np.linalg.solve(rows.covariance_ecef[i, :3, :3], off))
        if off_m > NEAR_M and (sigmas > 3.0 or off_m > 10.0 * NEAR_M):
            continue
        told = {
            "at_s": float(rows.time_ns[i] - burn_out_ns) / NS_PER_S, "off_km": round(float(off_m) / 1e3, 2),
            "plot_s": round(float(rows.updated_ns[i] - burn_out_ns) / NS_PER_S, 2), "sigmas": round(float(sigmas), 2),
            "existence": round(float(rows.existence[i]), 3), "kind": rows.kind_probability[i].round(2).tolist(),
        }  # fmt: skip
        found.setdefault(int(rows.track_id[i]), []).append(told)
    lasting = [(track, every) for track, every in found.items() if len(every) > 1]
    return sorted(lasting, key=lambda each: float(each[1][0]["at_s"]))


def main() -> None:
    """Run it and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=500)
    parser.add_argument("--burns", default="58,70,80,95")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--tell", action="store_true")
    given = parser.parse_args()
    kernel_cache.prepare()
    cells, begin = [], time.process_time()
    for which in given.sets.split(","):
        for burn_s in (float(each) for each in given.burns.split(",")):
            every = [once(which, burn_s, given.first + i, given.keep) for i in range(given.runs)]
            known = [each for each in every if each is not None]
            counts = np.array([len(each) for each in known])
            later = [rows[0]["at_s"] for each in known for _, rows in each[1:]]
            cells.append(
                {
                    "sensors": which, "burn_s": burn_s, "launches": len(known), "none": int((counts == 0).sum()),
                    "one": int((counts == 1).sum()), "more": int((counts > 1).sum()),
                    "numbers": round(float(counts.mean()), 2),
                    "after_s": round(float(np.median(later)), 1) if later else None,
                }
            )  # fmt: skip
            print(json.dumps(cells[-1]), flush=True)
            for i, each in enumerate(every if given.tell else []):
                for track, rows in each if each and len(each) > 1 else []:
                    print("   ", given.first + i, track, len(rows), rows[0], "->", rows[-1], flush=True)
    told = {"bench": "short_boosts", "first": given.first, "runs": given.runs, "cells": cells}
    print(json.dumps(told | {"cpu_s": round(time.process_time() - begin, 1), "version": version("noroshi")}))


if __name__ == "__main__":
    main()
