"""Launches seen by infrared satellites alone: how soon a track is firm, how good it is, how many ghosts there are.

    uv run bench/sightlines.py [--seeds 50] [--first-seed 1] [--cases TEXT] [--trackers NAMES] [--json]

Truths are of `sightlines_parts/scenes.py`: two-stage launches integrated by scipy, satellites at 1,000 km on circular
orbits that look every 5 s, each at its own time, lines good to 50 microradian, every look missing a target with
probability 0.1 and with false lines over all that the satellite sees. Trackers are the shipped ones with the motion
models of a missile scenario.

Of each case: the share of launches that had a firm track; the time from a launch's first line, and from its first line
of a second satellite, to the first firm row of a track on it; error and NEES of that row, and NEES of the last row
(both a degree of freedom of six, beside the 95 % bounds of their mean over all launches); false firm tracks (none of
their first rows lies within 3 km of a launch) a run; tracks beyond one a launch; and processor time a look.
"""

import argparse
import importlib
import json
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sightlines_parts.scenes import NS, START_NS, Scene, scene

from noroshi.assessment.consistency import bounds
from noroshi.motion import Motion
from noroshi.records import TrackStatus
from noroshi.run import kernel_cache

Floats = NDArray[np.float64]
MOTIONS = "constant_velocity+ballistic+boost+glide"
NEAR_M = 3_000.0


@dataclass(frozen=True)
class Case:
    """One line of the table: what is in its scenes."""

    launches: int
    satellites: int
    false_a_look: float = 2.0
    apart_m: float = 60_000.0
    radar_m: float | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        salvo = f" within {self.apart_m / 1e3:g} km" if self.launches > 1 else ""
        radar = f", radar at {self.radar_m / 1e3:g} km" if self.radar_m else ""
        eyes = f"{self.satellites} satellites, {self.false_a_look:g} false lines a look"
        return f"{self.launches} launches{salvo}, {eyes}{radar}"


CASES = (
    Case(1, 2), Case(1, 3), Case(3, 2), Case(3, 3), Case(3, 2, apart_m=15_000.0), Case(3, 3, 20.0), Case(0, 3, 2.0),
    Case(0, 3, 20.0), Case(1, 1), Case(3, 2, radar_m=200_000.0), Case(3, 2, radar_m=600_000.0),
)  # fmt: skip


def motions() -> list[Motion]:
    """Return the motion models of the trackers."""
    return [importlib.import_module(f"noroshi.motion.{name}").Motion.of() for name in MOTIONS.split("+")]


def follow(seen: Scene, tracker: str, *, only: str = "") -> dict[str, Any]:
    """Return what a tracker makes of a scene, or of one sensor's plots in it: of each launch and of all."""
    room = importlib.import_module(f"noroshi.tracking.trackers.{tracker}")
    made = room.Tracker(node="n", sensor_names=seen.names, motions=motions())
    owner: dict[int, int] = {}  # of each track, by its first row
    firm: dict[int, dict[str, float]] = {}
    last: dict[int, float] = {}
    begin = time.process_time()
    looks = [look for look in seen.looks if only in ("", look.plots.sensor)]
    reports = [(look, made.step(look.plots, look.sensor)) for look in looks]
    spent_s = time.process_time() - begin
    for look, rows in reports:
        now_s = (int(look.plots.time_ns.max()) - START_NS) / NS
        for i in np.flatnonzero(rows.status != TrackStatus.LOST).tolist():
            at_s = (int(rows.time_ns[i]) - START_NS) / NS
            error = {
                k: each.state(at_s) - rows.state_ecef[i] for k, each in enumerate(seen.launches) if at_s >= each.at_s
            }
            nearest = min(error, key=lambda k: float(np.linalg.norm(error[k][:3])), default=-1)
            number = int(rows.track_id[i])
            if number not in owner:
                is_near = nearest >= 0 and float(np.linalg.norm(error[nearest][:3])) < NEAR_M
                owner[number] = nearest if is_near else -1
            k = owner[number]
            if k < 0:
                continue
            nees = float(error[k] @ np.linalg.solve(rows.covariance_ecef[i], error[k]))
            last[k] = nees
            if k not in firm:
                firm[k] = {
                    "after_s": now_s - float(seen.first_s[k]),
                    "after_second_s": now_s - float(seen.second_s[k]),
                    "error_m": float(np.linalg.norm(error[k][:3])),
                    "speed_error_m_s": float(np.linalg.norm(error[k][3:])),
                    "nees": nees,
                }
    owners = [k for k in owner.values() if k >= 0]
    return {
        "firm": firm, "last": last, "false": sum(k < 0 for k in owner.values()),
        "beyond_one": len(owners) - len(set(owners)), "cpu_s": spent_s, "looks": len(looks),
    }  # fmt: skip


