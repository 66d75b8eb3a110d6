"""Three nations' nodes as processes over mutual TLS: what each knows alone and with the others, and if they agree.

    uv run bench/three_nodes.py [--json] [--seconds N] [--scenario NAME]

Each node runs its own sensors of one simulated world, paced in real time. Pictures are found again from the nodes'
journals: as they were at each time ("live"), and when all that holds until then had come ("closed", 8 s later). Truth
is the scenario's. Alone is a node's own tracker on its own sensors; `of both` is the position error over those targets
and times that the node holds in both ways, so that no other targets enter.
"""

import argparse
import json
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from link_parts.network import Network, all_times, believed, warm

from noroshi.assessment import gospa, siap
from noroshi.assessment.pairing import nearest
from noroshi.assessment.pictures import View, pictures
from noroshi.exercise.flight import truth_of
from noroshi.geo.time import NS_PER_S
from noroshi.records import Tracks, Truth, digest
from noroshi.run.exercises.staging import cast
from noroshi.run.scenarios import read_scenario

NATIONS = {"JPN": "japan", "USA": "united_states", "AUS": "australia"}
CUTOFF_M = 10_000.0
EVERY_S = 2.0
LEAD_S = 20.0
VIEW = View(age_s_max=1.5 * EVERY_S)


def figures(truth: Truth, tracks: Tracks | None, times_ns: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
    """Return what is told of a picture."""
    if tracks is None:
        return {"completeness": 0.0}
    found = siap.measure(truth, tracks, times_ns=times_ns, cutoff_m=CUTOFF_M, view=VIEW)
    names = ("completeness", "ambiguity", "spuriousness", "position_accuracy_m", "velocity_accuracy_m_s")
    whole = gospa.measure(truth, tracks, times_ns=times_ns, c=CUTOFF_M, view=VIEW)
    return {name: round(float(found[name]), 4) for name in names} | {"gospa_m": round(float(whole["gospa_m"]), 1)}


def of_both(
    truth: Truth, alone: Tracks | None, shared: Tracks | None, times_ns: np.ndarray[Any, np.dtype[np.int64]]
) -> dict[str, float]:
    """Return the RMS position error of two pictures over the targets and times that both hold."""
    if alone is None or shared is None:
        return {"targets_and_times": 0}
    errors: list[dict[tuple[int, int], float]] = []
    for tracks in (alone, shared):
        found = {}
        for i, (_, target, track) in enumerate(pictures(truth, tracks, times_ns, VIEW)):
            pairs = nearest(target.state_ecef[:, :3], track.state_ecef[:, :3], CUTOFF_M)
            off_m = np.linalg.norm(target.state_ecef[pairs.ia, :3] - track.state_ecef[pairs.ib, :3], axis=1)
            found |= {(i, int(who)): float(m) for who, m in zip(target.who[pairs.ia], off_m, strict=True)}
        errors.append(found)
    both = sorted(set(errors[0]) & set(errors[1]))
    rms = [float(np.sqrt(np.mean([found[key] ** 2 for key in both]))) for found in errors]
    return {
        "targets_and_times": len(both),
        "alone_rms_m": round(rms[0], 2),
        "with_partners_rms_m": round(rms[1], 2),
        "alone_median_m": round(float(np.median([errors[0][key] for key in both])), 2),
        "with_partners_median_m": round(float(np.median([errors[1][key] for key in both])), 2),
    }


def measure(folder: Path, scenario: str, seconds: float) -> dict[str, Any]:
    """Run the nodes and return the figures."""
    read = read_scenario(scenario)
    start_ns = (time.time_ns() // NS_PER_S + round(LEAD_S)) * NS_PER_S
    network = Network(folder=folder, scenario=scenario, exercise=read.name, nations=NATIONS, start_ns=start_ns)
    network.run(seconds)
    times_ns = (start_ns + np.arange(EVERY_S, seconds, EVERY_S) * NS_PER_S).astype(np.int64)
    shift_ns = start_ns - read.start_ns
    bodies = cast(read).bodies
    truth = truth_of(bodies, times_ns - shift_ns)
    truth = truth.replace(time_ns=truth.time_ns + shift_ns)
    all_ = {code: believed(network, code, times_ns.tolist()) for code in NATIONS}
    nodes: dict[str, Any] = {}
    for code, one in all_.items():
        alone, shared = all_times(one.own), all_times(one.live)
        nodes[code] = {
            "alone": figures(truth, alone, times_ns),
            "with partners": figures(truth, shared, times_ns),
            "of both": of_both(truth, alone, shared, times_ns),
        }
    digests = [
        {digest(each) if each is not None else "" for each in row}
        for row in zip(*([_anonymous(each) for each in one.closed] for one in all_.values()), strict=True)
    ]
    closed = [row for row in digests if "" not in row]
    best = max(one["alone"]["completeness"] for one in nodes.values())
    return {
        "nodes": nodes,
        "watermarks_closed": len(closed),
        "watermarks_equal": sum(len(row) == 1 for row in closed),
        "best_alone_completeness": best,
        "least_with_partners_completeness": min(one["with partners"]["completeness"] for one in nodes.values()),
    }


def _anonymous(picture: Tracks | None) -> Tracks | None:
    """Return a picture without whose it is."""
    return None if picture is None else picture.replace(node="")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--scenario", default="trilateral")
    parser.add_argument("--seconds", type=float, default=300.0)
    asked = parser.parse_args()
    warm(asked.scenario)
    with tempfile.TemporaryDirectory(prefix="noroshi-three-") as name:
        found = measure(Path(name), asked.scenario, asked.seconds)
    if not asked.json:
        for code, one in found["nodes"].items():
            for how, told in one.items():
                print(f"{code} {how:14}", told)
        print(f"equal at {found['watermarks_equal']} of {found['watermarks_closed']} closed watermarks")
    about = {
        "bench": "three_nodes",
        "scenario": asked.scenario,
        "seconds": asked.seconds,
        "seed": read_scenario(asked.scenario).seed,
        "python": platform.python_version(),
        **{each: version(each) for each in ("noroshi", "numpy", "eclipse-zenoh")},
    }
    print(json.dumps({**about, "figures": found}))


if __name__ == "__main__":
    main()
