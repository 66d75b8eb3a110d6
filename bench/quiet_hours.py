"""How silent the whole chain is where nothing rises: traffic, ships, satellites overhead, clutter, false lines.

    uv run bench/quiet_hours.py --json [--hours 100] [--first 0] [--passing 40] [--keep FOLDER]

The shipped scenario `trilateral` without its ballistic flights and gliders, and `--passing` satellites beside it in
orbits of 400 to 700 km that no sensor rides on, so that radars see some go over. A run is one replicate: other noise,
all satellites elsewhere (drawn from its number), everything begun anew, so that each hour has four beginnings. All
three nodes see, track, share, fuse and warn as shipped.

Counted are the exercise's hours and, of all nodes together: notices of launches (rows of `Launches` of 0.5 or more, by
launch), threats by number, proposals and alerts, and the replicates that had any. None in H hours bounds the rate below
3/H (95 %). `passes` are those of the satellites beside it within 1,000 km of a nation's radar and above its horizon.

With `--keep` each run is a file in that folder and is not made again, so this can be stopped and continued, and two
processes can each make some (`--first`); `cpu_s` is of all runs, whenever they were made.
"""

import argparse
import json
import platform
import tempfile
from collections import Counter
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from plan_parts.scenes import Kept, told_of, written

from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Alert, Launches, Threats
from noroshi.run import kernel_cache
from noroshi.run.exercises.running import Ran

SCENARIO, SEED, AT_LEAST, RANGE_M, ORBITS = "trilateral", 20_300_101, 0.5, 1e6, 4
RISING = r'(?ms)^\[\[flights\]\]\nname = "[^"]+"\nmover = "(?:ballistic|boost_glide)"\n.*?(?=^\[\[)'
ASKED = r"(?ms)^\[\[(?:measures|objectives)\]\]\n.*?(?=^\[\[|\Z)"


def changes(replicate: int, passing: int) -> dict[str, str]:
    """Return what is changed in the scenario's files for a replicate; see `plan_parts.scenes.written`."""
    rng = np.random.default_rng([replicate, SEED])

    def somewhere() -> str:
        return f"node_deg = {rng.uniform(0.0, 360.0):.3f}\nfirst_deg = {rng.uniform(0.0, 360.0):.3f}\n"

    beside = "".join(
        f'[[flights]]\nname = "passing-{i}"\nmover = "constellation"\nsatellites = {passing // ORBITS}\n'
        f"altitude_km = {rng.uniform(400.0, 700.0):.1f}\n"
        f"inclination_deg = {rng.uniform(30.0, 98.0):.1f}\n{somewhere()}\n"
        for i in range(ORBITS if passing else 0)
    )
    return {
        RISING: "", ASKED: "", r"(?m)^inclination_deg = 55.0\n": f"inclination_deg = 55.0\n{somewhere()}",
        r"(?m)^\[weather\]": f"{beside}[weather]",
    }  # fmt: skip


def heard(ran: Ran) -> dict[str, Any]:
    """Return what a run's nodes told of, and how many satellites went over a radar."""
    found: dict[str, set[Any]] = {what: set() for what in ("notices", "threats", "proposals", "alerts")}
    for node, _, channel, record in ran.told:
        if isinstance(record, Launches):
            found["notices"] |= {(node, number) for number in record.launch_id[record.probability >= AT_LEAST].tolist()}
        elif isinstance(record, Threats):
            found["threats"] |= {(node, number) for number in record.threat_id.tolist()}
        elif isinstance(record, Alert):
            found[f"{channel}s"].add((node, record.identifier))
    return {
        "simulated_s": ran.scenario.duration_s,
        "passes": passes(ran),
        "refused": sum(ran.refused.values()),
        **{what: len(each) for what, each in found.items()},
    }


def passes(ran: Ran) -> int:
    """Return how many (satellite, radar) pairs there were within a range and above the horizon at some moment."""
    overhead = [flight.state_ecef[:, :3] for flight in ran.cast.world.flights if flight.name.startswith("passing-")]
    radars = [
        ecef_from_geodetic(*np.array([sensor.site.lat_rad, sensor.site.lon_rad, sensor.site.height_m]))
        for nation in ran.scenario.nations for sensor in nation.sensors if "radar" in sensor.site.type
    ]  # fmt: skip
    return sum(
        bool(((np.linalg.norm(way - radar, axis=1) < RANGE_M) & ((way - radar) @ radar > 0.0)).any())
        for way in overhead for radar in radars
    )  # fmt: skip


def once(replicate: int, passing: int) -> dict[str, Any]:
    """Run one replicate."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), SCENARIO, changes(replicate, passing), None)
        return told_of(path, replicate, None, heard)


def main() -> None:
    """Run them and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--passing", type=int, default=40)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kernel_cache.prepare()
    kept = Kept(arguments.keep, f"quiet {SCENARIO} {version('noroshi')} {arguments.passing}")
    runs: list[dict[str, Any]] = []
    while sum(each["simulated_s"] for each in runs) < 3_600.0 * arguments.hours:
        replicate = arguments.first + len(runs)
        runs.append(kept.get(f"{replicate:04d}", partial(once, replicate, arguments.passing)))
    whats = ("notices", "threats", "proposals", "alerts")
    total = sum(
        (Counter({key: value for key, value in each.items() if key != "replicate"}) for each in runs), Counter()
    )
    hours = total["simulated_s"] / 3_600.0
    print(
        json.dumps(
            {
                "bench": "quiet_hours",
                "scenario": SCENARIO,
                "first": arguments.first,
                "runs": len(runs),
                "passing": arguments.passing,
                "hours": round(hours, 2),
                "passes": total["passes"],
                **{what: total[what] for what in whats},
                "below_an_hour_95": {what: round(3.0 / hours, 4) for what in whats if not total[what]},
                "with_any": {what: [each["replicate"] for each in runs if each[what]] for what in whats if total[what]},
                "cpu_s": round(total["cpu_s"], 1),
                "commits": sorted(kept.commits),
                "versions": {
                    "noroshi": version("noroshi"),
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
