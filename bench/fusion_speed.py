"""How long one step of fusion takes: three nations' 5,000 tracks each, updated every second.

    python bench/fusion_speed.py [--tracks 5000] [--nations 3] [--steps 60] [--json]

Each nation's tracks are those of Kalman filters of the same aircraft, one message a nation and second. Timed, in
processor time after compilation, is what a node does each second: `receive` of the three messages and one `picture`.
`late` is the same where each second one nation's message of the second before comes too, so that the fold goes back.
The calibration kernel beside says how fast the machine was.
"""

import argparse
import json
import os
import platform
import statistics
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from speed_parts.timing import calibration

from noroshi.fusion import Fusion
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at
from noroshi.records import Identity, Tracks, TrackStatus, certain_kind
from noroshi.run import kernel_cache

Floats = NDArray[np.float64]
SEED, NS, START_NS = 20_300_105, 10**9, 1_893_456_000 * 10**9
DENSITY, SIGMA_M = 2.0, 70.0
WARM = 15


def messages(n: int, nations: int, steps: int) -> list[list[Tracks]]:
    """Return what each nation tells in each second: filtered fixes of the same n aircraft over Japan."""
    rng = np.random.default_rng(SEED)
    lat, lon = np.radians(rng.uniform(30.0, 42.0, n)), np.radians(rng.uniform(128.0, 146.0, n))
    place = ecef_from_geodetic(lat, lon, rng.uniform(2e3, 12e3, n))
    course = rng.uniform(0.0, 2.0 * np.pi, n)
    level = np.stack([220.0 * np.sin(course), 220.0 * np.cos(course), np.zeros(n)], axis=1)
    states = np.hstack([place, np.vecmat(level, enu_axes_at(place))])
    fix, noise, eye = np.hstack([np.eye(3), np.zeros((3, 3))]), SIGMA_M**2 * np.eye(3), np.eye(3)
    transition = np.block([[eye, eye], [0.0 * eye, eye]])
    drift = DENSITY * np.block([[eye / 3, eye / 2], [eye / 2, eye]])
    means = [np.hstack([states[:, :3] + SIGMA_M * rng.normal(size=(n, 3)), np.zeros((n, 3))]) for _ in range(nations)]
    spread = np.diag([SIGMA_M] * 3 + [300.0] * 3) ** 2
    told = []
    for k in range(steps):
        if k:
            states = states @ transition.T + rng.normal(size=(n, 6)) @ np.linalg.cholesky(drift).T
            ahead = transition @ spread @ transition.T + drift
            gain = ahead @ fix.T @ np.linalg.inv(fix @ ahead @ fix.T + noise)
            keep = np.eye(6) - gain @ fix
            spread = keep @ ahead @ keep.T + gain @ noise @ gain.T
            for i in range(nations):
                mean = means[i] @ transition.T
                means[i] = mean + (states[:, :3] + SIGMA_M * rng.normal(size=(n, 3)) - mean[:, :3]) @ gain.T
        told.append([_rows(f"N{i}", i, START_NS + k * NS, means[i], spread) for i in range(nations)])
    return told


def _rows(owner: str, i: int, time_ns: int, mean: Floats, spread: Floats) -> Tracks:
    n = len(mean)
    return Tracks(
        node=owner, source_names=("search_radar",), track_id=np.arange(n).astype(np.uint64) * np.uint64(7919 + i),
        time_ns=np.full(n, time_ns), updated_ns=np.full(n, time_ns), revision=np.zeros(n, np.int32), state_ecef=mean,
        covariance_ecef=np.tile(spread, (n, 1, 1)), existence=np.full(n, 0.99), kind_probability=certain_kind(1, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8), sources=np.ones((n, 1), np.bool_), identity=Identity.absent(n),
    )  # fmt: skip


def timed(told: list[list[Tracks]], late: bool) -> dict[str, Any]:
    """Return the milliseconds of a step once all tracks are joined."""
    fusion, taken, tracks = Fusion("x"), [], 0
    for k, now in enumerate(told):
        begin = time.process_time()
        for i, rows in enumerate(now):
            last = i == len(now) - 1
            if not (late and last):
                fusion.receive(rows, owner=rows.node, feed="tracks", seq=k, coarse=False)
            if late and last and k:
                before = told[k - 1][i]
                fusion.receive(before, owner=before.node, feed="tracks", seq=k - 1, coarse=False)
        tracks = len(fusion.picture(START_NS + k * NS))
        taken.append(1e3 * (time.process_time() - begin))
    settled = taken[WARM:]
    return {
        "median_ms": round(statistics.median(settled), 1),
        "best_ms": round(min(settled), 1),
        "worst_ms": round(max(settled), 1),
        "first_ms": round(max(taken[1:WARM]), 1),
        "fused_tracks": tracks,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=5000)
    parser.add_argument("--nations", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    timed(messages(20, given.nations, WARM + 2), late=False)  # compiles
    told = messages(given.tracks, given.nations, given.steps)
    found = {"in_time": timed(told, late=False), "late": timed(told, late=True), "calibration": calibration()}
    if not given.json:
        print(json.dumps(found, indent=1))
        return
    versions = {"python": platform.python_version(), **{p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")}}
    setup = {"tracks": given.tracks, "nations": given.nations, "steps": given.steps, "seed": SEED}
    print(json.dumps(found | setup | {"versions": versions, "cores": os.cpu_count()}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
