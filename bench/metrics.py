"""How long the metrics take over one picture of many targets, and beside Stone Soup where it can keep up.

    python bench/metrics.py [--json]

The airspace scene has one target in 100 km2 and tracks with 150 m of error, one target in ten missed and one track in
ten false; the swarm has its targets 1 km apart, so that within the cut-off of 2 km everybody is connected. Times are
medians of wall seconds, one thread; `peak_mb` is the process's, at the end.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version

import numpy as np

from noroshi.assessment import consistency, ed142, gospa, ospa, ospa2, siap, trajectory_gospa
from noroshi.records import Identity, Tracks, TrackStatus, Truth, certain_kind

SEED = 20_260_101
START_NS = 1_767_225_600_000_000_000
STEP_S, C, P = 4.0, 2_000.0, 2.0
SITE_M = np.array([4_000_000.0, 1_000_000.0, 4_850_000.0])


def scene(n: int, k: int, spacing_m: float, speed_m_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, k, 4) true and (n, k, 4) tracked [x, y, vx, vy]; the last tenth of either has no partner."""
    rng = np.random.default_rng([SEED, n, k])
    side = int(np.ceil(np.sqrt(n)))
    place = np.stack(np.unravel_index(np.arange(n), (side, side)), axis=1) * spacing_m
    place = place + rng.uniform(-0.3, 0.3, (n, 2)) * spacing_m
    velocity = rng.normal(0.0, speed_m_s, (n, 2))
    time_s = np.arange(k) * STEP_S
    true = np.concatenate(
        [place[:, None] + velocity[:, None] * time_s[:, None], np.broadcast_to(velocity[:, None], (n, k, 2))], axis=2
    )
    tracked = true + rng.normal(0.0, [150.0, 150.0, 3.0, 3.0], true.shape)
    tracked[-n // 10 :, :, :2] += 2.0 * spacing_m * side
    return true, tracked


def records(true: np.ndarray, tracked: np.ndarray) -> tuple[Truth, Tracks, np.ndarray]:
    """Return the scene as records, a row for each object and time, and the times."""
    n, k = true.shape[:2]
    times_ns = START_NS + np.round(np.arange(k) * STEP_S * 1e9).astype(np.int64)

    def states(paths: np.ndarray) -> np.ndarray:
        out = np.zeros((n * k, 6))
        out[:, [0, 1, 3, 4]] = paths.reshape(-1, 4)
        out[:, :3] += SITE_M
        return out

    who, time_ns = np.repeat(np.arange(n), k), np.tile(times_ns, n)
    truth = Truth(
        target=np.char.mod("target %d", who),
        time_ns=time_ns,
        kind=np.ones(n * k, np.uint8),
        state_ecef=states(true),
        identity=Identity.absent(n * k).replace(icao_address=who),
    )
    tracks = Tracks(
        node="bench",
        source_names=(),
        track_id=who.astype(np.uint64),
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n * k, np.int32),
        state_ecef=states(tracked),
        covariance_ecef=np.tile(np.diag([150.0**2] * 3 + [9.0] * 3), (n * k, 1, 1)),
        existence=np.ones(n * k),
        kind_probability=certain_kind(1, n * k),
        status=np.full(n * k, TrackStatus.FIRM, np.uint8),
        sources=np.zeros((n * k, 0), bool),
        identity=Identity.absent(n * k).replace(icao_address=who),
    )
    return truth, tracks, times_ns


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the median time of some runs, after a first that does not count unless it is the only one."""
    taken = []
    if repeats > 1:
        work()
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def ours(n: int, spacing_m: float) -> dict[str, float]:
    """Return the seconds of each metric, from records to figures, and of the plain functions on arrays."""
    true, tracked = scene(n, 1, spacing_m, 150.0)
    truth, tracks, times_ns = records(true, tracked)
    rooms = {"ospa": ospa, "gospa": gospa, "siap": siap, "ospa2": ospa2, "consistency": consistency, "ed142": ed142}
    taken = {
        name: seconds(lambda room=room: room.measure(truth, tracks, times_ns=times_ns), 3)
        for name, room in rooms.items()
    }
    taken["ospa_arrays"] = seconds(lambda: ospa.ospa(true[:, 0, :2], tracked[:, 0, :2], C, P))
    taken["gospa_arrays"] = seconds(lambda: gospa.gospa(true[:, 0, :2], tracked[:, 0, :2], C, P))
    return taken


def beside_stone_soup(n: int, k: int) -> dict[str, float]:
    """Return the seconds of both programs over the same picture (SIAP: over k), their ratio and how far they differ."""
    from stonesoup.dataassociator.tracktotrack import TrackToTruth
    from stonesoup.measures import Euclidean
    from stonesoup.metricgenerator.manager import SimpleManager
    from stonesoup.metricgenerator.ospametric import GOSPAMetric, OSPAMetric
    from stonesoup.metricgenerator.tracktotruthmetrics import SIAPMetrics
    from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
    from stonesoup.types.track import Track

    # Slow targets: Stone Soup's associator stops with an error where a track is on a target at one time only.
    true, tracked = scene(n, k, 10_000.0, 20.0)
    truth, tracks, times_ns = records(true, tracked)
    epoch = datetime(2026, 1, 1)  # noqa: DTZ001 - Stone Soup compares naive times
    stamps = [epoch + timedelta(seconds=STEP_S * i) for i in range(k)]

    def paths(kind: type, states: np.ndarray) -> list[object]:
        return [
            kind(
                [GroundTruthState(row[[0, 2, 1, 3]], timestamp=stamp) for row, stamp in zip(path, stamps, strict=True)]
            )
            for path in states
        ]

    their_truth, their_tracks = paths(GroundTruthPath, true), paths(Track, tracked)
    position, velocity = Euclidean((0, 2)), Euclidean((1, 3))
    first = [path[0] for path in their_tracks], [path[0] for path in their_truth]
    last: dict[str, float] = {}

    def their_ospa() -> None:
        last["ospa"] = float(OSPAMetric(p=1, c=C, measure=position).compute_OSPA_distance(*first).value)

    def their_gospa() -> None:
        metric, _ = GOSPAMetric(p=P, c=C, measure=position).compute_gospa_metric(*first)
        last["gospa"] = float(metric.value["distance"])

    def their_siap() -> None:
        manager = SimpleManager([SIAPMetrics(position, velocity)], associator=TrackToTruth(C, 1, 1, measure=position))
        manager.add_data(groundtruth_paths=set(their_truth), tracks=set(their_tracks))
        last["siap"] = float(manager.generate_metrics()["SIAP Position Accuracy"].value)

    def our_ospa() -> None:
        last["our_ospa"] = ospa.measure(truth, tracks, times_ns=times_ns[:1], c=C, p=1.0)["ospa_m"]

    def our_gospa() -> None:
        last["our_gospa"] = gospa.measure(truth, tracks, times_ns=times_ns[:1], c=C, p=P)["gospa_m"]

    def our_siap() -> None:
        last["our_siap"] = siap.measure(truth, tracks, times_ns=times_ns, cutoff_m=C)["position_accuracy_m"]

    found: dict[str, float] = {}
    for name, mine, theirs in (
        ("ospa", our_ospa, their_ospa),
        ("gospa", our_gospa, their_gospa),
        ("siap", our_siap, their_siap),
    ):
        found[f"{name}_noroshi_s"], found[f"{name}_stone_soup_s"] = seconds(mine), seconds(theirs, 1)
        found[f"{name}_ratio"] = found[f"{name}_stone_soup_s"] / found[f"{name}_noroshi_s"]
        found[f"{name}_relative_difference"] = abs(last[f"our_{name}"] - last[name]) / last[name]
    return found


def trajectories(n: int, k: int) -> float:
    """Return the seconds of trajectory GOSPA in the airspace scene."""
    truth, tracks, times_ns = records(*scene(n, k, 10_000.0, 150.0))
    return seconds(lambda: trajectory_gospa.measure(truth, tracks, times_ns=times_ns), 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr if arguments.json else sys.stdout, flush=True)

    found: dict[str, object] = {
        "bench": "metrics",
        "seed": SEED,
        "cutoff_m": C,
        "order": P,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("noroshi", "numpy", "scipy", "stonesoup")},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }
    for name, spacing_m in (("airspace", 10_000.0), ("swarm", 1_000.0)):
        found[name] = {f"{n}_x_{n}": ours(n, spacing_m) for n in (1_000, 10_000)}
        for size, taken in found[name].items():
            say(
                f"{name:9} {size:16} one picture [s]: "
                + ", ".join(f"{key} {value:.3f}" for key, value in taken.items())
            )
    found["trajectory_gospa_s"] = {f"{n}_x_{n}_x_{k}": trajectories(n, k) for n, k in ((100, 50), (1_000, 50))}
    say(f"trajectory GOSPA [s]: {found['trajectory_gospa_s']}")
    found["beside_stone_soup"] = {f"{n}_x_{n}": beside_stone_soup(n, 10) for n in (100, 300)}
    for size, taken in found["beside_stone_soup"].items():
        say(f"Stone Soup {size}: " + ", ".join(f"{key} {value:.3g}" for key, value in taken.items()))
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
