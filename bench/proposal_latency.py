"""From the last needed measurement to the signed proposal in every entitled node, on a virtual clock and a real one.

    uv run bench/proposal_latency.py [--scenes 2017-09-15 2022-10-04 salvo] [--stand shared-54] [--replicates 3]
        [--first 0] [--link 0.15] [--way 0.15] [--picture 1.0] [--holds 10] [--until S] [--keep FOLDER] [--json]

Real launches are flown again, or eight drawn ones at once (`salvo`), past generic sensors of two nations
(`data/stands/`); a third nation sees nothing and is told. Links between nations take `--link` seconds each way, and
sensors' plots `--way` to their nodes (`--way -1`: what the stand says, 0.2 s of radars and 1 s of satellites). Own
pictures are told each `--picture` seconds, and links are looked at each 0.02 s; radars and satellites look every 2 s
and tell 0.1 s later. Of each proposal to warn:

- the *newest* measurement is the newest in the track that was foreseen when its last new area came to be likely; what
  came later changed nothing. The *needed* one is the newest in the first track since the forecast before by which the
  same areas come out, had it been foreseen: a forecast that still holds (2 s, or `--holds`) keeps that
  waiting too;
- `..._to_all_s` is from then until the proposal's first step, in its owner's signed message, is in the last of three
  nodes, on the clock of the exercise, on which computing takes no time. The wait that warning sets before an area is
  proposed (`wait_s`, 15 s) is taken out, and nothing else;
- stages beside it: `sensor_s` until the first node has the newest measurement, `to_share_s` until that node gives it to
  its partners and its own fusion, `link_s` until the node that proposes has it, `to_look_s` until that looks,
  `look_to_proposal_s` what it proposes later than its wait is over, `proposal_to_all_s`;
- `machine_s` is the processor time that all nodes together took for all they did in that time, one after another on
  this machine: above what any node adds. `..._sum_s` is one of the times above and it.

What measurements brought counts (`measured` and `waited`: new areas; `renewed`: anything else that a new forecast
brought). What time alone brought (`time`: a threat is not seen any more, 15 s are over) has no measurement; of it
`proposal_to_all_s` alone is told. With `--keep` each run is a file in that folder and is not made again.
"""

import argparse
import json
import platform
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from latency_parts.noting import Notes, stages
from latency_parts.scenes import SALVO, written
from plan_parts.scenes import Kept

from noroshi.run import kernel_cache
from noroshi.run.exercises.running import Plan, run

SEED, PUMP_S, SPAN_S = 1, 0.02, 0.1
UNTIL_S = {"2017-09-15": 420.0, "2022-10-04": 420.0, SALVO: 500.0}
WHOLE = ("newest_to_all_s", "needed_to_all_s", "machine_s", "newest_sum_s", "needed_sum_s")
COSTS = ("looks", "early", "forecasts", "look_s", "nodes_s", "cpu_s")
STAGES = ("sensor_s", "to_share_s", "link_s", "to_look_s", "look_to_proposal_s", "proposal_to_all_s")


def flown(given: argparse.Namespace, scene: str, replicate: int) -> dict[str, Any]:
    """Return what one run tells."""
    since, notes = time.process_time(), Notes()
    way_s = None if given.way < 0.0 else given.way
    with notes.taken(), tempfile.TemporaryDirectory(prefix="noroshi-latency-") as folder:
        path = written(
            Path(folder), scene, given.stand, seed=SEED, replicate=replicate, link_s=given.link, way_s=way_s,
            warning="" if given.holds is None else f"holds_s_max = {given.holds}",
        )  # fmt: skip
        plan = Plan(
            scenario=str(path), folder=None, replicate=replicate, picture_s=given.picture, pump_s=PUMP_S,
            span_s=SPAN_S, until_s=given.until or UNTIL_S.get(scene, 420.0),
        )  # fmt: skip
        run(plan)
    return {
        "proposals": stages(notes), "looks": notes.looks, "early": notes.early, "forecasts": notes.forecasts,
        "look_s": notes.look_s, "nodes_s": sum(each for _, each in notes.spent), "cpu_s": time.process_time() - since,
    }  # fmt: skip


def quantiles(values: list[float]) -> dict[str, float]:
    """Return how many, median, 99th percentile (no smaller than it) and largest."""
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "median": float(np.median(values)),
        "p99": float(np.quantile(values, 0.99, method="higher")),
        "largest": max(values),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", default=["2017-09-15", "2022-10-04", SALVO])
    parser.add_argument("--stand", default="shared-54")
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--link", type=float, default=0.15)
    parser.add_argument("--way", type=float, default=0.15)
    parser.add_argument("--picture", type=float, default=1.0)
    parser.add_argument("--holds", type=float, default=None, help="how long a forecast may hold, seconds")
    parser.add_argument("--until", type=float, default=None, help="seconds of each scenario")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for runs that are over")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    kernel_cache.prepare()
    how = {name: getattr(given, name) for name in ("stand", "link", "way", "picture", "holds", "until")}
    kept = Kept(given.keep, f"latency {version('noroshi')} {json.dumps(how)}")
    runs = []
    for replicate in range(given.first, given.first + given.replicates):
        for scene in given.scenes:
            runs.append(kept.get(f"{scene} {replicate}", lambda s=scene, r=replicate: flown(given, s, r)))
            if not given.json:
                print(scene, replicate, json.dumps(told(runs[-1:])), flush=True)
    print(json.dumps({
        "bench": "proposal_latency", "seed": SEED, "scenes": given.scenes,
        "replicates": [given.first, given.first + given.replicates - 1], **how, "pump_s": PUMP_S, "span_s": SPAN_S,
        **told(runs), "commits": sorted(kept.commits),
        "versions": {"python": platform.python_version(), **{
            name: version(name) for name in ("noroshi", "numpy", "numba")
        }},
    }))  # fmt: skip


def told(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of some runs together."""
    every = [one for each in runs for one in each["proposals"]]
    timed = [
        one | {f"{name}_sum_s": one[f"{name}_to_all_s"] + one["machine_s"] for name in ("newest", "needed")}
        for one in every
        if one["why"] != "time"
    ]
    return {
        "proposals": len(every),
        "why": dict(sorted(Counter(one["why"] for one in every).items())),
        "nodes": dict(sorted(Counter(str(one["nodes"]) for one in every).items())),
        **{name: quantiles([one[name] for one in timed]) for name in WHOLE},
        **{f"{name}_under_1_s": sum(one[f"{name}_to_all_s"] < 1.0 for one in timed) for name in ("newest", "needed")},
        "by_why": {
            why: quantiles([one["needed_to_all_s"] for one in timed if one["why"] == why])
            for why in sorted({one["why"] for one in timed})
        },
        "stages": {name: quantiles([one[name] for one in timed if name in one]) for name in STAGES},
        "by_time_alone_to_all_s": quantiles([one["proposal_to_all_s"] for one in every if one["why"] == "time"]),
        **{name: round(sum(each[name] for each in runs), 1) for name in COSTS},
    }  # fmt: skip


if __name__ == "__main__":
    main()
