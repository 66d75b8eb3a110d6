"""How long from first detection to an acknowledged task, jointly and nation by nation, with scripted staffs.

    uv run bench/staffs.py [--seeds 10] [--first 0] [--keep FOLDER] [--until S] [--json]

The shipped scenario `trilateral`, of which three things are changed: the three long-range radars that stare may be
told to dwell (0.25 s of a scan); the satellites see a circle of 40 degrees about where they look, a look every 5 s; in
each nation a sensor manager plans every 40 s over two minutes and proposes it. Scripted people approve it (10 to 40 s),
task, acknowledge, promise and begin it (2 to 10 s each; all evenly spread, chosen, not measured), and finish it.
Nations look whom to warn once a minute, so that alerts hardly ask for approvers' time.

A seed is run twice: joint (each plans by the fused picture for own sensors and partners', whose owners approve) and
alone (links carry nothing; each plans by its own tracks for its own sensors). For each threat it is timed from the
first true plot that any sensor of anybody has of it in either run until the first task that has a look within 30 km of
it is acknowledged by a person: `joint` by anybody's plan in the joint runs, `NAT` by
that nation's plan there, `NAT alone` in the runs alone, `best alone` by the first of them. Where it never is, it is
counted in `threats_none` and in no mean. Intervals are bootstrap ones, at 95 %, of the mean over seeds of the mean
over threats; `joint_less_than_s` is paired, over threats that have both in a seed.

With `--keep` each run is a file in that folder and is not made again, so this can be stopped and continued, and two
processes can each make some of the seeds; `cpu_s` is of all runs, whenever they were made.
"""

import argparse
import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from plan_parts.scenes import Kept, digest_of, interval, told_of, written

from noroshi.assessment.exercises.stepping import figures, stories
from noroshi.command.tasks import looks_in
from noroshi.command.transitions import Action, Step
from noroshi.exercise.flight import Flight
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.run.exercises.running import Ran

CHANGES = {
    r"look_s = [\d.]+": "look_s = 60.0",
    r"rotating = false\nscan_time_s = 5.0\n": "rotating = false\nscan_time_s = 5.0\ntask_time_s = 0.25\n",
    r"revisit_s = 5.0\n": "revisit_s = 5.0\nview_deg = 40.0\n",
}
ADVICE = {"planners": ["JPN", "USA", "AUS"], "period_s": 40.0, "ahead_s": 120.0, "slot_s": 10.0, "window_s": 40.0}
NEAR_M = 30_000.0
THREATS = (Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING)


def threats_in(flights: tuple[Flight, ...]) -> list[Flight]:
    return [flight for flight in flights if np.isin(flight.kind, THREATS).any()]


def acknowledged(ran: Ran) -> dict[str, Any]:
    """Return when each threat was seen, when each nation's plan had a look at it acknowledged, how decisions went."""
    told = [SimpleNamespace(node=node, record=record) for node, _, channel, record in ran.told if channel == "decision"]
    every, start_ns = stories(told), ran.scenario.start_ns
    found: dict[str, dict[str, float]] = {}
    for threat in threats_in(ran.cast.bodies):
        own = found.setdefault(threat.name, {})
        for story in every:
            if story.what.action != Action.SENSOR_TASK or not story.has(Step.ACKNOWLEDGED):
                continue
            asked = looks_in(story.what)
            place = np.array([[look.x_m, look.y_m, look.z_m] for look in asked], float)
            off_m = np.linalg.norm(threat.at(np.array([look.time_ns for look in asked]))[:, :3] - place, axis=1)
            if (off_m < NEAR_M).any():
                at_s = (story.first_ns[Step.ACKNOWLEDGED] - start_ns) / NS_PER_S
                own[story.founder] = min(at_s, own.get(story.founder, np.inf))
    seen: dict[str, float] = {}
    for plot in ran.plots:
        at_s = (plot.taken_ns - start_ns) / NS_PER_S
        seen[plot.target] = min(at_s, seen.get(plot.target, np.inf))
    steps = {f"{one.measure} {one.subject}": one.value for one in figures(told) if not one.node}
    return {"seen_s": seen, "acknowledged_s": found, "steps": steps}


def _less(joint: list[list[float]], other: list[list[float]]) -> list[float]:
    """Return by how much the joint wait is less, for each seed the mean over threats that have both."""
    pairs = [
        [b - a for a, b in zip(one, two, strict=True) if np.isfinite([a, b]).all()]
        for one, two in zip(joint, other, strict=True)
    ]
    return [float(np.mean(own)) if own else np.inf for own in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--until", type=float, default=600.0)
    parser.add_argument("--keep", type=Path, default=None, help="a folder for runs that are over")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    waits: dict[str, list[list[float]]] = {}
    steps: dict[str, dict[str, list[float]]] = {"joint": {}, "alone": {}}
    cpu_s = []
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), "trilateral", CHANGES, ADVICE)
        kept = Kept(asked.keep, f"staffs {version('noroshi')} {digest_of(Path(folder))} until {asked.until}")
        for seed in seeds:
            runs = {
                way: kept.get(
                    f"{way} {seed}",
                    lambda s=seed, w=way: told_of(path, s, asked.until, acknowledged, sharing=w == "joint"),
                )
                for way in ("joint", "alone")
            }
            own: dict[str, list[float]] = {}
            for way, run in runs.items():
                cpu_s.append(run["cpu_s"])
                for name, value in run["steps"].items():
                    steps[way].setdefault(name, []).append(value)
                for threat, by_nation in run["acknowledged_s"].items():
                    first_s = min(one["seen_s"].get(threat, np.inf) for one in runs.values())
                    times = {nation: by_nation.get(nation, np.inf) - first_s for nation in ADVICE["planners"]}
                    if way == "joint":
                        own.setdefault("joint", []).append(min(times.values()))
                    for nation, wait_s in times.items():
                        own.setdefault(nation if way == "joint" else f"{nation} alone", []).append(wait_s)
                    if way == "alone":
                        own.setdefault("best alone", []).append(min(times.values()))
            for who, some in own.items():
                waits.setdefault(who, []).append(some)
            if not asked.json:
                print(seed, {who: [round(one, 1) for one in some] for who, some in own.items()}, flush=True)
    told: dict[str, Any] = {"bench": "staffs", "seeds": [seeds[0], seeds[-1]], "until_s": asked.until}
    told["first_detection_to_acknowledged_s"] = {
        who: interval([float(np.mean([one for one in run if np.isfinite(one)])) if np.isfinite(run).any() else np.inf
                       for run in some])
        | {"threats": sum(map(len, some)), "threats_none": int(sum(np.sum(~np.isfinite(run)) for run in some))}
        for who, some in waits.items()
    }  # fmt: skip
    told["joint_less_than_s"] = {who: interval(_less(waits["joint"], waits[who])) for who in waits if "alone" in who}
    told["steps"] = {
        way: {name: round(float(np.median(values)), 2) for name, values in sorted(some.items())}
        for way, some in steps.items()
    }
    told |= {
        "cpu_s": round(sum(cpu_s), 1), "cpu_s_a_run": round(float(np.mean(cpu_s)), 1), "commits": sorted(kept.commits),
        "python": platform.python_version(),
        **{name: version(name) for name in ("noroshi", "numpy", "scipy", "numba")},
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
