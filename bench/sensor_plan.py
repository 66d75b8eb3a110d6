"""How much a sensor plan gains over fixed scanning: custody of gliders and area of threats' ellipses, paired.

    uv run bench/sensor_plan.py [--seeds 10] [--first 0] [--ways plan,people] [--keep FOLDER] [--until S] [--json]

The shipped scenario `looks`: 24 satellites that see a circle of 20 degrees about where they look, one look a second, a
radar of each nation that stares, two gliders and two ballistic threats. `fixed`: the satellites go on with their scan.
`plan`: Japan's sensor manager plans every 10 s over the coming minute what half of the looks go to; the United States
has approved it beforehand by a standing plan. `people`: every plan, one every 40 s over two minutes, is approved,
tasked, acknowledged and begun by scripted people, as quick as nations' files say. The same seed has the same world,
noise and people in each; a sensor's budget of looks is the same in each.

Custody is of the fused pictures, every four seconds: of the glide's time since the glider rose, the share at which
Japan has a track within 10 km of it. Area is that of the 1-sigma ellipse of the position over ground, in km2: pi times
the root of the determinant, of the track nearest to a threat within 10 km, at the times at which both runs of a pair
have one; compared is the mean logarithm. Differences are of the same seed; intervals are bootstrap ones of the mean
over seeds, at 95 %. Nations look whom to warn once a minute, which changes no track.

With `--keep` each run is a file in that folder and is not made again, so this can be stopped and continued, and two
processes can each make some of the seeds; `cpu_s` is of all runs, whenever they were made.
"""

import argparse
import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from plan_parts.scenes import Kept, digest_of, interval, told_of, written

from noroshi.assessment.pairing import nearest
from noroshi.assessment.pictures import View, pictures, truth_histories
from noroshi.exercise.flight import truth_of
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import enu_axes_at
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.run.exercises.running import Ran
from noroshi.run.exercises.staging import PICTURE_S

WAYS: dict[str, dict[str, Any] | None] = {
    "fixed": None,
    "plan": {"planners": ["JPN"], "period_s": 10.0, "ahead_s": 60.0, "beforehand": True},
    "people": {"planners": ["JPN"], "period_s": 40.0, "ahead_s": 120.0, "beforehand": False},
}
CHANGES = {r"look_s = [\d.]+": "look_s = 60.0"}
CUTOFF_M, NODE = 10_000.0, "JPN"
VIEW = View(age_s_max=1.5 * PICTURE_S)
THREATS = (Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING)


def held(ran: Ran) -> dict[str, Any]:
    """Return for each threat at which times it was there, and the logarithm of its ellipse's area where it was held."""
    end_s = ran.until_s or ran.scenario.duration_s
    times_ns = ran.scenario.start_ns + (np.arange(PICTURE_S, end_s + 1e-9, PICTURE_S) * NS_PER_S).astype(np.int64)
    truth = truth_of(ran.cast.bodies, times_ns)
    tracks = ran.fused[NODE]
    names = [str(name) for name in truth_histories(truth).names]
    found: dict[str, dict[str, Any]] = {name: {"there": [], "area": {}, "glides": []} for name in names}
    for time_ns, target, track in pictures(truth, tracks, times_ns, VIEW):
        pairs = nearest(target.state_ecef[:, :3], track.state_ecef[:, :3], CUTOFF_M)
        at_s = round((time_ns - ran.scenario.start_ns) / NS_PER_S)
        for i, (who, row) in enumerate(zip(target.who.tolist(), target.row.tolist(), strict=True)):
            if truth.kind[row] not in THREATS:
                continue
            own = found[names[who]]
            own["there"].append(at_s)
            if truth.kind[row] == Kind.GLIDING:
                own["glides"].append(at_s)
            mine = pairs.rows(pairs.ia == i)
            if len(mine.ib):
                best = int(track.row[mine.ib[np.argmin(mine.distance)]])
                axes = enu_axes_at(tracks.state_ecef[best : best + 1, :3])[0, :2]
                level = axes @ tracks.covariance_ecef[best, :3, :3] @ axes.T
                own["area"][str(at_s)] = float(np.log(np.pi * np.sqrt(np.linalg.det(level)) / 1e6))
    steps = dict.fromkeys(("recommended", "approved", "tasked", "acknowledged", "executing", "done_ok"), 0)
    for node, _, channel, record in ran.told:
        if channel == "decision" and node == NODE:
            for stream, step in zip(record.stream.tolist(), record.step.tolist(), strict=True):
                if str(stream).startswith("looks-") and step in steps:
                    steps[step] += 1
    return {"threats": found, "steps": steps}


def custody(run: dict[str, Any]) -> float:
    """Return the share of gliders' times, since each rose, at which one was held."""
    own = [threat for threat in run["threats"].values() if threat["glides"]]
    return sum(len(threat["area"]) for threat in own) / sum(len(threat["there"]) for threat in own)


def log_area(one: dict[str, Any], other: dict[str, Any], *, gliders: bool) -> float:
    """Return by how much the logarithm of areas is less in the second run, over the times that both have."""
    less = []
    for name, threat in one["threats"].items():
        if gliders and not threat["glides"]:
            continue
        both = [at for at in threat["area"] if at in other["threats"][name]["area"]]
        less += [threat["area"][at] - other["threats"][name]["area"][at] for at in both]
    return float(np.mean(less)) if less else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--ways", default="plan,people")
    parser.add_argument("--until", type=float, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="a folder for runs that are over")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    ways = ["fixed", *asked.ways.split(",")]
    seeds = range(asked.first, asked.first + asked.seeds)
    kept = Kept(asked.keep, f"sensor_plan {version('noroshi')} until {asked.until}")
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        paths, digests = {}, {}
        for way in ways:
            (Path(folder) / way).mkdir()
            paths[way] = written(Path(folder) / way, "looks", CHANGES, WAYS[way])
            digests[way] = digest_of(Path(folder) / way)
        for seed in seeds:
            for way in ways:
                runs[way].append(
                    kept.get(
                        f"{way} {digests[way]} {seed}", lambda w=way, s=seed: told_of(paths[w], s, asked.until, held)
                    )
                )
                if not asked.json:
                    print(way, seed, round(custody(runs[way][-1]), 3), runs[way][-1]["cpu_s"], flush=True)
    told: dict[str, Any] = {"bench": "sensor_plan", "seeds": [seeds[0], seeds[-1]], "until_s": asked.until}
    told["custody"] = {way: interval([custody(run) for run in runs[way]]) for way in ways}
    for way in ways[1:]:
        pairs = list(zip(runs["fixed"], runs[way], strict=True))
        told[way] = {
            "custody_gain": interval([custody(b) - custody(a) for a, b in pairs]),
            "log_area_less_gliders": interval([log_area(a, b, gliders=True) for a, b in pairs]),
            "log_area_less_threats": interval([log_area(a, b, gliders=False) for a, b in pairs]),
            "steps": {step: sum(run["steps"][step] for run in runs[way]) for step in runs[way][0]["steps"]},
        }
    packages = ("noroshi", "numpy", "scipy", "numba")
    told |= {
        "cpu_s": round(sum(run["cpu_s"] for some in runs.values() for run in some), 1),
        "commits": sorted(kept.commits),
        "cpu_s_a_run": round(float(np.mean([run["cpu_s"] for some in runs.values() for run in some])), 1),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