def measure(case: Case, trackers: list[str], seeds: range) -> list[dict[str, Any]]:
    """Return the lines of one case, a tracker each; they see the same scenes."""
    runs: dict[str, list[dict[str, Any]]] = {tracker: [] for tracker in trackers}
    for seed in seeds:
        seen = scene(
            case.launches, case.satellites, seed, false_a_look=case.false_a_look, apart_m=case.apart_m,
            radar_m=case.radar_m,
        )  # fmt: skip
        for tracker in trackers:
            runs[tracker].append(follow(seen, tracker))
            if case.radar_m:
                runs[tracker][-1]["radar_alone"] = follow(seen, tracker, only="radar")
    return [summary(case, tracker, runs[tracker]) for tracker in trackers]


def summary(case: Case, tracker: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one line of the table."""
    firm = [each for run in runs for each in run["firm"].values()]
    last = [each for run in runs for each in run["last"].values()]
    found: dict[str, Any] = {
        "case": case.name, "tracker": tracker, "runs": len(runs),
        "firm_share": len(firm) / max(case.launches * len(runs), 1),
        "false_firm_tracks": sum(run["false"] for run in runs),
        "tracks_beyond_one": sum(run["beyond_one"] for run in runs),
        "cpu_ms_a_look": 1e3 * sum(run["cpu_s"] for run in runs) / sum(run["looks"] for run in runs),
    }  # fmt: skip
    if case.radar_m:
        found["tracks_beyond_one_of_the_radar_alone"] = sum(run["radar_alone"]["beyond_one"] for run in runs)
    if firm:
        for name in ("after_s", "after_second_s", "error_m", "speed_error_m_s"):
            values = np.array([each[name] for each in firm])
            found[name] = {"median": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}
        found["error_m"]["rms"] = float(np.sqrt(np.mean([each["error_m"] ** 2 for each in firm])))
        low, high = bounds(1, 6 * len(firm))
        found["nees"] = {"firm": float(np.mean([each["nees"] for each in firm])) / 6.0,
                         "last": float(np.mean(last)) / 6.0,
                         "low": low / 6.0 / len(firm), "high": high / 6.0 / len(firm)}  # fmt: skip
    return found


def _show(line: dict[str, Any]) -> str:
    text = f"{line['case']:58} {line['tracker']:17} firm {line['firm_share']:.3f} false {line['false_firm_tracks']:3} "
    text += f"beyond one {line['tracks_beyond_one']:3} {line['cpu_ms_a_look']:6.2f} ms a look"
    if "tracks_beyond_one_of_the_radar_alone" in line:
        text += f", beyond one of the radar alone {line['tracks_beyond_one_of_the_radar_alone']}"
    if "nees" in line:
        after, second, error, nees = line["after_s"], line["after_second_s"], line["error_m"], line["nees"]
        text += f"\n    after {after['median']:.1f} s (95 %: {after['p95']:.1f}), of the second satellite's first line "
        text += f"{second['median']:.1f} s ({second['p95']:.1f}); error {error['median']:.0f} m ({error['p95']:.0f}); "
        text += f"NEES {nees['firm']:.3f}, last {nees['last']:.3f} [{nees['low']:.3f}, {nees['high']:.3f}]"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--cases", default="", help="only those whose name has this in it")
    parser.add_argument("--trackers", default="soft,nearest_neighbour")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    for tracker in given.trackers.split(","):
        follow(scene(1, 2, 0, radar_m=200_000.0), tracker)  # compile
    begin, lines = time.process_time(), []
    for case in CASES:
        if given.cases in case.name:
            found = measure(case, given.trackers.split(","), seeds)
            lines += found
            if not given.json:
                print(*map(_show, found), sep="\n", flush=True)
    if given.json:
        versions = {p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")}
        versions["python"] = platform.python_version()
        print(json.dumps({
            "lines": lines, "seeds": [seeds[0], seeds[-1]], "motion": MOTIONS, "versions": versions,
            "cpu_s": round(time.process_time() - begin, 1),
        }))  # fmt: skip


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
